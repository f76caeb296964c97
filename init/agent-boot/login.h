/* The agent's login on its way from the sealed capability to the program that redeems it. */
#ifndef BOOT_LOGIN_H
#define BOOT_LOGIN_H

#include "init/agent-boot/boot.h"
#include "lib/wire/redeem.h"
#include "lib/wire/secret.h"
#include "lib/wire/stub_table.h"

struct boot_login {
    struct stub stub;
    struct user identity;
    int broker_fd;      /* owned; -1 before the hello */
    struct secret bond; /* owned: struct redeem_bond; none before the hello */
};

/* Forgets it: the connection is closed, the key zeroed. NULL is fine. */
void login_forget(struct boot_context *context);

/* One request to the broker and its answer. All borrowed. */
struct login_question {
    enum redeem_type type;
    const void *payload;
    size_t size;
    enum redeem_type answer;
    void *data; /* where the answer's payload goes */
    size_t data_size;
};

/* Asks QUESTION. 0, or -errno with the broker's reason. */
int login_ask(const struct boot_login *login, const struct login_question *question,
              struct error *err);

/* Directories: of the capability, of what the agent's program gets. 0 or -errno. */
int login_cap_root(const struct boot_login *login, char path[PATH_MAX], struct error *err);
int login_secret_root(const struct boot_login *login, char path[PATH_MAX], struct error *err);

#endif
