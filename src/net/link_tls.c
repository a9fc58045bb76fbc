#include <assert.h>

#include "net/link_state.h"

int link_start_tls(struct link *l, struct tls_context *ctx, const struct tls_session_params *p, struct fault *f) {
  int rc;

  assert(l->state == LINK_PLAIN && !link_gone(l));
  /* Whatever came in the same read as the answer to the SSLRequest was not encrypted (CVE-2021-23222). */
  if (l->delivering > 1)
    return fault_set(f, DSQL_ETLS, "the server sent unencrypted data behind its answer to the SSLRequest");
  rc = tls_init(&l->tls, ctx, p, &l->wire.buf, f);
  if (rc) return rc;
  l->state = LINK_HANDSHAKE;
  l->out.buf.secret = true; /* from now on it carries what is not for the wire as it is */
  l->sent = l->out.base + l->out.head;
  if (tls_handshake(&l->tls, f) == TLS_FAILED) return f->code;
  link_flush_later(l);
  return 0;
}

void link_tls_deinit(struct link *l) {
  if (l->state != LINK_PLAIN) tls_deinit(&l->tls);
}

/* ---- out ---- */

bool link_tls_encrypt(struct link *l, struct fault *f) {
  while (queue_left(&l->out) && l->mark_count < LINK_MARKS) {
    size_t left = queue_left(&l->out), n = left < LINK_RECORD_SIZE ? left : LINK_RECORD_SIZE;
    struct link_mark *m = &l->marks[(l->mark_first + l->mark_count) % LINK_MARKS];

    m->cipher_begin = l->wire.base + l->wire.buf.len;
    m->plain_end = l->out.base + l->out.head + n;
    if (tls_write(&l->tls, queue_front(&l->out), n, f) != TLS_OK) return false;
    l->mark_count++;
    queue_take(&l->out, n);
  }
  return true;
}

void link_tls_sent(struct link *l) {
  uint64_t taken = l->wire.base + l->wire.head;
  while (l->mark_count && l->marks[l->mark_first].cipher_begin < taken) {
    l->sent = l->marks[l->mark_first].plain_end;
    l->mark_first = (l->mark_first + 1) % LINK_MARKS;
    l->mark_count--;
  }
}

/* ---- in ---- */

static void end_tls(struct link *l, enum tls_status status, struct fault *f) {
  if (status == TLS_CLOSED) {
    fault_clear(f);
    fault_set(f, DSQL_ECLOSED, "the server closed the connection");
  }
  assert(f->code && !l->fault);
  if (l->paused)
    l->fault = fault_keep(rt_alloc(l->rt), f);
  else
    link_end(l, f);
}

/* True when the session is established. */
static bool shake_hands(struct link *l) {
  struct fault f = {0};
  enum tls_status status = tls_handshake(&l->tls, &f);

  if (queue_left(&l->wire)) link_flush_later(l);
  if (status == TLS_WANT) return false;
  if (status != TLS_OK) {
    if (status == TLS_CLOSED) fault_set(&f, DSQL_ETLS, "the server closed the TLS session during the handshake");
    link_end(l, &f);
    return false;
  }
  l->state = LINK_TLS;
  link_flush_later(l); /* for what was appended before */
  l->events->on_tls(l->owner);
  return link_reading(l);
}

/* Fills the slab with whole records, as far as there are any. */
static enum tls_status decrypt(struct link *l, uint8_t *slab, size_t *used, struct fault *f) {
  enum tls_status status = TLS_OK;

  *used = 0;
  while (RT_SLAB_SIZE - *used >= LINK_RECORD_SIZE) {
    size_t n = 0;
    status = tls_read(&l->tls, slab + *used, RT_SLAB_SIZE - *used, &n, f);
    if (status != TLS_OK) break;
    *used += n;
  }
  return status;
}

size_t link_tls_take(struct link *l, const uint8_t *p, size_t n) {
  uint8_t *slab = rt_slab(l->rt, 1);
  enum tls_status status = TLS_OK;
  struct fault f;
  size_t left;

  fault_clear(&f);
  if (!slab) {
    fault_set(&f, DSQL_ENOMEM, "out of memory for received bytes");
    link_end(l, &f);
    return 0;
  }
  tls_feed(&l->tls, p, n);
  if (l->state == LINK_HANDSHAKE && !shake_hands(l)) goto done;
  while (status == TLS_OK && link_reading(l)) {
    size_t used;
    status = decrypt(l, slab, &used, &f);
    if (used) l->events->on_data(l->owner, slab, used);
    if (link_gone(l)) goto done;
    if (queue_left(&l->wire)) link_flush_later(l); /* an alert, or the answer to a key update */
    if (status == TLS_CLOSED || status == TLS_FAILED) end_tls(l, status, &f);
  }
done:
  left = tls_pending_input(&l->tls);
  tls_feed(&l->tls, NULL, 0);
  return left;
}
