#include "peer.h"

#include <criterion/criterion.h>
#include <string.h>

enum { WIRE_MAX = 64 << 20 };

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *offered,
                       unsigned offered_len, void *arg) {
  const char *name = arg;
  (void)ssl;
  cr_assert(offered_len == 11 && memcmp(offered, "\x0apostgresql", 11) == 0);
  *out = (const unsigned char *)name;
  *n = (unsigned char)strlen(name);
  return SSL_TLSEXT_ERR_OK;
}

static int see_sni(SSL *ssl, int *alert, void *arg) {
  struct link *l = SSL_get_app_data(ssl);
  const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  (void)alert;
  (void)arg;
  if (l && name) (void)snprintf(l->sni, sizeof l->sni, "%s", name);
  return SSL_TLSEXT_ERR_OK;
}

SSL_CTX *peer_new(const struct peer_spec *spec) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
  const char *alpn = spec->alpn ? spec->alpn : "postgresql";
  union {
    const char *in;
    void *out;
  } arg = {alpn};

  SSL_CTX_set_security_level(ctx, 0);
  SSL_CTX_set_min_proto_version(ctx, spec->min);
  SSL_CTX_set_max_proto_version(ctx, spec->max);
  cr_assert(SSL_CTX_use_certificate(ctx, spec->identity->cert) == 1);
  cr_assert(SSL_CTX_use_PrivateKey(ctx, spec->identity->key) == 1);
  if (spec->root_sent) cr_assert(SSL_CTX_add1_chain_cert(ctx, spec->root_sent) == 1);
  cr_assert(SSL_CTX_set1_groups_list(ctx, spec->groups ? spec->groups : "P-256") == 1);
  if (*alpn) SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, arg.out);
  SSL_CTX_set_tlsext_servername_callback(ctx, see_sni);
  SSL_CTX_set_num_tickets(ctx, (size_t)spec->tickets);
  if (!spec->tickets) SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"zoo", 3);
  if (spec->client_ca) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), spec->client_ca);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | (spec->client_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
  }
  return ctx;
}

static void start_server(struct link *l, const struct peer_spec *spec) {
  if (spec->shared) SSL_CTX_up_ref(spec->shared);
  l->server_ctx = spec->shared ? spec->shared : peer_new(spec);
  l->server = SSL_new(l->server_ctx);
  l->server_in = BIO_new(BIO_s_mem());
  l->server_out = BIO_new(BIO_s_mem());
  SSL_set_bio(l->server, l->server_in, l->server_out);
  SSL_set_app_data(l->server, l);
  SSL_set_accept_state(l->server);
}

static void stop_server(struct link *l) {
  SSL_free(l->server);
  SSL_CTX_free(l->server_ctx);
  l->server = NULL;
  l->server_ctx = NULL;
}

void link_open(struct link *l, const struct peer_spec *spec) {
  *l = (struct link){0};
  test_alloc_init(&l->heap);
  buf_init(&l->out, &l->heap.hook, WIRE_MAX);
  buf_init(&l->in, &mem_default, WIRE_MAX);
  start_server(l, spec);
}

void link_close(struct link *l) {
  tls_deinit(&l->tls);
  tls_context_unref(l->ctx);
  buf_deinit(&l->out);
  buf_deinit(&l->in);
  stop_server(l);
  test_alloc_assert_empty(&l->heap);
}

void link_restart(struct link *l, const struct peer_spec *spec) {
  tls_deinit(&l->tls);
  buf_reset(&l->out);
  buf_reset(&l->in);
  stop_server(l);
  start_server(l, spec);
  l->input_total = 0;
  fault_clear(&l->fault);
}

int link_load(struct link *l, const struct tls_config *c) {
  int rc = tls_context_new(&l->ctx, &l->heap.hook);
  size_t calls = l->heap.calls;

  cr_assert(rc == 0);
  rc = tls_context_load(l->ctx, c, &l->fault);
  cr_assert(l->heap.calls == calls, "loading must not call the hook");
  cr_assert(rc == l->fault.code);
  return rc;
}

int link_start(struct link *l, const struct tls_session_params *p) {
  return tls_init(&l->tls, l->ctx, p, &l->out, &l->fault);
}

static void drain_server(struct link *l) {
  char *p;
  long n = BIO_get_mem_data(l->server_out, &p);

  if (n <= 0) return;
  buf_put(&l->in, p, (size_t)n);
  l->input_total += (size_t)n;
  cr_assert(buf_ok(&l->in));
  (void)BIO_reset(l->server_out);
}

void link_pump(struct link *l) {
  if (l->out.len) {
    cr_assert(BIO_write(l->server_in, l->out.data, (int)l->out.len) == (int)l->out.len);
    buf_consume(&l->out, l->out.len);
  }
  if (!SSL_is_init_finished(l->server)) (void)SSL_do_handshake(l->server);
  drain_server(l);
}

/* Lends `n` bytes of l->in, runs the step, keeps what was not read. */
static enum tls_status step(struct link *l, size_t n) {
  enum tls_status status;

  tls_feed(&l->tls, l->in.data, n);
  status = tls_handshake(&l->tls, &l->fault);
  buf_consume(&l->in, n - tls_pending_input(&l->tls));
  tls_feed(&l->tls, NULL, 0);
  return status;
}

enum tls_status link_handshake(struct link *l, size_t piece) {
  enum tls_status status = step(l, 0);

  while (status == TLS_WANT) {
    link_pump(l);
    if (l->in.len == 0) break; /* the server stays silent */
    status = step(l, piece && piece < l->in.len ? piece : l->in.len);
  }
  link_pump(l);
  return status;
}

enum tls_status link_connect(struct link *l, const struct tls_config *c, const struct tls_session_params *p) {
  cr_assert(link_load(l, c) == 0, "%s", l->fault.text);
  cr_assert(link_start(l, p) == 0, "%s", l->fault.text);
  return link_handshake(l, 0);
}

enum tls_status link_read(struct link *l, void *dst, size_t cap, size_t *n) {
  enum tls_status status;
  size_t fed = l->in.len;

  tls_feed(&l->tls, l->in.data, fed);
  status = tls_read(&l->tls, dst, cap, n, &l->fault);
  buf_consume(&l->in, fed - tls_pending_input(&l->tls));
  tls_feed(&l->tls, NULL, 0);
  return status;
}

void link_server_write(struct link *l, const void *p, size_t n) {
  size_t written;

  cr_assert(SSL_write_ex(l->server, p, n, &written) == 1 && written == n);
  drain_server(l);
}

size_t link_server_read(struct link *l, void *dst, size_t cap) {
  size_t n = 0, total = 0;

  link_pump(l);
  while (total < cap && SSL_read_ex(l->server, (char *)dst + total, cap - total, &n) == 1) total += n;
  drain_server(l);
  return total;
}
