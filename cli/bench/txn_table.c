#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/txn.h"
#include "diagnostics.h"
#include "query.h"
#include "tool.h"

enum { ROWS_AT_A_TIME = 500 }; /* DSQL changes 3,000 rows in one transaction at most */

static int statement(struct txn_bench *t, const char *sql) {
  return bench_must(t->bench, dsql_retry_statement(t->pool, sql, DSQL_NO_PARAMS, NULL), sql);
}

static int quote(struct txn_bench *t) {
  const char *name = t->bench->args->table;
  size_t n = strlen(name), length;

  if (n <= 63 && dsql_quote_identifier(name, n, t->table, sizeof t->table, &length) == 0) return EXIT_OK;
  diagnostics_say("bench: --table is a name of 1 to 63 bytes in UTF-8");
  return EXIT_USAGE;
}

static int seed(struct txn_bench *t, uint64_t first, uint64_t n) {
  size_t size = TXN_SQL_SIZE + (size_t)n * 32, at;
  char *sql = malloc(size);
  int code;

  if (!sql) return tool_failed(DSQL_ENOMEM, NULL);
  at = (size_t)snprintf(sql, size, "insert into %s values ", t->table);
  for (uint64_t id = first; id < first + n; id++)
    at += (size_t)snprintf(sql + at, size - at, "%s(%llu,%d)", id == first ? "" : ",", (unsigned long long)id,
                           TXN_BALANCE);
  code = statement(t, sql);
  free(sql);
  return code;
}

int txn_table_make(struct txn_bench *t) {
  uint64_t accounts = t->bench->args->accounts;
  char sql[TXN_SQL_SIZE];
  int code = quote(t);

  if (code) return code;
  (void)snprintf(sql, sizeof sql, "create table %s (id bigint primary key, balance bigint not null)", t->table);
  code = statement(t, sql);
  if (code && !t->bench->interrupted)
    diagnostics_say("bench: a table that is left from an earlier run can be dropped, or use another --table");
  if (code) return code;
  t->made = true;
  for (uint64_t i = 0; i < accounts && !code; i += ROWS_AT_A_TIME)
    code = seed(t, i, accounts - i < ROWS_AT_A_TIME ? accounts - i : ROWS_AT_A_TIME);
  return code;
}

static int read_sums(struct txn_bench *t, int64_t *accounts, int64_t *money) {
  char sql[TXN_SQL_SIZE];
  const dsql_result *r;
  dsql_future *f;
  int code;

  (void)snprintf(sql, sizeof sql, "select count(*), coalesce(sum(balance), 0)::bigint from %s", t->table);
  f = dsql_pool_query(t->pool, sql, DSQL_NO_PARAMS, NULL);
  code = dsql_future_run(f); /* also behind a Ctrl-C */
  if (code == 0) code = dsql_future_result(f, &r);
  if (code == 0) code = dsql_get_int8(r, 0, 0, accounts);
  if (code == 0) code = dsql_get_int8(r, 0, 1, money);
  if (code) (void)tool_failed(code, dsql_future_error(f));
  dsql_future_destroy(f);
  return code ? EXIT_FAILED : EXIT_OK;
}

int txn_table_check(struct txn_bench *t) {
  int64_t accounts, money, expected = (int64_t)t->bench->args->accounts;
  int code = read_sums(t, &accounts, &money);

  if (code) return code;
  if (accounts == expected && money == expected * TXN_BALANCE) {
    report_note(&t->bench->report, "Checked: %lld accounts hold %lld, as at the beginning.", (long long)accounts,
                (long long)money);
    return EXIT_OK;
  }
  diagnostics_say("bench: WRONG: %lld accounts hold %lld, but %lld with %lld in all were made", (long long)accounts,
                  (long long)money, (long long)expected, (long long)expected * TXN_BALANCE);
  report_note(&t->bench->report, "WRONG: %lld accounts hold %lld, but %lld with %lld in all were made.",
              (long long)accounts, (long long)money, (long long)expected, (long long)expected * TXN_BALANCE);
  return EXIT_FAILED;
}

int txn_table_drop(struct txn_bench *t) {
  char sql[TXN_SQL_SIZE];

  (void)snprintf(sql, sizeof sql, "drop table %s", t->table);
  return statement(t, sql);
}
