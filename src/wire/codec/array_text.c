/* An array as text, by the rules of array_in() for what array_out() writes. */
#include "wire/codec/array.h"

enum token { TOKEN_BAD, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_DELIMITER, TOKEN_ELEMENT };

static bool quoted_element(struct scan *in) {
  for (in->pos++; !scan_done(in); in->pos++) {
    if (*in->pos == '"') {
      in->pos++;
      return true;
    }
    if (*in->pos == '\\' && ++in->pos == in->end) return false;
  }
  return false;
}

/* Up to the next sign of structure, without the white space before it. */
static bool plain_element(struct scan *in, char delimiter, const char **end) {
  for (*end = in->pos; !scan_done(in); in->pos++) {
    char c = *in->pos;
    if (c == delimiter || c == '{' || c == '}') return true;
    if (c == '"' || (c == '\\' && ++in->pos == in->end)) return false;
    if (c == '\\' || !quoted_is_space(c)) *end = in->pos + 1;
  }
  return false;
}

static enum token next_token(struct scan *in, char delimiter, dsql_str *element) {
  const char *start, *end;

  quoted_skip_space(in);
  if (scan_done(in)) return TOKEN_BAD;
  if (scan_char(in, '{')) return TOKEN_OPEN;
  if (scan_char(in, '}')) return TOKEN_CLOSE;
  if (scan_char(in, delimiter)) return TOKEN_DELIMITER;
  start = in->pos;
  if (scan_is(in, '"')) {
    if (!quoted_element(in)) return TOKEN_BAD;
    end = in->pos;
  } else if (!plain_element(in, delimiter, &end)) {
    return TOKEN_BAD;
  }
  *element = (dsql_str){start, (size_t)(end - start)};
  return TOKEN_ELEMENT;
}

static int bound(struct scan *in, int32_t *out) {
  bool plus = scan_char(in, '+');
  const char *start = in->pos;
  if (!plus) (void)scan_char(in, '-');
  while (scan_is_digit(in)) in->pos++;
  return codec_int4_text(start, (size_t)(in->pos - start), out);
}

/* "[1:3][-2:0]=", kept as the sizes that the braces must have; without it, the lower bounds are 1. */
static int dimensions(struct scan *in, dsql_array *a, int32_t *sizes) {
  int rc, n = 0;

  for (int i = 0; i < DSQL_DIMS_MAX; i++) a->lower_bounds[i] = 1;
  for (; scan_char(in, '['); n++) {
    int32_t upper, size;
    if (n == DSQL_DIMS_MAX) return DSQL_EPROTO;
    rc = bound(in, &a->lower_bounds[n]);
    if (rc == 0 && !scan_char(in, ':')) rc = DSQL_EPROTO;
    if (rc == 0) rc = bound(in, &upper);
    if (rc == 0 && !scan_char(in, ']')) rc = DSQL_EPROTO;
    if (rc) return rc;
    if (__builtin_sub_overflow(upper, a->lower_bounds[n], &size) || __builtin_add_overflow(size, 1, &size))
      return DSQL_ERANGE;
    sizes[n] = size;
  }
  if (n && !scan_char(in, '=')) return DSQL_EPROTO;
  return n;
}

/* Where a walk through the braces is. */
struct walk {
  dsql_array *array;
  int depth;
  bool deepest;                  /* an element was seen: its depth is the number of dimensions */
  bool value_due;                /* after a brace that opens, or a delimiter */
  bool empty;                    /* "{" so far */
  int32_t counts[DSQL_DIMS_MAX]; /* of the braces that are open */
};

static bool open_brace(struct walk *w) {
  if (!w->value_due || w->depth == DSQL_DIMS_MAX || (w->deepest && w->depth == w->array->ndim)) return false;
  w->empty = w->depth == 0;
  w->counts[w->depth++] = 0;
  return true;
}

static bool close_brace(struct walk *w) {
  int32_t *size;

  if (w->value_due && !w->empty) return false;
  size = &w->array->dims[--w->depth];
  if (*size >= 0 && *size != w->counts[w->depth]) return false; /* braces of one depth hold the same number */
  *size = w->counts[w->depth];
  if (w->depth) w->counts[w->depth - 1]++;
  w->value_due = false;
  return true;
}

static bool take_element(struct walk *w) {
  if (!w->value_due || w->depth == 0 || (w->deepest && w->depth != w->array->ndim)) return false;
  w->deepest = true;
  w->array->ndim = w->depth;
  w->counts[w->depth - 1]++;
  w->value_due = w->empty = false;
  return true;
}

static bool step(struct walk *w, enum token t) {
  switch (t) {
    case TOKEN_OPEN: return open_brace(w);
    case TOKEN_CLOSE: return close_brace(w);
    case TOKEN_ELEMENT: return take_element(w);
    case TOKEN_DELIMITER:
      if (w->value_due) return false;
      w->value_due = true;
      return true;
    default: return false;
  }
}

int array_text_begin(dsql_array *a) {
  struct scan in = scan_of(a->inside.pos, (size_t)(a->inside.end - a->inside.pos));
  struct walk w = {.array = a, .value_due = true};
  int32_t sizes[DSQL_DIMS_MAX];
  dsql_str element;
  int given = dimensions(&in, a, sizes);

  if (given < 0) return given;
  a->inside.pos = in.pos;
  for (int i = 0; i < DSQL_DIMS_MAX; i++) a->dims[i] = -1;
  if (!scan_is(&in, '{')) return DSQL_EPROTO;
  do {
    if (!step(&w, next_token(&in, a->inside.delimiter, &element))) return DSQL_EPROTO;
  } while (w.depth);
  if (!scan_done(&in) || (given && given != a->ndim)) return DSQL_EPROTO;
  for (int i = 0; i < given; i++)
    if (sizes[i] != a->dims[i]) return DSQL_EPROTO;
  for (int i = a->ndim; i < DSQL_DIMS_MAX; i++) a->dims[i] = 0;
  return array_count(a, SIZE_MAX);
}

static bool is_null(dsql_str s) {
  return s.len == 4 && (s.ptr[0] | 32) == 'n' && (s.ptr[1] | 32) == 'u' && (s.ptr[2] | 32) == 'l' &&
         (s.ptr[3] | 32) == 'l';
}

int array_text_next(dsql_array *a, dsql_value *element) {
  struct scan in = scan_of(a->inside.pos, (size_t)(a->inside.end - a->inside.pos));
  enum token t;
  dsql_str span, text;
  int rc;

  do {
    t = next_token(&in, a->inside.delimiter, &span);
  } while (t != TOKEN_ELEMENT && t != TOKEN_BAD);
  if (t == TOKEN_BAD) return DSQL_EPROTO;
  a->inside.pos = in.pos;
  element->null = is_null(span);
  rc = quoted_open(a->inside.memory, span, &text);
  if (rc) return rc;
  element->ptr = element->null ? "" : text.ptr;
  element->len = element->null ? 0 : text.len;
  return 0;
}
