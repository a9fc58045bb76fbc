#include "describe.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static __attribute__((format(printf, 2, 3))) void put(char *out, const char *format, ...) {
  size_t n = strlen(out);
  va_list args;
  va_start(args, format);
  (void)vsnprintf(out + n, DESCRIBE_SIZE - n, format, args);
  va_end(args);
}

static int put_value(char *out, const char *before, const dsql_value *v) {
  dsql_str s = {"~", 1};
  int rc = v->null ? 0 : dsql_value_text(v, &s);
  if (rc == 0) put(out, "%s%.*s", before, (int)s.len, s.ptr);
  return rc;
}

int describe_array(const dsql_value *v, char out[DESCRIBE_SIZE]) {
  dsql_array a;
  dsql_value element;
  int rc = dsql_array_begin(v, &a);

  *out = '\0';
  if (rc) return rc;
  put(out, a.ndim ? "" : "none");
  for (int i = 0; i < a.ndim; i++) {
    put(out, "%s%d", i ? "x" : "", (int)a.dims[i]);
    if (a.lower_bounds[i] != 1) put(out, "@%d", (int)a.lower_bounds[i]);
  }
  for (size_t i = 0; (rc = dsql_array_next(&a, &element)) > 0; i++) {
    rc = put_value(out, i ? "|" : " ", &element);
    if (rc) return rc;
  }
  return rc;
}

int describe_record(const dsql_value *v, char out[DESCRIBE_SIZE]) {
  dsql_record r;
  dsql_value field;
  int rc = dsql_record_begin(v, &r);

  *out = '\0';
  if (rc) return rc;
  put(out, "%zu", r.count);
  for (size_t i = 0; (rc = dsql_record_next(&r, &field)) > 0; i++) {
    rc = put_value(out, i ? "|" : " ", &field);
    if (rc) return rc;
  }
  return rc;
}

int describe_range(const dsql_value *v, char out[DESCRIBE_SIZE]) {
  dsql_range r;
  int rc = dsql_value_range(v, &r);

  *out = '\0';
  if (rc) return rc;
  if (r.empty) put(out, "empty ");
  put(out, "%s", r.lower_infinite ? "-inf" : r.lower_inclusive ? ">=" : ">");
  rc = put_value(out, " ", &r.lower);
  put(out, " %s", r.upper_infinite ? "inf" : r.upper_inclusive ? "<=" : "<");
  return rc ? rc : put_value(out, " ", &r.upper);
}

int describe_multirange(const dsql_value *v, char out[DESCRIBE_SIZE]) {
  dsql_multirange m;
  dsql_value range;
  int rc = dsql_multirange_begin(v, &m);

  *out = '\0';
  if (rc) return rc;
  put(out, "%zu", m.count);
  for (size_t i = 0; (rc = dsql_multirange_next(&m, &range)) > 0; i++) {
    rc = put_value(out, i ? " & " : " ", &range);
    if (rc) return rc;
  }
  return rc;
}
