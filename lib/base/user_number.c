/* Finds one identity's number in the table of them. */
#include "lib/base/user_number.h"

#include "lib/base/users.h"

int user_number_find(const char *name, uid_t *uid, struct error *err)
{
    struct user user;
    int result = users_find(USERS_FILE, name, &user, err);
    if (result == 0)
        *uid = user.uid;
    return result;
}
