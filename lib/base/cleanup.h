/* Scope-bound release of resources. Every destructor keeps errno and accepts the empty value. */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Leaves -1: what is closed early is not closed again, when its number is somebody else's. */
static inline void cleanup_close(int *fd)
{
    if (*fd >= 0) {
        int saved = errno;
        close(*fd);
        errno = saved;
        *fd = -1;
    }
}

static inline void cleanup_free_pointer(void *pointer)
{
    int saved = errno;
    free(*(void **)pointer);
    errno = saved;
}

static inline void cleanup_close_file(FILE **file)
{
    if (*file != NULL) {
        int saved = errno;
        fclose(*file);
        errno = saved;
    }
}

static inline void cleanup_close_directory(DIR **directory)
{
    if (*directory != NULL) {
        int saved = errno;
        closedir(*directory);
        errno = saved;
    }
}

/* Variables that own: `cleanup_fd int fd = -1;`, `cleanup_free char *text = NULL;` */
#define cleanup_fd __attribute__((cleanup(cleanup_close)))
#define cleanup_free __attribute__((cleanup(cleanup_free_pointer)))
#define cleanup_file __attribute__((cleanup(cleanup_close_file)))
#define cleanup_directory __attribute__((cleanup(cleanup_close_directory)))

/* Hands the value on and disarms the cleanup. */
static inline int steal_fd(int *fd)
{
    int value = *fd;
    *fd = -1;
    return value;
}

#define steal_pointer(pointer)                \
    __extension__({                           \
        __auto_type steal_value = *(pointer); \
        *(pointer) = NULL;                    \
        steal_value;                          \
    })

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#endif
