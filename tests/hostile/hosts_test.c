/* Several hosts of which one goes astray while it is asked what it is: nothing of it may be left when the next one
 * serves. These servers report no in_hot_standby, so that target_session_attrs takes a question. */
#include "client.h"
#include "fake_server.h"

static struct client x;
static struct fake_server *first, *second;

static void open_all(void) {
  client_open(&x);
  first = fake_start(FAKE_TCP);
  second = fake_start(FAKE_TCP);
}

static void close_all(void) {
  client_close(&x);
  fake_stop(first);
  fake_stop(second);
}

TestSuite(hosts, .init = open_all, .fini = close_all, .timeout = 60);

#define STARTED FAKE_DO(FAKE_STARTUP), FAKE_AUTH_OK, FAKE_M('Z', "I")
#define TEXT_COLUMN "x\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0"
#define PRIMARY                                                                                                        \
  FAKE_A('S'), FAKE_M('1', ""), FAKE_M('2', ""), FAKE_M('T', "\0\2" TEXT_COLUMN TEXT_COLUMN),                          \
      FAKE_M('D', "\0\2\0\0\0\5"                                                                                       \
                  "false\0\0\0\3off"),                                                                                 \
      FAKE_M('C', "SELECT 1\0"), FAKE_M('Z', "I")

static const char *both(const char *more) {
  static char text[300];
  (void)snprintf(text, sizeof text,
                 "host=127.0.0.1,127.0.0.1 port=%u,%u user=u dbname=d sslmode=disable target_session_attrs=primary %s",
                 fake_port(first), fake_port(second), more);
  return text;
}

static dsql_conn *dial(unsigned timeout_ms) {
  dsql_config c;

  dsql_config_init(&c);
  c.target = both("");
  c.connect_timeout_ms = timeout_ms;
  return client_connect_config(&x, &c);
}

/* The next host is asked once, and what it is sent then is the user's: had the old question been left in the line, the
 * second server would be waiting for the query behind the answer to the wrong one. */
Test(hosts, a_question_that_is_not_answered_goes_with_its_host) {
  static const struct fake_step deaf[] = {STARTED, FAKE_DO(FAKE_DEAF)};
  static const struct fake_step primary[] = {STARTED,
                                             PRIMARY,
                                             FAKE_A('S'),
                                             FAKE_INT4_COLUMN,
                                             FAKE_M('D', "\0\1\0\0\0\2"
                                                         "42"),
                                             FAKE_SELECTED,
                                             FAKE_DO(FAKE_END)};
  dsql_future *f;
  dsql_conn *c;
  int32_t v = 0;

  fake_plan_set(first, &(struct fake_plan){.steps = deaf});
  fake_plan_set(second, &(struct fake_plan){.steps = primary});
  c = dial(1000);
  f = dsql_query(c, "select 42", DSQL_NO_PARAMS, NULL);
  cr_assert_eq(dsql_get_int4(client_rows(f), 0, 0, &v), 0);
  cr_assert_eq(v, 42);
  dsql_future_destroy(f);
  cr_assert_eq(fake_counts(first).connections, 1);
  cr_assert_eq(fake_counts(second).connections, 1);
  dsql_conn_close(c);
}

/* The error of a host that was lost while it was asked is not the error by which the connection ends one day. */
Test(hosts, a_lost_question_leaves_no_error_behind) {
  static const struct fake_step closes[] = {STARTED, FAKE_A('S'), FAKE_DO(FAKE_CLOSE)};
  static const struct fake_step odd[] = {STARTED, PRIMARY, FAKE_A('S'), FAKE_M('v', ""), FAKE_DO(FAKE_CLOSE)};
  dsql_future *f;
  dsql_conn *c;

  fake_plan_set(first, &(struct fake_plan){.steps = closes});
  fake_plan_set(second, &(struct fake_plan){.steps = odd});
  c = dial(20000);
  f = dsql_query(c, "select 42", DSQL_NO_PARAMS, NULL);
  cr_assert_neq(dsql_future_run(f), 0);
  cr_assert_not_null(dsql_conn_error(c));
  cr_assert_eq(dsql_conn_error(c)->code, DSQL_EPROTO, "%s", client_error_text(f));
  dsql_future_destroy(f);
  dsql_conn_close(c);
}

/* What one host has proved is not proved by the next (the state that CVE-2018-10915 was about). */
Test(hosts, that_one_asked_for_the_password_does_not_count_for_the_next) {
  static const struct fake_step asks[] = {
      FAKE_DO(FAKE_STARTUP), FAKE_M('R', "\0\0\0\5salt"), FAKE_A('p'), FAKE_AUTH_OK, FAKE_M('Z', "I"),
      FAKE_A('S'),           FAKE_DO(FAKE_CLOSE)};
  static const struct fake_step asks_nothing[] = {STARTED, PRIMARY, FAKE_DO(FAKE_END)};
  dsql_conn *c;

  fake_plan_set(first, &(struct fake_plan){.steps = asks});
  fake_plan_set(second, &(struct fake_plan){.steps = asks_nothing});
  c = client_dial(&x, "%s", both("password=secret require_auth=md5"));
  assert_fails(dsql_conn_ready(c), DSQL_EAUTH, DSQL_CONN_LOST | DSQL_CLIENT_SIDE, "require_auth");
  cr_assert_eq(fake_counts(first).connections, 1);
  cr_assert_eq(fake_counts(second).connections, 1);
  dsql_conn_close(c);
}
