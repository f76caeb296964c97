/* The path of an exec, as text: what it starts from. Pure. */
#ifndef EXEC_TRAP_PATH_TEXT_H
#define EXEC_TRAP_PATH_TEXT_H

enum path_base {
    PATH_BASE_ROOT = 1,   /* the caller's root directory */
    PATH_BASE_DIRECTORY,  /* its working directory, or what the call's dirfd names */
    PATH_BASE_WORKING,    /* its working directory, whatever the dirfd is */
    PATH_BASE_PROGRAM,    /* the program it is an image of */
    PATH_BASE_DESCRIPTOR, /* its descriptor of that number */
};

struct path_text {
    enum path_base base;
    int descriptor; /* PATH_BASE_DESCRIPTOR */
    const char
        *rest; /* borrowed from the path: what follows, relative to the base; "" for nothing */
};

/*
 * Reads PATH. The links of proc(5) that mean something else to every process (/proc/self,
 * /proc/thread-self, /dev/fd, /dev/stdin) are told apart here, since root that follows them
 * arrives at its own; nothing else is resolved.
 */
void path_text_parse(const char *path, struct path_text *text);

/* A descriptor's name fits. */
#define PATH_BASE_SIZE 16

/* BASE: what TEXT, which is not the root's, is relative to, as a link below /proc/THREAD. DIRFD:
 * that of the call, or AT_FDCWD. */
void path_text_base(const struct path_text *text, int dirfd, char base[PATH_BASE_SIZE]);

#endif
