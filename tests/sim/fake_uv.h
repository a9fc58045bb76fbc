/* fake_uv.h - the parts of libuv that the library calls, on the world's clock. A handle knows its entry in a table by its
 * u.fd. Order inside a turn is that of libuv 1.x: timers, prepare, poll, closed handles. */
#ifndef DSQL_TEST_SIM_FAKE_UV_H
#define DSQL_TEST_SIM_FAKE_UV_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

void fake_uv_init(uv_loop_t *loop);
/* One turn without waiting; the world's due events run where libuv polls. True when it may not wait either. */
bool fake_uv_turn(void);
/* When the loop's timer is due; UINT64_MAX: it is not armed. */
uint64_t fake_uv_next_us(void);
/* As uv_loop_alive(). */
bool fake_uv_alive(void);
/* Handles that are not closed yet, and lookups and jobs under way. */
unsigned fake_uv_open(void);
void fake_uv_deinit(void);

#endif
