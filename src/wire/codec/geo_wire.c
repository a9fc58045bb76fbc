#include "wire/codec/scalars.h"

/* Exactly count doubles. */
static int read_doubles(const uint8_t *p, size_t n, double *out, size_t count) {
  if (n != 8 * count) return DSQL_EPROTO;
  for (size_t i = 0; i < count; i++) (void)codec_float8_binary(p + 8 * i, 8, out + i);
  return 0;
}

int codec_point_binary(const uint8_t *p, size_t n, dsql_point *out) {
  double v[2];
  int rc = read_doubles(p, n, v, 2);
  if (rc == 0) *out = (dsql_point){v[0], v[1]};
  return rc;
}

int codec_line_binary(const uint8_t *p, size_t n, dsql_line *out) {
  double v[3];
  int rc = read_doubles(p, n, v, 3);
  if (rc == 0) *out = (dsql_line){v[0], v[1], v[2]};
  return rc;
}

int codec_lseg_binary(const uint8_t *p, size_t n, dsql_lseg *out) {
  double v[4];
  int rc = read_doubles(p, n, v, 4);
  if (rc == 0) *out = (dsql_lseg){{{v[0], v[1]}, {v[2], v[3]}}};
  return rc;
}

int codec_box_binary(const uint8_t *p, size_t n, dsql_box *out) {
  double v[4];
  int rc = read_doubles(p, n, v, 4);
  if (rc == 0) *out = (dsql_box){{v[0], v[1]}, {v[2], v[3]}};
  return rc;
}

int codec_circle_binary(const uint8_t *p, size_t n, dsql_circle *out) {
  double v[3];
  int rc = read_doubles(p, n, v, 3);
  if (rc == 0) *out = (dsql_circle){{v[0], v[1]}, v[2]};
  return rc;
}

/* int32 count, points. The count is believed only when it fits the bytes that are there. */
static int read_points(struct arena *a, const uint8_t *p, size_t n, const dsql_point **points, size_t *count) {
  dsql_point *list;
  size_t left = n - 4;
  if (n < 4 || left == 0 || left % 16 || load_be32(p) != left / 16) return DSQL_EPROTO;
  list = arena_alloc(a, left);
  if (!list) return DSQL_ENOMEM;
  for (size_t i = 0; i < left / 16; i++) (void)codec_point_binary(p + 4 + 16 * i, 16, list + i);
  *points = list;
  *count = left / 16;
  return 0;
}

int codec_path_binary(struct arena *a, const uint8_t *p, size_t n, dsql_path *out) {
  int rc;
  if (n < 1 || *p > 1) return DSQL_EPROTO;
  rc = read_points(a, p + 1, n - 1, &out->points, &out->count);
  if (rc == 0) out->closed = *p;
  return rc;
}

int codec_polygon_binary(struct arena *a, const uint8_t *p, size_t n, dsql_polygon *out) {
  return read_points(a, p, n, &out->points, &out->count);
}
