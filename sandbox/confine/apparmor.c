/* Stacks an AppArmor profile on the calling thread and reads the label that came of it. */
#include "sandbox/confine/apparmor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/apparmor.h>

#define ENFORCED " (enforce)"
#define REMEDY "load the profiles of policies/apparmor on the host with apparmor_parser --replace"

/* 1 when the label reads EXPECTED, 0 without AppArmor, else -errno. */
static int require_label(const char *expected, struct error *err)
{
    char label[APPARMOR_LABEL_SIZE];
    int length = apparmor_label_read(label);

    if (length < 0)
        return error_set(err, -length, "read the AppArmor label");
    if (length == 0 || strcmp(label, expected) == 0)
        return length > 0;
    return error_set(err, EPROTO, "the AppArmor label is '%s', not '%s'; " REMEDY, label, expected);
}

int apparmor_stack(const char *profile, struct error *err)
{
    char expected[APPARMOR_LABEL_SIZE];
    int result = require_label(APPARMOR_CONTAINER ENFORCED, err);

    if (result <= 0)
        return result;
    if (aa_stack_profile(profile) < 0)
        return error_set(err, errno, "stack the AppArmor profile '%s' (" REMEDY ")", profile);
    snprintf(expected, sizeof(expected), APPARMOR_CONTAINER "//&%s" ENFORCED, profile);
    result = require_label(expected, err);
    if (result == 0)
        return error_set(err, EPROTO, "AppArmor is gone from this kernel");
    return result < 0 ? result : 0;
}
