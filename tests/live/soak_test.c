/* Drawn work on a few connections at once: every kind of call, canceled, destroyed, timed out, paused, grouped, inside
 * and outside transactions, in any order. Each outcome must be the expected one, and in the end the tables tell whether
 * what was said about the inserts was true: a success is there, a failure is not there unless it was in doubt. */
#include <stdio.h>
#include <stdlib.h>

#include "client.h"

enum { CONNS = 4, SLOTS = 24, STEPS = 3000, IDS = CONNS * STEPS * 3, BIG = 50000, GROUP_MAX = 4 };

enum fate { NEVER_RUN, PRESENT, ABSENT, EITHER };

struct item {
  dsql_future *f;
  int want;            /* code */
  unsigned may;        /* flags that may be set besides */
  int64_t value;       /* of row 0, column 0; -1: not looked at */
  size_t rows, stop;   /* streamed; stop behind this one */
  bool given_up;       /* it, or its group, was canceled: ECANCELED and ESKIPPED are as good */
  bool pauses, paused; /* at every 7th row */
  int id;              /* inserted by it; 0: none */
};

struct lane {
  dsql_conn *c;
  struct item items[SLOTS];
  enum fate *fate; /* by id */
};

struct soak {
  struct client x;
  struct lane lanes[CONNS];
  dsql_stmt *stmts[3];
  unsigned seed;
  int next_id;
  size_t ops, by_code[64];
  char big[BIG + 1];
};

static unsigned draw(struct soak *s, unsigned below) {
  s->seed = s->seed * 1103515245u + 12345u;
  return (s->seed >> 16) % below;
}

/* ---- the loop ---- */

static void turn(struct soak *s, uv_run_mode mode) {
  for (int i = 0; i < CONNS; i++)
    for (int k = 0; k < SLOTS; k++) {
      struct item *it = &s->lanes[i].items[k];
      if (!it->f || !it->paused || draw(s, 2)) continue;
      it->paused = false;
      dsql_resume(it->f);
    }
  (void)uv_run(&s->x.loop, mode);
}

static bool any_paused(const struct soak *s) {
  for (int i = 0; i < CONNS; i++)
    for (int k = 0; k < SLOTS; k++)
      if (s->lanes[i].items[k].f && s->lanes[i].items[k].paused) return true;
  return false;
}

static void judge(struct soak *s, struct lane *l, struct item *it) {
  int code = dsql_future_code(it->f);
  const dsql_error *e = dsql_future_error(it->f);
  const dsql_result *r;
  int64_t v;

  s->ops++;
  s->by_code[-code]++;
  cr_assert(code == it->want || (it->given_up && (code == DSQL_ECANCELED || code == DSQL_ESKIPPED)), "want %s, got %s",
            dsql_error_name(it->want), client_error_text(it->f));
  if (e)
    cr_assert_eq(e->flags & ~(it->may | DSQL_CLIENT_SIDE) & (it->given_up ? 0u : ~0u), 0, "%s",
                 client_error_text(it->f));
  if (it->id) l->fate[it->id] = code == 0 ? PRESENT : e->flags & DSQL_IN_DOUBT ? EITHER : ABSENT;
  if (code == 0 && it->value >= 0) {
    cr_assert_eq(dsql_future_result(it->f, &r), 0);
    cr_assert(dsql_get_int8(r, 0, 0, &v) == 0 && v == it->value);
  }
  dsql_future_destroy(it->f);
  *it = (struct item){0};
}

static void settle(struct soak *s, struct lane *l, struct item *it) {
  while (!dsql_future_ready(it->f)) turn(s, any_paused(s) ? UV_RUN_NOWAIT : UV_RUN_ONCE);
  judge(s, l, it);
}

static struct item *slot(struct soak *s, struct lane *l) {
  struct item *it = &l->items[draw(s, SLOTS)];
  if (it->f) settle(s, l, it);
  it->value = -1;
  return it;
}

/* ---- what is drawn ---- */

static int fresh_id(struct soak *s, struct item *it) {
  cr_assert(s->next_id + 1 < IDS && it->id == 0);
  return it->id = ++s->next_id;
}

static int on_row(const dsql_result *row, void *arg) {
  struct item *it = arg;
  int64_t v;
  if (dsql_get_int8(row, 0, 0, &v) || v != (int64_t)++it->rows) return -1;
  if (it->stop == it->rows) return 5;
  if (!it->pauses || it->rows % 7) return 0;
  it->paused = true;
  return DSQL_ROW_PAUSE;
}

static void draw_select(struct soak *s, struct lane *l) {
  struct item *it = slot(s, l);
  it->value = draw(s, 1000);
  switch (draw(s, 4)) {
    case 0: it->f = dsql_query(l->c, "select $1::int4", DSQL_PARAMS(dsql_int4((int32_t)it->value)), NULL); break;
    case 1: it->f = dsql_query_stmt(l->c, s->stmts[0], DSQL_PARAMS(dsql_int8(it->value)), NULL); break;
    case 2:
      it->value = BIG;
      it->f = dsql_query_stmt(l->c, s->stmts[1], DSQL_PARAMS(dsql_text_n(s->big, BIG)), NULL);
      break;
    default: it->value = 7; it->f = dsql_exec(l->c, "select 7; select 8; ; select 9", NULL);
  }
}

static void draw_failure(struct soak *s, struct lane *l) {
  struct item *it = slot(s, l);
  dsql_call o;
  dsql_call_init(&o);
  it->want = DSQL_ESERVER;
  switch (draw(s, 6)) {
    case 0: it->f = dsql_query(l->c, "select 1/0", DSQL_NO_PARAMS, NULL); break;
    case 1: it->f = dsql_query_stmt(l->c, s->stmts[2], DSQL_PARAMS(dsql_int4(0)), NULL); break;
    case 2: it->f = dsql_exec(l->c, "select 1; select 1/0", NULL); break;
    case 3:
      it->want = DSQL_EUNSUPPORTED;
      it->f = dsql_query(l->c, "copy t from stdin", DSQL_NO_PARAMS, NULL);
      break;
    case 4:
      it->want = DSQL_EUNSUPPORTED;
      it->f = dsql_exec(l->c, "copy t to stdout", NULL);
      break;
    default:
      it->want = DSQL_ETOOBIG;
      it->may = DSQL_IN_DOUBT;
      o.result_bytes_max = 1000;
      it->f = dsql_query(l->c, "select repeat('x', 100) from generate_series(1, 100)", DSQL_NO_PARAMS, &o);
  }
}

/* Sent, or not even that, or answered already. */
static void give_up(struct soak *s, struct item *it) {
  it->given_up = true;
  for (unsigned i = draw(s, 4); i > 0; i--) turn(s, UV_RUN_NOWAIT);
  dsql_future_cancel(it->f);
}

static void draw_stream(struct soak *s, struct lane *l) {
  struct item *it = slot(s, l);
  size_t n = 1 + draw(s, 200);
  it->pauses = draw(s, 2);
  it->may = DSQL_IN_DOUBT;
  if (draw(s, 3) == 0) {
    it->stop = 1 + draw(s, (unsigned)n);
    it->want = DSQL_EABORT;
  }
  it->f = dsql_query_each(l->c, "select generate_series(1, $1)", DSQL_PARAMS(dsql_int4((int32_t)n)), on_row, it, NULL);
  if (draw(s, 5)) return;
  give_up(s, it);
}

static dsql_future *insert(struct lane *l, int id, const dsql_call *o) {
  return dsql_query(l->c, "insert into t values ($1)", DSQL_PARAMS(dsql_int4(id)), o);
}

static void draw_insert(struct soak *s, struct lane *l) {
  struct item *it = slot(s, l);
  it->f = insert(l, fresh_id(s, it), NULL);
}

/* Nothing may be on the wire behind it: its CancelRequest could hit that, so none would be sent. */
static void draw_timeout(struct soak *s, struct lane *l) {
  struct item *it = slot(s, l);
  dsql_call o;
  dsql_call_init(&o);
  o.timeout_ms = 1 + draw(s, 10);
  it->want = DSQL_ETIMEDOUT;
  it->may = DSQL_IN_DOUBT | DSQL_NOT_SENT;
  it->f =
      dsql_query(l->c, "insert into t select $1::int4 from pg_sleep(20)", DSQL_PARAMS(dsql_int4(fresh_id(s, it))), &o);
  settle(s, l, it);
}

static void draw_cancel(struct soak *s, struct lane *l) {
  struct item *it = slot(s, l);
  it->f = insert(l, fresh_id(s, it), NULL);
  give_up(s, it);
}

static void draw_destroy(struct soak *s, struct lane *l) {
  struct item it = {0};
  int id = fresh_id(s, &it);
  dsql_future *f = insert(l, id, NULL);
  for (unsigned i = draw(s, 4); i > 0; i--) turn(s, UV_RUN_NOWAIT);
  l->fate[id] = EITHER;
  if (draw(s, 4) == 0) {
    dsql_future_detach(f);
    l->fate[id] = PRESENT;
  } else {
    dsql_future_destroy(f);
  }
}

static void draw_group(struct soak *s, struct lane *l) {
  int n = 1 + (int)draw(s, GROUP_MAX), bad = draw(s, 2) ? (int)draw(s, (unsigned)n) : -1;
  struct item *items[GROUP_MAX];

  for (int i = 0; i < n; i++) { /* all slots first: settling runs the loop */
    items[i] = slot(s, l);
    for (int k = 0; k < i; k++)
      if (items[k] == items[i]) return;
  }
  cr_assert_eq(dsql_pipeline_begin(l->c), 0);
  for (int i = 0; i < n; i++) {
    struct item *it = items[i];
    it->want = bad < 0 ? 0 : i == bad ? DSQL_ESERVER : DSQL_ESKIPPED;
    it->may = i < bad ? DSQL_ROLLED_BACK : 0;
    if (i == bad)
      it->f = dsql_query_stmt(l->c, s->stmts[2], DSQL_PARAMS(dsql_int4(0)), NULL);
    else
      it->f = insert(l, fresh_id(s, it), NULL);
  }
  cr_assert_eq(dsql_pipeline_end(l->c), 0);
  if (draw(s, 4)) return;
  for (int i = 0; i < n; i++) items[i]->given_up = true;
  give_up(s, items[draw(s, (unsigned)n)]);
}

/* Four calls; the insert's fate is the COMMIT's. */
static void draw_transaction(struct soak *s, struct lane *l) {
  struct item *items[4];
  bool bad = draw(s, 2);
  for (int i = 0; i < 4; i++) {
    items[i] = slot(s, l);
    for (int k = 0; k < i; k++)
      if (items[k] == items[i]) return;
  }
  items[0]->f = dsql_exec(l->c, "begin", NULL);
  items[1]->f = insert(l, fresh_id(s, items[3]), NULL);
  items[2]->want = bad ? DSQL_ESERVER : 0;
  items[2]->f = dsql_query(l->c, "select 1 / $1::int4", DSQL_PARAMS(dsql_int4(bad ? 0 : 1)), NULL);
  items[3]->want = bad ? DSQL_EROLLBACK : 0;
  items[3]->may = DSQL_ROLLED_BACK;
  items[3]->f = draw(s, 2) ? dsql_query(l->c, "commit", DSQL_NO_PARAMS, NULL) : dsql_exec(l->c, "commit", NULL);
}

static void settle_all(struct soak *s, struct lane *l) {
  for (int k = 0; k < SLOTS; k++)
    if (l->items[k].f) settle(s, l, &l->items[k]);
}

/* On an idle connection: executions that are on their way already find no statement, and may not be repeated behind
 * others. */
static void draw_forgetting(struct soak *s, struct lane *l) {
  settle_all(s, l);
  client_exec(l->c, "deallocate all");
}

static void step(struct soak *s) {
  static void (*const kinds[])(struct soak *, struct lane *) = {
      draw_select, draw_select, draw_select, draw_failure, draw_stream, draw_stream,
      draw_insert, draw_insert, draw_cancel, draw_destroy, draw_group,  draw_transaction,
  };
  struct lane *l = &s->lanes[draw(s, CONNS)];
  if (draw(s, 60) == 0)
    draw_timeout(s, l);
  else if (draw(s, 150) == 0)
    draw_forgetting(s, l);
  else
    kinds[draw(s, COUNT(kinds))](s, l);
  if (draw(s, 3) == 0) turn(s, UV_RUN_NOWAIT);
}

/* ---- the truth ---- */

static void compare(struct soak *s, struct lane *l) {
  bool *there = calloc(IDS, sizeof *there);
  dsql_future *f = dsql_query(l->c, "select a from t", DSQL_NO_PARAMS, NULL);
  const dsql_result *r = client_rows(f);
  cr_assert_not_null(there);
  for (size_t i = 0; i < dsql_result_rows(r); i++) {
    int32_t id;
    cr_assert(dsql_get_int4(r, i, 0, &id) == 0 && id > 0 && id < IDS);
    cr_assert_not(there[id], "%d was inserted twice", id);
    there[id] = true;
  }
  for (int id = 1; id <= s->next_id; id++) {
    enum fate fate = l->fate[id];
    cr_assert(fate == EITHER || there[id] == (fate == PRESENT), "%d is %s, but fate %d", id,
              there[id] ? "there" : "not there", (int)fate);
  }
  dsql_future_destroy(f);
  free(there);
}

static void soak(const char *version, const char *more, unsigned seed) {
  static struct soak s;
  struct server server;

  cr_assert(server_find(version, &server), "PostgreSQL %s is not running", version);
  s = (struct soak){.seed = seed};
  memset(s.big, 'b', BIG);
  client_open(&s.x);
  cr_assert_eq(dsql_stmt_new(&s.stmts[0], s.x.rt, "select $1::int8", NULL, 0), 0);
  cr_assert_eq(dsql_stmt_new(&s.stmts[1], s.x.rt, "select length($1::text)", NULL, 0), 0);
  cr_assert_eq(dsql_stmt_new(&s.stmts[2], s.x.rt, "select 1 / $1::int4", NULL, 0), 0);
  for (int i = 0; i < CONNS; i++) {
    s.lanes[i].c = client_dial(&s.x, "%s sslrootcert=%s %s", server_conninfo(&server), server.ca, more);
    s.lanes[i].fate = calloc(IDS, sizeof(enum fate));
    client_exec(s.lanes[i].c, "create temp table t (a int)");
  }
  for (int i = 0; i < STEPS; i++) step(&s);
  for (int i = 0; i < CONNS; i++) {
    struct lane *l = &s.lanes[i];
    settle_all(&s, l);
    compare(&s, l);
    cr_assert(dsql_conn_status(l->c) == DSQL_CONN_READY && dsql_conn_tx_status(l->c) == DSQL_TX_IDLE);
    dsql_conn_close(l->c);
    free(l->fate);
  }
  for (size_t i = 0; i < COUNT(s.stmts); i++) dsql_stmt_free(s.stmts[i]);
  client_close(&s.x);
  cr_log_info("PostgreSQL %s, seed %u: %zu outcomes, %zu of them successes, %zu canceled, %zu timeouts", server.version,
              seed, s.ops, s.by_code[0], s.by_code[-DSQL_ECANCELED], s.by_code[-DSQL_ETIMEDOUT]);
  cr_assert(s.by_code[0] > STEPS / 3 && s.by_code[-DSQL_ECANCELED] > 0 && s.by_code[-DSQL_ETIMEDOUT] > 0 &&
            s.by_code[-DSQL_ESKIPPED] > 0 && s.by_code[-DSQL_EROLLBACK] > 0 && s.by_code[-DSQL_EABORT] > 0);
}

/* DSQL_SOAK_SEED repeats one, or looks for new ones. */
static unsigned seed_or(unsigned seed) {
  const char *text = getenv("DSQL_SOAK_SEED");
  return text ? (unsigned)strtoul(text, NULL, 10) : seed;
}

Test(soak, plain_on_18, .timeout = 100) { soak("18", "sslmode=disable", seed_or(1)); }
Test(soak, tls_on_18, .timeout = 100) { soak("18", "sslmode=verify-full sslnegotiation=direct", seed_or(2)); }
Test(soak, plain_on_15, .timeout = 100) { soak("debian15", "sslmode=disable", seed_or(3)); }
