/* Thousands of transfers between few accounts while the server fails in every way it knows (run_storm, which compares
 * the number of doubts with the faults that were injected). Each writes a line with its unique id into the ledger; at
 * the end the ledger says what really happened to it, once, twice or not at all, and the balances say the same. */
#include <stdio.h>
#include <stdlib.h>

#include "client.h"

enum { ACCOUNTS = 16, FLIGHTS = 32, BALANCE = 1000, CENTS_MAX = 100, TRANSFERS_MAX = 10000, NO_FUNDS = 1 };

enum verdict { PENDING, DONE, FAILED, DOUBTFUL, VERDICTS };

static struct transfer {
  int64_t id, from, to, cents;
  enum verdict verdict;
  unsigned lines; /* in the ledger */
} transfers[TRANSFERS_MAX];

static struct client x;
static dsql_pool *pool;
static dsql_stmt *read_balance, *set_balance, *credit, *write_line;
static size_t count, started, flying;
static unsigned doubts, setup_doubts, verdicts[VERDICTS], sqlstates_40001, attempts;

static uint64_t random_state = 20251121;
static uint64_t next_random(void) { /* splitmix64 */
  uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* ---- one transfer ---- */

static void queue_credit(dsql_tx *tx, const struct transfer *t) {
  (void)dsql_tx_query_stmt(tx, credit, DSQL_PARAMS(dsql_int8(t->cents), dsql_int8(t->to)));
}

static void queue_debit(dsql_tx *tx, const struct transfer *t, int64_t balance) {
  (void)dsql_tx_query_stmt(tx, set_balance, DSQL_PARAMS(dsql_int8(balance - t->cents), dsql_int8(t->from)));
}

/* The balance is written from what was read: a conflict that is overlooked is a wrong sum. Rows are locked in one order,
 * so that the server does not have to look for deadlocks. */
static dsql_step move(dsql_tx *tx, const void *in, void *scratch) {
  const struct transfer *t = in;
  int64_t balance;

  (void)scratch;
  if (dsql_tx_step(tx) == 0) {
    attempts++;
    (void)dsql_tx_query_stmt(tx, read_balance, DSQL_PARAMS(dsql_int8(t->from)));
    return DSQL_WAIT;
  }
  if (dsql_get_int8(dsql_tx_result(tx, 0), 0, 0, &balance)) return dsql_tx_abort(tx, NO_FUNDS + 1);
  if (balance < t->cents) return dsql_tx_abort(tx, NO_FUNDS);
  if (t->from > t->to) queue_credit(tx, t);
  queue_debit(tx, t, balance);
  if (t->from < t->to) queue_credit(tx, t);
  (void)dsql_tx_query_stmt(tx, write_line,
                           DSQL_PARAMS(dsql_int8(t->id), dsql_int8(t->from), dsql_int8(t->to), dsql_int8(t->cents)));
  return DSQL_COMMIT;
}

static void start_next(void);

static void on_end(dsql_future *f, void *arg) {
  struct transfer *t = arg;
  const dsql_error *e = dsql_future_error(f);

  t->verdict = !e ? DONE : e->flags & DSQL_IN_DOUBT ? DOUBTFUL : FAILED;
  if (e && strcmp(e->sqlstate, "40001") == 0) sqlstates_40001++;
  if (t->verdict == DOUBTFUL) doubts++;
  verdicts[t->verdict]++;
  dsql_future_destroy(f);
  flying--;
  start_next();
}

static void start_next(void) {
  struct transfer *t;
  dsql_future *f;

  if (started == count) return;
  t = &transfers[started++];
  t->id = (int64_t)started;
  t->from = (int64_t)(next_random() % ACCOUNTS);
  t->to = (t->from + 1 + (int64_t)(next_random() % (ACCOUNTS - 1))) % ACCOUNTS;
  t->cents = 1 + (int64_t)(next_random() % CENTS_MAX);
  f = dsql_run_transaction(pool, move, t, NULL);
  cr_assert_eq(dsql_future_on_ready(f, on_end, t), 0);
  flying++;
}

/* ---- before and after ---- */

/* Repeats what does no harm when it is done twice, until it is done. */
static dsql_future *insist(const char *sql, bool read_only) {
  dsql_tx_options o;
  dsql_future *f;

  dsql_tx_options_init(&o);
  o.retries_max = 100;
  o.read_only = read_only;
  for (int i = 0; i < 100; i++) {
    f = dsql_retry_statement(pool, sql, DSQL_NO_PARAMS, &o);
    if (dsql_future_run(f) == 0) return f;
    if (!(dsql_future_error(f)->flags & DSQL_IN_DOUBT)) break;
    setup_doubts++;
    dsql_future_destroy(f);
  }
  cr_assert_fail("%s: %s", sql, client_error_text(f));
  return NULL;
}

static void insist_write(const char *sql) { dsql_future_destroy(insist(sql, false)); }

static int64_t insist_number(const char *sql) {
  dsql_future *f = insist(sql, true);
  int64_t n = -1;
  cr_assert_eq(dsql_get_int8(client_rows(f), 0, 0, &n), 0);
  dsql_future_destroy(f);
  return n;
}

static void make_tables(void) {
  char sql[200];
  insist_write("create table if not exists account(id bigint primary key, balance bigint not null)");
  insist_write("create table if not exists ledger(line uuid primary key default gen_random_uuid(), id bigint not null, "
               "debit bigint not null, credit bigint not null, cents bigint not null)");
  (void)snprintf(sql, sizeof sql,
                 "insert into account select i, %d from generate_series(0, %d) i on conflict (id) do nothing", BALANCE,
                 ACCOUNTS - 1);
  insist_write(sql);
}

static void prepare(void) {
  static const struct {
    dsql_stmt **stmt;
    const char *sql;
  } all[] = {{&read_balance, "select balance from account where id = $1"},
             {&set_balance, "update account set balance = $1 where id = $2"},
             {&credit, "update account set balance = balance + $1 where id = $2"},
             {&write_line, "insert into ledger (id, debit, credit, cents) values ($1, $2, $3, $4)"}};
  for (size_t i = 0; i < COUNT(all); i++) cr_assert_eq(dsql_stmt_new(all[i].stmt, x.rt, all[i].sql, NULL, 0), 0);
}

static void open_all(void) {
  dsql_pool_config c;
  dsql_tx_options o;
  dsql_target *t;

  client_open(&x);
  t = client_target(&x, "%s", getenv("DSQL_TX_TARGET"));
  dsql_pool_config_init(&c);
  dsql_tx_options_init(&o);
  o.backoff = DSQL_BACKOFF_FULL_JITTER;
  o.retries_max = 5; /* so that some are used up: what fails for good leaves nothing behind either */
  c.conns_max = 8;
  c.connects_per_s = 10000;
  c.tx = &o;
  cr_assert_eq(dsql_pool_new(&pool, x.rt, t, &c), 0);
  dsql_target_free(t);
  make_tables();
  prepare();
}

static void close_all(void) {
  dsql_stmt *all[] = {read_balance, set_balance, credit, write_line};
  for (size_t i = 0; i < COUNT(all); i++) dsql_stmt_free(all[i]);
  cr_expect_eq(client_settle(dsql_pool_close(pool, 1000)), 0);
  client_close(&x);
}

/* ---- what really happened ---- */

static void read_ledger(void) {
  dsql_future *f = insist("select id from ledger", true);
  const dsql_result *r = client_rows(f);

  for (size_t row = 0; row < dsql_result_rows(r); row++) {
    int64_t id;
    cr_assert_eq(dsql_get_int8(r, row, 0, &id), 0);
    cr_assert(id >= 1 && id <= (int64_t)count);
    transfers[id - 1].lines++;
  }
  dsql_future_destroy(f);
}

static void check_each(void) {
  static const unsigned least[VERDICTS] = {[DONE] = 1}, most[VERDICTS] = {[DONE] = 1, [DOUBTFUL] = 1};
  static const char *const names[] = {"pending", "committed", "failed", "in doubt"};

  for (size_t i = 0; i < count; i++) {
    const struct transfer *t = &transfers[i];
    cr_expect(t->lines >= least[t->verdict] && t->lines <= most[t->verdict] && t->verdict != PENDING,
              "transfer %lld was reported as %s, and is there %u times", (long long)t->id, names[t->verdict], t->lines);
  }
}

static void check_sums(void) {
  cr_expect_eq(insist_number("select sum(balance)::bigint from account"), ACCOUNTS * BALANCE);
  cr_expect_eq(insist_number("select count(*) from account a where balance <> 1000 "
                             "- (select coalesce(sum(cents), 0) from ledger where debit = a.id) "
                             "+ (select coalesce(sum(cents), 0) from ledger where credit = a.id)"),
               0, "accounts whose balance is not what the ledger says");
  cr_expect_eq(insist_number("select count(*) from account where balance < 0"), 0);
}

static void tell(void) {
  const char *path = getenv("DSQL_STORM_REPORT");
  FILE *report = path ? fopen(path, "w") : NULL;

  cr_assert_not_null(report);
  (void)fprintf(report, "in_doubt %u\n", doubts + setup_doubts);
  cr_assert_eq(fclose(report), 0);
  (void)fprintf(stderr, "%u committed, %u failed (%u by conflicts), %u in doubt; %.2f attempts each\n", verdicts[DONE],
                verdicts[FAILED], sqlstates_40001, verdicts[DOUBTFUL], (double)attempts / (double)count);
}

Test(storm, every_transfer_happened_as_it_was_reported, .init = open_all, .fini = close_all) {
  const char *given = getenv("DSQL_STORM_TRANSFERS");

  count = given ? strtoul(given, NULL, 10) : 0;
  cr_assert(count >= FLIGHTS && count <= TRANSFERS_MAX, "DSQL_STORM_TRANSFERS");
  for (int i = 0; i < FLIGHTS; i++) start_next();
  while (flying) client_turn(&x);
  read_ledger();
  tell();
  check_each();
  check_sums();
}
