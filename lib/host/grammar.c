/* Reads option values by anchored patterns; what does not match is refused before anything starts.
 */
#include "lib/host/grammar.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PIDS_MIN 32
#define PIDS_MAX (4u * 1024 * 1024) /* PID_MAX_LIMIT of the kernel */
#define MEMORY_MIN (64ull * 1024 * 1024)

static bool matches(const char *text, const char *pattern)
{
    regex_t expression;
    if (regcomp(&expression, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    bool found = regexec(&expression, text, 0, NULL, 0) == 0;
    regfree(&expression);
    return found;
}

int grammar_cpus(const char *text, unsigned int *milli_cpus, struct error *err)
{
    if (!matches(text, "^[0-9]{1,4}(\\.[0-9]{1,3})?$"))
        return error_set(err, EINVAL, "this is no number of processors; write 2 or 0.5");
    unsigned int value = (unsigned int)(strtod(text, NULL) * 1000 + 0.5);
    if (value < 10)
        return error_set(err, EINVAL, "a session needs at least 0.01 processors");
    *milli_cpus = value;
    return 0;
}

int grammar_memory(const char *text, unsigned long long *bytes, struct error *err)
{
    if (!matches(text, "^[0-9]{1,12}[bkmg]?$"))
        return error_set(err, EINVAL,
                         "this is no size; write a number and b, k, m or g, such as 8g");
    char *unit;
    unsigned long long value = strtoull(text, &unit, 10);
    unsigned int shift = *unit == 'k' ? 10 : *unit == 'm' ? 20 : *unit == 'g' ? 30 : 0;
    if (value > (1ull << 60) >> shift)
        return error_set(err, EINVAL, "this is more memory than any machine has; write 8g");
    if (value << shift < MEMORY_MIN)
        return error_set(err, EINVAL, "a session needs at least 64m");
    *bytes = value << shift;
    return 0;
}

int grammar_pids(const char *text, unsigned int *pids, struct error *err)
{
    unsigned long value = matches(text, "^[0-9]{1,7}$") ? strtoul(text, NULL, 10) : 0;
    if (value < PIDS_MIN || value > PIDS_MAX)
        return error_set(err, EINVAL, "write a whole number from %d to %u", PIDS_MIN, PIDS_MAX);
    *pids = (unsigned int)value;
    return 0;
}

int grammar_device_rate(const char *text, struct error *err)
{
    if (!matches(text, "^/dev/[A-Za-z0-9/_.-]+:[1-9][0-9]{0,14}([bkmg]|[kmg]b)?$") ||
        strstr(text, "..") != NULL)
        return error_set(err, EINVAL, "write DEVICE:RATE, such as /dev/sda:10mb");
    char device[256];
    struct stat info;
    size_t length = strcspn(text, ":");
    if (length >= sizeof(device))
        return error_set(err, EINVAL, "the device's path is too long");
    memcpy(device, text, length);
    device[length] = '\0';
    if (stat(device, &info) < 0 || !S_ISBLK(info.st_mode))
        return error_set(err, EINVAL, "%s is no block device of this machine; see lsblk", device);
    return 0;
}

int grammar_gpu(const char *text, struct error *err)
{
    if (!matches(text, "^(all|[1-9][0-9]{0,2}|device=[A-Za-z0-9:-]+(,[A-Za-z0-9:-]+)*)$"))
        return error_set(err, EINVAL, "write all, a number of GPUs, or device=ID[,ID]...");
    return 0;
}

bool grammar_is_url(const char *text)
{
    return matches(text, "^(https|ssh|file)://.") ||
           matches(text, "^[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:[^:]");
}

bool grammar_has_digest(const char *image)
{
    return matches(image, "^[a-z0-9][A-Za-z0-9._:/-]*@sha256:[0-9a-f]{64}$");
}

int grammar_channel(const char *text, struct error *err)
{
    static const char bytes[] = "0123456789.abcdefghijklmnopqrstuvwxyz-";
    if (text[0] == '\0' || strlen(text) > 16 || text[0] == '.' || text[0] == '-' ||
        strspn(text, bytes) != strlen(text))
        return error_set(err, EINVAL, "write a channel of .NET, such as 10.0");
    return 0;
}

int grammar_image(const char *text, struct error *err)
{
    if (text[0] == '-' || text[0] == '\0' || strlen(text) > 400 ||
        (strchr(text, '@') != NULL && !grammar_has_digest(text)))
        return error_set(
            err, EINVAL,
            "write a local tag or image id, or NAME@sha256: and 64 hexadecimal digits");
    return 0;
}
