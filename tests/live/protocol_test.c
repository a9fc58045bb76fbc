/* Protocol 3.2, asked for and not: every server, PgBouncer, and cancel keys of both sizes. */
#include <stdio.h>

#include "client.h"
#include "conn/conn.h"

static struct client x;
static struct server server;

static void open_all(void) { client_open(&x); }
static void close_all(void) { client_close(&x); }

TestSuite(protocol, .init = open_all, .fini = close_all, .timeout = 60);

static const char *const older[] = {"12", "14", "debian15", "16", "17"};

static const char *conninfo(const char *version, const char *more) {
  static char text[512];
  cr_assert(server_find(version, &server), "PostgreSQL %s is not running", version);
  (void)snprintf(text, sizeof text, "%s %s", server_conninfo(&server), more);
  return text;
}

static dsql_conn *dial(const char *version, const char *more) {
  dsql_config config;
  dsql_target *t;
  dsql_conn *c;
  cr_assert(server_find(version, &server), "PostgreSQL %s is not running", version);
  dsql_config_init(&config);
  config.target = conninfo(version, more);
  config.drain_timeout_ms = 20000;
  t = client_target_config(&x, &config);
  cr_assert_eq(dsql_conn_open(&c, x.rt, t), 0);
  dsql_target_free(t);
  return c;
}

/* The session goes on where the sleep was, which it could not before the server had heeded the key. */
static void cancels(dsql_conn *c) {
  int32_t pid = dsql_conn_backend_pid(c);
  uint64_t begun = uv_hrtime();
  dsql_future *f = dsql_query(c, "select pg_sleep(60)", DSQL_NO_PARAMS, NULL);
  for (int i = 0; i < 3; i++) (void)uv_run(&x.loop, UV_RUN_NOWAIT);
  dsql_future_cancel(f);
  cr_assert_eq(client_settle(f), DSQL_ECANCELED);
  cr_assert_str_eq(client_value(c, "select 1"), "1");
  cr_assert_eq(dsql_conn_backend_pid(c), pid);
  cr_assert_lt(uv_hrtime() - begun, UINT64_C(20000000000));
}

static void speaks(const char *version, const char *more, uint32_t protocol, size_t key_len) {
  dsql_conn *c = dial(version, more);
  dsql_future *ready = dsql_conn_ready(c);
  cr_assert_eq(dsql_future_run(ready), 0, "%s %s: %s", version, more, client_error_text(ready));
  dsql_future_destroy(ready);
  cr_expect_eq(c->session.protocol, protocol, "%s %s: %x", version, more, c->session.protocol);
  cr_expect_eq(c->session.cancel_key_len, key_len, "%s %s: %zu bytes", version, more, c->session.cancel_key_len);
  cancels(c);
  dsql_conn_close(c);
}

Test(protocol, postgresql_18_speaks_3_2) {
  speaks("18", "", WIRE_PROTOCOL_3_0, 4);
  speaks("18", "max_protocol_version=3.0", WIRE_PROTOCOL_3_0, 4);
  speaks("18", "max_protocol_version=3.2", WIRE_PROTOCOL_3_2, 32);
  speaks("18", "max_protocol_version=latest", WIRE_PROTOCOL_3_2, 32);
  speaks("18", "min_protocol_version=3.2", WIRE_PROTOCOL_3_2, 32);
}

Test(protocol, over_tls) {
  char more[400];
  cr_assert(server_find("18", &server));
  (void)snprintf(more, sizeof more, "sslmode=verify-full sslrootcert=%s max_protocol_version=3.2", server.ca);
  speaks("18", more, WIRE_PROTOCOL_3_2, 32);
}

Test(protocol, older_servers_go_down_to_3_0) {
  for (size_t i = 0; i < COUNT(older); i++) speaks(older[i], "max_protocol_version=3.2", WIRE_PROTOCOL_3_0, 4);
}

Test(protocol, older_servers_are_refused_where_3_2_is_demanded) {
  for (size_t i = 0; i < COUNT(older); i++) {
    dsql_conn *c = dial(older[i], "min_protocol_version=3.2");
    assert_fails(dsql_conn_ready(c), DSQL_EUNSUPPORTED, DSQL_CONN_LOST | DSQL_CLIENT_SIDE,
                 "the server speaks protocol 3.0 at most; min_protocol_version asks for 3.2");
    dsql_conn_close(c);
  }
}

/* PgBouncer 1.18 takes any other version for a broken packet. */
Test(protocol, an_old_pgbouncer_refuses_and_the_error_says_what_to_do) {
  char more[64];
  dsql_conn *c;
  cr_assert(server_find("18", &server));
  (void)snprintf(more, sizeof more, "port=%d max_protocol_version=3.2", server.bouncer_port);
  c = dial("18", more);
  assert_fails(
      dsql_conn_ready(c), DSQL_ESERVER, DSQL_CONN_LOST,
      "(SQLSTATE 08P01); max_protocol_version asks for protocol 3.2, which this server or pooler may not know: "
      "use 3.0");
  dsql_conn_close(c);
  (void)snprintf(more, sizeof more, "port=%d", server.bouncer_port);
  c = dial("18", more);
  cr_assert_str_eq(client_value(c, "select 1"), "1");
  dsql_conn_close(c);
}
