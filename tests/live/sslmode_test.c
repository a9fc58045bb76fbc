/* libpq's table of sslmodes: what each does at a server with and without TLS, and with which certificates it is content.
 * server_default() takes both; "plain" has ssl=off; cert_user is let in over TLS only. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client.h"

static struct client x;
static struct server tls, plain;

static void open_all(void) {
  client_open(&x);
  cr_assert(server_find("18", &tls), "PostgreSQL 18 is not running");
  cr_assert(server_find("plain", &plain), "the server without TLS is not running");
}

static void close_all(void) { client_close(&x); }

TestSuite(sslmode, .init = open_all, .fini = close_all);

/* Connects; "tls", "plain", or the name of the error. */
static const char *outcome(int port, const char *host, const char *settings) {
  dsql_conn *c =
      client_dial(&x, "host=%s hostaddr=127.0.0.1 port=%d dbname=postgres connect_timeout=10 %s", host, port, settings);
  dsql_future *f = dsql_conn_ready(c);
  int rc = dsql_future_run(f);
  const char *name = dsql_error_name(rc);

  if (rc == 0) {
    bool used = dsql_conn_tls(c);
    const char *told = client_value(c, "select coalesce(ssl, false) from pg_stat_ssl where pid = pg_backend_pid()");
    cr_assert_str_eq(told, used ? "t" : "f", "%s: the server has another opinion", settings);
    name = used ? "tls" : "plain";
  }
  dsql_future_destroy(f);
  dsql_conn_close(c);
  return name;
}

enum place { BOTH, NO_TLS, TLS_ONLY };

static const struct row {
  const char *mode;
  const char *want[3]; /* by place */
} rows[] = {
    {"disable", {"plain", "plain", "DSQL_EAUTH"}}, {"allow", {"plain", "plain", "tls"}},
    {"prefer", {"tls", "plain", "tls"}},           {"require", {"tls", "DSQL_ETLS", "tls"}},
    {"verify-ca", {"tls", "DSQL_ETLS", "tls"}},    {"verify-full", {"tls", "DSQL_ETLS", "tls"}},
};

Test(sslmode, every_mode_at_every_server) {
  size_t n = 0;
  for (size_t i = 0; i < COUNT(rows); i++)
    for (enum place p = BOTH; p <= TLS_ONLY; p++, n++) {
      char settings[900];
      const char *got;
      (void)snprintf(settings, sizeof settings, "sslmode=%s sslrootcert=%s user=%s sslcert=%s sslkey=%s", rows[i].mode,
                     tls.ca, p == TLS_ONLY ? "cert_user" : "trust_user", tls.cert, tls.key);
      got = outcome(p == NO_TLS ? plain.port : tls.port, "localhost", settings);
      cr_assert_str_eq(got, rows[i].want[p], "sslmode=%s, place %d: want %s, got %s", rows[i].mode, (int)p,
                       rows[i].want[p], got);
    }
  cr_assert_eq(n, 18);
}

/* A root file makes "require" verify the chain; no mode below verify-full looks at the name. */
Test(sslmode, what_is_verified) {
  const struct {
    const char *mode, *ca, *host, *want;
  } cases[] = {
      {"prefer", tls.ca, "db.example.com", "tls"},
      {"require", tls.ca, "db.example.com", "tls"},
      {"verify-ca", tls.ca, "db.example.com", "tls"},
      {"verify-full", tls.ca, "db.example.com", "DSQL_ETLS"},
      {"verify-full", tls.ca, "localhost", "tls"},
      {"require", plain.ca, "localhost", "DSQL_ETLS"},
      {"verify-ca", plain.ca, "localhost", "DSQL_ETLS"},
      {"verify-full", plain.ca, "localhost", "DSQL_ETLS"},
      {"require", "/nonexistent/root.crt", "localhost", "tls"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    char settings[600];
    const char *got;
    (void)snprintf(settings, sizeof settings, "user=trust_user sslmode=%s sslrootcert=%s", cases[i].mode, cases[i].ca);
    got = outcome(tls.port, cases[i].host, settings);
    cr_assert_str_eq(got, cases[i].want, "case %zu: want %s, got %s", i, cases[i].want, got);
  }
}

/* The system's certificates are where OpenSSL says, so SSL_CERT_FILE may name ours. */
Test(sslmode, the_systems_certificates) {
  (void)unsetenv("SSL_CERT_DIR");
  (void)setenv("SSL_CERT_FILE", plain.ca, 1);
  cr_assert_str_eq(outcome(tls.port, "localhost", "user=trust_user sslrootcert=system"), "DSQL_ETLS");
  (void)setenv("SSL_CERT_FILE", tls.ca, 1);
  cr_assert_str_eq(outcome(tls.port, "localhost", "user=trust_user sslrootcert=system"), "tls");
  cr_assert_str_eq(outcome(tls.port, "localhost", "user=trust_user"), "tls", "it is the default");
  cr_assert_str_eq(outcome(tls.port, "db.example.com", "user=trust_user sslrootcert=system"), "DSQL_ETLS");
}

Test(sslmode, the_systems_certificates_want_the_name_verified) {
  static const char *const weak[] = {"allow", "prefer", "require", "verify-ca"};
  for (size_t i = 0; i < COUNT(weak); i++) {
    dsql_config config;
    dsql_target *t = NULL;
    const dsql_error *e = NULL;
    char conninfo[128];
    (void)snprintf(conninfo, sizeof conninfo, "host=localhost sslrootcert=system sslmode=%s", weak[i]);
    dsql_config_init(&config);
    config.target = conninfo;
    cr_assert_eq(dsql_target_new(&t, x.rt, &config, &e), DSQL_EINVAL, "%s", weak[i]);
    cr_assert(str_has(e->message, "verify-full"), "%.*s", (int)e->message.len, e->message.ptr);
  }
}

Test(sslmode, an_abstract_socket) {
  dsql_conn *c = client_connect(&x, "host=@dsql-live port=%d user=trust_user dbname=postgres", plain.port);
  cr_assert_str_eq(client_value(c, "select inet_client_addr() is null"), "t");
  dsql_conn_close(c);
  cr_assert_eq(client_settle(dsql_conn_ready(
                   c = client_dial(&x, "host=@dsql-absent port=%d user=trust_user dbname=postgres", plain.port))),
               DSQL_EIO);
  dsql_conn_close(c);
}
