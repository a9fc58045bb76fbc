/* Every row of the table in tx/retry.h. */
#include <criterion/criterion.h>

#include "tx/retry.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { LOST = DSQL_CONN_LOST, DOUBT = DSQL_IN_DOUBT, UNSENT = DSQL_NOT_SENT };
enum { PLAIN = 0, DSQL = 1, READ_ONLY = 2, IDEMPOTENT = 4, NO_RECONNECT = 8 };
enum { USABLE = 1, OURS = 2, SCHEMA_RETRIED = 4, STATEMENT_RETRIED = 8, PLAN = 16, PARTS = 32 };
enum { STATEMENT = RETRY_STATEMENT, COMMIT = RETRY_COMMIT, FOREIGN = RETRY_FOREIGN, NOBODY = RETRY_NO_CONNECTION };
enum { FAIL = RETRY_FAIL, SAME = RETRY_SAME, ANY = RETRY_ANY, NEW = RETRY_NEW };
enum { NONE = DSQL_CONFLICT_NONE, DATA = DSQL_CONFLICT_DATA, SCHEMA = DSQL_CONFLICT_SCHEMA };

struct row {
  int code;
  const char *state, *message;
  unsigned flags, policy, facts;
  int phase;
  int action;
  int conflict;
  bool delay, counted, in_doubt;
};

#define SERVER DSQL_ESERVER
static const char OC0[] = "change conflicts with another transaction, please retry: (OC000)";
static const char OC1[] = "schema has been updated by another transaction, please retry: (OC001)";

/* clang-format off */
static const struct row rows[] = {
  /* conflicts, anywhere */
  {SERVER, "40001", "could not serialize access", 0, PLAIN, USABLE, STATEMENT, ANY, DATA, true, true, false},
  {SERVER, "40001", OC0, 0, DSQL, USABLE, STATEMENT, ANY, DATA, true, true, false},
  {SERVER, "40001", OC0, 0, DSQL, USABLE, COMMIT, ANY, DATA, true, true, false},
  {SERVER, "40001", OC0, LOST, DSQL, 0, COMMIT, NEW, DATA, true, true, false},
  {SERVER, "40P01", "deadlock detected", 0, PLAIN, USABLE, STATEMENT, ANY, DATA, true, true, false},
  {SERVER, "OC000", "", 0, DSQL, USABLE, COMMIT, ANY, DATA, true, true, false},
  {SERVER, "OC001", "", 0, DSQL, USABLE, COMMIT, SAME, SCHEMA, false, true, false},
  {SERVER, "40001", OC1, 0, DSQL, USABLE, STATEMENT, SAME, SCHEMA, false, true, false},
  {SERVER, "40001", "Schema Has Been UPDATED", 0, DSQL, USABLE, STATEMENT, SAME, SCHEMA, false, true, false},
  {SERVER, "40001", OC1, 0, DSQL, USABLE | SCHEMA_RETRIED, STATEMENT, ANY, SCHEMA, true, true, false},
  {SERVER, "40001", OC1, LOST, DSQL, 0, STATEMENT, NEW, SCHEMA, true, true, false},
  /* of what may have been committed, in part or as a whole */
  {SERVER, "40001", "", 0, PLAIN, USABLE | PARTS, COMMIT, FAIL, DATA, false, true, true},
  {SERVER, "OC001", "", 0, PLAIN, USABLE | PARTS, COMMIT, FAIL, SCHEMA, false, true, true},
  {SERVER, "40001", "", 0, IDEMPOTENT, USABLE | PARTS, COMMIT, ANY, DATA, true, true, true},
  {SERVER, "40001", "", 0, READ_ONLY, USABLE | PARTS, COMMIT, ANY, DATA, true, true, false},
  {SERVER, "40001", "", LOST | DOUBT, PLAIN, 0, COMMIT, FAIL, DATA, false, true, true},
  {SERVER, "23505", "", 0, PLAIN, USABLE | PARTS, COMMIT, FAIL, NONE, false, true, false},
  /* the text alone decides nothing */
  {SERVER, "23505", OC0, 0, DSQL, USABLE, STATEMENT, FAIL, NONE, false, true, false},
  {SERVER, "P0001", "(OC001)", 0, DSQL, USABLE, STATEMENT, FAIL, NONE, false, true, false},
  /* prepared statements of ours */
  {SERVER, "26000", "", 0, PLAIN, USABLE | OURS, STATEMENT, SAME, NONE, false, false, false},
  {SERVER, "42P05", "", 0, PLAIN, USABLE | OURS, STATEMENT, SAME, NONE, false, false, false},
  {SERVER, "0A000", "cached plan", 0, PLAIN, USABLE | OURS | PLAN, STATEMENT, SAME, NONE, false, false, false},
  {SERVER, "0A000", "cached plan", 0, PLAIN, USABLE | OURS, STATEMENT, FAIL, NONE, false, true, false},
  {SERVER, "26000", "", 0, PLAIN, USABLE, STATEMENT, FAIL, NONE, false, true, false},
  {SERVER, "26000", "", 0, PLAIN, USABLE | OURS | STATEMENT_RETRIED, STATEMENT, FAIL, NONE, false, false, false},
  /* XX000 */
  {SERVER, "XX000", "server unavailable", 0, DSQL, USABLE, STATEMENT, ANY, NONE, true, true, false},
  {SERVER, "XX000", "Server Unavailable, try again", 0, DSQL, USABLE, STATEMENT, ANY, NONE, true, true, false},
  {SERVER, "XX000", "server unavailable", 0, DSQL, USABLE, COMMIT, FAIL, NONE, false, true, true},
  {SERVER, "XX000", "server unavailable", 0, DSQL | IDEMPOTENT, USABLE, COMMIT, NEW, NONE, true, true, true},
  {SERVER, "XX000", "server unavailable", 0, DSQL | READ_ONLY, USABLE, COMMIT, ANY, NONE, true, true, false},
  {SERVER, "XX000", "server unavailable", 0, PLAIN, USABLE, STATEMENT, FAIL, NONE, false, true, false},
  {SERVER, "XX000", "cache lookup failed", 0, DSQL, USABLE, STATEMENT, FAIL, NONE, false, true, false},
  {SERVER, "XX000", "the server unavailable", 0, DSQL, USABLE, STATEMENT, FAIL, NONE, false, true, false},
  /* the connection was lost, not in doubt */
  {DSQL_EIO, "", "", LOST, PLAIN, 0, STATEMENT, NEW, NONE, true, true, false},
  {DSQL_ECLOSED, "", "", LOST | UNSENT, PLAIN, 0, STATEMENT, NEW, NONE, true, true, false},
  {DSQL_ETIMEDOUT, "", "", 0, PLAIN, USABLE, STATEMENT, NEW, NONE, true, true, false},
  {SERVER, "57P01", "", LOST, PLAIN, 0, STATEMENT, NEW, NONE, true, true, false},
  {SERVER, "57P02", "", LOST, PLAIN, 0, STATEMENT, NEW, NONE, true, true, false},
  {SERVER, "57P03", "", LOST, PLAIN, 0, STATEMENT, NEW, NONE, true, true, false},
  {SERVER, "57P05", "", LOST, PLAIN, 0, STATEMENT, NEW, NONE, true, true, false},
  {SERVER, "25P03", "", LOST, PLAIN, 0, STATEMENT, NEW, NONE, true, true, false},
  {SERVER, "25P04", "", LOST, PLAIN, 0, STATEMENT, NEW, NONE, true, true, false},
  {SERVER, "08006", "", LOST, PLAIN, 0, STATEMENT, NEW, NONE, true, true, false},
  {SERVER, "08007", "", 0, PLAIN, USABLE, STATEMENT, NEW, NONE, true, true, false},
  {SERVER, "40003", "", 0, PLAIN, USABLE, STATEMENT, NEW, NONE, true, true, false},
  {DSQL_EIO, "", "", LOST, PLAIN, 0, COMMIT, NEW, NONE, true, true, false},
  {DSQL_EIO, "", "", LOST, NO_RECONNECT, 0, STATEMENT, FAIL, NONE, false, true, false},
  {SERVER, "40001", "", 0, NO_RECONNECT, USABLE, STATEMENT, ANY, DATA, true, true, false},
  {SERVER, "08P01", "invalid message length", 0, PLAIN, USABLE, STATEMENT, FAIL, NONE, false, true, false},
  /* no room for a connection */
  {SERVER, "53300", "", LOST | UNSENT, PLAIN, 0, STATEMENT, NEW, NONE, true, true, false},
  {SERVER, "53400", "", LOST | UNSENT, PLAIN, 0, STATEMENT, NEW, NONE, true, true, false},
  {SERVER, "53400", "", 0, PLAIN, USABLE, STATEMENT, FAIL, NONE, false, true, false},
  /* in doubt */
  {DSQL_EIO, "", "", LOST | DOUBT, PLAIN, 0, COMMIT, FAIL, NONE, false, true, true},
  {DSQL_ETIMEDOUT, "", "", DOUBT, PLAIN, 0, COMMIT, FAIL, NONE, false, true, true},
  {SERVER, "57P01", "", LOST | DOUBT, PLAIN, 0, COMMIT, FAIL, NONE, false, true, true},
  {SERVER, "40003", "", 0, PLAIN, USABLE, COMMIT, FAIL, NONE, false, true, true},
  {SERVER, "08007", "", 0, PLAIN, USABLE, COMMIT, FAIL, NONE, false, true, true},
  {DSQL_EIO, "", "", LOST | DOUBT, IDEMPOTENT, 0, COMMIT, NEW, NONE, true, true, true},
  {DSQL_EIO, "", "", LOST | DOUBT, READ_ONLY, 0, COMMIT, NEW, NONE, true, true, false},
  {DSQL_EIO, "", "", LOST | DOUBT, NO_RECONNECT, 0, COMMIT, FAIL, NONE, false, true, true},
  /* anything else */
  {SERVER, "23505", "", 0, PLAIN, USABLE, STATEMENT, FAIL, NONE, false, true, false},
  {SERVER, "25P02", "", 0, PLAIN, USABLE, STATEMENT, FAIL, NONE, false, true, false},
  {SERVER, "42601", "", 0, DSQL, USABLE, STATEMENT, FAIL, NONE, false, true, false},
  {DSQL_ENOMEM, "", "", 0, PLAIN, USABLE, STATEMENT, FAIL, NONE, false, true, false},
  {DSQL_EINVAL, "", "", 0, PLAIN, USABLE, STATEMENT, FAIL, NONE, false, true, false},
  {DSQL_EROLLBACK, "", "", DSQL_ROLLED_BACK, PLAIN, USABLE, COMMIT, FAIL, NONE, false, true, false},
  {DSQL_EPROTO, "", "", LOST, PLAIN, 0, STATEMENT, FAIL, NONE, false, true, false},
  {DSQL_EAUTH, "28P01", "", LOST | UNSENT, PLAIN, 0, STATEMENT, FAIL, NONE, false, true, false},
  {DSQL_ECANCELED, "", "", 0, PLAIN, USABLE, STATEMENT, FAIL, NONE, false, true, false},
  /* not of this transaction, whatever it is */
  {SERVER, "40001", OC0, 0, DSQL, USABLE, FOREIGN, FAIL, NONE, false, false, false},
  {DSQL_EIO, "", "", LOST, PLAIN, USABLE, FOREIGN, FAIL, NONE, false, false, false},
  {DSQL_EABORT, "", "", 0, PLAIN, USABLE, FOREIGN, FAIL, NONE, false, false, false},
  {DSQL_ETIMEDOUT, "", "", UNSENT, PLAIN, 0, NOBODY, FAIL, NONE, false, false, false},
  {DSQL_EIO, "", "", 0, PLAIN, 0, NOBODY, FAIL, NONE, false, false, false},
};
/* clang-format on */

struct made {
  struct error error;
  uint8_t fields[128];
};

static void make_error(struct made *m, const struct row *r) {
  static const char plan[] = "C0A000\0RRevalidateCachedQuery\0";
  *m = (struct made){
      .error = {.pub = {.code = r->code, .flags = r->flags, .message = {r->message, strlen(r->message)}}}};
  memcpy(m->error.pub.sqlstate, r->state, strlen(r->state) + 1);
  if (!(r->facts & PLAN)) return;
  memcpy(m->fields, plan, sizeof plan);
  m->error.fields = m->fields;
  m->error.fields_len = sizeof plan;
}

static struct tx_policy policy_of(unsigned bits) {
  struct tx_policy p = {.retries_max = 3, .base_delay_ms = 10, .max_delay_ms = 100, .jitter = 0.25};
  p.dsql = bits & DSQL;
  p.read_only = bits & READ_ONLY;
  p.idempotent = bits & IDEMPOTENT;
  p.no_reconnect = bits & NO_RECONNECT;
  return p;
}

static struct retry_input input_of(const struct row *r, const struct made *m) {
  return (struct retry_input){.error = &m->error.pub,
                              .phase = (enum retry_phase)r->phase,
                              .schema_retried = r->facts & SCHEMA_RETRIED,
                              .statement_retried = r->facts & STATEMENT_RETRIED,
                              .statement_is_ours = r->facts & OURS,
                              .in_parts = r->facts & PARTS,
                              .connection_is_usable = r->facts & USABLE};
}

Test(retry, every_row_of_the_table) {
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct row *r = &rows[i];
    struct made m;
    struct tx_policy p = policy_of(r->policy);
    struct retry_input in;
    struct retry_verdict v;
    make_error(&m, r);
    in = input_of(r, &m);
    v = retry_decide(&p, &in);
    cr_expect_eq((int)v.action, r->action, "row %zu: action %d, want %d", i, (int)v.action, r->action);
    cr_expect_eq((int)v.conflict, r->conflict, "row %zu: conflict %d", i, (int)v.conflict);
    cr_expect_eq(v.delay_ms, r->delay ? 10u : 0u, "row %zu: delay %u", i, v.delay_ms);
    cr_expect_eq(v.counted, r->counted, "row %zu: counted", i);
    cr_expect_eq(v.in_doubt, r->in_doubt, "row %zu: in doubt", i);
  }
}

/* Used up, every row fails; but what is not counted. */
Test(retry, ends_when_the_retries_are_used_up) {
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct row *r = &rows[i];
    struct made m;
    struct tx_policy p = policy_of(r->policy);
    struct retry_input in;
    make_error(&m, r);
    in = input_of(r, &m);
    in.retries = 2;
    cr_expect_eq((int)retry_decide(&p, &in).action, r->action, "row %zu", i);
    in.retries = 3;
    cr_expect_eq((int)retry_decide(&p, &in).action, r->counted ? FAIL : r->action, "row %zu", i);
    cr_expect_eq(retry_decide(&p, &in).delay_ms, 0u, "row %zu", i);
  }
}

Test(retry, none_is_none) {
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct made m;
    struct tx_policy p = policy_of(rows[i].policy);
    struct retry_input in;
    make_error(&m, &rows[i]);
    in = input_of(&rows[i], &m);
    p.retries_max = 0;
    if (rows[i].counted) cr_expect_eq((int)retry_decide(&p, &in).action, FAIL, "row %zu", i);
  }
}

Test(retry, no_delay_outlasts_the_deadline) {
  struct made m;
  struct tx_policy p = policy_of(0);
  struct retry_input in;
  make_error(&m, &rows[0]);
  in = input_of(&rows[0], &m);
  p.deadline_ms = 1000;
  in.elapsed_ms = 989;
  cr_expect_eq((int)retry_decide(&p, &in).action, ANY);
  in.elapsed_ms = 990;
  cr_expect_eq((int)retry_decide(&p, &in).action, FAIL);
}

Test(retry, a_conflict_of_no_error_is_none) { cr_expect_eq((int)dsql_error_conflict(NULL), NONE); }
