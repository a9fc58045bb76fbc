/* Composites and records. */
#include "wire/codec/container.h"

static int record_binary(dsql_record *r) {
  struct cursor c = cursor_of(r->inside.pos, (size_t)(r->inside.end - r->inside.pos));
  int32_t count = cursor_i32(&c);

  if (c.failed || count < 0 || (size_t)count > cursor_left(&c) / 8) return DSQL_EPROTO;
  if (count == 0 && !cursor_done(&c)) return DSQL_EPROTO;
  r->count = (size_t)count;
  r->inside.pos = (const char *)c.pos;
  return 0;
}

/* "(1,,\"a b\")": what follows the parenthesis is looked at by the last field. */
static int record_text(dsql_record *r) {
  struct scan in = scan_of(r->inside.pos, (size_t)(r->inside.end - r->inside.pos));
  dsql_str field;

  quoted_skip_space(&in);
  if (!scan_char(&in, '(')) return DSQL_EPROTO;
  r->inside.pos = in.pos;
  do {
    if (!quoted_span(&in, ",)", &field)) return DSQL_EPROTO;
    r->count++;
  } while (scan_char(&in, ','));
  in.pos++;
  quoted_skip_space(&in);
  return scan_done(&in) ? 0 : DSQL_EPROTO;
}

int dsql_record_begin(const dsql_value *v, dsql_record *out) {
  dsql_record r = {0};
  int rc;

  if (v->null) return DSQL_ENULL;
  if (v->oid && v->oid != RECORD_OID && v->oid < FIRST_USER_OID) return DSQL_ETYPE;
  r.inside.pos = container_bytes(v);
  r.inside.end = r.inside.pos + v->len;
  r.inside.format = v->format;
  r.inside.memory = v->memory;
  rc = v->format ? record_binary(&r) : record_text(&r);
  r.inside.left = r.count;
  if (rc == 0) *out = r;
  return rc;
}

static int next_binary(dsql_record *r, dsql_value *field) {
  struct cursor c = cursor_of(r->inside.pos, (size_t)(r->inside.end - r->inside.pos));
  int rc;

  field->oid = cursor_u32(&c);
  rc = container_binary_element(&c, field);
  if (rc) return rc;
  r->inside.pos = (const char *)c.pos;
  return r->inside.left == 1 && !cursor_done(&c) ? DSQL_EPROTO : 0;
}

static int next_text(dsql_record *r, dsql_value *field) {
  struct scan in = scan_of(r->inside.pos, (size_t)(r->inside.end - r->inside.pos));
  dsql_str span, text;
  int rc;

  if (!quoted_span(&in, ",)", &span)) return DSQL_EPROTO;
  rc = quoted_open(r->inside.memory, span, &text);
  if (rc) return rc;
  r->inside.pos = in.pos + 1;
  field->null = span.len == 0;
  field->ptr = text.ptr;
  field->len = text.len;
  return 0;
}

int dsql_record_next(dsql_record *r, dsql_value *field) {
  int rc;

  if (r->inside.left == 0) return 0;
  *field = (dsql_value){.format = r->inside.format, .memory = r->inside.memory};
  rc = r->inside.format ? next_binary(r, field) : next_text(r, field);
  if (rc) return rc;
  r->inside.left--;
  return 1;
}
