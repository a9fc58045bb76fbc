/* grid.h - keyword values, good and bad, in groups of keywords that have to do with each other. */
#ifndef DSQL_TEST_GRID_H
#define DSQL_TEST_GRID_H

#include <stddef.h>

enum { GRID_AXES_MAX = 4 };

/* "%P" in a value stands for a port on which nobody listens. */
struct axis {
  const char *keyword;
  const char *const *values; /* NULL-terminated */
};

/* All combinations of its axes, each of which may be left out too, are tried. */
struct group {
  struct axis axes[GRID_AXES_MAX]; /* the keyword of an unused one is NULL */
};

extern const struct group grid_groups[];
extern const size_t grid_group_count;
/* Every keyword once; drawn from at random for combinations that nobody thought of. */
extern const struct axis grid_axes[];
extern const size_t grid_axis_count;

#endif
