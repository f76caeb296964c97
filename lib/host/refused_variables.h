/* policies/refused-variables.tab: what may stand in a file of variables for an agent. */
#ifndef HOST_REFUSED_VARIABLES_H
#define HOST_REFUSED_VARIABLES_H

#include "lib/base/error.h"

/* -EINVAL with a sentence when TEXT, as variables_read gives it, has a variable that the table at
 * PATH refuses by the first row that fits; the sentence has its line and name, never its value. 0
 * or -errno. */
int refused_variables_check(const char *path, const char *text, struct error *err);

#endif
