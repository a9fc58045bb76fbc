/* What the decoders give out. */
#include "bytes.h"
#include "wire/backend.h"

#define BODY(literal) (const uint8_t *)literal, sizeof(literal) - 1

Test(backend_fields, authentication) {
  struct wire_authentication a;

  cr_assert_eq(wire_decode_authentication(BODY("\0\0\0\0"), &a), 0);
  cr_assert(a.code == WIRE_AUTH_OK && a.len == 0);
  cr_assert_eq(wire_decode_authentication(BODY("\0\0\0\5\1\2\3\4"), &a), 0);
  cr_assert_eq(a.code, WIRE_AUTH_MD5_PASSWORD);
  assert_bytes(a.data, a.len, BYTES("\1\2\3\4"), "salt");
  cr_assert_eq(wire_decode_authentication(BODY("\0\0\0\12X\0Y\0\0"), &a), 0);
  cr_assert_eq(a.code, WIRE_AUTH_SASL);
  assert_bytes(a.data, a.len, BYTES("X\0Y\0\0"), "mechanisms");
  cr_assert_eq(wire_decode_authentication(BODY("\0\0\0\13r=\0"), &a), 0);
  cr_assert_eq(a.code, WIRE_AUTH_SASL_CONTINUE);
  assert_bytes(a.data, a.len, BYTES("r=\0"), "SASL data");
  cr_assert_eq(wire_decode_authentication(BODY("\xff\0\0\1?"), &a), 0);
  cr_assert(a.code == 0xff000001 && a.len == 1);
}

Test(backend_fields, keys_of_4_to_256_bytes) {
  uint8_t body[4 + 257] = {0x80, 0, 0, 7};
  struct wire_backend_key k;

  for (size_t i = 0; i < 257; i++) body[4 + i] = (uint8_t)i;
  for (size_t n = 0; n <= 257; n++) {
    uint8_t *copy = exact_copy(body, 4 + n);
    if (n < 4 || n > 256) {
      cr_assert_eq(wire_decode_backend_key(copy, 4 + n, &k), DSQL_EPROTO, "%zu", n);
    } else {
      cr_assert_eq(wire_decode_backend_key(copy, 4 + n, &k), 0, "%zu", n);
      cr_assert_eq(k.pid, 0x80000007);
      assert_bytes(k.key, k.key_len, body + 4, n, "key");
    }
    free(copy);
  }
}

Test(backend_fields, negotiated_version) {
  struct wire_negotiate_version v;

  cr_assert_eq(wire_decode_negotiate_version(BODY("\0\3\0\2\0\0\0\2_pq_.a\0_pq_.b\0"), &v), 0);
  cr_assert(v.version == 0x00030002 && v.option_count == 2);
  assert_str(cursor_cstr(&v.options), "_pq_.a");
  assert_str(cursor_cstr(&v.options), "_pq_.b");
  cr_assert(cursor_done(&v.options));
  cr_assert_eq(wire_decode_negotiate_version(BODY("\0\0\0\1\0\0\0\0"), &v), 0);
  cr_assert(v.version == 0x00030001 && v.option_count == 0 && cursor_done(&v.options));
}

Test(backend_fields, statuses) {
  struct wire_parameter_status p;
  struct wire_notification n;
  char status = 0;

  cr_assert_eq(wire_decode_parameter_status(BODY("a\0b c\0"), &p), 0);
  assert_str(p.name, "a");
  assert_str(p.value, "b c");
  cr_assert_eq(p.value.ptr[p.value.len], '\0');
  cr_assert_eq(wire_decode_notification(BODY("\0\1\0\0chan\0\0"), &n), 0);
  cr_assert_eq(n.pid, 65536);
  assert_str(n.channel, "chan");
  assert_str(n.payload, "");
  for (const char *s = "ITE"; *s; s++) {
    cr_assert_eq(wire_decode_ready((const uint8_t *)s, 1, &status), 0);
    cr_assert_eq(status, *s);
  }
}

Test(backend_fields, tags) {
  static const struct {
    const char *tag;
    int64_t count;
  } cases[] = {{"INSERT 0 5", 5},
               {"INSERT 16384 1", 1},
               {"SELECT 12", 12},
               {"COPY 3", 3},
               {"UPDATE 0", 0},
               {"SELECT 9223372036854775807", INT64_MAX},
               {"SELECT 9223372036854775808", -1},
               {"SELECT 99999999999999999999", -1},
               {"SELECT", -1},
               {"SELECT ", -1},
               {"SELECT -1", -1},
               {"SELECT 1x", -1},
               {"CREATE TABLE", -1},
               {"COMMIT", -1},
               {"12", -1},
               {" 7", 7},
               {"", -1}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    size_t n = strlen(cases[i].tag);
    uint8_t *copy = exact_copy(cases[i].tag, n + 1);
    dsql_str tag;
    cr_assert_eq(wire_decode_command_complete(copy, n + 1, &tag), 0);
    assert_str(tag, cases[i].tag);
    cr_assert_eq(wire_tag_count(tag), cases[i].count, "\"%s\"", cases[i].tag);
    free(copy);
  }
}

Test(backend_fields, row_description) {
  static const char body[] =
      "\0\2id\0\0\0\1\2\0\3\0\0\0\x14\0\10\xff\xff\xff\xff\0\1\0\x80\0\0\0\xff\xfe\xff\xff\xff\xff\xff\xff\0\0\0\7\0\0";
  dsql_column c[2];
  unsigned cols = 0;

  cr_assert_eq(wire_check_row_description(BODY(body), &cols), 0);
  cr_assert_eq(cols, 2);
  wire_fill_row_description(BODY(body), c);
  assert_str(c[0].name, "id");
  cr_assert(c[0].table_oid == 258 && c[0].attribute_number == 3 && c[0].type_oid == 20 && c[0].type_size == 8 &&
            c[0].type_modifier == -1 && c[0].format == 1);
  assert_str(c[1].name, "");
  cr_assert(c[1].table_oid == 0x80000000 && c[1].attribute_number == -2 && c[1].type_oid == 0xffffffff &&
            c[1].type_size == -1 && c[1].type_modifier == 7 && c[1].format == 0);
}

/* libpq before 18.6 refused the description of more than 7,498 parameters; the wire's Int16 counts to 65,535. */
Test(backend_fields, counts_are_unsigned) {
  enum { MAX = 65535 };
  size_t n = 2 + 4 * (size_t)MAX;
  uint8_t *body = calloc(n, 1);
  const uint8_t *oids = NULL;
  unsigned count = 0;

  cr_assert_not_null(body);
  body[0] = body[1] = 0xff;
  body[n - 1] = 20;
  cr_assert_eq(wire_decode_parameter_description(body, n, &count, &oids), 0);
  cr_assert(count == MAX && oids == body + 2 && load_be32(oids + 4 * (MAX - 1)) == 20);
  cr_assert_eq(wire_decode_parameter_description(body, n - 1, &count, &oids), DSQL_EPROTO);
  free(body);

  n = 2 + 19 * (size_t)MAX;
  body = calloc(n, 1);
  cr_assert_not_null(body);
  body[0] = body[1] = 0xff;
  cr_assert_eq(wire_check_row_description(body, n, &count), 0);
  cr_assert_eq(count, MAX);
  cr_assert_eq(wire_check_row_description(body, n - 1, &count), DSQL_EPROTO);
  free(body);
}

Test(backend_fields, copy_and_function_results) {
  struct wire_copy_response c;
  struct wire_function_result f;

  cr_assert_eq(wire_decode_copy_response(BODY("\1\0\2\0\1\0\0"), &c), 0);
  cr_assert(c.binary && c.cols == 2 && load_be16(c.formats) == 1 && load_be16(c.formats + 2) == 0);
  cr_assert_eq(wire_decode_copy_response(BODY("\0\0\0"), &c), 0);
  cr_assert(!c.binary && c.cols == 0);
  cr_assert_eq(wire_decode_function_result(BODY("\0\0\0\2hi"), &f), 0);
  cr_assert_not(f.null);
  assert_str(f.value, "hi");
  cr_assert_eq(wire_decode_function_result(BODY("\0\0\0\0"), &f), 0);
  cr_assert(!f.null && f.value.len == 0);
  cr_assert_eq(wire_decode_function_result(BODY("\xff\xff\xff\xff"), &f), 0);
  cr_assert(f.null && f.value.len == 0);
}

/* Outputs are written on success alone. */
Test(backend_fields, failures_write_nothing) {
  unsigned cols = 77;
  const uint8_t *oids = (const uint8_t *)"x";
  char status = 'x';
  dsql_str tag = {"x", 1};

  cr_assert_eq(wire_check_row_description(BODY("\0\1a"), &cols), DSQL_EPROTO);
  cr_assert_eq(wire_decode_parameter_description(BODY("\0\1a"), &cols, &oids), DSQL_EPROTO);
  cr_assert_eq(wire_decode_ready(BODY("?"), &status), DSQL_EPROTO);
  cr_assert_eq(wire_decode_command_complete(BODY("?"), &tag), DSQL_EPROTO);
  cr_assert(cols == 77 && *oids == 'x' && status == 'x' && tag.len == 1);
}
