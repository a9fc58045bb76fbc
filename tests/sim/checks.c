/* What must hold: at every turn, when all is calm, and at the end. */
#include "fake_uv.h"
#include "net.h"
#include "sniffer.h"
#include "spans.h"
#include "store.h"
#include "work.h"

const char *op_name(const struct op *op) {
  static const char *const names[] = {"acquire",     "query",   "prepared query", "script", "read",     "sleep",
                                      "transaction", "batch",   "retry",          "all",    "held put", "copy in",
                                      "copy out",    "batches", "fetch",          "nested", "control"};
  return names[op->kind];
}

/* ---- first come, first served ---- */

void checks_granted(const struct op *op) {
  for (unsigned i = 0; i < work.op_count; i++) {
    const struct op *other = work.ops[i];
    if (other->kind != op->kind || other->state != OP_PENDING || other->canceled) continue;
    if (other->ticket >= op->ticket || dsql_future_ready(other->future) || other->bodies) continue;
    sim_violated("op %u is served ahead of op %u, which came first", op->id, other->id);
  }
}

/* ---- limits ---- */

static void check_bucket(uint64_t started) {
  uint64_t per_s = work.config.connects_per_s ? work.config.connects_per_s : 100;
  uint64_t burst = work.config.connects_burst ? work.config.connects_burst : 1000;
  uint64_t now_ms = sim.now_us / 1000;

  if (work.bucket == UINT64_MAX) work.bucket_ms = 0;
  work.bucket += (now_ms - work.bucket_ms) * per_s;
  if (work.bucket_ms == 0 || work.bucket > burst * 1000) work.bucket = burst * 1000;
  work.bucket_ms = now_ms;
  if (work.jumped) started = 0;
  sim_check(work.bucket >= started * 1000, "%llu connects at once, over connects_per_s and connects_burst",
            (unsigned long long)started);
  work.bucket -= started * 1000;
}

static void check_pool(void) {
  uint64_t started;
  dsql_pool_stats s;
  uint32_t total;

  dsql_pool_stats_get(work.pool, &s, sizeof s);
  total = s.idle + s.in_use + s.returning + s.connecting;
  started = s.connects + s.connect_failures + s.connecting;
  sim_check(s.waiters <= (work.config.waiters_max ? work.config.waiters_max : 1000000), "%u wait, over waiters_max",
            s.waiters);
  if (started > work.connects_seen) {
    sim_check(total <= work.conns_max, "%u connections, over conns_max", total);
    sim_check(s.connecting <= (work.config.connects_max ? work.config.connects_max : 16),
              "%u are connecting, over connects_max", s.connecting);
    check_bucket(started - work.connects_seen);
  }
  work.jumped = false;
  work.connects_seen = started;
  work.conns_max = work.config.conns_max;
}

/* The runtime has taken what nobody watched with it. */
static void forget_unwatched(void) {
  for (unsigned i = 0; i < work.op_count; i++) {
    struct op *op = work.ops[i];
    if (op->state == OP_PENDING && !op->watched) op->state = OP_GONE;
  }
}

void checks_turn(void) {
  if (work.rt_closed) {
    forget_unwatched();
    return;
  }
  for (unsigned i = 0; i < work.op_count; i++) work_look(work.ops[i]);
  if (work.rt_closing) return;
  if (!work.pool_closed) check_pool();
  secrets_check();
}

/* With nobody about: what was counted where it came in, and where it went. */
static void check_sums(const dsql_pool_stats *s) {
  uint64_t gone = 0;

  for (int i = 0; i < DSQL_GONE_REASONS; i++) gone += s->gone[i];
  sim_check(s->connects == gone + s->idle, "of %llu connections %llu have gone and %u are there",
            (unsigned long long)s->connects, (unsigned long long)gone, s->idle);
  sim_check(s->acquires == s->acquire_time.count, "%llu acquires, but %llu have a time",
            (unsigned long long)s->acquires, (unsigned long long)s->acquire_time.count);
  sim_check(s->waits <= s->acquires, "%llu acquires, of which %llu have waited", (unsigned long long)s->acquires,
            (unsigned long long)s->waits);
}

void checks_calm(void) {
  dsql_pool_stats s;
  unsigned sessions = net_client_sessions();

  dsql_pool_stats_get(work.pool, &s, sizeof s);
  sim_check(s.in_use == 0 && s.waiters == 0, "%u are lent out and %u wait, although all is done", s.in_use, s.waiters);
  sim_check(sessions == s.idle, "%u sessions, but the pool knows of %u", sessions, s.idle);
  sim_check(s.idle <= work.config.conns_max, "%u connections, over conns_max", s.idle);
  check_sums(&s);
}

/* ---- exactly once ---- */

/* Its row stands behind op->moves others. */
static void check_batches(const struct op *op, unsigned times) {
  if (op->code == 0)
    sim_check(op->taken == op->moves + 1, "op %u: done, with %llu rows of %u", op->id, (unsigned long long)op->taken,
              op->moves + 1);
  if (op->in_doubt)
    sim_check(op->flags & DSQL_IN_DOUBT, "op %u: rows are in doubt, but the error does not say so", op->id);
  if (op->moves < op->taken) sim_check(times == 1, "op %u: its row was taken, but is not there", op->id);
  if (op->moves >= op->taken + op->in_doubt)
    sim_check(times == 0, "op %u: its row was not taken, but is there", op->id);
}

static void check_row(const struct op *op, unsigned id) {
  unsigned times = store_times(id);
  bool doubt = op->flags & DSQL_IN_DOUBT;

  if (op->kind == OP_TX || op->kind == OP_BATCH)
    sim_check(!times || store_moves(id) == op->moves, "op %u: committed in part, with %u moves of %u", op->id,
              store_moves(id), op->moves);
  if (!op->idempotent) sim_check(times <= 1, "op %u: took effect %u times", op->id, times);
  if (op->uncommitted) sim_check(!times, "op %u: took effect, but was never committed", op->id);
  if (op->state != OP_DONE || op->unjudged) return;
  if (op->kind == OP_BATCHES) {
    check_batches(op, times);
    return;
  }
  if (op->code == 0 && !op->uncommitted) sim_check(times, "op %u: reported as done, but took no effect", op->id);
  if (op->code && !doubt && op->kind != OP_ALL)
    sim_check(!times, "op %u: reported as failed (%s), but took effect", op->id, dsql_error_name(op->code));
  /* What is given up may still be sent; and a BEGIN that was not answered may have failed. */
  if (doubt && !op->uncommitted && (op->code == DSQL_EIO || op->code == DSQL_ESERVER) && op->kind != OP_ALL &&
      op->kind != OP_EXEC)
    sim_check(sniffer_commit_sent(id, op->idempotent), "op %u: in doubt, but no commit point was sent", op->id);
}

static void check_op(const struct op *op) {
  sim_check(op->state == OP_DONE || op->state == OP_GONE || !op->watched, "op %u (%s) has never ended", op->id,
            op_name(op));
  sim_check(!op->read_only || !(op->flags & DSQL_IN_DOUBT), "op %u: read only, and in doubt", op->id);
  if (op->code == 0 && op->state == OP_DONE && op->kind == OP_TX)
    sim_check(!op->aborts && !op->misbehaves, "op %u: done, although its body gave up", op->id);
  if (!op->writes) return;
  check_row(op, op->id);
  if (op->kind == OP_ALL) check_row(op, op->id + 1);
  if (op->partner && !op->unjudged)
    sim_check(store_times(op->id) == store_times(op->partner->id), "op %u: half of a pipeline took effect", op->id);
}

void checks_end(void) {
  for (unsigned i = 0; i < work.op_count; i++) check_op(work.ops[i]);
  store_check_sum();
  spans_check();
  sim_check(work.heap.live == 0, "%zu blocks are live", work.heap.live);
  sim_check(fake_uv_open() == 0, "%u handles are open", fake_uv_open());
}
