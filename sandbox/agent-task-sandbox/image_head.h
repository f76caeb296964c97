/* What the kernel sees in the first bytes of a file that it is to execute. Pure. */
#ifndef TASK_SANDBOX_IMAGE_HEAD_H
#define TASK_SANDBOX_IMAGE_HEAD_H

#include <stddef.h>

/* linux/binfmts.h, BINPRM_BUF_SIZE since Linux 5.1. */
#define IMAGE_HEAD_SIZE 256

enum image_kind {
    IMAGE_EMPTY,
    IMAGE_NATIVE, /* a program of this machine */
    IMAGE_SCRIPT, /* its first line names who runs it */
    IMAGE_TEXT,   /* without such a line: a shell runs it when the kernel refused to */
    IMAGE_OTHER,
};

/* As ELF headers are read: whole words, aligned. */
union image_head {
    unsigned long alignment;
    char bytes[IMAGE_HEAD_SIZE];
};

struct image_script {
    char interpreter[IMAGE_HEAD_SIZE]; /* as it is written; never empty for IMAGE_SCRIPT */
};

/*
 * What HEAD, of which SIZE bytes (at most IMAGE_HEAD_SIZE) were read, begins. A first line is read
 * as Linux's fs/binfmt_script.c reads it: one that names nobody, or whose name may go on behind
 * HEAD, is text. SCRIPT is filled for IMAGE_SCRIPT.
 */
enum image_kind image_head_read(const union image_head *head, size_t size,
                                struct image_script *script);

#endif
