#include "tx/retry.h"

/* ---- delays ---- */

enum { DOUBLINGS_MAX = 31 };

double retry_delay_ms(const struct tx_policy *p, unsigned n, double u) {
  unsigned doublings = n < 1 ? 0 : n - 1 < DOUBLINGS_MAX ? n - 1 : DOUBLINGS_MAX;
  double delay = p->base_delay_ms * (double)(UINT64_C(1) << doublings);

  if (delay > p->max_delay_ms) delay = p->max_delay_ms;
  return p->full_jitter ? delay * u : delay + delay * u * p->jitter;
}

uint32_t retry_delay_rounded_ms(const struct tx_policy *p, unsigned n, uint64_t random) {
  double u = (double)(random >> 11) * 0x1p-53;
  double delay = retry_delay_ms(p, n, u) + (double)(random & 0x7ff) * 0x1p-11;
  return delay < (double)UINT32_MAX ? (uint32_t)delay : UINT32_MAX;
}

/* ---- what an error is ---- */

static bool state_is(const dsql_error *e, const char *state) { return strncmp(e->sqlstate, state, 5) == 0; }

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

static bool has_at(dsql_str s, size_t at, const char *part, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (lower(s.ptr[at + i]) != lower(part[i])) return false;
  return true;
}

static bool failed_in(const dsql_error *e, const char *state, const char *routine) {
  dsql_str r = dsql_error_field(e, 'R');
  return state_is(e, state) && r.len == strlen(routine) && memcmp(r.ptr, routine, r.len) == 0;
}

static bool is_statement_lost(const struct retry_input *in) {
  const dsql_error *e = in->error;
  return in->statement_is_ours &&
         (state_is(e, "26000") || state_is(e, "42P05") || failed_in(e, "0A000", "RevalidateCachedQuery") ||
          failed_in(e, "08P01", "exec_bind_message") || failed_in(e, "42883", "getTypeBinaryOutputInfo"));
}

static bool is_unavailable(const struct tx_policy *p, const dsql_error *e) {
  return p->dsql && state_is(e, "XX000") && e->message.len >= 18 && has_at(e->message, 0, "server unavailable", 18);
}

static bool is_lost(const dsql_error *e) {
  static const char states[][6] = {"57P01", "57P02", "57P03", "57P05", "25P03", "25P04"};

  if (e->code == DSQL_EIO || e->code == DSQL_ECLOSED || e->code == DSQL_ETIMEDOUT) return true;
  if (e->code != DSQL_ESERVER) return false;
  /* The server's complaint about a wrong message would come again. */
  if (strncmp(e->sqlstate, "08", 2) == 0) return !state_is(e, "08P01");
  for (size_t i = 0; i < sizeof states / sizeof *states; i++)
    if (state_is(e, states[i])) return true;
  return false;
}

/* A connection that could not be made any more, found out by the statements that rode along. */
static bool is_full(const dsql_error *e) {
  return (e->flags & DSQL_NOT_SENT || e->flags & DSQL_CONN_LOST) && (state_is(e, "53300") || state_is(e, "53400"));
}

static bool is_unknown(const dsql_error *e) { return state_is(e, "40003") || state_is(e, "08007"); }

static bool is_in_doubt(const struct tx_policy *p, const struct retry_input *in) {
  if (p->read_only) return false;
  if (in->error->flags & DSQL_IN_DOUBT || (in->in_parts && dsql_error_conflict(in->error))) return true;
  return in->phase == RETRY_COMMIT && (is_unknown(in->error) || is_unavailable(p, in->error));
}

/* ---- the table ---- */

static void classify(const struct tx_policy *p, const struct retry_input *in, struct retry_verdict *v) {
  const dsql_error *e = in->error;

  v->counted = true;
  v->conflict = dsql_error_conflict(e);
  v->in_doubt = is_in_doubt(p, in);
  if (v->conflict && v->in_doubt && !p->idempotent) {
    v->action = RETRY_FAIL;
  } else if (v->conflict == DSQL_CONFLICT_SCHEMA && !in->schema_retried && in->connection_is_usable) {
    v->action = RETRY_SAME;
    v->for_schema = true;
  } else if (v->conflict) {
    v->action = RETRY_ANY;
  } else if (is_statement_lost(in) && in->phase != RETRY_COMMIT) {
    v->action = !in->statement_retried && in->connection_is_usable ? RETRY_SAME : RETRY_FAIL;
    v->for_statement = true;
    v->counted = false;
  } else if (v->in_doubt) {
    v->action = p->idempotent ? RETRY_NEW : RETRY_FAIL;
  } else if (is_unavailable(p, e)) {
    v->action = RETRY_ANY;
  } else if (is_lost(e) || is_full(e) || is_unknown(e)) {
    v->action = p->no_reconnect ? RETRY_FAIL : RETRY_NEW;
  }
}

struct retry_verdict retry_decide(const struct tx_policy *p, const struct retry_input *in) {
  struct retry_verdict v = {.action = RETRY_FAIL};

  if (in->phase == RETRY_FOREIGN || in->phase == RETRY_NO_CONNECTION) {
    v.conflict = in->phase == RETRY_FOREIGN ? DSQL_CONFLICT_NONE : dsql_error_conflict(in->error);
    return v;
  }
  classify(p, in, &v);
  if (v.action == RETRY_ANY && !in->connection_is_usable) v.action = RETRY_NEW;
  if (v.action == RETRY_FAIL) return v;
  if (v.counted && in->retries >= p->retries_max) v.action = RETRY_FAIL;
  if (!v.for_schema && !v.for_statement) v.delay_ms = retry_delay_rounded_ms(p, in->retries + 1, in->random);
  if (p->deadline_ms && in->elapsed_ms + v.delay_ms >= p->deadline_ms) v.action = RETRY_FAIL;
  if (v.action == RETRY_FAIL) v.delay_ms = 0;
  return v;
}
