/* rig.h - one relay and a script that drives it. A script is lines of a key, a blank and words (words.h):
 *
 *   c words    the client sends                 > words    all that the server was given since the last such line
 *   s words    the server sends                 < words    all that the client was given
 *   t ms       the time from now on             ! text     the relay has closed, for this reason
 *   o          another session commits DDL      i 0|1      whether the session is idle
 *
 * Whatever stays in an output at the end, or a close that no line tells of, is a failure. A script runs whole, and in
 * parts of any number of bytes. */
#ifndef DSQL_TEST_RELAY_RIG_H
#define DSQL_TEST_RELAY_RIG_H

#include "relay.h"
#include "test_alloc.h"
#include "words.h"

struct rig {
  struct test_alloc heap;
  struct relay_world world;
  struct relay r;
  struct buf from_client, from_server; /* not yet taken */
  uint64_t now_ms;
  size_t step; /* bytes at once; 0: all */
};

/* Started: the first ReadyForQuery has passed. specs: fault specifications, blank-separated, or NULL. */
void rig_init(struct rig *rig, const char *specs, uint64_t seed);
void rig_deinit(struct rig *rig); /* asserts that no memory is held */

/* Gives the relay what is there until nothing moves. */
void rig_pump(struct rig *rig);
/* False and a message on stderr where the script and the relay differ; lenient: only runs it (memory is short). */
bool rig_run(struct rig *rig, const char *script, const char *file, int line, bool lenient);

/* Whole, in single bytes, in parts of 3 and 7, and with every allocation failing in turn. */
#define check_script(specs, seed, script) rig_check((specs), (seed), (script), __FILE__, __LINE__)
void rig_check(const char *specs, uint64_t seed, const char *script, const char *file, int line);

#endif
