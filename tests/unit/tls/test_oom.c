/* test_oom.c - OpenSSL's own memory runs out, at each of its allocations in turn: an error, never a crash or a
 * handshake that verified nothing. A program of its own, because OpenSSL takes an allocator only before first use. */
#include <criterion/criterion.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

static struct {
  bool armed;
  unsigned long calls, fail_at;
} memory;

static bool must_fail(void) { return memory.armed && ++memory.calls == memory.fail_at; }

static void *oom_malloc(size_t n, const char *file, int line) {
  (void)file;
  (void)line;
  return must_fail() ? NULL : malloc(n);
}

static void *oom_realloc(void *p, size_t n, const char *file, int line) {
  (void)file;
  (void)line;
  return must_fail() ? NULL : realloc(p, n);
}

static void oom_free(void *p, const char *file, int line) {
  (void)file;
  (void)line;
  free(p);
}

__attribute__((constructor)) static void take_over(void) {
  if (!CRYPTO_set_mem_functions(oom_malloc, oom_realloc, oom_free)) abort();
}

static struct zoo zoo;
static struct identity right, wrong;

static void setup(void) {
  zoo_init(&zoo);
  right = zoo_make(&(struct zoo_spec){.cn = "CA", .san = "DNS:db.example"}, &zoo.ca);
  wrong = zoo_make(&(struct zoo_spec){.cn = "x", .san = "DNS:x.example"}, &zoo.ca);
}

static void teardown(void) {
  zoo_drop(&right);
  zoo_drop(&wrong);
  zoo_deinit(&zoo);
}

TestSuite(oom, .init = setup, .fini = teardown, .timeout = 100);

static const struct tls_session_params params = {.sni_host = "db.example", .verify_host = "db.example"};

static void arm(unsigned long fail_at) {
  memory.armed = true;
  memory.calls = 0;
  memory.fail_at = fail_at;
}

static bool disarm(void) {
  memory.armed = false;
  return memory.calls >= memory.fail_at;
}

/* link_handshake() with the failing memory around the client's part only. */
static enum tls_status handshake(struct link *l, unsigned long *seen) {
  enum tls_status status = TLS_WANT;

  memory.armed = true;
  while (status == TLS_WANT) {
    tls_feed(&l->tls, l->in.data, l->in.len);
    memory.armed = true;
    status = tls_handshake(&l->tls, &l->fault);
    memory.armed = false;
    buf_reset(&l->in);
    link_pump(l);
    if (status == TLS_WANT && l->in.len == 0) break;
  }
  *seen = memory.calls;
  return status;
}

static void sweep(const struct identity *server, int version) {
  struct tls_config c = {.ca_file = zoo.ca_file};
  unsigned long n = 1, seen = 0, refused = 0;
  bool fired = true;
  struct link l;

  link_open(&l, &(struct peer_spec){.identity = server, .max = version});
  cr_assert(link_load(&l, &c) == 0);
  for (int warm = 0; warm < 2; warm++) {
    cr_assert(link_start(&l, &params) == 0);
    (void)link_handshake(&l, 0);
    link_restart(&l, &(struct peer_spec){.identity = server, .max = version});
  }
  for (; fired; n++) {
    enum tls_status status = TLS_FAILED;

    arm(n);
    if (link_start(&l, &params) == 0) status = handshake(&l, &seen);
    fired = disarm();
    if (status != TLS_OK) cr_assert(l.fault.code && l.fault.text[0], "allocation %lu: no fault", n);
    if (server == &wrong) cr_assert(status != TLS_OK, "allocation %lu: the wrong server got through", n);
    refused += fired && status != TLS_OK;
    if (!fired && server == &right) cr_assert(status == TLS_OK);
    link_restart(&l, &(struct peer_spec){.identity = server, .max = version});
  }
  cr_assert(n > 500 && refused > n / 4, "%lu allocations, %lu refusals", n, refused);
  cr_log_info("%lu allocations, %lu refusals", n, refused);
  link_close(&l);
}

Test(oom, tls13) { sweep(&right, TLS1_3_VERSION); }
Test(oom, tls12) { sweep(&right, TLS1_2_VERSION); }
Test(oom, wrong_server) { sweep(&wrong, TLS1_3_VERSION); }

Test(oom, loading) {
  struct identity client = zoo_make(&(struct zoo_spec){.cn = "me"}, &zoo.ca);
  struct tls_config c = {.ca_file = zoo.ca_file,
                         .crl_file = zoo_write_crl(&zoo, "ca.crl", &zoo.ca, NULL, 0),
                         .cert_file = zoo_write_cert(&zoo, "me.crt", client.cert),
                         .key_file = zoo_write_key(&zoo, "me.key", client.key, "secret"),
                         .key_password = "secret"};
  unsigned long n = 1, failed = 0;
  bool fired = true;

  for (; fired; n += n < 1000 ? 1 : 37) { /* most of the 16,000 are alike */
    struct link l;
    int rc;

    link_open(&l, &(struct peer_spec){.identity = &right});
    cr_assert(tls_context_new(&l.ctx, &l.heap.hook) == 0);
    arm(n);
    rc = tls_context_load(l.ctx, &c, &l.fault);
    fired = disarm();
    cr_assert(rc == l.fault.code && (rc == 0) == (l.fault.text[0] == '\0'), "allocation %lu", n);
    cr_assert(fired || rc == 0, "%s", l.fault.text);
    failed += rc != 0;
    link_close(&l);
  }
  cr_assert(n > 5000 && failed > 200, "%lu allocations, %lu failures", n, failed);
  cr_log_info("%lu allocations, %lu failures", n, failed);
  zoo_drop(&client);
}
