#include "describe.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What is put together, and where its end is: strlen() over and over again would take most of a test's time. */
struct line {
  char *out;
  size_t n;
};

static __attribute__((format(printf, 2, 3))) void put(struct line *l, const char *format, ...) {
  va_list args;
  int n;
  va_start(args, format);
  n = vsnprintf(l->out + l->n, DESCRIBE_SIZE - l->n, format, args);
  va_end(args);
  l->n += (size_t)n;
  if (l->n >= DESCRIBE_SIZE) l->n = DESCRIBE_SIZE - 1;
}

static int put_value(struct line *l, const char *before, const dsql_value *v) {
  dsql_str s = {"~", 1};
  int rc = v->null ? 0 : dsql_value_text(v, &s);
  if (rc == 0) put(l, "%s%.*s", before, (int)s.len, s.ptr);
  return rc;
}

int describe_array(const dsql_value *v, char out[DESCRIBE_SIZE]) {
  dsql_array a;
  dsql_value element;
  struct line l = {out, 0};
  int rc = dsql_array_begin(v, &a);

  *out = '\0';
  if (rc) return rc;
  put(&l, a.ndim ? "" : "none");
  for (int i = 0; i < a.ndim; i++) {
    put(&l, "%s%d", i ? "x" : "", (int)a.dims[i]);
    if (a.lower_bounds[i] != 1) put(&l, "@%d", (int)a.lower_bounds[i]);
  }
  for (size_t i = 0; (rc = dsql_array_next(&a, &element)) > 0; i++) {
    rc = put_value(&l, i ? "|" : " ", &element);
    if (rc) return rc;
  }
  return rc;
}

int describe_record(const dsql_value *v, char out[DESCRIBE_SIZE]) {
  dsql_record r;
  dsql_value field;
  struct line l = {out, 0};
  int rc = dsql_record_begin(v, &r);

  *out = '\0';
  if (rc) return rc;
  put(&l, "%zu", r.count);
  for (size_t i = 0; (rc = dsql_record_next(&r, &field)) > 0; i++) {
    rc = put_value(&l, i ? "|" : " ", &field);
    if (rc) return rc;
  }
  return rc;
}

int describe_range(const dsql_value *v, char out[DESCRIBE_SIZE]) {
  dsql_range r;
  struct line l = {out, 0};
  int rc = dsql_value_range(v, &r);

  *out = '\0';
  if (rc) return rc;
  if (r.empty) put(&l, "empty ");
  put(&l, "%s", r.lower_infinite ? "-inf" : r.lower_inclusive ? ">=" : ">");
  rc = put_value(&l, " ", &r.lower);
  put(&l, " %s", r.upper_infinite ? "inf" : r.upper_inclusive ? "<=" : "<");
  return rc ? rc : put_value(&l, " ", &r.upper);
}

int describe_multirange(const dsql_value *v, char out[DESCRIBE_SIZE]) {
  dsql_multirange m;
  dsql_value range;
  struct line l = {out, 0};
  int rc = dsql_multirange_begin(v, &m);

  *out = '\0';
  if (rc) return rc;
  put(&l, "%zu", m.count);
  for (size_t i = 0; (rc = dsql_multirange_next(&m, &range)) > 0; i++) {
    rc = put_value(&l, i ? " & " : " ", &range);
    if (rc) return rc;
  }
  return rc;
}
