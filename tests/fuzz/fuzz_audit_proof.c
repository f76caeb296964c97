/* Fuzzes what `audit verify` and `audit show` read: the log, the copies of its lines, and the key
 * on record, each as a forger left it. The first two bytes are the size of the log, the third says
 * whether a key is on record. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-shim/commands/audit_proof.h"
#include "host-shim/commands/audit_view.h"
#include "lib/base/path.h"
#include "tests/fuzz/fuzz.h"

#define SESSION "abcdefg2"
#define HEADER 3

static char root[PATH_MAX];
static char log_path[PATH_MAX];
static char copies_path[PATH_MAX];

static void put(const char *path, const uint8_t *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    fuzz_require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    close(fd);
}

static void remove_root(void)
{
    (void)path_remove_tree(AT_FDCWD, root, NULL);
}

static void prepare(void)
{
    char directory[PATH_MAX];
    if (root[0] != '\0')
        return;
    snprintf(root, sizeof(root), "/dev/shm/fuzz-audit-XXXXXX");
    fuzz_require(mkdtemp(root) != NULL);
    atexit(remove_root);
    setenv("XDG_STATE_HOME", root, 1);
    (void)path_format(directory, "%.1000s/coding-agents/sessions/" SESSION, root);
    fuzz_require(path_make_directories(directory, 0700, NULL) == 0);
    (void)path_format(log_path, "%.2000s/events.jsonl", directory);
    (void)path_format(copies_path, "%.1000s/coding-agents/security-events.log", root);
}

/* What is shown is not looked at, only that nothing breaks. */
static void show(const struct audit_view *view)
{
    struct error err = ERROR_INITIALIZER;
    struct error damage = ERROR_INITIALIZER;
    fflush(stdout);
    int kept = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    fuzz_require(kept >= 0 && null >= 0 && dup2(null, STDOUT_FILENO) >= 0);
    fuzz_require(audit_view_print(view, log_path, &damage, &err) == 0);
    fflush(stdout);
    fuzz_require(dup2(kept, STDOUT_FILENO) >= 0);
    close(null);
    close(kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char key[] = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    struct session_state state = {.session = SESSION};
    struct audit_proof proof;
    struct error err = ERROR_INITIALIZER;
    if (size < HEADER)
        return 0;
    prepare();
    size_t log_size = (size_t)data[0] | (size_t)data[1] << 8;
    log_size = log_size > size - HEADER ? size - HEADER : log_size;
    put(log_path, data + HEADER, log_size);
    put(copies_path, data + HEADER + log_size, size - HEADER - log_size);
    if ((data[2] & 1) != 0)
        memcpy(state.audit_key, key, sizeof(key));
    fuzz_require(audit_proof_make(&state, NULL, &proof, &err) == 0);
    fuzz_require((proof.standing == AUDIT_DAMAGED) == (proof.reason.number != 0));
    /* Nobody here has the secret half of that key: no input is ever closed and signed by it. */
    fuzz_require(state.audit_key[0] == '\0' || proof.standing != AUDIT_CLOSED);
    const struct audit_view view = {.last = data[2] >> 4, .is_json = (data[2] & 2) != 0};
    show(&view);
    /* With the key that the log names, its signature is what counts. */
    bool is_signed = proof.chain.is_signed && proof.torn == 0;
    if (proof.chain.key[0] == '\0')
        return 0;
    char named[AUDIT_PUBLIC_KEY_SIZE];
    memcpy(named, proof.chain.key, sizeof(named));
    fuzz_require(audit_proof_make(&state, named, &proof, &err) == 0);
    fuzz_require(proof.standing != AUDIT_CLOSED || is_signed);
    return 0;
}
