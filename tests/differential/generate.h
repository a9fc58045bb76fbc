/* generate.h - connection strings, good and bad, from a seed: the same seed and index give the same string always. */
#ifndef DSQL_TEST_GENERATE_H
#define DSQL_TEST_GENERATE_H

#include <stddef.h>
#include <stdint.h>

enum { GENERATE_MAX = 512 };

extern const char *const generate_seeds[];
extern const size_t generate_seed_count;

/* A mutated seed; NUL-terminated, below GENERATE_MAX bytes. */
void generate_conninfo(uint64_t seed, uint64_t index, char out[GENERATE_MAX]);

#endif
