#include "conn/encode.h"

#include <string.h>

#include "base/cursor.h"
#include "conn/conn.h"
#include "wire/bind_head.h"

static int encoding_failed(const struct buf *b, struct fault *f) {
  if (b->error == DSQL_ENOMEM) return fault_set(f, DSQL_ENOMEM, "out of memory for the request");
  if (b->error == DSQL_EINVAL)
    return fault_set(f, DSQL_EINVAL,
                     "a parameter can't be sent: its constructor refused the value (a length above "
                     "2^31-1, or a scale above 18)");
  return fault_set(f, DSQL_ETOOBIG,
                   "the request is over a limit of the protocol: 65,535 parameters, 2 GiB per message");
}

static int finish(struct query *q, bool sync, struct fault *f) {
  if (sync) wire_sync(&q->op.bytes);
  q->op.sync = sync;
  return buf_ok(&q->op.bytes) ? 0 : encoding_failed(&q->op.bytes, f);
}

/* The types that Parse declares: of the parameters, where they have one. *n is 0 when none has. */
static int param_oids(struct query *q, dsql_params p, const struct dsql_stmt *s, uint32_t **oids, size_t *n) {
  size_t count = s && s->oid_count > p.n ? s->oid_count : p.n, last = 0;

  *oids = NULL;
  *n = 0;
  if (count == 0) return 0;
  if (count > WIRE_PARAMS_MAX) return DSQL_ETOOBIG;
  *oids = arena_alloc(&q->arena, count * sizeof **oids);
  if (!*oids) return DSQL_ENOMEM;
  for (size_t i = 0; i < count; i++) {
    uint32_t declared = s && i < s->oid_count ? s->oids[i] : 0;
    (*oids)[i] = declared || i >= p.n ? declared : p.v[i].oid;
    if ((*oids)[i]) last = i + 1;
  }
  *n = last;
  return 0;
}

static int oids_failed(int rc, struct fault *f) {
  if (rc == DSQL_ETOOBIG) return fault_set(f, rc, "a statement takes 65,535 parameters at most");
  return fault_set(f, rc, "out of memory for the request");
}

/* s: whose text it is, and which declares types; or NULL. columns: as they are believed to be; or NULL. */
static int encode_text(struct query *q, const char *sql, size_t n, const struct dsql_stmt *s,
                       const struct columns *columns, dsql_params p, bool sync, struct fault *f) {
  struct buf *b = &q->op.bytes;
  size_t oid_count;
  uint32_t *oids;
  int rc = param_oids(q, p, s, &oids, &oid_count);

  if (rc) return oids_failed(rc, f);
  wire_parse(b, "", sql, n, oids, oid_count);
  if (columns && columns->any_binary) {
    q->bind_at = (uint32_t)b->len;
    wire_bind(b, "", "", p, columns->formats, columns->count);
  } else {
    wire_bind(b, "", "", p, NULL, 0);
  }
  wire_describe(b, 'P', "");
  wire_execute(b, "", 0);
  q->op.steps = STEP_PARSE | STEP_BIND | STEP_COLUMNS | STEP_EXECUTE;
  return finish(q, sync, f);
}

int encode_unnamed(struct query *q, const char *sql, dsql_params p, bool sync, struct fault *f) {
  return encode_text(q, sql, strlen(sql), NULL, NULL, p, sync, f);
}

int encode_command(struct query *q, const char *sql, bool sync, struct fault *f) {
  struct buf *b = &q->op.bytes;
  wire_parse(b, "", sql, strlen(sql), NULL, 0);
  wire_bind(b, "", "", (dsql_params){NULL, 0}, NULL, 0);
  wire_execute(b, "", 0);
  q->op.steps = STEP_PARSE | STEP_BIND | STEP_EXECUTE;
  q->op.no_rows = true;
  return finish(q, sync, f);
}

int encode_describe(struct query *q, const char *sql, const uint32_t *oids, size_t n, bool sync, struct fault *f) {
  if (n > WIRE_PARAMS_MAX) return oids_failed(DSQL_ETOOBIG, f);
  wire_parse(&q->op.bytes, "", sql, strlen(sql), oids, n);
  wire_describe(&q->op.bytes, 'S', "");
  q->op.steps = STEP_PARSE | STEP_PARAMS | STEP_STMT_COLUMNS;
  return finish(q, sync, f);
}

int encode_script(struct query *q, const char *script, struct fault *f) {
  size_t n = strlen(script);
  wire_query(&q->op.bytes, script, n);
  q->op.effect = sql_effect_of_script(script, n);
  q->op.steps = STEP_SCRIPT;
  q->op.barrier = sql_may_copy(script, n);
  if (finish(q, false, f)) return f->code;
  q->op.sync = true;
  return 0;
}

/* A binary value of another type than the statement has would be misread by the server, silently when the widths agree. */
static inline int check_types(const struct statement *on, dsql_params p, struct fault *f) {
  for (size_t i = 0; i < p.n && i < on->param_count; i++) {
    uint32_t want = on->param_oids[i];
    if (p.v[i].oid == want || p.v[i].oid == 0 || want == 0 || p.v[i].format == 0) continue;
    return fault_set(
        f, DSQL_EINVAL,
        "parameter $%zu has type OID %u, but this prepared statement takes type OID %u; cast it in the SQL "
        "or give a value of that type",
        i + 1, p.v[i].oid, want);
  }
  return 0;
}

static int remember_types(struct statement *on, const uint32_t *oids, size_t n) {
  const dsql_alloc *a = rt_alloc(on->conn->rt);
  uint32_t *copy = n ? mem_alloc(a, n * sizeof *copy) : NULL;
  if (n && !copy) return DSQL_ENOMEM;
  if (n) memcpy(copy, oids, n * sizeof *copy);
  mem_free(a, on->param_oids);
  on->param_oids = copy;
  on->param_count = n;
  return 0;
}

/* What has to go for it: itself as it was, or another one. */
static void close_first(struct query *q, struct statement *on) {
  const struct statement *gone = on->state == STATEMENT_STALE ? on : statement_replace(on);
  if (!gone) return;
  wire_close(&q->op.bytes, 'S', gone->name);
  q->op.steps |= STEP_CLOSE;
}

static int encode_first(struct query *q, struct statement *on, dsql_params p, const char *portal, struct fault *f) {
  struct buf *b = &q->op.bytes;
  uint32_t *oids;
  size_t n;
  int rc = param_oids(q, p, on->stmt, &oids, &n);

  if (rc == 0) rc = remember_types(on, oids, n);
  if (rc) return oids_failed(rc, f);
  q->parses = true;
  q->op.steps = STEP_PARSE | STEP_PARAMS | STEP_STMT_COLUMNS | STEP_BIND | STEP_EXECUTE;
  close_first(q, on);
  if (statement_name(on, oids, n)) return fault_set(f, DSQL_ENOMEM, "out of memory for the name of a statement");
  wire_parse(b, on->name, on->stmt->sql, on->stmt->sql_len, oids, n);
  wire_describe(b, 'S', on->name);
  q->bind_at = (uint32_t)b->len;
  wire_bind(b, portal, on->name, p, NULL, 0);
  return 0;
}

static void refer_to(struct query *q, struct statement *on) {
  on->users++;
  q->statement = on;
}

/* The path of every execution but the first. */
static int encode_ready(struct query *q, struct statement *on, dsql_params p, bool sync, struct fault *f) {
  struct columns *columns = on->columns;

  if (check_types(on, p, f)) return f->code;
  q->shared = columns_ref(columns);
  result_set_columns(&q->result, columns, !q->text_results);
  q->current = &q->result;
  q->bind_at = (uint32_t)q->op.bytes.len;
  q->op.steps = STEP_BIND | STEP_EXECUTE;
  q->op.sync = sync;
  if (q->text_results) {
    wire_bind(&q->op.bytes, "", on->name, p, NULL, 0);
    wire_execute(&q->op.bytes, "", 0);
    if (sync) wire_sync(&q->op.bytes);
  } else if (!wire_execute_headed(&q->op.bytes, &on->head, p, on->tail.data, on->tail.len, sync)) {
    wire_execute_prepared(&q->op.bytes, on->name, on->name_len, p, on->tail.data, on->tail.len, sync);
    wire_head_set(&on->head, on->name, on->name_len, p);
  }
  if (!buf_ok(&q->op.bytes)) return encoding_failed(&q->op.bytes, f);
  refer_to(q, on);
  return 0;
}

/* Behind the Parse in the same group: what it will describe is not known yet. */
static int encode_behind(struct query *q, struct statement *on, dsql_params p, bool sync, struct fault *f) {
  if (check_types(on, p, f)) return f->code;
  wire_bind(&q->op.bytes, "", on->name, p, NULL, 0);
  wire_execute(&q->op.bytes, "", 0);
  q->op.steps = STEP_BIND | STEP_EXECUTE;
  if (finish(q, sync, f)) return f->code;
  refer_to(q, on);
  return 0;
}

static int finish_parsing(struct query *q, struct statement *on, const struct portal_at *at, bool sync,
                          struct fault *f) {
  wire_execute(&q->op.bytes, at->name, at->rows_max);
  if (finish(q, sync, f)) return f->code;
  on->state = STATEMENT_PARSING;
  on->parser = q;
  on->group = q->conn->group_number;
  refer_to(q, on);
  return 0;
}

static const struct portal_at unnamed = {"", 0};

static int encode_parsing(struct query *q, struct statement *on, dsql_params p, const struct portal_at *at, bool sync,
                          struct fault *f) {
  int rc = encode_first(q, on, p, at->name, f);
  if (rc == 0) rc = finish_parsing(q, on, at, sync, f);
  if (rc) statement_replaced(on, q);
  return rc;
}

/* Without a name: the whole statement in one flight. */
static int encode_flight(struct query *q, struct statement *on, dsql_params p, bool sync, struct fault *f) {
  const struct dsql_stmt *s = on->stmt;
  const struct columns *columns = conn_names(q->conn, s) || q->text_results ? NULL : on->columns;
  int rc = encode_text(q, s->sql, s->sql_len, s, columns, p, sync, f);

  if (rc == 0) refer_to(q, on);
  return rc;
}

int encode_statement(struct query *q, struct dsql_stmt *s, dsql_params p, bool sync, struct fault *f) {
  struct dsql_conn *c = q->conn;
  struct statement *on = statement_get(c, s);

  if (!on) return encode_text(q, s->sql, s->sql_len, s, NULL, p, sync, f);
  if (!conn_names(c, s)) return encode_flight(q, on, p, sync, f);
  switch (on->state) {
    case STATEMENT_READY: return encode_ready(q, on, p, sync, f);
    case STATEMENT_ABSENT:
    case STATEMENT_STALE: return encode_parsing(q, on, p, &unnamed, sync, f);
    case STATEMENT_PARSING: break;
  }
  if (c->grouping && on->group == c->group_number) return encode_behind(q, on, p, sync, f);
  /* Whether that Parse will succeed is not known yet: this group brings its own, without a name. */
  return encode_flight(q, on, p, sync, f);
}

/* ---- portals with a row limit ---- */

static int portal_of_text(struct query *q, const char *sql, size_t n, const struct dsql_stmt *s, dsql_params p,
                          const struct portal_at *at, bool sync, struct fault *f) {
  struct buf *b = &q->op.bytes;
  size_t oid_count;
  uint32_t *oids;
  int rc = param_oids(q, p, s, &oids, &oid_count);

  if (rc) return oids_failed(rc, f);
  wire_parse(b, "", sql, n, oids, oid_count);
  wire_bind(b, at->name, "", p, NULL, 0);
  wire_describe(b, 'P', at->name);
  wire_execute(b, at->name, at->rows_max);
  q->op.steps = STEP_PARSE | STEP_BIND | STEP_COLUMNS | STEP_EXECUTE;
  return finish(q, sync, f);
}

static int portal_of_ready(struct query *q, struct statement *on, dsql_params p, const struct portal_at *at, bool sync,
                           struct fault *f) {
  struct columns *columns = on->columns;
  bool binary = !q->text_results;

  if (check_types(on, p, f)) return f->code;
  q->shared = columns_ref(columns);
  result_set_columns(&q->result, columns, binary);
  q->current = &q->result;
  binary = binary && columns->any_binary;
  wire_bind(&q->op.bytes, at->name, on->name, p, binary ? columns->formats : NULL, binary ? columns->count : 0);
  wire_execute(&q->op.bytes, at->name, at->rows_max);
  q->op.steps = STEP_BIND | STEP_EXECUTE;
  if (finish(q, sync, f)) return f->code;
  refer_to(q, on);
  return 0;
}

int encode_portal(struct query *q, const char *sql, struct dsql_stmt *s, dsql_params p, const struct portal_at *at,
                  bool sync, struct fault *f) {
  struct statement *on = s && conn_names(q->conn, s) ? statement_get(q->conn, s) : NULL;

  q->op.limit = LIMIT_SET;
  if (on && on->state == STATEMENT_READY) return portal_of_ready(q, on, p, at, sync, f);
  if (on && on->state != STATEMENT_PARSING) return encode_parsing(q, on, p, at, sync, f);
  return portal_of_text(q, s ? s->sql : sql, s ? s->sql_len : strlen(sql), s, p, at, sync, f);
}

int encode_more(struct query *q, const struct portal_at *at, bool describe, bool sync, struct fault *f) {
  q->op.limit = LIMIT_SET;
  q->op.steps = STEP_EXECUTE;
  if (describe) {
    wire_describe(&q->op.bytes, 'P', at->name);
    q->op.steps |= STEP_COLUMNS;
  }
  wire_execute(&q->op.bytes, at->name, at->rows_max);
  return finish(q, sync, f);
}

/* Where the parameters stand in our own Bind message: behind the two names, before the result formats. */
static struct cursor bind_parameters(const struct buf *b, size_t at) {
  struct cursor c = cursor_of(b->data + at + 1, b->len - at - 1);
  struct cursor found;
  unsigned n;

  (void)cursor_u32(&c);
  (void)cursor_cstr(&c);
  (void)cursor_cstr(&c);
  found = c;
  n = cursor_u16(&c);
  (void)cursor_bytes(&c, 2 * (size_t)n);
  n = cursor_u16(&c);
  for (unsigned i = 0; i < n; i++) {
    int32_t len = cursor_i32(&c);
    if (len > 0) (void)cursor_bytes(&c, (size_t)len);
  }
  found.end = c.pos;
  found.failed = c.failed;
  return found;
}

/* Ends `again` with Bind, Execute and Sync as q has them, but for the statement's name, and for the result formats: text
 * in every column, whatever they are now; then it takes the place of q's request. */
static int bind_again(struct query *q, struct buf *again, const char *name) {
  struct cursor params = bind_parameters(&q->op.bytes, q->bind_at);
  size_t len = cursor_left(&params), start = again->len, name_size = strlen(name) + 1;
  int rc;

  buf_put_u8(again, 'B');
  buf_put_be32(again, (uint32_t)(4 + 1 + name_size + len + 2));
  buf_put_cstr(again, "");
  buf_put(again, name, name_size);
  buf_put(again, params.pos, len);
  buf_put_be16(again, 0);
  if (!*name) wire_describe(again, 'P', "");
  wire_execute(again, "", 0);
  if (q->op.sync) wire_sync(again);
  rc = params.failed ? DSQL_EINVAL : again->error;
  if (rc) {
    buf_deinit(again);
    return rc;
  }
  buf_deinit(&q->op.bytes);
  q->op.bytes = *again;
  q->bind_at = (uint32_t)start;
  return 0;
}

int encode_as_text(struct query *q) {
  struct buf again;
  buf_init(&again, q->op.bytes.alloc, q->op.bytes.max);
  return bind_again(q, &again, q->statement->name);
}

int encode_flight_as_text(struct query *q) {
  struct buf again;
  buf_init(&again, q->op.bytes.alloc, q->op.bytes.max);
  buf_put(&again, q->op.bytes.data, q->bind_at);
  if (bind_again(q, &again, "")) return DSQL_ENOMEM;
  q->op.steps = q->op.first_steps;
  return 0;
}

int encode_again_unnamed(struct query *q) {
  const struct statement *on = q->statement;
  struct buf again;

  buf_init(&again, q->op.bytes.alloc, q->op.bytes.max);
  wire_parse(&again, "", on->stmt->sql, on->stmt->sql_len, on->param_oids, on->param_count);
  if (bind_again(q, &again, "")) return DSQL_ENOMEM;
  q->op.steps = STEP_PARSE | STEP_BIND | STEP_COLUMNS | STEP_EXECUTE;
  return 0;
}

int encode_again(struct query *q) {
  const struct statement *on = q->statement;
  const struct dsql_stmt *s = on->stmt;
  struct buf again;
  int rc;

  buf_init(&again, q->op.bytes.alloc, q->op.bytes.max);
  wire_close(&again, 'S', on->name);
  wire_parse(&again, on->name, s->sql, s->sql_len, on->param_oids, on->param_count);
  wire_describe(&again, 'S', on->name);
  rc = bind_again(q, &again, on->name);
  if (rc) return rc;
  q->op.steps = STEP_CLOSE | STEP_PARSE | STEP_PARAMS | STEP_STMT_COLUMNS | STEP_BIND | STEP_EXECUTE;
  return 0;
}
