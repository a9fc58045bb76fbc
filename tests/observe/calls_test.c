/* Calls and connects, one message at a time: in every ending each start has its end, and the end says what happened. */
#include <stdio.h>

#include "dsql/copy.h"
#include "peer.h"
#include "spy.h"

static struct peer p;
static struct spy spy;
static dsql_conn *c;

enum { ENDS_MAX = 6 };

struct ending {
  const char *name;
  const char *options; /* of the connection string */
  void (*play)(void);
  struct {
    enum dsql_span_kind kind;
    int code;
    const char *sqlstate, *operation;
    int64_t rows;
  } ends[ENDS_MAX]; /* in their order, up to one without an operation; a connect's is "-" */
};

static dsql_future *query(const char *sql) { return dsql_query(c, sql, DSQL_NO_PARAMS, NULL); }
static dsql_future *in_flight(const char *sql) {
  dsql_future *f = query(sql);
  peer_expect(&p, "PBDES");
  return f;
}
static void drop(dsql_future *f) {
  (void)peer_settle(&p, f);
  dsql_future_destroy(f);
}
static void close_it(void) {
  dsql_conn_close(c);
  c = NULL;
}

static void success(void) {
  dsql_future *f = in_flight("select a from t");
  peer_send(&p, "1 2 T:a D:1 D:2 C:SELECT_2 Z:I");
  drop(f);
}
static void changed(void) {
  dsql_future *f = in_flight("/* why */ update t set a = 1");
  peer_send(&p, "1 2 n C:UPDATE_7 Z:I");
  drop(f);
  cr_assert_eq(spy_end(&spy, DSQL_SPAN_QUERY, 0)->end.rows_affected, 7);
}
static void script(void) {
  dsql_future *f = dsql_exec(c, "select 1; select 2", NULL);
  peer_expect(&p, "Q");
  peer_send(&p, "T:a D:1 C:SELECT_1 T:a D:2 D:3 C:SELECT_2 Z:I");
  drop(f);
}
static void server_error(void) {
  dsql_future *f = in_flight("insert into t values (1)");
  peer_send(&p, "E:23505 Z:I");
  drop(f);
}
static void conflict(void) {
  dsql_future *f = in_flight("update t set a = 1");
  peer_send(&p, "E:40001 Z:I");
  drop(f);
  cr_assert_eq(spy_end(&spy, DSQL_SPAN_QUERY, 0)->end.conflict, DSQL_CONFLICT_DATA);
}
static void timeout(void) {
  dsql_call o;
  dsql_future *f;
  dsql_call_init(&o);
  o.timeout_ms = 5;
  f = dsql_query(c, "select pg_sleep(9)", DSQL_NO_PARAMS, &o);
  drop(f);
}
static void canceled_unsent(void) {
  dsql_future *f = query("select 1");
  dsql_future_cancel(f);
  drop(f);
}
static void canceled(void) {
  dsql_future *f = in_flight("select 1");
  dsql_future_cancel(f);
  drop(f);
}
static void destroyed(void) { dsql_future_destroy(in_flight("select 1")); }
static void detached(void) {
  dsql_future_detach(in_flight("select 1"));
  peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
  peer_turn_ms(&p, 5);
}
static void lost(void) {
  dsql_future *f = in_flight("select 1");
  peer_drop(&p.main);
  drop(f);
}
static void lost_commit(void) {
  dsql_future *f = in_flight("commit");
  peer_drop(&p.main);
  drop(f);
  cr_assert(spy_end(&spy, DSQL_SPAN_QUERY, 0)->flags & DSQL_IN_DOUBT);
}
static void closed(void) {
  dsql_future *f = in_flight("select 1"), *queued = query("select 2");
  close_it();
  dsql_future_destroy(f);
  dsql_future_destroy(queued);
}
static void runtime_closed(void) {
  (void)in_flight("select 1");
  client_begin_close(&p.x);
  p.x.rt = NULL;
  peer_turn_ms(&p, 5);
  c = NULL;
}
static void refused(void) { dsql_future_destroy(dsql_query(c, NULL, DSQL_NO_PARAMS, NULL)); }
static void refused_by_a_limit(void) {
  dsql_future *f = query("select 1");
  dsql_future_destroy(query("select 2"));
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
  drop(f);
}
static void pipeline(void) {
  dsql_future *f[3];
  cr_assert_eq(dsql_pipeline_begin(c), 0);
  f[0] = query("select 1");
  f[1] = query("insert into t values (1)");
  f[2] = query("delete from t");
  cr_assert_eq(dsql_pipeline_end(c), 0);
  peer_expect(&p, "PBDEPBDEPBDES");
  peer_send(&p, "1 2 T:a D:1 C:SELECT_1 E:23505 Z:I");
  for (int i = 0; i < 3; i++) drop(f[i]);
}
static int show(const dsql_result *row, void *arg) {
  (void)row;
  return *(const int *)arg;
}
static void streamed(void) {
  int go_on = 0;
  dsql_future *f = dsql_query_each(c, "select a from t", DSQL_NO_PARAMS, show, &go_on, NULL);
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 T:a D:1 D:2 D:3 C:SELECT_3 Z:I");
  drop(f);
}
static void stopped(void) {
  int stop = 42;
  dsql_future *f = dsql_query_each(c, "select a from t", DSQL_NO_PARAMS, show, &stop, NULL);
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 T:a D:1 D:2 D:3");
  drop(f);
}
static void repaired(void) {
  dsql_stmt *s = NULL;
  dsql_future *f;
  cr_assert_eq(dsql_stmt_new(&s, p.x.rt, "select v from t", NULL, 0), 0);
  f = dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL);
  peer_expect(&p, "PDBES");
  peer_send(&p, "1 t: T:a 2 D:1 C:SELECT_1 Z:I");
  drop(f);
  f = dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL);
  peer_expect(&p, "BES");
  peer_send(&p, "E:26000 Z:I");
  peer_expect(&p, "CPDBES");
  peer_send(&p, "3 1 t: T:a 2 D:1 C:SELECT_1 Z:I");
  drop(f);
  dsql_stmt_free(s);
  cr_assert_eq(spy_end(&spy, DSQL_SPAN_QUERY, 0)->end.attempt, 1);
  cr_assert_eq(spy_end(&spy, DSQL_SPAN_QUERY, 1)->end.attempt, 2);
  cr_assert_str_eq(spy_end(&spy, DSQL_SPAN_QUERY, 1)->sql, "select v from t");
}
static void copied_in(void) {
  dsql_future *f = dsql_copy_in_bytes(c, "copy t from stdin", "1\n2\n", 4, NULL);
  peer_expect(&p, "Q");
  peer_send(&p, "G");
  peer_expect(&p, "dc");
  peer_send(&p, "C:COPY_2 Z:I");
  drop(f);
  cr_assert_eq(spy_end(&spy, DSQL_SPAN_QUERY, 0)->end.rows_affected, 2);
}
static int swallow(const void *data, size_t n, void *arg) {
  (void)data, (void)n, (void)arg;
  return 0;
}
static void copy_lost(void) {
  dsql_future *f = dsql_copy_out(c, "copy t to stdout", swallow, NULL, NULL);
  peer_expect(&p, "Q");
  peer_send(&p, "H d:one");
  peer_turn_ms(&p, 5);
  peer_drop(&p.main);
  drop(f);
}
static dsql_future *f_riding;
static void dial_and_call(const char *sql) {
  c = peer_dial(&p);
  f_riding = query(sql);
  peer_accept(&p, &p.main);
  cr_assert_not(peer_startup(&p, &p.main));
}
static void riding(void) {
  dial_and_call("select 1");
  peer_send(&p, "R0 K Z:I");
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
  drop(f_riding);
}
static void riding_in_vain(void) {
  dial_and_call("select 1");
  peer_send(&p, "F:28000");
  drop(f_riding);
}
static void never_up(void) {
  c = peer_dial(&p);
  close_it();
}

#define C(code, state)                                                                                                 \
  { DSQL_SPAN_CONNECT, code, state, "-", -1 }
#define Q(code, state, verb, rows)                                                                                     \
  { DSQL_SPAN_QUERY, code, state, verb, rows }
#define UP C(0, "")
static const struct ending endings[] = {
    {"success", "", success, {UP, Q(0, "", "SELECT", 2)}},
    {"a change", "", changed, {UP, Q(0, "", "UPDATE", 0)}},
    {"a script", "", script, {UP, Q(0, "", "SELECT", 3)}},
    {"a server error", "", server_error, {UP, Q(DSQL_ESERVER, "23505", "INSERT", -1)}},
    {"a conflict", "", conflict, {UP, Q(DSQL_ESERVER, "40001", "UPDATE", -1)}},
    {"a timeout", "", timeout, {UP, Q(DSQL_ETIMEDOUT, "", "SELECT", -1)}},
    {"canceled before it was sent", "", canceled_unsent, {UP, Q(DSQL_ECANCELED, "", "SELECT", -1)}},
    {"canceled", "", canceled, {UP, Q(DSQL_ECANCELED, "", "SELECT", -1)}},
    {"destroyed", "", destroyed, {UP, Q(DSQL_ECANCELED, "", "SELECT", -1)}},
    {"detached", "", detached, {UP, Q(0, "", "SELECT", 1)}},
    {"the connection is lost", "", lost, {UP, Q(DSQL_EIO, "", "SELECT", -1)}},
    {"a COMMIT in doubt", "", lost_commit, {UP, Q(DSQL_EIO, "", "COMMIT", -1)}},
    {"closed", "", closed, {UP, Q(DSQL_ECLOSED, "", "SELECT", -1), Q(DSQL_ECLOSED, "", "SELECT", -1)}},
    {"the runtime is closed", "", runtime_closed, {UP, Q(DSQL_ECANCELED, "", "SELECT", -1)}},
    {"refused", "", refused, {UP, Q(DSQL_EINVAL, "", "", -1)}},
    {"refused by a limit", "", refused_by_a_limit, {UP, Q(DSQL_EBUSY, "", "", -1), Q(0, "", "SELECT", 1)}},
    {"a pipeline with a failure",
     "",
     pipeline,
     {UP, Q(DSQL_ESKIPPED, "", "SELECT", -1), Q(DSQL_ESERVER, "23505", "INSERT", -1),
      Q(DSQL_ESKIPPED, "", "DELETE", -1)}},
    {"row by row", "", streamed, {UP, Q(0, "", "SELECT", 3)}},
    {"stopped by its row callback", "", stopped, {UP, Q(DSQL_EABORT, "", "SELECT", -1)}},
    {"a repaired statement", "", repaired, {UP, Q(0, "", "SELECT", 1), Q(0, "", "SELECT", 1)}},
    {"a COPY", "", copied_in, {UP, Q(0, "", "COPY", 0)}},
    {"a COPY that is lost", "", copy_lost, {UP, Q(DSQL_EIO, "", "COPY", -1)}},
    {"riding", "ride", riding, {UP, Q(0, "", "SELECT", 1)}},
    {"riding in vain", "ride", riding_in_vain, {C(DSQL_EAUTH, "28000"), Q(DSQL_EAUTH, "28000", "SELECT", -1)}},
    {"never up", "ride", never_up, {C(DSQL_ECLOSED, "")}},
};

static void judge(const struct ending *e) {
  size_t n = 0;

  for (; n < ENDS_MAX && e->ends[n].operation; n++) {
    const struct spied *s;
    cr_assert_lt(n, spy.end_count, "%s: only %zu ends", e->name, spy.end_count);
    s = &spy.spans[spy.ended[n]];
    cr_expect_eq(s->start.kind, e->ends[n].kind, "%s: end %zu", e->name, n);
    cr_expect_eq(s->code, e->ends[n].code, "%s: end %zu is %s", e->name, n, dsql_error_name(s->code));
    cr_expect_str_eq(s->sqlstate, e->ends[n].sqlstate, "%s: end %zu", e->name, n);
    cr_expect_eq(s->end.rows, e->ends[n].rows, "%s: end %zu has %lld rows", e->name, n, (long long)s->end.rows);
    if (s->start.kind == DSQL_SPAN_QUERY) cr_expect_str_eq(s->operation, e->ends[n].operation, "%s", e->name);
    cr_expect_str_eq(s->database, "d");
    cr_expect_str_eq(s->user, "u");
    cr_expect_eq(s->start.port, 0, "a Unix socket has none");
    cr_expect(str_has(s->start.host, "@dsql-peer-"), "%s", s->host);
  }
  cr_expect_eq(spy.end_count, n, "%s: %zu ends", e->name, spy.end_count);
  spy_settled(&spy);
}

static void play(const struct ending *e) {
  bool ride = strcmp(e->options, "ride") == 0;

  peer_open(&p, "password=hunter2");
  p.config.queue_ops_max = strcmp(e->name, "refused by a limit") == 0;
  spy_init(&spy);
  spy.secret = "hunter2";
  spy_on(&spy, p.x.rt);
  c = ride ? NULL : peer_connect(&p);
  e->play();
  if (c) dsql_conn_close(c);
  peer_close(&p); /* with the runtime: whatever is open has ended */
  judge(e);
}

Test(calls, each_start_has_its_end_in_every_ending, .timeout = 60) {
  for (size_t i = 0; i < COUNT(endings); i++) play(&endings[i]);
}

/* ---- what a span tells ---- */

static void open_all(void) {
  peer_open(&p, "");
  spy_init(&spy);
  spy_on(&spy, p.x.rt);
}

Test(calls, durations_and_bytes_are_those_of_the_work, .init = open_all) {
  const struct spied *s;
  dsql_observe_stats stats;
  dsql_conn_stats conn;
  dsql_future *f;

  c = peer_connect(&p);
  f = in_flight("select a from t");
  peer_turn_ms(&p, 20);
  peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
  drop(f);
  s = spy_end(&spy, DSQL_SPAN_QUERY, 0);
  cr_assert_geq(s->end.duration_us, 18000);
  dsql_conn_stats_get(c, &conn, sizeof conn);
  cr_assert_eq(s->end.bytes_sent + spy_end(&spy, DSQL_SPAN_CONNECT, 0)->end.bytes_sent, conn.bytes_sent);
  cr_assert_eq(s->end.bytes_received + spy_end(&spy, DSQL_SPAN_CONNECT, 0)->end.bytes_received, conn.bytes_received);
  cr_assert(s->end.bytes_sent > 40 && s->end.bytes_received > 40);
  dsql_observe_stats_get(p.x.rt, &stats, sizeof stats);
  cr_assert(stats.started[DSQL_SPAN_QUERY] == 1 && stats.time[DSQL_SPAN_QUERY].count == 1);
  cr_assert(stats.failed[DSQL_SPAN_QUERY] == 0 && stats.lost == 0 && stats.started[DSQL_SPAN_CONNECT] == 1);
  cr_assert_eq(stats.time[DSQL_SPAN_QUERY].sum_us, s->end.duration_us);
  dsql_conn_close(c);
  peer_close(&p);
}

Test(calls, warm_ones_take_nothing_from_the_allocator, .init = open_all) {
  size_t before = 0;

  c = peer_connect(&p);
  for (int i = 0; i < 6; i++) {
    dsql_future *f = in_flight("select a from t");
    peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
    drop(f);
    if (i == 2) before = p.x.heap.calls;
  }
  cr_assert_eq(p.x.heap.calls, before);
  dsql_conn_close(c);
  peer_close(&p);
}

Test(calls, long_texts_are_told_whole_and_secrets_are_not, .init = open_all) {
  static char sql[8000];
  dsql_future *f;

  memset(sql, ' ', sizeof sql - 1);
  memcpy(sql, "select", 6);
  memcpy(sql + sizeof sql - 4, "'x'", 3);
  spy.secret = "hunter2";
  c = peer_connect(&p);
  dsql_future_destroy(query(sql));
  dsql_future_destroy(query("alter role a password 'hunter2'"));
  dsql_future_destroy(query("select dblink('host=h password = hunter2')"));
  f = dsql_query(c, "select * from t where password = $1 and b = $2", DSQL_PARAMS(dsql_text("hunter2"), dsql_int4(1)),
                 NULL);
  dsql_future_destroy(f);
  cr_assert_eq(spy_end(&spy, DSQL_SPAN_QUERY, 0)->start.sql.len, 255, "as much as the test keeps");
  cr_assert_str_eq(spy_end(&spy, DSQL_SPAN_QUERY, 1)->sql, "alter role a password");
  cr_assert_str_eq(spy_end(&spy, DSQL_SPAN_QUERY, 3)->sql, "select * from t where password = $1 and b = $2");
  dsql_conn_close(c);
  peer_close(&p);
}

Test(calls, without_texts) {
  peer_open(&p, "");
  spy_init(&spy);
  spy.hooks.no_sql = true;
  spy_on(&spy, p.x.rt);
  c = peer_connect(&p);
  dsql_future_destroy(query("select 'literal'"));
  cr_assert_str_eq(spy_end(&spy, DSQL_SPAN_QUERY, 0)->sql, "");
  cr_assert_str_eq(spy_end(&spy, DSQL_SPAN_QUERY, 0)->operation, "SELECT");
  dsql_conn_close(c);
  peer_close(&p);
}

/* ---- a hook may only look ---- */

static dsql_future *other;
static unsigned tried, posted;

static void later(void *arg) { posted += (arg == &posted); }

static void misbehave(const dsql_span *s) {
  dsql_conn *more = NULL;
  dsql_target *t;
  dsql_future *f;

  if (s->kind != DSQL_SPAN_QUERY || tried > 1) return;
  tried++;
  f = query("select 'from a hook'");
  cr_assert_eq(dsql_future_code(f), DSQL_EINVAL);
  cr_assert(str_has(dsql_future_error(f)->message, "inside a hook"));
  dsql_future_destroy(f); /* of what is over */
  cr_assert_eq(dsql_pipeline_begin(c), DSQL_EINVAL);
  t = client_target_config(&p.x, &p.config);
  cr_assert_eq(dsql_conn_open(&more, p.x.rt, t), DSQL_EINVAL);
  dsql_target_free(t);
  cr_assert_eq(dsql_rt_observe(p.x.rt, NULL), DSQL_EBUSY);
  dsql_conn_close(c);         /* does nothing */
  dsql_future_cancel(other);  /* does nothing */
  dsql_future_destroy(other); /* does nothing */
  cr_assert_eq(dsql_rt_post(p.x.rt, later, &posted), 0);
}

Test(calls, what_is_called_from_a_hook_is_refused, .init = open_all) {
  dsql_future *f, *done;

  tried = posted = 0;
  c = peer_connect(&p);
  other = in_flight("select 1");
  spy.at_start = misbehave;
  f = query("select 2");
  cr_assert_eq(tried, 1);
  spy.at_start = NULL;
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
  cr_assert_eq(peer_settle(&p, other), 0, "it was not canceled");
  done = other;
  other = query("select 3");
  spy.at_end = misbehave;
  dsql_future_destroy(f);
  cr_assert_eq(tried, 2);
  spy.at_end = NULL;
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_DRAINING, "it was not closed");
  cr_assert_eq(dsql_future_code(other), DSQL_ENOTREADY, "it was not canceled");
  dsql_future_destroy(other);
  dsql_future_destroy(done);
  peer_turn(&p);
  cr_assert_eq(posted, 2);
  dsql_conn_close(c);
  peer_close(&p);
  spy_settled(&spy);
}

Test(calls, hooks_change_only_between_spans) {
  dsql_hooks bad;
  dsql_observe_stats stats;
  dsql_future *f;

  peer_open(&p, "");
  spy_init(&spy);
  dsql_hooks_init(&bad);
  bad.slow_query_ms = 1;
  cr_assert_eq(dsql_rt_observe(p.x.rt, &bad), DSQL_EINVAL, "a log of nobody");
  bad.size = 1;
  cr_assert_eq(dsql_rt_observe(p.x.rt, &bad), DSQL_EINVAL);
  cr_assert_eq(dsql_rt_observe(NULL, &spy.hooks), DSQL_EINVAL);
  cr_assert_eq(dsql_rt_observe(p.x.rt, NULL), 0);
  c = peer_connect(&p);
  f = in_flight("select 1"); /* was begun unobserved, and stays so */
  spy_on(&spy, p.x.rt);
  peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
  drop(f);
  cr_assert_eq(spy.count, 0);
  f = in_flight("select 2");
  cr_assert_eq(dsql_rt_observe(p.x.rt, NULL), DSQL_EBUSY);
  peer_send(&p, "1 2 T:a D:1 C:SELECT_1 Z:I");
  drop(f);
  cr_assert_eq(dsql_rt_observe(p.x.rt, NULL), 0);
  dsql_observe_stats_get(p.x.rt, &stats, sizeof stats);
  cr_assert_eq(stats.started[DSQL_SPAN_QUERY], 0, "nobody counts any more");
  dsql_conn_close(c);
  peer_close(&p);
  spy_settled(&spy);
  cr_assert_eq(spy.count, 1);
}
