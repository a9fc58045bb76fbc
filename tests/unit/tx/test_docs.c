/* The tables of docs/transactions.md against the code: what they say about a SQLSTATE is what is decided, and the
 * defaults of the options are those that are applied. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>

#include "docs_table.h"
#include "tx/retry.h"

/* The 5 letters and digits at p that stand alone and have a digit: a SQLSTATE. */
static bool is_state(const char *line, const char *p) {
  bool digit = false;
  for (int i = 0; i < 5; i++) {
    if (!isdigit((unsigned char)p[i]) && !isupper((unsigned char)p[i])) return false;
    digit = digit || isdigit((unsigned char)p[i]);
  }
  return digit && (p == line || !isalnum((unsigned char)p[-1])) && !isalnum((unsigned char)p[5]);
}

static struct retry_verdict decide(const char *state, enum retry_phase phase, unsigned flags, bool dsql, bool ours) {
  static const uint8_t fields[] = "RRevalidateCachedQuery\0";
  struct tx_policy p = {.retries_max = 3, .base_delay_ms = 1, .max_delay_ms = 1, .dsql = dsql};
  struct error e = {.pub = {.code = DSQL_ESERVER, .flags = flags, .message = {"server unavailable", 18}}};
  struct retry_input in = {.error = &e.pub, .phase = phase, .statement_is_ours = ours};
  memcpy(e.pub.sqlstate, state, 5);
  e.fields = fields;
  e.fields_len = sizeof fields;
  in.connection_is_usable = !(flags & DSQL_CONN_LOST);
  return retry_decide(&p, &in);
}

static enum retry_action action_of(const char *action) {
  if (strncmp(action, "failed", 6) == 0) return RETRY_FAIL;
  if (strncmp(action, "again at once, on the same", 26) == 0) return RETRY_SAME;
  return strstr(action, "on a new connection") ? RETRY_NEW : RETRY_ANY;
}

static void check_state(const char *state, const char *where, const char *action) {
  bool doubt = strncmp(where, "in doubt", 8) == 0, unsent = strncmp(where, "not sent", 8) == 0;
  bool lost = action_of(action) == RETRY_NEW;
  enum retry_action want = action_of(action);
  struct retry_verdict v = decide(state, doubt ? RETRY_COMMIT : RETRY_STATEMENT,
                                  unsent ? DSQL_NOT_SENT | DSQL_CONN_LOST
                                  : lost ? DSQL_CONN_LOST
                                         : 0,
                                  true, true);
  if (strncmp(state, "OC001", 5) == 0) want = RETRY_SAME; /* "the first one about the schema" */
  if (strncmp(state, "08P01", 5) == 0) want = RETRY_FAIL; /* "but for" */
  cr_expect_eq((int)v.action, (int)want, "%.5s: the page says \"%s\"", state, action);
  cr_expect_eq(v.in_doubt, doubt, "%.5s in doubt", state);
}

Test(docs, the_table_of_what_is_tried_again) {
  struct docs_table t;
  unsigned states = 0;

  docs_open(&t, "transactions.md", "What is tried again");
  while (docs_row(&t)) {
    char *where = strstr(t.line + 1, " | "), *action = where ? strstr(where + 3, " | ") : NULL;
    if (!where || !action) continue; /* "anything else" has no SQLSTATE */
    for (char *p = t.line; p < where; p++) {
      if (!is_state(t.line, p)) continue;
      check_state(p, where + 3, action + 3);
      states++;
    }
  }
  cr_expect_eq(states, 19, "%u", states);
}

static void option_is(const char *line, const char *name, const char *value) {
  char want[128];
  (void)snprintf(want, sizeof want, "| `%s` | %s", name, value);
  cr_expect(strstr(line, want) == line, "want \"%s\" in %s", want, line);
}

Test(docs, the_table_of_options) {
  struct docs_table t;
  char number[32];
  unsigned rows = 0;
  struct tx_policy p;
  struct fault f;

  fault_clear(&f);
  cr_assert_eq(tx_policy_resolve(NULL, NULL, true, &p, &f), 0);
#define OPTION(name, format, ...)                                                                                      \
  if (strncmp(t.line, "| `" name "`", sizeof("| `" name "`") - 1) == 0) {                                              \
    (void)snprintf(number, sizeof number, format, __VA_ARGS__);                                                        \
    option_is(t.line, name, number);                                                                                   \
    rows++;                                                                                                            \
  }
  docs_open(&t, "transactions.md", "Options");
  while (docs_row(&t)) {
    OPTION("retries_max", "%u |", p.retries_max)
    OPTION("backoff", "%s |", p.full_jitter ? "full jitter" : "exponential")
    OPTION("base_delay_ms", "%.0f |", p.base_delay_ms)
    OPTION("max_delay_ms", "%.0f |", p.max_delay_ms)
    OPTION("jitter", "%.2f |", p.jitter)
    OPTION("deadline_ms", "%s |", p.deadline_ms ? "?" : "none")
    OPTION("attempt_deadline_ms", "none; %u,000 on", p.attempt_deadline_ms / 1000)
    OPTION("isolation", "%s |", tx_policy_begin(&p) + strlen("BEGIN ISOLATION LEVEL "))
    OPTION("scratch_size", "%zu |", p.scratch_size)
  }
  cr_expect_eq(rows, 9, "%u rows", rows);
}
