/* A span in the names of OpenTelemetry: https://opentelemetry.io/docs/specs/semconv/db/postgresql/ (stable), and
 * db.response.returned_rows of https://opentelemetry.io/docs/specs/semconv/db/database-spans/ */
#include "dsql/observe.h"

struct attributes {
  dsql_attribute *out;
  size_t cap, n;
};

static void put(struct attributes *a, const char *name, dsql_str text, int64_t number) {
  if (a->n < a->cap) a->out[a->n] = (dsql_attribute){name, text, number};
  a->n++;
}

static void text(struct attributes *a, const char *name, dsql_str v) {
  if (v.len) put(a, name, v, 0);
}

static void word(struct attributes *a, const char *name, const char *v) {
  size_t n = 0;
  while (v[n]) n++;
  text(a, name, (dsql_str){v, n});
}

static void number(struct attributes *a, const char *name, int64_t v) { put(a, name, (dsql_str){NULL, 0}, v); }

/* The server's code, else the name of ours. */
static void error(struct attributes *a, const dsql_error *e) {
  word(a, "db.response.status_code", e->sqlstate);
  word(a, "error.type", *e->sqlstate ? e->sqlstate : dsql_error_name(e->code));
  if (e->flags & DSQL_IN_DOUBT) number(a, "dsql.in_doubt", 1);
  if (e->flags & DSQL_NOT_SENT) number(a, "dsql.not_sent", 1);
}

static void end(struct attributes *a, const dsql_span *s) {
  if (s->rows >= 0) number(a, "db.response.returned_rows", s->rows);
  if (s->rows_affected >= 0) number(a, "dsql.rows_affected", s->rows_affected);
  if (s->bytes_sent) number(a, "dsql.bytes_sent", (int64_t)s->bytes_sent);
  if (s->bytes_received) number(a, "dsql.bytes_received", (int64_t)s->bytes_received);
  if (s->error) error(a, s->error);
  if (s->conflict) word(a, "dsql.conflict", s->conflict == DSQL_CONFLICT_SCHEMA ? "schema" : "data");
  if (s->will_retry) number(a, "dsql.will_retry", 1);
}

size_t dsql_span_attributes(const dsql_span *s, dsql_attribute *out, size_t cap) {
  struct attributes a = {.out = out, .cap = cap};

  word(&a, "db.system.name", "postgresql");
  text(&a, "server.address", s->host);
  if (s->port) number(&a, "server.port", s->port);
  text(&a, "db.namespace", s->database);
  text(&a, "dsql.user", s->user);
  text(&a, "db.query.summary", s->operation);
  text(&a, "db.query.text", s->sql);
  if (s->batch_size > 1) number(&a, "db.operation.batch.size", s->batch_size);
  if (s->attempt) number(&a, "dsql.attempt", s->attempt);
  if (s->ended) end(&a, s);
  return a.n;
}
