/* How operations end: with their group, or with the connection. */
#include "session/internal.h"

/* Its group failed: was it undone? Not so when the server itself does not know, or when a CALL may have committed it. */
static void undo(struct session *s, struct op *op) {
  if ((!s->group_unsure && !op->in_doubt) || op->reverted)
    op->flags |= DSQL_ROLLED_BACK;
  else if (doubt_is_possible(op))
    op->flags |= DSQL_IN_DOUBT;
}

static void fail_member(struct session *s, struct op *op, int index) {
  if (op->outcome == OP_ROLLED_BACK && !op->group_failed_here) return;
  if (op->settled && !op->group_failed_here) {
    if (op->outcome == OP_PENDING) op->outcome = OP_SUCCEEDED;
    return;
  }
  op->cause_index = s->cause_index;
  if (op->group_failed_here) {
    op->outcome = op->copy == COPY_FAILING && op->copy_refused ? OP_COPY_REFUSED : OP_FAILED;
    if (s->group_unsure && doubt_is_possible(op)) op->flags |= DSQL_IN_DOUBT;
  } else if (s->group_failed_at_sync) {
    op->outcome = OP_FAILED;
    undo(s, op);
  } else if (index < s->cause_index) {
    op->outcome = OP_UNDONE;
    undo(s, op);
  } else {
    op->outcome = OP_SKIPPED;
  }
}

void ops_begin_finish(struct session *s, char tx_status) {
  if (s->group_failed) doubt_judge_failed_group(s);
  /* A block that is still open, and has failed, has committed nothing. */
  s->group_unsure = s->group_failed && s->error_unknown && tx_status == 'I';
  s->tx_status = tx_status;
  s->finishing = true;
  s->judged = false;
  s->at = NULL;
  s->at_index = 0;
}

static void begin_next_group(struct session *s, bool was_abandoned) {
  s->finishing = s->group_failed = s->group_failed_at_sync = false;
  s->error_is_proof = s->error_unknown = s->group_unsure = false;
  s->judged = false;
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
  s->judged = false;
  if (op->barrier) s->barriers--;
  op_queue_forget(op);
  *ev = (struct session_event){.type = EVENT_OP_DONE, .op = op};
}

/* ---- the connection went first ---- */

/* Flags depend on the neighbours, so all are decided before the first one is forgotten. */
static void mark_lost(struct session *s) {
  struct list *const lists[] = {&s->inflight, &s->queue->list};
  s->loss_marked = true;
  for (size_t i = 0; i < 2; i++)
    for (struct list *n = lists[i]->next; n != lists[i]; n = n->next) {
      struct op *op = op_of(n);
      op->flags |= session_loss_flags(s, op) | DSQL_CONN_LOST;
      if (op->outcome == OP_PENDING) op->outcome = op->settled ? OP_SUCCEEDED : OP_LOST;
    }
}

bool ops_report_lost(struct session *s, struct session_event *ev) {
  struct op *op;

  if (!s->loss_marked) mark_lost(s);
  if (list_empty(&s->inflight) && list_empty(&s->queue->list)) return false;
  op = op_of(list_empty(&s->inflight) ? s->queue->list.next : s->inflight.next);
  op_queue_forget(op);
  s->at = NULL;
  if (op->outcome == OP_PENDING) { /* pushed meanwhile */
    op->outcome = OP_LOST;
    op->flags |= DSQL_NOT_SENT | DSQL_CONN_LOST;
  }
  *ev = (struct session_event){.type = EVENT_OP_DONE, .op = op};
  return true;
}
