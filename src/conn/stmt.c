#include "conn/stmt.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "conn/conn.h"

int dsql_stmt_new(dsql_stmt **out, dsql_rt *rt, const char *sql, const uint32_t *oids, size_t n) {
  const dsql_alloc *a;
  struct dsql_stmt *s;

  if (!out || !rt || !sql || (n && !oids) || n > WIRE_PARAMS_MAX) return DSQL_EINVAL;
  a = rt_alloc(rt);
  s = mem_zalloc(a, sizeof *s);
  if (!s) return DSQL_ENOMEM;
  *s = (struct dsql_stmt){.rt = rt, .refs = 1, .sql_len = strlen(sql), .oid_count = n};
  list_init(&s->statements);
  s->sql = mem_strndup(a, sql, s->sql_len);
  s->oids = n ? mem_alloc(a, n * sizeof *oids) : NULL;
  if (!s->sql || (n && !s->oids)) {
    mem_free(a, s->sql);
    mem_free(a, s->oids);
    mem_free(a, s);
    return DSQL_ENOMEM;
  }
  if (n) memcpy(s->oids, oids, n * sizeof *oids);
  s->effect = sql_effect_of(sql, s->sql_len);
  *out = s;
  return 0;
}

static void unref(struct dsql_stmt *s) {
  const dsql_alloc *a = rt_alloc(s->rt);
  if (--s->refs) return;
  assert(list_empty(&s->statements));
  mem_free(a, s->sql);
  mem_free(a, s->oids);
  mem_free(a, s);
}

void dsql_stmt_free(dsql_stmt *s) {
  if (!s) return;
  s->freed = true;
  for (struct list *n = s->statements.next; n != &s->statements; n = n->next) {
    struct statement *on_conn = LIST_ENTRY(n, struct statement, by_stmt);
    on_conn->conn->statements_freed++;
    conn_flush_later(on_conn->conn);
  }
  unref(s);
}

/* A format code for each of the most columns, and the Execute. */
enum { TAIL_MAX = 2 + 2 * 65535 + 16 };

int statement_prepare_tail(struct statement *s) {
  buf_reset(&s->tail);
  return wire_prepare_tail(&s->tail, s->columns->formats, s->columns->any_binary ? s->columns->count : 0);
}

struct statement *statement_get(struct dsql_conn *c, struct dsql_stmt *s) {
  struct statement *new;

  /* A statement used on many connections moves the one it was used on last to the front. */
  for (struct list *n = s->statements.next; n != &s->statements; n = n->next) {
    struct statement *at = LIST_ENTRY(n, struct statement, by_stmt);
    if (at->conn != c) continue;
    if (n != s->statements.next) {
      list_remove(n);
      list_push_front(&s->statements, n);
    }
    return at;
  }
  new = mem_zalloc(rt_alloc(c->rt), sizeof *new);
  if (!new) return NULL;
  new->stmt = s;
  new->conn = c;
  s->refs++;
  (void)snprintf(new->name, sizeof new->name, "dsql_%llu", (unsigned long long)++c->statement_count);
  new->name_len = strlen(new->name);
  buf_init(&new->tail, rt_alloc(c->rt), TAIL_MAX);
  list_push_front(&s->statements, &new->by_stmt);
  list_push_back(&c->statements, &new->by_conn);
  return new;
}

static void statement_free(struct statement *s) {
  struct dsql_stmt *stmt = s->stmt;
  if (stmt->freed) s->conn->statements_freed--;
  list_remove(&s->by_conn);
  list_remove(&s->by_stmt);
  columns_unref(s->columns);
  buf_deinit(&s->tail);
  mem_free(rt_alloc(s->conn->rt), s->param_oids);
  mem_free(rt_alloc(s->conn->rt), s);
  unref(stmt);
}

void statement_release(struct statement *s) {
  assert(s->users > 0);
  s->users--;
  if (s->stmt->freed) conn_flush_later(s->conn);
}

void statement_free_all(struct dsql_conn *c) {
  while (!list_empty(&c->statements)) statement_free(LIST_ENTRY(c->statements.next, struct statement, by_conn));
}

void statement_stale_all(struct dsql_conn *c) {
  for (struct list *n = c->statements.next; n != &c->statements; n = n->next) {
    struct statement *s = LIST_ENTRY(n, struct statement, by_conn);
    if (s->state == STATEMENT_READY) s->state = STATEMENT_STALE;
  }
}

/* A Close of its own, which nobody waits for; false when there is no memory: tried again at the next turn. */
static bool queue_close(struct statement *s) {
  struct query *q = query_new(s->conn, NULL);
  if (!q) return false;
  wire_close(&q->op.bytes, 'S', s->name);
  wire_sync(&q->op.bytes);
  q->op.steps = STEP_CLOSE;
  q->op.sync = q->op.read_only = true;
  op_queue_push(&s->conn->queue, &q->op);
  dsql_future_detach(&q->future);
  return true;
}

void statement_sweep(struct dsql_conn *c) {
  struct list *next;
  if (c->grouping || c->status != DSQL_CONN_READY) return;
  for (struct list *n = c->statements.next; n != &c->statements && c->statements_freed; n = next) {
    struct statement *s = LIST_ENTRY(n, struct statement, by_conn);
    next = n->next;
    if (!s->stmt->freed || s->users) continue;
    if (s->state != STATEMENT_ABSENT && !queue_close(s)) return;
    statement_free(s);
  }
}
