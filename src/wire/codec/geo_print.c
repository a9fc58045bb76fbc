/* The texts of point_out, lseg_out, path_out ... (utils/adt/geo_ops.c). */
#include "wire/codec/print.h"
#include "wire/codec/scalars.h"

static char *print_pair(char *p, double x, double y) {
  p = codec_print_float8(p, x);
  *p++ = ',';
  return codec_print_float8(p, y);
}

char *codec_print_point(char *p, const dsql_point *v) {
  *p++ = '(';
  p = print_pair(p, v->x, v->y);
  *p++ = ')';
  return p;
}

static char *print_points(char *p, const dsql_point *points, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (i) *p++ = ',';
    p = codec_print_point(p, points + i);
  }
  return p;
}

static char *print_bracketed(char *p, const dsql_point *points, size_t count, bool closed) {
  *p++ = closed ? '(' : '[';
  p = print_points(p, points, count);
  *p++ = closed ? ')' : ']';
  return p;
}

char *codec_print_line(char *p, const dsql_line *v) {
  *p++ = '{';
  p = print_pair(p, v->a, v->b);
  *p++ = ',';
  p = codec_print_float8(p, v->c);
  *p++ = '}';
  return p;
}

char *codec_print_lseg(char *p, const dsql_lseg *v) { return print_bracketed(p, v->p, 2, false); }

char *codec_print_box(char *p, const dsql_box *v) {
  p = codec_print_point(p, &v->high);
  *p++ = ',';
  return codec_print_point(p, &v->low);
}

char *codec_print_circle(char *p, const dsql_circle *v) {
  *p++ = '<';
  p = codec_print_point(p, &v->center);
  *p++ = ',';
  p = codec_print_float8(p, v->radius);
  *p++ = '>';
  return p;
}

char *codec_print_path(char *p, const dsql_path *v) { return print_bracketed(p, v->points, v->count, v->closed); }
char *codec_print_polygon(char *p, const dsql_polygon *v) { return print_bracketed(p, v->points, v->count, true); }
