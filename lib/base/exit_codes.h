/* Exit codes 200 to 229 are ours; the agent's own pass through. docs/exit-codes.md is checked
 * against this. */
#ifndef BASE_EXIT_CODES_H
#define BASE_EXIT_CODES_H

enum exit_code {
    /* host */
    EXIT_USAGE = 200,      /* a bad option or argument */
    EXIT_ENGINE = 201,     /* no usable Docker engine: missing, too old, remote, Podman */
    EXIT_REPOSITORY = 202, /* the source cannot be used */
    EXIT_BRANCH = 203,     /* the branch name is bad, taken or checked out */
    EXIT_IMAGE = 204,      /* the image is missing, has a wrong digest or speaks another version */
    EXIT_POLICY = 205,     /* a policy file is missing or malformed */
    EXIT_SESSION = 206,    /* no such session, or it is not in a state for this */
    EXIT_START = 207,      /* the engine refused to start the container */
    EXIT_COLLECT =
        208, /* the agent ended, but its work could not be brought back; it is in the volume */
    EXIT_AUDIT = 209, /* the keeper of the audit log or the broker of the login could not be started
                         or failed, or the log is damaged */
    EXIT_HOST_INTERNAL = 210, /* anything else on the host */
    /* container */
    EXIT_BOOT_KERNEL = 211,    /* the kernel or engine lacks something required */
    EXIT_BOOT_MANIFEST = 212,  /* the manifest is missing, malformed or has the wrong digest */
    EXIT_BOOT_MOUNTS = 213,    /* a mount failed */
    EXIT_BOOT_WORKSPACE = 214, /* the copy of the repository failed */
    EXIT_BOOT_GIT = 215,       /* git could not be set up */
    EXIT_BOOT_DATA = 216,      /* data directories could not be set up */
    EXIT_BOOT_DROP = 217,      /* privileges could not be dropped */
    EXIT_BOOT_SETUP = 218,     /* a setup hook failed */
    EXIT_BOOT_AGENT = 219,     /* the agent could not be started */
    EXIT_BOOT_INTERNAL = 220,  /* agent-boot itself died or ran out of time */
    EXIT_INIT_USAGE = 221,     /* agent-init: bad arguments */
    EXIT_INIT_NOT_PID1 = 222,  /* agent-init: --boot and not PID 1 */
    EXIT_AGENT_LOST = 223,     /* the agent ended and left no status */
    EXIT_SERVICE_LIMIT = 224,  /* a required service failed more often than its limit */
    EXIT_CONTROL = 225,        /* agent-initctl, agent-task-runnerctl: the request was refused, or
                                  nobody answered */
    EXIT_SANDBOX = 226,        /* a command could not be confined, so it was not run */
    EXIT_BOOT_RUNNER = 227,    /* the exec policy is malformed, or names another program than the
                                  image recorded; or the task runner has no place */
    EXIT_BOOT_SECRETS =
        228, /* a capability could not be redeemed, or what it grants has no place */
};

#endif
