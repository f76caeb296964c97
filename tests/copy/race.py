#!/usr/bin/python3
"""A source that changes under the copier's hands: names change places with links, pipes and devices.

race.py SECONDS DIRECTORY COPIER...   runs COPIER SOURCE TARGET over and over meanwhile, and gives it on standard
                                      input the list of all files, each NUL-terminated
race.py SECONDS DIRECTORY naive       the control: a copier that opens what it finds by name

DIRECTORY gets source, target and outside. Prints, a line each, how often: runs ended, names were
exchanged, files were copied, the secret outside was read, outside was written to, a pipe or device was opened.
"""
import ctypes
import os
import shutil
import stat
import subprocess
import sys
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, RENAME_EXCHANGE, IN_OPEN, IN_NONBLOCK = -100, 2, 0x20, 0o4000
SECRET = b"the canary outside"
DIRECTORIES, FILES = 12, 12
RUNS_LEAST = 11


def exchange(one, other):
    """Each is a directory's descriptor and a name in it: the swapper itself never follows a link."""
    return LIBC.renameat2(one[0], os.fsencode(one[1]), other[0], os.fsencode(other[1]), RENAME_EXCHANGE) == 0


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


def prepare(top):
    os.mkdir(f"{top}/outside")
    for i in range(FILES):
        write(f"{top}/outside/f{i}", SECRET)
    for kind in ("source", "swaps"):
        os.mkdir(f"{top}/{kind}")
    odd = [f"{top}/source/pipe", f"{top}/source/device"]
    os.mkfifo(odd[0])
    os.mknod(odd[1], 0o020666, os.makedev(1, 5))
    for d in range(DIRECTORIES):
        os.mkdir(f"{top}/source/d{d}")
        for f in range(FILES):
            write(f"{top}/source/d{d}/f{f}", b"inside" * 50)
        os.symlink(f"{top}/outside", f"{top}/swaps/d{d}")
        os.symlink(f"{top}/outside/f0", f"{top}/swaps/link{d}")
        os.mkfifo(f"{top}/swaps/pipe{d}")
        os.mknod(f"{top}/swaps/device{d}", 0o020666, os.makedev(1, 5))
        odd += [f"{top}/swaps/pipe{d}", f"{top}/swaps/device{d}"]
    return odd


def pairs(top):
    source, swaps = (os.open(f"{top}/{name}", os.O_PATH) for name in ("source", "swaps"))
    for d in range(DIRECTORIES):
        directory = os.open(f"{top}/source/d{d}", os.O_PATH)
        yield (directory, "f1"), (swaps, f"link{d}")
        yield (directory, "f2"), (swaps, f"pipe{d}")
        yield (directory, "f3"), (swaps, f"device{d}")
        yield (source, f"d{d}"), (swaps, f"d{d}")
        # The copy's own directories too, when they are there.
        yield (AT_FDCWD, f"{top}/target/d{d}"), (swaps, f"target{d}")


def renew(top):
    """An empty target, and links outside to put into it."""
    os.mkdir(f"{top}/target")
    for d in range(DIRECTORIES):
        path = f"{top}/swaps/target{d}"
        if os.path.lexists(path):
            os.rename(path, f"{top}/swaps/old")
            subprocess.run(["rm", "-rf", f"{top}/swaps/old"], check=True)
        os.symlink(f"{top}/outside", path)


class Swapper(threading.Thread):
    """
    Exchanges, and at once exchanges back, until told to stop: what is copied is in its place nearly always, or the
    copier would refuse at the first look. Each call is one system call, so the copier runs meanwhile.
    """

    def __init__(self, top):
        super().__init__(daemon=True)
        self.pairs = list(pairs(top))
        self.is_over = False
        self.exchanged = 0

    def run(self):
        while not self.is_over:
            for one, other in self.pairs:
                if exchange(one, other):
                    exchange(one, other)
                    self.exchanged += 1


def naive(source, target):
    for directory, _, names in os.walk(source, followlinks=True):
        there = os.path.join(target, os.path.relpath(directory, source))
        os.makedirs(there, exist_ok=True)
        for name in names:
            path = os.path.join(directory, name)
            # Even this one does not want to wait for a pipe for ever.
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            copy = os.open(os.path.join(there, name), os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK)
            os.write(copy, os.read(fd, 100))
            os.close(fd)
            os.close(copy)


def listed():
    names = ["pipe", "device"] + [f"d{d}/f{f}" for d in range(DIRECTORIES) for f in range(FILES)]
    return b"".join(os.fsencode(name) + b"\0" for name in names)


def run(copier, top):
    source, target = f"{top}/source", f"{top}/target"
    if copier == ["naive"]:
        try:
            naive(source, target)
        except OSError:
            pass
        return
    # Refusals are fine, and said; what does not end is not. A signal's death would be negative.
    command = copier + [source, target]
    status = subprocess.run(command, input=listed(), timeout=60, capture_output=True, check=False).returncode
    assert status in (0, 1), status


def judge(target):
    """How many regular files there are, and how many of them hold the secret."""
    files = secrets = 0
    for directory, _, names in os.walk(target):
        for name in names:
            path = os.path.join(directory, name)
            if stat.S_ISREG(os.lstat(path).st_mode):
                with open(path, "rb") as file:
                    files += 1
                    secrets += SECRET in file.read()
    return files, secrets


def count_changed(outside):
    names = os.listdir(outside)
    count = abs(len(names) - FILES)
    for name in names:
        with open(f"{outside}/{name}", "rb") as file:
            count += file.read() != SECRET
    return count


def count_opened(watch):
    try:
        return len(os.read(watch, 65536)) // 16
    except BlockingIOError:
        return 0


def main(seconds, top, *copier):
    watch = LIBC.inotify_init1(IN_NONBLOCK)
    for path in prepare(top):
        assert LIBC.inotify_add_watch(watch, os.fsencode(path), IN_OPEN) >= 0
    swapper = Swapper(top)
    swapper.start()
    runs = files = secrets = written = opened = 0
    start = time.monotonic()
    # On a busy machine too there are so many runs, and the control goes on until it has done all that it is there to do.
    while time.monotonic() < start + float(seconds) or (
        (runs < RUNS_LEAST or copier == ("naive",) and not (secrets and written and opened))
        and time.monotonic() < start + 100
    ):
        renew(top)
        run(list(copier), top)
        runs += 1
        # Moved first, so that the swapper does not lead this program outside.
        os.rename(f"{top}/target", f"{top}/judged")
        copied, leaked = judge(f"{top}/judged")
        files += copied
        secrets += leaked
        opened += count_opened(watch)
        shutil.rmtree(f"{top}/judged")
        written = count_changed(f"{top}/outside")
    swapper.is_over = True
    swapper.join()
    print(f"runs {runs}\nexchanged {swapper.exchanged}\ncopied {files}\nread {secrets}\nwritten {written}\nopened {opened}")


main(*sys.argv[1:])
