/*
 * How a session reaches its https remotes without a credential: a program of the container listens
 * on the loopback address and hands every byte to a socket of the host, where
 * coding-agents-git-proxy serves what this document names. It is staged in the session directory
 * and read by agent-boot when it writes the copy's git configuration; where it is missing, no
 * remote is served.
 */
#ifndef WIRE_GIT_ACCESS_H
#define WIRE_GIT_ACCESS_H

#include <stddef.h>

#include "lib/base/error.h"

#define GIT_ACCESS_VERSION 1
/* In the session directory. */
#define GIT_ACCESS_STAGED "git-access.json"
/* In the directory of sockets; SOCK_STREAM. */
#define GIT_ACCESS_SOCKET "git-proxy.sock"
/* Who connects to it from the container: a row of policies/users.tab. */
#define GIT_ACCESS_IDENTITY "agentgit"
/* Where the container listens: one beside git's own. */
#define GIT_ACCESS_PORT 9417
#define GIT_ACCESS_BASE "http://127.0.0.1:9417/"
/* Where the credential of a URL is asked for, below the base. */
#define GIT_ACCESS_CREDENTIAL "credential"
#define GIT_ACCESS_HELPER "/usr/local/bin/git-credential-coding-agents"

/* More than any repository has; each costs the proxy a few hundred bytes. */
#define GIT_ACCESS_REMOTES_MAX 32
#define GIT_ACCESS_CREDENTIALS_MAX 32
#define GIT_ACCESS_NAME_SIZE 64
#define GIT_ACCESS_URL_SIZE 2048
#define GIT_ACCESS_BYTES_MAX (256 * 1024)

struct git_access_remote {
    char *name; /* the first component of its path at the proxy: "origin.git" */
    char *url;  /* "https://..." as the copy's configuration has it */
};

/* Strings are owned. */
struct git_access {
    struct git_access_remote *remotes;
    size_t remote_count;
    char **credentials; /* URLs whose credential commands may have; NULL-terminated */
};

/* *TEXT is owned by the caller. 0 or -errno. */
int git_access_render(const struct git_access *access, char **text, size_t *size,
                      struct error *err);
/* Strict, as lib/wire/record.h. *ACCESS is owned: git_access_free. 0 or -errno. */
int git_access_parse(const char *text, size_t size, struct git_access *access, struct error *err);
void git_access_free(struct git_access *access);

/* Why URL is no https URL that the proxy serves ("is no https URL"), or NULL: host, perhaps a port,
 * and a path of plain characters; no user, query or fragment. */
const char *git_access_url_refusal(const char *url);

#endif
