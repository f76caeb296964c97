/*
 * What a table of Landlock rules lets anybody do, in a root that can be written everywhere and as
 * root, so that nothing but the table refuses anything.
 */
#ifndef TESTS_FILE_PROBE_H
#define TESTS_FILE_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#define FILE_PROBE_CANNOT_TRY 77

/*
 * RIGHTS are those of "rxwc" that are there, in this order: files are read, executed, written;
 * names are made and taken away. Of a directory they are those of what is in it; a path that ends
 * otherwise than with a '/' is a file's own.
 */
struct file_probe {
    const char *path;
    const char *rights;
};

/*
 * Makes a root in which the COUNT paths of PROBES are, lets CONFINE confine this process, and tries
 * each of them; before that, everything is possible. In a child. How many probes come out wrong,
 * each with a line on standard error; FILE_PROBE_CANNOT_TRY without the rights to make a root.
 */
int file_probe_run(const struct file_probe *probes, size_t count, bool (*confine)(void));

#endif
