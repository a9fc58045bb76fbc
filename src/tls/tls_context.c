#include "tls/internal.h"

#include <assert.h>
#include <openssl/err.h>

int tls_context_new(struct tls_context **out, const dsql_alloc *a) {
  struct tls_context *ctx = mem_zalloc(a, sizeof *ctx);
  if (!ctx) return DSQL_ENOMEM;
  ctx->alloc = a;
  ctx->key_log_fd = -1;
  atomic_init(&ctx->refs, 1);
  *out = ctx;
  return 0;
}

/* The server's CertificateRequest arrived; the certificate to answer with is the context's, if any. */
static int on_cert_request(SSL *ssl, void *arg) {
  struct tls *t = SSL_get_app_data(ssl);
  (void)arg;
  t->cert_requested = true;
  return 1;
}

static int load(struct tls_context *ctx, const struct tls_config *c, struct fault *f) {
  int rc;

  ctx->verify = c->verify;
  ctx->cert_mode = c->cert_mode;
  /* Before the files are read: a change in between is then seen at the next check. */
  ctx->stamp = tls_files_stamp(c);
  ctx->ssl_ctx = SSL_CTX_new(TLS_client_method());
  if (!ctx->ssl_ctx) return tls_openssl_fault(f, "creating the TLS context");
  SSL_CTX_set_cert_cb(ctx->ssl_ctx, on_cert_request, NULL);
  tls_resume_init(ctx->ssl_ctx);
  rc = tls_config_apply(ctx, c, f);
  if (!rc) rc = tls_trust_load(ctx, c, f);
  if (!rc) rc = tls_identity_load(ctx, c, f);
  if (!rc) rc = tls_keylog_open(ctx, c, f);
  return rc;
}

int tls_context_load(struct tls_context *ctx, const struct tls_config *c, struct fault *f) {
  int rc;

  assert(!ctx->ssl_ctx);
  ERR_clear_error();
  rc = load(ctx, c, f);
  /* Nothing of ours stays in the queue of a thread that others use, too. */
  ERR_clear_error();
  return rc;
}

bool tls_context_files_changed(const struct tls_context *ctx, const struct tls_config *c) {
  return tls_files_stamp(c) != ctx->stamp;
}

struct tls_context *tls_context_ref(struct tls_context *ctx) {
  atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
  return ctx;
}

void tls_context_unref(struct tls_context *ctx) {
  if (!ctx || atomic_fetch_sub_explicit(&ctx->refs, 1, memory_order_acq_rel) != 1) return;
  tls_resume_deinit(ctx);
  SSL_CTX_free(ctx->ssl_ctx);
  tls_keylog_close(ctx);
  mem_free(ctx->alloc, ctx);
}
