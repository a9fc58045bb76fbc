/* observe.h - optional: what a runtime's work takes, for tracing, metrics and logs. Nothing of it costs anything until it
 * is asked for (docs/observability.md has the counts).
 *
 * A span is one piece of work with a start and an end: a connection being made, the wait for one of a pool's, a call, an
 * attempt of a transaction. Each start is followed by exactly one end, whatever happens to the work: success, errors,
 * cancel, a lost connection, the end of its pool or of the runtime.
 *
 * HOOKS run on the loop's thread, and are the exception to the rule of dsql.h about callbacks: the start hook runs inside
 * the call that starts the work, the end hook ahead of the future's callback. A hook may look, and call dsql_rt_post().
 * Whatever else would start, cancel, close, destroy or give back something is refused while one runs: calls that report
 * fail with EINVAL, those that can't report do nothing. Views in a span live until the hook returns.
 *
 * Parameter values are never shown. Neither is what follows PASSWORD in the text of a CREATE or ALTER. */
#ifndef DSQL_OBSERVE_H
#define DSQL_OBSERVE_H

#include "dsql/dsql.h"

#ifdef __cplusplus
extern "C" {
#endif

enum dsql_span_kind {
  DSQL_SPAN_CONNECT, /* a connection being made: hosts, TLS, authentication, after_connect */
  DSQL_SPAN_ACQUIRE, /* the wait for a pool's connection, whoever asks: dsql_pool_acquire(), a call, a transaction */
  DSQL_SPAN_QUERY,   /* a call on a connection, its own BEGIN, COMMIT and ROLLBACK included */
  DSQL_SPAN_ATTEMPT, /* one attempt of a transaction, from its connection to its end */
  DSQL_SPAN_KINDS
};

typedef struct dsql_span {
  size_t size;
  enum dsql_span_kind kind;
  uint64_t id; /* of this runtime; never 0, never twice */
  /* Of a call: the attempt that it is part of, else the acquire that lent its connection. Of an attempt: the acquire. */
  uint64_t parent_id; /* else 0 */
  dsql_str host;      /* as configured; of several the one whose turn it is. A Unix socket: its path */
  uint16_t port;      /* 0: a Unix socket */
  dsql_str database, user;
  dsql_str operation; /* of a call: its first keyword, in capitals ("SELECT"); empty when there is none */
  dsql_str sql;       /* of a call: its text as given, or empty (no_sql; a call that was refused) */
  unsigned attempt; /* of a transaction: 1 for the first. Of a call: 2 at its end when it was repaired and sent again */
  unsigned batch_size; /* of an attempt of dsql_run_batch(): its statements; else 0 */

  /* At the end. */
  bool ended;
  bool will_retry;      /* an attempt: another one follows */
  uint64_t duration_us; /* since the start */
  /* By the connection meanwhile: calls that were on their way at the same time count in each other's. */
  uint64_t bytes_sent, bytes_received; /* 0 when it is gone */
  int64_t rows;                        /* of a call that succeeded: rows received; else -1 */
  int64_t rows_affected;   /* of a call that succeeded: from its tags, all together; -1: they have no count */
  const dsql_error *error; /* NULL: success */
  enum dsql_conflict conflict;
} dsql_span;

/* Both may be NULL. What start returns is given to end, as data. */
typedef void *(*dsql_span_start_fn)(const dsql_span *s, void *arg);
typedef void (*dsql_span_end_fn)(const dsql_span *s, void *data, void *arg);
/* A line of the log, in logfmt, without a newline and without a time; it lives until the callback returns. A hook. */
typedef void (*dsql_log_fn)(const char *line, size_t len, void *arg);

typedef struct dsql_hooks {
  size_t size;
  dsql_span_start_fn start;
  dsql_span_end_fn end;
  void *arg;
  bool no_sql; /* spans and lines have no text of calls, but for its first keyword */
  /* Calls that take slow_query_ms or longer get a line each; 0: none. Past slow_lines_per_s they are counted, and another
   * line tells how many there were. Set without log, slow_query_ms is EINVAL. */
  dsql_log_fn log;
  void *log_arg;
  uint32_t slow_query_ms;
  uint32_t slow_lines_per_s; /* 10 */
  uint32_t slow_sql_bytes;   /* 1024: longer texts are cut, between characters */
} dsql_hooks;
DSQL_API void dsql_hooks_init_sized(dsql_hooks *h, size_t size);
#define dsql_hooks_init(h) dsql_hooks_init_sized((h), sizeof *(h))

/* From now on, for all of the runtime's connections and pools; h is copied, NULL ends it. The hooks are called until the
 * runtime's end. When there is no memory for a span the work goes on without it: it has neither start nor end, and
 * dsql_observe_stats.lost counts it. EINVAL, ENOMEM; EBUSY while a span is open, or from a hook. */
DSQL_API DSQL_NODISCARD int dsql_rt_observe(dsql_rt *rt, const dsql_hooks *h);

/* Since dsql_rt_observe(); zeros without it. */
typedef struct dsql_observe_stats {
  size_t size;
  uint64_t started[DSQL_SPAN_KINDS], failed[DSQL_SPAN_KINDS];
  dsql_histogram time[DSQL_SPAN_KINDS]; /* of those that have ended, failed ones included */
  uint64_t lost;
  uint64_t slow, slow_suppressed; /* calls; suppressed: those of them that had no line */
} dsql_observe_stats;
DSQL_API void dsql_observe_stats_get(const dsql_rt *rt, dsql_observe_stats *out, size_t size);

/* The span in the names of OpenTelemetry's semantic conventions for databases ("db.namespace", "server.address"), and in
 * names of our own ("dsql.attempt") for what those don't have. Writes at most cap, and returns how many there are;
 * DSQL_ATTRIBUTES_MAX suffices. */
typedef struct dsql_attribute {
  const char *name; /* static */
  dsql_str text;    /* ptr NULL: it is the number */
  int64_t number;
} dsql_attribute;
enum { DSQL_ATTRIBUTES_MAX = 24 };
DSQL_API size_t dsql_span_attributes(const dsql_span *s, dsql_attribute *out, size_t cap);

/* Statistics of pools, of their transactions and tokens, and of what is observed on rt (may be NULL), as text for a metrics
 * endpoint: Prometheus' text format 0.0.4, for `Content-Type: text/plain; version=0.0.4; charset=utf-8`. Names are the
 * label of each pool and must differ. *len is what it takes, without the NUL, also with ETOOBIG. EINVAL. */
typedef struct dsql_metrics_pool {
  const char *name; /* UTF-8 */
  const dsql_pool *pool;
} dsql_metrics_pool;
DSQL_API DSQL_NODISCARD int dsql_metrics_write(const dsql_rt *rt, const dsql_metrics_pool *pools, size_t n, char *out,
                                               size_t cap, size_t *len);

#ifdef __cplusplus
}
#endif
#endif
