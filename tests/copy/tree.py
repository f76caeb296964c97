#!/usr/bin/python3
"""Random trees, and what two of them have in common.

tree.py make SEED DIRECTORY [OWNER]      fills DIRECTORY; prints how many special files it has
tree.py compare SOURCE PEER COPY OWNER [listed]     (where nothing that is read changes times of access)
                                         COPY is as PEER, which another program made of SOURCE; when it is of a list of
                                         files, then but for the top and for directories without any
tree.py deep DEPTH DIRECTORY             a chain of directories with a file at its end
tree.py attribute NAME PATH              sets an extended attribute
tree.py follow DEPTH DIRECTORY           says what the file at the end of such a chain holds
"""
import hashlib
import os
import random
import socket
import stat
import subprocess
import sys

SPECIAL = (stat.S_ISFIFO, stat.S_ISSOCK, stat.S_ISCHR, stat.S_ISBLK)


class Maker:
    """Fills a directory; the same seed gives the same tree."""

    def __init__(self, seed, top, owner):
        self.random = random.Random(seed)
        self.top = os.fsencode(top)
        self.owner = owner
        self.files = []
        self.special = 0

    def name(self):
        kind = self.random.randrange(8)
        if kind == 0:
            length = self.random.choice((1, 200, 255))
        else:
            length = self.random.randint(1, 12)
        alphabet = {1: range(1, 256), 2: b"\n\t *?\"'\\-", 3: range(0x80, 0x100)}.get(kind, b"abcXYZ019._-")
        while True:
            name = bytes(self.random.choice([c for c in alphabet if c != 0x2F]) for _ in range(length))
            if name not in (b".", b".."):
                return name

    def path(self, directory):
        while True:
            path = os.path.join(directory, self.name())
            if not os.path.lexists(path):
                return path

    def content(self):
        size = self.random.choice((0, 1, self.random.randint(2, 9000), self.random.randint(2, 300000), 131072, 131073))
        return self.random.randbytes(size)

    def sparse(self, fd):
        at = 0
        for _ in range(self.random.randint(1, 4)):
            at += self.random.randint(1, 8) << 17
            os.pwrite(fd, self.random.randbytes(self.random.randint(1, 70000)), at)
        os.ftruncate(fd, at + self.random.choice((70000, 1 << 20, 3 << 20)))
        # Allocated, not written, on either side of what was the end.
        if self.random.randrange(3) == 0:
            os.posix_fallocate(fd, self.random.randint(0, at), self.random.randint(1, 4 << 20))

    def attributes(self, path):
        if self.random.randrange(4) == 0:
            for i in range(self.random.randint(1, 4)):
                value = self.random.randbytes(self.random.choice((0, 1, 50, 300)))
                os.setxattr(path, b"user.a%d" % i, value, follow_symlinks=False)
        if self.random.randrange(8) == 0:
            os.setxattr(path, b"trusted.canary", b"never copied", follow_symlinks=False)

    def acl(self, is_default):
        """What setfacl takes; the mask comes with the mode, or is what all may have."""
        kinds = ["user:", "group:", "other:"]
        kinds += ["user:%d" % self.random.randrange(100000) for _ in range(self.random.randrange(3))]
        kinds += ["group:%d" % self.random.randrange(100000) for _ in range(self.random.randrange(2))]
        rights = (self.random.choice(("---", "r--", "rw-", "r-x", "rwx")) for _ in kinds)
        return ",".join(("default:" if is_default else "") + f"{kind}:{right}" for kind, right in zip(kinds, rights))

    def acls(self, path):
        for is_default in (False, True) if os.path.isdir(path) else (False,):
            if self.random.randrange(6) == 0:
                subprocess.run([b"setfacl", b"--set" if not is_default else b"-m", self.acl(is_default), path], check=True)

    def finish(self, path, mode):
        """Owner, mode and times, in an order in which none undoes another."""
        os.lchown(path, self.owner, self.owner)
        if mode is not None:
            os.chmod(path, mode)
        times = [self.random.randint(-(10**9), 4 * 10**9) * 10**9 + self.random.randrange(10**9) for _ in range(2)]
        os.utime(path, ns=tuple(times), follow_symlinks=False)

    def mode(self, readable):
        mode = self.random.choice((0o644, 0o600, 0o755, 0o444, 0o555, 0o664, 0o4755, 0o2755, 0o1777, 0o7777, 0o400))
        return mode | readable

    def regular(self, path):
        with open(path, "xb") as file:
            if self.random.randrange(6) == 0:
                self.sparse(file.fileno())
            else:
                file.write(self.content())
        self.attributes(path)
        self.acls(path)
        self.finish(path, self.mode(0o400))
        self.files.append(path)

    def link(self, path):
        text = self.random.choice((b"nowhere", b"/etc/shadow", b"../" * 3 + b"etc", self.name(), b"l" * 3000))
        os.symlink(text, path)
        self.finish(path, None)
        self.files.append(path)

    def odd(self, path):
        kind = self.random.choice(("fifo", "socket", "device"))
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "device":
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        else:
            here = os.open(os.path.dirname(path), os.O_PATH)
            with socket.socket(socket.AF_UNIX) as listener:
                # A path by way of a descriptor fits an address however long the directory's own is.
                listener.bind(b"/proc/self/fd/%d/s" % here)
            os.rename(b"s", path, src_dir_fd=here)
            os.close(here)
        self.special += 1

    def entry(self, directory, depth):
        path = self.path(directory)
        kind = self.random.randrange(20)
        if kind < 4 and depth < 6:
            os.mkdir(path)
            self.fill(path, depth + 1)
        elif kind < 6:
            self.link(path)
        elif kind == 6:
            self.odd(path)
        elif kind < 9 and self.files:
            os.link(self.random.choice(self.files), path, follow_symlinks=False)
        else:
            self.regular(path)

    def cases(self, directory):
        """Names that differ in case alone, of files and of directories."""
        for name in (b"A", b"a", b"Aa", b"aA"):
            path = os.path.join(directory, name)
            if len(name) == 1:
                self.regular(path)
            else:
                os.mkdir(path)
                self.fill(path, 1)

    def fill(self, directory, depth=0):
        if depth == 0:
            self.cases(directory)
        for _ in range(self.random.randint(0, 6 if depth else 30)):
            self.entry(directory, depth)
        self.attributes(directory)
        self.acls(directory)
        self.finish(directory, self.mode(0o500))


USER, ACL = "user.", "system.posix_acl_"


def attributes_of(path):
    names = os.listxattr(path, follow_symlinks=False)
    return {name: os.getxattr(path, name, follow_symlinks=False) for name in names}


def begin_with(prefix, attributes):
    return {name: value for name, value in attributes.items() if name.startswith(prefix)}


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def describe(top):
    """Every path with what must be the same, and its status apart. Hard links are groups of paths."""
    facts, statuses, groups = {}, {}, {}
    top = os.fsencode(top)
    stack = [b""]
    while stack:
        relative = stack.pop()
        path = os.path.join(top, relative) if relative else top
        status = os.lstat(path)
        statuses[relative] = status
        fact = {"type": stat.S_IFMT(status.st_mode), "mtime": status.st_mtime_ns}
        if not stat.S_ISLNK(status.st_mode):
            fact["mode"] = status.st_mode & 0o777
            attributes = attributes_of(path)
            fact |= {"attributes": begin_with(USER, attributes), "acls": begin_with(ACL, attributes)}
        if stat.S_ISREG(status.st_mode):
            fact |= {"size": status.st_size, "digest": digest(path)}
        elif stat.S_ISLNK(status.st_mode):
            fact["text"] = os.readlink(path)
        elif stat.S_ISDIR(status.st_mode):
            stack += [os.path.join(relative, name) for name in os.listdir(path)]
        if not stat.S_ISDIR(status.st_mode):
            groups.setdefault((status.st_dev, status.st_ino), []).append(relative)
        facts[relative] = fact
    for group in groups.values():
        for path in group:
            facts[path]["links"] = sorted(group)
    return facts, statuses


def list_files(facts):
    """Everything but directories, as a list of files names it."""
    return [path for path, fact in facts.items() if not stat.S_ISDIR(fact["type"])]


def directories_of(paths):
    found = set()
    for path in paths:
        while path := os.path.dirname(path):
            found.add(path)
    return found


def differences(source, peer, copy, owner, is_listed):
    """Sentences; none when all is well."""
    wanted, _ = describe(peer)
    found, statuses = describe(copy)
    listed = list_files(wanted)
    models, originals = describe(source)
    for path, fact in wanted.items():
        if "acls" in fact:
            # Of a sticky directory, rsync (3.5.0) gives the ACL no rights for the group itself.
            fact["acls"] = models[path]["acls"]
    wanted = {p: f for p, f in wanted.items() if not any(is_kind(f["type"]) for is_kind in SPECIAL)}
    if is_listed:
        kept = directories_of(listed) | set(listed)
        wanted = {p: f for p, f in wanted.items() if p in kept}
        del found[b""]
    for path in sorted(wanted.keys() | found.keys()):
        if wanted.get(path) != found.get(path):
            yield f"{path!r}: {wanted.get(path)} became {found.get(path)}"
            continue
        status = statuses[path]
        # Of times of access the peer has none but its own.
        if status.st_atime_ns != originals[path].st_atime_ns:
            yield f"{path!r}: accessed at {originals[path].st_atime_ns} became {status.st_atime_ns}"
        if (status.st_uid, status.st_gid) != (owner, owner):
            yield f"{path!r}: owned by {status.st_uid}:{status.st_gid}"
        if not stat.S_ISLNK(status.st_mode):
            if status.st_mode & 0o7000:
                yield f"{path!r}: has mode {status.st_mode:o}"
            foreign = [n for n in attributes_of(os.path.join(os.fsencode(copy), path)) if not n.startswith((USER, ACL))]
            if foreign:
                yield f"{path!r}: has {foreign}"
        # A block more for attributes, and what a file system allocates ahead.
        if stat.S_ISREG(status.st_mode) and status.st_blocks > originals[path].st_blocks + 64:
            yield f"{path!r}: {originals[path].st_blocks} blocks became {status.st_blocks}"


def make_deep(depth, top):
    os.chdir(top)
    for level in range(depth):
        if level % 50 == 0:
            os.mkdir("aside")
        os.mkdir("d")
        os.chdir("d")
    with open("end", "w", encoding="ascii") as file:
        file.write(f"{depth} levels down\n")


def follow_deep(depth, top):
    os.chdir(top)
    for level in range(depth):
        assert os.path.isdir("aside") == (level % 50 == 0), level
        os.chdir("d")
    with open("end", encoding="ascii") as file:
        print(file.read(), end="")


def main(command, *arguments):
    if command == "make":
        maker = Maker(int(arguments[0]), arguments[1], int(arguments[2]) if len(arguments) > 2 else 0)
        maker.fill(maker.top)
        print(maker.special)
    elif command == "compare":
        sentences = list(differences(*arguments[:3], int(arguments[3]), "listed" in arguments[4:]))
        print("\n".join(sentences[:20]), file=sys.stderr)
        sys.exit(1 if sentences else 0)
    elif command == "deep":
        make_deep(int(arguments[0]), arguments[1])
    elif command == "attribute":
        os.setxattr(arguments[1], arguments[0], b"1")
    elif command == "follow":
        follow_deep(int(arguments[0]), arguments[1])


main(*sys.argv[1:])
