#include "fake_tls.h"

#include "base/cursor.h"
#include "sim.h"
#include "tls/tls.h"

enum { SSL_REQUEST_SIZE = 8 };

struct tls_context {
  const dsql_alloc *alloc;
  unsigned refs;
};

/* What the client's end has received of a record; as OpenSSL's, its memory is not the hook's. */
struct ssl_st {
  uint8_t in[RECORD_HEAD + RECORD_MAX];
  size_t len;
};

/* ---- records ---- */

void record_put(struct buf *out, unsigned char type, const void *p, size_t n) {
  const uint8_t *from = p;

  do {
    size_t part = n < RECORD_MAX ? n : RECORD_MAX;
    buf_put_u8(out, type);
    buf_put_be16(out, (uint16_t)part);
    buf_put(out, from, part);
    from += part;
    n -= part;
  } while (n);
}

size_t record_size(const unsigned char *p, size_t n) {
  if (n && *p == 0) return SSL_REQUEST_SIZE;
  return n < RECORD_HEAD ? 0 : RECORD_HEAD + (size_t)load_be16(p + 1);
}

/* ---- src/tls/tls_context.h ---- */

int tls_context_new(struct tls_context **out, const dsql_alloc *a) {
  *out = mem_zalloc(a, sizeof **out);
  if (!*out) return DSQL_ENOMEM;
  **out = (struct tls_context){.alloc = a, .refs = 1};
  return 0;
}

int tls_context_load(struct tls_context *ctx, const struct tls_config *c, struct fault *f) {
  (void)ctx, (void)c;
  return sim_chance(sim.faults.handshake) ? fault_set(f, DSQL_EINVAL, "the trusted roots can't be read") : 0;
}

bool tls_context_files_changed(const struct tls_context *ctx, const struct tls_config *c) {
  (void)ctx, (void)c;
  return sim_chance(sim.faults.handshake);
}

struct tls_context *tls_context_ref(struct tls_context *ctx) {
  ctx->refs++;
  return ctx;
}

void tls_context_unref(struct tls_context *ctx) {
  if (ctx && --ctx->refs == 0) mem_free(ctx->alloc, ctx);
}

/* ---- src/tls/tls.h ---- */

static enum tls_status failed(struct tls *t, struct fault *f, const char *text) {
  fault_set(f, DSQL_ETLS, "%s", text);
  t->failed = true;
  return TLS_FAILED;
}

int tls_init(struct tls *t, struct tls_context *ctx, const struct tls_session_params *p, struct buf *out,
             struct fault *f) {
  (void)p, (void)f;
  *t = (struct tls){.context = tls_context_ref(ctx), .out = out, .ssl = sim_alloc(sizeof *t->ssl)};
  return 0;
}

void tls_deinit(struct tls *t) {
  if (!t->context) return;
  tls_context_unref(t->context);
  free(t->ssl);
  *t = (struct tls){.failed = true};
}

void tls_feed(struct tls *t, const void *p, size_t n) {
  t->in = p;
  t->in_len = n;
}

/* True when there is one as a whole. */
static bool take_record(struct tls *t) {
  struct ssl_st *s = t->ssl;
  size_t want = RECORD_HEAD;

  for (;;) {
    size_t part;
    if (s->len >= RECORD_HEAD) want = record_size(s->in, s->len);
    if (s->len == want && s->len >= RECORD_HEAD) return true;
    if (t->in_len == 0) return false;
    part = want - s->len < t->in_len ? want - s->len : t->in_len;
    memcpy(s->in + s->len, t->in, part);
    s->len += part;
    t->in += part;
    t->in_len -= part;
  }
}

enum tls_status tls_handshake(struct tls *t, struct fault *f) {
  if (t->client_hellos == 0) {
    t->client_hellos = sim_chance(200) ? 2 : 1;
    record_put(t->out, RECORD_HELLO, "hello", 5);
  }
  if (!buf_ok(t->out)) return failed(t, f, "no room for the handshake");
  if (!take_record(t)) return TLS_WANT;
  if (t->ssl->in[0] != RECORD_HELLO || sim_chance(sim.faults.handshake))
    return failed(t, f, "the handshake has failed");
  t->ssl->len = 0;
  t->established = true;
  return TLS_OK;
}

enum tls_status tls_read(struct tls *t, void *dst, size_t cap, size_t *n, struct fault *f) {
  struct ssl_st *s = t->ssl;

  *n = 0;
  sim_check(t->established && cap >= RECORD_MAX, "a read that has no room for a record");
  if (t->failed) return failed(t, f, "the session has failed");
  if (!take_record(t)) return TLS_WANT;
  if (s->in[0] == RECORD_CLOSE) return TLS_CLOSED;
  if (s->in[0] != RECORD_DATA) return failed(t, f, "a record of an unknown type");
  *n = s->len - RECORD_HEAD;
  memcpy(dst, s->in + RECORD_HEAD, *n);
  s->len = 0;
  return TLS_OK;
}

enum tls_status tls_write(struct tls *t, const void *p, size_t n, struct fault *f) {
  sim_check(t->established, "a write ahead of the handshake's end");
  if (t->failed) return failed(t, f, "the session has failed");
  if (n && !buf_reserve(t->out, n + RECORD_HEAD * (n / RECORD_MAX + 1))) {
    fault_set(f, t->out->error, "no room for a record");
    t->failed = true;
    return TLS_FAILED;
  }
  if (n) record_put(t->out, RECORD_DATA, p, n);
  return TLS_OK;
}

void tls_shutdown(struct tls *t) {
  if (t->established && !t->failed) record_put(t->out, RECORD_CLOSE, NULL, 0);
}

bool tls_release_buffers(struct tls *t) { return t->ssl->len == 0; }
bool tls_hello_retried(const struct tls *t) { return t->client_hellos > 1; }

const char *tls_version_string(const struct tls *t) {
  (void)t;
  return "TLSv1.3";
}

const char *tls_cipher_string(const struct tls *t) {
  (void)t;
  return "none";
}

enum tls_group tls_negotiated_group(const struct tls *t) {
  (void)t;
  return TLS_GROUP_P256;
}

int tls_server_end_point(const struct tls *t, uint8_t out[TLS_END_POINT_MAX], size_t *n, struct fault *f) {
  (void)t, (void)out, (void)n;
  return fault_set(f, DSQL_EUNSUPPORTED, "no channel binding here");
}
