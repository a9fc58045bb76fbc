/* What a lost connection, or an operation that is given up, leaves in doubt.
 *
 * The commit point is the COMMIT's Execute; the Sync for statements outside a block; the Query in the simple protocol,
 * but for a COPY FROM STDIN: there it is the CopyDone.
 * In doubt means: a byte from the commit point on was given to the kernel, and neither the ReadyForQuery behind it was
 * read, nor an ErrorResponse that proves that the server never came to it. When unsure, it is in doubt.
 *
 * Two passes over what is in flight. Forwards: inside which block does each operation stand for certain? A BEGIN counts
 * at once for its own group, because what stands behind it is skipped when it fails; for later groups only once its
 * answer was read. Backwards: has a commit point been sent behind it? */
#include "session/internal.h"

static bool ends_block(enum sql_effect effect) {
  return effect == SQL_COMMIT || effect == SQL_ROLLBACK || effect == SQL_UNKNOWN;
}

static bool may_commit(const struct op *op) {
  return op->effect == SQL_COMMIT || op->effect == SQL_UNKNOWN || op->effect == SQL_COMMITS_ITSELF ||
         op->first_steps == STEP_SCRIPT;
}

static enum op_block block_behind(const struct op *op) {
  if (op->block == BLOCK_GONE) return BLOCK_GONE;
  if (ends_block(op->effect)) return BLOCK_NONE;
  if (op->effect == SQL_BEGIN && op->block == BLOCK_NONE) return BLOCK_OPEN;
  if (op->effect == SQL_ROLLBACK_TO && op->block == BLOCK_FAILED) return BLOCK_OPEN;
  return op->block;
}

/* Behind a group that has failed: its culprit's error aborted the block in which it stood. */
static enum op_block block_behind_failed(const struct session *s, const struct op *culprit, enum op_block at_end) {
  if (s->fatal_last) return BLOCK_GONE;
  if (!s->error_is_proof || !culprit) return at_end;
  if (ends_block(culprit->effect) || culprit->block == BLOCK_NONE) return BLOCK_NONE;
  return BLOCK_FAILED;
}

/* Forwards over one group; returns the node behind it, and the block in which the next one stands. */
static struct list *walk_group(const struct session *s, struct list *n, bool failed, enum op_block *block) {
  const struct op *culprit = NULL;
  bool certain = true, last = false;
  enum op_block at = *block;

  while (!last && n != &s->inflight) {
    struct op *op = op_of(n);
    op->block = at;
    at = block_behind(op);
    if (op->group_failed_here) culprit = op;
    if (op->steps && op->block == BLOCK_NONE) certain = false; /* it may fail, and then no BEGIN behind it is run */
    last = op->sync;
    n = n->next;
  }
  if (!certain && at != BLOCK_GONE) at = BLOCK_NONE;
  *block = failed ? block_behind_failed(s, culprit, at) : at;
  return n;
}

static bool first_group_is_over(const struct session *s) { return s->finishing && !s->group_reported; }

static enum op_block block_of_session(const struct session *s) {
  return s->tx_status == 'T' ? BLOCK_OPEN : s->tx_status == 'E' ? BLOCK_FAILED : BLOCK_NONE;
}

static struct list *behind_first_group(const struct session *s) {
  struct list *n = s->inflight.next;
  while (n != &s->inflight && !op_of(n)->sync) n = n->next;
  return n == &s->inflight ? n : n->next;
}

/* The group that fails or is over is always the oldest one. */
static void walk_forwards(const struct session *s) {
  enum op_block block = block_of_session(s);
  bool failed = s->group_failed && !s->finishing;
  struct list *n = first_group_is_over(s) ? behind_first_group(s) : s->inflight.next;

  while (n != &s->inflight) {
    n = walk_group(s, n, failed, &block);
    failed = false;
  }
}

/* Going backwards: what would be committed by something that was sent. */
struct behind {
  bool open, none; /* work of a block that is open here; work outside of one, in this group */
  bool revived;    /* a ROLLBACK TO follows: a ROLLBACK before it may have been skipped */
};

static void pass(struct behind *b, const struct op *op, bool sent) {
  if (op->effect == SQL_ROLLBACK_TO) b->revived = true;
  if (op->effect == SQL_ROLLBACK || (op->effect == SQL_COMMIT && op->block == BLOCK_FAILED)) {
    if (!b->revived) b->open = b->none = false;
  } else if ((op->effect == SQL_COMMIT || op->effect == SQL_UNKNOWN) && op->block != BLOCK_GONE) {
    if (sent) b->open = b->none = true;
  } else if (op->effect == SQL_COMMITS_ITSELF && op->block == BLOCK_NONE) {
    if (sent) b->none = true;
  }
}

/* The Sync of the group that `last` ends: does it commit? */
static bool sync_is_sent(const struct op *last, uint64_t upto) {
  enum { SYNC_SIZE = 5 };
  if (!last->sync) return false;
  if (last->copy_plan == COPY_PLAN_IN) return last->copy_done_at && upto > last->copy_done_at;
  return upto > (last->first_steps == STEP_SCRIPT ? last->begin : last->end - SYNC_SIZE);
}

static void walk_backwards(const struct session *s, uint64_t upto) {
  struct behind behind = {0};

  for (struct list *n = s->inflight.prev; n != &s->inflight; n = n->prev) {
    struct op *op = op_of(n);
    if (op->sync || n->next == &s->inflight) behind.none = sync_is_sent(op, upto);
    pass(&behind, op, upto > op->begin);
    op->in_doubt = op->block == BLOCK_NONE ? behind.none : op->block == BLOCK_OPEN ? behind.open : false;
  }
}

/* The oldest group has failed: all of it was rolled back, but for what a CALL in it may have committed: itself and what
 * stands before it. */
static void judge_failed_group(const struct session *s) {
  bool committed = false;

  for (struct list *n = behind_first_group(s)->prev; n != &s->inflight; n = n->prev) {
    struct op *op = op_of(n);
    bool commits = op->effect == SQL_COMMITS_ITSELF && op->block == BLOCK_NONE;
    if (op->reverted) committed = false;
    op->in_doubt = committed || (commits && op->steps == 0);
    committed = committed || (commits && (op->steps == 0 || op->group_failed_here));
  }
}

void doubt_judge_failed_group(struct session *s) {
  enum op_block block = block_of_session(s);
  (void)walk_group(s, s->inflight.next, true, &block);
  judge_failed_group(s);
}

static void judge_over(const struct session *s) {
  const struct list *end = behind_first_group(s);
  for (struct list *n = s->inflight.next; n != end; n = n->next) op_of(n)->in_doubt = false;
}

static void judge(struct session *s, uint64_t upto) {
  if (s->judged && s->judged_upto == upto) return;
  walk_forwards(s);
  walk_backwards(s, upto);
  if (!list_empty(&s->inflight)) {
    if (first_group_is_over(s))
      judge_over(s);
    else if (s->group_failed && !s->finishing && s->error_is_proof)
      judge_failed_group(s);
  }
  s->judged = true;
  s->judged_upto = upto;
}

static bool may_have_effects(const struct op *op) {
  if (op->read_only || op->first_steps == 0 || op->reverted) return false;
  return op->effect != SQL_BEGIN && op->effect != SQL_ROLLBACK && op->effect != SQL_ROLLBACK_TO;
}

bool doubt_is_possible(const struct op *op) { return !op->settled && may_have_effects(op); }

/* What was answered was sent, whatever the transport has told so far. */
static bool is_unsent(const struct op *op, uint64_t upto) {
  return op->end == 0 || (upto <= op->begin && op->steps == op->first_steps && op->outcome == OP_PENDING);
}

static unsigned flags_of(struct session *s, const struct op *op, uint64_t upto) {
  if (is_unsent(op, upto)) return DSQL_NOT_SENT;
  if (s->refused || s->ride_refused || !doubt_is_possible(op)) return 0;
  judge(s, upto);
  return op->in_doubt ? DSQL_IN_DOUBT : 0;
}

unsigned session_loss_flags(struct session *s, const struct op *op) { return flags_of(s, op, s->sent); }
unsigned session_abandon_flags(struct session *s, const struct op *op) { return flags_of(s, op, s->appended); }

unsigned session_settled_flags(const struct op *op) { return op->settled && may_have_effects(op) ? DSQL_IN_DOUBT : 0; }

/* ---- what an ErrorResponse proves ---- */

static bool state_is(dsql_str state, const char *code) {
  return state.len == 5 && !memcmp(state.ptr, code, strlen(code));
}

/* "The statement's completion is unknown", and connection exceptions: somebody between us and the database says that it
 * does not know either. The server's own complaint about a wrong message is none of these. */
static bool nobody_knows(const uint8_t *body, size_t n, bool from_server) {
  dsql_str state = error_body_field(body, n, 'C');
  if (from_server && state_is(state, "08P01")) return false;
  return state_is(state, "40003") || state_is(state, "08");
}

void doubt_learn(struct session *s, const struct op *culprit, bool fatal, const uint8_t *body, size_t n) {
  /* A server tells the place in its source, in order with its other replies, and does nothing more. A pooler that has
   * lost its server does not, and knows nothing about the order. */
  bool from_server = error_body_field(body, n, 'R').len > 0;
  bool unknown = nobody_knows(body, n, from_server);
  bool ordered = fatal && !unknown && from_server;

  s->judged = false;
  if (ordered) s->fatal_last = true;
  if (s->group_failed) return; /* the first error decides */
  s->error_unknown = unknown;
  /* FATAL is a proof only before the commit point: neither at the Sync, nor from what commits by itself. */
  s->error_is_proof = fatal ? ordered && culprit && !may_commit(culprit) : !unknown;
}
