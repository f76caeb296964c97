/* The AppArmor profile of a process inside the container, stacked on the container's own. */
#ifndef CONFINE_APPARMOR_H
#define CONFINE_APPARMOR_H

#include "lib/base/apparmor_label.h"
#include "lib/base/error.h"

/*
 * Stacks PROFILE on the calling thread, at once and for all it starts, and proves it: afterwards
 * the label reads "coding-agents//&PROFILE (enforce)". 0, also when this kernel has no AppArmor,
 * which boot reports; else -errno: a label before that is not the container's, a profile that is
 * not loaded (ENOENT), a container profile that does not allow the step (EACCES), a label after
 * that is not the one named.
 *
 * At once and not at the next exec (aa_stack_onexec): that one leaves nobody to read the new label
 * before the program of another has begun, and sets AT_SECURE, which takes LD_LIBRARY_PATH from
 * it. No_new_privs may be set, for stacking only ever takes away. Needs /proc of the thread's own
 * pid namespace.
 */
int apparmor_stack(const char *profile, struct error *err);

#endif
