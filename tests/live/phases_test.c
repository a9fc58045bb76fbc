/* What the time until a connection is ready was spent on: dsql_conn_stats. */
#include <stddef.h>
#include <stdio.h>

#include "client.h"

static struct client x;

static void open_all(void) { client_open(&x); }
static void close_all(void) { client_close(&x); }

TestSuite(phases, .init = open_all, .fini = close_all);

static dsql_conn_stats stats_of(dsql_conn *c) {
  dsql_conn_stats s;
  dsql_conn_stats_get(c, &s, sizeof s);
  return s;
}

/* The clock is read once per change of phase: not a microsecond is lost or counted twice. */
static void expect_whole(const dsql_conn_stats *s, const char *what) {
  uint64_t sum = (uint64_t)s->prepare_us + s->dns_us + s->socket_us + s->sslrequest_us + s->tls_us + s->auth_us;
  cr_expect(s->connect_us > 0 && sum == s->connect_us, "%s: %llu of %u us", what, (unsigned long long)sum,
            s->connect_us);
}

struct row {
  const char *options;
  bool dns, sslrequest, tls;
};

Test(phases, add_up_to_the_whole) {
  static const struct row rows[] = {
      {"hostaddr=127.0.0.1 host=localhost sslmode=disable user=trust_user", false, false, false},
      {"host=localhost sslmode=disable user=scram_user", true, false, false},
      {"hostaddr=127.0.0.1 host=localhost sslnegotiation=postgres user=trust_user", false, true, true},
      {"hostaddr=127.0.0.1 host=localhost sslnegotiation=direct user=scram_user", false, false, true},
      {"host=localhost sslnegotiation=direct user=md5_user", true, false, true},
      {"hostaddr=127.0.0.1 host=localhost sslmode=allow user=trust_user", false, false, false}};
  const struct server *server = server_default();
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct row *r = &rows[i];
    dsql_conn *c = client_connect(&x, "port=%d dbname=postgres password=secret sslrootcert=%s %s", server->port,
                                  server->ca, r->options);
    dsql_conn_stats s = stats_of(c);
    expect_whole(&s, r->options);
    cr_expect(s.dns_us <= s.connect_us && (s.dns_us > 0) == r->dns, "%s: name lookup %u us", r->options, s.dns_us);
    cr_expect_eq(s.sslrequest_us > 0, r->sslrequest, "%s: SSLRequest %u us", r->options, s.sslrequest_us);
    cr_expect_eq(s.tls_us > 0, r->tls, "%s: TLS %u us", r->options, s.tls_us);
    cr_expect_gt(s.auth_us, 0, "%s", r->options);
    dsql_conn_close(c);
  }
}

Test(phases, of_hosts_that_failed_are_counted_too) {
  const struct server *s = server_default();
  dsql_conn *c = client_connect(&x,
                                "hostaddr=127.0.0.1,127.0.0.1 port=%d,%d dbname=postgres user=trust_user "
                                "sslmode=disable target_session_attrs=read-write options='-c geqo=off'",
                                1, s->port);
  dsql_conn_stats stats = stats_of(c);
  expect_whole(&stats, "the second host");
  dsql_conn_close(c);
}

static dsql_future *sleep_first(dsql_conn *c, void *arg) {
  (void)arg;
  return dsql_query(c, "select pg_sleep(0.05)", DSQL_NO_PARAMS, NULL);
}

Test(phases, preparing_the_session_is_part_of_it) {
  const struct server *server = server_default();
  char target[256];
  dsql_config config;
  dsql_conn_stats s;
  dsql_conn *c;

  (void)snprintf(target, sizeof target, "%s", server_conninfo(server));
  dsql_config_init(&config);
  config.target = target;
  config.after_connect = sleep_first;
  c = client_connect_config(&x, &config);
  s = stats_of(c);
  expect_whole(&s, "after_connect");
  cr_expect_geq(s.auth_us, 50000);
  dsql_conn_close(c);
}

Test(phases, are_told_of_a_connection_that_failed) {
  dsql_conn *c = client_dial(&x, "hostaddr=127.0.0.1 host=localhost port=1 user=u dbname=d sslmode=disable");
  dsql_future *f = dsql_conn_ready(c);
  dsql_conn_stats s;
  cr_assert_neq(client_settle(f), 0);
  s = stats_of(c);
  cr_expect_eq(s.connect_us, 0);
  cr_expect_eq(s.tls_us + s.auth_us, 0);
  dsql_conn_close(c);
}

/* A program that was compiled with the struct as it was before has less room. */
Test(phases, a_smaller_struct_is_not_overrun) {
  dsql_conn *c = client_connect(&x, "%s", server_conninfo(server_default()));
  dsql_conn_stats full = stats_of(c), small;
  memset(&small, 0xa5, sizeof small);
  dsql_conn_stats_get(c, &small, offsetof(dsql_conn_stats, prepare_us));
  cr_expect_eq(small.size, offsetof(dsql_conn_stats, prepare_us));
  cr_expect_eq(small.connect_us, full.connect_us);
  cr_expect_eq(small.prepare_us, 0xa5a5a5a5);
  cr_expect_eq(small.auth_us, 0xa5a5a5a5);
  dsql_conn_close(c);
}
