#include "tx/options.h"

#include <stddef.h>

void dsql_tx_options_init_sized(dsql_tx_options *o, size_t size) {
  if (!o || size < sizeof o->size) return;
  memset(o, 0, size);
  o->size = size;
}

/* The oldest struct had all fields up to here. */
enum { OPTIONS_SIZE_MIN = offsetof(dsql_tx_options, observer_arg) + sizeof(void *) };

static int check_one(const dsql_tx_options *o, struct fault *f) {
  if (o->size < OPTIONS_SIZE_MIN)
    return fault_set(f, DSQL_EINVAL, "dsql_tx_options.size is %zu: initialise the struct with dsql_tx_options_init()",
                     o->size);
  if (o->retries_max < DSQL_NO_RETRY || o->retries_max > TX_RETRIES_MAX)
    return fault_set(f, DSQL_EINVAL, "dsql_tx_options.retries_max is %d; it takes 1 to %d, or DSQL_NO_RETRY",
                     o->retries_max, TX_RETRIES_MAX);
  if (!(o->jitter <= 1.0) || (o->jitter < 0 && o->jitter != DSQL_NO_JITTER)) /* not a number, too */
    return fault_set(f, DSQL_EINVAL, "dsql_tx_options.jitter is a part of the delay: 0 to 1, or DSQL_NO_JITTER");
  if ((int)o->backoff < DSQL_BACKOFF_DEFAULT || o->backoff > DSQL_BACKOFF_FULL_JITTER)
    return fault_set(f, DSQL_EINVAL, "dsql_tx_options.backoff is %d, which is no enum dsql_backoff", (int)o->backoff);
  if ((int)o->isolation < DSQL_ISOLATION_DEFAULT || o->isolation > DSQL_READ_COMMITTED)
    return fault_set(f, DSQL_EINVAL, "dsql_tx_options.isolation is %d, which is no enum dsql_isolation",
                     (int)o->isolation);
  return 0;
}

/* What the call sets wins over what the pool sets. */
static void merge(dsql_tx_options *to, const dsql_tx_options *from) {
  if (from->scratch_size) to->scratch_size = from->scratch_size;
  if (from->retries_max) to->retries_max = from->retries_max;
  if (from->backoff) to->backoff = from->backoff;
  if (from->base_delay_ms) to->base_delay_ms = from->base_delay_ms;
  if (from->max_delay_ms) to->max_delay_ms = from->max_delay_ms;
  if (from->jitter < 0 || from->jitter > 0) to->jitter = from->jitter;
  if (from->deadline_ms) to->deadline_ms = from->deadline_ms;
  if (from->attempt_deadline_ms) to->attempt_deadline_ms = from->attempt_deadline_ms;
  if (from->isolation) to->isolation = from->isolation;
  to->read_only = to->read_only || from->read_only;
  to->idempotent = to->idempotent || from->idempotent;
  to->no_reconnect = to->no_reconnect || from->no_reconnect;
  if (!from->observer) return;
  to->observer = from->observer;
  to->observer_arg = from->observer_arg;
}

static uint32_t deadline_of(uint32_t given, uint32_t otherwise) {
  if (given == DSQL_NO_DEADLINE) return 0;
  return given ? given : otherwise;
}

static void apply(const dsql_tx_options *o, struct tx_policy *out) {
  out->scratch_size = o->scratch_size;
  out->retries_max = o->retries_max == DSQL_NO_RETRY ? 0 : o->retries_max ? (unsigned)o->retries_max : 3;
  out->full_jitter = o->backoff == DSQL_BACKOFF_FULL_JITTER;
  out->base_delay_ms = o->base_delay_ms ? o->base_delay_ms : 1;
  out->max_delay_ms = o->max_delay_ms ? o->max_delay_ms : 100;
  if (!o->max_delay_ms && out->max_delay_ms < out->base_delay_ms) out->max_delay_ms = out->base_delay_ms;
  out->jitter = o->jitter < 0 ? 0 : o->jitter > 0 ? o->jitter : 0.25;
  out->deadline_ms = deadline_of(o->deadline_ms, 0);
  out->attempt_deadline_ms = deadline_of(o->attempt_deadline_ms, out->dsql ? TX_DSQL_ATTEMPT_DEADLINE_MS : 0);
  out->isolation = o->isolation ? o->isolation : DSQL_REPEATABLE_READ;
  out->read_only = o->read_only;
  out->idempotent = o->idempotent;
  out->no_reconnect = o->no_reconnect;
  out->observer = o->observer;
  out->observer_arg = o->observer_arg;
}

static int check_whole(const struct tx_policy *p, struct fault *f) {
  if (p->max_delay_ms < p->base_delay_ms)
    return fault_set(f, DSQL_EINVAL, "dsql_tx_options.max_delay_ms is %.0f, below base_delay_ms, which is %.0f",
                     p->max_delay_ms, p->base_delay_ms);
  if (p->dsql && p->isolation != DSQL_REPEATABLE_READ)
    return fault_set(f, DSQL_EUNSUPPORTED,
                     "Aurora DSQL has no isolation level but REPEATABLE READ; leave dsql_tx_options.isolation out");
  return 0;
}

int tx_policy_resolve(const dsql_tx_options *call, const dsql_tx_options *pool, bool dsql, struct tx_policy *out,
                      struct fault *f) {
  dsql_tx_options all = {.size = sizeof all};

  *out = (struct tx_policy){.dsql = dsql};
  if ((pool && check_one(pool, f)) || (call && check_one(call, f))) return f->code;
  if (pool) merge(&all, pool);
  if (call) merge(&all, call);
  apply(&all, out);
  return check_whole(out, f);
}

const char *tx_policy_begin(const struct tx_policy *p) {
  static const char *const texts[][2] = {
      [DSQL_REPEATABLE_READ] = {"BEGIN ISOLATION LEVEL REPEATABLE READ",
                                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"},
      [DSQL_SERIALIZABLE] = {"BEGIN ISOLATION LEVEL SERIALIZABLE", "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY"},
      [DSQL_READ_COMMITTED] = {"BEGIN ISOLATION LEVEL READ COMMITTED",
                               "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"},
  };
  return texts[p->isolation][p->read_only];
}
