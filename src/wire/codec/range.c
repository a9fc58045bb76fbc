/* Ranges. Flags that the server's range_recv() does not look at are not looked at here. */
#include "wire/codec/container.h"

static void set_kind(dsql_range *r, bool lower_infinite, bool upper_infinite) {
  r->lower_infinite = lower_infinite;
  r->upper_infinite = upper_infinite;
  r->lower_inclusive &= !lower_infinite;
  r->upper_inclusive &= !upper_infinite;
}

static int binary_bound(struct cursor *c, dsql_value *out) {
  int rc = container_binary_element(c, out);
  return rc == 0 && out->null ? DSQL_EPROTO : rc;
}

static int range_binary(const dsql_value *v, dsql_range *r) {
  struct cursor c = cursor_of(container_bytes(v), v->len);
  unsigned flags = cursor_u8(&c);
  int rc = c.failed ? DSQL_EPROTO : 0;

  r->empty = flags & DSQL_RANGE_EMPTY;
  if (!r->empty) {
    r->lower_inclusive = flags & DSQL_LOWER_INCLUSIVE;
    r->upper_inclusive = flags & DSQL_UPPER_INCLUSIVE;
    set_kind(r, flags & DSQL_LOWER_INFINITE, flags & DSQL_UPPER_INFINITE);
    if (rc == 0 && !r->lower_infinite) rc = binary_bound(&c, &r->lower);
    if (rc == 0 && !r->upper_infinite) rc = binary_bound(&c, &r->upper);
  }
  return rc ? rc : cursor_done(&c) ? 0 : DSQL_EPROTO;
}

static int text_bound(dsql_str span, dsql_value *out) {
  dsql_str text = {"", 0};
  int rc = quoted_open(out->memory, span, &text);
  if (rc) return rc;
  out->null = span.len == 0;
  out->ptr = text.ptr;
  out->len = text.len;
  return 0;
}

static bool ends(struct scan *in) {
  quoted_skip_space(in);
  return scan_done(in);
}

static int range_text(const dsql_value *v, dsql_range *r) {
  struct scan in = scan_of(container_bytes(v), v->len);
  dsql_str lower, upper;
  int rc;

  quoted_skip_space(&in);
  if (scan_word(&in, "empty")) {
    r->empty = true;
    return ends(&in) ? 0 : DSQL_EPROTO;
  }
  r->lower_inclusive = scan_is(&in, '[');
  if (!scan_char(&in, '[') && !scan_char(&in, '(')) return DSQL_EPROTO;
  if (!quoted_span(&in, ",)]", &lower) || !scan_char(&in, ',')) return DSQL_EPROTO;
  if (!quoted_span(&in, ",)]", &upper)) return DSQL_EPROTO;
  r->upper_inclusive = scan_is(&in, ']');
  if ((!scan_char(&in, ']') && !scan_char(&in, ')')) || !ends(&in)) return DSQL_EPROTO;
  rc = text_bound(lower, &r->lower);
  if (rc == 0) rc = text_bound(upper, &r->upper);
  if (rc == 0) set_kind(r, r->lower.null, r->upper.null);
  return rc;
}

int dsql_value_range(const dsql_value *v, dsql_range *out) {
  dsql_range r = {0};
  uint32_t subtype;
  int rc = container_check(v, CONTAINER_RANGE, &subtype);

  if (rc) return rc;
  r.lower = (dsql_value){.ptr = "", .oid = subtype, .format = v->format, .null = true, .memory = v->memory};
  r.upper = r.lower;
  rc = v->format ? range_binary(v, &r) : range_text(v, &r);
  if (rc == 0) *out = r;
  return rc;
}
