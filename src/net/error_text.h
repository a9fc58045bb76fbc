/* error_text.h - what an errno means, in English whatever the locale is. */
#ifndef DSQL_NET_ERROR_TEXT_H
#define DSQL_NET_ERROR_TEXT_H

#include <stddef.h>

enum { ERROR_TEXT_SIZE = 80 };

/* "connection refused"; returns out. */
const char *error_text(int os_error, char out[ERROR_TEXT_SIZE]);

#endif
