/* The file of secrets that have names: what is in it, what is refused, and how it is changed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/host/login.h"
#include "lib/host/named_secrets.h"
#include "tests/unit/wire/support.h"

#define CANARY "c4n4ry-value"

static char directory[PATH_MAX];
static char file[PATH_MAX];

static int enter(void **state)
{
    (void)state;
    support_directory_make(directory);
    assert_int_equal(setenv("XDG_CONFIG_HOME", directory, 1), 0);
    assert_int_equal(path_format(file, "%s/coding-agents", directory), 0);
    assert_int_equal(path_make_directories(file, 0700, NULL), 0);
    assert_int_equal(path_format(file, "%s/coding-agents/" NAMED_SECRETS_FILE, directory), 0);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    unsetenv("XDG_CONFIG_HOME");
    support_directory_remove(directory);
    return 0;
}

static void write_file(const char *text)
{
    unlink(file);
    support_write(file, text, strlen(text));
    assert_int_equal(chmod(file, 0600), 0);
}

static void assert_file(const char *expected)
{
    size_t size = 0;
    struct stat status;
    cleanup_free char *text = support_read(file, &size);
    assert_string_equal(text, expected);
    assert_int_equal(stat(file, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

static int find(const char *name, char value[64])
{
    struct login_config config = {.document = NULL};
    struct login login;
    struct error err = ERROR_INITIALIZER;
    const size_t head = sizeof(struct redeem_secret);
    int result = login_find(name, &config, false, &login, &err);
    if (result == 0)
        snprintf(value, 64, "%.*s", (int)(login.value.size - head),
                 (const char *)login.value.data + head);
    login_free(&login);
    return result;
}

static void is_found_by_its_name(void **state)
{
    char value[64];
    (void)state;
    assert_int_equal(find("GITHUB_TOKEN", value), -ENOENT);
    write_file("# mine\nOTHER=1\n\nGITHUB_TOKEN=" CANARY " = x\n");
    assert_int_equal(find("GITHUB_TOKEN", value), 0);
    assert_string_equal(value, CANARY " = x");
    assert_int_equal(find("MISSING", value), -ENOENT);
    assert_int_equal(find("claudia", value), -ENOENT);
}

static void is_changed_line_by_line(void **state)
{
    struct error err = ERROR_INITIALIZER;
    (void)state;
    assert_int_equal(named_secrets_set("A", NULL, 0, &err), -ENOENT);
    assert_int_equal(named_secrets_set("A", "1", 1, &err), 0);
    assert_file("A=1\n");
    write_file("# first\nA=1\n# second\nB=2"); /* without its last newline */
    assert_int_equal(named_secrets_set("C", "3", 1, &err), 0);
    assert_file("# first\nA=1\n# second\nB=2\nC=3\n");
    assert_int_equal(named_secrets_set("A", "one = 1", 7, &err), 0);
    assert_file("# first\nA=one = 1\n# second\nB=2\nC=3\n");
    assert_int_equal(named_secrets_set("B", NULL, 0, &err), 0);
    assert_file("# first\nA=one = 1\n# second\nC=3\n");
    assert_int_equal(named_secrets_set("C", NULL, 0, &err), 0);
    assert_file("# first\nA=one = 1\n# second\n");
}

static void refuses_a_line_by_its_number(void **state)
{
    static const struct {
        const char *text;
        const char *said;
    } rows[] = {
        {"A=1\n" CANARY "\n", "line 2 is not NAME=VALUE"},
        {"a=" CANARY "\n", "line 1 has no name"},
        {"A_NAME_THAT_IS_LONGER_THAN_ANY_OTHER=" CANARY "\n", "line 1 has no name"},
        {"A=1\n#\nA=" CANARY "\n", "line 3 names 'A' a second time"},
        {"A=\n", "line 1, the value of 'A': it is empty"},
        {"A=" CANARY "\x1b\n", "line 1, the value of 'A'"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct named_secrets secrets;
        struct error err = ERROR_INITIALIZER;
        write_file(rows[i].text);
        assert_int_equal(named_secrets_load(&secrets, false, &err), -EINVAL);
        assert_null(secrets.text.data);
        assert_non_null(strstr(error_text(&err), file));
        assert_non_null(strstr(error_text(&err), rows[i].said));
        assert_null(strstr(error_text(&err), CANARY));
        /* Nothing is written. */
        assert_int_equal(named_secrets_set("NEW", "1", 1, &err), -EINVAL);
        assert_file(rows[i].text);
    }
}

static void refuses_a_file_that_is_not_the_users_alone(void **state)
{
    struct named_secrets secrets;
    struct error err = ERROR_INITIALIZER;
    char other[PATH_MAX];
    (void)state;
    write_file("A=1\n");
    assert_int_equal(named_secrets_load(&secrets, false, &err), 0); /* the control */
    named_secrets_free(&secrets);
    for (mode_t bit = 1; bit <= 040; bit <<= 1) {
        assert_int_equal(chmod(file, 0600 | bit), 0);
        assert_int_equal(named_secrets_load(&secrets, false, &err), -EINVAL);
        assert_non_null(strstr(error_text(&err), "chmod 600"));
    }
    assert_int_equal(chmod(file, 0600), 0);
    assert_int_equal(path_format(other, "%s/elsewhere", directory), 0);
    assert_int_equal(rename(file, other), 0);
    assert_int_equal(symlink(other, file), 0);
    assert_int_equal(named_secrets_load(&secrets, false, &err), -EINVAL);
    assert_non_null(strstr(error_text(&err), "is a link"));
    assert_int_equal(named_secrets_set("A", "2", 1, &err), -EINVAL);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(mkfifo(file, 0600), 0);
    assert_int_equal(named_secrets_load(&secrets, false, &err), -EINVAL);
}

static void has_a_bound(void **state)
{
    struct named_secrets secrets;
    struct error err = ERROR_INITIALIZER;
    cleanup_free char *text = calloc(1, NAMED_SECRETS_BYTES_MAX + 2);
    (void)state;
    assert_non_null(text);
    memset(text, '#', NAMED_SECRETS_BYTES_MAX + 1);
    write_file(text);
    assert_int_equal(named_secrets_load(&secrets, false, &err), -EINVAL);
    assert_non_null(strstr(error_text(&err), "has more than"));
    size_t used = 0;
    for (int i = 0; i <= NAMED_SECRETS_MAX; i++)
        used += (size_t)snprintf(text + used, 16, "N%d=1\n", i);
    assert_true(named_secrets_check(text, used, &err) < 0);
    assert_non_null(strstr(error_text(&err), "one secret more"));
    assert_int_equal(named_secret_check("a\nb", 3, &err), -EINVAL);
}

/* Whether the page at DATA is locked: proc(5), VmFlags of /proc/self/smaps. */
static bool is_locked(const void *data)
{
    char line[512];
    unsigned long first, last;
    bool is_here = false, is_held = false;
    FILE *maps = fopen("/proc/self/smaps", "re");
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps) != NULL) {
        if (sscanf(line, "%lx-%lx ", &first, &last) == 2)
            is_here = (uintptr_t)data >= first && (uintptr_t)data < last;
        if (is_here && strncmp(line, "VmFlags:", 8) == 0)
            is_held = strstr(line, " lo ") != NULL;
    }
    fclose(maps);
    return is_held;
}

static void lies_on_locked_pages(void **state)
{
    struct named_secrets secrets;
    struct variable variable;
    struct error err = ERROR_INITIALIZER;
    cleanup_free char *heap = strdup(CANARY);
    (void)state;
    write_file("A=1\nGITHUB_TOKEN=" CANARY "\n");
    assert_int_equal(named_secrets_load(&secrets, true, &err), 0);
    assert_int_equal(named_secrets_find(&secrets, "GITHUB_TOKEN", &variable), 0);
    assert_memory_equal(variable.value, CANARY, sizeof(CANARY) - 1);
    assert_true(is_locked(variable.value));
    assert_false(is_locked(heap)); /* the control */
    named_secrets_free(&secrets);
    assert_null(secrets.text.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(is_found_by_its_name, enter, leave),
        cmocka_unit_test_setup_teardown(lies_on_locked_pages, enter, leave),
        cmocka_unit_test_setup_teardown(is_changed_line_by_line, enter, leave),
        cmocka_unit_test_setup_teardown(refuses_a_line_by_its_number, enter, leave),
        cmocka_unit_test_setup_teardown(refuses_a_file_that_is_not_the_users_alone, enter, leave),
        cmocka_unit_test_setup_teardown(has_a_bound, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
