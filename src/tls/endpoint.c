#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "tls/internal.h"

static const EVP_MD *binding_digest(X509 *cert) {
  int digest = NID_undef;

  if (!X509_get_signature_info(cert, &digest, NULL, NULL, NULL) || digest == NID_undef) return NULL;
  if (digest == NID_md5 || digest == NID_sha1 || digest == NID_md5_sha1) return EVP_sha256();
  return EVP_get_digestbynid(digest);
}

static int hash_certificate(X509 *cert, uint8_t out[TLS_END_POINT_MAX], size_t *n, struct fault *f) {
  const EVP_MD *digest = binding_digest(cert);
  unsigned written = 0;

  _Static_assert(TLS_END_POINT_MAX == EVP_MAX_MD_SIZE, "room for any digest");
  if (!digest)
    return fault_set(f, DSQL_EUNSUPPORTED,
                     "channel binding is not defined for the server certificate's signature algorithm (%.40s); use a "
                     "certificate signed with RSA or ECDSA, or channel_binding=disable",
                     OBJ_nid2ln(X509_get_signature_nid(cert)));
  ERR_clear_error();
  if (!X509_digest(cert, digest, out, &written)) return tls_openssl_fault(f, "hashing the server's certificate");
  *n = written;
  return 0;
}

int tls_server_end_point(const struct tls *t, uint8_t out[TLS_END_POINT_MAX], size_t *n, struct fault *f) {
  X509 *cert = SSL_get0_peer_certificate(t->ssl);

  *n = 0;
  if (!cert) return fault_set(f, DSQL_ETLS, "channel binding needs the server's certificate, and there is none");
  return hash_certificate(cert, out, n, f);
}
