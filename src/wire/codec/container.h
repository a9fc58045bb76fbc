/* container.h - types that hold values of other types, and the quoting of their texts.
 *
 * The formats are those of array_send, range_send, multirange_send, record_send and of their _out functions
 * (src/backend/utils/adt: arrayfuncs.c, rangetypes.c, multirangetypes.c, rowtypes.c). */
#ifndef DSQL_WIRE_CODEC_CONTAINER_H
#define DSQL_WIRE_CODEC_CONTAINER_H

#include "base/buf.h"
#include "dsql/types.h"
#include "wire/codec.h"
#include "wire/codec/scan.h"

enum container_kind { CONTAINER_ARRAY, CONTAINER_RANGE, CONTAINER_MULTIRANGE };

struct container {
  uint32_t oid, element; /* of a range: its subtype; of a multirange: the range */
  enum container_kind kind;
};

enum { BOX_OID = 603, RECORD_OID = 2249, FIRST_USER_OID = 10000 };

/* NULL: none of the server's own. */
const struct container *codec_container(uint32_t oid);

/* The server's array of this type; 0: none. */
uint32_t container_array_of(uint32_t element);

/* 0 when v can be a container of this kind, *element then is the type inside or 0. ENULL; ETYPE: another type. */
int container_check(const dsql_value *v, enum container_kind kind, uint32_t *element);

/* A value made by hand may have no bytes at all. */
static inline const char *container_bytes(const dsql_value *v) { return v->ptr ? v->ptr : ""; }

/* What separates an array's elements. */
static inline char container_delimiter(uint32_t element) { return element == BOX_OID ? ';' : ','; }

/* The server's array_isspace() and scanner_isspace(). */
static inline bool quoted_is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static inline void quoted_skip_space(struct scan *in) {
  while (!scan_done(in) && quoted_is_space(*in->pos)) in->pos++;
}

/* A field or a bound up to a character of stops that is neither in double quotes nor behind a backslash. False: the
 * text ends first. */
bool quoted_span(struct scan *in, const char *stops, dsql_str *out);
/* That, or an array's element, without its quotes and backslashes: a view where nothing is inside them, else made in the
 * memory. 0, ENOMEM, EINVAL (no memory is given). */
int quoted_open(struct arena *memory, dsql_str span, dsql_str *out);

/* An element in binary: int32 length (-1: NULL), bytes. */
int container_binary_element(struct cursor *c, dsql_value *out);

/* Everything inside it has a codec. */
bool container_has_binary(uint32_t oid);
/* A container as its _out function prints it. ETYPE: none of the server's own, or of a type without a codec. */
int container_to_text(struct arena *a, uint32_t oid, const uint8_t *p, size_t n, dsql_str *out);

#endif
