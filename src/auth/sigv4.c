/* string to sign := algorithm LF date LF scope LF hex(SHA256(canonical request))
 * signature := hex(HMAC(signing key, string to sign)) */
#include "auth/sigv4.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "auth/sigv4_steps.h"

static const char empty_hash[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

static void write_hex(const uint8_t *p, size_t n, char *out) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < n; i++) {
    out[2 * i] = digits[p[i] >> 4];
    out[2 * i + 1] = digits[p[i] & 15];
  }
  out[2 * n] = '\0';
}

bool sigv4_sha256_hex(const void *p, size_t n, char out[SIGV4_HEX_SIZE]) {
  uint8_t hash[EVP_MAX_MD_SIZE];
  unsigned len = 0;
  bool ok;

  ERR_set_mark();
  ok = EVP_Digest(n ? p : "", n, hash, &len, EVP_sha256(), NULL) == 1 && len == SIGV4_HASH_SIZE;
  ERR_pop_to_mark(); /* what is left in the queue would be taken for an error of the next TLS call */
  if (ok) write_hex(hash, SIGV4_HASH_SIZE, out);
  return ok;
}

bool sigv4_hmac(const void *key, size_t key_len, const void *p, size_t n, uint8_t out[SIGV4_HASH_SIZE]) {
  unsigned len = 0;
  bool ok;

  if (key_len > INT32_MAX) return false;
  ERR_set_mark();
  ok = HMAC(EVP_sha256(), key, (int)key_len, p, n, out, &len) != NULL && len == SIGV4_HASH_SIZE;
  ERR_pop_to_mark();
  return ok;
}

int sigv4_crypto_failed(struct fault *f) {
  return fault_set(f, DSQL_EUNSUPPORTED, "OpenSSL could not compute SHA-256 or HMAC for an AWS signature");
}

int sigv4_no_room(const struct buf *b, struct fault *f) {
  if (b->error == DSQL_ENOMEM) return fault_set(f, DSQL_ENOMEM, "out of memory");
  return fault_set(f, b->error, "what was to be signed for AWS, or the result, is longer than %zu bytes", b->max);
}

/* ---- the key ---- */

/* HMAC's own rule for keys over its block size (RFC 2104, section 2), so that a secret of any length needs no memory. */
static bool hash_long_secret(const char *secret, size_t n, uint8_t out[SIGV4_HASH_SIZE]) {
  EVP_MD_CTX *ctx;
  unsigned len = 0;
  bool ok;

  ERR_set_mark();
  ctx = EVP_MD_CTX_new();
  ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 && EVP_DigestUpdate(ctx, "AWS4", 4) == 1 &&
       EVP_DigestUpdate(ctx, secret, n) == 1 && EVP_DigestFinal_ex(ctx, out, &len) == 1;
  EVP_MD_CTX_free(ctx); /* cleanses */
  ERR_pop_to_mark();
  return ok;
}

static bool hash_date(const char *secret, const char *key_date, uint8_t out[SIGV4_HASH_SIZE]) {
  enum { BLOCK_SIZE = 64, PREFIX_LEN = 4 };
  uint8_t first[BLOCK_SIZE] = {'A', 'W', 'S', '4'};
  size_t n = strlen(secret), key_len = SIGV4_HASH_SIZE;
  bool ok = true;

  if (n > BLOCK_SIZE - PREFIX_LEN) {
    ok = hash_long_secret(secret, n, first);
  } else {
    memcpy(first + PREFIX_LEN, secret, n);
    key_len = PREFIX_LEN + n;
  }
  ok = ok && sigv4_hmac(first, key_len, key_date, SIGV4_KEY_DATE_LEN, out);
  mem_cleanse(first, sizeof first);
  return ok;
}

int sigv4_signing_key(const char *secret_access_key, const char *key_date, const char *region, const char *service,
                      uint8_t out[SIGV4_KEY_SIZE]) {
  uint8_t date[SIGV4_HASH_SIZE], by_region[SIGV4_HASH_SIZE], by_service[SIGV4_HASH_SIZE];
  bool ok = hash_date(secret_access_key, key_date, date) &&
            sigv4_hmac(date, sizeof date, region, strlen(region), by_region) &&
            sigv4_hmac(by_region, sizeof by_region, service, strlen(service), by_service) &&
            sigv4_hmac(by_service, sizeof by_service, "aws4_request", 12, out);

  mem_cleanse(date, sizeof date);
  mem_cleanse(by_region, sizeof by_region);
  mem_cleanse(by_service, sizeof by_service);
  return ok ? 0 : DSQL_EUNSUPPORTED;
}

/* ---- the signature ---- */

void sigv4_put_scope(struct buf *out, const char *date, const char *region, const char *service) {
  buf_put(out, date, SIGV4_KEY_DATE_LEN);
  buf_put_u8(out, '/');
  buf_put_str(out, region);
  buf_put_u8(out, '/');
  buf_put_str(out, service);
  buf_put_str(out, "/aws4_request");
}

int sigv4_sign(const uint8_t key[SIGV4_KEY_SIZE], const char *date, const char *region, const char *service,
               const struct buf *canonical, const dsql_alloc *alloc, char out[SIGV4_HEX_SIZE]) {
  uint8_t signature[SIGV4_HASH_SIZE];
  char hash[SIGV4_HEX_SIZE], storage[256];
  struct buf text;
  int rc;

  if (!sigv4_sha256_hex(canonical->data, canonical->len, hash)) return DSQL_EUNSUPPORTED;
  buf_init_on(&text, alloc, SIGV4_TEXT_MAX, storage, sizeof storage);
  buf_put_str(&text, SIGV4_ALGORITHM "\n");
  buf_put_str(&text, date);
  buf_put_u8(&text, '\n');
  sigv4_put_scope(&text, date, region, service);
  buf_put_u8(&text, '\n');
  buf_put_str(&text, hash);
  rc = text.error;
  if (!rc && !sigv4_hmac(key, SIGV4_KEY_SIZE, text.data, text.len, signature)) rc = DSQL_EUNSUPPORTED;
  buf_deinit(&text);
  if (!rc) write_hex(signature, sizeof signature, out);
  return rc;
}

int sigv4_sign_with(const struct sigv4_keys *k, const char *date, const char *region, const char *service,
                    const struct buf *canonical, const dsql_alloc *alloc, char out[SIGV4_HEX_SIZE], struct fault *f) {
  uint8_t key[SIGV4_KEY_SIZE];
  int rc;

  if (!buf_ok(canonical)) return sigv4_no_room(canonical, f);
  rc = sigv4_signing_key(k->secret_access_key, date, region, service, key);
  if (!rc) rc = sigv4_sign(key, date, region, service, canonical, alloc, out);
  mem_cleanse(key, sizeof key);
  if (rc == DSQL_ENOMEM) return fault_set(f, rc, "out of memory");
  return rc ? sigv4_crypto_failed(f) : 0;
}

void sigv4_put_query_request(struct buf *out, const char *host, const char *query, size_t n) {
  buf_put_str(out, "GET\n/\n");
  buf_put(out, query, n);
  buf_put_str(out, "\nhost:");
  buf_put_str(out, host);
  buf_put_str(out, "\n\nhost\n");
  buf_put_str(out, empty_hash);
}

int sigv4_query_signature(const uint8_t key[SIGV4_KEY_SIZE], const char *date, const char *region, const char *service,
                          const char *host, const char *canonical_query, size_t n, const dsql_alloc *alloc,
                          char out[SIGV4_HEX_SIZE]) {
  struct buf canonical;
  int rc;

  buf_init(&canonical, alloc, SIGV4_TEXT_MAX);
  canonical.secret = true; /* the session token */
  sigv4_put_query_request(&canonical, host, canonical_query, n);
  rc = canonical.error ? canonical.error : sigv4_sign(key, date, region, service, &canonical, alloc, out);
  buf_deinit(&canonical);
  return rc;
}

/* ---- what can't be signed ---- */

static bool is_blank(const char *s) { return !s || !*s; }

int sigv4_check(const struct sigv4_keys *k, const char *region, const char *service, struct fault *f) {
  if (is_blank(k->access_key_id)) return fault_set(f, DSQL_EINVAL, "no access key id to sign with");
  if (is_blank(k->secret_access_key)) return fault_set(f, DSQL_EINVAL, "no secret access key to sign with");
  if (is_blank(region)) return fault_set(f, DSQL_EINVAL, "no region to sign for");
  if (is_blank(service)) return fault_set(f, DSQL_EINVAL, "no service to sign for");
  for (const char *s = k->access_key_id; *s; s++) /* it stands in a header, in front of a slash */
    if (*s <= ' ' || *s > '~' || *s == '/' || *s == ',')
      return fault_set(f, DSQL_EINVAL, "the access key id holds a character that can't be in one (byte 0x%02x at %zu)",
                       (unsigned)(uint8_t)*s, (size_t)(s - k->access_key_id));
  return 0;
}
