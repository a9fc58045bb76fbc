#include "copies.h"

#include "dsql/copy.h"
#include "dsql/portal.h"

enum { FILLER_MAX = 3000, APP_CODE = 7 };

/* ---- pauses ---- */

static void resume(struct event *e) {
  struct op *op = LIST_ENTRY(e, struct op, hold);
  work_enter();
  if (op->state == OP_PENDING && !work.rt_closed) dsql_resume(op->future);
  work_leave();
}

static void resume_later(struct op *op) { sim_at(&op->hold, sim_scaled(1000000), resume); }

static void check_call(const struct op *op, const char *what) {
  sim_check(work.in_call == 0, "%s is called inside a call", what);
  sim_check(op->state == OP_PENDING, "op %u: %s is called although it is over", op->id, what);
}

/* ---- in ---- */

static void write_filler(struct op *op, dsql_copy *copy) {
  char line[FILLER_MAX];
  size_t n = 2 + (size_t)sim_scaled(FILLER_MAX - 2);

  memset(line, 'x', n - 1);
  line[n - 1] = '\n';
  (void)dsql_copy_write(copy, line, n);
  op->stepped++;
}

static dsql_copy_next source(dsql_copy *copy, void *arg) {
  struct op *op = arg;

  check_call(op, "a source");
  if (dsql_copy_written(copy) == 0) op->stepped = 0;
  if (sim_chance(5)) {
    work_let_go(op);
    return DSQL_COPY_END;
  }
  if (sim_chance(50)) {
    if (sim_chance(300))
      dsql_resume(op->future);
    else
      resume_later(op);
    return DSQL_COPY_LATER;
  }
  if (op->aborts && sim_chance(200)) return dsql_copy_fail(copy, APP_CODE);
  if (op->stepped < op->moves)
    write_filler(op, copy);
  else if (op->stepped++ == op->moves)
    (void)dsql_copy_write(copy, op->line, strlen(op->line));
  else
    return DSQL_COPY_END;
  return DSQL_COPY_MORE;
}

dsql_future *copies_in(struct op *op, const dsql_call *o) {
  op->moves = (unsigned)sim_scaled(100); /* lines of no importance */
  if (sim_chance(200)) return dsql_pool_copy_in_bytes(work.pool, "COPY put FROM STDIN", op->line, strlen(op->line), o);
  return dsql_pool_copy_in(work.pool, "COPY put FROM STDIN", source, op, o);
}

/* One row each time. */
static dsql_copy_next batch_source(dsql_copy *copy, void *arg) {
  struct op *op = arg;

  check_call(op, "a source");
  if (sim_chance(20)) {
    resume_later(op);
    return DSQL_COPY_LATER;
  }
  if (op->stepped > op->moves) return DSQL_COPY_END;
  if (op->aborts && sim_chance(100)) return dsql_copy_fail(copy, APP_CODE);
  if (op->stepped < op->moves) {
    write_filler(op, copy);
  } else {
    op->stepped++;
    (void)dsql_copy_write(copy, op->line, strlen(op->line));
  }
  return DSQL_COPY_MORE;
}

dsql_future *copies_in_batches(struct op *op) {
  dsql_copy_batch_options o;

  dsql_copy_batch_options_init(&o);
  o.rows_max = 1 + (uint32_t)sim_scaled(20);
  if (sim_chance(300)) o.bytes_max = 1 + (size_t)sim_scaled(10000);
  op->moves = (unsigned)sim_scaled(100);
  return dsql_copy_in_batches(work.pool, "COPY put FROM STDIN", batch_source, op, &o);
}

/* ---- out ---- */

static int sink(const void *data, size_t n, void *arg) {
  struct op *op = arg;
  char expected[32];
  int len = snprintf(expected, sizeof expected, "%u\n", op->stepped);

  check_call(op, "a sink");
  sim_check(n == (size_t)len && memcmp(data, expected, n) == 0, "op %u: another line than line %u", op->id,
            op->stepped);
  op->stepped++;
  if (sim_chance(5)) {
    work_let_go(op);
    return 0;
  }
  if (sim_chance(5)) return APP_CODE;
  if (!sim_chance(50)) return 0;
  if (sim_chance(300))
    dsql_resume(op->future);
  else
    resume_later(op);
  return DSQL_ROW_PAUSE;
}

dsql_future *copies_out(struct op *op, const dsql_call *o) {
  char sql[64];
  op->moves = (unsigned)sim_scaled(200);
  (void)snprintf(sql, sizeof sql, "COPY rows %u TO STDOUT", op->moves);
  return dsql_pool_copy_out(work.pool, sql, sink, op, o);
}

/* ---- portals ---- */

static void on_chunk(dsql_future *f, void *arg);

static void fetch_over(struct op *op, int code) {
  op->state = OP_DONE;
  op->code = code;
  sim_stop(&op->event);
  sim_trace("op %u: %s, %u of %u rows", op->id, code ? dsql_error_name(code) : "OK", op->stepped, op->moves);
  work_enter();
  dsql_portal_close(op->portal);
  work_leave();
  op->portal = NULL;
}

static void await_chunk(struct op *op, dsql_future *f) {
  op->future = f;
  if (!f) {
    sim_check(sim.faults.memory, "op %u: no memory, although there is", op->id);
    fetch_over(op, DSQL_ENOMEM);
    return;
  }
  op->state = OP_PENDING;
  work_enter();
  sim_check(dsql_future_on_ready(f, on_chunk, op) == 0, "op %u: can't be watched", op->id);
  work_leave();
}

static void check_rows(struct op *op, dsql_future *f) {
  const dsql_result *r = NULL;
  int64_t v = -1;

  sim_check(dsql_future_result(f, &r) == 0, "op %u: a chunk without a result", op->id);
  sim_check(dsql_result_rows(r) <= op->waits, "op %u: %zu rows in a chunk of %u", op->id, dsql_result_rows(r),
            op->waits);
  for (size_t i = 0; i < dsql_result_rows(r); i++)
    sim_check(dsql_get_int8(r, i, 0, &v) == 0 && v == op->stepped++, "op %u: row %lld out of order", op->id,
              (long long)v);
}

static void on_chunk(dsql_future *f, void *arg) {
  struct op *op = arg;
  int code = dsql_future_code(f);
  dsql_future *next;

  check_call(op, "a chunk's callback");
  sim_check(op->future == f, "op %u: its callback runs with another future", op->id);
  if (code == 0) check_rows(op, f);
  op->future = NULL;
  work_enter();
  dsql_future_destroy(f);
  work_leave();
  if (code || !op->portal || dsql_portal_done(op->portal) || sim_chance(100)) {
    if (code == 0 && op->portal && dsql_portal_done(op->portal))
      sim_check(op->stepped == op->moves, "op %u: %u rows in place of %u", op->id, op->stepped, op->moves);
    fetch_over(op, code);
    return;
  }
  work_enter();
  next = dsql_portal_fetch(op->portal, (int32_t)op->waits, NULL);
  work_leave();
  await_chunk(op, next);
}

static void lose_interest(struct event *e) {
  struct op *op = LIST_ENTRY(e, struct op, event);
  dsql_portal *p = op->portal;

  if (op->state != OP_PENDING || work.rt_closed) return;
  sim_trace("op %u: nobody wants the rest", op->id);
  work_enter();
  if (sim_chance(300)) {
    dsql_future_cancel(op->future);
  } else if (sim_chance(500)) {
    op->portal = NULL; /* its callback will come, with ECANCELED */
    dsql_portal_close(p);
  } else {
    op->state = OP_GONE;
    op->portal = NULL;
    dsql_future_destroy(op->future);
    op->future = NULL;
    dsql_portal_close(p);
  }
  work_leave();
}

void copies_fetch(dsql_conn *c) {
  struct op *op = work_add(OP_FETCH);
  dsql_param p[1];
  dsql_future *f;

  if (!op) return;
  op->watched = true;
  op->moves = (unsigned)sim_scaled(100);
  op->waits = 1 + (unsigned)sim_scaled(40);
  p[0] = dsql_int8(op->moves);
  work_enter();
  f = dsql_query_fetch(c, "SELECT rows $1", (dsql_params){p, 1}, (int32_t)op->waits, NULL, &op->portal);
  work_leave();
  await_chunk(op, f);
  if (op->state == OP_PENDING && sim_chance(200)) sim_at(&op->event, sim_scaled(200000), lose_interest);
}
