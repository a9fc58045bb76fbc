/* A declared batch: the body that nobody has to write. */
#include "conn/conn.h"
#include "conn/copy.h"
#include "tx/tx.h"

struct batch_statement {
  const char *sql;
  dsql_params params;
  int64_t rows_expected;
  int app_code;
};

struct dsql_batch {
  struct dsql_rt *rt;
  unsigned refs; /* the user's, and one per transaction that runs it */
  struct arena arena;
  struct batch_statement *statements;
  size_t count, cap;
  bool checks;
  struct copy_how copy; /* in place of statements; without SQL: none */
};

enum { FIRST_CAP = 8 };

int dsql_batch_new(dsql_batch **out, dsql_rt *rt) {
  struct dsql_batch *b;

  if (!out || !rt) return DSQL_EINVAL;
  *out = NULL;
  b = mem_zalloc(rt_alloc(rt), sizeof *b);
  if (!b) return DSQL_ENOMEM;
  b->rt = rt;
  b->refs = 1;
  arena_init(&b->arena, rt_chunks(rt));
  *out = b;
  return 0;
}

size_t tx_batch_count(const struct dsql_batch *b) { return b->count; }

struct dsql_batch *tx_batch_ref(struct dsql_batch *b) {
  b->refs++;
  return b;
}

void tx_batch_unref(struct dsql_batch *b) {
  if (--b->refs) return;
  arena_deinit(&b->arena);
  mem_free(rt_alloc(b->rt), b);
}

void dsql_batch_free(dsql_batch *b) {
  if (b) tx_batch_unref(b);
}

struct dsql_batch *tx_batch_of_copy(struct dsql_rt *rt, const struct copy_how *how) {
  struct dsql_batch *b;

  if (dsql_batch_new(&b, rt)) return NULL;
  b->copy = *how;
  b->copy.sql = arena_strndup(&b->arena, how->sql, strlen(how->sql));
  if (b->copy.sql) return b;
  tx_batch_unref(b);
  return NULL;
}

static bool has_room(struct dsql_batch *b) {
  size_t n = b->cap ? 2 * b->cap : FIRST_CAP;
  struct batch_statement *more;

  if (b->count < b->cap) return true;
  more = n <= SIZE_MAX / sizeof *more ? arena_alloc(&b->arena, n * sizeof *more) : NULL;
  if (!more) return false;
  if (b->count) memcpy(more, b->statements, b->count * sizeof *more);
  b->statements = more;
  b->cap = n;
  return true;
}

static bool copy_params(struct arena *a, dsql_params p, dsql_params *out) {
  dsql_param *v = arena_alloc(a, p.n * sizeof *v);

  if (!v) return false;
  for (size_t i = 0; i < p.n; i++) {
    v[i] = p.v[i];
    if (!v[i].data || v[i].len < 0) continue;
    v[i].data = arena_strndup(a, p.v[i].data, (size_t)v[i].len);
    if (!v[i].data) return false;
  }
  *out = (dsql_params){v, p.n};
  return true;
}

int dsql_batch_add(dsql_batch *b, const char *sql, dsql_params p, int64_t rows_expected, int app_code) {
  struct batch_statement s = {.rows_expected = rows_expected, .app_code = app_code};

  if (!b || !sql || (p.n && !p.v) || rows_expected < -1 || p.n > WIRE_PARAMS_MAX) return DSQL_EINVAL;
  for (size_t i = 0; i < p.n; i++)
    if (p.v[i].len < -1) return DSQL_EINVAL;
  if (b->refs > 1) return DSQL_EBUSY;
  s.sql = arena_strndup(&b->arena, sql, strlen(sql));
  if (!s.sql || !copy_params(&b->arena, p, &s.params) || !has_room(b)) return DSQL_ENOMEM;
  b->statements[b->count++] = s;
  if (rows_expected >= 0) b->checks = true;
  return 0;
}

/* ---- running it ---- */

static dsql_step check(dsql_tx *tx, const struct dsql_batch *b) {
  for (size_t i = 0; i < b->count; i++) {
    const struct batch_statement *s = &b->statements[i];
    if (s->rows_expected >= 0 && dsql_result_affected(dsql_tx_result(tx, (int)i)) != s->rows_expected)
      return dsql_tx_abort(tx, s->app_code);
  }
  return DSQL_COMMIT;
}

dsql_step tx_batch_body(dsql_tx *tx, const void *in, void *scratch) {
  const struct dsql_batch *b = in;

  (void)scratch;
  if (tx->step) return check(tx, b);
  for (size_t i = 0; i < b->count; i++) (void)dsql_tx_query(tx, b->statements[i].sql, b->statements[i].params);
  return b->checks ? DSQL_WAIT : DSQL_COMMIT;
}

dsql_future *tx_batch_query(const struct dsql_batch *b, dsql_conn *c, const dsql_call *call) {
  if (b->copy.sql) return copy_start(c, &b->copy, call);
  return dsql_query(c, b->statements[0].sql, b->statements[0].params, call);
}

dsql_future *dsql_run_batch(dsql_pool *p, const dsql_batch *b, const dsql_tx_options *o) {
  struct tx_start how = {.pool = p, .batch = (struct dsql_batch *)(uintptr_t)b, .options = o};
  return tx_start(&how);
}

int dsql_batch_result(dsql_future *f, size_t i, const dsql_result **out) {
  struct dsql_tx *tx = tx_of_future(f);
  int code = dsql_future_code(f);
  const struct tx_step *s;

  if (!out) return DSQL_EINVAL;
  *out = NULL;
  if (code) return code;
  if (!tx || !tx->batch) return DSQL_ETYPE;
  if (tx->autocommit) return i ? DSQL_EINVAL : dsql_future_result(tx->commit, out);
  s = tx->shown.item_count ? &tx->shown : &tx->queued;
  return i < s->item_count ? dsql_future_result(s->items[i].future, out) : DSQL_EINVAL;
}

/* ---- a statement that commits by itself ---- */

static dsql_future *refused(dsql_pool *p, int code, const char *text) {
  struct fault f;
  fault_clear(&f);
  f.flags = DSQL_NOT_SENT;
  fault_set(&f, code, "%s", text);
  return future_failed(pool_rt(p), &f);
}

dsql_future *dsql_retry_statement(dsql_pool *p, const char *sql, dsql_params v, const dsql_tx_options *o) {
  struct tx_start how = {.pool = p, .autocommit = true, .options = o};
  enum sql_effect effect = sql ? sql_effect_of(sql, strlen(sql)) : SQL_PLAIN;
  dsql_future *f;
  int rc;

  if (!p) return NULL;
  if (effect == SQL_BEGIN || effect == SQL_COMMIT || effect == SQL_ROLLBACK)
    return refused(p, DSQL_EINVAL,
                   "BEGIN, COMMIT and ROLLBACK are no statements to be retried alone: use "
                   "dsql_run_transaction()");
  rc = dsql_batch_new(&how.batch, pool_rt(p));
  if (rc) return NULL;
  rc = dsql_batch_add(how.batch, sql, v, -1, 0);
  if (rc == 0)
    f = tx_start(&how);
  else
    f = rc == DSQL_ENOMEM ? NULL : refused(p, rc, "no SQL text, or a parameter, was given that can be sent");
  dsql_batch_free(how.batch);
  return f;
}
