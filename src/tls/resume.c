/* resume.c - session tickets, for servers that issue them (PostgreSQL itself doesn't, front ends may): the youngest
 * session per server name, in a small table of the context. A resumed handshake skips the certificate, so a session is
 * only kept when its certificate was verified as this context asks, only offered for the same name, dropped once the
 * certificate has expired, and gone with the context when trusted roots or revocation lists change. Each is offered
 * once, as RFC 8446, C.4 advises. */
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "tls/internal.h"

enum { KEY_SIZE = 2 * TLS_HOST_SIZE + 2 };

static bool make_key(const struct tls *t, char key[KEY_SIZE]) {
  const char *sni = t->sni_host ? t->sni_host : "", *verify = t->verify_host ? t->verify_host : "";
  int n = snprintf(key, KEY_SIZE, "%s\n%s", sni, verify);
  return n > 1 && n < KEY_SIZE;
}

static void drop(struct tls_resumable *r) {
  OPENSSL_free(r->key);
  SSL_SESSION_free(r->session);
  *r = (struct tls_resumable){0};
}

static struct tls_resumable *find(struct tls_context *ctx, const char *key) {
  for (size_t i = 0; i < TLS_RESUME_MAX; i++)
    if (ctx->resumable[i].key && strcmp(ctx->resumable[i].key, key) == 0) return &ctx->resumable[i];
  return NULL;
}

/* The slot of this key, a free one, or the oldest. */
static struct tls_resumable *slot_for(struct tls_context *ctx, const char *key) {
  struct tls_resumable *r = find(ctx, key);

  if (r) return r;
  r = &ctx->resumable[0];
  for (size_t i = 1; i < TLS_RESUME_MAX; i++)
    if (ctx->resumable[i].age < r->age) r = &ctx->resumable[i];
  return r;
}

static bool still_valid(SSL_SESSION *session) {
  const X509 *cert = SSL_SESSION_get0_peer(session);
  return cert && SSL_SESSION_is_resumable(session) && X509_cmp_current_time(X509_get0_notAfter(cert)) > 0;
}

/* Returns 1 when it keeps the reference. */
static int on_new_session(SSL *ssl, SSL_SESSION *session) {
  struct tls *t = SSL_get_app_data(ssl);
  struct tls_context *ctx = t ? t->context : NULL;
  char key[KEY_SIZE], *copy;
  struct tls_resumable *r;

  if (!ctx || t->failed || !make_key(t, key)) return 0;
  if (ctx->verify != TLS_VERIFY_NONE && SSL_get_verify_result(ssl) != X509_V_OK) return 0;
  copy = OPENSSL_strdup(key);
  if (!copy) return 0;
  r = slot_for(ctx, key);
  drop(r);
  *r = (struct tls_resumable){copy, session, ++ctx->resumable_clock};
  return 1;
}

void tls_resume_init(SSL_CTX *ssl_ctx) {
  SSL_CTX_set_session_cache_mode(ssl_ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(ssl_ctx, on_new_session);
}

void tls_resume_deinit(struct tls_context *ctx) {
  for (size_t i = 0; i < TLS_RESUME_MAX; i++) drop(&ctx->resumable[i]);
}

void tls_resume_try(struct tls *t) {
  char key[KEY_SIZE];
  struct tls_resumable *r = make_key(t, key) ? find(t->context, key) : NULL;

  if (!r) return;
  if (still_valid(r->session)) (void)SSL_set_session(t->ssl, r->session);
  drop(r);
}
