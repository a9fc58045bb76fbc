/* bench_libpq.h - what the parts of bench_libpq share. */
#ifndef BENCH_LIBPQ_H
#define BENCH_LIBPQ_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

/* False: the name is none of its works. */
bool run_copy(PGconn *c, const char *name, uint64_t count);

#endif
