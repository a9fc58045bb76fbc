#include "tls/tls.h"

#include <assert.h>
#include <openssl/err.h>
#include <string.h>

#include "tls/internal.h"

/* SNI carries host names only (RFC 6066, 3), without a trailing dot. */
static int set_sni(struct tls *t, struct fault *f) {
  char host[TLS_HOST_SIZE];

  if (!t->sni_host || !*t->sni_host || tls_is_ip_literal(t->sni_host)) return 0;
  if (!tls_host_clean(host, t->sni_host))
    return fault_set(f, DSQL_EINVAL,
                     "host name \"%.100s\" can't be sent as TLS server name (SNI); it has %zu bytes, "
                     "at most 255 are allowed",
                     t->sni_host, strlen(t->sni_host));
  if (SSL_set_tlsext_host_name(t->ssl, host)) return 0;
  return tls_openssl_fault(f, "setting the server name (SNI)");
}

static int check_verify_host(const struct tls *t, struct fault *f) {
  char host[TLS_HOST_SIZE];

  if (t->context->verify != TLS_VERIFY_FULL) return 0;
  if (t->verify_host && tls_host_clean(host, t->verify_host)) return 0;
  return fault_set(f, DSQL_EINVAL,
                   "sslmode=verify-full needs a host name or address of 1 to 255 bytes to compare with the server's "
                   "certificate; set host=");
}

static int start_session(struct tls *t, const struct tls_session_params *p, struct fault *f) {
  BIO *bio;

  t->ssl = SSL_new(t->context->ssl_ctx);
  bio = t->ssl ? tls_bio_new(t) : NULL;
  if (!bio) return tls_openssl_fault(f, "creating the TLS session");
  SSL_set_bio(t->ssl, bio, bio); /* takes the one reference over */
  if (!SSL_set_app_data(t->ssl, t)) return tls_openssl_fault(f, "creating the TLS session");
  SSL_set_connect_state(t->ssl);
  if (!t->context->groups_given && p->first_group == TLS_GROUP_X25519 &&
      !SSL_set1_groups_list(t->ssl, tls_group_list(TLS_GROUP_X25519)))
    return tls_openssl_fault(f, "setting the key exchange groups");
  return set_sni(t, f);
}

int tls_init(struct tls *t, struct tls_context *ctx, const struct tls_session_params *p, struct buf *out,
             struct fault *f) {
  int rc;

  assert(ctx->ssl_ctx && out->max > 0);
  *t = (struct tls){.context = tls_context_ref(ctx),
                    .out = out,
                    .sni_host = p->sni_host,
                    .verify_host = p->verify_host,
                    .require_alpn = p->require_alpn};
  ERR_clear_error();
  rc = check_verify_host(t, f);
  if (!rc) rc = start_session(t, p, f);
  if (rc) {
    tls_deinit(t);
    return rc;
  }
  tls_resume_try(t);
  return 0;
}

void tls_deinit(struct tls *t) {
  if (!t->context) return;
  /* A session that was not shut down would be marked as not resumable: an abrupt end is normal for us. */
  if (t->ssl && t->established && !t->failed) SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(t->ssl);
  tls_context_unref(t->context);
  *t = (struct tls){.failed = true};
}

void tls_feed(struct tls *t, const void *p, size_t n) {
  t->in = p;
  t->in_len = n;
}

bool tls_has_pending(const struct tls *t) { return SSL_has_pending(t->ssl); }

bool tls_release_buffers(struct tls *t) { return SSL_free_buffers(t->ssl) == 1; }

enum tls_group tls_negotiated_group(const struct tls *t) {
  switch (SSL_get_negotiated_group(t->ssl)) {
    case NID_undef: return TLS_GROUP_UNKNOWN;
    case NID_X9_62_prime256v1: return TLS_GROUP_P256;
    case NID_X25519: return TLS_GROUP_X25519;
    default: return TLS_GROUP_OTHER;
  }
}

bool tls_hello_retried(const struct tls *t) { return t->client_hellos > 1; }

bool tls_session_reused(const struct tls *t) { return SSL_session_reused(t->ssl); }

const char *tls_version_string(const struct tls *t) { return SSL_get_version(t->ssl); }

const char *tls_cipher_string(const struct tls *t) { return SSL_get_cipher_name(t->ssl); }
