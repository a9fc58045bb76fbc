/* Operations on their way to the server: gather, abandon, take back. */
#include <assert.h>

#include "session/internal.h"

/* The first group of the queue, which is whole. */
static bool group_has_barrier(const struct session *s) {
  for (const struct list *n = s->queue->list.next; n != &s->queue->list; n = n->next) {
    const struct op *op = LIST_ENTRY(n, const struct op, node);
    if (op->barrier) return true;
    if (op->sync) return false;
  }
  return false;
}

bool session_can_gather(const struct session *s) {
  const struct op *first = list_empty(&s->queue->list) ? NULL : op_of(s->queue->list.next);
  if (!first || first == s->queue->group_open || !s->may_send || s->abandoned || s->phase == SESSION_FAILED)
    return false;
  if (s->fatal_seen) return false; /* nobody would run it */
  if (s->ahead_open && !ahead_has_room(s)) return false;
  return list_empty(&s->inflight) || (!s->barriers && !group_has_barrier(s));
}

/* Moves one operation; false when out has no memory for it. */
static bool gather_one(struct session *s, struct op *op) {
  size_t from = s->out->len;

  if (!buf_reserve(s->out, op->bytes.len)) return false;
  copy_short(s->out->data + from, op->bytes.data, op->bytes.len);
  s->out->len += op->bytes.len;
  if (s->config.trace) session_trace_output(s, from);
  op->begin = s->appended;
  s->appended += op->bytes.len;
  op->end = s->appended;
  list_remove(&op->node);
  if (list_empty(&s->inflight) && !s->finishing) {
    s->at = op;
    s->at_index = 0;
  }
  list_push_back(&s->inflight, &op->node);
  if (op->barrier) s->barriers++;
  s->judged = false;
  return true;
}

bool session_gather(struct session *s) {
  while (s->out->len < SESSION_GATHER_SOFT_MAX && session_can_gather(s)) {
    bool first_of_all = list_empty(&s->inflight), sync;
    do {
      struct op *op = op_of(s->queue->list.next);
      sync = op->sync;
      if (!gather_one(s, op)) {
        (void)session_fail(s, s->out->error, "%s",
                           s->out->error == DSQL_ENOMEM ? "out of memory for bytes to send"
                                                        : "more bytes to send than a connection may queue");
        return false;
      }
    } while (!sync); /* a group leaves whole: from its first byte on it can't be dropped any more */
    if (first_of_all && !s->finishing) ops_advance(s);
  }
  return true;
}

void ops_advance(struct session *s) {
  while (s->at && s->at->steps == 0) {
    bool last = s->at->sync;
    s->at = last ? NULL : op_of(s->at->node.next);
    if (!last) s->at_index++;
  }
}

/* The first member of op's group, which is in flight. */
static struct op *group_first(struct session *s, struct op *op) {
  while (op->node.prev != &s->inflight && !op_of(op->node.prev)->sync) op = op_of(op->node.prev);
  return op;
}

bool session_abandon(struct session *s, struct op *op, struct list *dropped) {
  if (op->end == 0) {
    op_queue_drop(op, dropped);
    return true;
  }
  if (op->abandoned) return false;
  s->abandoned++;
  for (op = group_first(s, op);; op = op_of(op->node.next)) {
    op->abandoned = true;
    if (op->sync) return false;
  }
}

bool session_cancelable(const struct session *s, const struct op *op) {
  bool member = false;
  if (s->phase != SESSION_READY || s->finishing) return false;
  for (const struct list *n = s->inflight.next; n != &s->inflight; n = n->next) {
    const struct op *at = LIST_ENTRY(n, const struct op, node);
    member = member || at == op;
    if (at->sync) return member && n->next == &s->inflight;
  }
  return false;
}

void session_take_back(struct session *s, struct list *dropped) {
  struct list *n = s->inflight.prev;

  while (n != &s->inflight) {
    struct op *op = op_of(n);
    bool abandoned = op->abandoned;
    n = n->prev;
    list_remove(&op->node);
    op_renew(op);
    if (abandoned) {
      op->outcome = OP_LOST;
      op->queue->ops--;
      op->queue->bytes -= op->bytes.len;
      list_push_front(dropped, &op->node);
    } else {
      list_push_front(&op->queue->list, &op->node);
    }
  }
  s->at = NULL;
  s->abandoned = s->barriers = 0;
  s->judged = false;
}
