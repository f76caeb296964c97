/* Functions this project does not use, refused by the preprocessor. Included before every
 * translation unit. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

/* Their declarations must come before the names are poisoned. */
#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC poison strcpy strcat sprintf vsprintf strncpy strncat gets atoi atol system popen strtok

#endif
