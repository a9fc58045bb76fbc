/* differences.h - the list of deliberate differences, differences.txt: where a difference is not listed, or a listed one
 * does not occur, the comparison fails. */
#ifndef DSQL_TEST_DIFFERENCES_H
#define DSQL_TEST_DIFFERENCES_H

#include <stdbool.h>
#include <stddef.h>

enum { DIFFERENCES_MAX = 128 };

struct difference {
  unsigned line;
  char *kind, *what, *libpq, *ours; /* the first four columns; the reason is for people */
  unsigned long seen;
};

struct differences {
  char *text; /* the file; the columns point into it */
  struct difference list[DIFFERENCES_MAX];
  size_t count;
};

/* Ends the program with a message when the file is not in order. */
void differences_load(struct differences *d, const char *path);
void differences_free(struct differences *d);

/* Tells which lines of that kind were never seen; returns how many there are. */
unsigned differences_unseen(const struct differences *d, const char *kind);

#endif
