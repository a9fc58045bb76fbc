/* TLS, certificates and Unix sockets at a real server. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "client.h"

static struct client x;

static void open_all(void) { client_open(&x); }
static void close_all(void) { client_close(&x); }

TestSuite(secure, .init = open_all, .fini = close_all);

#define ROOT "hostaddr=127.0.0.1 host=localhost dbname=postgres user=trust_user port=%d sslrootcert=%s "

static void refused(int code, const char *part, dsql_conn *c) {
  dsql_future *f = dsql_conn_ready(c);
  cr_assert_eq(dsql_future_run(f), code, "%s", client_error_text(f));
  cr_assert(str_has(dsql_future_error(f)->message, part), "want \"%s\" in %s", part, client_error_text(f));
  dsql_future_destroy(f);
  dsql_conn_close(c);
}

static unsigned round_trips(dsql_conn *c) {
  dsql_conn_stats stats;
  dsql_conn_stats_get(c, &stats, sizeof stats);
  return stats.connect_round_trips;
}

Test(secure, both_negotiations_verify_the_server) {
  const struct server *s = server_default();
  static const char *const negotiations[] = {"postgres", "direct"};
  unsigned trips[2];
  for (size_t i = 0; i < 2; i++) {
    dsql_conn *c = client_connect(&x, ROOT "sslmode=verify-full sslnegotiation=%s", s->port, s->ca, negotiations[i]);
    cr_assert(dsql_conn_tls(c));
    cr_assert_str_eq(client_value(c, "select ssl from pg_stat_ssl where pid = pg_backend_pid()"), "t");
    trips[i] = round_trips(c);
    dsql_conn_close(c);
  }
  cr_assert_eq(trips[0], trips[1] + 1, "%u and %u round trips", trips[0], trips[1]);
  cr_assert_eq(trips[1], 3, "TCP, TLS, start-up");
}

Test(secure, the_defaults_verify) {
  const struct server *s = server_default();
  dsql_conn *c = client_connect(&x, ROOT, s->port, s->ca);
  cr_assert(dsql_conn_tls(c));
  dsql_conn_close(c);
  refused(DSQL_ETLS, "sslrootcert",
          client_dial(&x, "hostaddr=127.0.0.1 host=localhost dbname=postgres user=trust_user port=%d", s->port));
}

Test(secure, a_name_that_the_certificate_does_not_have) {
  const struct server *s = server_default();
  dsql_conn *c;
  refused(DSQL_ETLS, "not for \"db.example.com\"",
          client_dial(&x,
                      "hostaddr=127.0.0.1 host=db.example.com dbname=postgres user=trust_user port=%d sslrootcert=%s "
                      "sslmode=verify-full",
                      s->port, s->ca));
  c = client_connect(&x,
                     "hostaddr=127.0.0.1 host=db.example.com dbname=postgres user=trust_user port=%d sslrootcert=%s "
                     "sslmode=verify-ca",
                     s->port, s->ca);
  dsql_conn_close(c);
  c = client_connect(&x, "host=127.0.0.1 dbname=postgres user=trust_user port=%d sslrootcert=%s sslmode=verify-full",
                     s->port, s->ca); /* an IP SAN */
  dsql_conn_close(c);
}

Test(secure, a_client_certificate) {
  const struct server *s = server_default();
  dsql_conn *c = client_connect(&x, ROOT "sslmode=verify-full user=cert_user sslcert=%s sslkey=%s", s->port, s->ca,
                                s->cert, s->key);
  cr_assert_str_eq(client_value(c, "select current_user"), "cert_user");
  dsql_conn_close(c);
  refused(DSQL_EAUTH, "certificate",
          client_dial(&x, ROOT "sslmode=verify-full user=cert_user sslcertmode=disable", s->port, s->ca));
}

Test(secure, scram_plus_binds_the_channel) {
  const struct server *s = server_default();
  dsql_conn *c = client_connect(&x,
                                ROOT "sslmode=verify-full user=scram_user password=secret channel_binding=require "
                                     "require_auth=scram-sha-256",
                                s->port, s->ca);
  cr_assert_str_eq(client_value(c, "select current_user"), "scram_user");
  dsql_conn_close(c);
  refused(DSQL_EAUTH, "channel_binding=require",
          client_dial(&x, ROOT "sslmode=verify-full user=password_user password=secret channel_binding=require",
                      s->port, s->ca));
}

Test(secure, unix_socket) {
  const struct server *s = server_default();
  dsql_conn *c = client_connect(&x, "host=%s port=%d user=trust_user dbname=postgres", s->socket_dir, s->port);
  cr_assert_not(dsql_conn_tls(c));
  cr_assert_str_eq(client_value(c, "select inet_client_addr() is null"), "t");
  dsql_conn_close(c);
  c = client_connect(&x, "host=%s port=%d user=password_user password=secret dbname=postgres", s->socket_dir, s->port);
  dsql_conn_close(c);
  refused(DSQL_EAUTH, "requirepeer asks for the user \"nobody-like-this\"",
          client_dial(&x, "host=%s port=%d user=trust_user dbname=postgres requirepeer=nobody-like-this", s->socket_dir,
                      s->port));
}

Test(secure, host_names_are_looked_up) {
  const struct server *s = server_default();
  dsql_conn *c = client_connect(&x, "host=localhost port=%d user=trust_user dbname=postgres sslmode=disable", s->port);
  cr_assert_str_eq(client_value(c, "select 1"), "1");
  dsql_conn_close(c);
}

Test(secure, a_big_answer_through_tls) {
  const struct server *s = server_default();
  dsql_conn *c = client_connect(&x, ROOT "sslmode=verify-full sslnegotiation=direct", s->port, s->ca);
  dsql_future *f = dsql_query(c, "select repeat('x', 10000000)", DSQL_NO_PARAMS, NULL);
  dsql_str text;
  cr_assert(dsql_get_text(client_rows(f), 0, 0, &text) == 0 && text.len == 10000000);
  dsql_future_destroy(f);
  f = dsql_query(c, "select length($1)", DSQL_PARAMS(dsql_text_n(NULL, 0)), NULL);
  cr_assert_eq(dsql_future_run(f), 0);
  dsql_future_destroy(f);
  dsql_conn_close(c);
}

Test(secure, what_is_sent_in_the_start_up) {
  dsql_conn *c = client_connect(&x, "%s application_name=me options='-c geqo=off -c work_mem=1MB'",
                                server_conninfo(server_default()));
  cr_assert_str_eq(client_value(c, "show application_name"), "me");
  cr_assert_str_eq(client_value(c, "show work_mem"), "1MB");
  cr_assert_str_eq(client_value(c, "show client_encoding"), "UTF8");
  dsql_conn_close(c);
}

/* ---- where it leads ---- */

static bool str_is(dsql_str s, const char *text) { return s.len == strlen(text) && str_has(s, text); }

static dsql_conn_info info_of(const dsql_conn *c) {
  dsql_conn_info info;
  dsql_conn_info_get(c, &info, sizeof info);
  return info;
}

Test(secure, info_over_tls) {
  const struct server *s = server_default();
  dsql_conn *c = client_connect(&x, ROOT "sslmode=verify-full ssl_max_protocol_version=TLSv1.2", s->port, s->ca);
  dsql_conn_info info = info_of(c);
  char address[32];

  (void)snprintf(address, sizeof address, "127.0.0.1:%d", s->port);
  cr_assert(str_is(info.host, "localhost"));
  cr_assert_eq(info.port, s->port);
  cr_assert(str_is(info.database, "postgres"));
  cr_assert(str_is(info.user, "trust_user"));
  cr_assert_str_eq(info.address, address);
  cr_assert_eq(info.size, sizeof info);
  cr_assert(str_is(info.tls_version, client_value(c, "select version from pg_stat_ssl where pid = pg_backend_pid()")));
  cr_assert(str_is(info.tls_version, "TLSv1.2"));
  cr_assert(str_is(info.tls_cipher, client_value(c, "select cipher from pg_stat_ssl where pid = pg_backend_pid()")));
  cr_assert_neq(client_settle(dsql_exec(c, "select pg_terminate_backend(pg_backend_pid())", NULL)), 0);
  info = info_of(c);
  cr_assert(info.tls_version.len == 0 && info.tls_cipher.len == 0 && info.address[0] == '\0');
  cr_assert(str_is(info.host, "localhost"));
  dsql_conn_close(c);
}

Test(secure, info_without_tls_and_of_a_part) {
  const struct server *s = server_default();
  dsql_conn *c = client_dial(&x, "host=%s port=%d user=trust_user dbname=postgres", s->socket_dir, s->port);
  dsql_conn_info info = info_of(c), part;

  cr_assert(str_has(info.host, s->socket_dir), "known before it is up");
  cr_assert_eq(client_settle(dsql_conn_ready(c)), 0);
  info = info_of(c);
  cr_assert(str_has(info.host, s->socket_dir) && info.port == 0 && info.address[0] == '\0');
  cr_assert(info.tls_version.len == 0 && info.tls_cipher.len == 0);
  dsql_conn_close(c);
  c = client_connect(&x, "hostaddr=127.0.0.1 port=%d user=trust_user dbname=postgres sslmode=disable", s->port);
  memset(&part, 0x55, sizeof part);
  dsql_conn_info_get(c, &part, offsetof(dsql_conn_info, port));
  cr_assert(part.size == offsetof(dsql_conn_info, port) && str_is(part.host, "127.0.0.1") && part.port == 0x5555,
            "nothing is written behind the size that is given");
  dsql_conn_close(c);
}
