/* How operations end: with their group, or with the connection. */
#include <assert.h>

#include "session/internal.h"

static void fail_member(struct session *s, struct op *op, int index) {
  op->cause_index = s->cause_index;
  if (op->group_failed_here) {
    op->outcome = op->copying ? OP_COPY_REFUSED : OP_FAILED;
  } else if (op->settled) {
    op->outcome = op->outcome == OP_PENDING ? OP_SUCCEEDED : op->outcome;
  } else if (s->group_failed_at_sync) {
    op->outcome = OP_FAILED;
    op->flags |= DSQL_ROLLED_BACK;
  } else if (index < s->cause_index) {
    op->outcome = OP_UNDONE;
    op->flags |= DSQL_ROLLED_BACK;
  } else {
    op->outcome = OP_SKIPPED;
  }
}

static void begin_next_group(struct session *s, bool was_abandoned) {
  s->finishing = s->group_failed = s->group_failed_at_sync = false;
  s->cause_index = -1;
  s->at_index = 0;
  if (was_abandoned) s->abandoned--;
  s->at = list_empty(&s->inflight) ? NULL : op_of(s->inflight.next);
  ops_advance(s);
}

void ops_report_finished(struct session *s, struct session_event *ev) {
  struct op *op;

  if (s->group_reported) {
    bool was_abandoned = s->group_abandoned;
    s->group_reported = false;
    begin_next_group(s, was_abandoned);
    *ev = (struct session_event){.type = EVENT_GROUP_DONE};
    return;
  }
  op = op_of(s->inflight.next);
  if (s->group_failed)
    fail_member(s, op, s->at_index);
  else if (op->outcome == OP_PENDING)
    op->outcome = OP_SUCCEEDED;
  s->at_index++;
  s->group_reported = op->sync;
  s->group_abandoned = op->abandoned;
  op_queue_forget(s->queue, op);
  *ev = (struct session_event){.type = EVENT_OP_DONE, .op = op};
}

/* ---- what a lost connection leaves ---- */

/* The position in the stream from which on the server may commit op's group: its Sync, or the simple Query. */
static uint64_t commit_point(const struct op *op, const struct list *end) {
  enum { SYNC_SIZE = 5 };
  const struct op *last = op;
  while (!last->sync && last->node.next != end) last = LIST_ENTRY(last->node.next, const struct op, node);
  if (!last->sync) return UINT64_MAX;
  return last->first_steps == STEP_SCRIPT ? last->begin : last->end - SYNC_SIZE;
}

static bool may_end_block(const struct op *op) { return op->effect != SQL_PLAIN && op->effect != SQL_COPY; }

/* Inside a block that is known to be open (the last ReadyForQuery said so, and nothing read since may have ended it)
 * only the statement that ends it can commit anything. */
static bool held_by_block(const struct session *s, const struct op *op) {
  if (s->tx_status != 'T' && s->tx_status != 'E') return false;
  for (const struct list *n = s->inflight.next; n != &s->inflight; n = n->next) {
    const struct op *other = LIST_ENTRY(n, const struct op, node);
    if (may_end_block(other) && s->sent > other->begin) return false;
  }
  return !may_end_block(op);
}

/* An error of the group was read: what does it prove? */
static bool error_settles(const struct session *s, const struct op *op) {
  const struct op *first = LIST_ENTRY(s->inflight.next, const struct op, node);
  bool in_first_group = false;

  for (const struct list *n = s->inflight.next; n != &s->inflight && !in_first_group; n = n->next) {
    in_first_group = LIST_ENTRY(n, const struct op, node) == op;
    if (LIST_ENTRY(n, const struct op, node)->sync) break;
  }
  if (!in_first_group || !s->group_failed) return false;
  if (!s->fatal_seen) return true;
  /* FATAL: proof only when it came before the commit point, so neither at the Sync, nor from a statement that itself
   * commits, nor from a script. */
  if (s->group_failed_at_sync || first->first_steps == STEP_SCRIPT) return false;
  for (const struct list *n = s->inflight.next; n != &s->inflight; n = n->next) {
    const struct op *member = LIST_ENTRY(n, const struct op, node);
    if (member->group_failed_here) return !may_end_block(member);
    if (member->sync) break;
  }
  return true;
}

unsigned session_loss_flags(const struct session *s, const struct op *op) {
  if (op->end == 0 || s->sent <= op->begin) return DSQL_NOT_SENT;
  if (op->read_only || op->first_steps == 0) return 0;
  if (s->refused) return 0;
  if (held_by_block(s, op) || error_settles(s, op)) return 0;
  return s->sent > commit_point(op, &s->inflight) ? DSQL_IN_DOUBT : 0;
}

/* Flags depend on the neighbours, so all are decided before the first one is forgotten. */
static void mark_lost(struct session *s) {
  struct list *const lists[] = {&s->inflight, &s->queue->list};
  s->loss_marked = true;
  for (size_t i = 0; i < 2; i++)
    for (struct list *n = lists[i]->next; n != lists[i]; n = n->next) {
      struct op *op = op_of(n);
      op->flags |= session_loss_flags(s, op) | DSQL_CONN_LOST;
      if (op->settled) op->flags &= ~(unsigned)DSQL_IN_DOUBT;
      if (op->outcome == OP_PENDING) op->outcome = op->settled && op->steps == 0 ? OP_SUCCEEDED : OP_LOST;
    }
}

bool ops_report_lost(struct session *s, struct session_event *ev) {
  struct op *op;

  if (!s->loss_marked) mark_lost(s);
  if (list_empty(&s->inflight) && list_empty(&s->queue->list)) return false;
  op = op_of(list_empty(&s->inflight) ? s->queue->list.next : s->inflight.next);
  op_queue_forget(s->queue, op);
  s->at = NULL;
  *ev = (struct session_event){.type = EVENT_OP_DONE, .op = op};
  return true;
}
