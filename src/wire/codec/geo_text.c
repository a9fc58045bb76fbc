#include "wire/codec/scalars.h"
#include "wire/codec/scan.h"

/* A double up to the delimiter that must follow it. */
static int scan_double(struct scan *s, char delimiter, double *out) {
  const char *end = scan_done(s) ? NULL : memchr(s->pos, delimiter, scan_left(s));
  int rc = end ? codec_float8_text(s->pos, (size_t)(end - s->pos), out) : DSQL_EPROTO;
  if (rc == 0) s->pos = end + 1;
  return rc;
}

/* "(x,y)" */
static int scan_point(struct scan *s, dsql_point *out) {
  int rc = scan_char(s, '(') ? scan_double(s, ',', &out->x) : DSQL_EPROTO;
  return rc ? rc : scan_double(s, ')', &out->y);
}

/* Points with commas between them. */
static int scan_points(struct scan *s, dsql_point *points, size_t count) {
  int rc = 0;
  for (size_t i = 0; i < count && rc == 0; i++) {
    rc = i && !scan_char(s, ',') ? DSQL_EPROTO : scan_point(s, points + i);
  }
  return rc;
}

/* The code so far, or EPROTO when something is left. */
static int at_end(const struct scan *s, int rc) { return rc == 0 && !scan_done(s) ? DSQL_EPROTO : rc; }

int codec_point_text(const char *s, size_t n, dsql_point *out) {
  struct scan in = scan_of(s, n);
  dsql_point v;
  int rc = at_end(&in, scan_point(&in, &v));
  if (rc == 0) *out = v;
  return rc;
}

int codec_line_text(const char *s, size_t n, dsql_line *out) {
  struct scan in = scan_of(s, n);
  dsql_line v;
  int rc = scan_char(&in, '{') ? scan_double(&in, ',', &v.a) : DSQL_EPROTO;
  if (rc == 0) rc = scan_double(&in, ',', &v.b);
  if (rc == 0) rc = at_end(&in, scan_double(&in, '}', &v.c));
  if (rc == 0) *out = v;
  return rc;
}

int codec_lseg_text(const char *s, size_t n, dsql_lseg *out) {
  struct scan in = scan_of(s, n);
  dsql_lseg v;
  int rc = scan_char(&in, '[') ? scan_points(&in, v.p, 2) : DSQL_EPROTO;
  if (rc == 0) rc = scan_char(&in, ']') ? at_end(&in, 0) : DSQL_EPROTO;
  if (rc == 0) *out = v;
  return rc;
}

int codec_box_text(const char *s, size_t n, dsql_box *out) {
  struct scan in = scan_of(s, n);
  dsql_point p[2];
  int rc = at_end(&in, scan_points(&in, p, 2));
  if (rc == 0) *out = (dsql_box){p[0], p[1]};
  return rc;
}

int codec_circle_text(const char *s, size_t n, dsql_circle *out) {
  struct scan in = scan_of(s, n);
  dsql_circle v;
  int rc = scan_char(&in, '<') ? scan_point(&in, &v.center) : DSQL_EPROTO;
  if (rc == 0) rc = scan_char(&in, ',') ? at_end(&in, scan_double(&in, '>', &v.radius)) : DSQL_EPROTO;
  if (rc == 0) *out = v;
  return rc;
}

/* The points between two brackets, all that is left. Each has a parenthesis, so that counting these first gives the
 * array's size; it is at most a fifth of the text's. */
static int bracketed(struct arena *a, struct scan *s, char open, char close, const dsql_point **points, size_t *count) {
  dsql_point *list;
  size_t n = 0;
  int rc;
  if (scan_left(s) < 2 || !scan_char(s, open) || s->end[-1] != close) return DSQL_EPROTO;
  for (const char *p = s->pos; p < s->end; p++) n += *p == '(';
  list = n ? arena_alloc(a, n * sizeof *list) : NULL;
  if (!list) return n ? DSQL_ENOMEM : DSQL_EPROTO;
  rc = scan_points(s, list, n);
  if (rc) return rc;
  if (scan_left(s) != 1) return DSQL_EPROTO;
  *points = list;
  *count = n;
  return 0;
}

int codec_path_text(struct arena *a, const char *s, size_t n, dsql_path *out) {
  struct scan in = scan_of(s, n);
  bool closed = scan_is(&in, '(');
  int rc = bracketed(a, &in, closed ? '(' : '[', closed ? ')' : ']', &out->points, &out->count);
  if (rc == 0) out->closed = closed;
  return rc;
}

int codec_polygon_text(struct arena *a, const char *s, size_t n, dsql_polygon *out) {
  struct scan in = scan_of(s, n);
  return bracketed(a, &in, '(', ')', &out->points, &out->count);
}
