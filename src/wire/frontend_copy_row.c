/* Rows of COPY FROM STDIN in its binary and its text format ("COPY", File Formats). */
#include <string.h>

#include "wire/codec.h"
#include "wire/copy_row.h"
#include "wire/encode.h"
#include "wire/frontend.h"

enum { SIGNATURE_SIZE = 11 + 4 + 4 };

void wire_copy_signature(struct buf *out) {
  /* The signature, no flags, no extension. */
  static const uint8_t signature[SIGNATURE_SIZE + 1] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
  buf_put(out, signature, SIGNATURE_SIZE);
}

void wire_copy_trailer(struct buf *out) { buf_put_be16(out, UINT16_MAX); }

/* Of a value that is not NULL. Text is the binary form of text types, and of values whose type the server is to infer. */
static bool is_binary(const dsql_param *v) { return v->format == 1 || v->oid == 0 || codec_is_text(v->oid); }

static int measure_row(dsql_params row, uint64_t *bytes, size_t *wrong) {
  *bytes = 2 + 4 * (uint64_t)row.n;
  for (size_t i = 0; i < row.n; i++) {
    const dsql_param *v = &row.v[i];
    *wrong = i;
    if (v->len >= 0) {
      if (!is_binary(v)) return DSQL_ETYPE;
      *bytes += (uint32_t)v->len;
    } else if (v->len != -1) {
      return DSQL_EINVAL;
    }
  }
  *wrong = row.n;
  return *bytes > WIRE_BODY_MAX ? DSQL_ETOOBIG : 0;
}

bool wire_copy_row_mixed(struct buf *out, const dsql_param *v, size_t n) { return copy_row_put(out, v, n, INT32_MAX); }

int wire_copy_row_binary(struct buf *out, dsql_params row, size_t *wrong) {
  uint64_t bytes;
  uint8_t *p;
  int rc;

  *wrong = row.n;
  if (row.n > WIRE_PARAMS_MAX) return DSQL_ETOOBIG;
  rc = measure_row(row, &bytes, wrong);
  if (rc) return rc;
  if (!buf_reserve(out, (size_t)bytes)) return out->error;
  p = out->data + out->len;
  store_be16(p, (uint16_t)row.n);
  p += 2;
  for (size_t i = 0; i < row.n; i++) p = wire_store_value(p, &row.v[i]);
  out->len += (size_t)bytes;
  return 0;
}

/* What stands for a byte behind a backslash; 0: it stands for itself. */
static char escape_of(char c) {
  switch (c) {
    case '\\': return '\\';
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    case '\v': return 'v';
    default: return 0;
  }
}

static int put_escaped(struct buf *out, const char *s, size_t n) {
  char *p;

  if (n > WIRE_BODY_MAX / 2) return DSQL_ETOOBIG;
  if (n && memchr(s, 0, n)) return DSQL_EINVAL; /* no text has one, and it would end the row early */
  if (!buf_reserve(out, 2 * n)) return out->error;
  p = (char *)out->data + out->len;
  for (size_t i = 0; i < n; i++) {
    char escape = escape_of(s[i]);
    if (escape) *p++ = '\\';
    *p++ = escape ? escape : s[i];
  }
  out->len = (size_t)((uint8_t *)p - out->data);
  return 0;
}

static int put_text(struct buf *out, struct arena *a, const dsql_param *v) {
  const void *data = v->data ? v->data : v->imm;
  dsql_str text = {data, 0};
  int rc = 0;

  if (v->len < -1) return DSQL_EINVAL;
  if (v->len == -1) {
    buf_put(out, "\\N", 2);
    return out->error;
  }
  text.len = (size_t)v->len;
  if (v->format == 1) rc = codec_to_text(a, v->oid, data, (size_t)v->len, &text);
  return rc ? rc : put_escaped(out, text.ptr, text.len);
}

int wire_copy_row_text(struct buf *out, struct arena *a, dsql_params row, size_t *wrong) {
  *wrong = row.n;
  for (size_t i = 0; i < row.n; i++) {
    int rc;
    if (i) buf_put_u8(out, '\t');
    rc = put_text(out, a, &row.v[i]);
    if (rc == 0) continue;
    *wrong = i;
    return rc;
  }
  buf_put_u8(out, '\n');
  return out->error;
}
