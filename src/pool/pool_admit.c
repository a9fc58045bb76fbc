/* Whether another connection is opened, and when. */
#include "pool/pool_state.h"

static bool wants_connect(const struct pool_state *s) {
  uint32_t open = pool_state_open(s) + s->ridden, wanted = s->waiting_count;

  if (s->limits.conns_min > open && s->limits.conns_min - open > wanted) wanted = s->limits.conns_min - open;
  if (s->to_replace > wanted) wanted = s->to_replace;
  return !s->closing && s->connecting - s->ridden < wanted && pool_state_total(s) < s->limits.conns_max &&
         s->connecting < s->limits.connects_max && !(s->failures && s->connecting);
}

static void refill(struct pool_state *s, uint64_t now_ms) {
  uint64_t most = (uint64_t)s->limits.connects_burst * POOL_TOKEN, elapsed = now_ms - s->tokens_ms;

  s->tokens_ms = now_ms;
  if (elapsed > most) elapsed = most; /* a thousandth per millisecond is the least */
  s->tokens += elapsed * s->limits.connects_per_s;
  if (s->tokens > most) s->tokens = most;
}

bool pool_admit(struct pool_state *s, uint64_t now_ms, struct pool_action *out) {
  if (!wants_connect(s) || (s->failures && now_ms < s->probe_ms)) return false;
  refill(s, now_ms);
  if (s->tokens < POOL_TOKEN) return false;
  s->tokens -= POOL_TOKEN;
  s->connecting++;
  out->type = POOL_ACTION_CONNECT;
  out->generation = s->generation;
  return true;
}

uint64_t pool_admit_due_ms(const struct pool_state *s) {
  uint64_t due = s->tokens_ms;

  if (!wants_connect(s)) return POOL_NEVER;
  if (s->tokens < POOL_TOKEN) due += (POOL_TOKEN - s->tokens + s->limits.connects_per_s - 1) / s->limits.connects_per_s;
  return s->failures && s->probe_ms > due ? s->probe_ms : due;
}
