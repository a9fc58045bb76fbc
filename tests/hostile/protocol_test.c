/* What a server may not say when the protocol's version is negotiated, and cancel keys of sizes that no version has. */
#include <stdio.h>

#include "one_server.h"

TestSuite(hostile_protocol, .init = open_all, .fini = close_all);

#define STEPS(...) ((const struct fake_step[]){FAKE_DO(FAKE_STARTUP), __VA_ARGS__, FAKE_DO(FAKE_END)})
#define NEGOTIATE(minor, count) "\0\3\0" minor "\0\0\0" count

static const struct {
  const char *name, *asked;
  const struct fake_step *steps;
  int code;
  const char *part;
} cases[] = {
    {"above what was asked", "3.0", STEPS(FAKE_M('v', NEGOTIATE("\2", "\0"))), DSQL_EPROTO,
     "the server goes from protocol 3.0 up to 3.2"},
    {"above the newest", "3.2", STEPS(FAKE_M('v', NEGOTIATE("\3", "\0"))), DSQL_EPROTO, "up to 3.3"},
    {"another major version", "3.2", STEPS(FAKE_M('v', "\0\4\0\0\0\0\0\0")), DSQL_EPROTO, "up to 4.0"},
    {"protocol 2", "3.2", STEPS(FAKE_M('v', "\0\2\0\0\0\0\0\0")), DSQL_EUNSUPPORTED, "speaks protocol 2.0 at most"},
    {"an option that nobody asked for", "3.2", STEPS(FAKE_M('v', NEGOTIATE("\0", "\1") "_pq_.x\0")), DSQL_EPROTO,
     "does not know the protocol option \"_pq_.x\", which was not asked for"},
    {"an option that is no text", "3.2", STEPS(FAKE_M('v', NEGOTIATE("\0", "\1") "\x1b[31m\0")), DSQL_EPROTO,
     "option \"?[31m\""},
    {"more options than there are", "3.2", STEPS(FAKE_M('v', NEGOTIATE("\0", "\2") "_pq_.x\0")), DSQL_EPROTO,
     "malformed message of type 'v'"},
    {"2^32-1 options", "3.2", STEPS(FAKE_M('v', "\0\3\0\0\xff\xff\xff\xff")), DSQL_EPROTO,
     "malformed message of type 'v'"},
    {"twice", "3.2", STEPS(FAKE_M('v', NEGOTIATE("\0", "\0")), FAKE_M('v', NEGOTIATE("\0", "\0"))), DSQL_EPROTO,
     "of type 'v' that is not expected now"},
    {"behind AuthenticationOk", "3.2", STEPS(FAKE_AUTH_OK, FAKE_M('v', NEGOTIATE("\0", "\0"))), DSQL_EPROTO,
     "of type 'v' that is not expected now"},
};

Test(hostile_protocol, versions) {
  for (size_t i = 0; i < COUNT(cases); i++) {
    dsql_conn *c;
    fake_plan_set(server, &(struct fake_plan){.steps = cases[i].steps});
    c = client_dial(&x, "%s max_protocol_version=%s", fake_conninfo(server), cases[i].asked);
    cr_log_info("%s", cases[i].name);
    assert_fails(dsql_conn_ready(c), cases[i].code, DSQL_CONN_LOST | DSQL_CLIENT_SIDE, cases[i].part);
    dsql_conn_close(c);
  }
}

/* The size comes from the test. */
static bool send_key(struct fake_conn *c) {
  static const uint8_t body[4 + 300] = {0, 0, 0, 7};
  fake_put_message(c, 'K', body, 4 + *(const size_t *)fake_arg(c));
  return fake_flush(c);
}

Test(hostile_protocol, cancel_keys) {
  static const struct {
    size_t len;
    int in_3_0, in_3_2;
  } keys[] = {{0, DSQL_EPROTO, DSQL_EPROTO}, {3, DSQL_EPROTO, DSQL_EPROTO}, {4, 0, 0},
              {5, DSQL_EPROTO, 0},           {256, DSQL_EPROTO, 0},         {257, DSQL_EPROTO, DSQL_EPROTO}};
  for (size_t i = 0; i < COUNT(keys); i++)
    for (int newer = 0; newer < 2; newer++) {
      size_t len = keys[i].len;
      dsql_conn *c;
      fake_plan_set(
          server, &(struct fake_plan){.steps = STEPS(FAKE_AUTH_OK, FAKE_FN(send_key), FAKE_M('Z', "I")), .arg = &len});
      c = client_dial(&x, "%s max_protocol_version=%s", fake_conninfo(server), newer ? "3.2" : "3.0");
      cr_assert_eq(client_settle(dsql_conn_ready(c)), newer ? keys[i].in_3_2 : keys[i].in_3_0, "%zu bytes in 3.%d", len,
                   newer * 2);
      dsql_conn_close(c);
      fake_wait_idle(server);
    }
}
