#include <criterion/criterion.h>
#include <string.h>

#include "peer.h"

static struct zoo zoo;

static void setup(void) { zoo_init(&zoo); }
static void teardown(void) { zoo_deinit(&zoo); }

TestSuite(verify, .init = setup, .fini = teardown, .timeout = 60);

enum { DAY = 86400 };

struct row {
  struct zoo_spec cert;
  enum tls_verify verify;
  const char *host;
  const char *refusal[3]; /* parts of the error; none: accepted */
};

static void run(const struct row *row, size_t i, const struct identity *issuer, struct tls_config c) {
  struct identity server = zoo_make(&row->cert, issuer);
  enum tls_status status;
  struct link l;

  c.verify = row->verify;
  link_open(&l, &(struct peer_spec){.identity = &server});
  status = link_connect(&l, &c, &(struct tls_session_params){.sni_host = row->host, .verify_host = row->host});
  cr_assert(status == (row->refusal[0] ? TLS_FAILED : TLS_OK), "row %zu: %d %s", i, status, l.fault.text);
  cr_assert(l.fault.code == (row->refusal[0] ? DSQL_ETLS : 0), "row %zu", i);
  for (size_t k = 0; k < 3 && row->refusal[k]; k++)
    cr_assert(strstr(l.fault.text, row->refusal[k]), "row %zu: \"%s\" is not in: %s", i, row->refusal[k], l.fault.text);
  link_close(&l);
  zoo_drop(&server);
}

static void run_all(const struct row *rows, size_t n, const struct identity *issuer, struct tls_config c) {
  for (size_t i = 0; i < n; i++) run(&rows[i], i, issuer, c);
}

#define RUN(rows, issuer, ...) run_all(rows, sizeof(rows) / sizeof(rows)[0], issuer, (struct tls_config){__VA_ARGS__})

Test(verify, host_names) {
  static const struct row rows[] = {
      {{.san = "DNS:a.example"}, TLS_VERIFY_FULL, "a.example", {0}},
      {{.san = "DNS:a.example"}, TLS_VERIFY_FULL, "A.Example", {0}},
      {{.san = "DNS:a.example"}, TLS_VERIFY_FULL, "a.example.", {0}},
      {{.san = "DNS:a.example"},
       TLS_VERIFY_FULL,
       "b.example",
       {"is for \"a.example\", not for \"b.example\"", "hostaddr="}},
      {{.san = "DNS:a.example"}, TLS_VERIFY_CA, "b.example", {0}},
      {{.san = "DNS:a.example"}, TLS_VERIFY_NONE, "b.example", {0}},
      {{.san = "DNS:a.example,DNS:b.example"}, TLS_VERIFY_FULL, "b.example", {0}},
      {{.san = "DNS:a.example"}, TLS_VERIFY_FULL, "x.a.example", {"not for \"x.a.example\""}},
      {{.san = "DNS:a.example"}, TLS_VERIFY_FULL, "example", {"not for"}},
      /* No pattern: to OpenSSL a leading dot stands for every name below. */
      {{.san = "DNS:a.b.example"}, TLS_VERIFY_FULL, ".b.example", {"not for \".b.example\""}},
      /* Only one whole left-most label. */
      {{.san = "DNS:*.b.example"}, TLS_VERIFY_FULL, "a.b.example", {0}},
      {{.san = "DNS:*.b.example"}, TLS_VERIFY_FULL, "b.example", {"\"*.b.example\""}},
      {{.san = "DNS:*.b.example"}, TLS_VERIFY_FULL, "x.a.b.example", {"\"*.b.example\""}},
      {{.san = "DNS:x*.b.example"}, TLS_VERIFY_FULL, "xa.b.example", {"not for"}},
      {{.san = "DNS:*x.b.example"}, TLS_VERIFY_FULL, "ax.b.example", {"not for"}},
      {{.san = "DNS:a.*.example"}, TLS_VERIFY_FULL, "a.b.example", {"not for"}},
      {{.san = "DNS:*"}, TLS_VERIFY_FULL, "localhost", {"not for"}},
      {{.san = "DNS:*.example"}, TLS_VERIFY_FULL, "a.example", {"not for"}},
      /* The common name counts only without a dNSName. */
      {{.cn = "a.example"}, TLS_VERIFY_FULL, "a.example", {0}},
      {{.cn = "*.b.example"}, TLS_VERIFY_FULL, "a.b.example", {0}},
      {{.cn = "a.example"}, TLS_VERIFY_FULL, "b.example", {"is for \"a.example\""}},
      {{.cn = "a.example", .san = "DNS:c.example"}, TLS_VERIFY_FULL, "a.example", {"is for \"c.example\""}},
      {{.cn = "a.example", .san = "IP:127.0.0.1"}, TLS_VERIFY_FULL, "a.example", {0}},
      {{.cn = "a.example", .san = "email:x@y.example"}, TLS_VERIFY_FULL, "b.example", {"is for \"a.example\""}},
      {{0}, TLS_VERIFY_FULL, "a.example", {"is for \"(no name)\""}},
  };
  RUN(rows, &zoo.ca, .ca_file = zoo.ca_file);
}

Test(verify, addresses) {
  static const struct row rows[] = {
      {{.san = "IP:127.0.0.1"}, TLS_VERIFY_FULL, "127.0.0.1", {0}},
      {{.san = "IP:127.0.0.1"}, TLS_VERIFY_FULL, "127.0.0.2", {"is for \"127.0.0.1\", not for \"127.0.0.2\""}},
      {{.san = "IP:::1"}, TLS_VERIFY_FULL, "::1", {0}},
      {{.san = "IP:::1"}, TLS_VERIFY_FULL, "0:0:0:0:0:0:0:1", {0}},
      {{.san = "IP:::1"}, TLS_VERIFY_FULL, "::2", {"is for \"0:0:0:0:0:0:0:1\""}},
      {{.san = "IP:fe80::1"}, TLS_VERIFY_FULL, "fe80::1%eth0", {0}},
      {{.cn = "127.0.0.1"}, TLS_VERIFY_FULL, "127.0.0.1", {0}},
      {{.cn = "127.0.0.1", .san = "DNS:a.example"}, TLS_VERIFY_FULL, "127.0.0.1", {0}},
      {{.cn = "127.0.0.1", .san = "IP:127.0.0.2"}, TLS_VERIFY_FULL, "127.0.0.1", {"is for \"127.0.0.2\""}},
      {{.san = "DNS:127.0.0.1"}, TLS_VERIFY_FULL, "127.0.0.1", {0}},
      {{.san = "DNS:*.0.0.1"}, TLS_VERIFY_FULL, "127.0.0.1", {"not for \"127.0.0.1\""}},
      {{.cn = "*.0.0.1"}, TLS_VERIFY_FULL, "127.0.0.1", {"not for"}},
      {{.san = "DNS:a.example"}, TLS_VERIFY_FULL, "127.0.0.1", {"is for \"a.example\""}},
  };
  RUN(rows, &zoo.ca, .ca_file = zoo.ca_file);
}

Test(verify, dates) {
  static const struct row rows[] = {
      {{.cn = "a", .begins_s = -2 * DAY, .ends_s = -DAY},
       TLS_VERIFY_FULL,
       "a",
       {"\"a\" expired at 20", " UTC", "clock"}},
      {{.cn = "a", .begins_s = -2 * DAY, .ends_s = -DAY}, TLS_VERIFY_CA, "a", {"expired"}},
      {{.cn = "a", .begins_s = -2 * DAY, .ends_s = -DAY}, TLS_VERIFY_NONE, "a", {0}},
      {{.cn = "a", .begins_s = DAY, .ends_s = 2 * DAY}, TLS_VERIFY_FULL, "a", {"not valid before 20", "clock"}},
  };
  RUN(rows, &zoo.ca, .ca_file = zoo.ca_file);
}

Test(verify, unknown_issuer) {
  static const struct row rows[] = {
      {{.cn = "a"}, TLS_VERIFY_FULL, "a", {"issued by \"Test CA\"", "other.crt\"", "sslrootcert="}},
      {{.cn = "a"}, TLS_VERIFY_CA, "a", {"\"Test CA\""}},
      {{.cn = "a"}, TLS_VERIFY_NONE, "a", {0}},
  };
  RUN(rows, &zoo.ca, .ca_file = zoo.other_ca_file);
}

Test(verify, self_signed) {
  static const struct row rows[] = {
      {{.cn = "a"}, TLS_VERIFY_FULL, "a", {"\"a\" is self-signed", "ca.crt\"", "sslrootcert="}},
      {{.cn = "a"}, TLS_VERIFY_CA, "a", {"self-signed"}},
      {{.cn = "a"}, TLS_VERIFY_NONE, "a", {0}},
  };
  RUN(rows, NULL, .ca_file = zoo.ca_file);
}

Test(verify, self_signed_and_trusted) {
  struct identity server = zoo_make(&(struct zoo_spec){.cn = "a"}, NULL);
  struct tls_config c = {.ca_file = zoo_write_cert(&zoo, "self.crt", server.cert)};
  struct link l;

  link_open(&l, &(struct peer_spec){.identity = &server});
  cr_assert(link_connect(&l, &c, &(struct tls_session_params){.verify_host = "a"}) == TLS_OK, "%s", l.fault.text);
  link_close(&l);
  zoo_drop(&server);
}

Test(verify, unknown_root_in_the_chain) {
  struct identity server = zoo_make(&(struct zoo_spec){.cn = "a"}, &zoo.ca);
  struct tls_config c = {.ca_file = zoo.other_ca_file};
  struct link l;

  link_open(&l, &(struct peer_spec){.identity = &server, .root_sent = zoo.ca.cert});
  cr_assert(link_connect(&l, &c, &(struct tls_session_params){.verify_host = "a"}) == TLS_FAILED);
  cr_assert(strstr(l.fault.text, "leads to the root \"Test CA\", which is not in") && strstr(l.fault.text, "other.crt"),
            "%s", l.fault.text);
  link_close(&l);
  zoo_drop(&server);
}

/* SSL_CERT_FILE stands in for the system's store. */
Test(verify, system_store) {
  static const struct row trusted[] = {{{.cn = "a"}, TLS_VERIFY_FULL, "a", {0}}};
  static const struct row unknown[] = {
      {{.cn = "a"}, TLS_VERIFY_FULL, "a", {"\"Other CA\"", "not in the system's trusted roots"}}};

  setenv("SSL_CERT_FILE", zoo.ca_file, 1);
  setenv("SSL_CERT_DIR", "/nonexistent", 1);
  RUN(trusted, &zoo.ca, .verify = TLS_VERIFY_FULL);
  RUN(unknown, &zoo.other_ca, .verify = TLS_VERIFY_FULL);
}

static enum tls_status connect_with_crl(const char *crl_file, const char *crl_dir, const struct identity *server,
                                        struct fault *f) {
  struct tls_config c = {.ca_file = zoo.ca_file, .crl_file = crl_file, .crl_dir = crl_dir};
  enum tls_status status;
  struct link l;

  link_open(&l, &(struct peer_spec){.identity = server});
  status = link_connect(&l, &c, &(struct tls_session_params){.verify_host = "a"});
  *f = l.fault;
  link_close(&l);
  return status;
}

Test(verify, revocation_list) {
  struct identity server = zoo_make(&(struct zoo_spec){.cn = "a"}, &zoo.ca);
  struct fault f;

  cr_assert(connect_with_crl(zoo_write_crl(&zoo, "none.crl", &zoo.ca, NULL, 0), NULL, &server, &f) == TLS_OK);
  cr_assert(connect_with_crl(zoo_write_crl(&zoo, "this.crl", &zoo.ca, server.cert, 0), NULL, &server, &f) ==
            TLS_FAILED);
  cr_assert(strstr(f.text, "\"a\" is revoked") && strstr(f.text, "this.crl"), "%s", f.text);
  cr_assert(connect_with_crl(zoo_write_crl(&zoo, "other.crl", &zoo.other_ca, NULL, 0), NULL, &server, &f) ==
            TLS_FAILED);
  cr_assert(strstr(f.text, "no revocation list of \"Test CA\""), "%s", f.text);
  cr_assert(connect_with_crl(zoo_write_crl(&zoo, "old.crl", &zoo.ca, NULL, -60), NULL, &server, &f) == TLS_FAILED);
  cr_assert(strstr(f.text, "expired") && strstr(f.text, "current one"), "%s", f.text);
  zoo_drop(&server);
}

Test(verify, revocation_directory) {
  struct identity server = zoo_make(&(struct zoo_spec){.cn = "a"}, &zoo.ca);
  char name[32];
  struct fault f;

  cr_assert(connect_with_crl(NULL, zoo.dir, &server, &f) == TLS_FAILED);
  cr_assert(strstr(f.text, "no revocation list of \"Test CA\""), "%s", f.text);
  (void)snprintf(name, sizeof name, "%08lx.r0",
                 X509_NAME_hash_ex(X509_get_subject_name(zoo.ca.cert), NULL, NULL, NULL));
  zoo_write_crl(&zoo, name, &zoo.ca, NULL, 0);
  cr_assert(connect_with_crl(NULL, zoo.dir, &server, &f) == TLS_OK, "%s", f.text);
  zoo_write_crl(&zoo, name, &zoo.ca, server.cert, 0);
  cr_assert(connect_with_crl(NULL, zoo.dir, &server, &f) == TLS_FAILED);
  cr_assert(strstr(f.text, "revoked"), "%s", f.text);
  zoo_drop(&server);
}

/* Whatever a certificate says, the error text is printable, and cut rather than spilled. */
Test(verify, hostile_names_are_cleaned) {
  char san[8192] = "";
  size_t used = 0;
  struct row row = {{.cn = "ev\"il\n\x1b[31m\xc3\xa9\\"}, TLS_VERIFY_FULL, "a.example", {"is for \"ev?il??[31m???\","}};
  struct row many = {{.san = san}, TLS_VERIFY_FULL, "a.example", {"and 97 more, not for \"a.example\""}};
  struct row longest = {{.san = san}, TLS_VERIFY_FULL, "b.example", {"not for \"b.example\""}};

  run(&row, 0, &zoo.ca, (struct tls_config){.ca_file = zoo.ca_file});
  for (int i = 0; i < 100; i++)
    used += (size_t)snprintf(san + used, sizeof san - used, "%sDNS:host%d.example", i ? "," : "", i);
  run(&many, 1, &zoo.ca, (struct tls_config){.ca_file = zoo.ca_file});
  used = 0;
  for (int i = 0; i < 100; i++)
    used += (size_t)snprintf(san + used, sizeof san - used, "%sDNS:%060d.example", i ? "," : "", i);
  run(&longest, 2, &zoo.ca, (struct tls_config){.ca_file = zoo.ca_file});
}

/* A certificate name with a NUL inside must not pass for what stands before it. */
Test(verify, embedded_nul_does_not_match) {
  struct identity server = {X509_new(), EVP_EC_gen("P-256")};
  static const unsigned char name[] = "a.example\0.evil.example";
  X509_NAME *subject = X509_get_subject_name(server.cert);
  struct tls_config c = {.ca_file = zoo.ca_file};
  struct link l;

  X509_set_version(server.cert, X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(server.cert), -60);
  X509_gmtime_adj(X509_getm_notAfter(server.cert), 600);
  cr_assert(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, name, sizeof name - 1, -1, 0));
  X509_set_issuer_name(server.cert, X509_get_subject_name(zoo.ca.cert));
  X509_set_pubkey(server.cert, server.key);
  cr_assert(X509_sign(server.cert, zoo.ca.key, EVP_sha256()) > 0);
  link_open(&l, &(struct peer_spec){.identity = &server});
  cr_assert(link_connect(&l, &c, &(struct tls_session_params){.verify_host = "a.example"}) == TLS_FAILED);
  cr_assert(strstr(l.fault.text, "\"a.example?.evil.example\""), "%s", l.fault.text);
  link_close(&l);
  zoo_drop(&server);
}
