/* COPY FROM STDIN in batches: rows are collected while no connection is held, then travel in a transaction of their own.
 *
 *   state     event                             next
 *   ASKING    a batch is full, or the end       SENDING
 *             the source says LATER             HELD
 *             the source fails, a bad row       DONE
 *             the end, and nothing is left      DONE
 *   HELD      dsql_resume()                     ASKING
 *   SENDING   the batch is committed            ASKING; SENDING when another one is full or it was the end
 *             it failed for good                DONE
 *   any       canceled, the runtime closes      DONE; SENDING once the batch has ended, and counted as it has
 *
 * One call of the source may fill several batches: where each ends is remembered, and they are sent from the front of one
 * buffer, which nothing is appended to meanwhile. */
#include <stddef.h>

#include "conn/conn.h"
#include "conn/copy.h"
#include "tx/tx.h"

enum { DSQL_ROWS_MAX = 3000, BYTES_MAX_DEFAULT = 8 << 20, KEPT_MAX = 1 << 30 };

/* A batch that is complete: its end in the buffer. */
struct cut {
  size_t end;
  uint64_t rows;
};

enum state { ASKING, HELD, SENDING, DONE };

struct batches {
  struct dsql_future future; /* first */
  struct dsql_pool *pool;    /* referenced */
  struct rt_task task;
  struct rt_closer closer;
  enum state state;
  struct dsql_copy copy;
  struct buf rows, cuts;
  size_t cuts_done, start; /* batches sent, and where the next one begins */
  uint64_t open_rows;      /* behind the last cut */
  size_t open_at;
  uint64_t skip; /* rows still to be passed over */
  bool ended;    /* the source has no more */
  bool tried;    /* something was sent */
  bool stopped;  /* canceled, or the runtime closes */
  struct cut now;
  const char *sql;
  dsql_future *inner;
  dsql_copy_progress done;
  uint64_t rows_max;
  size_t bytes_max;
  dsql_tx_options tx;
  bool has_tx;
  struct arena arena, texts;
};

static struct batches *batches_of(const struct dsql_future *f) { return (struct batches *)(uintptr_t)(const void *)f; }

/* ---- the end ---- */

static void batches_free(struct dsql_future *f) {
  struct batches *b = batches_of(f);
  struct dsql_rt *rt = f->rt;
  struct dsql_pool *p = b->pool;

  dsql_future_destroy(b->inner);
  buf_deinit(&b->rows);
  buf_deinit(&b->cuts);
  arena_deinit(&b->texts);
  arena_deinit(&b->arena);
  mem_free(rt_alloc(rt), b);
  pool_unref(p);
}

static void finish(struct batches *b, const struct error *e) {
  b->state = DONE;
  rt_unready(&b->task);
  rt_closer_remove(b->future.rt, &b->closer);
  future_complete(&b->future, e);
}

static void finish_stopped(struct batches *b) {
  struct error *e = error_printf(&b->arena, DSQL_ECANCELED, "%s",
                                 rt_closing(b->future.rt) ? "the runtime is closing" : "canceled by the caller");
  if (e && !b->tried) e->pub.flags |= DSQL_NOT_SENT;
  finish(b, e ? e : &error_nomem);
}

static void finish_with_fault(struct batches *b) {
  const struct fault *f = &b->copy.fault;
  struct error *e = error_printf(&b->arena, f->code, "%s", f->text);

  if (e && f->code == DSQL_EABORT) e->pub.app_code = b->copy.app_code;
  finish(b, e ? e : &error_nomem);
}

static void stop(struct batches *b) {
  b->stopped = true;
  if (b->inner && b->state == SENDING)
    dsql_future_cancel(b->inner);
  else if (!b->copy.asking && b->state != DONE)
    finish_stopped(b);
}

static void batches_cancel(struct dsql_future *f) { stop(batches_of(f)); }
static void on_rt_close(struct rt_closer *closer) { stop(LIST_ENTRY(closer, struct batches, closer)); }

static void batches_resume(struct dsql_future *f) {
  struct batches *b = batches_of(f);
  if (b->copy.asking) {
    b->copy.waits = false; /* what the source returns now is older than this */
    return;
  }
  if (b->state != HELD) return;
  b->state = ASKING;
  rt_ready(f->rt, &b->task);
}

static const struct future_class batches_class = {batches_cancel, batches_free, NULL, batches_resume};

/* ---- rows ---- */

static void cut(struct batches *b, size_t end) {
  struct cut c = {end, b->open_rows};
  buf_put(&b->cuts, &c, sizeof c);
  b->open_rows = 0;
  b->open_at = end;
}

/* A row stands in the buffer from `from` on. */
static void on_row(struct dsql_copy *copy, size_t from) {
  struct batches *b = LIST_ENTRY(copy, struct batches, copy);

  if (b->skip) {
    b->skip--;
    b->done.rows_taken++;
    buf_truncate(&b->rows, from);
    return;
  }
  if (b->open_rows && (b->open_rows == b->rows_max || b->rows.len - b->open_at > b->bytes_max)) cut(b, from);
  b->open_rows++;
  copy->written += b->rows.len - from;
}

static bool has_cut(const struct batches *b) { return b->cuts.len / sizeof(struct cut) > b->cuts_done; }

/* What was sent goes; only then may anything be appended. */
static void forget_sent(struct batches *b) {
  if (has_cut(b)) return;
  buf_consume(&b->rows, b->start);
  b->open_at -= b->start;
  b->start = 0;
  b->cuts_done = 0;
  buf_reset(&b->cuts);
}

/* ---- the source ---- */

static void judge(struct batches *b, dsql_copy_next next, bool wrote) {
  struct fault *f = &b->copy.fault;

  if (!f->code && (!buf_ok(&b->rows) || !buf_ok(&b->cuts)))
    fault_set(f, b->rows.error == DSQL_ETOOBIG ? DSQL_ETOOBIG : DSQL_ENOMEM, "out of memory for the rows of a COPY");
  if (f->code) return;
  if (next == DSQL_COPY_FAIL)
    fault_set(f, DSQL_EABORT, "stopped by the source of the COPY's data");
  else if (next == DSQL_COPY_MORE && !wrote)
    fault_set(f, DSQL_EINVAL,
              "the source of a COPY returned DSQL_COPY_MORE without having written anything; return DSQL_COPY_LATER, "
              "and call dsql_resume() when there is data");
  else if ((unsigned)next > DSQL_COPY_FAIL)
    fault_set(f, DSQL_EINVAL, "the source of a COPY returned %d, which is no dsql_copy_next", (int)next);
}

static void ask(struct batches *b) {
  uint64_t before, skipped;
  dsql_copy_next next;

  forget_sent(b);
  before = b->copy.written;
  skipped = b->skip;
  b->copy.asking = b->copy.waits = true;
  next = b->copy.source(&b->copy, b->copy.arg);
  b->copy.asking = false;
  if (b->stopped) {
    finish_stopped(b);
    return;
  }
  judge(b, next, b->copy.written != before || b->skip != skipped);
  if (b->copy.fault.code) {
    finish_with_fault(b);
    return;
  }
  b->ended = next == DSQL_COPY_END;
  if (b->ended && (b->open_rows || !(b->tried || has_cut(b))))
    cut(b, b->rows.len); /* also when there are no rows: the SQL is judged */
  if (!buf_ok(&b->cuts)) {
    judge(b, next, true);
    finish_with_fault(b);
    return;
  }
  if (next == DSQL_COPY_LATER && b->copy.waits && !has_cut(b))
    b->state = HELD;
  else
    rt_ready(b->future.rt, &b->task);
}

/* ---- a batch ---- */

static void committed(struct batches *b) {
  const dsql_result *r;

  if (dsql_future_result(b->inner, &r) == 0 && dsql_result_affected(r) > 0)
    b->done.rows_committed += (uint64_t)dsql_result_affected(r);
  b->done.rows_taken += b->now.rows;
  b->done.bytes += b->now.end - b->start;
  b->done.batches++;
  b->start = b->now.end;
  b->cuts_done++;
  dsql_future_destroy(b->inner);
  b->inner = NULL;
  b->state = ASKING;
  rt_ready(b->future.rt, &b->task);
}

static void on_batch(dsql_future *f, void *arg) {
  struct batches *b = arg;

  if (f->error) {
    if (f->error->pub.flags & DSQL_IN_DOUBT) b->done.rows_in_doubt = b->now.rows;
    finish(b, f->error);
    return;
  }
  committed(b);
}

static dsql_future *start_batch(struct batches *b) {
  struct copy_how how = {.name = "dsql_copy_in_batches()",
                         .sql = b->sql,
                         .plan = COPY_PLAN_IN,
                         .data = b->rows.data ? (const void *)(b->rows.data + b->start) : "",
                         .data_len = b->now.end - b->start,
                         .framed = true,
                         .binary = b->copy.binary};
  struct tx_start start = {.pool = b->pool, .autocommit = true, .options = b->has_tx ? &b->tx : NULL};
  dsql_future *f;

  start.batch = tx_batch_of_copy(b->future.rt, &how);
  if (!start.batch) return NULL;
  f = tx_start(&start);
  tx_batch_unref(start.batch);
  return f;
}

static void send_next(struct batches *b) {
  memcpy(&b->now, b->cuts.data + b->cuts_done * sizeof b->now, sizeof b->now);
  b->tried = true;
  b->inner = start_batch(b);
  if (!b->inner) {
    finish(b, &error_nomem);
    return;
  }
  list_remove(&b->inner->open); /* we free it, not the end of the runtime */
  b->state = SENDING;
  if (dsql_future_on_ready(b->inner, on_batch, b)) finish(b, &error_nomem);
}

static void go_on(struct rt_task *t) {
  struct batches *b = LIST_ENTRY(t, struct batches, task);

  if (b->stopped)
    finish_stopped(b);
  else if (has_cut(b))
    send_next(b);
  else if (b->ended)
    finish(b, NULL);
  else
    ask(b);
}

/* ---- the call ---- */

void dsql_copy_batch_options_init_sized(dsql_copy_batch_options *o, size_t size) {
  if (!o || size < sizeof o->size) return;
  memset(o, 0, size);
  o->size = size;
}

static int check(const char *sql, dsql_copy_source source, const dsql_copy_batch_options *o, struct fault *f) {
  if (!sql || !source)
    return fault_set(f, DSQL_EINVAL, "dsql_copy_in_batches(): no SQL text or source was given (NULL)");
  if (sql_effect_of(sql, strlen(sql)) != SQL_COPY)
    return fault_set(f, DSQL_EINVAL, "dsql_copy_in_batches() takes one COPY statement, and this is another one: %.40s",
                     sql);
  if (o && o->size < sizeof *o)
    return fault_set(f, DSQL_EINVAL,
                     "dsql_copy_batch_options.size is %zu: initialise the struct with dsql_copy_batch_options_init()",
                     o->size);
  if (o && (unsigned)o->format > DSQL_COPY_FORMAT_BINARY)
    return fault_set(f, DSQL_EINVAL, "dsql_copy_batch_options.format is %d, which is no enum dsql_copy_format",
                     (int)o->format);
  return 0;
}

static void set_options(struct batches *b, const dsql_copy_batch_options *o) {
  bool dsql = pool_target(b->pool)->target->dsql;
  uint32_t rows = o && o->rows_max ? o->rows_max : dsql ? DSQL_ROWS_MAX : DSQL_NO_LIMIT;

  b->rows_max = rows == DSQL_NO_LIMIT ? UINT64_MAX : rows;
  b->bytes_max = o && o->bytes_max ? o->bytes_max : BYTES_MAX_DEFAULT;
  b->skip = o ? o->rows_skip : 0;
  b->has_tx = o && o->tx;
  if (b->has_tx) memcpy(&b->tx, o->tx, o->tx->size < sizeof b->tx ? o->tx->size : sizeof b->tx);
  if (b->has_tx && b->tx.size > sizeof b->tx) b->tx.size = sizeof b->tx;
  b->copy.csv = copy_mentions(b->sql, "csv");
  b->copy.binary = o && o->format ? o->format == DSQL_COPY_FORMAT_BINARY : copy_mentions(b->sql, "binary");
}

static struct batches *batches_new(dsql_pool *p, const char *sql) {
  struct dsql_rt *rt = pool_rt(p);
  struct batches *b = mem_zalloc(rt_alloc(rt), sizeof *b);

  if (!b) return NULL;
  arena_init(&b->arena, rt_chunks(rt));
  b->sql = arena_strndup(&b->arena, sql, strlen(sql));
  if (!b->sql) {
    mem_free(rt_alloc(rt), b);
    return NULL;
  }
  arena_init(&b->texts, rt_chunks(rt));
  buf_init(&b->rows, rt_alloc(rt), KEPT_MAX);
  buf_init(&b->cuts, rt_alloc(rt), KEPT_MAX);
  list_init(&b->task.node);
  b->task.run = go_on;
  b->closer.close = on_rt_close;
  b->pool = p;
  pool_ref(p);
  future_init(&b->future, rt, &batches_class);
  return b;
}

dsql_future *dsql_copy_in_batches(dsql_pool *p, const char *sql, dsql_copy_source source, void *arg,
                                  const dsql_copy_batch_options *o) {
  struct batches *b;
  struct fault f;

  if (!p) return NULL;
  fault_clear(&f);
  if ((rt_in_hook(pool_rt(p)) && observe_refuse(&f)) || check(sql, source, o, &f) ||
      (rt_closing(pool_rt(p)) && fault_set(&f, DSQL_ECLOSED, "the runtime is closing"))) {
    f.flags |= DSQL_NOT_SENT;
    return future_failed(pool_rt(p), &f);
  }
  b = batches_new(p, sql);
  if (!b) return NULL;
  set_options(b, o);
  b->copy.source = source;
  b->copy.arg = arg;
  b->copy.keep = &b->rows;
  b->copy.texts = &b->texts;
  b->copy.kept = on_row;
  rt_closer_add(pool_rt(p), &b->closer);
  rt_ready(pool_rt(p), &b->task);
  return &b->future;
}

void dsql_copy_progress_get(const dsql_future *f, dsql_copy_progress *out, size_t size) {
  dsql_copy_progress all = {0};

  if (!out || size < sizeof out->size) return;
  memset(out, 0, size);
  if (f && f->class == &batches_class) all = batches_of(f)->done;
  all.size = size;
  memcpy(out, &all, size < sizeof all ? size : sizeof all);
}
