/* listeners.h - listeners beside the pool, on one or two channels. Each NOTIFY has the next number of all, so that what is
 * told can be checked: in order, each once, and none left out without a STARTED or a GAP in between. */
#ifndef DSQL_TEST_SIM_LISTENERS_H
#define DSQL_TEST_SIM_LISTENERS_H

#include "work.h"

void listeners_plan(uint64_t span_us);
/* Something is done to one of them, or the server is told something. */
void listeners_act(void);
/* Those that are paused go on. */
void listeners_calm(void);
/* Every one is listening, or has ended. */
bool listeners_settled(void);
/* Ahead of the runtime's end, or after that has begun. */
void listeners_close(void);

#endif
