/* fault.h - the faults that `dsql local` injects, seeded and reproducible. Pure: no clock, no sockets, no memory.
 *
 * A specification is one string, KIND@POINT[:OPTION]...
 *
 *   kind                point                 what the client sees
 *   occ                 statement, commit     40001 "change conflicts ... (OC000)"; nothing was applied
 *   schema              statement, commit     40001 "schema has been updated ... (OC001)"; nothing was applied
 *   unavailable         statement, commit     XX000 "server unavailable"; at commit applied or not, by the seed
 *   rollback            commit                of a block: COMMIT is answered with the tag ROLLBACK and no error, and so it was;
 *                                             a script ends there
 *   close               statement, commit     the socket closes without a word
 *   stall               statement, commit,    nothing for ms milliseconds, then all goes on (at connect: the front's)
 *                       connect
 *   waking              connect               FATAL "unable to accept connection, waking up cluster, ..."
 *   signature-expired   connect               FATAL "unable to accept connection, access denied" with its HINT
 *   rate                connect               FATAL 53400, too many connects
 *   full                connect               FATAL 53300, too many connections
 *
 *   option     default
 *   p=0.25     1           probability of each chance, 0..1
 *   count=N    no end      injected at most N times
 *   skip=N     0           the first N chances pass
 *   ms=N       1000        how long a stall is, 1..3600000
 *   before     close@commit: the transaction is lost; unavailable@commit: the same
 *   after      close@commit: the transaction was committed; unavailable@commit: the same
 *              neither: even odds, drawn from the seed
 *
 * A chance at "statement" is a simple Query, or a Parse, or a Bind in a group without a Parse before it; at
 * "commit" it is a COMMIT that ends a block in good standing, or the end of an implicit transaction (a Query, or a
 * group up to its Sync) that wrote; at "connect" each connection that asks. A COMMIT is not a chance at "statement".
 * At each chance the specifications of that point are tried in the order given; the first that hits is injected,
 * and a stall that hits comes on top of it.
 *
 * Randomness is one splitmix64 stream (Steele, Lea, Flood 2014) of the seed: a specification with 0 < p < 1 draws once
 * per chance that it isn't skipping or used up at; a hit at commit without before or after draws once more. The same
 * seed and the same order of chances give the same faults, in any number of sessions. */
#ifndef DSQL_LOCAL_FAULT_H
#define DSQL_LOCAL_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault_kind {
  FAULT_NONE,
  FAULT_OCC,
  FAULT_SCHEMA,
  FAULT_UNAVAILABLE,
  FAULT_ROLLBACK,
  FAULT_CLOSE,
  FAULT_STALL,
  FAULT_WAKING,
  FAULT_SIGNATURE_EXPIRED,
  FAULT_RATE,
  FAULT_FULL
};

enum fault_point { FAULT_AT_CONNECT, FAULT_AT_STATEMENT, FAULT_AT_COMMIT };

enum fault_side { FAULT_BY_SEED, FAULT_BEFORE, FAULT_AFTER };

struct fault_spec {
  enum fault_kind kind;
  enum fault_point point;
  enum fault_side side;
  double probability;
  uint64_t left; /* UINT64_MAX: no end */
  uint64_t skip;
  uint32_t stall_ms;
  uint64_t injected, applied; /* how often, and of these with the transaction committed; for the log and for tests */
  const char *text;           /* as it was given, the caller's */
};

enum { FAULT_SPECS_MAX = 64, FAULT_STALL_DEFAULT_MS = 1000, FAULT_STALL_MAX_MS = 3600000 };

struct faults {
  uint64_t random; /* splitmix64 state */
  size_t count;
  struct fault_spec specs[FAULT_SPECS_MAX];
};

struct fault_hit {
  enum fault_kind kind; /* FAULT_NONE when only stalled, or nothing */
  bool applied;         /* at commit: the transaction is committed all the same */
  uint32_t stall_ms;    /* 0: no stall; comes before kind */
};

void faults_init(struct faults *f, uint64_t seed);
/* Adds one specification. 0, or DSQL_EINVAL with a text that names what is wrong and what would be right (a NUL is
 * always written); nothing is added then. The text must outlive f. */
int faults_add(struct faults *f, const char *spec, char *error, size_t error_size);
/* --occ-rate P, the short form of occ@commit:p=P. */
int faults_add_occ_rate(struct faults *f, const char *rate, char *error, size_t error_size);
/* True when any specification is for this point, used up or not. */
bool faults_at(const struct faults *f, enum fault_point point);
/* One chance. */
struct fault_hit faults_roll(struct faults *f, enum fault_point point);
/* The same at the end of an implicit transaction: rollback@commit has no chance there. */
struct fault_hit faults_roll_implicit(struct faults *f);

#endif
