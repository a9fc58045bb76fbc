/* types.h - values by themselves, and what holds several: arrays, ranges, multiranges, composites; the catalog's word on
 * a user's types. Guide: docs/types.md.
 *
 * A value is a view with its type. Iterators live on the caller's stack and take nothing from the allocator: elements
 * are views of the container's bytes. Only where a text has to be made or freed of its quotes, that is made in the
 * memory of the result which the value was read from, and lives as long. */
#ifndef DSQL_TYPES_H
#define DSQL_TYPES_H

#include "dsql/dsql.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- one value --------------------------------------------------------------------------------------------------- */

typedef struct dsql_value {
  const void *ptr; /* the bytes as they came; lives as long as the result (a row callback's: until that returns) */
  size_t len;
  uint32_t oid; /* 0: the bytes do not tell. It may be set by who knows it, to a domain's base type too */
  int format;   /* 0 text, 1 binary */
  bool null;
  void *memory; /* the result's, for texts that have to be made; NULL: these then fail with EINVAL */
} dsql_value;

/* NULL is a value here: 0 with out->null. EINVAL: no such row or column. */
DSQL_API DSQL_NODISCARD int dsql_get_value(const dsql_result *r, size_t row, unsigned col, dsql_value *out);

/* As the getters of results of the same name (dsql.h): 0, ENULL, ETYPE, ERANGE, EPROTO, ENOMEM; *out is written only on 0.
 * A value with oid 0 is read as what is asked for. */
DSQL_API DSQL_NODISCARD int dsql_value_bool(const dsql_value *v, bool *out);
DSQL_API DSQL_NODISCARD int dsql_value_int2(const dsql_value *v, int16_t *out);
DSQL_API DSQL_NODISCARD int dsql_value_int4(const dsql_value *v, int32_t *out);
DSQL_API DSQL_NODISCARD int dsql_value_int8(const dsql_value *v, int64_t *out);
DSQL_API DSQL_NODISCARD int dsql_value_oid(const dsql_value *v, uint32_t *out);
DSQL_API DSQL_NODISCARD int dsql_value_float4(const dsql_value *v, float *out);
DSQL_API DSQL_NODISCARD int dsql_value_float8(const dsql_value *v, double *out);
DSQL_API DSQL_NODISCARD int dsql_value_text(const dsql_value *v, dsql_str *out); /* of any type, enums among them */
DSQL_API DSQL_NODISCARD int dsql_value_bytes(const dsql_value *v, dsql_str *out);
DSQL_API DSQL_NODISCARD int dsql_value_uuid(const dsql_value *v, dsql_uuid *out);
DSQL_API DSQL_NODISCARD int dsql_value_date(const dsql_value *v, int32_t *days);
DSQL_API DSQL_NODISCARD int dsql_value_time(const dsql_value *v, int64_t *time_us);
DSQL_API DSQL_NODISCARD int dsql_value_timetz(const dsql_value *v, dsql_timetz *out);
DSQL_API DSQL_NODISCARD int dsql_value_timestamp(const dsql_value *v, int64_t *us);
DSQL_API DSQL_NODISCARD int dsql_value_timestamptz(const dsql_value *v, int64_t *us);
DSQL_API DSQL_NODISCARD int dsql_value_interval(const dsql_value *v, dsql_interval *out);
DSQL_API DSQL_NODISCARD int dsql_value_numeric(const dsql_value *v, dsql_str *decimal);
DSQL_API DSQL_NODISCARD int dsql_value_numeric_scaled(const dsql_value *v, unsigned scale, int64_t *out);
DSQL_API DSQL_NODISCARD int dsql_value_json(const dsql_value *v, dsql_str *out); /* jsonb too */

/* ---- arrays ------------------------------------------------------------------------------------------------------ */

enum { DSQL_DIMS_MAX = 6 };

typedef struct dsql_array {
  uint32_t elem_oid; /* 0: an array of a user's type as text; may be set before the first dsql_array_next() */
  int ndim;          /* 0: empty */
  int32_t dims[DSQL_DIMS_MAX], lower_bounds[DSQL_DIMS_MAX];
  size_t count; /* of elements: the product of dims */
  struct {      /* not for users */
    const char *pos, *end;
    size_t left;
    int format;
    char delimiter;
    void *memory;
  } inside;
} dsql_array;

/* The whole is checked against its bytes first: at most DSQL_DIMS_MAX dimensions, and no more elements than there are
 * bytes for. 0, ENULL, ETYPE (no array), EPROTO, ERANGE (a bound beyond int32). */
DSQL_API DSQL_NODISCARD int dsql_array_begin(const dsql_value *v, dsql_array *out);
/* The next element in storage order (the last subscript runs fastest): 1; 0 at the end; or EPROTO, ENOMEM, EINVAL. */
DSQL_API DSQL_NODISCARD int dsql_array_next(dsql_array *a, dsql_value *element);
/* All of an array at once into cap places, in storage order whatever its dimensions: the quickest way for many numbers. 0,
 * *n is their count; ETOOBIG: cap is too small, *n is the count all the same; else as of dsql_array_begin() and of the
 * elements' getter: ENULL is an element that is NULL too. */
DSQL_API DSQL_NODISCARD int dsql_value_int4_array(const dsql_value *v, int32_t *out, size_t cap, size_t *n);
DSQL_API DSQL_NODISCARD int dsql_value_int8_array(const dsql_value *v, int64_t *out, size_t cap, size_t *n);
DSQL_API DSQL_NODISCARD int dsql_value_float8_array(const dsql_value *v, double *out, size_t cap, size_t *n);

/* ---- composites and records --------------------------------------------------------------------------------------- */

typedef struct dsql_record {
  size_t count; /* of fields. As text one field that is NULL and none look the same: count is 1 then */
  struct {      /* not for users */
    const char *pos, *end;
    size_t left;
    int format;
    void *memory;
  } inside;
} dsql_record;

/* A composite's type is not looked at, but a type that surely is none is ETYPE. Fields of a text have oid 0. As above. */
DSQL_API DSQL_NODISCARD int dsql_record_begin(const dsql_value *v, dsql_record *out);
DSQL_API DSQL_NODISCARD int dsql_record_next(dsql_record *r, dsql_value *field);

/* ---- ranges and multiranges ---------------------------------------------------------------------------------------- */

typedef struct dsql_range {
  dsql_value lower, upper; /* .null where the range is empty or has no such bound */
  bool empty;
  bool lower_infinite, upper_infinite; /* no bound on that side */
  bool lower_inclusive, upper_inclusive;
} dsql_range;

/* Bounds of a user's range type have oid 0. 0, ENULL, ETYPE, EPROTO, ENOMEM. */
DSQL_API DSQL_NODISCARD int dsql_value_range(const dsql_value *v, dsql_range *out);

typedef struct dsql_multirange {
  uint32_t range_oid;
  size_t count;
  struct { /* not for users */
    const char *pos, *end;
    size_t left;
    int format;
    void *memory;
  } inside;
} dsql_multirange;

DSQL_API DSQL_NODISCARD int dsql_multirange_begin(const dsql_value *v, dsql_multirange *out);
/* 1 and the next range, for dsql_value_range(); 0 at the end. */
DSQL_API DSQL_NODISCARD int dsql_multirange_next(dsql_multirange *m, dsql_value *range);

/* ---- parameters that hold several values -----------------------------------------------------------------------------
 *
 * A builder writes one in binary to memory of the caller's, which must live until the call that takes the parameter. A
 * container says how many values it has; then they follow one by one, each a dsql_param by any constructor or a
 * container in its turn, and it ends with its last:
 *
 *   dsql_builder_init(&b, memory, sizeof memory);
 *   dsql_build_list(&b, DSQL_INT8, 2);
 *   dsql_build_value(&b, dsql_int8(7));
 *   dsql_build_value(&b, dsql_null());
 *   f = dsql_query(c, "select sum(x) from unnest($1) x", DSQL_PARAMS(dsql_built(&b)), NULL);
 *
 * Errors stick and are looked at once, by dsql_built(). */
enum { DSQL_BUILD_DEPTH = 6 }; /* containers inside containers */

typedef struct dsql_builder {
  size_t size; /* bytes written; goes on counting past the memory's end, so that with none it tells how much it takes */
  int error; /* 0; EINVAL: values too many, or sizes that are none; ETYPE: a value of another type, or one given as text
                  that has another binary form (text, numeric, json and enum labels may be texts); ERANGE */
  struct {   /* not for users */
    unsigned char *memory;
    size_t cap;
    uint32_t oid;
    bool begun;
    unsigned depth;
    struct {
      size_t length_at, left;
      uint32_t element;
      int kind;
    } open[DSQL_BUILD_DEPTH];
  } inside;
} dsql_builder;

DSQL_API void dsql_builder_init(dsql_builder *b, void *memory, size_t cap);
/* oid: of the container's own type. 0 is right for arrays of the server's own types, and where the server knows it from
 * the statement; a container in a composite needs it. */
DSQL_API void dsql_build_list(dsql_builder *b, uint32_t elem_oid, size_t n); /* an array of one dimension from 1 on */
/* lower_bounds NULL: all 1. The values follow in storage order, the last subscript fastest. */
DSQL_API void dsql_build_array(dsql_builder *b, uint32_t oid, uint32_t elem_oid, int ndim, const int32_t *dims,
                               const int32_t *lower_bounds);
/* Every field needs its column's type: dsql_null_of(), dsql_raw(). A dsql_text() without one is of type text. */
DSQL_API void dsql_build_record(dsql_builder *b, uint32_t oid, size_t fields);
/* The bounds that there are follow, the lower one first. */
enum dsql_range_flag {
  DSQL_RANGE_EMPTY = 1,
  DSQL_LOWER_INCLUSIVE = 2,
  DSQL_UPPER_INCLUSIVE = 4,
  DSQL_LOWER_INFINITE = 8,
  DSQL_UPPER_INFINITE = 16
};
DSQL_API void dsql_build_range(dsql_builder *b, uint32_t oid, unsigned flags);
DSQL_API void dsql_build_multirange(dsql_builder *b, uint32_t oid, size_t ranges);
DSQL_API void dsql_build_value(dsql_builder *b, dsql_param v);
/* With an error, values missing or too little memory (error is ETOOBIG then), the call that takes it fails with EINVAL. */
DSQL_API dsql_param dsql_built(dsql_builder *b);

/* A C array as an array. DSQL_ARRAY_SIZE(n, 8) bytes suffice for n int8s, float8s or timestamps; 4 and 2 for int4 and
 * int2, 1 for bool, 16 for uuid, the sum of the lengths instead for texts, of which one with ptr NULL is NULL. */
#define DSQL_ARRAY_SIZE(n, value_size) (20 + (size_t)(n) * (4 + (size_t)(value_size)))
DSQL_API dsql_param dsql_bool_array(void *memory, size_t cap, const bool *v, size_t n);
DSQL_API dsql_param dsql_int2_array(void *memory, size_t cap, const int16_t *v, size_t n);
DSQL_API dsql_param dsql_int4_array(void *memory, size_t cap, const int32_t *v, size_t n);
DSQL_API dsql_param dsql_int8_array(void *memory, size_t cap, const int64_t *v, size_t n);
DSQL_API dsql_param dsql_oid_array(void *memory, size_t cap, const uint32_t *v, size_t n);
DSQL_API dsql_param dsql_float8_array(void *memory, size_t cap, const double *v, size_t n);
DSQL_API dsql_param dsql_text_array(void *memory, size_t cap, const dsql_str *v, size_t n);
DSQL_API dsql_param dsql_uuid_array(void *memory, size_t cap, const dsql_uuid *v, size_t n);
DSQL_API dsql_param dsql_timestamptz_array(void *memory, size_t cap, const int64_t *us, size_t n);

/* ---- a user's types --------------------------------------------------------------------------------------------------
 *
 * Nothing is asked of the catalog unless this is called. What it says is kept per server and database in the runtime, for
 * all its connections: then it costs no query. */
enum dsql_type_kind {
  DSQL_TYPE_BASE = 'b',
  DSQL_TYPE_ARRAY = 'a',
  DSQL_TYPE_COMPOSITE = 'c',
  DSQL_TYPE_DOMAIN = 'd',
  DSQL_TYPE_ENUM = 'e',
  DSQL_TYPE_PSEUDO = 'p',
  DSQL_TYPE_RANGE = 'r',
  DSQL_TYPE_MULTIRANGE = 'm'
};
typedef struct dsql_field {
  dsql_str name;
  uint32_t oid;
} dsql_field;
typedef struct dsql_type {
  uint32_t oid;
  int kind; /* enum dsql_type_kind */
  dsql_str schema, name;
  uint32_t element;         /* an array's elements, a range's subtype, a multirange's range, a domain's base; else 0 */
  const dsql_field *fields; /* a composite's, in order, without dropped ones */
  size_t field_count;
  const dsql_str *labels; /* an enum's, in its order */
  size_t label_count;
} dsql_type;
typedef struct dsql_types dsql_types;

/* Looks these types up, and all that they consist of, in one query on c, if any is not known yet. An OID that there is not
 * is no error: it is not found then. Fails as the query does. */
DSQL_API DSQL_NODISCARD dsql_future *dsql_types_resolve(dsql_conn *c, const uint32_t *oids, size_t n);
/* What is known of that database; alive until f is destroyed. ENOTREADY, the failure's code, ETYPE. */
DSQL_API DSQL_NODISCARD int dsql_future_types(dsql_future *f, const dsql_types **out);
DSQL_API const dsql_type *dsql_types_find(const dsql_types *t, uint32_t oid); /* NULL: not known */
/* The type below a domain, and below that; oid itself when it is none. */
DSQL_API uint32_t dsql_types_base(const dsql_types *t, uint32_t oid);
/* After a type was changed: c's database is asked anew. */
DSQL_API void dsql_types_forget(dsql_conn *c);

#ifdef __cplusplus
}
#endif
#endif
