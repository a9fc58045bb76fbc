/* peer_libpq.h - what the parts of peer_libpq share: workers, one thread and one connection each. */
#ifndef BENCH_PEER_LIBPQ_H
#define BENCH_PEER_LIBPQ_H

#include <libpq-fe.h>

#include "round.h"

enum mode { SYNC, PIPELINE, SINGLE, CHUNKED };

/* The arguments of a statement in wire form. */
struct parameters {
  int count;
  Oid types[ARGS_MAX];
  const char *values[ARGS_MAX];
  int lengths[ARGS_MAX], formats[ARGS_MAX];
  uint64_t wire[ARGS_MAX];
};

struct worker {
  struct peer *peer;
  struct recorder *recorder;
  PGconn *conn;
  int index;
  int64_t sum; /* of all values read, so that they were */
  uint64_t n;  /* how often it has done its work */
};

struct peer {
  struct work work;
  enum mode mode;
  struct parameters parameters;
  int64_t deadline_ns;
  struct worker workers[CONNECTIONS_MAX];
  struct recorder recorders[CONNECTIONS_MAX];
};

_Noreturn void peer_fail(PGconn *c);
/* r, or the end of the program when its status is another one. */
PGresult *peer_expect(PGconn *c, PGresult *r, ExecStatusType status);
void peer_parameters(struct parameters *out, const struct work *w);
/* Every field to its native value, NULL, type and width checked; the sum of round.h. */
int64_t peer_decode(const struct work *w, const PGresult *r);

/* The work once; they return its rows. */
uint64_t peer_query(struct worker *w);
uint64_t peer_query_rows(struct worker *w); /* single and chunked */
uint64_t peer_query_pipeline(struct worker *w);
uint64_t peer_batch(struct worker *w);
uint64_t peer_batch_pipeline(struct worker *w);
uint64_t peer_copy(struct worker *w);
uint64_t peer_transfer(struct worker *w);
uint64_t peer_transfer_pipeline(struct worker *w);

#endif
