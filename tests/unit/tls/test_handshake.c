#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"

static struct zoo zoo;
static struct identity server;

static void setup(void) {
  zoo_init(&zoo);
  server = zoo_make(&(struct zoo_spec){.cn = "db.example", .san = "DNS:db.example"}, &zoo.ca);
}

static void teardown(void) {
  zoo_drop(&server);
  zoo_deinit(&zoo);
}

TestSuite(handshake, .init = setup, .fini = teardown, .timeout = 100);

static const struct tls_session_params params = {.sni_host = "db.example", .verify_host = "db.example"};

static struct tls_config full(void) { return (struct tls_config){.ca_file = zoo.ca_file}; }

#define assert_fault(l, code_, ...)                                                                                    \
  do {                                                                                                                 \
    static const char *const parts[] = {__VA_ARGS__};                                                                  \
    cr_assert((l)->fault.code == (code_), "code %d: %s", (l)->fault.code, (l)->fault.text);                            \
    for (size_t part = 0; part < sizeof parts / sizeof parts[0]; part++)                                               \
      cr_assert(strstr((l)->fault.text, parts[part]), "\"%s\" is not in: %s", parts[part], (l)->fault.text);           \
  } while (0)

Test(handshake, verify_full_tls13) {
  struct tls_config c = full();
  struct link l;

  link_open(&l, &(struct peer_spec){.identity = &server});
  cr_assert(link_connect(&l, &c, &params) == TLS_OK, "%s", l.fault.text);
  cr_assert(SSL_is_init_finished(l.server));
  cr_assert(strcmp(tls_version_string(&l.tls), "TLSv1.3") == 0);
  cr_assert(strncmp(tls_cipher_string(&l.tls), "TLS_", 4) == 0);
  cr_assert(tls_negotiated_group(&l.tls) == TLS_GROUP_P256);
  cr_assert(!tls_hello_retried(&l.tls));
  cr_assert(!tls_session_reused(&l.tls));
  cr_assert(strcmp(l.sni, "db.example") == 0);
  cr_assert(tls_handshake(&l.tls, &l.fault) == TLS_OK, "is idempotent");
  link_close(&l);
}

Test(handshake, split_at_every_byte) {
  struct tls_config c = full();
  size_t total, runs = 0;
  struct link l;

  link_open(&l, &(struct peer_spec){.identity = &server});
  cr_assert(link_connect(&l, &c, &params) == TLS_OK);
  total = l.input_total;
  cr_assert(total > 500);
  for (size_t at = 1; at < total; at++) {
    link_restart(&l, &(struct peer_spec){.identity = &server});
    cr_assert(link_start(&l, &params) == 0);
    cr_assert(link_handshake(&l, at) == TLS_OK, "pieces of %zu bytes: %s", at, l.fault.text);
    runs++;
  }
  cr_assert(runs == total - 1);
  link_close(&l);
}

Test(handshake, ends_nowhere_when_cut_at_every_byte) {
  struct tls_config c = full();
  struct link l;
  size_t total;

  link_open(&l, &(struct peer_spec){.identity = &server});
  cr_assert(link_connect(&l, &c, &params) == TLS_OK);
  total = l.input_total;
  for (size_t at = 0; at < total; at++) {
    link_restart(&l, &(struct peer_spec){.identity = &server});
    cr_assert(link_start(&l, &params) == 0);
    cr_assert(tls_handshake(&l.tls, &l.fault) == TLS_WANT);
    link_pump(&l);
    if (at > l.in.len) break;
    tls_feed(&l.tls, l.in.data, at);
    cr_assert(tls_handshake(&l.tls, &l.fault) == (at == l.in.len ? TLS_OK : TLS_WANT), "cut at %zu", at);
    cr_assert(tls_pending_input(&l.tls) == 0);
  }
  link_close(&l);
}

Test(handshake, versions) {
  static const struct {
    int server_min, server_max;
    const char *min, *max, *expected; /* expected NULL: refused */
  } rows[] = {
      {TLS1_2_VERSION, TLS1_2_VERSION, NULL, NULL, "TLSv1.2"},
      {TLS1_2_VERSION, TLS1_2_VERSION, "TLSv1.3", NULL, NULL},
      {TLS1_3_VERSION, TLS1_3_VERSION, NULL, NULL, "TLSv1.3"},
      {TLS1_3_VERSION, TLS1_3_VERSION, NULL, "tlsv1.2", NULL},
      {TLS1_1_VERSION, TLS1_1_VERSION, NULL, NULL, NULL},
      {TLS1_VERSION, TLS1_VERSION, NULL, NULL, NULL},
      {0, 0, NULL, NULL, "TLSv1.3"},
      {0, 0, "TLSv1.2", "TLSv1.2", "TLSv1.2"},
      {0, 0, "", "", "TLSv1.3"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct tls_config c = full();
    struct link l;

    c.min_version = rows[i].min;
    c.max_version = rows[i].max;
    link_open(&l, &(struct peer_spec){.identity = &server, .min = rows[i].server_min, .max = rows[i].server_max});
    if (rows[i].expected) {
      cr_assert(link_connect(&l, &c, &params) == TLS_OK, "row %zu: %s", i, l.fault.text);
      cr_assert(strcmp(tls_version_string(&l.tls), rows[i].expected) == 0);
    } else {
      cr_assert(link_connect(&l, &c, &params) == TLS_FAILED, "row %zu", i);
      assert_fault(&l, DSQL_ETLS, "no TLS version in common with TLSv1.", "ssl_min_protocol_version");
    }
    link_close(&l);
  }
}

/* Whether a round trip more is needed depends on which share goes first; what is remembered from one connection makes
 * the next one cheap. OpenSSL 3.5 and later send both shares. */
Test(handshake, groups_and_retries) {
  static const struct {
    const char *server_groups;
    enum tls_group hint, expected;
    bool retried;
  } rows[] = {
      {"P-256", TLS_GROUP_UNKNOWN, TLS_GROUP_P256, false},        {"P-256", TLS_GROUP_P256, TLS_GROUP_P256, false},
      {"X25519:P-256", TLS_GROUP_UNKNOWN, TLS_GROUP_P256, false}, /* PostgreSQL 18 */
      {"X25519", TLS_GROUP_UNKNOWN, TLS_GROUP_X25519, true},      {"X25519", TLS_GROUP_X25519, TLS_GROUP_X25519, false},
      {"P-256", TLS_GROUP_X25519, TLS_GROUP_P256, true},          {"P-384", TLS_GROUP_UNKNOWN, TLS_GROUP_OTHER, true},
      {"P-521", TLS_GROUP_UNKNOWN, TLS_GROUP_OTHER, true},
  };
  bool both = OpenSSL_version_num() >= 0x30500000UL;

  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct tls_session_params p = params;
    struct tls_config c = full();
    bool retried = rows[i].retried && (!both || rows[i].expected == TLS_GROUP_OTHER);
    struct link l;

    p.first_group = rows[i].hint;
    link_open(&l, &(struct peer_spec){.identity = &server, .groups = rows[i].server_groups});
    cr_assert(link_connect(&l, &c, &p) == TLS_OK, "row %zu: %s", i, l.fault.text);
    cr_assert(tls_negotiated_group(&l.tls) == rows[i].expected, "row %zu: %d", i, tls_negotiated_group(&l.tls));
    cr_assert(tls_hello_retried(&l.tls) == retried, "row %zu", i);
    link_close(&l);
  }
}

Test(handshake, own_groups_win_over_the_hint) {
  struct tls_session_params p = params;
  struct tls_config c = full();
  struct link l;

  c.groups = "P-384";
  p.first_group = TLS_GROUP_X25519;
  link_open(&l, &(struct peer_spec){.identity = &server, .groups = "X25519:P-256:P-384"});
  cr_assert(link_connect(&l, &c, &p) == TLS_OK, "%s", l.fault.text);
  cr_assert(tls_negotiated_group(&l.tls) == TLS_GROUP_OTHER && !tls_hello_retried(&l.tls));
  link_close(&l);
}

Test(handshake, no_common_group) {
  struct tls_config c = full();
  struct link l;

  c.groups = "P-384";
  link_open(&l, &(struct peer_spec){.identity = &server, .groups = "P-256"});
  cr_assert(link_connect(&l, &c, &params) == TLS_FAILED);
  assert_fault(&l, DSQL_ETLS, "no common cipher or group");
  cr_assert(tls_handshake(&l.tls, &l.fault) == TLS_FAILED, "stays failed");
  link_close(&l);
}

Test(handshake, tls12_group_is_known) {
  struct tls_config c = full();
  struct link l;

  link_open(&l, &(struct peer_spec){.identity = &server, .max = TLS1_2_VERSION});
  cr_assert(link_connect(&l, &c, &params) == TLS_OK);
  cr_assert(tls_negotiated_group(&l.tls) == TLS_GROUP_P256 && !tls_hello_retried(&l.tls));
  link_close(&l);
}

Test(handshake, alpn) {
  static const struct {
    const char *server_alpn;
    bool required;
    const char *refusal; /* NULL: accepted */
  } rows[] = {
      {"postgresql", true, NULL},
      {"postgresql", false, NULL},
      {"", false, NULL},
      {"", true, "sslnegotiation=postgres"},
      {"h2", true, "another service"},
      {"h2", false, "another service"},
      {"postgresq", true, "another service"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct tls_session_params p = params;
    struct tls_config c = full();
    enum tls_status status;
    struct link l;

    p.require_alpn = rows[i].required;
    link_open(&l, &(struct peer_spec){.identity = &server, .alpn = rows[i].server_alpn});
    status = link_connect(&l, &c, &p);
    cr_assert(status == (rows[i].refusal ? TLS_FAILED : TLS_OK), "row %zu: %s", i, l.fault.text);
    cr_assert(l.fault.code == (rows[i].refusal ? DSQL_ETLS : 0));
    if (rows[i].refusal) cr_assert(strstr(l.fault.text, rows[i].refusal), "row %zu: %s", i, l.fault.text);
    link_close(&l);
  }
}

Test(handshake, server_name_is_sent_for_names_only) {
  static const struct {
    const char *sni, *seen;
  } rows[] = {
      {"db.example", "db.example"},
      {"db.example.", "db.example"},
      {"localhost", "localhost"},
      {NULL, ""},
      {"", ""},
      {"127.0.0.1", ""},
      {"::1", ""},
      {"fe80::1%eth0", ""},
      {"1.2.3", ""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct tls_config c = full();
    struct link l;

    link_open(&l, &(struct peer_spec){.identity = &server});
    cr_assert(
        link_connect(&l, &c, &(struct tls_session_params){.sni_host = rows[i].sni, .verify_host = "db.example"}) ==
        TLS_OK);
    cr_assert(strcmp(l.sni, rows[i].seen) == 0, "row %zu: %s", i, l.sni);
    link_close(&l);
  }
}

Test(handshake, unusable_host_names_are_refused_at_once) {
  static const struct {
    size_t sni, verify;
    const char *text;
  } rows[] = {{256, 3, "at most 255"}, {3, 256, "1 to 255"}, {3, 0, "needs a host name"}};
  char name[300];

  memset(name, 'a', sizeof name);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char sni[300] = "", verify[300] = "";
    struct tls_config c = full();
    struct link l;

    memcpy(sni, name, rows[i].sni);
    memcpy(verify, name, rows[i].verify);
    link_open(&l, &(struct peer_spec){.identity = &server});
    cr_assert(link_load(&l, &c) == 0);
    cr_assert(link_start(&l, &(struct tls_session_params){.sni_host = sni, .verify_host = verify}) == DSQL_EINVAL);
    cr_assert(strstr(l.fault.text, rows[i].text), "row %zu: %s", i, l.fault.text);
    cr_assert(l.out.len == 0);
    link_close(&l);
  }
}

Test(handshake, answers_that_are_not_tls) {
  static const struct {
    const char *bytes, *text;
  } rows[] = {
      {"EFATAL\0too old", "sslnegotiation=postgres"},
      {"SSSSSSSS", "not TLS"},
      {"HTTP/1.1 400 Bad Request\r\n", "check host and port"},
      {"\x15\x03\x01\x00\x02\x02\x46", "no TLS version in common"},
      {"\x15\x03\x03\x00\x02\x02\x70", "SNI"},
      {"\x15\x03\x03\x00\x02\x02\x78", "ALPN"},
      {"\x15\x03\x03\x00\x02\x02\x50", "internal error"},
      {"\x15\x03\x03\xff\xff\x02\x50", "failed"},
      {"\x16\x03\x03\x00\x04\x02\x7f\xff\xff", "failed"},
  };
  static const size_t sizes[] = {15, 8, 27, 7, 7, 7, 7, 7, 9};

  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct tls_config c = full();
    struct link l;

    link_open(&l, &(struct peer_spec){.identity = &server});
    cr_assert(link_load(&l, &c) == 0 && link_start(&l, &params) == 0);
    cr_assert(tls_handshake(&l.tls, &l.fault) == TLS_WANT);
    cr_assert(l.out.len > 100, "the ClientHello");
    tls_feed(&l.tls, rows[i].bytes, sizes[i]);
    cr_assert(tls_handshake(&l.tls, &l.fault) == TLS_FAILED, "row %zu", i);
    cr_assert(l.fault.code == DSQL_ETLS && strstr(l.fault.text, rows[i].text), "row %zu: %s", i, l.fault.text);
    link_close(&l);
  }
}

Test(handshake, server_that_closes_politely) {
  struct tls_config c = full();
  struct link l;

  link_open(&l, &(struct peer_spec){.identity = &server});
  cr_assert(link_load(&l, &c) == 0 && link_start(&l, &params) == 0);
  cr_assert(tls_handshake(&l.tls, &l.fault) == TLS_WANT);
  tls_feed(&l.tls, "\x15\x03\x03\x00\x02\x01\x00", 7);
  cr_assert(tls_handshake(&l.tls, &l.fault) == TLS_CLOSED);
  assert_fault(&l, DSQL_ETLS, "ended the TLS handshake");
  link_close(&l);
}

/* The alert that tells the server why is part of the output of the failed step. */
Test(handshake, failure_sends_an_alert) {
  struct tls_config c = {.ca_file = zoo.other_ca_file};
  struct link l;

  link_open(&l, &(struct peer_spec){.identity = &server, .max = TLS1_2_VERSION});
  cr_assert(link_load(&l, &c) == 0 && link_start(&l, &params) == 0);
  cr_assert(tls_handshake(&l.tls, &l.fault) == TLS_WANT);
  link_pump(&l);
  tls_feed(&l.tls, l.in.data, l.in.len);
  cr_assert(tls_handshake(&l.tls, &l.fault) == TLS_FAILED);
  cr_assert(l.out.len == 7 && memcmp(l.out.data, "\x15\x03\x03\x00\x02\x02\x30", 7) == 0, "fatal unknown_ca");
  link_close(&l);
}

Test(handshake, every_allocation_of_the_hook_fails) {
  size_t n = 0;

  for (size_t fail_at = 1;; fail_at++) {
    struct tls_config c = full();
    enum tls_status status;
    struct link l;

    link_open(&l, &(struct peer_spec){.identity = &server});
    test_alloc_arm(&l.heap, fail_at, false);
    if (tls_context_new(&l.ctx, &l.heap.hook)) {
      cr_assert(fail_at == 1);
      link_close(&l);
      continue;
    }
    cr_assert(tls_context_load(l.ctx, &c, &l.fault) == 0 && link_start(&l, &params) == 0);
    status = link_handshake(&l, 0);
    n = fail_at;
    if (!test_alloc_fired(&l.heap)) {
      cr_assert(status == TLS_OK);
      link_close(&l);
      break;
    }
    cr_assert(status == TLS_FAILED && l.fault.code == DSQL_ENOMEM, "%d %s", l.fault.code, l.fault.text);
    link_close(&l);
  }
  cr_assert(n >= 3, "context, output and its growth: %zu", n);
}

Test(handshake, output_buffer_too_small) {
  struct tls_config c = full();
  struct link l;

  link_open(&l, &(struct peer_spec){.identity = &server});
  buf_deinit(&l.out);
  buf_init(&l.out, &l.heap.hook, 64);
  cr_assert(link_load(&l, &c) == 0 && link_start(&l, &params) == 0);
  cr_assert(tls_handshake(&l.tls, &l.fault) == TLS_FAILED);
  assert_fault(&l, DSQL_ETOOBIG, "output buffer is full");
  link_close(&l);
}

Test(handshake, key_log) {
  struct tls_config c = full();
  char text[4096] = "";
  struct stat st;
  struct link l;
  int fd;

  c.key_log_file = zoo_path(&zoo, "keys.log");
  link_open(&l, &(struct peer_spec){.identity = &server});
  cr_assert(link_connect(&l, &c, &params) == TLS_OK);
  link_close(&l);
  fd = open(c.key_log_file, O_RDONLY);
  cr_assert(fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0600);
  cr_assert(read(fd, text, sizeof text - 1) > 0);
  (void)close(fd);
  cr_assert(strstr(text, "CLIENT_TRAFFIC_SECRET_0 ") && text[strlen(text) - 1] == '\n');
}

/* Other users of OpenSSL in the same thread leave errors behind; they are not ours. */
Test(handshake, stale_errors_of_the_thread_do_no_harm) {
  struct tls_config c = full();
  struct link l;

  link_open(&l, &(struct peer_spec){.identity = &server});
  cr_assert(link_load(&l, &c) == 0 && link_start(&l, &params) == 0);
  cr_assert(EVP_PKEY_Q_keygen(NULL, NULL, "no such kind") == NULL);
  cr_assert(tls_handshake(&l.tls, &l.fault) == TLS_WANT);
  link_close(&l);
}
