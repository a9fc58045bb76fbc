/* What one call of the body queues, until what it waited for has been shown to the next call. */
#include <stdarg.h>
#include <stdio.h>

#include "conn/conn.h"
#include "conn/portal.h"
#include "tx/tx.h"

enum { FIRST_CAP = 8 };

int tx_adopt(struct dsql_tx *tx, struct dsql_future *f, dsql_future_cb ready) {
  if (!f) return DSQL_ENOMEM;
  list_remove(&f->open); /* we free it now, not the end of the runtime */
  if (dsql_future_on_ready(f, ready, tx) == 0) return 0;
  dsql_future_destroy(f);
  return DSQL_EINVAL;
}

/* Room for one more of `size` bytes each. The old array stays in the arena: twice the memory at most. */
static void *grown(struct arena *a, void *old, size_t size, size_t count, size_t *cap) {
  size_t n = *cap ? 2 * *cap : FIRST_CAP;
  void *array;

  if (count < *cap) return old;
  array = n <= SIZE_MAX / size ? arena_alloc(a, n * size) : NULL;
  if (!array) return NULL;
  if (count) memcpy(array, old, count * size);
  *cap = n;
  return array;
}

int tx_step_add_item(struct dsql_tx *tx, struct tx_item item) {
  struct tx_step *s = &tx->queued;
  struct tx_item *items = grown(&tx->arena, s->items, sizeof *items, s->item_count, &s->item_cap);

  if (!items) return DSQL_ENOMEM;
  if (item.stmt) item.stmt->refs++;
  s->items = items;
  s->items[s->item_count++] = item;
  return 0;
}

int tx_step_add_await(struct dsql_tx *tx, struct dsql_future *f) {
  struct tx_step *s = &tx->queued;
  struct dsql_future **awaits = grown(&tx->arena, s->awaits, sizeof *awaits, s->await_count, &s->await_cap);

  if (!awaits) return DSQL_ENOMEM;
  s->awaits = awaits;
  s->awaits[s->await_count++] = f;
  return 0;
}

void tx_step_clear(struct tx_step *s) {
  for (size_t i = 0; i < s->item_count; i++) {
    dsql_future_destroy(s->items[i].future);
    if (s->items[i].stmt) stmt_unref(s->items[i].stmt);
  }
  for (size_t i = 0; i < s->await_count; i++) dsql_future_destroy(s->awaits[i]);
  s->item_count = s->await_count = 0;
}

static void destroy(struct dsql_future **f) {
  dsql_future_destroy(*f);
  *f = NULL;
}

void tx_drop_children(struct dsql_tx *tx) {
  /* The COMMIT first: while it stands behind them, the statements may be in doubt. */
  destroy(&tx->commit);
  destroy(&tx->begin);
  tx_step_clear(&tx->queued);
  tx_step_clear(&tx->shown);
  tx->queries_pending = tx->awaits_pending = 0;
  if (tx->conn && !list_empty(&tx->conn->portals)) portals_drop(tx->conn);
  if (!tx->grouping) return;
  tx->grouping = false;
  if (dsql_pipeline_end(tx->conn)) return; /* it is empty: what was queued has just been dropped */
}

void tx_step_turn(struct dsql_tx *tx) {
  struct tx_step empty = tx->shown;
  destroy(&tx->begin);
  tx->shown = tx->queued;
  tx->queued = empty;
}

int tx_stick_error(struct dsql_tx *tx, const struct error *e) {
  const struct error *copy;
  if (tx->sticky) return e->pub.code;
  copy = error_clone(&tx->error_arena, e);
  tx->sticky = copy ? copy : query_nomem(e->pub.flags);
  return e->pub.code;
}

int tx_stick(struct dsql_tx *tx, int code, const char *format, ...) {
  char text[FAULT_TEXT_SIZE];
  struct error *e;
  va_list args;

  if (tx->sticky) return code;
  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  e = error_printf(&tx->error_arena, code, "%s", text);
  tx->sticky = e ? e : &error_nomem;
  return code;
}
