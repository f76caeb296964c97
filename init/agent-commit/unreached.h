/* Commits of the session that what is pushed does not contain. */
#ifndef COMMIT_UNREACHED_H
#define COMMIT_UNREACHED_H

#include <stddef.h>

#include "lib/base/error.h"

/* Object ids that refs had when the copy was made. */
struct known_commits {
    char *text; /* owned; what the ids lie in */
    char **ids; /* owned array, sorted */
    size_t count;
};

/* Reads them from FD to its end, one a line; nothing there is fine. 0 or -errno. */
int known_commits_read(int fd, struct known_commits *known, struct error *err);
void known_commits_free(struct known_commits *known);

/*
 * Reports "unreached NAME" for each ref of the current git directory, remotes' apart, and each
 * work tree's HEAD from which there is a commit that neither PUSHED (an object id; "" for none),
 * nor KNOWN, nor a remote other than `local` has. EXCEPT (a full name, borrowed; or NULL) is passed
 * over. What git cannot say is no commit. 0 or -errno.
 */
int unreached_report(const char *pushed, const struct known_commits *known, const char *except,
                     struct error *err);

#endif
