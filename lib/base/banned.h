/* Functions this project does not use, refused by the preprocessor. Included before every
 * translation unit. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

/* Their declarations must come before the names are poisoned. */
#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A macro, which can only be poisoned once it is none. */
#undef alloca

#pragma GCC poison strcpy strcat sprintf vsprintf strncpy strncat gets atoi atol system popen strtok
#pragma GCC poison alloca

#endif
