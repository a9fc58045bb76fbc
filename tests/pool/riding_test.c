/* What is asked of an empty pool travels with the start-up of the connection that is opened for it. The servers here say
 * nothing before the whole first flight was there: what does not ride waits for ever. */
#include <stdio.h>
#include <time.h>

#include "../unit/tls/zoo.h"
#include "fake_server.h"
#include "pooled.h"

static struct pooled p;
static struct fake_server *server;
static struct zoo zoo;
static SSL_CTX *ctx;
static char conninfo[700];

static int pick_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                     unsigned in_len, void *arg) {
  (void)ssl;
  (void)in_len;
  (void)arg;
  *out = in + 1;
  *out_len = in[0];
  return SSL_TLSEXT_ERR_OK;
}

static void open_all(void) {
  struct identity id;

  server = fake_start(FAKE_TCP);
  zoo_init(&zoo);
  id = zoo_make(&(struct zoo_spec){.cn = "localhost", .san = "DNS:localhost"}, &zoo.ca);
  ctx = SSL_CTX_new(TLS_server_method());
  cr_assert(ctx && SSL_CTX_use_certificate(ctx, id.cert) == 1 && SSL_CTX_use_PrivateKey(ctx, id.key) == 1);
  SSL_CTX_set_alpn_select_cb(ctx, pick_alpn, NULL);
  zoo_drop(&id);
  pooled_open(&p);
  (void)snprintf(conninfo, sizeof conninfo,
                 "%s password=secret sslrootcert=%s sslmode=verify-full sslnegotiation=direct", fake_conninfo(server),
                 zoo.ca_file);
  pooled_target(&p, conninfo);
}

static void close_all(void) {
  pooled_close(&p);
  fake_stop(server);
  SSL_CTX_free(ctx);
  zoo_deinit(&zoo);
}

TestSuite(riding, .init = open_all, .fini = close_all, .timeout = 60);

/* ---- scripts ---- */

#define BEGIN FAKE_DO(FAKE_TLS), FAKE_DO(FAKE_STARTUP)
#define CLEARTEXT FAKE_M('R', "\0\0\0\3")
#define IS_UP FAKE_AUTH_OK, FAKE_M('Z', "I")
#define ROW                                                                                                            \
  FAKE_INT4_COLUMN,                                                                                                    \
      FAKE_M('D', "\0\1"                                                                                               \
                  "\0\0\0\2"                                                                                           \
                  "42"),                                                                                               \
      FAKE_M('C', "SELECT 1\0")
/* To one of the library's own, which is not described. */
#define COMMAND(tag) FAKE_M('1', ""), FAKE_M('2', ""), FAKE_M('C', tag "\0")
#define REFUSE(state, text) FAKE_M('E', "SFATAL\0VFATAL\0C" state "\0M" text "\0\0"), FAKE_DO(FAKE_CLOSE)
#define COMMITTED FAKE_A('S'), COMMAND("COMMIT"), FAKE_M('Z', "I"), FAKE_DO(FAKE_END)

/* The first time the question comes first; what was asked of the pool rides behind the answer to it. */
static const struct fake_step asked[] = {BEGIN, CLEARTEXT,        FAKE_A('S'),      IS_UP,
                                         ROW,   FAKE_M('Z', "I"), FAKE_DO(FAKE_END)};
static const struct fake_step ahead[] = {BEGIN, FAKE_A('S'),      CLEARTEXT,        IS_UP,
                                         ROW,   FAKE_M('Z', "I"), FAKE_DO(FAKE_END)};
static const struct fake_step script[] = {
    BEGIN, FAKE_A('Q'), CLEARTEXT, IS_UP, FAKE_M('C', "SET\0"), FAKE_M('Z', "I"), FAKE_DO(FAKE_END)};
static const struct fake_step body[] = {BEGIN, FAKE_A('S'),      CLEARTEXT, IS_UP, COMMAND("BEGIN"),
                                        ROW,   FAKE_M('Z', "T"), COMMITTED};
/* The whole of a batch without checks rides: BEGIN and the statement under one Sync, COMMIT under another. */
static const struct fake_step batch[] = {BEGIN,
                                         FAKE_A('S'),
                                         FAKE_A('S'),
                                         CLEARTEXT,
                                         IS_UP,
                                         COMMAND("BEGIN"),
                                         ROW,
                                         FAKE_M('Z', "T"),
                                         COMMAND("COMMIT"),
                                         FAKE_M('Z', "I"),
                                         FAKE_DO(FAKE_END)};
static const struct fake_step not_asked_anything[] = {BEGIN,       CLEARTEXT, FAKE_A('p'),      IS_UP,
                                                      FAKE_A('S'), ROW,       FAKE_M('Z', "I"), FAKE_DO(FAKE_END)};
static const struct fake_step md5[] = {
    BEGIN, FAKE_M('R', "\0\0\0\5salt"), FAKE_A('S'), IS_UP, ROW, FAKE_M('Z', "I"), FAKE_DO(FAKE_END)};
static const struct fake_step md5_body[] = {
    BEGIN, FAKE_M('R', "\0\0\0\5salt"), FAKE_A('S'), IS_UP, COMMAND("BEGIN"), ROW, FAKE_M('Z', "T"), COMMITTED};
static const struct fake_step full[] = {BEGIN, FAKE_A('S'), REFUSE("53300", "too many clients")};
static const struct fake_step wrong[] = {BEGIN, FAKE_A('S'), CLEARTEXT,
                                         REFUSE("28P01", "password authentication failed")};
static const struct fake_step silent[] = {BEGIN, FAKE_A('S'), FAKE_DO(FAKE_CLOSE)};
static const struct fake_step deaf[] = {BEGIN, FAKE_A('S'), FAKE_DO(FAKE_DEAF)};

static void plan(const struct fake_step *steps) {
  fake_plan_set(server, &(struct fake_plan){.steps = steps, .tls = ctx});
}

static unsigned connections(void) { return fake_counts(server).connections; }

static dsql_future *query(bool read_only) {
  dsql_call o;
  dsql_call_init(&o);
  o.read_only = read_only;
  return dsql_pool_query(p.pool, "insert into t values (1) returning x", DSQL_NO_PARAMS, &o);
}

static void expect_row(dsql_future *f) {
  int32_t v = 0;
  cr_assert_eq(dsql_get_int4(client_rows(f), 0, 0, &v), 0);
  cr_assert_eq(v, 42);
  dsql_future_destroy(f);
}

/* A pool that has had one connection, and has none: the method is known. */
static void make_empty(void) {
  pooled_make(&p);
  plan(asked);
  expect_row(query(false));
  dsql_pool_expire_all(p.pool);
  pooled_turn_ms(&p, 1);
}

static unsigned calls;
static dsql_step one_statement(dsql_tx *tx, const void *in, void *scratch) {
  (void)in;
  (void)scratch;
  calls++;
  cr_assert_eq(dsql_tx_attempt(tx), 1);
  if (dsql_tx_step(tx)) return DSQL_COMMIT;
  (void)dsql_tx_query(tx, "select x from t", DSQL_NO_PARAMS);
  return DSQL_WAIT;
}

static dsql_future *transaction(void) { return dsql_run_transaction(p.pool, one_statement, NULL, NULL); }

/* ---- what rides ---- */

Test(riding, the_first_connection_of_all) {
  dsql_pool_stats s;

  make_empty();
  s = pooled_stats(&p);
  cr_assert_eq(s.acquires, 1);
  cr_assert_eq(s.waits, 1);
  cr_assert_eq(s.acquire_time.count, 1);
  cr_assert_eq(s.connect_time.count, 1);
  cr_assert_eq(connections(), 1);
}

Test(riding, statements) {
  dsql_stmt *stmt;

  make_empty();
  plan(ahead);
  expect_row(query(false));
  dsql_pool_expire_all(p.pool);
  cr_assert_eq(dsql_stmt_new(&stmt, p.x.rt, "select 1", NULL, 0), 0);
  plan((const struct fake_step[]){BEGIN, FAKE_A('S'), CLEARTEXT, IS_UP, FAKE_M('1', ""), FAKE_M('t', "\0\0"),
                                  FAKE_M('n', ""), FAKE_M('2', ""), FAKE_M('C', "SELECT 0\0"), FAKE_M('Z', "I"),
                                  FAKE_DO(FAKE_END)});
  cr_assert_eq(client_settle(dsql_pool_query_stmt(p.pool, stmt, DSQL_NO_PARAMS, NULL)), 0);
  dsql_stmt_free(stmt);
  dsql_pool_expire_all(p.pool);
  plan(script);
  cr_assert_eq(client_settle(dsql_pool_exec(p.pool, "set x = 1", NULL)), 0);
  cr_assert_eq(connections(), 4);
}

Test(riding, transactions) {
  dsql_batch *b;

  make_empty();
  plan(body);
  cr_assert_eq(client_settle(transaction()), 0);
  cr_assert_eq(calls, 2);
  dsql_pool_expire_all(p.pool);
  plan(batch);
  cr_assert_eq(dsql_batch_new(&b, p.x.rt), 0);
  cr_assert_eq(dsql_batch_add(b, "select x from t", DSQL_NO_PARAMS, -1, 0), 0);
  cr_assert_eq(client_settle(dsql_run_batch(p.pool, b, NULL)), 0);
  dsql_batch_free(b);
  dsql_pool_expire_all(p.pool);
  plan(ahead);
  expect_row(dsql_retry_statement(p.pool, "insert into t values (1) returning x", DSQL_NO_PARAMS, NULL));
  cr_assert_eq(connections(), 4);
  cr_assert_eq(pooled_stats(&p).commits, 3);
}

#define ANOTHER FAKE_A('S'), ROW, FAKE_M('Z', "I")
static const struct fake_step five[] = {
    BEGIN, FAKE_A('S'), CLEARTEXT, IS_UP, ROW, FAKE_M('Z', "I"), ANOTHER, ANOTHER, ANOTHER, ANOTHER, FAKE_DO(FAKE_END)};

/* Each takes along what was asked first; whoever comes behind waits for one that is up. */
Test(riding, many_at_once) {
  dsql_future *f[6];

  p.config.conns_max = 3;
  make_empty();
  plan(five);
  for (int i = 0; i < 6; i++) f[i] = query(false);
  for (int i = 0; i < 6; i++) expect_row(f[i]);
  cr_assert_eq(connections(), 4);
  cr_assert_eq(pooled_stats(&p).acquires, 7);
  cr_assert_eq(pooled_stats(&p).acquire_time.count, 7);
}

/* dsql_pool_acquire() promises a connection that is ready. */
Test(riding, acquire_waits_until_it_is_up) {
  dsql_conn *c;

  make_empty();
  plan(not_asked_anything);
  c = pooled_acquire(&p);
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_READY);
  cr_assert_eq(dsql_conn_tx_status(c), DSQL_TX_IDLE);
  dsql_pool_release(p.pool, c);
}

static dsql_future *hook(dsql_conn *c, void *arg) {
  (void)arg;
  return dsql_query(c, "set x = 1", DSQL_NO_PARAMS, NULL);
}

/* What prepares a session comes first. */
Test(riding, not_past_after_connect) {
  static const struct fake_step hooked[] = {BEGIN,
                                            CLEARTEXT,
                                            FAKE_A('p'),
                                            IS_UP,
                                            FAKE_A('S'),
                                            FAKE_M('1', ""),
                                            FAKE_M('2', ""),
                                            FAKE_M('n', ""),
                                            FAKE_M('C', "SET\0"),
                                            FAKE_M('Z', "I"),
                                            FAKE_A('S'),
                                            ROW,
                                            FAKE_M('Z', "I"),
                                            FAKE_DO(FAKE_END)};
  dsql_config config;

  dsql_config_init(&config);
  config.target = conninfo;
  config.after_connect = hook;
  dsql_target_free(p.target);
  p.target = client_target_config(&p.x, &config);
  pooled_make(&p);
  plan(hooked);
  expect_row(query(false));
}

/* ---- in vain ---- */

/* Guessed wrong: the connection is made anew, and what rode rides again. */
Test(riding, a_wrong_guess) {
  make_empty();
  plan(md5);
  expect_row(query(false));
  cr_assert_eq(connections(), 3);
  cr_assert_eq(pooled_stats(&p).acquires, 2);
  cr_assert_eq(pooled_stats(&p).acquire_time.count, 2);
}

/* A transaction's body is called again, and it is its first attempt still. */
Test(riding, a_wrong_guess_under_a_transaction) {
  dsql_tx_options o;

  make_empty();
  plan(md5_body);
  dsql_tx_options_init(&o);
  o.retries_max = DSQL_NO_RETRY;
  cr_assert_eq(client_settle(dsql_run_transaction(p.pool, one_statement, NULL, &o)), 0);
  cr_assert_eq(calls, 3);
  cr_assert_eq(connections(), 3);
  cr_assert_eq(pooled_stats(&p).retries, 0);
}

/* As without a ride: a server that is full is waited for, */
static void full_then(dsql_future *(*start)(void), const struct fake_step *next) {
  dsql_future *f;

  make_empty();
  plan(full);
  f = start();
  while (pooled_stats(&p).connect_failures == 0) client_turn(&p.x);
  cr_assert(!dsql_future_ready(f));
  cr_assert_eq(pooled_stats(&p).waiters, 1);
  plan(next);
  cr_assert_eq(client_settle(f), 0);
  cr_assert_eq(connections(), 3);
  cr_assert_eq(pooled_stats(&p).connect_failures, 1);
  cr_assert_eq(pooled_stats(&p).acquires, 2);
}
static dsql_future *insert(void) { return query(false); }
Test(riding, a_server_that_is_full) { full_then(insert, ahead); }
Test(riding, a_server_that_is_full_under_a_transaction) { full_then(transaction, body); }

/* but not for longer than it was asked to; */
static void full_for_ever(dsql_future *f) {
  assert_fails(f, DSQL_ETIMEDOUT, DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "too many clients");
  cr_assert_eq(pooled_stats(&p).acquire_timeouts, 1);
}
Test(riding, the_deadline_stays) {
  p.config.acquire_timeout_ms = 250;
  make_empty();
  plan(full);
  full_for_ever(query(false));
}
Test(riding, the_deadline_stays_under_a_transaction) {
  p.config.acquire_timeout_ms = 250;
  make_empty();
  plan(full);
  full_for_ever(transaction());
}

/* and what waiting would not help fails at once, with the cause. */
Test(riding, refused) {
  unsigned before;

  make_empty();
  plan(wrong);
  for (int i = 0; i < 2; i++) {
    dsql_future *f = i ? transaction() : query(false);
    before = connections();
    cr_assert_eq(dsql_future_run(f), DSQL_EAUTH, "%s", client_error_text(f));
    cr_assert_str_eq(dsql_future_error(f)->sqlstate, "28P01");
    cr_assert(dsql_future_error(f)->flags & DSQL_NOT_SENT);
    dsql_future_destroy(f);
    cr_assert_leq(connections() - before, 2);
    pooled_turn_ms(&p, 250); /* the back-off */
  }
  cr_assert_eq(pooled_stats(&p).acquires, 1);
  cr_assert_eq(pooled_stats(&p).acquire_refusals, 2);
}

/* ---- in doubt ---- */

Test(riding, a_silent_end_is_in_doubt_and_not_repeated) {
  make_empty();
  plan(silent);
  assert_fails(query(false), DSQL_EIO, DSQL_CONN_LOST | DSQL_IN_DOUBT | DSQL_CLIENT_SIDE, "");
  pooled_turn_ms(&p, 20);
  cr_assert_eq(connections(), 2);
  cr_assert_eq(pooled_stats(&p).connect_failures, 1);
  cr_assert_eq(pooled_stats(&p).connecting + pooled_stats(&p).in_use, 0);
  for (unsigned i = 0; i < DSQL_GONE_REASONS; i++)
    cr_assert_eq(pooled_stats(&p).gone[i], i == DSQL_GONE_EXPIRED, "it never was open");
}

/* What can't have lasted is repeated: a statement that only reads, and a transaction before its COMMIT. */
static void silent_then(dsql_future *f, const struct fake_step *next) {
  while (connections() < 2) client_turn(&p.x);
  plan(next);
  cr_assert_eq(client_settle(f), 0);
  cr_assert_eq(connections(), 3);
}
Test(riding, a_silent_end_of_what_reads) {
  make_empty();
  plan(silent);
  silent_then(query(true), asked);
}
Test(riding, a_silent_end_before_the_commit) {
  make_empty();
  plan(silent);
  silent_then(transaction(), (const struct fake_step[]){BEGIN, CLEARTEXT, FAKE_A('S'), IS_UP, COMMAND("BEGIN"), ROW,
                                                        FAKE_M('Z', "T"), COMMITTED});
  cr_assert_eq(calls, 3);
}

/* ---- given up ---- */

static void turn_until_they_ride(unsigned n) {
  unsigned before = connections();
  while (connections() < before + n) client_turn(&p.x);
  pooled_turn_ms(&p, 50);
  cr_assert_eq(pooled_stats(&p).waiters, 0);
  cr_assert_eq(pooled_stats(&p).connecting, n);
}

Test(riding, canceled_or_destroyed) {
  dsql_future *f;

  make_empty();
  plan(deaf);
  for (int i = 0; i < 4; i++) {
    f = i % 2 ? transaction() : query(false);
    if (i == 0) turn_until_they_ride(1);
    pooled_turn_ms(&p, 20);
    if (i < 2) {
      dsql_future_cancel(f);
      cr_assert_eq(dsql_future_run(f), DSQL_ECANCELED);
    }
    dsql_future_destroy(f);
    pooled_turn_ms(&p, 20);
  }
  cr_assert_eq(pooled_stats(&p).in_use, 0);
}

/* Canceled on its way: when the connection is there it is cleaned up, and lent to the next. */
Test(riding, canceled_and_then_it_comes_up) {
  static const struct fake_step comes_up[] = {
      BEGIN, FAKE_A('S'),      CLEARTEXT,        IS_UP, ROW, FAKE_M('Z', "I"), FAKE_A('S'),
      ROW,   FAKE_M('Z', "I"), FAKE_DO(FAKE_END)};
  dsql_future *f;

  make_empty();
  plan(comes_up);
  f = query(false);
  while (connections() < 2) client_turn(&p.x);
  while (pooled_stats(&p).waiters) client_turn(&p.x);
  dsql_future_destroy(f);
  expect_row(query(false));
  cr_assert_leq(connections(), 3);
}

/* ---- the end ---- */

Test(riding, the_end_waits_for_who_rides) {
  dsql_future *f, *end;

  make_empty();
  plan(ahead);
  f = query(false);
  while (connections() < 2 || pooled_stats(&p).waiters) client_turn(&p.x);
  end = dsql_pool_close(p.pool, 5000);
  expect_row(f);
  cr_assert_eq(client_settle(end), 0);
  p.pool = NULL;
}

Test(riding, the_end_cuts_off_who_rides) {
  dsql_future *f, *tx;

  make_empty();
  plan(deaf);
  f = query(false);
  tx = transaction();
  turn_until_they_ride(2);
  pooled_turn_ms(&p, 50);
  cr_assert_eq(client_settle(dsql_pool_close(p.pool, 30)), 0);
  p.pool = NULL;
  assert_fails(f, DSQL_ECLOSED, DSQL_CONN_LOST | DSQL_IN_DOUBT | DSQL_CLIENT_SIDE, "the pool was closed");
  cr_assert_eq(client_settle(tx), DSQL_ECLOSED);
}

static int codes[2];
static unsigned flags[2];
static void on_end(dsql_future *f, void *arg) {
  size_t i = arg ? 1 : 0;
  codes[i] = dsql_future_code(f);
  flags[i] = codes[i] ? dsql_future_error(f)->flags : 0;
  dsql_future_destroy(f);
}

static void start_both(void) {
  cr_assert_eq(dsql_future_on_ready(query(false), on_end, NULL), 0);
  cr_assert_eq(dsql_future_on_ready(transaction(), on_end, &p), 0);
}

static void end_runtime(void) {
  dsql_target_free(p.target);
  client_begin_close(&p.x);
  client_finish(&p.x);
  pooled_open(&p);
  pooled_target(&p, conninfo);
}

Test(riding, with_the_runtime) {
  make_empty();
  plan(deaf);
  start_both();
  turn_until_they_ride(2);
  end_runtime();
  cr_assert(codes[0] == DSQL_ECANCELED && flags[0] & DSQL_IN_DOUBT, "%d %x", codes[0], flags[0]);
  cr_assert(codes[1] == DSQL_ECANCELED && !(flags[1] & DSQL_IN_DOUBT), "%d %x", codes[1], flags[1]);
}

/* Whatever they are doing then, both are told. */
Test(riding, with_the_runtime_at_every_point) {
  for (int turns = 0; turns < 24; turns++) {
    make_empty();
    plan(turns % 2 ? deaf : body);
    codes[0] = codes[1] = -1;
    start_both();
    for (int i = 0; i < turns; i++) {
      struct timespec ms = {.tv_nsec = 500 * 1000};
      (void)uv_run(&p.x.loop, UV_RUN_NOWAIT);
      (void)nanosleep(&ms, NULL);
    }
    end_runtime();
    cr_assert(codes[0] != -1 && codes[1] != -1);
  }
}

/* ---- each allocation failing in turn ---- */

static bool fails_at(size_t n, const struct fake_step *steps, dsql_future *(*start)(void)) {
  dsql_future *f;
  bool fired;
  int code;

  plan(steps);
  test_alloc_arm(&p.x.heap, n, false);
  f = start();
  code = dsql_future_run(f);
  fired = test_alloc_fired(&p.x.heap);
  test_alloc_arm(&p.x.heap, 0, false);
  if (!fired) cr_expect_eq(code, 0, "%zu: %s", n, client_error_text(f));
  dsql_future_destroy(f);
  dsql_pool_expire_all(p.pool);
  pooled_until_idle(&p, 0);
  return fired;
}

static void sweep(const struct fake_step *steps, dsql_future *(*start)(void)) {
  size_t n = 1;

  p.config.acquire_timeout_ms = 300;
  make_empty();
  while (fails_at(n, steps, start)) n++;
  cr_expect_gt(n, 5);
}

Test(riding, every_allocation_fails_in_turn) { sweep(ahead, insert); }
Test(riding, every_allocation_of_a_transaction_fails_in_turn) { sweep(body, transaction); }
