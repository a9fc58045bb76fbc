#include "internal.h"

/* What a hit means, and its text. */
static enum fate fate_of_hit(const struct fault_hit *hit, struct relay_refusal *out) {
  switch (hit->kind) {
    case FAULT_OCC: refusal_occ(out); return FATE_FAIL;
    case FAULT_SCHEMA: refusal_schema(out); return FATE_FAIL;
    case FAULT_UNAVAILABLE: refusal_unavailable(out); return hit->applied ? FATE_DENY : FATE_FAIL;
    case FAULT_ROLLBACK: return FATE_ROLL_BACK;
    case FAULT_CLOSE: return hit->applied ? FATE_CLOSE_AFTER : FATE_CLOSE_BEFORE;
    default: return FATE_PASS;
  }
}

/* Each message has one chance at each point; while it waits (a stall), the outcome is kept. */
static enum fate roll(struct relay *r, enum fault_point point, bool implicit, uint64_t now_ms,
                      struct relay_refusal *out) {
  if (!r->rolled[point]) {
    r->rolled[point] = true;
    r->hit[point] = implicit ? faults_roll_implicit(&r->world->faults) : faults_roll(&r->world->faults, point);
    if (r->hit[point].stall_ms) r->stall_until_ms = now_ms + r->hit[point].stall_ms;
  }
  if (now_ms < r->stall_until_ms) return FATE_HOLD;
  return fate_of_hit(&r->hit[point], out);
}

static bool aged(const struct relay *r, uint64_t now_ms) {
  uint64_t limit = r->options.tx_age_limit_ms;
  return limit && r->block && now_ms > r->block_since_ms && now_ms - r->block_since_ms > limit;
}

static enum fate fail_schema(struct relay *r, struct relay_refusal *out) {
  r->catalog_seen = r->world->catalog;
  refusal_schema(out);
  return FATE_FAIL;
}

static enum fate fail_aged(const struct relay *r, uint64_t now_ms, struct relay_refusal *out) {
  refusal_age(out, now_ms - r->block_since_ms, r->options.tx_age_limit_ms);
  return FATE_FAIL;
}

enum fate fate_of_statement(struct relay *r, unsigned effect, bool chance, uint64_t now_ms, struct relay_refusal *out) {
  if (r->tx_status == 'E' || (effect & (EFFECT_COMMITS | EFFECT_ROLLS_BACK))) return FATE_PASS;
  if (!(effect & EFFECT_SETS) && r->catalog_seen != r->world->catalog) return fail_schema(r, out);
  if (aged(r, now_ms)) return fail_aged(r, now_ms, out);
  return chance ? roll(r, FAULT_AT_STATEMENT, false, now_ms, out) : FATE_PASS;
}

bool fate_may_stop_commit(const struct relay *r, uint64_t now_ms) {
  return faults_at(&r->world->faults, FAULT_AT_COMMIT) || r->catalog_seen != r->world->catalog || aged(r, now_ms);
}

enum fate fate_of_commit(struct relay *r, bool in_block, uint64_t now_ms, struct relay_refusal *out) {
  if (r->tx_status == 'E') return FATE_PASS; /* a COMMIT that rolls back */
  if (in_block && r->block && r->catalog_seen != r->world->catalog) return fail_schema(r, out);
  if (in_block && aged(r, now_ms)) return fail_aged(r, now_ms, out);
  return roll(r, FAULT_AT_COMMIT, !in_block, now_ms, out);
}

bool fate_drained(struct relay *r) {
  if (!queue_head(r)) return true;
  if (!r->flushed && !queue_ends_group(r)) wire_flush(&r->to_server);
  r->flushed = true;
  return false;
}
