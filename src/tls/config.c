#include "tls/internal.h"

#include <openssl/opensslv.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ALPN's list of protocols, each behind its length (RFC 7301); IANA knows PostgreSQL's as "postgresql". */
static const unsigned char alpn_protocols[] = "\x0apostgresql";

static const struct {
  const char *name;
  int version;
} versions[] = {
    {"TLSv1", TLS1_VERSION}, {"TLSv1.1", TLS1_1_VERSION}, {"TLSv1.2", TLS1_2_VERSION}, {"TLSv1.3", TLS1_3_VERSION}};

static bool given(const char *s) { return s && *s; }

static int parse_version(const char *text, const char *option, int *version, struct fault *f) {
  for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
    if (strcasecmp(text, versions[i].name) != 0) continue;
    *version = versions[i].version;
    return 0;
  }
  return fault_set(f, DSQL_EINVAL, "invalid %s \"%.40s\"; use TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3", option, text);
}

static int set_versions(struct tls_context *ctx, const struct tls_config *c, struct fault *f) {
  const char *lowest = given(c->min_version) ? c->min_version : "TLSv1.2";
  int min = 0, max = 0, rc;

  rc = parse_version(lowest, "ssl_min_protocol_version", &min, f);
  if (!rc && given(c->max_version)) rc = parse_version(c->max_version, "ssl_max_protocol_version", &max, f);
  if (rc) return rc;
  if (max && max < min)
    return fault_set(f, DSQL_EINVAL,
                     "ssl_max_protocol_version \"%.8s\" is older than ssl_min_protocol_version \"%.8s\"%s",
                     c->max_version, lowest, given(c->min_version) ? "" : " (the default); set both");
  if (!SSL_CTX_set_min_proto_version(ctx->ssl_ctx, min) || !SSL_CTX_set_max_proto_version(ctx->ssl_ctx, max))
    return tls_openssl_fault(f, "setting the TLS versions");
  if (max)
    (void)snprintf(ctx->versions, sizeof ctx->versions, "%.8s to %.8s", lowest, c->max_version);
  else
    (void)snprintf(ctx->versions, sizeof ctx->versions, "%.8s or newer", lowest);
  return 0;
}

/* Before 3.5 a ClientHello carries one key share, that of the first group; since then, those marked with a star. */
const char *tls_group_list(enum tls_group first) {
  bool several_shares = OpenSSL_version_num() >= 0x30500000UL;

  if (first == TLS_GROUP_X25519) return several_shares ? "*X25519:*P-256:P-384:P-521" : "X25519:P-256:P-384:P-521";
  return several_shares ? "*P-256:*X25519:P-384:P-521" : "P-256:X25519:P-384:P-521";
}

static int set_groups(struct tls_context *ctx, const struct tls_config *c, struct fault *f) {
  ctx->groups_given = given(c->groups);
  if (SSL_CTX_set1_groups_list(ctx->ssl_ctx, ctx->groups_given ? c->groups : tls_group_list(TLS_GROUP_P256))) return 0;
  if (!ctx->groups_given) return tls_openssl_fault(f, "setting the key exchange groups");
  return fault_set(f, DSQL_EINVAL, "invalid list of TLS groups \"%.100s\"; use names such as \"X25519:P-256\"",
                   c->groups);
}

/* Counts ClientHellos, the second of which answers a HelloRetryRequest (RFC 8446, 4.1.4): OpenSSL doesn't tell. */
static void on_message(int sent, int version, int type, const void *bytes, size_t n, SSL *ssl, void *arg) {
  struct tls *t = SSL_get_app_data(ssl);
  (void)version;
  (void)arg;
  if (t && sent && type == SSL3_RT_HANDSHAKE && n > 0 && *(const unsigned char *)bytes == SSL3_MT_CLIENT_HELLO)
    t->client_hellos++;
}

int tls_config_apply(struct tls_context *ctx, const struct tls_config *c, struct fault *f) {
  int rc;

  SSL_CTX_set_options(ctx->ssl_ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(ctx->ssl_ctx, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_msg_callback(ctx->ssl_ctx, on_message);
  rc = set_versions(ctx, c, f);
  if (!rc) rc = set_groups(ctx, c, f);
  if (rc) return rc;
  /* Unlike the rest of OpenSSL, this one returns 0 for success. */
  if (SSL_CTX_set_alpn_protos(ctx->ssl_ctx, alpn_protocols, sizeof alpn_protocols - 1))
    return tls_openssl_fault(f, "setting ALPN");
  return 0;
}
