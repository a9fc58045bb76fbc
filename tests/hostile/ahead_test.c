/* Servers that get credentials and a query before they have asked, and do what they like with them. */
#include <stdio.h>

#include "../unit/tls/zoo.h"
#include "client.h"
#include "fake_server.h"

static struct client x;
static struct fake_server *server;
static struct zoo zoo;
static SSL_CTX *ctx;

static int pick_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                     unsigned in_len, void *arg) {
  (void)ssl;
  (void)in_len;
  (void)arg;
  *out = in + 1;
  *out_len = in[0];
  return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *context_of(const char *name) {
  struct identity id = zoo_make(&(struct zoo_spec){.cn = "localhost", .san = name}, &zoo.ca);
  SSL_CTX *made = SSL_CTX_new(TLS_server_method());
  cr_assert(made && SSL_CTX_use_certificate(made, id.cert) == 1 && SSL_CTX_use_PrivateKey(made, id.key) == 1);
  SSL_CTX_set_alpn_select_cb(made, pick_alpn, NULL);
  zoo_drop(&id);
  return made;
}

static void open_all(void) {
  client_open(&x);
  server = fake_start(FAKE_TCP);
  zoo_init(&zoo);
  ctx = context_of("DNS:localhost");
}

static void close_all(void) {
  client_close(&x);
  fake_stop(server);
  SSL_CTX_free(ctx);
  zoo_deinit(&zoo);
}

TestSuite(hostile_ahead, .init = open_all, .fini = close_all, .timeout = 60);

/* ---- scripts: each answers one query with one row ---- */

#define ROW                                                                                                            \
  FAKE_A('S'), FAKE_INT4_COLUMN,                                                                                       \
      FAKE_M('D', "\0\1"                                                                                               \
                  "\0\0\0\2"                                                                                           \
                  "42"),                                                                                               \
      FAKE_SELECTED, FAKE_DO(FAKE_END)
#define BEGIN FAKE_DO(FAKE_TLS), FAKE_DO(FAKE_STARTUP)
#define STUMBLE FAKE_M('E', "SFATAL\0VFATAL\0C08P01\0Minvalid frontend message type 112\0\0"), FAKE_DO(FAKE_CLOSE)

static const struct fake_step password[] = {BEGIN,        FAKE_M('R', "\0\0\0\3"), FAKE_A('p'),
                                            FAKE_AUTH_OK, FAKE_M('Z', "I"),        ROW};
static const struct fake_step md5[] = {BEGIN, FAKE_M('R', "\0\0\0\5salt"), FAKE_A('p'), FAKE_AUTH_OK, FAKE_M('Z', "I"),
                                       ROW};
/* FAKE_A('S') passes over a message of type 'p' that nobody asked for. */
static const struct fake_step lenient[] = {BEGIN, FAKE_AUTH_OK, FAKE_M('Z', "I"), ROW};
static const struct fake_step strict[] = {BEGIN, FAKE_AUTH_OK, FAKE_M('Z', "I"), STUMBLE};
static const struct fake_step shut_down[] = {BEGIN, FAKE_AUTH_OK, FAKE_M('Z', "I"),
                                             FAKE_M('E', "SFATAL\0VFATAL\0C57P01\0Mshut down\0Rq\0\0"),
                                             FAKE_DO(FAKE_CLOSE)};
static const struct fake_step silent[] = {BEGIN, FAKE_AUTH_OK, FAKE_M('Z', "I"), FAKE_A('S'), FAKE_DO(FAKE_CLOSE)};
static const struct fake_step refusing[] = {BEGIN, STUMBLE};
static const struct fake_step full[] = {BEGIN, FAKE_M('E', "SFATAL\0VFATAL\0C53300\0Mtoo many clients\0\0"),
                                        FAKE_DO(FAKE_CLOSE)};
static const struct fake_step deaf[] = {BEGIN, FAKE_DO(FAKE_DEAF)};

static void plan(const struct fake_step *steps) {
  fake_plan_set(server, &(struct fake_plan){.steps = steps, .tls = ctx});
}

static dsql_conn *dial(const char *more) {
  return client_dial(&x, "%s password=secret sslrootcert=%s sslmode=verify-full sslnegotiation=direct %s",
                     fake_conninfo(server), zoo.ca_file, more);
}

static dsql_future *call(dsql_conn *c, bool read_only) {
  dsql_call o;
  dsql_call_init(&o);
  o.read_only = read_only;
  return dsql_query(c, "insert into t values (1) returning x", DSQL_NO_PARAMS, &o);
}

static unsigned connections(void) {
  fake_wait_idle(server);
  return fake_counts(server).connections;
}

/* A session by this script; returns its round trips. */
static unsigned works(const struct fake_step *steps) {
  dsql_conn_stats stats;
  dsql_future *f;
  dsql_conn *c;
  int32_t v = 0;

  plan(steps);
  c = dial("");
  f = call(c, false);
  cr_assert_eq(dsql_get_int4(client_rows(f), 0, 0, &v), 0);
  cr_assert_eq(v, 42);
  dsql_future_destroy(f);
  dsql_conn_stats_get(c, &stats, sizeof stats);
  dsql_conn_close(c);
  return stats.connect_round_trips;
}

static void learn_password(void) {
  cr_assert_eq(works(password), 4);
  cr_assert_eq(works(password), 3);
}

enum { LOST = DSQL_CONN_LOST | DSQL_CLIENT_SIDE, DOUBT = LOST | DSQL_IN_DOUBT };

static void fails(const struct fake_step *steps, bool read_only, int code, unsigned flags, unsigned attempts) {
  unsigned before = connections();
  dsql_future *f;
  dsql_conn *c;

  plan(steps);
  c = dial("");
  f = call(c, read_only);
  cr_expect_eq(dsql_future_run(f), code, "%s", client_error_text(f));
  cr_expect_eq(dsql_future_error(f)->flags, flags, "%s", client_error_text(f));
  dsql_future_destroy(f);
  dsql_conn_close(c);
  cr_expect_eq(connections() - before, attempts);
}

/* ---- a password that nobody asks for ---- */

Test(hostile_ahead, a_lenient_server_runs_the_query_once) {
  unsigned before;
  learn_password();
  before = connections();
  cr_assert_eq(works(lenient), 3);
  cr_assert_eq(connections() - before, 1);
  cr_assert_eq(works(lenient), 3, "and is known for not asking");
}

/* Another script for the second connection: it is set while the first one waits in its handshake. */
static const struct fake_step *next_steps;
static bool then_next(struct fake_conn *c) {
  (void)c;
  plan(next_steps);
  return true;
}

static void recovers(const struct fake_step *steps, const struct fake_step *next) {
  struct fake_step first[16] = {FAKE_FN(then_next)};
  unsigned before, trips, asked = next == password || next == md5 ? 2 : 1;
  size_t n = 0;

  do first[n + 1] = steps[n];
  while (steps[n].action != FAKE_CLOSE && steps[n++].action != FAKE_END);
  learn_password();
  before = connections();
  next_steps = next;
  trips = works(first);
  cr_assert_eq(connections() - before, 2);
  cr_assert_eq(trips, 3 + 2 + asked);
}

Test(hostile_ahead, a_strict_server_is_asked_again) { recovers(strict, lenient); }
Test(hostile_ahead, another_method_is_answered_on_a_new_connection) { recovers(md5, md5); }
Test(hostile_ahead, a_server_that_refuses_the_flight_is_asked_again) { recovers(refusing, password); }

Test(hostile_ahead, an_end_after_a_start_without_a_question_is_in_doubt) {
  learn_password();
  fails(silent, false, DSQL_EIO, DOUBT, 1);
}

Test(hostile_ahead, a_server_without_room_is_not_asked_twice) {
  learn_password();
  fails(full, false, DSQL_ESERVER, DSQL_CONN_LOST | DSQL_NOT_SENT, 1);
}

Test(hostile_ahead, a_shutdown_is_no_wrong_guess) {
  unsigned before;
  dsql_future *f;
  dsql_conn *c;
  learn_password();
  before = connections();
  plan(shut_down);
  c = dial("");
  f = call(c, false);
  cr_assert_eq(dsql_future_run(f), DSQL_ESERVER, "%s", client_error_text(f));
  cr_assert_str_eq(dsql_future_error(f)->sqlstate, "57P01");
  dsql_future_destroy(f);
  dsql_conn_close(c);
  cr_assert_eq(connections() - before, 1);
}

/* Each connection of a server that never takes the flight would cost two: it is tried ever less often. */
Test(hostile_ahead, a_server_that_never_takes_it_is_not_pestered) {
  unsigned before, total;
  learn_password();
  before = connections();
  next_steps = password;
  for (int i = 0; i < 20; i++) {
    struct fake_step first[16] = {FAKE_FN(then_next), BEGIN, FAKE_DO(FAKE_CLOSE)};
    dsql_conn_stats stats;
    dsql_conn *c;
    /* A flight of the password alone: it can be repeated. One that waits to be asked is served. */
    bool guesses = i == 0 || i == 3 || i == 8 || i == 17;
    plan(guesses ? first : password);
    c = dial("");
    cr_assert_eq(client_settle(dsql_conn_ready(c)), 0, "connection %d", i);
    dsql_conn_stats_get(c, &stats, sizeof stats);
    cr_assert_eq(stats.connect_round_trips, guesses ? 7 : 4, "connection %d", i);
    dsql_conn_close(c);
  }
  total = connections() - before;
  cr_assert_eq(total, 24);
}

/* ---- all of it leaves before the question ---- */

#define ASKED_LATE FAKE_DO(FAKE_TLS), FAKE_DO(FAKE_STARTUP), FAKE_A('p'), FAKE_A('S')
#define ROW_AT_ONCE                                                                                                    \
  FAKE_M('Z', "I"), FAKE_INT4_COLUMN,                                                                                  \
      FAKE_M('D', "\0\1"                                                                                               \
                  "\0\0\0\2"                                                                                           \
                  "42"),                                                                                               \
      FAKE_SELECTED, FAKE_DO(FAKE_END)
/* Waits for the password and the query, and only then asks. */
static const struct fake_step late[] = {ASKED_LATE, FAKE_M('R', "\0\0\0\3"), FAKE_AUTH_OK, ROW_AT_ONCE};
static const struct fake_step late_refusal[] = {
    ASKED_LATE, FAKE_M('R', "\0\0\0\3"),
    FAKE_M('E', "SFATAL\0VFATAL\0C28000\0Munable to accept connection, access denied\0\0"), FAKE_DO(FAKE_CLOSE)};
static const struct fake_step nothing_late[] = {FAKE_DO(FAKE_TLS), FAKE_DO(FAKE_STARTUP), FAKE_A('S'), FAKE_AUTH_OK,
                                                ROW_AT_ONCE};

Test(hostile_ahead, the_query_does_not_wait_for_the_question) {
  learn_password();
  cr_assert_eq(works(late), 3);
}

Test(hostile_ahead, nor_where_there_is_none) {
  static const struct fake_step none[] = {BEGIN, FAKE_AUTH_OK, FAKE_M('Z', "I"), ROW};
  cr_assert_eq(works(none), 3);
  cr_assert_eq(works(nothing_late), 3);
}

static dsql_conn *dial_iam(void) {
  char target[512];
  dsql_credentials *keys;
  dsql_config config;
  dsql_target *t;
  dsql_conn *c;

  cr_assert_eq(dsql_credentials_new_static(&keys, x.rt, "AKIDEXAMPLE", "secret", NULL, 0), 0);
  dsql_config_init(&config);
  (void)snprintf(target, sizeof target,
                 "hostaddr=127.0.0.1 host=localhost port=%u auth=iam region=us-east-1 sslrootcert=%s",
                 fake_port(server), zoo.ca_file);
  config.target = target;
  config.credentials = keys;
  t = client_target_config(&x, &config);
  dsql_credentials_free(keys);
  cr_assert_eq(dsql_conn_open(&c, x.rt, t), 0);
  dsql_target_free(t);
  return c;
}

/* An IAM token is a cleartext password: nothing has to be learned. */
Test(hostile_ahead, a_token_is_fast_from_the_first_connection_on) {
  dsql_conn_stats stats;
  dsql_conn *c;
  plan(late);
  c = dial_iam();
  cr_assert_eq(client_settle(call(c, false)), 0);
  dsql_conn_stats_get(c, &stats, sizeof stats);
  cr_assert_eq(stats.connect_round_trips, 3);
  dsql_conn_close(c);
  cr_assert_eq(connections(), 1);
}

Test(hostile_ahead, a_token_that_is_refused_is_reported_at_once) {
  dsql_conn *c;
  plan(late_refusal);
  c = dial_iam();
  assert_fails(call(c, false), DSQL_EAUTH, DSQL_CONN_LOST | DSQL_NOT_SENT, "access denied");
  dsql_conn_close(c);
  cr_assert_eq(connections(), 1);
}

Test(hostile_ahead, an_endpoint_that_takes_no_token_ahead) {
  struct fake_step first[16] = {FAKE_FN(then_next), BEGIN, STUMBLE};
  dsql_conn_stats stats;
  dsql_conn *c;
  next_steps = password;
  plan(first);
  for (int i = 0; i < 2; i++) {
    c = dial_iam();
    cr_assert_eq(client_settle(call(c, false)), 0);
    dsql_conn_stats_get(c, &stats, sizeof stats);
    cr_assert_eq(stats.connect_round_trips, i == 0 ? 7 : 4, "and it is remembered");
    dsql_conn_close(c);
  }
  cr_assert_eq(connections(), 3);
}

/* ---- lost at every byte ---- */

/* Bytes that the server has sent behind AuthenticationCleartextPassword, and in all. */
static const size_t asked_at = 9;
static size_t total;
static bool measure(struct fake_conn *c) {
  size_t *sent = fake_arg(c);
  bool ok = fake_flush(c);
  if (sent) *sent = fake_sent(c);
  return ok;
}

static const struct fake_step measured[] = {
    BEGIN,       FAKE_M('R', "\0\0\0\3"), FAKE_A('p'),   FAKE_AUTH_OK,     FAKE_M('Z', "I"),
    FAKE_A('S'), FAKE_INT4_COLUMN,        FAKE_SELECTED, FAKE_FN(measure), FAKE_DO(FAKE_END)};

static void cut(size_t at, bool read_only) {
  struct fake_plan p = {.steps = measured, .tls = ctx, .has_cut = true, .cut_at = at};
  unsigned before, attempts;
  dsql_future *f;
  dsql_conn *c;
  bool whole;

  cr_assert_eq(works(password), 4);
  before = connections();
  fake_plan_set(server, &p);
  c = dial("");
  f = call(c, read_only);
  whole = dsql_future_run(f) == 0;
  cr_assert_eq(whole, at == total, "cut at %zu: %s", at, client_error_text(f));
  if (!whole) {
    cr_assert_eq(dsql_future_code(f), DSQL_EIO, "cut at %zu: %s", at, client_error_text(f));
    cr_assert_eq(dsql_future_error(f)->flags & DSQL_IN_DOUBT, read_only ? 0 : DSQL_IN_DOUBT, "cut at %zu: %s", at,
                 client_error_text(f));
  }
  dsql_future_destroy(f);
  dsql_conn_close(c);
  attempts = connections() - before;
  cr_assert_eq(attempts, read_only && at < asked_at ? 2 : 1, "cut at %zu: %u connections", at, attempts);
}

/* A new runtime each time: what was lost would be remembered. */
static void again(void) {
  client_close(&x);
  client_open(&x);
}

Test(hostile_ahead, end_of_stream_at_every_byte) {
  learn_password();
  fake_plan_set(server, &(struct fake_plan){.steps = measured, .tls = ctx, .arg = &total});
  {
    dsql_conn *c = dial("");
    dsql_future *f = call(c, false);
    cr_assert_eq(client_settle(f), 0);
    dsql_conn_close(c);
    (void)connections();
  }
  cr_assert_gt(total, 60);
  for (int read_only = 0; read_only < 2; read_only++)
    for (size_t at = 1; at <= total; at++) { /* at 0 the fake server ends the stream before the handshake */
      again();
      cut(at, read_only);
    }
  cr_log_info("%zu sessions", 2 * total);
}

/* ---- the owner ---- */

Test(hostile_ahead, what_was_given_up_is_not_repeated) {
  struct fake_step first[16] = {FAKE_FN(then_next)};
  dsql_future *kept, *given_up;
  dsql_conn *c;
  size_t n = 0;

  do first[n + 1] = md5[n];
  while (md5[n++].action != FAKE_END);
  learn_password();
  next_steps = md5; /* answers one query: the one that is still wanted */
  plan(first);
  c = dial("");
  given_up = call(c, false);
  kept = call(c, false);
  while (fake_counts(server).connections < 3) client_turn(&x);
  dsql_future_destroy(given_up);
  cr_assert_eq(dsql_future_run(kept), 0, "%s", client_error_text(kept));
  dsql_future_destroy(kept);
  dsql_conn_close(c);
}

Test(hostile_ahead, a_deadline_leaves_doubt_and_is_remembered) {
  dsql_conn *c;
  learn_password();
  plan(deaf);
  c = dial("connect_timeout=1");
  assert_fails(call(c, false), DSQL_ETIMEDOUT, DOUBT, "connect timeout");
  dsql_conn_close(c);
  cr_assert_eq(works(password), 4, "the next one waits to be asked");
}

/* Whoever can't show the certificate gets nothing, known host or not. */
Test(hostile_ahead, a_stranger_gets_nothing) {
  SSL_CTX *other = context_of("DNS:other");
  dsql_conn *c;
  learn_password();
  fake_plan_set(server, &(struct fake_plan){.steps = password, .tls = other});
  c = dial("");
  assert_fails(call(c, false), DSQL_ETLS, DSQL_CONN_LOST | DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "not for \"localhost\"");
  dsql_conn_close(c);
  fake_wait_idle(server);
  SSL_CTX_free(other);
}

Test(hostile_ahead, every_allocation_fails_in_turn) {
  size_t nth = 1;
  bool fired = true;

  for (; fired; nth++) {
    dsql_conn *c = NULL;
    dsql_target *t;
    dsql_future *f;
    int rc;

    again();
    learn_password();
    plan(password);
    t = client_target(&x, "%s password=secret sslrootcert=%s sslmode=verify-full sslnegotiation=direct",
                      fake_conninfo(server), zoo.ca_file);
    test_alloc_arm(&x.heap, nth, false);
    rc = dsql_conn_open(&c, x.rt, t);
    f = rc == 0 ? call(c, false) : NULL;
    if (f) rc = dsql_future_run(f);
    fired = test_alloc_fired(&x.heap);
    test_alloc_arm(&x.heap, 0, false);
    /* ECLOSED: it had failed before the call. */
    cr_assert(rc == 0 || (fired && (rc == DSQL_ENOMEM || rc == DSQL_ECLOSED)), "allocation %zu: %s", nth,
              f ? client_error_text(f) : "open");
    dsql_future_destroy(f);
    dsql_conn_close(c);
    dsql_target_free(t);
    (void)connections();
  }
  cr_assert_gt(nth, 5);
  cr_log_info("%zu allocations", nth);
}
