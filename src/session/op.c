#include "session/op.h"

#include <assert.h>

void op_init(struct op *op, const dsql_alloc *alloc, size_t bytes_max, void *storage, size_t storage_size) {
  *op = (struct op){.cause_index = -1};
  list_init(&op->node);
  buf_init_on(&op->bytes, alloc, bytes_max, storage, storage_size);
}

void op_deinit(struct op *op) { buf_deinit(&op->bytes); }

static struct op *op_of(struct list *node) { return LIST_ENTRY(node, struct op, node); }

void op_queue_init(struct op_queue *q) {
  *q = (struct op_queue){0};
  list_init(&q->list);
}

static void enter(struct op_queue *q, struct op *op) {
  assert(!list_linked(&op->node));
  op->first_steps = op->steps;
  q->bytes += op->bytes.len;
  q->ops++;
}

void op_queue_push(struct op_queue *q, struct op *op) {
  enter(q, op);
  list_push_back(&q->list, &op->node);
  if (q->grouping && !q->group_open) q->group_open = op;
  if (op->sync) {
    q->grouping = false;
    q->group_open = NULL;
  }
}

void op_queue_push_first(struct op_queue *q, struct op *op) {
  assert(op->sync);
  enter(q, op);
  list_push_front(&q->list, &op->node);
}

void op_queue_group_begin(struct op_queue *q) {
  assert(!q->grouping);
  q->grouping = true;
}

void op_queue_forget(struct op_queue *q, struct op *op) {
  list_remove(&op->node);
  q->bytes -= op->bytes.len;
  q->ops--;
}

struct op *op_queue_pop(struct op_queue *q) {
  struct op *op = list_empty(&q->list) ? NULL : op_of(q->list.next);
  if (!op) return NULL;
  if (q->group_open == op) q->group_open = NULL;
  op_queue_forget(q, op);
  return op;
}

void op_queue_drop(struct op_queue *q, struct op *op, struct list *dropped) {
  bool last = false;

  while (op->node.prev != &q->list && !op_of(op->node.prev)->sync) op = op_of(op->node.prev);
  if (q->group_open == op) q->group_open = NULL; /* its next member opens the group anew */
  while (op && !last) {
    struct list *next = op->node.next;
    last = op->sync;
    op_queue_forget(q, op);
    op->outcome = OP_LOST;
    op->flags = DSQL_NOT_SENT;
    list_push_back(dropped, &op->node);
    op = next == &q->list ? NULL : op_of(next);
  }
}
