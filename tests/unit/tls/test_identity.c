#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"

static struct zoo zoo;
static struct identity server, client;
static const char *cert_file, *key_file;

static void setup(void) {
  zoo_init(&zoo);
  server = zoo_make(&(struct zoo_spec){.cn = "db.example"}, &zoo.ca);
  client = zoo_make(&(struct zoo_spec){.cn = "alice"}, &zoo.ca);
  cert_file = zoo_write_cert(&zoo, "client.crt", client.cert);
  key_file = zoo_write_key(&zoo, "client.key", client.key, NULL);
}

static void teardown(void) {
  zoo_drop(&server);
  zoo_drop(&client);
  zoo_deinit(&zoo);
}

TestSuite(identity, .init = setup, .fini = teardown, .timeout = 60);

static const struct tls_session_params params = {.verify_host = "db.example"};

static struct tls_config with_cert(const char *cert, const char *key, const char *password) {
  return (struct tls_config){.ca_file = zoo.ca_file, .cert_file = cert, .key_file = key, .key_password = password};
}

static void expect_client(struct tls_config c, const char *cn) {
  char seen[64] = "";
  X509 *peer;
  struct link l;

  link_open(&l, &(struct peer_spec){.identity = &server, .client_ca = zoo.ca.cert});
  cr_assert(link_connect(&l, &c, &params) == TLS_OK, "%s", l.fault.text);
  cr_assert(SSL_is_init_finished(l.server));
  peer = SSL_get0_peer_certificate(l.server);
  if (peer) X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, seen, sizeof seen);
  cr_assert(strcmp(seen, cn) == 0, "server saw \"%s\"", seen);
  link_close(&l);
}

static void expect_refusal(struct tls_config c, const char *part, const char *other) {
  struct link l;

  link_open(&l, &(struct peer_spec){.identity = &server});
  cr_assert(link_load(&l, &c) == DSQL_EINVAL, "%s", l.fault.text);
  cr_assert(strstr(l.fault.text, part) && strstr(l.fault.text, other), "%s", l.fault.text);
  link_close(&l);
}

Test(identity, certificate_is_sent_when_asked) {
  struct tls_config off = with_cert(cert_file, key_file, NULL), require = off;

  off.cert_mode = TLS_CERT_DISABLE;
  require.cert_mode = TLS_CERT_REQUIRE;
  expect_client(with_cert(cert_file, key_file, NULL), "alice");
  expect_client(with_cert(NULL, NULL, NULL), "");
  expect_client(off, "");
  expect_client(require, "alice");
}

Test(identity, key_with_password_and_in_der) {
  const char *locked = zoo_write_key(&zoo, "locked.key", client.key, "hunter2");

  expect_client(with_cert(cert_file, locked, "hunter2"), "alice");
  expect_client(with_cert(cert_file, key_file, "not needed"), "alice");
  expect_client(with_cert(cert_file, zoo_write_key_der(&zoo, "client.der", client.key), NULL), "alice");
}

Test(identity, wrong_password_is_told_without_asking) {
  const char *locked = zoo_write_key(&zoo, "locked.key", client.key, "hunter2");
  char huge[4096];

  memset(huge, 'x', sizeof huge - 1);
  huge[sizeof huge - 1] = '\0';
  expect_refusal(with_cert(cert_file, locked, "hunter3"), "sslpassword does not open", "locked.key");
  expect_refusal(with_cert(cert_file, locked, huge), "sslpassword does not open", "locked.key");
  expect_refusal(with_cert(cert_file, locked, NULL), "is encrypted", "sslpassword");
  expect_refusal(with_cert(cert_file, locked, ""), "is encrypted", "sslpassword");
}

Test(identity, files_that_do_not_do) {
  struct identity other = zoo_make(&(struct zoo_spec){.cn = "bob"}, &zoo.ca);
  struct identity rsa = zoo_make(&(struct zoo_spec){.cn = "carol", .key = ZOO_RSA}, &zoo.ca);
  const char *junk = zoo_write(&zoo, "junk", "junk\n", 5);
  struct tls_config require = with_cert(NULL, NULL, NULL);

  cr_assert(chmod(junk, 0600) == 0);
  require.cert_mode = TLS_CERT_REQUIRE;
  expect_refusal(with_cert("/nonexistent/c.crt", key_file, NULL), "/nonexistent/c.crt\" does not exist", "sslcert");
  expect_refusal(with_cert(cert_file, "/nonexistent/c.key", NULL), "/nonexistent/c.key\" does not exist", "sslkey");
  expect_refusal(with_cert(cert_file, NULL, NULL), "has no private key", "sslkey");
  expect_refusal(with_cert(junk, key_file, NULL), "no usable PEM certificate", "junk");
  expect_refusal(with_cert(cert_file, junk, NULL), "no private key in PEM or DER", "junk");
  expect_refusal(with_cert(cert_file, zoo.dir, NULL), "can't be read", "sslkey");
  expect_refusal(with_cert(cert_file, zoo_write_key(&zoo, "bob.key", other.key, NULL), NULL), "does not belong",
                 "client.crt");
  expect_refusal(with_cert(cert_file, zoo_write_key(&zoo, "carol.key", rsa.key, NULL), NULL), "does not belong",
                 "carol.key");
  expect_refusal(require, "sslcertmode=require", "sslcert and sslkey");
  zoo_drop(&other);
  zoo_drop(&rsa);
}

/* The rule knows two cases, root's files and others; which of them runs here depends on who runs the test. */
Test(identity, key_permissions) {
  static const struct {
    mode_t mode;
    bool others, root;
  } rows[] = {{0400, true, true},   {0600, true, true},   {0700, true, true},
              {0640, false, true},  {0440, false, true},  {0660, false, false},
              {0650, false, false}, {0604, false, false}, {0644, false, false}};
  bool is_root = geteuid() == 0;

  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    cr_assert(chmod(key_file, rows[i].mode) == 0);
    if (is_root ? rows[i].root : rows[i].others)
      expect_client(with_cert(cert_file, key_file, NULL), "alice");
    else
      expect_refusal(with_cert(cert_file, key_file, NULL), "group or world access", "chmod 0600");
    if (!is_root) continue;
    cr_assert(chown(key_file, 65534, 65534) == 0);
    if (rows[i].others)
      expect_client(with_cert(cert_file, key_file, NULL), "alice");
    else
      expect_refusal(with_cert(cert_file, key_file, NULL), "group or world access", "chmod 0600");
    cr_assert(chown(key_file, 0, 0) == 0);
  }
}

Test(identity, require_fails_when_the_server_does_not_ask) {
  struct tls_config c = with_cert(cert_file, key_file, NULL);
  struct link l;

  c.cert_mode = TLS_CERT_REQUIRE;
  link_open(&l, &(struct peer_spec){.identity = &server});
  cr_assert(link_connect(&l, &c, &params) == TLS_FAILED);
  cr_assert(l.fault.code == DSQL_ETLS && strstr(l.fault.text, "did not ask"), "%s", l.fault.text);
  link_close(&l);
}

/* In TLS 1.3 the server judges the client's certificate when the client has finished already. */
static void expect_rejection(int version, const char *cert, const char *key, const char *part) {
  struct tls_config c = with_cert(cert, key, NULL);
  enum tls_status status;
  uint8_t byte;
  size_t n;
  struct link l;

  link_open(
      &l, &(struct peer_spec){.identity = &server, .max = version, .client_ca = zoo.ca.cert, .client_required = true});
  status = link_connect(&l, &c, &params);
  if (status == TLS_OK) status = link_read(&l, &byte, 1, &n);
  cr_assert(status == TLS_FAILED);
  cr_assert(l.fault.code == DSQL_ETLS && strstr(l.fault.text, part), "%s", l.fault.text);
  cr_assert(link_read(&l, &byte, 1, &n) == TLS_FAILED, "stays failed");
  link_close(&l);
}

Test(identity, server_refuses_the_client) {
  struct identity stranger = zoo_make(&(struct zoo_spec){.cn = "mallory"}, &zoo.other_ca);
  struct identity stale = zoo_make(&(struct zoo_spec){.cn = "old", .begins_s = -7200, .ends_s = -3600}, &zoo.ca);
  const char *crt = zoo_write_cert(&zoo, "m.crt", stranger.cert),
             *key = zoo_write_key(&zoo, "m.key", stranger.key, NULL);

  expect_rejection(TLS1_3_VERSION, NULL, NULL, "set sslcert and sslkey");
  expect_rejection(TLS1_2_VERSION, NULL, NULL, "client certificate");
  expect_rejection(TLS1_3_VERSION, crt, key, "does not trust the issuer");
  expect_rejection(TLS1_2_VERSION, crt, key, "does not trust the issuer");
  crt = zoo_write_cert(&zoo, "o.crt", stale.cert);
  key = zoo_write_key(&zoo, "o.key", stale.key, NULL);
  expect_rejection(TLS1_3_VERSION, crt, key, "has expired");
  zoo_drop(&stranger);
  zoo_drop(&stale);
}
