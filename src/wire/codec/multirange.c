/* Multiranges. */
#include "wire/codec/container.h"

static int multirange_binary(dsql_multirange *m) {
  struct cursor c = cursor_of(m->inside.pos, (size_t)(m->inside.end - m->inside.pos));
  uint32_t count = cursor_u32(&c);

  if (c.failed || count > cursor_left(&c) / 5) return DSQL_EPROTO; /* a length and a range's flags */
  if (count == 0 && !cursor_done(&c)) return DSQL_EPROTO;
  m->count = count;
  m->inside.pos = (const char *)c.pos;
  return 0;
}

/* One range, from its bracket to its bracket, or "empty". */
static bool range_span(struct scan *in, dsql_str *out) {
  const char *start;
  dsql_str bound;

  quoted_skip_space(in);
  start = in->pos;
  if (!scan_word(in, "empty")) {
    if (!scan_char(in, '[') && !scan_char(in, '(')) return false;
    if (!quoted_span(in, ",)]", &bound) || !scan_char(in, ',') || !quoted_span(in, ",)]", &bound)) return false;
    if (!scan_char(in, ']') && !scan_char(in, ')')) return false;
  }
  *out = (dsql_str){start, (size_t)(in->pos - start)};
  quoted_skip_space(in);
  return true;
}

static int multirange_text(dsql_multirange *m) {
  struct scan in = scan_of(m->inside.pos, (size_t)(m->inside.end - m->inside.pos));
  dsql_str range;

  quoted_skip_space(&in);
  if (!scan_char(&in, '{')) return DSQL_EPROTO;
  quoted_skip_space(&in);
  m->inside.pos = in.pos;
  if (!scan_is(&in, '}')) do {
      if (!range_span(&in, &range)) return DSQL_EPROTO;
      m->count++;
    } while (scan_char(&in, ','));
  if (!scan_char(&in, '}')) return DSQL_EPROTO;
  quoted_skip_space(&in);
  return scan_done(&in) ? 0 : DSQL_EPROTO;
}

int dsql_multirange_begin(const dsql_value *v, dsql_multirange *out) {
  dsql_multirange m = {0};
  int rc = container_check(v, CONTAINER_MULTIRANGE, &m.range_oid);

  if (rc) return rc;
  m.inside.pos = container_bytes(v);
  m.inside.end = m.inside.pos + v->len;
  m.inside.format = v->format;
  m.inside.memory = v->memory;
  rc = v->format ? multirange_binary(&m) : multirange_text(&m);
  m.inside.left = m.count;
  if (rc == 0) *out = m;
  return rc;
}

static int next_binary(dsql_multirange *m, dsql_value *range) {
  struct cursor c = cursor_of(m->inside.pos, (size_t)(m->inside.end - m->inside.pos));
  int rc = container_binary_element(&c, range);

  if (rc) return rc;
  m->inside.pos = (const char *)c.pos;
  return range->null || (m->inside.left == 1 && !cursor_done(&c)) ? DSQL_EPROTO : 0;
}

static int next_text(dsql_multirange *m, dsql_value *range) {
  struct scan in = scan_of(m->inside.pos, (size_t)(m->inside.end - m->inside.pos));
  dsql_str span;

  if (!range_span(&in, &span)) return DSQL_EPROTO;
  m->inside.pos = in.pos + scan_is(&in, ',');
  range->ptr = span.ptr;
  range->len = span.len;
  return 0;
}

int dsql_multirange_next(dsql_multirange *m, dsql_value *range) {
  int rc;

  if (m->inside.left == 0) return 0;
  *range = (dsql_value){.oid = m->range_oid, .format = m->inside.format, .memory = m->inside.memory};
  rc = m->inside.format ? next_binary(m, range) : next_text(m, range);
  if (rc) return rc;
  m->inside.left--;
  return 1;
}
