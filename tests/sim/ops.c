/* What operations do. */
#include "cluster.h"
#include "copies.h"
#include "listeners.h"
#include "server.h"
#include "work.h"

static dsql_params id_of(const struct op *op, dsql_param storage[1]) {
  storage[0] = dsql_int8(op->id);
  return (dsql_params){storage, 1};
}

static dsql_call call_options(const struct op *op) {
  dsql_call o;
  dsql_call_init(&o);
  if (sim_chance(300)) o.timeout_ms = 1 + (uint32_t)sim_scaled(20000);
  o.read_only = op->read_only;
  o.text_results = sim_chance(300);
  return o;
}

/* ---- rows, one by one ---- */

static void resume(struct event *e) {
  struct op *op = LIST_ENTRY(e, struct op, hold);
  work_enter();
  if (op->state == OP_PENDING && !work.rt_closed) dsql_resume(op->future);
  work_leave();
}

static int on_row(const dsql_result *row, void *arg) {
  struct op *op = arg;
  int64_t v = -1;

  sim_check(work.in_call == 0, "a row comes inside a call");
  sim_check(op->state == OP_PENDING, "op %u: a row comes although it is over", op->id);
  sim_check(dsql_get_int8(row, 0, 0, &v) == 0 && v == op->stepped, "op %u: row %lld in place of row %u", op->id,
            (long long)v, op->stepped);
  op->stepped++;
  if (sim_chance(5)) {
    work_let_go(op);
    return 0;
  }
  if (sim_chance(5)) return 5;
  if (!sim_chance(50)) return 0;
  if (sim_chance(300))
    dsql_resume(op->future); /* ahead of the pause */
  else
    sim_at(&op->hold, sim_scaled(1000000), resume);
  return DSQL_ROW_PAUSE;
}

static dsql_future *read_rows(struct op *op, const dsql_call *o) {
  int64_t rows = (int64_t)sim_scaled(200);
  dsql_param p[1] = {dsql_int8(sim_chance(500) ? rows : 1)};
  if (sim_chance(300)) return dsql_pool_query_stmt(work.pool, work.get, (dsql_params){p, 1}, o);
  return dsql_pool_query_each(work.pool, "SELECT rows $1", (dsql_params){p, 1}, on_row, op, o);
}

/* ---- on the pool ---- */

static dsql_future *run_all(struct op *op) {
  dsql_future *both[2];
  dsql_param p[1];

  both[0] = dsql_pool_query(work.pool, "INSERT put $1", id_of(op, p), NULL);
  p[0] = dsql_int8(op->id + 1);
  both[1] = dsql_pool_query(work.pool, "INSERT put $1", (dsql_params){p, 1}, NULL);
  return dsql_all(work.rt, both, 2);
}

static dsql_future *begin(struct op *op) {
  dsql_call o = call_options(op);
  char script[64];
  dsql_param p[1];

  switch (op->kind) {
    case OP_ACQUIRE: op->ticket = ++work.tickets; return dsql_pool_acquire(work.pool);
    case OP_QUERY: return dsql_pool_query(work.pool, "INSERT put $1", id_of(op, p), &o);
    case OP_STMT: return dsql_pool_query_stmt(work.pool, work.put, id_of(op, p), &o);
    case OP_EXEC:
      (void)snprintf(script, sizeof script, "BEGIN; INSERT put %u; %s", op->id,
                     op->uncommitted ? "SELECT fail" : "COMMIT");
      return dsql_pool_exec(work.pool, script, &o);
    case OP_READ: return read_rows(op, &o);
    case OP_SLEEP:
      p[0] = dsql_int8((int64_t)sim_scaled(5000));
      return dsql_pool_query(work.pool, "SELECT sleep $1", (dsql_params){p, 1}, &o);
    case OP_TX: op->ticket = ++work.tickets; return body_run(op);
    case OP_RETRY: return body_run(op);
    case OP_COPY_IN: return copies_in(op, &o);
    case OP_BATCHES: return copies_in_batches(op);
    case OP_COPY_OUT: return copies_out(op, &o);
    case OP_BATCH: return body_run_batch(op);
    case OP_ALL: return run_all(op);
    default: return NULL;
  }
}

/* ---- on a connection that was acquired ---- */

static struct op *put_on(dsql_conn *c) {
  struct op *op = work_add(OP_HELD);
  dsql_param p[1];
  dsql_future *f;

  if (!op) return NULL;
  op->conn = c;
  op->writes = true;
  work_enter();
  f = dsql_query(c, "INSERT put $1", id_of(op, p), NULL);
  work_leave();
  work_start(op, f);
  return op;
}

static void pipeline_of_two(dsql_conn *c, bool whole) {
  struct op *a, *b;
  int rc = dsql_pipeline_begin(c);

  if (rc) return;
  a = put_on(c);
  b = put_on(c);
  if (a && b && a->state == OP_PENDING && b->state == OP_PENDING) {
    a->partner = b;
    b->partner = a;
  }
  if (!whole || dsql_pipeline_end(c) == 0) return;
  if (a) a->unjudged = true;
  if (b) b->unjudged = true;
}

static void open_block(dsql_conn *c) {
  dsql_future *f;
  struct op *op;

  work_enter();
  f = dsql_query(c, "BEGIN", DSQL_NO_PARAMS, NULL);
  work_leave();
  if (!f || dsql_future_ready(f)) {
    dsql_future_destroy(f);
    return;
  }
  op = put_on(c);
  if (op) op->uncommitted = true;
  dsql_future_detach(f);
}

static void release(struct event *e) {
  struct op *op = LIST_ENTRY(e, struct op, hold);
  dsql_conn *c = op->conn;

  op->conn = NULL;
  if (!c || work.rt_closed) return;
  sim_trace("op %u: released", op->id);
  work_enter();
  dsql_pool_release(work.pool, c);
  work_leave();
}

static void begin_detached(dsql_conn *c) {
  dsql_future *f;
  work_enter();
  f = dsql_query(c, "BEGIN", DSQL_NO_PARAMS, NULL);
  if (f) dsql_future_detach(f);
  work_leave();
}

void ops_hold(struct op *op) {
  dsql_conn *c = op->conn;

  switch (sim_below(11)) {
    case 8:
    case 9:
      begin_detached(c);
      copies_fetch(c);
      if (sim_chance(500)) copies_fetch(c);
      break;
    case 10: copies_fetch(c); break;
    case 0: (void)put_on(c); break;
    case 1: pipeline_of_two(c, true); break;
    case 2: pipeline_of_two(c, false); break;
    case 3: open_block(c); break;
    case 4:
      (void)put_on(c);
      (void)put_on(c);
      break;
    default: break;
  }
  if (sim_chance(300)) {
    release(&op->hold);
    return;
  }
  sim_at(&op->hold, sim_scaled(sim_chance(100) ? 60000000 : 200000), release);
}

/* ---- to the world ---- */

static void no_memory_over(struct event *e) {
  (void)e;
  test_alloc_arm(&work.heap, 0, false);
}

static void fail_memory(struct op *op) {
  if (!sim.faults.memory) return;
  test_alloc_arm(&work.heap, 1 + (size_t)sim_scaled(100), sim_chance(200));
  sim_trace("an allocation will fail: the %zuth%s", work.heap.fail_at,
            work.heap.fail_all_after ? " and all behind" : "");
  sim_at(&op->hold, sim_scaled(50000), no_memory_over);
}

static void resize(void) {
  uint32_t most = 1 + (uint32_t)sim_scaled(12), least = (uint32_t)sim_below(most + 1);
  if (dsql_pool_resize(work.pool, most, least)) return;
  sim_trace("resized to %u, at least %u", most, least);
  work.config.conns_max = most;
  if (most > work.conns_max) work.conns_max = most;
}

/* The machine was asleep, or somebody has set the clock. */
static void jump(void) {
  secrets_excuse();
  if (sim_chance(500))
    sim.now_us += sim_scaled(UINT64_C(3600) * 1000000);
  else
    sim.wall_ms += (int64_t)sim_scaled(3600 * 1000) - 1800 * 1000;
  sim_trace("the clock jumps");
  work.jumped = true;
}

static void control(struct op *op) {
  op->state = OP_GONE;
  if (work.rt_closing || work.pool_closed) return;
  switch (sim_below(22)) {
    case 0:
    case 1: resize(); break;
    case 2:
    case 3: dsql_pool_expire_all(work.pool); break;
    case 4:
      if (sim_chance(sim.faults.restart)) server_restart();
      break;
    case 5:
      if (sim_chance(100)) jump();
      break;
    case 6:
      if (sim_chance(30)) work_close_pool();
      break;
    case 7:
      if (sim_chance(30)) work_close_runtime();
      break;
    case 8:
    case 9:
    case 10:
      if (!sim.faults.method) break;
      server_change_method();
      if (sim_chance(700)) dsql_pool_expire_all(work.pool);
      break;
    case 11:
    case 12:
    case 13:
      if (sim.faults.role) cluster_fail_over();
      break;
    case 14:
    case 15:
    case 16: fail_memory(op); break;
    default: listeners_act(); break;
  }
}

void ops_begin(struct op *op) {
  dsql_future *f;

  if (op->kind == OP_CONTROL) {
    work_enter();
    control(op);
    work_leave();
    return;
  }
  /* Of a closed pool only the memory is there, until it has ended. */
  if (work.rt_closing || (work.pool_closed && (!work.close_op || dsql_future_ready(work.close_op->future)))) {
    op->state = OP_GONE;
    op->writes = false;
    return;
  }
  sim_trace("op %u: %s", op->id, op_name(op));
  work_enter();
  f = begin(op);
  work_leave();
  work_start(op, f);
}

/* ---- which ---- */

void ops_plan(struct op *op) {
  op->writes = op->kind != OP_ACQUIRE && op->kind != OP_READ && op->kind != OP_SLEEP && op->kind != OP_COPY_OUT &&
               op->kind != OP_CONTROL;
  op->idempotent = (op->kind == OP_TX || op->kind == OP_BATCH || op->kind == OP_RETRY) && sim_chance(200);
  op->read_only = !op->writes && sim_chance(300);
  op->waits = (unsigned)sim_below(4);
  op->moves = op->kind == OP_TX || op->kind == OP_BATCH ? (unsigned)sim_below(4) : 0;
  op->aborts = sim_chance(100);
  op->misbehaves = op->kind == OP_TX && sim_chance(30);
  op->awaits = op->kind == OP_TX && op->waits && sim_chance(200);
  op->fetches = op->kind == OP_TX && op->waits && sim_chance(200);
  op->suicidal = op->kind == OP_TX && sim_chance(30);
  op->uncommitted = op->kind == OP_EXEC && sim_chance(200);
  if (op->kind == OP_ALL) work.next_id++;
}
