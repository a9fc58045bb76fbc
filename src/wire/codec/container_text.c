/* Containers in binary as the server's _out functions print them. The types inside are those that the catalog says, so
 * that nesting is never deeper than an array of multiranges of ranges. */
#include "wire/codec/container.h"

enum { ON_STACK = 512, TEXT_MAX = 0x3fffffff };

bool container_has_binary(uint32_t oid) {
  const struct container *c = codec_container(oid);
  return c && codec_has_binary(c->element);
}

/* What a text must be quoted for, in its container, and how quotes and backslashes are then written. */
struct quoting {
  const char *specials;
  bool doubled; /* "" and \\, else \" and \\ */
  bool null_word;
};

static bool is_null_word(dsql_str s) {
  static const char word[4] = "NULL";
  for (size_t i = 0; i < sizeof word; i++)
    if (s.len != sizeof word || (s.ptr[i] & ~32) != word[i]) return false;
  return true;
}

static bool needs_quotes(const struct quoting *q, dsql_str s) {
  if (s.len == 0 || (q->null_word && is_null_word(s))) return true;
  for (size_t i = 0; i < s.len; i++)
    if (quoted_is_space(s.ptr[i]) || (s.ptr[i] && strchr(q->specials, s.ptr[i]))) return true;
  return false;
}

static void put_text(struct buf *b, const struct quoting *q, dsql_str s) {
  if (!needs_quotes(q, s)) {
    buf_put(b, s.ptr, s.len);
    return;
  }
  buf_put_u8(b, '"');
  for (size_t i = 0; i < s.len; i++) {
    if (s.ptr[i] == '\\' || (s.ptr[i] == '"' && !q->doubled)) buf_put_u8(b, '\\');
    if (s.ptr[i] == '"' && q->doubled) buf_put_u8(b, '"');
    buf_put_u8(b, (uint8_t)s.ptr[i]);
  }
  buf_put_u8(b, '"');
}

/* The value's own text, quoted. What it takes while it is made is given back. */
static int put_value(struct buf *b, struct arena_pool *pool, const struct quoting *q, const dsql_value *v) {
  uint64_t storage[ON_STACK / 8];
  struct arena a;
  dsql_str text;
  int rc;

  arena_init_on(&a, pool, storage, sizeof storage);
  rc = codec_to_text(&a, v->oid, v->ptr, v->len, &text);
  if (rc == 0) put_text(b, q, text);
  arena_deinit(&a);
  return rc;
}

/* ---- arrays ---- */

static void put_bounds(struct buf *b, const dsql_array *a) {
  bool plain = true;
  for (int i = 0; i < a->ndim; i++) plain = plain && a->lower_bounds[i] == 1;
  if (plain) return;
  for (int i = 0; i < a->ndim; i++)
    buf_printf(b, "[%d:%d]", (int)a->lower_bounds[i], (int)(a->lower_bounds[i] + a->dims[i] - 1));
  buf_put_u8(b, '=');
}

/* Between element `at` - 1 and `at`: the braces of every dimension that ends and begins there. */
static void put_braces(struct buf *b, const dsql_array *a, size_t at, char delimiter) {
  int turns = 0;
  size_t size = 1;

  for (int i = a->ndim - 1; i >= 0; i--) {
    size *= (size_t)a->dims[i];
    turns += at % size == 0;
  }
  for (int i = 0; at && i < turns; i++) buf_put_u8(b, '}');
  if (at && at < a->count) buf_put_u8(b, (uint8_t)delimiter);
  for (int i = 0; at < a->count && i < turns; i++) buf_put_u8(b, '{');
}

static int put_array(struct buf *b, struct arena_pool *pool, const dsql_value *v) {
  struct quoting q = {"\"\\{},", .null_word = true};
  dsql_array a;
  dsql_value element;
  int rc = dsql_array_begin(v, &a);

  if (rc) return rc;
  if (a.inside.delimiter == ';') q.specials = "\"\\{};";
  if (a.count == 0) buf_put_str(b, "{}");
  put_bounds(b, &a);
  for (size_t i = 0; (rc = dsql_array_next(&a, &element)) > 0; i++) {
    put_braces(b, &a, i, a.inside.delimiter);
    rc = element.null ? 0 : put_value(b, pool, &q, &element);
    if (element.null) buf_put_str(b, "NULL");
    if (rc) return rc;
  }
  if (a.count) put_braces(b, &a, a.count, a.inside.delimiter);
  return rc;
}

/* ---- ranges ---- */

static int put_range(struct buf *b, struct arena_pool *pool, const dsql_value *v) {
  static const struct quoting q = {"\"\\()[],", .doubled = true};
  dsql_range r;
  int rc = dsql_value_range(v, &r);

  if (rc) return rc;
  if (r.empty) {
    buf_put_str(b, "empty");
    return 0;
  }
  buf_put_u8(b, r.lower_inclusive ? '[' : '(');
  if (!r.lower.null) rc = put_value(b, pool, &q, &r.lower);
  buf_put_u8(b, ',');
  if (rc == 0 && !r.upper.null) rc = put_value(b, pool, &q, &r.upper);
  buf_put_u8(b, r.upper_inclusive ? ']' : ')');
  return rc;
}

static int put_multirange(struct buf *b, struct arena_pool *pool, const dsql_value *v) {
  dsql_multirange m;
  dsql_value range;
  int rc = dsql_multirange_begin(v, &m);

  if (rc) return rc;
  buf_put_u8(b, '{');
  for (size_t i = 0; (rc = dsql_multirange_next(&m, &range)) > 0; i++) {
    if (i) buf_put_u8(b, ',');
    rc = put_range(b, pool, &range);
    if (rc) return rc;
  }
  buf_put_u8(b, '}');
  return rc;
}

/* ---- */

static int put_container(struct buf *b, struct arena_pool *pool, enum container_kind kind, const dsql_value *v) {
  int rc;
  switch (kind) {
    case CONTAINER_ARRAY: rc = put_array(b, pool, v); break;
    case CONTAINER_RANGE: rc = put_range(b, pool, v); break;
    default: rc = put_multirange(b, pool, v);
  }
  return rc ? rc : b->error;
}

int container_to_text(struct arena *a, uint32_t oid, const uint8_t *p, size_t n, dsql_str *out) {
  const struct container *c = codec_container(oid);
  dsql_value v = {.ptr = p, .len = n, .oid = oid, .format = 1};
  uint8_t storage[ON_STACK];
  struct buf b;
  char *text;
  int rc;

  if (!c || !codec_has_binary(c->element)) return DSQL_ETYPE;
  buf_init_on(&b, a->pool->alloc, TEXT_MAX, storage, sizeof storage);
  rc = put_container(&b, a->pool, c->kind, &v);
  text = rc == 0 ? arena_strndup(a, (const char *)b.data, b.len) : NULL;
  if (rc == 0 && !text) rc = DSQL_ENOMEM;
  if (rc == 0) *out = (dsql_str){text, b.len};
  buf_deinit(&b);
  return rc;
}
