/* The label AppArmor confines the calling thread with. */
#ifndef BASE_APPARMOR_LABEL_H
#define BASE_APPARMOR_LABEL_H

/* The profiles of policies/apparmor: the container's, and those its processes stack on it. */
#define APPARMOR_CONTAINER "coding-agents"
#define APPARMOR_AGENTCLI "coding-agents-agentcli"
#define APPARMOR_TASK "coding-agents-task"

/* Of what we accept, the longest is a third of it. */
#define APPARMOR_LABEL_SIZE 256

/*
 * Writes the label as the kernel words it, with its mode: "coding-agents (enforce)". Its length; 0
 * when AppArmor is not at work in this kernel; -errno when that cannot be told, -ENOENT without a
 * /proc of the thread's own pid namespace included, -ENAMETOOLONG for a label that does not fit.
 */
int apparmor_label_read(char label[APPARMOR_LABEL_SIZE]);

#endif
