/* peer_libpq_values.c - parameters to wire form, fields to native values. */
#include <endian.h>
#include <string.h>

#include "../measure.h"
#include "peer_libpq.h"

static const Oid type_oids[] = {
    [INT4] = 23, [INT2] = 21,  [OID] = 26,    [BOOL] = 16,          [CHAR] = 18,    [NAME] = 19,
    [TEXT] = 25, [BYTEA] = 17, [DATE] = 1082, [TIMESTAMPTZ] = 1184, [FLOAT8] = 701, [INT4_ARRAY] = 1007};

/* ---- parameters ---- */

static int put(struct parameters *p, int i, uint64_t big_endian, int width) {
  uint64_t wire = htobe64(big_endian << (64 - 8 * width));
  memcpy(&p->wire[i], &wire, sizeof wire);
  p->values[i] = (const char *)&p->wire[i];
  return width;
}

static int put_argument(struct parameters *p, int i, const struct argument *a) {
  uint64_t bits;
  switch (a->type) {
    case INT4: return put(p, i, (uint32_t)a->integer, 4);
    case BOOL: return put(p, i, (uint64_t)a->integer, 1);
    case FLOAT8: memcpy(&bits, &a->real, sizeof bits); return put(p, i, bits, 8);
    default: break;
  }
  p->values[i] = a->text;
  return (int)strlen(a->text);
}

void peer_parameters(struct parameters *out, const struct work *w) {
  out->count = w->arguments;
  for (int i = 0; i < w->arguments; i++) {
    out->types[i] = type_oids[w->argument[i].type];
    out->formats[i] = 1;
    out->lengths[i] = put_argument(out, i, &w->argument[i]);
  }
}

/* ---- fields ---- */

static uint64_t fixed(const PGresult *r, int row, int col, int width) {
  uint64_t wire = 0;
  if (PQgetlength(r, row, col) != width) die("libpq: unexpected width");
  memcpy(&wire, PQgetvalue(r, row, col), (size_t)width);
  return be64toh(wire) >> (64 - 8 * width);
}

static uint32_t int4_at(const char *p) {
  uint32_t wire;
  memcpy(&wire, p, sizeof wire);
  return be32toh(wire);
}

/* One dimension without NULLs: dimensions, flags, type, count and lower bound, then each element behind its length. */
static int64_t decode_array(const PGresult *r, int row, int col) {
  enum { HEAD = 20, ELEMENT = 8 };
  const char *p = PQgetvalue(r, row, col), *end = p + PQgetlength(r, row, col);
  int64_t sum = 0;

  if (end - p < HEAD || int4_at(p) != 1 || int4_at(p + 8) != type_oids[INT4]) die("libpq: unexpected array");
  if (end - p != HEAD + ELEMENT * (int64_t)int4_at(p + 12)) die("libpq: unexpected length of an array");
  for (p += HEAD; p < end; p += ELEMENT) {
    if (int4_at(p) != 4) die("libpq: unexpected element");
    sum += (int32_t)int4_at(p + 4);
  }
  return sum;
}

static int64_t decode_field(enum type type, const PGresult *r, int row, int col) {
  if (PQftype(r, col) != type_oids[type]) die("libpq: unexpected type %u", PQftype(r, col));
  if (PQgetisnull(r, row, col)) die("libpq: unexpected NULL");
  switch (type) {
    case INT2: return (int16_t)fixed(r, row, col, 2);
    case INT4:
    case DATE: return (int32_t)fixed(r, row, col, 4);
    case OID: return (int64_t)fixed(r, row, col, 4);
    case BOOL:
    case CHAR: return (int64_t)fixed(r, row, col, 1);
    case TIMESTAMPTZ: return (int64_t)fixed(r, row, col, 8) / 1000000;
    case NAME:
    case TEXT:
    case BYTEA: return text_check(PQgetvalue(r, row, col), (uint64_t)PQgetlength(r, row, col));
    case INT4_ARRAY: return decode_array(r, row, col);
    case FLOAT8: break;
  }
  die("libpq: a column of an unexpected type");
}

int64_t peer_decode(const struct work *w, const PGresult *r) {
  int rows = PQntuples(r);
  int64_t sum = 0;
  if (PQnfields(r) != w->columns) die("libpq: unexpected number of columns");
  for (int row = 0; row < rows; row++)
    for (int col = 0; col < w->columns; col++) sum += decode_field(w->column[col], r, row, col);
  return sum;
}
