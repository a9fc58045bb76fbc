/* server-first-message = "r=" nonce ",s=" base64 ",i=" posit-number ["," extensions] (RFC 5802, section 7) */
#include "auth/base64.h"
#include "auth/printable.h"
#include "auth/scram_steps.h"

static bool is_nonce(dsql_str s) {
  for (size_t i = 0; i < s.len; i++)
    if ((unsigned char)s.ptr[i] <= 0x20 || (unsigned char)s.ptr[i] >= 0x7F) return false;
  return s.len > 0;
}

static int take_nonce(struct scram *s, struct cursor *c, struct fault *f) {
  size_t start = s->transcript.len - cursor_left(c) + 2;
  dsql_str nonce;

  if (!scram_read_attribute(c, 'r', &nonce) || !is_nonce(nonce))
    return fault_set(f, DSQL_EPROTO, "malformed SCRAM message from the server: the nonce (r=) is missing or malformed");
  if (nonce.len <= sizeof s->nonce || memcmp(nonce.ptr, s->nonce, sizeof s->nonce) != 0)
    return fault_set(f, DSQL_EPROTO,
                     "invalid SCRAM message from the server: its nonce does not extend ours, so it answers some other "
                     "exchange");
  s->server_nonce_at = start;
  s->server_nonce_len = nonce.len;
  return 0;
}

static int take_salt(struct scram *s, struct cursor *c, struct fault *f) {
  dsql_str text;
  bool ok = scram_read_attribute(c, 's', &text) && text.len > 0;

  if (ok && !buf_reserve(&s->salt, BASE64_DECODED_MAX(text.len) + 1)) return fault_set(f, DSQL_ENOMEM, "out of memory");
  if (!ok || !base64_decode(text.ptr, text.len, s->salt.data, &s->salt.len))
    return fault_set(f, DSQL_EPROTO, "malformed SCRAM message from the server: the salt (s=) is missing or no base64");
  return 0;
}

/* posit-number: no sign, no leading zero. What is too large for 32 bits is over any limit. */
static bool read_number(dsql_str text, uint32_t *out) {
  uint64_t v = 0;
  if (text.len == 0 || text.ptr[0] == '0') return false;
  for (size_t i = 0; i < text.len; i++) {
    if (text.ptr[i] < '0' || text.ptr[i] > '9') return false;
    if (v <= UINT32_MAX) v = v * 10 + (uint64_t)(text.ptr[i] - '0');
  }
  *out = v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
  return true;
}

static int take_iterations(struct scram *s, struct cursor *c, struct fault *f) {
  dsql_str text = {"", 0};
  struct printable shown;

  if (!scram_read_attribute(c, 'i', &text) || !read_number(text, &s->iterations))
    return fault_set(f, DSQL_EPROTO,
                     "malformed SCRAM message from the server: the iteration count (i=) is missing or no positive "
                     "decimal number: \"%s\"",
                     printable_of(text.ptr, text.len).text);
  shown = printable_of(text.ptr, text.len);
  if (s->iterations > s->iterations_max)
    return fault_set(
        f, DSQL_EAUTH,
        "the server asks for %s SCRAM iterations, and %u are allowed; set the role's password again with a "
        "lower scram_iterations on the server",
        shown.text, s->iterations_max);
  if (s->iterations < s->iterations_min)
    return fault_set(f, DSQL_EAUTH,
                     "the server asks for %s SCRAM iterations, and at least %u are demanded; set the role's password "
                     "again with a higher scram_iterations on the server",
                     shown.text, s->iterations_min);
  return 0;
}

static int read_message(struct scram *s, const char *p, size_t n, struct fault *f) {
  struct cursor c;
  int rc;

  if (n > SCRAM_MESSAGE_MAX)
    return fault_set(f, DSQL_EPROTO, "SCRAM message of %zu bytes from the server, where %d are allowed", n,
                     SCRAM_MESSAGE_MAX);
  if (n >= 2 && p[0] == 'm' && p[1] == '=')
    return fault_set(f, DSQL_EPROTO, "the server demands a SCRAM extension (m=) that is not supported");
  buf_put_u8(&s->transcript, ',');
  buf_put(&s->transcript, p, n);
  if (!buf_ok(&s->transcript)) return fault_set(f, DSQL_ENOMEM, "out of memory");

  c = cursor_of(s->transcript.data + s->transcript.len - n, n);
  rc = take_nonce(s, &c, f);
  if (!rc) rc = take_salt(s, &c, f);
  if (!rc) rc = take_iterations(s, &c, f);
  if (!rc && !scram_extensions_valid(c))
    rc = fault_set(f, DSQL_EPROTO, "malformed SCRAM message from the server: invalid extensions after i=");
  return rc;
}

/* True: the keys are there. */
static bool recall(struct scram *s) {
  dsql_str password = {(const char *)s->password.data, s->password.len};
  dsql_str salt = {(const char *)s->salt.data, s->salt.len};
  const struct scram_cache_entry *e;

  if (!s->cache) return false;
  if (!scram_cache_tag(s->cache, password, salt, s->cache_tag)) {
    s->cache = NULL;
    return false;
  }
  e = scram_cache_find(s->cache, s->cache_tag, s->iterations);
  if (!e) return false;
  memcpy(s->keys.client_key, e->client_key, SCRAM_KEY_SIZE);
  memcpy(s->keys.server_key, e->server_key, SCRAM_KEY_SIZE);
  if (!scram_store_key(&s->keys)) return false;
  buf_deinit(&s->password);
  s->recalled = true;
  return true;
}

int scram_server_first(struct scram *s, const void *p, size_t n, struct fault *f) {
  int rc = scram_expect(s, SCRAM_FIRST_SENT, "server-first-message", f);
  if (!rc) rc = read_message(s, p, n, f);
  return scram_settle(s, rc, !rc && (s->keys_given || recall(s)) ? SCRAM_KEYED : SCRAM_FIRST_RECEIVED);
}
