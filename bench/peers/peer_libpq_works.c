/* peer_libpq_works.c - queries, batches and transfers, blocking and in pipeline mode. */
#include <endian.h>
#include <string.h>

#include "../measure.h"
#include "peer_libpq.h"

/* PostgreSQL 17 and later; Debian's header is older. */
extern int PQsendPipelineSync(PGconn *conn) __attribute__((weak));
extern int PQsetChunkedRowsMode(PGconn *conn, int chunkSize) __attribute__((weak));
enum { TUPLES_CHUNK = 12, CHUNK_ROWS = 128 };

/* ---- sending: each of these leaves a flush to the caller's PQgetResult() ---- */

static void must(struct worker *w, int ok) {
  if (!ok) peer_fail(w->conn);
}

static void send(struct worker *w, const char *name, const struct parameters *p) {
  must(w, PQsendQueryPrepared(w->conn, name, p->count, p->values, p->lengths, p->formats, 1));
}

static void send_sync(struct worker *w) {
  must(w, PQsendPipelineSync ? PQsendPipelineSync(w->conn) : PQpipelineSync(w->conn));
  if (PQflush(w->conn) < 0) peer_fail(w->conn);
}

/* ---- receiving ---- */

/* In pipeline mode a NULL stands behind each statement's result. */
static PGresult *take(struct worker *w, ExecStatusType status) {
  PGresult *r = peer_expect(w->conn, PQgetResult(w->conn), status);
  if (PQgetResult(w->conn)) die("libpq: a second result");
  return r;
}

static void take_command(struct worker *w) { PQclear(take(w, PGRES_COMMAND_OK)); }

static void take_sync(struct worker *w) { PQclear(peer_expect(w->conn, PQgetResult(w->conn), PGRES_PIPELINE_SYNC)); }

static uint64_t decode_and_clear(struct worker *w, PGresult *r) {
  uint64_t rows = (uint64_t)PQntuples(r);
  w->sum += peer_decode(&w->peer->work, r);
  PQclear(r);
  return rows;
}

static PGresult *execute(struct worker *w, const char *name, const struct parameters *p, ExecStatusType status) {
  return peer_expect(w->conn, PQexecPrepared(w->conn, name, p->count, p->values, p->lengths, p->formats, 1), status);
}

static const struct parameters none;

static void command(struct worker *w, const char *name, const struct parameters *p) {
  PQclear(execute(w, name, p, PGRES_COMMAND_OK));
}

/* ---- query ---- */

uint64_t peer_query(struct worker *w) {
  return decode_and_clear(w, execute(w, "work", &w->peer->parameters, PGRES_TUPLES_OK));
}

uint64_t peer_query_rows(struct worker *w) {
  bool chunked = w->peer->mode == CHUNKED;
  uint64_t rows = 0;
  PGresult *r;

  send(w, "work", &w->peer->parameters);
  if (chunked && !PQsetChunkedRowsMode) die("libpq: chunked rows came with version 17");
  must(w, chunked ? PQsetChunkedRowsMode(w->conn, CHUNK_ROWS) : PQsetSingleRowMode(w->conn));
  while ((r = PQgetResult(w->conn))) {
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
      (void)peer_expect(w->conn, r, chunked ? (ExecStatusType)TUPLES_CHUNK : PGRES_SINGLE_TUPLE);
    rows += decode_and_clear(w, r);
  }
  return rows;
}

uint64_t peer_query_pipeline(struct worker *w) {
  uint64_t rows;
  send(w, "work", &w->peer->parameters);
  send_sync(w);
  rows = decode_and_clear(w, take(w, PGRES_TUPLES_OK));
  take_sync(w);
  return rows;
}

/* ---- batch ---- */

uint64_t peer_batch(struct worker *w) {
  int rows = w->peer->work.rows;
  PQclear(peer_expect(w->conn, PQexec(w->conn, "begin"), PGRES_COMMAND_OK));
  for (int i = 0; i < rows; i++) command(w, "work", &w->peer->parameters);
  PQclear(peer_expect(w->conn, PQexec(w->conn, "commit"), PGRES_COMMAND_OK));
  return (uint64_t)rows;
}

/* While it waits to send, libpq reads what has come: sending all before taking an answer cannot block for good. */
uint64_t peer_batch_pipeline(struct worker *w) {
  int rows = w->peer->work.rows;
  for (int i = 0; i < rows; i++) send(w, "work", &w->peer->parameters);
  send_sync(w);
  for (int i = 0; i < rows; i++) take_command(w);
  take_sync(w);
  return (uint64_t)rows;
}

/* ---- copy ---- */

static void put_copy(struct worker *w, const void *p, size_t n) {
  if (PQputCopyData(w->conn, p, (int)n) != 1) peer_fail(w->conn);
}

/* libpq knows no values: a row is made in its binary form, then handed over. */
static size_t make_row(unsigned char *out, const struct parameters *p) {
  uint16_t count = htobe16((uint16_t)p->count);
  unsigned char *at = out;

  memcpy(at, &count, sizeof count);
  at += sizeof count;
  for (int i = 0; i < p->count; i++) {
    uint32_t n = (uint32_t)(p->formats[i] ? (size_t)p->lengths[i] : strlen(p->values[i])), wire = htobe32(n);
    memcpy(at, &wire, sizeof wire);
    memcpy(at + sizeof wire, p->values[i], n);
    at += sizeof wire + n;
  }
  return (size_t)(at - out);
}

uint64_t peer_copy(struct worker *w) {
  static const char signature[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", trailer[] = "\377\377";
  const struct work *work = &w->peer->work;
  unsigned char row[1024];
  PGresult *r;

  PQclear(peer_expect(w->conn, PQexec(w->conn, work->sql), PGRES_COPY_IN));
  put_copy(w, signature, 19);
  for (int i = 0; i < work->rows; i++) put_copy(w, row, make_row(row, &w->peer->parameters));
  put_copy(w, trailer, 2);
  if (PQputCopyEnd(w->conn, NULL) != 1) peer_fail(w->conn);
  while ((r = PQgetResult(w->conn))) PQclear(peer_expect(w->conn, r, PGRES_COMMAND_OK));
  return (uint64_t)work->rows;
}

/* ---- transfer ---- */

static void set_int4(struct parameters *p, int i, int32_t v) {
  uint32_t wire = htobe32((uint32_t)v);
  memcpy(&p->wire[i], &wire, sizeof wire);
  p->values[i] = (const char *)&p->wire[i];
  p->lengths[i] = sizeof wire;
  p->formats[i] = 1;
  p->count = i + 1;
}

struct transfer {
  struct parameters read, debit, credit;
};

static void make_transfer(struct transfer *t, const struct worker *w) {
  int32_t from, to;
  work_accounts(w->index, w->n, &from, &to);
  set_int4(&t->read, 0, from);
  set_int4(&t->debit, 0, from);
  set_int4(&t->debit, 1, -1);
  set_int4(&t->credit, 0, to);
  set_int4(&t->credit, 1, 1);
}

static void check_balance(PGresult *r) {
  uint32_t wire;
  if (PQntuples(r) != 1 || PQgetlength(r, 0, 0) != sizeof wire) die("libpq: no balance");
  memcpy(&wire, PQgetvalue(r, 0, 0), sizeof wire);
  if ((int32_t)be32toh(wire) < 1) die("libpq: the account is empty");
  PQclear(r);
}

uint64_t peer_transfer(struct worker *w) {
  struct transfer t;
  make_transfer(&t, w);
  command(w, "begin", &none);
  check_balance(execute(w, "read", &t.read, PGRES_TUPLES_OK));
  command(w, "update", &t.debit);
  command(w, "update", &t.credit);
  command(w, "commit", &none);
  return 1;
}

uint64_t peer_transfer_pipeline(struct worker *w) {
  struct transfer t;
  make_transfer(&t, w);
  send(w, "begin", &none);
  send(w, "read", &t.read);
  send_sync(w);
  take_command(w);
  check_balance(take(w, PGRES_TUPLES_OK));
  take_sync(w);
  send(w, "update", &t.debit);
  send(w, "update", &t.credit);
  send(w, "commit", &none);
  send_sync(w);
  for (int i = 0; i < 3; i++) take_command(w);
  take_sync(w);
  return 1;
}
