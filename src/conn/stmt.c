#include "conn/stmt.h"

#include <assert.h>
#include <string.h>

#include "auth/content_name.h"
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

void stmt_unref(struct dsql_stmt *s) {
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
    on_conn->conn->statements_closing++;
    conn_flush_later(on_conn->conn);
  }
  stmt_unref(s);
}

/* A format code for each of the most columns, and the Execute. */
enum { TAIL_MAX = 2 + 2 * 65535 + 16 };

int statement_prepare_tail(struct statement *s) {
  buf_reset(&s->tail);
  return wire_prepare_tail(&s->tail, s->columns->formats, s->columns->any_binary ? s->columns->count : 0);
}

/* ---- a connection's statements by their dsql_stmt: open addressing, at most half full ---- */

enum { SLOTS_MIN = 16 };

static size_t hash_of(const struct dsql_conn *c, const struct dsql_stmt *s) {
  /* Blocks of the allocator differ in their middle bits; the multiplication carries them to the top. */
  uint64_t mixed = (uint64_t)(uintptr_t)s * UINT64_C(0x9e3779b97f4a7c15);
  return (size_t)(mixed >> 32) & (c->statement_slots - 1);
}

/* Where it is, or would be put. */
static struct statement **slot_of(const struct dsql_conn *c, const struct dsql_stmt *s) {
  size_t i = hash_of(c, s);
  while (c->statement_table[i] && c->statement_table[i]->stmt != s) i = (i + 1) & (c->statement_slots - 1);
  return &c->statement_table[i];
}

/* Room for one more. 0, ENOMEM. */
static int table_reserve(struct dsql_conn *c) {
  const dsql_alloc *a = rt_alloc(c->rt);
  size_t slots = c->statement_slots ? 2 * c->statement_slots : SLOTS_MIN;
  struct statement **table;

  if (2 * (c->statements_live + 1) <= c->statement_slots) return 0;
  table = mem_zalloc(a, slots * sizeof(struct statement *));
  if (!table) return DSQL_ENOMEM;
  mem_free(a, c->statement_table);
  c->statement_table = table;
  c->statement_slots = slots;
  for (struct list *n = c->statements.next; n != &c->statements; n = n->next) {
    struct statement *at = LIST_ENTRY(n, struct statement, by_conn);
    *slot_of(c, at->stmt) = at;
  }
  return 0;
}

/* What stands behind it in its run moves up, unless it would get before its own place. */
static void table_remove(struct dsql_conn *c, const struct dsql_stmt *s) {
  size_t mask = c->statement_slots - 1, hole = (size_t)(slot_of(c, s) - c->statement_table);

  for (size_t i = (hole + 1) & mask; c->statement_table[i]; i = (i + 1) & mask) {
    size_t home = hash_of(c, c->statement_table[i]->stmt);
    if (((i - home) & mask) < ((i - hole) & mask)) continue;
    c->statement_table[hole] = c->statement_table[i];
    hole = i;
  }
  c->statement_table[hole] = NULL;
  c->statements_live--;
}

/* ---- their number is limited ---- */

static void statement_free(struct statement *s) {
  struct dsql_stmt *stmt = s->stmt;

  if (!stmt || stmt->freed) s->conn->statements_closing--;
  if (stmt) table_remove(s->conn, stmt);
  list_remove(&s->by_conn);
  list_remove(&s->by_stmt);
  columns_unref(s->columns);
  buf_deinit(&s->tail);
  mem_free(rt_alloc(s->conn->rt), s->param_oids);
  mem_free(rt_alloc(s->conn->rt), s);
  if (stmt) stmt_unref(stmt);
}

/* Out of the table; what the server has of it is closed later. */
static void retire(struct statement *s) {
  struct dsql_conn *c = s->conn;
  struct dsql_stmt *stmt = s->stmt;

  if (s->state == STATEMENT_ABSENT) {
    statement_free(s);
    return;
  }
  if (!stmt->freed) c->statements_closing++;
  table_remove(c, stmt);
  list_remove(&s->by_stmt);
  list_remove(&s->by_conn);
  list_push_front(&c->statements, &s->by_conn);
  s->stmt = NULL;
  stmt_unref(stmt);
  conn_flush_later(c);
}

/* For one more. */
static bool make_room(struct dsql_conn *c) {
  if (c->statements_live < c->target->target->statements_max) return true;
  for (struct list *n = c->statements.next; n != &c->statements; n = n->next) {
    struct statement *s = LIST_ENTRY(n, struct statement, by_conn);
    if (s->users || !s->stmt) continue;
    retire(s);
    return true;
  }
  return false;
}

static struct statement *statement_new(struct dsql_conn *c, struct dsql_stmt *s) {
  struct statement *new = NULL;

  if (make_room(c) && table_reserve(c) == 0) new = mem_zalloc(rt_alloc(c->rt), sizeof *new);
  if (!new) return NULL;
  *slot_of(c, s) = new;
  c->statements_live++;
  new->stmt = s;
  new->conn = c;
  s->refs++;
  buf_init(&new->tail, rt_alloc(c->rt), TAIL_MAX);
  list_push_front(&s->statements, &new->by_stmt);
  list_push_back(&c->statements, &new->by_conn);
  return new;
}

static inline struct statement *used_last(struct dsql_conn *c, struct statement *s) {
  if (c->statements.prev != &s->by_conn) {
    list_remove(&s->by_conn);
    list_push_back(&c->statements, &s->by_conn);
  }
  return s;
}

struct statement *statement_get(struct dsql_conn *c, struct dsql_stmt *s) {
  struct list *first = s->statements.next;
  struct statement **slot;

  /* Used on one connection, as most are, or new on this one: no need to hash. */
  if (first != &s->statements && LIST_ENTRY(first, struct statement, by_stmt)->conn == c)
    return used_last(c, LIST_ENTRY(first, struct statement, by_stmt));
  slot = c->statement_slots ? slot_of(c, s) : NULL;
  return slot && *slot ? used_last(c, *slot) : statement_new(c, s);
}

/* ---- names ---- */

static const char prefix[] = "dsql_";
enum { PREFIX_LEN = sizeof prefix - 1 };
_Static_assert(PREFIX_LEN + CONTENT_NAME_LEN < WIRE_NAME_SIZE, "a name fits");

static bool name_is_taken(const struct statement *s) {
  const struct list *all = &s->conn->statements;

  for (const struct list *n = all->next; n != all; n = n->next) {
    const struct statement *other = LIST_ENTRY(n, const struct statement, by_conn);
    if (other != s && memcmp(other->name, s->name, sizeof s->name) == 0) return true;
  }
  return false;
}

/* Two of the same content on one connection are told apart by a number. */
int statement_name(struct statement *s, const uint32_t *oids, size_t n) {
  const dsql_alloc *a = rt_alloc(s->conn->rt);
  size_t size = (n + 1) * sizeof *oids;
  uint8_t *head = mem_alloc(a, size);
  bool named = head != NULL;

  s->name_len = PREFIX_LEN + CONTENT_NAME_LEN;
  s->head.len = 0;
  memset(s->name, 0, sizeof s->name);
  memcpy(s->name, prefix, PREFIX_LEN);
  for (size_t i = 0; named && i < n; i++) store_be32(head + sizeof *oids * (i + 1), oids[i]);
  for (uint32_t number = 0; named; number++) {
    store_be32(head, number);
    named = content_name(head, size, s->stmt->sql, s->stmt->sql_len, s->name + PREFIX_LEN);
    if (!name_is_taken(s)) break;
  }
  mem_free(a, head);
  return named ? 0 : DSQL_ENOMEM;
}

/* ---- one that goes for one that comes ---- */

const struct statement *statement_replace(struct statement *s) {
  struct list *first = s->conn->statements.next;
  struct statement *gone = LIST_ENTRY(first, struct statement, by_conn);

  if (s->replaces || first == &s->conn->statements || gone->stmt || gone->users) return NULL;
  gone->users++;
  s->replaces = gone;
  return gone;
}

/* When the Close was not answered, the sweep sends another. */
void statement_replaced(struct statement *s, const struct query *q) {
  struct statement *gone = s->replaces;

  if (!gone) return;
  s->replaces = NULL;
  gone->users--;
  if (q->op.steps & STEP_CLOSE)
    conn_flush_later(s->conn);
  else
    statement_free(gone);
}

/* What the statement is now that the query with its Parse has ended, wherever that was. */
static void settle(struct statement *s, const struct query *q) {
  unsigned own = s->replaces ? STEP_PARSE : STEP_CLOSE | STEP_PARSE;
  if (!q->parses || s->state != STATEMENT_PARSING || s->parser != q) return;
  s->parser = NULL;
  s->state = (q->op.steps & own) == STEP_PARSE && !s->conn->pooled ? STATEMENT_ABSENT : STATEMENT_STALE;
}

void statement_release(struct statement *s, const struct query *q) {
  assert(s->users > 0);
  settle(s, q);
  if (q->parses) statement_replaced(s, q);
  s->users--;
  if (s->stmt->freed) conn_flush_later(s->conn);
}

void statement_free_all(struct dsql_conn *c) {
  while (!list_empty(&c->statements)) statement_free(LIST_ENTRY(c->statements.next, struct statement, by_conn));
  mem_free(rt_alloc(c->rt), c->statement_table);
  c->statement_table = NULL;
  c->statement_slots = 0;
}

void statement_stale_all(struct dsql_conn *c) {
  for (struct list *n = c->statements.next; n != &c->statements; n = n->next) {
    struct statement *s = LIST_ENTRY(n, struct statement, by_conn);
    if (s->state == STATEMENT_READY) s->state = STATEMENT_STALE;
  }
}

void statement_stale_everywhere(struct dsql_stmt *stmt) {
  for (struct list *n = stmt->statements.next; n != &stmt->statements; n = n->next) {
    struct statement *s = LIST_ENTRY(n, struct statement, by_stmt);
    if (s->state == STATEMENT_READY) s->state = STATEMENT_STALE;
  }
}

/* Columns that others still wait to read rows by stay. */
void statement_lose_name(struct statement *met) {
  struct dsql_stmt *stmt = met->stmt;

  stmt->nameless = true;
  for (struct list *n = stmt->statements.next; n != &stmt->statements; n = n->next) {
    struct statement *s = LIST_ENTRY(n, struct statement, by_stmt);
    if (s->state == STATEMENT_READY) s->state = STATEMENT_STALE;
    if (s->users > (s == met ? 1u : 0u)) continue;
    columns_unref(s->columns);
    s->columns = NULL;
  }
}

/* A Close of its own, which nobody waits for; false when there is no memory: tried again at the next turn. */
static bool queue_close(struct statement *s) {
  struct query *q = query_new_own(s->conn);
  if (!q) return false;
  wire_close(&q->op.bytes, 'S', s->name);
  wire_sync(&q->op.bytes);
  q->op.steps = STEP_CLOSE;
  q->op.sync = q->op.read_only = true;
  op_queue_push(&s->conn->queue, &q->op);
  return true;
}

void statement_sweep(struct dsql_conn *c) {
  struct list *next;
  if (c->grouping || c->status != DSQL_CONN_READY) return;
  for (struct list *n = c->statements.next; n != &c->statements && c->statements_closing; n = next) {
    struct statement *s = LIST_ENTRY(n, struct statement, by_conn);
    next = n->next;
    if ((s->stmt && !s->stmt->freed) || s->users) continue;
    if (s->state != STATEMENT_ABSENT && !queue_close(s)) return;
    statement_free(s);
  }
}
