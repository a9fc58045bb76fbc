/* test_session.c - channel binding, and sessions that are resumed. */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"

static struct zoo zoo;

static void setup(void) { zoo_init(&zoo); }
static void teardown(void) { zoo_deinit(&zoo); }

TestSuite(session, .init = setup, .fini = teardown, .timeout = 60);

Test(session, channel_binding) {
  static const struct {
    struct zoo_spec cert;
    const char *hash;
    bool foreign; /* signed by a key of its own kind */
  } rows[] = {
      {{.cn = "a"}, "SHA256", false},
      {{.cn = "a", .digest = "SHA384"}, "SHA384", false},
      {{.cn = "a", .digest = "SHA512"}, "SHA512", false},
      {{.cn = "a", .digest = "SHA1"}, "SHA256", false},
      {{.cn = "a", .digest = "SHA224"}, "SHA224", false},
      {{.cn = "a", .key = ZOO_RSA, .digest = "MD5"}, "SHA256", true},
      {{.cn = "a", .key = ZOO_RSA, .digest = "SHA256"}, "SHA256", true},
      {{.cn = "a", .key = ZOO_ED25519}, NULL, true},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct identity server = zoo_make(&rows[i].cert, rows[i].foreign ? NULL : &zoo.ca);
    uint8_t binding[TLS_END_POINT_MAX], expected[TLS_END_POINT_MAX];
    unsigned expected_len = 0;
    struct link l;
    size_t n = 99;

    link_open(&l, &(struct peer_spec){.identity = &server});
    cr_assert(link_connect(&l, &(struct tls_config){.verify = TLS_VERIFY_NONE}, &(struct tls_session_params){0}) ==
                  TLS_OK,
              "row %zu: %s", i, l.fault.text);
    if (rows[i].hash) {
      cr_assert(tls_server_end_point(&l.tls, binding, &n, &l.fault) == 0, "row %zu: %s", i, l.fault.text);
      cr_assert(X509_digest(server.cert, EVP_get_digestbyname(rows[i].hash), expected, &expected_len));
      cr_assert(n == expected_len && memcmp(binding, expected, n) == 0, "row %zu: %zu bytes", i, n);
    } else {
      cr_assert(tls_server_end_point(&l.tls, binding, &n, &l.fault) == DSQL_EUNSUPPORTED && n == 0);
      cr_assert(strstr(l.fault.text, "ED25519") && strstr(l.fault.text, "channel_binding=disable"), "%s", l.fault.text);
    }
    link_close(&l);
    zoo_drop(&server);
  }
}

struct resume {
  struct identity server;
  SSL_CTX *server_ctx; /* shared, so that its tickets open again */
  struct peer_spec spec;
  struct link l;
};

static void resume_open(struct resume *r, const struct zoo_spec *cert, int version, const struct tls_config *c) {
  *r = (struct resume){.server = zoo_make(cert, &zoo.ca)};
  r->spec = (struct peer_spec){.identity = &r->server, .tickets = 2, .max = version};
  r->server_ctx = peer_new(&r->spec);
  r->spec.shared = r->server_ctx;
  link_open(&r->l, &r->spec);
  cr_assert(link_load(&r->l, c) == 0, "%s", r->l.fault.text);
}

static void resume_close(struct resume *r) {
  link_close(&r->l);
  SSL_CTX_free(r->server_ctx);
  zoo_drop(&r->server);
}

/* A session with one byte each way; the tickets of TLS 1.3 come with the first read. */
static bool connect_once(struct resume *r, const char *sni, const char *host) {
  uint8_t byte, binding[TLS_END_POINT_MAX];
  bool reused;
  size_t n;

  link_restart(&r->l, &r->spec);
  cr_assert(link_start(&r->l, &(struct tls_session_params){.sni_host = sni, .verify_host = host}) == 0);
  cr_assert(link_handshake(&r->l, 0) == TLS_OK, "%s", r->l.fault.text);
  link_server_write(&r->l, "x", 1);
  cr_assert(link_read(&r->l, &byte, 1, &n) == TLS_OK && byte == 'x', "%s", r->l.fault.text);
  reused = tls_session_reused(&r->l.tls);
  cr_assert(reused == (bool)SSL_session_reused(r->l.server));
  cr_assert(tls_server_end_point(&r->l.tls, binding, &n, &r->l.fault) == 0 && n == 32, "known also when resumed");
  return reused;
}

Test(session, tickets_are_used_for_the_same_name_only) {
  static const struct zoo_spec cert = {.san = "DNS:a.example,DNS:b.example"};
  static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};

  for (size_t i = 0; i < 2; i++) {
    struct tls_config c = {.ca_file = zoo.ca_file};
    struct resume r;

    resume_open(&r, &cert, versions[i], &c);
    cr_assert(!connect_once(&r, "a.example", "a.example"));
    cr_assert(connect_once(&r, "a.example", "a.example"), "%d", versions[i]);
    cr_assert(!connect_once(&r, "b.example", "b.example"), "another name");
    cr_assert(!connect_once(&r, NULL, "a.example"), "without server name");
    resume_close(&r);
  }
}

Test(session, no_tickets_no_resumption) {
  struct tls_config c = {.ca_file = zoo.ca_file};
  struct resume r;

  resume_open(&r, &(struct zoo_spec){.cn = "a"}, 0, &c);
  SSL_CTX_free(r.server_ctx);
  r.spec.tickets = 0;
  r.spec.shared = NULL;
  r.server_ctx = peer_new(&r.spec);
  r.spec.shared = r.server_ctx;
  cr_assert(!connect_once(&r, "a", "a"));
  cr_assert(!connect_once(&r, "a", "a"));
  resume_close(&r);
}

/* A session that another context (with other roots) made is not seen by this one. */
Test(session, a_new_context_verifies_anew) {
  struct tls_config c = {.ca_file = zoo.ca_file}, other = {.ca_file = zoo.other_ca_file};
  struct resume r;

  resume_open(&r, &(struct zoo_spec){.cn = "a"}, 0, &c);
  cr_assert(!connect_once(&r, "a", "a"));
  link_restart(&r.l, &r.spec);
  tls_context_unref(r.l.ctx);
  cr_assert(link_load(&r.l, &other) == 0);
  cr_assert(link_start(&r.l, &(struct tls_session_params){.sni_host = "a", .verify_host = "a"}) == 0);
  cr_assert(link_handshake(&r.l, 0) == TLS_FAILED && strstr(r.l.fault.text, "\"Test CA\""), "%s", r.l.fault.text);
  resume_close(&r);
}

/* A session that this context refuses, once it is there, is not kept either: in TLS 1.2 it comes with the handshake. */
Test(session, not_one_that_was_refused) {
  static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};
  struct identity client = zoo_make(&(struct zoo_spec){.cn = "alice"}, &zoo.ca);
  struct tls_config c = {.ca_file = zoo.ca_file,
                         .cert_mode = TLS_CERT_REQUIRE,
                         .cert_file = zoo_write_cert(&zoo, "client.crt", client.cert),
                         .key_file = zoo_write_key(&zoo, "client.key", client.key, NULL)};

  for (size_t i = 0; i < 2; i++) {
    struct resume r;

    resume_open(&r, &(struct zoo_spec){.cn = "a"}, versions[i], &c); /* which asks for no certificate */
    for (int k = 0; k < 2; k++) {
      link_restart(&r.l, &r.spec);
      cr_assert(link_start(&r.l, &(struct tls_session_params){.sni_host = "a", .verify_host = "a"}) == 0);
      cr_assert(link_handshake(&r.l, 0) == TLS_FAILED, "%d: accepted at attempt %d", versions[i], k);
      cr_assert(strstr(r.l.fault.text, "sslcertmode=require"), "%s", r.l.fault.text);
    }
    resume_close(&r);
  }
  zoo_drop(&client);
}

/* The certificate is not sent again, so its date is looked at when the session is offered. */
Test(session, not_beyond_the_certificate) {
  struct tls_config c = {.ca_file = zoo.ca_file};
  struct resume r;

  resume_open(&r, &(struct zoo_spec){.cn = "a", .ends_s = 3}, 0, &c);
  cr_assert(!connect_once(&r, "a", "a"));
  cr_assert(connect_once(&r, "a", "a"), "still valid");
  sleep(4);
  link_restart(&r.l, &r.spec);
  cr_assert(link_start(&r.l, &(struct tls_session_params){.sni_host = "a", .verify_host = "a"}) == 0);
  cr_assert(link_handshake(&r.l, 0) == TLS_FAILED && strstr(r.l.fault.text, "expired"), "%s", r.l.fault.text);
  resume_close(&r);
}

Test(session, the_table_is_bounded) {
  struct tls_config c = {.ca_file = zoo.ca_file, .verify = TLS_VERIFY_CA};
  char name[16];
  struct resume r;

  resume_open(&r, &(struct zoo_spec){.cn = "a"}, 0, &c);
  for (int i = 0; i < 40; i++) {
    (void)snprintf(name, sizeof name, "h%d", i);
    cr_assert(!connect_once(&r, name, NULL));
  }
  cr_assert(connect_once(&r, "h39", NULL), "the youngest");
  cr_assert(connect_once(&r, "h24", NULL), "16 back");
  cr_assert(!connect_once(&r, "h0", NULL), "the oldest is gone");
  resume_close(&r);
}
