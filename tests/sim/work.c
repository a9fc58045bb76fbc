#include "work.h"

#include "cluster.h"
#include "dsql/copy.h"
#include "fake_uv.h"
#include "listeners.h"
#include "net.h"
#include "server.h"
#include "sniffer.h"
#include "spans.h"

struct work work;

/* ---- operations ---- */

struct op *work_add(enum op_kind kind) {
  struct op *op;
  if (work.op_count == OPS_MAX || work.next_id + 2 >= STORE_ROWS_MAX) return NULL;
  op = sim_alloc(sizeof *op);
  op->kind = kind;
  op->id = work.next_id++;
  (void)snprintf(op->line, sizeof op->line, "p%u\n", op->id);
  work.ops[work.op_count++] = op;
  return op;
}

static void destroy_now(struct op *op) {
  dsql_future *f = op->future;
  op->future = NULL;
  work_enter();
  dsql_future_destroy(f);
  work_leave();
}

static void destroy_later(struct event *e) {
  struct op *op = LIST_ENTRY(e, struct op, event);
  if (op->future && !work.rt_closed) destroy_now(op);
}

void work_let_go(struct op *op) {
  sim_trace("op %u: destroyed", op->id);
  op->canceled = op->state == OP_PENDING;
  op->state = OP_GONE;
  destroy_now(op);
}

static void take_connection(struct op *op) {
  int rc;
  checks_granted(op);
  if (sim_chance(100)) return; /* goes back with its future */
  rc = dsql_future_take_conn(op->future, &op->conn);
  if (rc) {
    sim_check(work.rt_closing, "op %u: the connection can't be taken: %s", op->id, dsql_error_name(rc));
    return;
  }
  for (unsigned i = 0; i < work.op_count; i++)
    sim_check(work.ops[i] == op || work.ops[i]->kind != OP_ACQUIRE || work.ops[i]->conn != op->conn,
              "op %u and op %u have the same connection", op->id, work.ops[i]->id);
  ops_hold(op);
}

static void look_at_progress(struct op *op) {
  dsql_copy_progress p;
  dsql_copy_progress_get(op->future, &p, sizeof p);
  op->taken = p.rows_taken;
  op->in_doubt = p.rows_in_doubt;
}

static void outcome(struct op *op) {
  const dsql_error *e = dsql_future_error(op->future);

  op->state = OP_DONE;
  op->code = dsql_future_code(op->future);
  op->flags = e ? e->flags : 0;
  if (op->kind == OP_BATCHES) look_at_progress(op);
  sim_stop(&op->event);
  sim_note((uint64_t)(unsigned)op->code << 32 | op->id);
  sim_trace("op %u: %s%s, flags %x %s: %.*s", op->id, op->code ? dsql_error_name(op->code) : "OK",
            op->canceled ? " (canceled)" : "", op->flags, e ? e->sqlstate : "", e ? (int)e->message.len : 0,
            e ? e->message.ptr : "");
  if (op->kind == OP_ACQUIRE && op->code == 0) take_connection(op);
}

static void on_done(dsql_future *f, void *arg) {
  struct op *op = arg;

  sim_check(work.in_call == 0, "op %u: its callback runs inside a call", op->id);
  sim_check(op->state == OP_PENDING, "op %u: its callback runs again, or although it was destroyed", op->id);
  sim_check(op->future == f && dsql_future_ready(f), "op %u: its callback runs with another future", op->id);
  outcome(op);
  if (sim_chance(500))
    destroy_now(op);
  else
    sim_at(&op->event, sim_scaled(10000000), destroy_later);
}

void work_look(struct op *op) {
  if (op->state != OP_PENDING || op->watched || !dsql_future_ready(op->future)) return;
  outcome(op);
  destroy_now(op);
}

/* ---- second thoughts ---- */

static void second_thought(struct event *e) {
  struct op *op = LIST_ENTRY(e, struct op, event);

  if (op->state != OP_PENDING || work.rt_closed) return;
  if (sim_chance(400)) {
    sim_trace("op %u: canceled", op->id);
    op->canceled = true;
    work_enter();
    dsql_future_cancel(op->future);
    work_leave();
  } else if (op_pauses(op) || sim_chance(700)) { /* who is detached can't be resumed */
    work_let_go(op);
  } else {
    sim_trace("op %u: detached", op->id);
    op->state = OP_GONE;
    work_enter();
    dsql_future_detach(op->future);
    work_leave();
    op->future = NULL;
  }
}

void work_start(struct op *op, dsql_future *f) {
  op->future = f;
  if (!f) {
    sim_check(sim.faults.memory, "op %u: no memory, although there is", op->id);
    sim_trace("op %u: no memory", op->id);
    op->state = OP_DONE;
    op->code = DSQL_ENOMEM;
    op->unjudged = op->kind == OP_ALL;
    return;
  }
  op->state = OP_PENDING;
  op->watched = sim_chance(900);
  work_enter();
  if (op->watched) sim_check(dsql_future_on_ready(f, on_done, op) == 0, "op %u: can't be watched", op->id);
  work_leave();
  if (sim_chance(op->kind == OP_SLEEP ? 500 : 150)) sim_at(&op->event, sim_scaled(2000000), second_thought);
}

/* ---- in the loop or outside of it ---- */

static void start(struct op *op) {
  work.to_start--;
  ops_begin(op);
}

static void posted(void *arg) {
  if (work.in_call) sim_violated("what was posted runs inside a call");
  start(arg);
}

static void due(struct event *e) {
  struct op *op = LIST_ENTRY(e, struct op, event);
  if (work.rt_closing || sim_chance(500) || dsql_rt_post(work.rt, posted, op)) start(op);
}

/* ---- the plan ---- */

static void plan_faults(void) {
  struct faults *f = &sim.faults;
  const struct {
    unsigned *permille, most;
  } all[] = {{&f->refuse, 300},    {&f->blackhole, 30}, {&f->startup, 200},     {&f->password, 100}, {&f->cut, 300},
             {&f->stall, 30},      {&f->split, 1000},   {&f->statement, 100},   {&f->commit, 300},   {&f->fatal, 50},
             {&f->die, 200},       {&f->secret, 300},   {&f->slow_secret, 200}, {&f->memory, 20},    {&f->restart, 500},
             {&f->handshake, 100}, {&f->method, 1},     {&f->role, 1},          {&f->hook, 200},     {&f->notice, 200},
             {&f->stay, 500}};

  if (sim_chance(100)) return; /* a calm world */
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (sim_chance(350)) *all[i].permille = 1 + (unsigned)sim_scaled(all[i].most);
}

/* Of the whole run. Days are for tokens; what would happen a million times in them is then slower. */
static uint64_t plan_span_us(void) {
  static const uint64_t spans[] = {100000, 2000000, 60000000, UINT64_C(3600000000), UINT64_C(3) * 86400 * 1000000};
  return spans[sim_below(sizeof spans / sizeof *spans)];
}

static uint32_t milliseconds(uint64_t span_us, uint64_t most_ms) {
  uint64_t least = span_us / 1000 / 20 + 200;
  return sim_chance(200) ? DSQL_NO_LIMIT : (uint32_t)(least + sim_scaled(most_ms));
}

static int before_connect(dsql_pool *p, const dsql_target **target, void *arg) {
  (void)arg;
  sim_check(p == work.pool && *target == work.target, "before_connect is told of something else");
  sim_check(work.in_call == 0, "before_connect runs inside a call");
  return sim_chance(sim.faults.hook) ? 9 : 0;
}

static bool on_release(dsql_pool *p, dsql_conn *c, void *arg) {
  (void)arg;
  sim_check(p == work.pool && dsql_conn_status(c) == DSQL_CONN_READY && dsql_conn_tx_status(c) == DSQL_TX_IDLE,
            "what comes back is not clean");
  return !sim_chance(50);
}

static void plan_pool(uint64_t span_us) {
  dsql_pool_config *c = &work.config;

  dsql_pool_config_init(c);
  c->conns_max = 1 + (uint32_t)sim_scaled(9);
  c->conns_min = sim_chance(400) ? (uint32_t)sim_below(c->conns_max + 1) : 0;
  if (sim_chance(200)) c->waiters_max = 1 + (uint32_t)sim_scaled(50);
  if (sim_chance(500)) c->acquire_timeout_ms = 1 + (uint32_t)sim_scaled(60000);
  if (sim_chance(500)) c->lifetime_ms = milliseconds(span_us, 600000);
  if (sim_chance(500)) c->idle_ms = milliseconds(span_us, 60000);
  if (sim_chance(300)) c->connects_max = 1 + (uint32_t)sim_below(3);
  if (sim_chance(300)) {
    c->connects_per_s = 1 + (uint32_t)sim_scaled(50);
    c->connects_burst = 1 + (uint32_t)sim_scaled(10);
  }
  if (sim_chance(300)) c->reset_sql = "RESET ALL";
  if (sim_chance(200)) c->before_connect = before_connect;
  if (sim_chance(200)) c->on_release = on_release;
  dsql_tx_options_init(&work.tx_options);
  work.tx_options.base_delay_ms = 1 + (uint32_t)sim_scaled(100);
  work.tx_options.max_delay_ms = work.tx_options.base_delay_ms + (uint32_t)sim_scaled(1000);
  if (sim_chance(500)) c->tx = &work.tx_options;
}

static enum op_kind plan_kind(void) {
  static const enum op_kind kinds[] = {OP_ACQUIRE, OP_ACQUIRE, OP_ACQUIRE, OP_QUERY,   OP_STMT,     OP_EXEC,
                                       OP_READ,    OP_SLEEP,   OP_TX,      OP_TX,      OP_TX,       OP_TX,
                                       OP_BATCH,   OP_RETRY,   OP_COPY_IN, OP_COPY_IN, OP_COPY_OUT, OP_BATCHES,
                                       OP_ALL,     OP_CONTROL, OP_CONTROL};
  return kinds[sim_below(sizeof kinds / sizeof *kinds)];
}

static void plan(uint64_t span_us) {
  unsigned n = 20 + (unsigned)sim_scaled(180);

  plan_faults();
  if (!sim.faults.role && !cluster_is_calm()) sim.faults.role = sim_chance(600);
  if (!sim.faults.method && server.tls) sim.faults.method = sim_chance(400);
  plan_pool(span_us);
  for (unsigned i = 0; i < n; i++) {
    struct op *op = work_add(plan_kind());
    ops_plan(op);
    work.to_start++;
    sim_at(&op->event, sim_chance(300) ? 0 : sim_below(span_us), due);
  }
}

static dsql_future *hook(dsql_conn *c, void *arg) {
  (void)arg;
  sim_check(work.in_call == 0, "after_connect runs inside a call");
  return dsql_query(c, "SELECT hook", DSQL_NO_PARAMS, NULL);
}

static void plan_target(dsql_config *c, bool tls) {
  static char text[512];

  dsql_config_init(c);
  (void)snprintf(text, sizeof text, "%s user=sim dbname=sim %s%s", cluster_init(),
                 tls ? "sslmode=verify-full sslrootcert=system" : "sslmode=disable",
                 tls && sim_chance(500) ? " sslnegotiation=direct" : "");
  c->target = text;
  c->no_fast_connect = sim_chance(100);
  if (sim_chance(500)) c->connect_timeout_ms = 1000 + (uint32_t)sim_scaled(20000);
  if (sim_chance(300)) c->query_timeout_ms = 100 + (uint32_t)sim_scaled(20000);
}

static void plan_server(struct server_plan *s, enum secret_kind kind, uint64_t span_us) {
  *s = (struct server_plan){.dsql = kind == SECRET_TOKEN,
                            .tls = sim_chance(500),
                            .lenient = sim_chance(500),
                            .hooked = sim_chance(200),
                            .judge = secrets_judge(kind)};
  if (sim_chance(200)) s->age_limit_ms = span_us / 1000 / 20 + 1000 + sim_scaled(3600 * 1000);
}

void work_open(void) {
  enum secret_kind kind = (enum secret_kind)sim_below(SECRET_KINDS);
  uint64_t span_us = plan_span_us();
  struct server_plan s;
  dsql_config c;

  test_alloc_init(&work.heap);
  fake_uv_init(&work.loop);
  net_init();
  plan_server(&s, kind, span_us);
  server_init(&s);
  sim_check(dsql_rt_new(&work.rt, &work.loop, &work.heap.hook) == 0, "no runtime");
  spans_watch(work.rt);
  plan_target(&c, s.tls);
  if (s.hooked) c.after_connect = hook;
  work.target = secrets_open(work.rt, kind, &c);
  sim_check(dsql_stmt_new(&work.put, work.rt, "INSERT put $1", NULL, 0) == 0, "no statement");
  sim_check(dsql_stmt_new(&work.get, work.rt, "SELECT get $1", NULL, 0) == 0, "no statement");
  plan(span_us);
  sim_check(dsql_pool_new(&work.pool, work.rt, work.target, &work.config) == 0, "no pool");
  listeners_plan(span_us);
  work.bucket = UINT64_MAX;
  work.conns_max = work.config.conns_max;
}

/* ---- the end ---- */

void work_close_pool(void) {
  dsql_future *f;

  if (work.pool_closed) return;
  work.pool_closed = true;
  sim_trace("the pool is closed");
  f = dsql_pool_close(work.pool, sim_chance(300) ? 0 : (uint32_t)sim_scaled(10000));
  sim_check(f, "closing a pool needs memory");
  if (sim_chance(300))
    dsql_future_detach(f);
  else {
    work.close_op = work_add(OP_CONTROL);
    if (!work.close_op) sim_violated("too many operations");
    work_start(work.close_op, f);
  }
}

static void closed(void *arg) {
  (void)arg;
  sim_check(work.in_call == 0, "the runtime's callback runs inside a call");
  sim_check(!work.rt_closed, "the runtime ends twice");
  sim_trace("the runtime has ended");
  work.rt_closed = true;
}

static void release_what_is_held(void) {
  for (unsigned i = 0; i < work.op_count; i++) {
    struct op *op = work.ops[i];
    if (op->kind != OP_ACQUIRE || !op->conn || !sim_chance(500)) continue;
    dsql_pool_release(work.pool, op->conn);
    op->conn = NULL;
  }
}

static void free_what_was_made(void) {
  dsql_stmt_free(work.put);
  dsql_stmt_free(work.get);
  dsql_target_free(work.target);
  secrets_free();
}

/* What nobody watches is left to the runtime. */
void work_close_runtime(void) {
  bool before = sim_chance(500);

  if (work.rt_closing) return;
  sim_trace("the runtime is closed");
  if (before) release_what_is_held();
  secrets_stop();
  if (before) free_what_was_made();
  work.rt_closing = work.pool_closed = true;
  if (before) listeners_close();
  dsql_rt_close(work.rt, closed, NULL);
  if (before) return;
  release_what_is_held();
  listeners_close();
  free_what_was_made();
}
