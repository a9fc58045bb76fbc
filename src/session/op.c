#include "session/op.h"

#include <assert.h>

#include "base/zero.h"

void op_init(struct op *op, const dsql_alloc *alloc, size_t bytes_max, void *storage, size_t storage_size) {
  zero_words(op, sizeof *op);
  op->cause_index = -1;
  list_init(&op->node);
  buf_init_on(&op->bytes, alloc, bytes_max, storage, storage_size);
}

void op_deinit(struct op *op) { buf_deinit(&op->bytes); }

static struct op *op_of(struct list *node) { return LIST_ENTRY(node, struct op, node); }

void op_queue_init(struct op_queue *q) {
  *q = (struct op_queue){0};
  list_init(&q->list);
}

static bool rows_open_at_first(const struct op *op) { return !op->no_rows && !(op->steps & STEP_SCRIPT); }

void op_renew(struct op *op) {
  op->steps = op->first_steps;
  op->abandoned = op->group_failed_here = op->settled = op->reverted = false;
  op->rows_seen = op->result_seen = op->copy_refused = op->in_doubt = false;
  op->rows_open = rows_open_at_first(op);
  if (op->limit) op->limit = LIMIT_SET;
  op->copy = COPY_NONE;
  op->copy_done_at = 0;
  op->block = BLOCK_NONE;
  op->outcome = OP_PENDING;
  op->flags = 0;
  op->cause_index = -1;
  op->begin = op->end = 0;
}

static void enter(struct op_queue *q, struct op *op) {
  assert(!list_linked(&op->node));
  op->queue = q;
  op->first_steps = op->steps;
  op->rows_open = rows_open_at_first(op);
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

void op_queue_push_aside(struct op_queue *q, struct op *op) {
  assert(op->sync);
  enter(q, op);
  list_insert_before(q->group_open ? &q->group_open->node : &q->list, &op->node);
}

void op_queue_push_first(struct op_queue *q, struct op *op) {
  assert(op->sync);
  op->first_steps = op->steps;
  op_renew(op);
  enter(q, op);
  list_push_front(&q->list, &op->node);
}

void op_queue_group_begin(struct op_queue *q) {
  assert(!q->grouping);
  q->grouping = true;
}

void op_queue_forget(struct op *op) {
  struct op_queue *q = op->queue;
  if (q->group_open == op) q->group_open = NULL;
  list_remove(&op->node);
  q->bytes -= op->bytes.len;
  q->ops--;
}

struct op *op_queue_pop(struct op_queue *q) {
  struct op *op = list_empty(&q->list) ? NULL : op_of(q->list.next);
  if (op) op_queue_forget(op);
  return op;
}

void op_queue_put_before(struct op_queue *q, struct op_queue *from) {
  assert(!from->group_open);
  while (!list_empty(&from->list)) {
    struct op *op = op_of(from->list.prev);
    op_queue_forget(op);
    op->first_steps = op->steps;
    op_renew(op);
    enter(q, op);
    list_push_front(&q->list, &op->node);
  }
}

void op_queue_drop(struct op *op, struct list *dropped) {
  const struct op_queue *q = op->queue;
  bool last = false;

  while (op->node.prev != &q->list && !op_of(op->node.prev)->sync) op = op_of(op->node.prev);
  while (op && !last) { /* the next member of a group that is still open opens it anew */
    struct list *next = op->node.next;
    last = op->sync;
    op_queue_forget(op);
    op->outcome = OP_LOST;
    op->flags = DSQL_NOT_SENT;
    list_push_back(dropped, &op->node);
    op = next == &q->list ? NULL : op_of(next);
  }
}
