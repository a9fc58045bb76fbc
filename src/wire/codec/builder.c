/* Parameters that hold several values: what array_recv, record_recv, range_recv and multirange_recv read. */
#include "base/buf.h"
#include "wire/codec/container.h"
#include "wire/codec/numeric.h"

enum { KIND_RECORD = CONTAINER_MULTIRANGE + 1, REFUSED = -2 };

void dsql_builder_init(dsql_builder *b, void *memory, size_t cap) {
  *b = (dsql_builder){0};
  b->inside.memory = memory;
  b->inside.cap = memory ? cap : 0;
}

static void fail(dsql_builder *b, int code) {
  if (!b->error) b->error = code;
}

static void put(dsql_builder *b, const void *p, size_t n) {
  if (n > SIZE_MAX - b->size) {
    fail(b, DSQL_ERANGE);
    return;
  }
  if (n && b->size <= b->inside.cap && n <= b->inside.cap - b->size) memcpy(b->inside.memory + b->size, p, n);
  b->size += n;
}

static void put32(dsql_builder *b, uint32_t v) {
  uint8_t bytes[4];
  store_be32(bytes, v);
  put(b, bytes, sizeof bytes);
}

/* The container's length is known at its end. */
static void set_length(dsql_builder *b, size_t at) {
  size_t length = b->size - at - 4;
  if (length > INT32_MAX)
    fail(b, DSQL_ERANGE);
  else if (at + 4 <= b->inside.cap)
    store_be32(b->inside.memory + at, (uint32_t)length);
}

/* Containers that have their last value end, the innermost first. */
static void end_full(dsql_builder *b) {
  while (b->inside.depth && b->inside.open[b->inside.depth - 1].left == 0)
    if (--b->inside.depth) set_length(b, b->inside.open[b->inside.depth].length_at);
}

/* Room for one more value of this type (0: not said); a record's field begins with it. */
static bool take_place(dsql_builder *b, uint32_t oid) {
  unsigned depth = b->inside.depth;

  if (b->error) return false;
  if (depth == 0) {
    fail(b, DSQL_EINVAL);
    return false;
  }
  if (b->inside.open[depth - 1].kind == CONTAINER_ARRAY && oid && oid != b->inside.open[depth - 1].element) {
    fail(b, DSQL_ETYPE);
    return false;
  }
  b->inside.open[depth - 1].left--;
  if (b->inside.open[depth - 1].kind == KIND_RECORD) put32(b, oid);
  return true;
}

/* ---- containers ---- */

static bool open_container(dsql_builder *b, int kind, uint32_t oid, uint32_t element, size_t count) {
  size_t at = b->size;

  if (b->error) return false;
  if (b->inside.depth == 0 ? b->inside.begun : b->inside.depth == DSQL_BUILD_DEPTH) {
    fail(b, DSQL_EINVAL);
    return false;
  }
  if (b->inside.depth) {
    if (!take_place(b, oid)) return false;
    at = b->size;
    put32(b, 0);
  } else {
    b->inside.oid = oid;
  }
  b->inside.begun = true;
  b->inside.open[b->inside.depth].length_at = at;
  b->inside.open[b->inside.depth].left = count;
  b->inside.open[b->inside.depth].element = element;
  b->inside.open[b->inside.depth].kind = kind;
  b->inside.depth++;
  return true;
}

/* 0 or EINVAL, ERANGE: what the server would refuse. */
static int count_elements(int ndim, const int32_t *dims, const int32_t *lower_bounds, size_t *count) {
  int64_t n = ndim > 0;
  int32_t upper;

  if (ndim < 0 || ndim > DSQL_DIMS_MAX) return DSQL_EINVAL;
  for (int i = 0; i < ndim; i++) {
    if (dims[i] < 0) return DSQL_EINVAL;
    if (lower_bounds && __builtin_add_overflow(lower_bounds[i], dims[i], &upper)) return DSQL_ERANGE;
    n *= dims[i];
    if (n > INT32_MAX) return DSQL_ERANGE;
  }
  *count = (size_t)n;
  return 0;
}

void dsql_build_array(dsql_builder *b, uint32_t oid, uint32_t elem_oid, int ndim, const int32_t *dims,
                      const int32_t *lower_bounds) {
  size_t count = 0;
  int rc = count_elements(ndim, dims, lower_bounds, &count);

  if (rc) fail(b, rc);
  if (!open_container(b, CONTAINER_ARRAY, oid ? oid : container_array_of(elem_oid), elem_oid, count)) return;
  if (count == 0) ndim = 0;
  put32(b, (uint32_t)ndim);
  put32(b, count > 0); /* NULLs are possible: the server does not ask whether there are any */
  put32(b, elem_oid);
  for (int i = 0; i < ndim; i++) {
    put32(b, (uint32_t)dims[i]);
    put32(b, lower_bounds ? (uint32_t)lower_bounds[i] : 1);
  }
  end_full(b);
}

void dsql_build_list(dsql_builder *b, uint32_t elem_oid, size_t n) {
  int32_t size = n <= INT32_MAX ? (int32_t)n : -1;
  dsql_build_array(b, 0, elem_oid, 1, &size, NULL);
}

void dsql_build_record(dsql_builder *b, uint32_t oid, size_t fields) {
  if (fields > INT32_MAX) fail(b, DSQL_EINVAL);
  if (!open_container(b, KIND_RECORD, oid, 0, fields)) return;
  put32(b, (uint32_t)fields);
  end_full(b);
}

void dsql_build_range(dsql_builder *b, uint32_t oid, unsigned flags) {
  uint8_t byte = (uint8_t)flags;
  size_t bounds = (size_t) !(flags & DSQL_LOWER_INFINITE) + !(flags & DSQL_UPPER_INFINITE);

  if (flags > 31) fail(b, DSQL_EINVAL);
  if (!open_container(b, CONTAINER_RANGE, oid, 0, flags & DSQL_RANGE_EMPTY ? 0 : bounds)) return;
  put(b, &byte, 1);
  end_full(b);
}

void dsql_build_multirange(dsql_builder *b, uint32_t oid, size_t ranges) {
  if (ranges > INT32_MAX) fail(b, DSQL_EINVAL);
  if (!open_container(b, CONTAINER_MULTIRANGE, oid, 0, ranges)) return;
  put32(b, (uint32_t)ranges);
  end_full(b);
}

/* ---- values ---- */

static void put_numeric(dsql_builder *b, const char *s, size_t n) {
  struct numeric_text x;
  uint8_t group[2];
  int rc = codec_numeric_scan(s, n, &x);

  if (rc) {
    fail(b, rc == DSQL_EPROTO ? DSQL_EINVAL : rc);
    return;
  }
  put32(b, (uint32_t)(8 + 2 * x.count));
  put(b, x.head, sizeof x.head);
  for (size_t i = 0; i < x.count; i++) {
    store_be16(group, codec_numeric_scan_group(&x, i));
    put(b, group, sizeof group);
  }
}

/* A value given as text, of a type that has the same bytes in binary or is easily turned. */
static void put_text(dsql_builder *b, uint32_t oid, const void *p, size_t n) {
  if (oid == DSQL_NUMERIC) {
    put_numeric(b, p, n);
  } else if (oid == DSQL_JSONB) {
    put32(b, (uint32_t)n + 1);
    put(b, "\1", 1);
    put(b, p, n);
  } else if (oid == 0 || codec_is_text(oid) || oid >= FIRST_USER_OID) {
    put32(b, (uint32_t)n);
    put(b, p, n);
  } else {
    fail(b, DSQL_ETYPE);
  }
}

void dsql_build_value(dsql_builder *b, dsql_param v) {
  const void *p = v.data ? v.data : v.imm;
  bool is_null = v.len == -1;
  unsigned depth = b->inside.depth;
  int kind = depth ? b->inside.open[depth - 1].kind : KIND_RECORD;
  uint32_t oid = v.oid ? v.oid : kind == KIND_RECORD ? DSQL_TEXT : 0;

  if (v.len < -1) fail(b, DSQL_EINVAL);
  if (kind == CONTAINER_MULTIRANGE || (is_null && kind == CONTAINER_RANGE)) fail(b, DSQL_ETYPE);
  if (!take_place(b, oid)) return;
  if (kind == CONTAINER_ARRAY) oid = b->inside.open[depth - 1].element;
  if (is_null) {
    put32(b, UINT32_MAX);
  } else if (v.format == 0) {
    put_text(b, oid, p, (size_t)v.len);
  } else {
    put32(b, (uint32_t)v.len);
    put(b, p, (size_t)v.len);
  }
  end_full(b);
}

dsql_param dsql_built(dsql_builder *b) {
  if (!b->inside.begun || b->inside.depth) fail(b, DSQL_EINVAL);
  if (b->size > b->inside.cap) fail(b, DSQL_ETOOBIG);
  if (b->size > INT32_MAX) fail(b, DSQL_ERANGE);
  if (b->error) return (dsql_param){.len = REFUSED};
  return dsql_raw(b->inside.oid, 1, b->inside.memory, b->size);
}
