/* A signature in the Authorization header ("Authenticating Requests: Using the Authorization Header"). */
#include "auth/sigv4_steps.h"

/* Blanks around a value are dropped, those inside become one each. */
static void put_header_value(struct buf *out, const char *s) {
  bool started = false, blank = false;

  for (; *s; s++) {
    if (*s == ' ' || *s == '\t') {
      blank = true;
      continue;
    }
    if (blank && started) buf_put_u8(out, ' ');
    buf_put_u8(out, (uint8_t)*s);
    started = true;
    blank = false;
  }
}

static void put_names(struct buf *out, const struct sigv4_pair *headers, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (i) buf_put_u8(out, ';');
    buf_put_str(out, headers[i].name);
  }
}

/* Slashes stay; so does a path's being absolute. */
static void put_path(struct buf *out, const char *path) {
  if (!path || *path != '/') buf_put_u8(out, '/');
  while (path && *path) {
    size_t n = strcspn(path, "/");
    sigv4_encode(out, path, n);
    path += n;
    if (*path) buf_put_u8(out, (uint8_t)*path++);
  }
}

/* query and headers are sorted. */
static void put_request(struct buf *out, const struct sigv4_request *r, const struct sigv4_pair *query,
                        const struct sigv4_pair *headers, const char *body_hash) {
  buf_put_str(out, r->method);
  buf_put_u8(out, '\n');
  put_path(out, r->path);
  buf_put_u8(out, '\n');
  sigv4_put_query(out, query, r->query_count);
  buf_put_u8(out, '\n');
  for (size_t i = 0; i < r->header_count; i++) {
    buf_put_str(out, headers[i].name);
    buf_put_u8(out, ':');
    put_header_value(out, headers[i].value);
    buf_put_u8(out, '\n');
  }
  buf_put_u8(out, '\n');
  put_names(out, headers, r->header_count);
  buf_put_u8(out, '\n');
  buf_put_str(out, body_hash);
}

static void put_header(struct buf *out, const struct sigv4_request *r, const struct sigv4_pair *headers,
                       const char *date, const char *signature) {
  buf_put_str(out, SIGV4_ALGORITHM " Credential=");
  buf_put_str(out, r->keys.access_key_id);
  buf_put_u8(out, '/');
  sigv4_put_scope(out, date, r->region, r->service);
  buf_put_str(out, ", SignedHeaders=");
  put_names(out, headers, r->header_count);
  buf_put_str(out, ", Signature=");
  buf_put_str(out, signature);
}

/* pairs: room for all of the query's and all of the headers. */
static int authorize(const struct sigv4_request *r, const char *date, struct sigv4_pair *pairs, const dsql_alloc *alloc,
                     struct buf *out, struct fault *f) {
  struct sigv4_pair *headers = pairs + r->query_count;
  char body_hash[SIGV4_HEX_SIZE], signature[SIGV4_HEX_SIZE];
  size_t len = out->len;
  struct buf canonical;
  int rc;

  for (size_t i = 0; i < r->query_count; i++) pairs[i] = r->query[i];
  for (size_t i = 0; i < r->header_count; i++) headers[i] = r->headers[i];
  sigv4_sort(pairs, r->query_count);
  sigv4_sort(headers, r->header_count);
  if (!sigv4_sha256_hex(r->body, r->body_len, body_hash)) return sigv4_crypto_failed(f);
  buf_init(&canonical, alloc, SIGV4_TEXT_MAX);
  canonical.secret = true;
  put_request(&canonical, r, pairs, headers, body_hash);
  rc = sigv4_sign_with(&r->keys, date, r->region, r->service, &canonical, alloc, signature, f);
  buf_deinit(&canonical);
  if (rc) return rc;
  put_header(out, r, headers, date, signature);
  if (buf_ok(out)) return 0;
  buf_truncate(out, len);
  return sigv4_no_room(out, f);
}

/* A line break would end the header that the signature is about. */
static int check_headers(const struct sigv4_request *r, struct fault *f) {
  for (size_t i = 0; i < r->header_count; i++)
    for (const char *s = r->headers[i].value; *s; s++)
      if (((uint8_t)*s < ' ' && *s != '\t') || *s == 0x7F)
        return fault_set(f, DSQL_EINVAL, "the value of header %s holds a control character (byte 0x%02x)",
                         r->headers[i].name, (unsigned)(uint8_t)*s);
  return 0;
}

int sigv4_authorize(const struct sigv4_request *r, const dsql_alloc *alloc, struct buf *out, struct fault *f) {
  char date[SIGV4_DATE_SIZE];
  struct sigv4_pair *pairs;
  int rc = sigv4_check(&r->keys, r->region, r->service, f);

  if (!rc) rc = check_headers(r, f);
  if (rc) return rc;
  if (!sigv4_date(r->unix_s, date))
    return fault_set(f, DSQL_EINVAL, "the time to sign for (%lld) is not in the years 0 to 9999", (long long)r->unix_s);
  pairs = mem_alloc(alloc, (r->query_count + r->header_count + 1) * sizeof *pairs);
  if (!pairs) return fault_set(f, DSQL_ENOMEM, "out of memory");
  rc = authorize(r, date, pairs, alloc, out, f);
  mem_free(alloc, pairs);
  return rc;
}
