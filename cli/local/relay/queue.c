#include "internal.h"

enum { QUEUE_CAP_FIRST = 32 };

static struct relay_entry *at(const struct relay_queue *q, size_t i) {
  return &q->entries[(q->first + i) & (q->cap - 1)];
}

static bool grow(struct relay *r) {
  struct relay_queue *q = &r->queue, wider = {NULL, q->cap ? q->cap * 2 : QUEUE_CAP_FIRST, 0, q->count};
  wider.entries = mem_alloc(r->alloc, wider.cap * sizeof *wider.entries);
  if (!wider.entries) return false;
  for (size_t i = 0; i < q->count; i++) wider.entries[i] = *at(q, i);
  mem_free(r->alloc, q->entries);
  *q = wider;
  return true;
}

struct relay_entry *queue_push(struct relay *r, enum reply type) {
  struct relay_queue *q = &r->queue;
  if (q->count == q->cap && !grow(r)) {
    relay_shut(r, "out of memory");
    return NULL;
  }
  q->count++;
  *at(q, q->count - 1) = (struct relay_entry){.type = type};
  return at(q, q->count - 1);
}

void queue_pop(struct relay *r) {
  struct relay_queue *q = &r->queue;
  mem_free(r->alloc, at(q, 0)->refusal);
  q->first = (q->first + 1) & (q->cap - 1);
  q->count--;
}

struct relay_entry *queue_head(struct relay *r) {
  while (r->queue.count && at(&r->queue, 0)->type == REPLY_COPY_END) queue_pop(r);
  return r->queue.count ? at(&r->queue, 0) : NULL;
}

void queue_skip_to_sync(struct relay *r) {
  while (r->queue.count && at(&r->queue, 0)->type != REPLY_SYNC) queue_pop(r);
}

bool queue_ends_group(const struct relay *r) {
  for (size_t i = r->queue.count; i > 0; i--) {
    enum reply type = at(&r->queue, i - 1)->type;
    if (type != REPLY_COPY_END) return type == REPLY_SYNC || type == REPLY_QUERY;
  }
  return true;
}

/* i > 0. */
static void drop(struct relay *r, size_t i) {
  struct relay_queue *q = &r->queue;
  mem_free(r->alloc, at(q, i)->refusal);
  for (; i + 1 < q->count; i++) *at(q, i) = *at(q, i + 1);
  q->count--;
}

bool queue_enter_copy(struct relay *r) {
  while (r->queue.count > 1) {
    enum reply next = at(&r->queue, 1)->type;
    if (next != REPLY_SYNC && next != REPLY_COPY_END) return false;
    drop(r, 1);
    if (next == REPLY_COPY_END) return true;
  }
  return false;
}

void queue_free(struct relay *r) {
  while (r->queue.count) queue_pop(r);
  mem_free(r->alloc, r->queue.entries);
  r->queue = (struct relay_queue){NULL, 0, 0, 0};
}

bool entry_refuse(struct relay *r, struct relay_entry *e, enum ending ending, const struct relay_refusal *refusal) {
  e->refusal = mem_alloc(r->alloc, sizeof *e->refusal);
  if (!e->refusal) {
    relay_shut(r, "out of memory");
    return false;
  }
  *e->refusal = *refusal;
  e->ending = ending;
  return true;
}
