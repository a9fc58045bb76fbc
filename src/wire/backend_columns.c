/* RowDescription and ParameterDescription. */
#include "wire/backend.h"

/* Behind a column's name: Int32 table, Int16 attribute, Int32 type, Int16 size, Int32 modifier, Int16 format. */
enum {
  COLUMN_TABLE = 0,
  COLUMN_ATTRIBUTE = 4,
  COLUMN_TYPE = 6,
  COLUMN_SIZE = 10,
  COLUMN_MODIFIER = 12,
  COLUMN_FORMAT = 16,
  COLUMN_FIXED_SIZE = 18
};

/* Int16 n, n times (String name, fixed part). */
int wire_check_row_description(const uint8_t *body, size_t n, unsigned *cols) {
  struct cursor c = cursor_of(body, n);
  unsigned count = cursor_u16(&c);

  for (unsigned i = 0; i < count; i++) {
    const uint8_t *fixed;
    (void)cursor_cstr(&c);
    fixed = cursor_bytes(&c, COLUMN_FIXED_SIZE);
    if (!fixed || load_be16(fixed + COLUMN_FORMAT) > 1) return DSQL_EPROTO;
  }
  if (!cursor_done(&c)) return DSQL_EPROTO;
  *cols = count;
  return 0;
}

void wire_fill_row_description(const uint8_t *body, size_t n, dsql_column *cols) {
  struct cursor c = cursor_of(body, n);
  unsigned count = cursor_u16(&c);

  for (unsigned i = 0; i < count; i++) {
    dsql_str name = cursor_cstr(&c);
    const uint8_t *fixed = cursor_bytes(&c, COLUMN_FIXED_SIZE);
    if (!fixed) return;
    cols[i] = (dsql_column){.name = name,
                            .type_oid = load_be32(fixed + COLUMN_TYPE),
                            .table_oid = load_be32(fixed + COLUMN_TABLE),
                            .attribute_number = (int16_t)load_be16(fixed + COLUMN_ATTRIBUTE),
                            .type_size = (int16_t)load_be16(fixed + COLUMN_SIZE),
                            .format = (int16_t)load_be16(fixed + COLUMN_FORMAT),
                            .type_modifier = (int32_t)load_be32(fixed + COLUMN_MODIFIER)};
  }
}

/* Int16 n, n times Int32 type. */
int wire_decode_parameter_description(const uint8_t *body, size_t n, unsigned *count, const uint8_t **oids) {
  struct cursor c = cursor_of(body, n);
  unsigned params = cursor_u16(&c);
  const uint8_t *types = cursor_bytes(&c, (size_t)params * 4);

  if (!cursor_done(&c)) return DSQL_EPROTO;
  *count = params;
  *oids = types;
  return 0;
}
