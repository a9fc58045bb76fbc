/* show.h - how a piece of the user's input appears in an error: cut to a readable length, control bytes replaced. */
#ifndef DSQL_TARGET_SHOW_H
#define DSQL_TARGET_SHOW_H

#include <stddef.h>

struct shown {
  char text[72];
};

struct shown show_text(const char *s, size_t n);

#endif
