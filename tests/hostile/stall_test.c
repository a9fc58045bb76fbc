/* Servers that stop answering, in each phase, against the deadlines: the connect timeout, a call's timeout, the drain
 * timeout. The error tells where the time went. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <unistd.h>

#include "client.h"
#include "fake_server.h"

enum { DEADLINE_MS = 150, LATE_MS = 5000 };

static struct client x;
static struct fake_server *server;
static SSL_CTX *tls;

static void open_all(void) {
  client_open(&x);
  server = fake_start(FAKE_TCP);
}

static void close_all(void) {
  client_close(&x);
  fake_stop(server);
  SSL_CTX_free(tls);
}

TestSuite(stall, .init = open_all, .fini = close_all, .timeout = 60);

static dsql_conn *dial(const char *conninfo, const char *more, uint32_t query_timeout_ms) {
  char target[512];
  dsql_config c;
  dsql_conn *conn;
  dsql_target *t;

  (void)snprintf(target, sizeof target, "%s %s", conninfo, more);
  dsql_config_init(&c);
  c.target = target;
  c.password = "secret";
  c.connect_timeout_ms = DEADLINE_MS;
  c.drain_timeout_ms = DEADLINE_MS;
  c.query_timeout_ms = query_timeout_ms;
  t = client_target_config(&x, &c);
  cr_assert_eq(dsql_conn_open(&conn, x.rt, t), 0);
  dsql_target_free(t);
  return conn;
}

/* The future fails by its deadline: not before, and not long after. */
static void times_out(dsql_future *f, uint64_t begin_ms, unsigned flags, const char *part) {
  int rc = dsql_future_run(f);
  uint64_t took_ms = uv_now(&x.loop) - begin_ms;
  cr_assert_eq(rc, DSQL_ETIMEDOUT, "%s: %s", part, client_error_text(f));
  cr_assert_eq(dsql_future_error(f)->flags, flags, "%s: %s", part, client_error_text(f));
  cr_assert(str_has(dsql_future_error(f)->message, part), "want \"%s\" in %s", part, client_error_text(f));
  cr_assert(took_ms >= DEADLINE_MS && took_ms < LATE_MS, "%s: after %d ms", part, (int)took_ms);
  dsql_future_destroy(f);
}

#define STEPS(...) ((const struct fake_step[]){__VA_ARGS__, FAKE_DO(FAKE_DEAF)})

/* ---- connecting ---- */

Test(stall, each_phase_of_the_connect) {
  const struct {
    const char *more;
    struct fake_plan plan;
    bool query_sent; /* the query rode along and may have been run */
    const char *part;
  } cases[] = {
      {"sslmode=require", {.steps = STEPS(FAKE_DO(FAKE_STARTUP))}, false, "waiting for the answer to the SSLRequest"},
      {"sslmode=require", {.steps = STEPS(FAKE_DO(FAKE_STARTUP), FAKE_R("S"))}, false, "in the TLS handshake"},
      {"sslmode=require",
       {.steps = STEPS(FAKE_DO(FAKE_STARTUP), FAKE_R("S\x16\x03\x03"))},
       false,
       "in the TLS handshake"},
      {"sslmode=require sslnegotiation=direct",
       {.steps = STEPS(FAKE_R(""))},
       false,
       "in the TLS handshake (direct TLS needs PostgreSQL 17 or newer; else use sslnegotiation=postgres)"},
      {"", {.steps = STEPS(FAKE_DO(FAKE_STARTUP))}, false, "authenticating"},
      {"", {.steps = STEPS(FAKE_DO(FAKE_STARTUP), FAKE_R("R\0\0\0"))}, false, "authenticating"},
      {"",
       {.steps = STEPS(FAKE_DO(FAKE_STARTUP), FAKE_FN(fake_scram)), .scram = {.stop_before_first = true}},
       false,
       "authenticating"},
      {"",
       {.steps = STEPS(FAKE_DO(FAKE_STARTUP), FAKE_FN(fake_scram)), .scram = {.stop_before_final = true}},
       true,
       "authenticating"},
      {"", {.steps = STEPS(FAKE_DO(FAKE_STARTUP), FAKE_AUTH_OK)}, false, "authenticating"},
      {"", {.steps = STEPS(FAKE_DO(FAKE_STARTUP), FAKE_AUTH_OK, FAKE_R("Z\0\0\0\5"))}, false, "authenticating"},
  };

  for (size_t i = 0; i < COUNT(cases); i++) {
    const unsigned common = DSQL_CONN_LOST | DSQL_CLIENT_SIDE;
    uint64_t begin_ms = uv_now(&x.loop);
    dsql_future *ready, *query;
    dsql_conn *c;

    fake_plan_set(server, &cases[i].plan);
    c = dial(fake_conninfo(server), cases[i].more, 0);
    ready = dsql_conn_ready(c);
    query = dsql_query(c, "insert into t values (1)", DSQL_NO_PARAMS, NULL);
    times_out(ready, begin_ms, common, cases[i].part);
    times_out(query, begin_ms, common | (cases[i].query_sent ? DSQL_IN_DOUBT : DSQL_NOT_SENT), cases[i].part);
    cr_assert_eq(dsql_conn_status(c), DSQL_CONN_FAILED);
    dsql_conn_close(c);
    fake_wait_idle(server);
    uv_update_time(&x.loop);
  }
  cr_log_info("%zu phases", COUNT(cases));
}

/* A full backlog: the kernel drops our SYN. */
Test(stall, the_tcp_handshake) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0), filler[8];
  char conninfo[128], part[64];
  dsql_conn *c;
  uint64_t begin_ms;

  cr_assert(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 0) == 0);
  cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
  for (size_t i = 0; i < COUNT(filler); i++) {
    filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)connect(filler[i], (struct sockaddr *)&address, size);
  }
  (void)snprintf(conninfo, sizeof conninfo, "hostaddr=127.0.0.1 port=%u user=u sslmode=disable",
                 ntohs(address.sin_port));
  (void)snprintf(part, sizeof part, "127.0.0.1:%u", ntohs(address.sin_port));
  uv_update_time(&x.loop);
  begin_ms = uv_now(&x.loop);
  c = dial(conninfo, "", 0);
  times_out(dsql_conn_ready(c), begin_ms, DSQL_CONN_LOST | DSQL_CLIENT_SIDE, part);
  dsql_conn_close(c);
  for (size_t i = 0; i < COUNT(filler); i++) close(filler[i]);
  close(listener);
}

/* One deadline over all hosts, each with its share. */
Test(stall, the_next_host_has_a_share_of_the_deadline) {
  static const struct fake_step good[] = {FAKE_TRUSTED, FAKE_FN(fake_serve)};
  struct fake_server *second = fake_start(FAKE_TCP);
  char conninfo[256];
  dsql_conn *c;

  fake_plan_set(server, &(struct fake_plan){.steps = STEPS(FAKE_DO(FAKE_STARTUP))});
  fake_plan_set(second, &(struct fake_plan){.steps = good});
  (void)snprintf(conninfo, sizeof conninfo, "host=a,b hostaddr=127.0.0.1,127.0.0.1 port=%u,%u user=u sslmode=disable",
                 fake_port(server), fake_port(second));
  c = dial(conninfo, "", 0);
  cr_assert_eq(client_settle(dsql_conn_ready(c)), 0);
  cr_assert_eq(fake_counts(server).connections, 1);
  cr_assert_eq(fake_counts(second).connections, 1);
  dsql_conn_close(c);

  fake_plan_set(second, &(struct fake_plan){.steps = STEPS(FAKE_DO(FAKE_STARTUP))});
  uv_update_time(&x.loop);
  uint64_t begin_ms = uv_now(&x.loop);
  c = dial(conninfo, "", 0);
  times_out(dsql_conn_ready(c), begin_ms, DSQL_CONN_LOST | DSQL_CLIENT_SIDE, "connection to \"a\"");
  dsql_conn_close(c);
  fake_wait_idle(second);
  client_turn(&x);
  fake_wait_idle(server);
  fake_stop(second);
}

/* ---- a call ---- */

static dsql_conn *ready(const struct fake_step *steps) {
  dsql_conn *c;
  fake_plan_set(server, &(struct fake_plan){.steps = steps});
  c = dial(fake_conninfo(server), "", 0);
  cr_assert_eq(client_settle(dsql_conn_ready(c)), 0);
  uv_update_time(&x.loop);
  return c;
}

static dsql_call with_timeout(void) {
  dsql_call o;
  dsql_call_init(&o);
  o.timeout_ms = DEADLINE_MS;
  return o;
}

/* The call's timeout, then a CancelRequest that does not help, then the drain timeout: the connection goes. */
Test(stall, a_query_that_is_never_answered) {
  const dsql_call o = with_timeout();
  dsql_conn *c = ready(STEPS(FAKE_TRUSTED, FAKE_A('S')));
  uint64_t begin_ms = uv_now(&x.loop);
  dsql_future *f = dsql_query(c, "select 1", DSQL_NO_PARAMS, &o), *behind;

  times_out(f, begin_ms, DSQL_IN_DOUBT | DSQL_CLIENT_SIDE, "the call's timeout passed");
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_DRAINING);
  behind = dsql_query(c, "select 2", DSQL_NO_PARAMS, NULL);
  begin_ms = uv_now(&x.loop);
  times_out(behind, begin_ms, DSQL_CONN_LOST | DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "drain_timeout_ms");
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_FAILED);
  cr_assert_geq(fake_counts(server).cancels, 2, "it is asked again");
  dsql_conn_close(c);
}

Test(stall, a_read_only_query_is_never_in_doubt) {
  dsql_call o = with_timeout();
  dsql_conn *c = ready(STEPS(FAKE_TRUSTED, FAKE_A('S')));
  uint64_t begin_ms = uv_now(&x.loop);
  o.read_only = true;
  times_out(dsql_query(c, "select 1", DSQL_NO_PARAMS, &o), begin_ms, DSQL_CLIENT_SIDE, "the call's timeout passed");
  dsql_conn_close(c);
}

/* In the middle of a row, and between the rows. */
Test(stall, a_query_that_is_answered_in_part) {
  const struct fake_step *const scripts[] = {
      STEPS(FAKE_TRUSTED, FAKE_A('S'), FAKE_INT4_COLUMN, FAKE_R("D\0\0\0")),
      STEPS(FAKE_TRUSTED, FAKE_A('S'), FAKE_INT4_COLUMN,
            FAKE_M('D', "\0\1"
                        "\0\0\0\2"
                        "42")),
      STEPS(FAKE_TRUSTED, FAKE_A('S'), FAKE_INT4_COLUMN, FAKE_M('C', "SELECT 0\0"))};
  const dsql_call o = with_timeout();
  for (size_t i = 0; i < COUNT(scripts); i++) {
    dsql_conn *c = ready(scripts[i]);
    uint64_t begin_ms = uv_now(&x.loop);
    times_out(dsql_query(c, "select 1", DSQL_NO_PARAMS, &o), begin_ms, DSQL_IN_DOUBT | DSQL_CLIENT_SIDE,
              "the call's timeout passed");
    dsql_conn_close(c);
  }
}

/* While the connection is being made a call's own, shorter deadline counts. */
Test(stall, a_query_that_never_left) {
  dsql_call o;
  dsql_conn *c;
  dsql_call_init(&o);
  o.timeout_ms = 20;
  fake_plan_set(server, &(struct fake_plan){.steps = STEPS(FAKE_DO(FAKE_STARTUP))});
  c = dial(fake_conninfo(server), "", 0);
  assert_fails(dsql_query(c, "select 1", DSQL_NO_PARAMS, &o), DSQL_ETIMEDOUT, DSQL_NOT_SENT | DSQL_CLIENT_SIDE,
               "the call's timeout passed");
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_CONNECTING);
  dsql_conn_close(c);
}

/* The answer to a COMMIT is waited for until its deadline; then it is in doubt, and the socket goes. */
Test(stall, a_commit_that_is_never_answered) {
  const dsql_call o = with_timeout();
  dsql_conn *c = ready(STEPS(FAKE_TRUSTED, FAKE_A('S')));
  uint64_t begin_ms = uv_now(&x.loop);
  dsql_future *f = dsql_query(c, "commit", DSQL_NO_PARAMS, &o);

  client_turn(&x);
  dsql_future_cancel(f);
  cr_assert_eq(dsql_future_code(f), DSQL_ENOTREADY, "a COMMIT under way is not given up");
  times_out(f, begin_ms, DSQL_IN_DOUBT | DSQL_CLIENT_SIDE, "the call's timeout passed");
  cr_assert_eq(dsql_conn_status(c), DSQL_CONN_FAILED);
  dsql_conn_close(c);
}

/* A server that hangs up on a CancelRequest is fine; one that never does is waited for as long as for the drain. */
Test(stall, a_cancel_request_is_waited_for) {
  const dsql_call o = with_timeout();
  static const struct fake_step script[] = {FAKE_TRUSTED, FAKE_FN(fake_serve)};
  dsql_conn *c = ready(script);
  dsql_future *f = dsql_query(c, "select 1", DSQL_NO_PARAMS, &o);

  dsql_future_cancel(f);
  cr_assert_eq(client_settle(f), DSQL_ECANCELED);
  cr_assert_str_eq(client_value(c, "select 2"), "44");
  dsql_conn_close(c);
}
