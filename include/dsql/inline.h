/* inline.h - included by dsql.h: the commonest constructors of parameters once more, for the compiler to take into the
 * caller. The library has each of them as a function too, for those that take its address, or don't optimise, or define
 * DSQL_NO_INLINE. Each is that function's twin: tests compare them. */
#ifndef DSQL_INLINE_H
#define DSQL_INLINE_H

#if defined(__GNUC__) && defined(__OPTIMIZE__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && !defined(DSQL_NO_INLINE)

/* Never a function of the program's own, whatever else is declared: in C and in C++ alike. */
#define DSQL_INLINE extern __inline__ __attribute__((__gnu_inline__))

/* What stands behind a value in imm is nobody's business, and left as it is. */
#define DSQL_SCALAR(type, bits)                                                                                        \
  dsql_param p;                                                                                                        \
  p.oid = (type);                                                                                                      \
  p.format = 1;                                                                                                        \
  p.len = (int32_t)sizeof(bits);                                                                                       \
  p.data = NULL;                                                                                                       \
  __builtin_memcpy(p.imm, &(bits), sizeof(bits));                                                                      \
  return p

DSQL_INLINE dsql_param dsql_bool(bool v) {
  unsigned char bits = v;
  DSQL_SCALAR(DSQL_BOOL, bits);
}

DSQL_INLINE dsql_param dsql_int2(int16_t v) {
  uint16_t bits = __builtin_bswap16((uint16_t)v);
  DSQL_SCALAR(DSQL_INT2, bits);
}

DSQL_INLINE dsql_param dsql_int4(int32_t v) {
  uint32_t bits = __builtin_bswap32((uint32_t)v);
  DSQL_SCALAR(DSQL_INT4, bits);
}

DSQL_INLINE dsql_param dsql_int8(int64_t v) {
  uint64_t bits = __builtin_bswap64((uint64_t)v);
  DSQL_SCALAR(DSQL_INT8, bits);
}

DSQL_INLINE dsql_param dsql_float8(double v) {
  uint64_t bits;
  __builtin_memcpy(&bits, &v, sizeof bits);
  bits = __builtin_bswap64(bits);
  DSQL_SCALAR(DSQL_FLOAT8, bits);
}

DSQL_INLINE dsql_param dsql_timestamptz(int64_t us) {
  uint64_t bits = __builtin_bswap64((uint64_t)us);
  DSQL_SCALAR(DSQL_TIMESTAMPTZ, bits);
}

DSQL_INLINE dsql_param dsql_text_n(const char *s, size_t n) {
  dsql_param p;
  p.oid = 0;
  p.format = 0;
  p.len = !s ? -1 : n > INT32_MAX ? -2 : (int32_t)n;
  p.data = p.len < 0 ? NULL : s;
  return p;
}

DSQL_INLINE dsql_param dsql_text(const char *s) { return dsql_text_n(s, s ? __builtin_strlen(s) : 0); }

#undef DSQL_SCALAR
#undef DSQL_INLINE
#endif
#endif
