#include "conn/observe.h"

#include <string.h>

#include "base/cursor.h"
#include "conn/startup.h"
#include "wire/backend.h"

/* ---- where ---- */

void observe_target(const struct target *t, const struct target_host *h, dsql_span *out) {
  out->host = observe_text(h->unix_socket ? h->socket_path : h->host ? h->host : h->hostaddr);
  out->port = h->unix_socket ? 0 : h->port;
  out->database = observe_text(t->dbname);
  out->user = observe_text(t->user);
}

/* Ahead of the connecting, and when it has failed, there is no order of the hosts. */
void observe_conn(const struct dsql_conn *c, dsql_span *out) {
  const struct target *t = c->target->target;
  observe_target(t, c->connect.order ? startup_host(c) : &t->hosts[0], out);
}

static struct link_stats moved(const struct dsql_conn *c) {
  struct link_stats now = {0};
  if (c->link) link_stats_get(c->link, &now);
  return now;
}

void observe_conn_before(const struct dsql_conn *c, struct observe_span *s) {
  struct link_stats now = moved(c);
  s->sent_before = now.bytes_sent;
  s->received_before = now.bytes_received;
}

void observe_conn_since(const struct dsql_conn *c, struct observe_span *s) {
  struct link_stats now = moved(c);
  if (c->link) observe_bytes(s, now.bytes_sent, now.bytes_received);
}

/* The host at the end may be another one than at the start. Its name lives as long as the target. */
static void where_now(const struct dsql_conn *c, struct observe_span *s) {
  dsql_span now = {0};
  if (!c->connect.order) return;
  observe_conn(c, &now);
  s->pub.host = now.host;
  s->pub.port = now.port;
}

/* ---- connects ---- */

void conn_observe_start(struct dsql_conn *c) {
  dsql_span what = {.kind = DSQL_SPAN_CONNECT};
  observe_conn(c, &what);
  c->connect_span = observe_start(c->rt, &what);
}

void conn_observe_end(struct dsql_conn *c, const struct error *e) {
  struct observe_span *s = c->connect_span;

  c->connect_span = NULL;
  where_now(c, s);
  observe_conn_since(c, s);
  observe_error(s, e);
  observe_end(c->rt, s);
}

/* ---- calls ---- */

/* A string of a message of our own: ends with a NUL inside the buffer. */
static dsql_str string_at(const struct buf *b, size_t at) {
  const uint8_t *end = at < b->len ? memchr(b->data + at, 0, b->len - at) : NULL;
  return end ? (dsql_str){(const char *)b->data + at, (size_t)(end - b->data) - at} : (dsql_str){"", 0};
}

/* As it was encoded: a prepared statement's, a Query's, or a Parse's, which has a name first. */
static dsql_str sql_of(const struct query *q) {
  const struct buf *b = &q->op.bytes;
  dsql_str name;

  if (q->statement && q->statement->stmt) return (dsql_str){q->statement->stmt->sql, q->statement->stmt->sql_len};
  if (b->len < WIRE_HEADER_SIZE || b->error) return (dsql_str){"", 0};
  if (b->data[0] == 'Q') return string_at(b, WIRE_HEADER_SIZE);
  if (b->data[0] != 'P') return (dsql_str){"", 0};
  name = string_at(b, WIRE_HEADER_SIZE);
  return string_at(b, WIRE_HEADER_SIZE + name.len + 1);
}

void query_observe_start(struct query *q) {
  struct dsql_conn *c = q->conn;
  dsql_span what = {.kind = DSQL_SPAN_QUERY, .parent_id = c->lender_id, .attempt = 1};
  char verb[SQL_VERB_SIZE];

  observe_conn(c, &what);
  what.sql = sql_of(q);
  sql_verb(what.sql.ptr, what.sql.len, verb);
  what.operation = observe_text(verb);
  what.sql.len = sql_shown_length(what.sql.ptr, what.sql.len);
  q->span = observe_start(c->rt, &what);
  if (!q->span) return;
  q->watched = true;
  observe_conn_before(c, q->span);
}

/* Rows that were shown one by one are gone: the tag has counted them. */
static void count_rows(const struct query *q, dsql_span *out) {
  int64_t affected = -1, rows = 0;

  for (const struct dsql_result *r = &q->result; r; r = r->next) {
    int64_t tagged = wire_tag_count(r->tag);
    if (tagged >= 0) affected = (affected < 0 ? 0 : affected) + tagged;
    rows += (int64_t)r->rows;
  }
  out->rows = q->each && q->op.rows_seen ? affected : rows; /* a portal's chunk has no tag: -1 */
  out->rows_affected = affected;
}

void query_observe_end(struct query *q, const struct error *e) {
  struct dsql_conn *c = q->conn;
  struct observe_span *s = q->span;

  q->span = NULL;
  where_now(c, s);
  observe_conn_since(c, s);
  if (q->retried) s->pub.attempt = 2;
  if (!e) count_rows(q, &s->pub);
  observe_error(s, e);
  observe_end(c->rt, s);
}
