/* The replies that nearly everything which is executed gets - BindComplete, rows, CommandComplete, ReadyForQuery - read
 * in one go when nothing is special: the session is up, the messages are whole in what was lent, nobody traces, nothing
 * has failed and nobody has given up. All else is left where it is, for the handlers of query.c, which know every case;
 * what is read here has the same outcome there. */
#include <string.h>

#include "session/internal.h"

/* The length word of the message at p. */
static inline size_t length_at(const uint8_t *p) { return load_be32(p + 1); }

static inline uint64_t word_at(const uint8_t *p) {
  uint64_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline bool has_zero_byte(uint64_t v) {
  return (v - UINT64_C(0x0101010101010101)) & ~v & UINT64_C(0x8080808080808080);
}

/* The most frequent tags: one NUL, at the end; 8 to 16 bytes, which two words cover; and none that ends a transaction
 * (COMMIT, PREPARE TRANSACTION, ROLLBACK). n is with the NUL. */
static inline bool tag_is_plain(const uint8_t *tag, size_t n) {
  if (n - 9 > 8 || tag[n - 1] || has_zero_byte(word_at(tag)) || has_zero_byte(word_at(tag + n - 9))) return false;
  return *tag != 'C' && *tag != 'P' && *tag != 'R';
}

/* The last member of the first group, of which nothing but success can be said; else NULL. */
static struct op *plain_group(struct session *s) {
  for (struct list *n = s->inflight.next; n != &s->inflight; n = n->next) {
    struct op *op = op_of(n);
    if (op->outcome != OP_PENDING || op->abandoned || op->barrier) return NULL;
    if (op->sync) return op;
  }
  return NULL;
}

/* ReadyForQuery. */
static bool next_ready(struct session *s, const uint8_t *p, struct session_event *ev) {
  struct op *last;

  if (*p != WIRE_READY_FOR_QUERY || length_at(p) != 5 || (p[5] != 'I' && p[5] != 'T' && p[5] != 'E')) return false;
  last = plain_group(s);
  if (!last) return false;
  s->view = p + WIRE_HEADER_SIZE + 1;
  s->tx_status = (char)p[5];
  list_move_through(&s->ended, &s->inflight, &last->node);
  s->judged = false;
  s->at_index = 0;
  s->at = list_empty(&s->inflight) ? NULL : op_of(s->inflight.next);
  if (s->at && s->at->steps == 0) ops_advance(s);
  ev->type = EVENT_GROUP_OK;
  ev->op = NULL;
  return true;
}

struct op *session_take_ended(struct session *s) {
  struct op *op = list_empty(&s->ended) ? NULL : op_of(s->ended.next);
  if (!op) return NULL;
  op->outcome = OP_SUCCEEDED;
  op_queue_forget(op);
  return op;
}

/* The CommandComplete at p, behind the rows. */
static inline bool next_tag(struct session *s, struct op *op, const uint8_t *p, size_t left, struct session_event *ev) {
  size_t length;

  if (!op->whole || left < WIRE_HEADER_SIZE || *p != WIRE_COMMAND_COMPLETE) return false;
  length = length_at(p);
  if (length >= left || !tag_is_plain(p + WIRE_HEADER_SIZE, length - 4)) return false;
  s->view = p + 1 + length;
  op->result_seen = true;
  op->steps = 0;
  ops_advance(s);
  ev->type = EVENT_ANSWER;
  ev->tag = (dsql_str){(const char *)p + WIRE_HEADER_SIZE, length - 5};
  return true;
}

/* The end of the run of whole DataRows at p. */
static inline const uint8_t *rows_end(const uint8_t *p, const uint8_t *end) {
  size_t left = (size_t)(end - p);

  while (left >= WIRE_HEADER_SIZE && *p == WIRE_DATA_ROW) {
    size_t total = length_at(p) + 1;
    if (total - WIRE_HEADER_SIZE > left - WIRE_HEADER_SIZE) break; /* also a length below 4, which wraps around */
    p += total;
    left -= total;
  }
  return p;
}

bool next_fast(struct session *s, struct session_event *ev) {
  const uint8_t *p = s->view, *end = s->view_end;
  struct op *op = s->at;

  if (end - p <= WIRE_HEADER_SIZE || s->group_failed) return false;
  if ((size_t)(end - p) > s->config.message_max) return false; /* else no message in it can be too large */
  if (!op) return next_ready(s, p, ev);
  if (op->abandoned || !op->rows_open || op->copy != COPY_NONE) return false;
  if (*p == WIRE_BIND_COMPLETE && length_at(p) == 4 && op->steps == (STEP_BIND | STEP_EXECUTE)) {
    op->steps = STEP_EXECUTE;
    s->judged = false;
    s->view = p += WIRE_HEADER_SIZE;
  }
  if (op->steps != STEP_EXECUTE) return false;
  ev->op = op;
  ev->body = p;
  p = rows_end(p, end);
  ev->len = (size_t)(p - ev->body);
  if (ev->len) op->rows_seen = true;
  if (next_tag(s, op, p, (size_t)(end - p), ev)) return true;
  if (ev->len == 0) return false;
  ev->type = EVENT_ROWS;
  s->rows_len = ev->len;
  s->rows_traced = 0;
  return true;
}
