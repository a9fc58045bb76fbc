/* Messages that break the protocol: in the start-up and in the answer to a query. */
#include <arpa/inet.h>

#include "one_server.h"

TestSuite(messages, .init = open_all, .fini = close_all);

#define STEPS(...) ((const struct fake_step[]){__VA_ARGS__, FAKE_DO(FAKE_END)})
#define ROW_42                                                                                                         \
  FAKE_M('D', "\0\1"                                                                                                   \
              "\0\0\0\2"                                                                                               \
              "42")

Test(messages, a_good_session_is_good) {
  dsql_conn *c;
  fake_plan_set(
      server, &(struct fake_plan){.steps = STEPS(FAKE_TRUSTED, FAKE_A('S'), FAKE_INT4_COLUMN, ROW_42, FAKE_SELECTED)});
  c = client_connect(&x, "%s", fake_conninfo(server));
  cr_assert_str_eq(client_value(c, "select 42 as x"), "42");
  cr_assert_eq(dsql_conn_server_version(c), 180000);
  cr_assert_eq(dsql_conn_backend_pid(c), 7);
  dsql_conn_close(c);
}

struct bad {
  const char *name;
  const struct fake_step *steps;
  const char *part; /* of the error's message */
};

/* ---- in the answer to a query: the connection is lost, and whether the query took effect is in doubt ---- */

#define ANSWER(...) STEPS(FAKE_TRUSTED, FAKE_A('S'), __VA_ARGS__)

static const struct bad bad_answers[] = {
    {"length 0", ANSWER(FAKE_R("1\0\0\0\0")), "length below 4"},
    {"length 1", ANSWER(FAKE_R("1\0\0\0\1")), "length below 4"},
    {"length 2", ANSWER(FAKE_R("1\0\0\0\2")), "length below 4"},
    {"length 3", ANSWER(FAKE_R("1\0\0\0\3")), "length below 4"},
    {"huge length", ANSWER(FAKE_R("D\x7f\xff\xff\xff")), "2147483648 bytes; the limit is 1073741823"},
    {"length over the cap by one", ANSWER(FAKE_R("D\x3f\xff\xff\xff")), "1073741824 bytes; the limit is 1073741823"},
    {"negative length", ANSWER(FAKE_R("D\xff\xff\xff\xff")), "length below 4"},
    {"most negative length", ANSWER(FAKE_R("D\x80\0\0\0")), "length below 4"},
    {"unknown type", ANSWER(FAKE_M('@', "")), "of type '@' that is unknown"},
    {"unprintable type", ANSWER(FAKE_M('\x01', "")), "of type 0x01 that is unknown"},
    {"a frontend message", ANSWER(FAKE_M('Q', "select 1\0")), "of type 'Q' that is unknown"},
    {"DataRow before its columns", ANSWER(ROW_42), "of type 'D' that is not expected now"},
    {"ParseComplete with a body", ANSWER(FAKE_M('1', "x")), "malformed message of type '1'"},
    {"two ParseCompletes", ANSWER(FAKE_M('1', ""), FAKE_M('1', "")), "of type '1' that is not expected now"},
    {"ReadyForQuery too early", ANSWER(FAKE_M('1', ""), FAKE_M('Z', "I")), "of type 'Z' that is not expected now"},
    {"ReadyForQuery of an unknown status", ANSWER(FAKE_INT4_COLUMN, FAKE_M('C', "SELECT 0\0"), FAKE_M('Z', "X")),
     "malformed message of type 'Z'"},
    {"authentication again", ANSWER(FAKE_AUTH_OK), "of type 'R' that is not expected now"},
    {"columns cut short",
     ANSWER(FAKE_M('1', ""), FAKE_M('2', ""),
            FAKE_M('T', "\0\1"
                        "x\0"
                        "\0\0\0\0")),
     "malformed message of type 'T'"},
    {"more columns than there are",
     ANSWER(FAKE_M('1', ""), FAKE_M('2', ""),
            FAKE_M('T', "\xff\xff"
                        "x\0")),
     "malformed message of type 'T'"},
    {"bytes behind the columns",
     ANSWER(FAKE_M('1', ""), FAKE_M('2', ""),
            FAKE_M('T', "\0\0"
                        "x")),
     "malformed message of type 'T'"},
    {"negative field length",
     ANSWER(FAKE_INT4_COLUMN, FAKE_M('D', "\0\1"
                                          "\xff\xff\xff\xfe")),
     "a DataRow does not fit"},
    {"most negative field length",
     ANSWER(FAKE_INT4_COLUMN, FAKE_M('D', "\0\1"
                                          "\x80\0\0\0")),
     "a DataRow does not fit"},
    {"field longer than its message",
     ANSWER(FAKE_INT4_COLUMN, FAKE_M('D', "\0\1"
                                          "\0\0\0\3"
                                          "42")),
     "a DataRow does not fit"},
    {"too few fields", ANSWER(FAKE_INT4_COLUMN, FAKE_M('D', "\0\0")), "a DataRow does not fit"},
    {"too many fields",
     ANSWER(FAKE_INT4_COLUMN, FAKE_M('D', "\0\2"
                                          "\0\0\0\1"
                                          "1"
                                          "\0\0\0\1"
                                          "2")),
     "a DataRow does not fit"},
    {"the right number, one more behind",
     ANSWER(FAKE_INT4_COLUMN, FAKE_M('D', "\0\1"
                                          "\0\0\0\1"
                                          "1"
                                          "\0\0\0\1"
                                          "2")),
     "a DataRow does not fit"},
    {"field count only", ANSWER(FAKE_INT4_COLUMN, FAKE_M('D', "\0\1")), "a DataRow does not fit"},
    {"empty row", ANSWER(FAKE_INT4_COLUMN, FAKE_M('D', "")), "a DataRow does not fit"},
    {"tag without its NUL", ANSWER(FAKE_INT4_COLUMN, FAKE_M('C', "SELECT 0")), "malformed message of type 'C'"},
    {"error without its end", ANSWER(FAKE_M('E', "SERROR\0")), "malformed message of type 'E'"},
    {"parameter without a value", ANSWER(FAKE_M('S', "name\0")), "malformed message of type 'S'"},
    {"unasked CopyBothResponse", ANSWER(FAKE_M('W', "\0\0\0")), "message of type 'W'"},
    {"CopyData out of nowhere", ANSWER(FAKE_M('1', ""), FAKE_M('d', "x")), "of type 'd' that is not expected now"},
};

Test(messages, a_malformed_answer_loses_the_connection) {
  for (size_t i = 0; i < COUNT(bad_answers); i++) {
    dsql_conn *c;
    fake_plan_set(server, &(struct fake_plan){.steps = bad_answers[i].steps});
    c = client_connect(&x, "%s", fake_conninfo(server));
    assert_fails(dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL), DSQL_EPROTO,
                 DSQL_CONN_LOST | DSQL_IN_DOUBT | DSQL_CLIENT_SIDE, bad_answers[i].part);
    cr_assert_eq(dsql_conn_status(c), DSQL_CONN_FAILED, "%s", bad_answers[i].name);
    cr_assert_eq(dsql_conn_error(c)->code, DSQL_EPROTO, "%s", bad_answers[i].name);
    assert_fails(dsql_query(c, "select 2", DSQL_NO_PARAMS, NULL), DSQL_ECLOSED, DSQL_NOT_SENT | DSQL_CLIENT_SIDE,
                 "the connection is closed: protocol violation");
    dsql_conn_close(c);
  }
  cr_log_info("%zu malformed answers", COUNT(bad_answers));
}

/* ---- in the start-up: nothing was sent yet ---- */

#define START(...) STEPS(FAKE_DO(FAKE_STARTUP), __VA_ARGS__)

Test(messages, a_malformed_start_up_fails_the_connect) {
  const struct bad bads[] = {
      {"length 0", START(FAKE_R("R\0\0\0\0")), "length below 4"},
      {"length 3", START(FAKE_R("R\0\0\0\3")), "length below 4"},
      {"negative length", START(FAKE_R("R\xff\xff\xff\xff")), "length below 4"},
      {"not PostgreSQL: HTTP", START(FAKE_R("HTTP/1.1 400 Bad Request\r\n\r\n")), "message"},
      {"not PostgreSQL: SSH", START(FAKE_R("SSH-2.0-OpenSSH_9.2\r\n")), "message"},
      {"unknown type", START(FAKE_M('@', "")), "of type '@' that is unknown"},
      {"ready without authentication", START(FAKE_M('Z', "I")), "of type 'Z' that is not expected now"},
      {"key before authentication", START(FAKE_M('K', "\0\0\0\7\0\0\0\x9")), "of type 'K' that is not expected now"},
      {"parameter before authentication", START(FAKE_M('S', "a\0b\0")), "of type 'S' that is not expected now"},
      {"authentication of two bytes", START(FAKE_M('R', "\0\0")), "malformed message of type 'R'"},
      {"AuthenticationOk with a body", START(FAKE_M('R', "\0\0\0\0x")), "malformed message of type 'R'"},
      {"AuthenticationOk twice", START(FAKE_AUTH_OK, FAKE_AUTH_OK), "is out of order"},
      {"md5 salt of three bytes", START(FAKE_M('R', "\0\0\0\5abc")), "malformed message of type 'R'"},
      {"SASLFinal out of nowhere", START(FAKE_M('R', "\0\0\0\x0cv=x")), "is out of order"},
      {"SASLContinue out of nowhere", START(FAKE_M('R', "\0\0\0\x0br=x")), "is out of order"},
      {"a version above the one asked for", START(FAKE_M('v', "\0\3\0\x63\0\0\0\0")), "from protocol 3.0 up to 3.99"},
      {"a version message cut short", START(FAKE_M('v', "\0\3\0\0\0\0\0\1")), "malformed message of type 'v'"},
      {"key data without a key", START(FAKE_AUTH_OK, FAKE_M('K', "\0\0\0\7")), "malformed message of type 'K'"},
      {"a row in the start-up", START(FAKE_AUTH_OK, ROW_42), "of type 'D' that is not expected now"},
  };

  for (size_t i = 0; i < COUNT(bads); i++) {
    dsql_conn *c;
    fake_plan_set(server, &(struct fake_plan){.steps = bads[i].steps});
    c = client_dial(&x, "%s password=secret", fake_conninfo(server));
    assert_fails(dsql_conn_ready(c), DSQL_EPROTO, DSQL_CONN_LOST | DSQL_CLIENT_SIDE, bads[i].part);
    cr_assert_eq(dsql_conn_status(c), DSQL_CONN_FAILED, "%s", bads[i].name);
    dsql_conn_close(c);
  }
  cr_log_info("%zu malformed start-ups", COUNT(bads));
}

Test(messages, authentication_methods_that_nobody_speaks_are_refused) {
  const struct {
    const struct fake_step *steps;
    const char *part;
  } cases[] = {{START(FAKE_M('R', "\0\0\0\2")), "Kerberos V5"},
               {START(FAKE_M('R', "\0\0\0\6")), "SCM credentials"},
               {START(FAKE_M('R', "\0\0\0\7")), "GSS"},
               {START(FAKE_M('R', "\0\0\0\x9")), "SSPI"},
               {START(FAKE_M('R', "\0\0\0\x63")), "authentication request 99"},
               {START(FAKE_M('R', "\0\0\0\x0a"
                                  "FOO\0\0")),
                "FOO"}};

  for (size_t i = 0; i < COUNT(cases); i++) {
    dsql_conn *c;
    fake_plan_set(server, &(struct fake_plan){.steps = cases[i].steps});
    c = client_dial(&x, "%s password=secret", fake_conninfo(server));
    assert_fails(dsql_conn_ready(c), DSQL_EAUTH, DSQL_CONN_LOST | DSQL_CLIENT_SIDE, cases[i].part);
    dsql_conn_close(c);
  }
}

/* ---- a server error is a server error, whatever its bytes ---- */

Test(messages, an_error_keeps_its_fields_and_the_connection) {
  dsql_conn *c;
  dsql_future *f;
  const dsql_error *e;
  fake_plan_set(server, &(struct fake_plan){
                            .steps = ANSWER(FAKE_M('E', "SFEHLER\0VERROR\0C40001\0Mno\0Ddetail\0Hhint\0P7\0p8\0qinner\0"
                                                        "Wwhere\0ss\0tt\0cc\0dd\0nn\0FF\0LL\0RR\0Zunknown\0\0"),
                                            FAKE_M('Z', "I"), FAKE_A('S'), FAKE_INT4_COLUMN, ROW_42, FAKE_SELECTED)});
  c = client_connect(&x, "%s", fake_conninfo(server));
  f = dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL);
  cr_assert_eq(dsql_future_run(f), DSQL_ESERVER);
  e = dsql_future_error(f);
  cr_assert_eq(e->flags, DSQL_RETRYABLE);
  cr_assert_str_eq(e->sqlstate, "40001");
  cr_assert(str_has(e->detail, "detail") && str_has(e->hint, "hint"));
  for (const char *at = "SVCMDHPpqWstcdnFLR"; *at; at++) cr_assert(dsql_error_field(e, *at).len > 0, "field %c", *at);
  cr_assert_eq(dsql_error_field(e, 'x').len, 0);
  dsql_future_destroy(f);
  cr_assert_str_eq(client_value(c, "select 42 as x"), "42");
  dsql_conn_close(c);
}

/* ---- rows where there can be none ---- */

static int stop_with_7(const dsql_result *row, void *arg) {
  (void)row;
  (void)arg;
  return 7;
}

/* The answer to a COMMIT is never swallowed, so stopping it ends the connection: from inside the run of rows. */
Test(messages, rows_in_answer_to_a_commit) {
  const struct fake_step *rows =
      ANSWER(FAKE_INT4_COLUMN, ROW_42, ROW_42, ROW_42, FAKE_M('C', "COMMIT\0"), FAKE_M('Z', "I"));
  dsql_call o;
  dsql_conn *c;
  dsql_future *f;

  fake_plan_set(server, &(struct fake_plan){.steps = rows});
  c = client_connect(&x, "%s", fake_conninfo(server));
  f = dsql_query_each(c, "commit", DSQL_NO_PARAMS, stop_with_7, NULL, NULL);
  cr_assert_eq(dsql_future_run(f), DSQL_EABORT, "%s", client_error_text(f));
  cr_assert_eq(dsql_future_error(f)->app_code, 7);
  cr_assert_eq(dsql_future_error(f)->flags & DSQL_IN_DOUBT, DSQL_IN_DOUBT);
  dsql_future_destroy(f);
  dsql_conn_close(c);

  fake_plan_set(server, &(struct fake_plan){.steps = STEPS(FAKE_TRUSTED, FAKE_FN(fake_serve)), .row_len = 10000});
  c = client_connect(&x, "%s", fake_conninfo(server));
  dsql_call_init(&o);
  o.result_bytes_max = 1000;
  f = dsql_query(c, "commit", DSQL_NO_PARAMS, &o);
  cr_assert_eq(dsql_future_run(f), DSQL_ETOOBIG, "%s", client_error_text(f));
  dsql_future_destroy(f);
  dsql_conn_close(c);
}

/* ---- fixed-width binary values of the wrong width ---- */

struct width {
  uint32_t oid;
  int width, sent;
};

static void put_columns(struct fake_conn *c, uint32_t oid) {
  uint8_t body[2 + 2 + 18] = {0, 1, 'x', 0};
  uint32_t be = htonl(oid);
  memcpy(body + 4 + 6, &be, 4);
  fake_put_message(c, 'T', body, sizeof body);
}

static void put_row(struct fake_conn *c, int n) {
  uint8_t body[2 + 4 + 32] = {0, 1, 0, 0, 0, (uint8_t)n};
  fake_put_message(c, 'D', body, 6 + (size_t)n);
}

/* The first execution describes, the second asks for binary. */
static bool serve_width(struct fake_conn *c) {
  const struct width *w = fake_arg(c);
  uint8_t params[6] = {0};

  if (!fake_await(c, 'S')) return false;
  fake_put_message(c, '1', "", 0);
  fake_put_message(c, 't', params, 2);
  put_columns(c, w->oid);
  fake_put_message(c, '2', "", 0);
  fake_put_message(c, 'C', "SELECT 0", 9);
  fake_put_message(c, 'Z', "I", 1);
  if (!fake_await(c, 'S')) return false;
  fake_put_message(c, '2', "", 0);
  put_row(c, w->sent);
  fake_put_message(c, 'C', "SELECT 1", 9);
  fake_put_message(c, 'Z', "I", 1);
  return true;
}

static int typed(const dsql_result *r, uint32_t oid) {
  union {
    bool b;
    int16_t i2;
    int32_t i4;
    int64_t i8;
    uint32_t o;
    float f4;
    double f8;
    dsql_uuid u;
    dsql_timetz tz;
    dsql_interval iv;
  } v;
  switch (oid) {
    case DSQL_BOOL: return dsql_get_bool(r, 0, 0, &v.b);
    case DSQL_INT2: return dsql_get_int2(r, 0, 0, &v.i2);
    case DSQL_INT4: return dsql_get_int4(r, 0, 0, &v.i4);
    case DSQL_INT8: return dsql_get_int8(r, 0, 0, &v.i8);
    case DSQL_OID: return dsql_get_oid(r, 0, 0, &v.o);
    case DSQL_FLOAT4: return dsql_get_float4(r, 0, 0, &v.f4);
    case DSQL_FLOAT8: return dsql_get_float8(r, 0, 0, &v.f8);
    case DSQL_DATE: return dsql_get_date(r, 0, 0, &v.i4);
    case DSQL_TIME: return dsql_get_time(r, 0, 0, &v.i8);
    case DSQL_TIMETZ: return dsql_get_timetz(r, 0, 0, &v.tz);
    case DSQL_TIMESTAMP: return dsql_get_timestamp(r, 0, 0, &v.i8);
    case DSQL_TIMESTAMPTZ: return dsql_get_timestamptz(r, 0, 0, &v.i8);
    case DSQL_INTERVAL: return dsql_get_interval(r, 0, 0, &v.iv);
    case DSQL_UUID: return dsql_get_uuid(r, 0, 0, &v.u);
    default: return -99;
  }
}

static void check_width(struct width *w) {
  dsql_conn *c;
  dsql_stmt *s;
  dsql_future *f;
  const dsql_result *r;
  dsql_str text;
  int want = w->sent == w->width ? 0 : DSQL_EPROTO;

  fake_plan_set(server, &(struct fake_plan){.steps = STEPS(FAKE_TRUSTED, FAKE_FN(serve_width)), .arg = w});
  c = client_connect(&x, "%s", fake_conninfo(server));
  cr_assert_eq(dsql_stmt_new(&s, x.rt, "select x", NULL, 0), 0);
  cr_assert_eq(client_settle(dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL)), 0);
  f = dsql_query_stmt(c, s, DSQL_NO_PARAMS, NULL);
  r = client_rows(f);
  cr_assert_eq(dsql_result_col_format(r, 0), 1, "type %u is not asked for in binary", w->oid);
  cr_assert_eq(typed(r, w->oid), want, "type %u, %d bytes in place of %d: %d", w->oid, w->sent, w->width,
               typed(r, w->oid));
  cr_assert_eq(dsql_get_text(r, 0, 0, &text), want, "text of type %u, %d bytes in place of %d", w->oid, w->sent,
               w->width);
  dsql_future_destroy(f);
  dsql_stmt_free(s);
  dsql_conn_close(c);
  fake_wait_idle(server);
}

Test(messages, fixed_width_values_of_the_wrong_width_are_no_values) {
  static const struct {
    uint32_t oid;
    int width;
  } types[] = {{DSQL_BOOL, 1},      {DSQL_INT2, 2},        {DSQL_INT4, 4},      {DSQL_INT8, 8}, {DSQL_OID, 4},
               {DSQL_FLOAT4, 4},    {DSQL_FLOAT8, 8},      {DSQL_DATE, 4},      {DSQL_TIME, 8}, {DSQL_TIMETZ, 12},
               {DSQL_TIMESTAMP, 8}, {DSQL_TIMESTAMPTZ, 8}, {DSQL_INTERVAL, 16}, {DSQL_UUID, 16}};
  size_t cases = 0;

  for (size_t i = 0; i < COUNT(types); i++) {
    const int sent[] = {0, types[i].width - 1, types[i].width, types[i].width + 1, 2 * types[i].width};
    for (size_t k = types[i].width == 1; k < COUNT(sent); k++, cases++)
      check_width(&(struct width){types[i].oid, types[i].width, sent[k]});
  }
  cr_log_info("%zu widths", cases);
  cr_assert_eq(cases, 14 * 5 - 1);
}
