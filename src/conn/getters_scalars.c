/* Reading results: the types of dsql/scalars.h. The value's getter (wire/codec/value_scalars.c) does the rest. */
#include "dsql/scalars.h"

/* Defines dsql_get_<name>(). */
#define GETTER(name, type)                                                                                             \
  int dsql_get_##name(const dsql_result *r, size_t row, unsigned col, type *out) {                                     \
    dsql_value v;                                                                                                      \
    int rc = dsql_get_value(r, row, col, &v);                                                                          \
    return rc ? rc : dsql_value_##name(&v, out);                                                                       \
  }

GETTER(inet, dsql_inet)
GETTER(macaddr, dsql_macaddr)
GETTER(macaddr8, dsql_macaddr8)
GETTER(bits, dsql_bits)
GETTER(point, dsql_point)
GETTER(line, dsql_line)
GETTER(lseg, dsql_lseg)
GETTER(box, dsql_box)
GETTER(circle, dsql_circle)
GETTER(path, dsql_path)
GETTER(polygon, dsql_polygon)
GETTER(pg_lsn, uint64_t)
GETTER(tid, dsql_tid)
GETTER(xid, uint32_t)
GETTER(xid8, uint64_t)
GETTER(decimal, dsql_decimal)
