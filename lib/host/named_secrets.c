/* Reads, checks and changes the file of secrets that have names. */
#include "lib/host/named_secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/host/login_config.h"
#include "lib/wire/capability.h"
#include "lib/wire/redeem.h"

bool named_secret_is_name(const char *text)
{
    size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return text[0] >= 'A' && text[0] <= 'Z' && text[length] == '\0' &&
           length < CAPABILITY_NAME_BYTES;
}

int named_secret_check(const char *value, size_t size, struct error *err)
{
    if (size == 0)
        return error_set(err, EINVAL, "it is empty");
    if (size > REDEEM_SECRET_BYTES_MAX)
        return error_set(err, EINVAL, "it has more than %d bytes", REDEEM_SECRET_BYTES_MAX);
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f)
            return error_set(err, EINVAL, "it is more than one line, or has a control character");
    }
    return 0;
}

/* Names seen so far, as they lie in the text. */
struct names {
    struct variable seen[NAMED_SECRETS_MAX];
    size_t count;
};

static bool is_seen(const struct names *names, const struct variable *variable)
{
    for (size_t i = 0; i < names->count; i++) {
        if (names->seen[i].name_size == variable->name_size &&
            memcmp(names->seen[i].name, variable->name, variable->name_size) == 0)
            return true;
    }
    return false;
}

static int check_line(const struct variable *variable, void *context, struct error *err)
{
    struct names *names = context;
    char name[CAPABILITY_NAME_BYTES] = "";
    if (variable->name_size < sizeof(name))
        memcpy(name, variable->name, variable->name_size);
    if (!named_secret_is_name(name))
        return error_set(err, EINVAL, "line %u has no name of 1 to %d capitals, digits and '_'",
                         variable->line, CAPABILITY_NAME_BYTES - 1);
    if (is_seen(names, variable))
        return error_set(err, EINVAL, "line %u names '%s' a second time", variable->line, name);
    if (names->count == NAMED_SECRETS_MAX)
        return error_set(err, EINVAL, "line %u is one secret more than %d", variable->line,
                         NAMED_SECRETS_MAX);
    names->seen[names->count++] = *variable;
    if (named_secret_check(variable->value, variable->value_size, err) < 0)
        return error_prefix(err, "line %u, the value of '%s'", variable->line, name);
    return 0;
}

int named_secrets_check(const char *text, size_t size, struct error *err)
{
    struct names names = {.count = 0};
    return variables_each(text, size, check_line, &names, err);
}

static int open_file(const char *path, struct error *err)
{
    struct stat status;
    cleanup_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ELOOP)
        return error_set(err, EINVAL, "'%s' is a link: put the file itself there", path);
    if (fd < 0 || fstat(fd, &status) < 0)
        return error_set(err, errno, "open '%s'", path);
    if (!S_ISREG(status.st_mode) || status.st_uid != geteuid())
        return error_set(err, EINVAL, "'%s' is no file of yours", path);
    if ((status.st_mode & 077) != 0)
        return error_set(err, EINVAL, "'%s' is open to others: chmod 600 '%s'", path, path);
    return steal_fd(&fd);
}

/* Bytes that are no secret's: the NUL. */
static size_t size_of(const struct named_secrets *secrets)
{
    return secrets->text.data == NULL ? 0 : secrets->text.size - 1;
}

static const char *text_of(const struct named_secrets *secrets)
{
    return (const char *)secrets->text.data;
}

/* All of FD into memory for secrets, and nowhere else. -EAGAIN: it was changed meanwhile. */
static int read_text(int fd, bool must_lock, struct secret *text, struct error *err)
{
    struct stat status;
    size_t used = 0;
    ssize_t count = 1;
    if (fstat(fd, &status) < 0)
        return error_set(err, errno, "read it");
    if (status.st_size > NAMED_SECRETS_BYTES_MAX)
        return error_set(err, EINVAL, "it has more than %d bytes", NAMED_SECRETS_BYTES_MAX);
    int result = secret_make(text, (size_t)status.st_size + 1, must_lock, err);
    while (result == 0 && count > 0 && used < text->size) {
        count = read(fd, text->data + used, text->size - used);
        if (count < 0 && errno != EINTR)
            result = error_set(err, errno, "read it");
        used += count > 0 ? (size_t)count : 0;
        count = count < 0 ? 1 : count;
    }
    if (result == 0 && used != text->size - 1)
        result = error_set(err, EAGAIN, "it was changed while it was read: try again");
    return result;
}

int named_secrets_load(struct named_secrets *secrets, bool must_lock, struct error *err)
{
    char directory[PATH_MAX];
    *secrets = (struct named_secrets){.text = {.data = NULL}};
    int result = login_config_directory(directory, err);
    if (result == 0 && path_format(secrets->path, "%s/" NAMED_SECRETS_FILE, directory) < 0)
        result = error_set(err, ENAMETOOLONG, "the configuration");
    if (result < 0)
        return result;
    struct error cause = ERROR_INITIALIZER;
    cleanup_fd int fd = open_file(secrets->path, &cause);
    if (fd == -ENOENT)
        return 0;
    if (fd < 0) {
        if (err != NULL)
            *err = cause;
        return fd;
    }
    result = read_text(fd, must_lock, &secrets->text, err);
    if (result == 0)
        result = named_secrets_check(text_of(secrets), size_of(secrets), err);
    if (result == 0)
        return 0;
    named_secrets_free(secrets);
    return error_prefix(err, "'%s'", secrets->path);
}

void named_secrets_free(struct named_secrets *secrets)
{
    secret_wipe(&secrets->text);
}

struct search {
    const char *name;
    struct variable *variable;
};

static int match(const struct variable *variable, void *context, struct error *err)
{
    struct search *search = context;
    (void)err;
    if (strlen(search->name) == variable->name_size &&
        memcmp(search->name, variable->name, variable->name_size) == 0)
        *search->variable = *variable;
    return 0;
}

int named_secrets_find(const struct named_secrets *secrets, const char *name,
                       struct variable *variable)
{
    struct search search = {.name = name, .variable = variable};
    *variable = (struct variable){.name = NULL};
    if (secrets->text.data != NULL)
        (void)variables_each(text_of(secrets), size_of(secrets), match, &search, NULL);
    return variable->name == NULL ? -ENOENT : 0;
}

static int add_name(const struct variable *variable, void *context, struct error *err)
{
    (void)err;
    string_list_format(context, "%.*s", (int)variable->name_size, variable->name);
    return 0;
}

void named_secrets_list(const struct named_secrets *secrets, struct string_list *list)
{
    if (secrets->text.data != NULL)
        (void)variables_each(text_of(secrets), size_of(secrets), add_name, list, NULL);
}

/* What a file is made of anew. */
struct renewal {
    const char *name;
    const char *value; /* NULL: the line goes */
    size_t size;
};

static char *put(char *at, const char *text, size_t size)
{
    memcpy(at, text, size);
    return at + size;
}

/* The text before the line of NAME, its new line, and the text behind it. *TEXT has room. */
static size_t join(const struct named_secrets *secrets, const struct variable *old,
                   const struct renewal *renewal, char *text)
{
    const char *begin = text_of(secrets);
    const char *end = begin == NULL ? NULL : begin + size_of(secrets);
    const char *head_end = old->name == NULL ? end : old->name;
    const char *tail = old->name == NULL ? end : old->value + old->value_size;
    char *at = text;
    if (begin != NULL)
        at = put(at, begin, (size_t)(head_end - begin));
    if (at > text && at[-1] != '\n')
        *at++ = '\n';
    if (renewal->value != NULL) {
        at = put(at, renewal->name, strlen(renewal->name));
        *at++ = '=';
        at = put(at, renewal->value, renewal->size);
        *at++ = '\n';
    }
    if (tail != NULL && tail < end && *tail == '\n')
        tail++;
    if (tail != NULL)
        at = put(at, tail, (size_t)(end - tail));
    return (size_t)(at - text);
}

static int write_anew(const struct named_secrets *secrets, const struct variable *old,
                      const struct renewal *renewal, struct error *err)
{
    cleanup_secret struct secret anew = {.data = NULL};
    size_t room = size_of(secrets) + strlen(renewal->name) + renewal->size + 4;
    int result = secret_make(&anew, room, false, err);
    if (result < 0)
        return error_prefix(err, "write '%s'", secrets->path);
    char *text = (char *)anew.data;
    size_t size = join(secrets, old, renewal, text);
    result = size > NAMED_SECRETS_BYTES_MAX
                 ? error_set(err, EINVAL, "'%s' would have more than %d bytes", secrets->path,
                             NAMED_SECRETS_BYTES_MAX)
                 : named_secrets_check(text, size, err);
    if (result == 0)
        result = fd_write_file(AT_FDCWD, secrets->path, text, size, 0600, err);
    return result;
}

int named_secrets_set(const char *name, const char *value, size_t size, struct error *err)
{
    char path[PATH_MAX];
    struct named_secrets secrets = {.text = {.data = NULL}};
    struct variable old = {.name = NULL};
    const struct renewal renewal = {.name = name, .value = value, .size = value == NULL ? 0 : size};
    int result = value == NULL ? 0 : named_secret_check(value, size, err);
    if (result == 0)
        result = login_config_directory(path, err);
    if (result == 0)
        result = path_make_directories(path, 0700, err);
    if (result < 0)
        return result;
    /* Whoever sets another one in that moment waits. */
    cleanup_fd int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 || flock(directory, LOCK_EX) < 0)
        return error_set(err, errno, "lock '%s'", path);
    result = named_secrets_load(&secrets, false, err);
    if (result == 0)
        result = named_secrets_find(&secrets, name, &old);
    if (result == 0 || (result == -ENOENT && value != NULL))
        result = write_anew(&secrets, &old, &renewal, err);
    named_secrets_free(&secrets);
    return result;
}
