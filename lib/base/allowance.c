/* Time as money: it is saved up to a limit, and each piece of work costs some. */
#include "lib/base/allowance.h"

void allowance_open(struct allowance *allowance, uint64_t count, uint64_t each_ns, uint64_t now_ns)
{
    *allowance = (struct allowance){.each_ns = each_ns,
                                    .most_ns = count * each_ns,
                                    .saved_ns = count * each_ns,
                                    .counted_ns = now_ns};
}

bool allowance_take(struct allowance *allowance, uint64_t now_ns)
{
    uint64_t room = allowance->most_ns - allowance->saved_ns;
    uint64_t gained = now_ns - allowance->counted_ns;
    allowance->saved_ns += gained < room ? gained : room;
    allowance->counted_ns = now_ns;
    if (allowance->saved_ns < allowance->each_ns)
        return false;
    allowance->saved_ns -= allowance->each_ns;
    return true;
}
