/* peer_floor_works.c - the messages of the works (Protocol, "Message Formats"). */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "../measure.h"
#include "peer_floor.h"

/* ---- bytes ---- */

static void put(struct flight *f, const void *p, size_t n) {
  while (f->length + n > f->cap) {
    f->cap = f->cap ? 2 * f->cap : 1024;
    if (!(f->bytes = realloc(f->bytes, f->cap))) die("out of memory");
  }
  memcpy(f->bytes + f->length, p, n);
  f->length += n;
}

static void put_text(struct flight *f, const char *s) { put(f, s, strlen(s) + 1); }

static void put_int2(struct flight *f, int v) {
  uint16_t wire = htobe16((uint16_t)v);
  put(f, &wire, sizeof wire);
}

static void put_int4(struct flight *f, uint32_t v) {
  uint32_t wire = htobe32(v);
  put(f, &wire, sizeof wire);
}

static size_t begin_message(struct flight *f, char type) {
  size_t at;
  if (type) put(f, &type, 1);
  at = f->length;
  put_int4(f, 0);
  return at;
}

static void end_message(struct flight *f, size_t at) {
  uint32_t wire = htobe32((uint32_t)(f->length - at));
  memcpy(f->bytes + at, &wire, sizeof wire);
}

/* ---- messages ---- */

void flight_startup(struct flight *f, const char *user) {
  size_t at = begin_message(f, 0);
  put_int4(f, 196608);
  put_text(f, "user");
  put_text(f, user);
  put_text(f, "database");
  put_text(f, "postgres");
  put(f, "", 1);
  end_message(f, at);
}

void flight_password(struct flight *f, const char *password) {
  size_t at = begin_message(f, 'p');
  put_text(f, password);
  end_message(f, at);
}

static uint32_t oid_of(enum type type) { return type == INT4 ? 23 : type == BOOL ? 16 : type == FLOAT8 ? 701 : 25; }

void flight_parse(struct flight *f, const char *name, const char *sql, const struct work *w) {
  size_t at = begin_message(f, 'P');
  int count = w ? w->arguments : 0;
  put_text(f, name);
  put_text(f, sql);
  put_int2(f, count);
  for (int i = 0; i < count; i++) put_int4(f, oid_of(w->argument[i].type));
  end_message(f, at);
}

static void put_argument(struct flight *f, const struct argument *a) {
  uint64_t bits;
  switch (a->type) {
    case INT4:
      put_int4(f, 4);
      put_int4(f, (uint32_t)a->integer);
      break;
    case BOOL:
      put_int4(f, 1);
      put(f, a->integer ? "\1" : "\0", 1);
      break;
    case FLOAT8:
      memcpy(&bits, &a->real, sizeof bits);
      put_int4(f, 8);
      put_int4(f, (uint32_t)(bits >> 32));
      put_int4(f, (uint32_t)bits);
      break;
    default:
      put_int4(f, (uint32_t)strlen(a->text));
      put(f, a->text, strlen(a->text));
      break;
  }
}

void flight_execute(struct flight *f, const char *name, const struct work *w, const int32_t *values, int count) {
  size_t at = begin_message(f, 'B');
  put_text(f, "");
  put_text(f, name);
  put_int2(f, 1);
  put_int2(f, 1);
  put_int2(f, w ? w->arguments : count);
  for (int i = 0; w && i < w->arguments; i++) put_argument(f, &w->argument[i]);
  for (int i = 0; !w && i < count; i++) {
    put_int4(f, 4);
    put_int4(f, (uint32_t)values[i]);
  }
  put_int2(f, 1);
  put_int2(f, 1);
  end_message(f, at);
  at = begin_message(f, 'E');
  put_text(f, "");
  put_int4(f, 0);
  end_message(f, at);
}

void flight_sync(struct flight *f) { end_message(f, begin_message(f, 'S')); }

/* ---- works ---- */

static void make_transfer(struct flight *f, const struct worker *w, int n) {
  int32_t from, to;
  work_accounts(w->index, (uint64_t)n, &from, &to);
  flight_execute(&f[0], "begin", NULL, NULL, 0);
  flight_execute(&f[0], "read", NULL, &from, 1);
  flight_sync(&f[0]);
  flight_execute(&f[1], "update", NULL, (int32_t[]){from, -1}, 2);
  flight_execute(&f[1], "update", NULL, (int32_t[]){to, 1}, 2);
  flight_execute(&f[1], "commit", NULL, NULL, 0);
  flight_sync(&f[1]);
}

static void make_executions(struct flight *f, const struct work *w) {
  int count = w->kind == BATCH ? w->rows : 1;
  for (int i = 0; i < count; i++) flight_execute(f, "work", w, NULL, 0);
  flight_sync(f);
}

static void put_row(struct flight *f, const struct work *w) {
  put_int2(f, w->arguments);
  for (int i = 0; i < w->arguments; i++) put_argument(f, &w->argument[i]);
}

/* All at once: the server reads on by itself. */
static void make_copy(struct flight *f, const struct work *w) {
  enum { ROWS_PER_MESSAGE = 100 };
  size_t at = begin_message(f, 'Q');

  put_text(f, w->sql);
  end_message(f, at);
  at = begin_message(f, 'd');
  put(f, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
  for (int i = 0; i < w->rows; i++) {
    put_row(f, w);
    if (i % ROWS_PER_MESSAGE < ROWS_PER_MESSAGE - 1) continue;
    end_message(f, at);
    at = begin_message(f, 'd');
  }
  put(f, "\377\377", 2);
  end_message(f, at);
  end_message(f, begin_message(f, 'c'));
}

void make_flights(struct worker *w) {
  const struct work *work = &w->peer->work;
  bool transfer = work->kind == TRANSFER;

  w->flights_per_work = transfer ? 2 : 1;
  w->flights_count = transfer ? 2 * TRANSFER_SPAN : 1;
  if (!(w->flights = calloc((size_t)w->flights_count, sizeof *w->flights))) die("out of memory");
  if (work->kind == COPY)
    make_copy(w->flights, work);
  else if (!transfer)
    make_executions(w->flights, work);
  for (int i = 0; transfer && i < TRANSFER_SPAN; i++) make_transfer(&w->flights[(size_t)2 * (size_t)i], w, i);
}
