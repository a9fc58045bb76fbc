/* Servers, or somebody in between, that cheat while encryption is negotiated. */
#include "../unit/tls/zoo.h"
#include "client.h"
#include "fake_server.h"

static struct client x;
static struct fake_server *server;
static struct zoo zoo;

static void open_all(void) {
  client_open(&x);
  server = fake_start(FAKE_TCP);
  zoo_init(&zoo);
}

static void close_all(void) {
  client_close(&x);
  fake_stop(server);
  zoo_deinit(&zoo);
}

TestSuite(hostile_tls, .init = open_all, .fini = close_all);

/* ---- the server's context ---- */

static int pick_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                     unsigned in_len, void *arg) {
  (void)ssl;
  if (in_len != 11 || memcmp(in, "\x0apostgresql", 11) != 0) return SSL_TLSEXT_ERR_ALERT_FATAL;
  (void)arg;
  *out = in + 1;
  *out_len = 10;
  return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *context_of(const struct zoo_spec *spec, const struct identity *issuer, bool alpn) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
  struct identity id = zoo_make(spec, issuer);
  cr_assert(ctx && SSL_CTX_use_certificate(ctx, id.cert) == 1 && SSL_CTX_use_PrivateKey(ctx, id.key) == 1);
  if (alpn) SSL_CTX_set_alpn_select_cb(ctx, pick_alpn, NULL);
  zoo_drop(&id);
  return ctx;
}

static SSL_CTX *good_context(bool alpn) {
  return context_of(&(struct zoo_spec){.cn = "localhost", .san = "DNS:localhost"}, &zoo.ca, alpn);
}

#define AFTER_TLS                                                                                                      \
  FAKE_DO(FAKE_TLS), FAKE_TRUSTED, FAKE_A('S'), FAKE_INT4_COLUMN,                                                      \
      FAKE_M('D', "\0\1"                                                                                               \
                  "\0\0\0\2"                                                                                           \
                  "42"),                                                                                               \
      FAKE_SELECTED, FAKE_DO(FAKE_END)

static const struct fake_step by_request[] = {FAKE_DO(FAKE_STARTUP), FAKE_R("S"), AFTER_TLS};
static const struct fake_step direct[] = {AFTER_TLS};
/* Whoever answers N must go on in the clear on the same connection. */
static const struct fake_step refusing[] = {FAKE_DO(FAKE_STARTUP), FAKE_R("N"), FAKE_TRUSTED, FAKE_DO(FAKE_END)};

static dsql_conn *dial(const char *more) {
  return client_dial(&x, "%s sslrootcert=%s sslmode=verify-full connect_timeout=20 %s", fake_conninfo(server),
                     zoo.ca_file, more);
}

static void refused(const char *more, int code, const char *part, const char *never) {
  dsql_conn *c = dial(more);
  dsql_future *f = dsql_conn_ready(c);
  cr_assert_eq(dsql_future_run(f), code, "%s", client_error_text(f));
  cr_assert_eq(dsql_future_error(f)->flags, DSQL_CONN_LOST | DSQL_CLIENT_SIDE, "%s", client_error_text(f));
  cr_assert(str_has(dsql_future_error(f)->message, part), "want \"%s\" in %s", part, client_error_text(f));
  if (never) cr_assert_not(str_has(dsql_future_error(f)->message, never), "%s", client_error_text(f));
  dsql_future_destroy(f);
  dsql_conn_close(c);
}

static void accepted(const char *more, bool tls) {
  dsql_conn *c = dial(more);
  dsql_future *f = dsql_conn_ready(c);
  cr_assert_eq(dsql_future_run(f), 0, "%s", client_error_text(f));
  cr_assert_eq(dsql_conn_tls(c), tls);
  dsql_future_destroy(f);
  if (tls) cr_assert_str_eq(client_value(c, "select 42 as x"), "42");
  dsql_conn_close(c);
}

Test(hostile_tls, an_honest_server_is_talked_to) {
  SSL_CTX *ctx = good_context(true);
  fake_plan_set(server, &(struct fake_plan){.steps = by_request, .tls = ctx});
  accepted("", true);
  fake_plan_set(server, &(struct fake_plan){.steps = direct, .tls = ctx});
  accepted("sslnegotiation=direct", true);
  SSL_CTX_free(ctx);
}

/* CVE-2021-23222: what stands behind the S was written by somebody in between, in the clear. */
Test(hostile_tls, plaintext_behind_the_S_is_never_taken_for_the_servers) {
  static const struct fake_step injected[][4] = {
      {FAKE_DO(FAKE_STARTUP),
       FAKE_R("S"
              "R\0\0\0\x8\0\0\0\0"
              "Z\0\0\0\5I"),
       FAKE_DO(FAKE_TLS), FAKE_DO(FAKE_END)},
      {FAKE_DO(FAKE_STARTUP),
       FAKE_R("S"
              "E\0\0\0\x10SERROR\0MEVIL\0\0"),
       FAKE_DO(FAKE_TLS), FAKE_DO(FAKE_END)},
      {FAKE_DO(FAKE_STARTUP),
       FAKE_R("S"
              "x"),
       FAKE_DO(FAKE_TLS), FAKE_DO(FAKE_END)},
      {FAKE_DO(FAKE_STARTUP), FAKE_R("SS"), FAKE_DO(FAKE_TLS), FAKE_DO(FAKE_END)},
      {FAKE_DO(FAKE_STARTUP),
       FAKE_R("S"
              "\x17\x03\x03\0\1x"),
       FAKE_DO(FAKE_TLS), FAKE_DO(FAKE_END)},
  };
  SSL_CTX *ctx = good_context(true);

  for (size_t i = 0; i < COUNT(injected); i++) {
    fake_plan_set(server, &(struct fake_plan){.steps = injected[i], .tls = ctx});
    refused("", DSQL_ETLS, "", "EVIL");
    fake_wait_idle(server);
  }
  SSL_CTX_free(ctx);
}

Test(hostile_tls, an_error_in_answer_to_the_SSLRequest_is_not_believed) {
  static const struct fake_step steps[] = {FAKE_DO(FAKE_STARTUP), FAKE_R("E\0\0\0\x1cSFATAL\0MEVIL: send money\0\0"),
                                           FAKE_DO(FAKE_CLOSE)};
  fake_plan_set(server, &(struct fake_plan){.steps = steps});
  refused("", DSQL_EPROTO, "answered the SSLRequest with an error, whose text can't be trusted", "EVIL");
}

Test(hostile_tls, other_answers_to_the_SSLRequest) {
  static const struct fake_step junk[] = {FAKE_DO(FAKE_STARTUP), FAKE_R("HTTP/1.1 400\r\n"), FAKE_DO(FAKE_CLOSE)};
  static const struct fake_step silent[] = {FAKE_DO(FAKE_STARTUP), FAKE_DO(FAKE_CLOSE)};
  static const struct fake_step early[] = {FAKE_R("N"), FAKE_DO(FAKE_STARTUP), FAKE_DO(FAKE_CLOSE)};

  fake_plan_set(server, &(struct fake_plan){.steps = refusing});
  refused("", DSQL_ETLS, "the server does not support TLS, but sslmode requires it", NULL);
  refused("sslmode=require sslrootcert=''", DSQL_ETLS, "the server does not support TLS", NULL);
  accepted("sslmode=prefer sslrootcert=''", false);
  fake_plan_set(server, &(struct fake_plan){.steps = junk});
  refused("", DSQL_EPROTO, "neither S nor N; is this a PostgreSQL server?", "HTTP");
  fake_plan_set(server, &(struct fake_plan){.steps = silent});
  refused("", DSQL_EIO, "closed the connection instead of answering the SSLRequest", NULL);
  fake_plan_set(server, &(struct fake_plan){.steps = early});
  refused("", DSQL_ETLS, "does not support TLS", NULL);
}

/* prefer takes what it gets; a mode that wants encryption never falls back to the clear, whatever is done to it. */
Test(hostile_tls, nobody_in_between_can_talk_require_into_the_clear) {
  static const struct fake_step no_tls[] = {FAKE_DO(FAKE_STARTUP), FAKE_R("S"), FAKE_R("junkjunkjunk"),
                                            FAKE_DO(FAKE_CLOSE)};
  static const char *const modes[] = {"sslmode=require sslrootcert=''", "sslmode=verify-ca", "sslmode=verify-full"};
  const struct fake_step *const scripts[] = {no_tls, refusing};
  for (size_t i = 0; i < COUNT(modes); i++)
    for (size_t k = 0; k < COUNT(scripts); k++) {
      unsigned before = fake_counts(server).connections;
      fake_plan_set(server, &(struct fake_plan){.steps = scripts[k]});
      refused(modes[i], DSQL_ETLS, "", NULL);
      fake_wait_idle(server);
      cr_assert_eq(fake_counts(server).connections, before + 1, "%s connected again", modes[i]);
      cr_assert_eq(fake_counts(server).received <= 8 || scripts[k] == no_tls, true, "a StartupMessage was sent");
    }
}

Test(hostile_tls, direct_TLS_needs_ALPN) {
  SSL_CTX *ctx = good_context(false);
  fake_plan_set(server, &(struct fake_plan){.steps = direct, .tls = ctx});
  refused("sslnegotiation=direct", DSQL_ETLS, "ALPN", NULL);
  fake_wait_idle(server);
  fake_plan_set(server, &(struct fake_plan){.steps = by_request, .tls = ctx}); /* servers before 17 have none */
  accepted("", true);
  SSL_CTX_free(ctx);
}

Test(hostile_tls, direct_TLS_at_a_server_that_has_none) {
  static const struct fake_step old[] = {FAKE_DO(FAKE_CLOSE)};
  static const struct fake_step talks[] = {FAKE_R("E\0\0\0\x10SFATAL\0MEVIL\0\0"), FAKE_DO(FAKE_CLOSE)};
  fake_plan_set(server, &(struct fake_plan){.steps = old});
  refused("sslnegotiation=direct", DSQL_EIO, "direct TLS needs PostgreSQL 17 or newer", NULL);
  fake_plan_set(server, &(struct fake_plan){.steps = talks});
  refused("sslnegotiation=direct", DSQL_ETLS, "not TLS", "EVIL");
}

Test(hostile_tls, certificates_that_do_not_hold) {
  const struct {
    const char *name;
    struct zoo_spec spec;
    const struct identity *issuer;
    const char *more, *part;
  } cases[] = {
      {"wrong host",
       {.cn = "db.example.com", .san = "DNS:db.example.com,DNS:*.example.org"},
       &zoo.ca,
       "",
       "certificate is for \"db.example.com\", \"*.example.org\", not for \"localhost\""},
      {"the right name in the CN only, a wrong one in the SAN",
       {.cn = "localhost", .san = "DNS:other.example"},
       &zoo.ca,
       "",
       "certificate is for \"other.example\", not for \"localhost\""},
      {"expired",
       {.cn = "localhost", .san = "DNS:localhost", .begins_s = -7200, .ends_s = -3600},
       &zoo.ca,
       "",
       "the server's certificate \"localhost\" expired at "},
      {"not yet valid",
       {.cn = "localhost", .san = "DNS:localhost", .begins_s = 3600, .ends_s = 7200},
       &zoo.ca,
       "",
       "the server's certificate \"localhost\" is not valid before "},
      {"unknown issuer",
       {.cn = "localhost", .san = "DNS:localhost"},
       &zoo.other_ca,
       "",
       "the server's certificate \"localhost\" was issued by \"Other CA\", which is not in"},
      {"self-signed",
       {.cn = "localhost", .san = "DNS:localhost"},
       NULL,
       "",
       "the server's certificate \"localhost\" is self-signed and not in"},
      {"unknown issuer, verify-ca",
       {.cn = "localhost", .san = "DNS:localhost"},
       &zoo.other_ca,
       "sslmode=verify-ca",
       "was issued by \"Other CA\""},
  };

  for (size_t i = 0; i < COUNT(cases); i++) {
    SSL_CTX *ctx = context_of(&cases[i].spec, cases[i].issuer, true);
    fake_plan_set(server, &(struct fake_plan){.steps = by_request, .tls = ctx});
    refused(cases[i].more, DSQL_ETLS, cases[i].part, NULL);
    fake_wait_idle(server);
    cr_assert_eq(fake_counts(server).connections, i + 1, "%s", cases[i].name);
    SSL_CTX_free(ctx);
  }
}

Test(hostile_tls, what_a_mode_does_not_check_does_not_matter) {
  SSL_CTX *wrong_host = context_of(&(struct zoo_spec){.cn = "other", .san = "DNS:other"}, &zoo.ca, true);
  SSL_CTX *stranger = context_of(&(struct zoo_spec){.cn = "other", .san = "DNS:other"}, &zoo.other_ca, true);
  fake_plan_set(server, &(struct fake_plan){.steps = by_request, .tls = wrong_host});
  accepted("sslmode=verify-ca", true);
  accepted("sslmode=require", true); /* with a root file: verify-ca */
  fake_plan_set(server, &(struct fake_plan){.steps = by_request, .tls = stranger});
  refused("sslmode=require", DSQL_ETLS, "was issued by \"Other CA\"", NULL);
  accepted("sslmode=require sslrootcert=''", true);
  fake_wait_idle(server);
  SSL_CTX_free(wrong_host);
  SSL_CTX_free(stranger);
}

/* An end of stream without close_notify: a truncation, and an error like any other end. */
Test(hostile_tls, a_session_cut_without_close_notify_is_lost) {
  static const struct fake_step steps[] = {FAKE_DO(FAKE_STARTUP), FAKE_R("S"), FAKE_DO(FAKE_TLS),
                                           FAKE_TRUSTED,          FAKE_A('S'), FAKE_DO(FAKE_RESET)};
  SSL_CTX *ctx = good_context(true);
  dsql_conn *c;
  dsql_future *f;

  fake_plan_set(server, &(struct fake_plan){.steps = steps, .tls = ctx});
  c = dial("");
  f = dsql_query(c, "select 1", DSQL_NO_PARAMS, NULL);
  assert_fails(f, DSQL_EIO, DSQL_CONN_LOST | DSQL_IN_DOUBT | DSQL_CLIENT_SIDE, "");
  dsql_conn_close(c);
  fake_wait_idle(server);
  SSL_CTX_free(ctx);
}
