#include "net/link_internal.h"

static void fail(struct link *l, const struct fault *f) {
  link_write_queued(l); /* the alert that tells the server why */
  link_end(l, f);
}

int link_start_tls(struct link *l, struct tls_context *ctx, const struct tls_session_params *p, struct fault *f) {
  int rc;

  if (l->out.len != l->out_head || l->kept.len)
    return fault_set(f, DSQL_EPROTO, "bytes in the clear are pending where TLS should start");
  rc = tls_init(&l->tls, ctx, p, &l->cipher, f);
  if (rc) return rc;
  l->has_tls = l->handshaking = true;
  if (tls_handshake(&l->tls, f) == TLS_FAILED) return f->code;
  link_flush_later(l);
  return 0;
}

/* True when the session is established and bytes may follow. */
static bool shake_hands(struct link *l) {
  struct fault f = {0};
  enum tls_status status = tls_handshake(&l->tls, &f);

  switch (status) {
    case TLS_OK:
      l->handshaking = false;
      /* Our Finished is not sent alone: what the owner queues now travels with it. */
      link_flush_later(l);
      l->events->on_tls(l->owner);
      return link_live(l);
    case TLS_WANT: link_flush_later(l); return false;
    case TLS_CLOSED: fault_set(&f, DSQL_ETLS, "the server ended the TLS handshake"); break;
    case TLS_FAILED: break;
  }
  fail(l, &f);
  return false;
}

/* Several records in one go, as far as the slab reaches. False when the session gives no more for now. */
static bool read_records(struct link *l, uint8_t *slab, size_t *n, struct fault *f) {
  enum { RECORD_MAX = 16 * 1024 };
  enum tls_status status = TLS_OK;

  *n = 0;
  while (status == TLS_OK && RT_SLAB_SIZE - *n >= RECORD_MAX) {
    size_t got;
    status = tls_read(&l->tls, slab + *n, RT_SLAB_SIZE - *n, &got, f);
    if (status == TLS_OK) *n += got;
  }
  if (status == TLS_CLOSED) fault_set(f, DSQL_ECLOSED, "the server closed the connection");
  return status == TLS_OK;
}

void link_deliver_tls(struct link *l, const uint8_t *p, size_t n) {
  uint8_t *slab = rt_slab(l->rt, 1);
  struct fault f = {0};
  bool more = true;

  if (!slab) {
    fault_set(&f, DSQL_ENOMEM, "out of memory for decrypted bytes");
    link_end(l, &f);
    return;
  }
  tls_feed(&l->tls, p, n);
  if (l->handshaking && !shake_hands(l)) return;
  while (more && link_live(l) && !l->paused) {
    size_t got;
    more = read_records(l, slab, &got, &f);
    if (got) l->events->on_data(l->owner, slab, got);
  }
  if (f.code) fail(l, &f);
  /* A key update or an alert of ours may be waiting. */
  if (link_live(l) && l->cipher.len != l->cipher_head) link_flush_later(l);
}
