/* rig.h - a session with its queue, output and allocator, driven by words; what it reports becomes lines of text.
 *
 * Operations, separated by blanks (an underscore stands for a blank in the SQL; op i is the i-th one submitted):
 *
 *   x:INSERT_...   extended, unnamed: Parse Bind Describe(portal) Execute
 *   w:BEGIN        a command of the owner's, which returns no rows: Parse Bind Execute
 *   p:INSERT_...   the first execution of a named statement: Parse Describe(statement) Bind Execute
 *   r:INSERT_...   the same again, with a Close before
 *   b:INSERT_...   a later execution: Bind Execute
 *   l:SELECT_...   into a portal, with a row limit: Parse Bind Describe(portal) Execute
 *   m:SELECT_...   more of that portal: Execute
 *   s:INSERT_...   simple Query; always ends its group
 *   i:COPY_...     the same for a COPY FROM STDIN that is planned; o:COPY_... TO STDOUT
 *   c              Close
 *   y              nothing but the Sync
 *   | at a word's end: the group ends here    ! before that: read-only */
#ifndef DSQL_TEST_SESSION_RIG_H
#define DSQL_TEST_SESSION_RIG_H

#include "backend_script.h"
#include "session/session.h"
#include "test_alloc.h"

enum { RIG_OPS = 64, RIG_LOG = 64 * 1024 };

struct rig {
  struct test_alloc heap;
  struct op_queue queue;
  struct buf out;
  struct session_config config;
  struct session s;
  bool live;
  struct op ops[RIG_OPS];
  size_t op_count;
  unsigned done[RIG_OPS]; /* how often each was reported */
  char log[RIG_LOG];
  size_t log_len;
  struct scram_derivation derivation;
  bool deriving;
  size_t rows_at_once; /* consume at most so many rows of a run; 0: all */
  bool apart;          /* rows and results never come as one event */
  size_t fast;         /* how many events came that stand for several */
};

/* The defaults: trust, plain TCP, no password. Change config before rig_start(). */
void rig_init(struct rig *r);
int rig_start(struct rig *r);
/* rig_init, rig_start, then "R0 Z:<status>". The log is empty afterwards. */
void rig_init_ready(struct rig *r, char tx_status);
/* Ends what is left, checks that every operation was reported exactly once, and that no memory is held. */
void rig_deinit(struct rig *r);
void rig_stop(struct rig *r); /* the session alone: what is in flight is ended first */

void rig_submit(struct rig *r, const char *ops);
void rig_gather(struct rig *r); /* gathers all, and counts it as sent */
/* Bytes in parts of at most `step` (0: at once); every part in memory of its own, so that no view outlives it. */
void rig_feed_bytes(struct rig *r, const uint8_t *p, size_t n, size_t step);
void rig_feed(struct rig *r, const char *words);
void rig_pull(struct rig *r);
void rig_eof(struct rig *r);
const char *rig_take_log(struct rig *r); /* the lines since last time; valid until the next call */
/* The types of the messages that were appended since last time, as letters: "pPBDES". '0' is the StartupMessage. */
const char *rig_take_output(struct rig *r);

/* Compares and prints both when they differ. */
#define rig_expect(r, expected) rig_check_log((r), (expected), __FILE__, __LINE__)
void rig_check_log(struct rig *r, const char *expected, const char *file, int line);

const char *rig_outcome_name(enum op_outcome outcome);

#endif
