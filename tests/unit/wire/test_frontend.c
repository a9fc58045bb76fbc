#include <criterion/criterion.h>

#include "bytes.h"
#include "test_alloc.h"
#include "wire/frontend.h"

static dsql_param text(const char *s) { return (dsql_param){.len = (int32_t)strlen(s), .data = s}; }

static dsql_param binary(const void *p, size_t n) {
  dsql_param v = {.format = 1, .len = (int32_t)n};
  memcpy(v.imm, p, n);
  return v;
}

static dsql_param null_param(void) { return (dsql_param){.len = -1}; }

static void bind(struct buf *b, const dsql_param *v, size_t n, const uint8_t *formats, size_t n_formats) {
  wire_bind(b, "", "s1", (dsql_params){v, n}, formats, n_formats);
}

static void startup(struct buf *b) {
  wire_startup(b, WIRE_PROTOCOL_3_2, (struct wire_pair[]){{"user", "u"}, {"database", ""}}, 2);
}
static void startup_bare(struct buf *b) { wire_startup(b, WIRE_PROTOCOL_3_0, NULL, 0); }
static void cancel_short(struct buf *b) { wire_cancel_request(b, 258, (const uint8_t *)"\1\2\3\4", 4); }
static void password(struct buf *b) { wire_password(b, "secret!", 6); }
static void password_empty(struct buf *b) { wire_password(b, "", 0); }
static void sasl_initial(struct buf *b) { wire_sasl_initial_response(b, "SCRAM-SHA-256", "n,,", 3); }
static void sasl_initial_empty(struct buf *b) { wire_sasl_initial_response(b, "X", "", 0); }
static void sasl_initial_none(struct buf *b) { wire_sasl_initial_response(b, "X", NULL, 7); }
static void sasl_response(struct buf *b) { wire_sasl_response(b, "a\0b", 3); }
static void sasl_response_empty(struct buf *b) { wire_sasl_response(b, NULL, 0); }
static void parse(struct buf *b) { wire_parse(b, "s1", "SELECT $1,$2;", 12, (const uint32_t[]){20, 0xfffffffe}, 2); }
static void parse_unnamed(struct buf *b) { wire_parse(b, "", "", 0, NULL, 0); }
static void bind_none(struct buf *b) { bind(b, NULL, 0, NULL, 0); }
static void bind_none_formats_ignored(struct buf *b) { bind(b, NULL, 0, NULL, 70000); }
static void bind_named_portal(struct buf *b) { wire_bind(b, "p", "", (dsql_params){0}, NULL, 0); }
static void bind_int8(struct buf *b) { bind(b, (dsql_param[]){binary("\0\0\0\0\0\0\0\7", 8)}, 1, (uint8_t[]){1}, 1); }
static void bind_same(struct buf *b) {
  bind(b, (dsql_param[]){binary("\0\0\0\1", 4), binary("\x12\x34", 2)}, 2, (uint8_t[]){1, 1, 1}, 3);
}
static void bind_mixed(struct buf *b) {
  dsql_param v[] = {text("ab"), null_param(), binary("\1", 1), text("")};
  bind(b, v, COUNT(v), (uint8_t[]){0, 1, 0}, 3);
}
static void bind_text(struct buf *b) {
  bind(b, (dsql_param[]){text("12345678"), text("1234"), null_param()}, 3, (uint8_t[]){0, 0}, 2);
}
static void describe_statement(struct buf *b) { wire_describe(b, 'S', "s1"); }
static void describe_portal(struct buf *b) { wire_describe(b, 'P', ""); }
static void execute(struct buf *b) { wire_execute(b, "", 0); }
static void execute_some(struct buf *b) { wire_execute(b, "p", INT32_MAX); }
static void close_statement(struct buf *b) { wire_close(b, 'S', "s1"); }
static void close_portal(struct buf *b) { wire_close(b, 'P', ""); }
static void query(struct buf *b) { wire_query(b, "SELECT 1", 8); }
static void copy_data(struct buf *b) { wire_copy_data(b, "1\t\0\n", 4); }
static void copy_data_empty(struct buf *b) { wire_copy_data(b, NULL, 0); }
static void copy_fail(struct buf *b) { wire_copy_fail(b, "why"); }
static void sync_behind_query(struct buf *b) {
  wire_query(b, "", 0);
  wire_sync(b);
}

#define MESSAGE(f, literal)                                                                                            \
  { #f, f, BYTES(literal), 1 }

static const struct message {
  const char *name;
  void (*encode)(struct buf *b);
  const char *bytes;
  size_t len;
  unsigned messages;
} messages[] = {
    MESSAGE(startup, "\0\0\0\x1a\0\3\0\2user\0u\0database\0\0\0"),
    MESSAGE(startup_bare, "\0\0\0\x09\0\3\0\0\0"),
    MESSAGE(wire_ssl_request, "\0\0\0\x08\x04\xd2\x16\x2f"),
    MESSAGE(cancel_short, "\0\0\0\x10\x04\xd2\x16\x2e\0\0\1\2\1\2\3\4"),
    MESSAGE(password, "p\0\0\0\x0bsecret\0"),
    MESSAGE(password_empty, "p\0\0\0\5\0"),
    MESSAGE(sasl_initial, "p\0\0\0\x19SCRAM-SHA-256\0\0\0\0\3n,,"),
    MESSAGE(sasl_initial_empty, "p\0\0\0\x0aX\0\0\0\0\0"),
    MESSAGE(sasl_initial_none, "p\0\0\0\x0aX\0\xff\xff\xff\xff"),
    MESSAGE(sasl_response, "p\0\0\0\7a\0b"),
    MESSAGE(sasl_response_empty, "p\0\0\0\4"),
    MESSAGE(parse, "P\0\0\0\x1es1\0SELECT $1,$2\0\0\2\0\0\0\x14\xff\xff\xff\xfe"),
    MESSAGE(parse_unnamed, "P\0\0\0\x08\0\0\0\0"),
    MESSAGE(bind_none, "B\0\0\0\x0e\0s1\0\0\0\0\0\0\0"),
    MESSAGE(bind_none_formats_ignored, "B\0\0\0\x0e\0s1\0\0\0\0\0\0\0"),
    MESSAGE(bind_named_portal, "B\0\0\0\x0dp\0\0\0\0\0\0\0\0"),
    MESSAGE(bind_int8, "B\0\0\0\x1e\0s1\0\0\1\0\1\0\1\0\0\0\x08\0\0\0\0\0\0\0\7\0\1\0\1"),
    MESSAGE(bind_same, "B\0\0\0\x20\0s1\0\0\1\0\1\0\2\0\0\0\4\0\0\0\1\0\0\0\2\x12\x34\0\1\0\1"),
    MESSAGE(bind_mixed,
            "B\0\0\0\x2f\0s1\0\0\4\0\0\0\0\0\1\0\0\0\4\0\0\0\2ab\xff\xff\xff\xff\0\0\0\1\1\0\0\0\0\0\3\0\0\0\1\0\0"),
    MESSAGE(bind_text, "B\0\0\0\x2a\0s1\0\0\1\0\0\0\3\0\0\0\01012345678\0\0\0\004"
                       "1234\xff\xff\xff\xff\0\1\0\0"),
    MESSAGE(describe_statement, "D\0\0\0\x08Ss1\0"),
    MESSAGE(describe_portal, "D\0\0\0\6P\0"),
    MESSAGE(execute, "E\0\0\0\x09\0\0\0\0\0"),
    MESSAGE(execute_some, "E\0\0\0\x0ap\0\x7f\xff\xff\xff"),
    MESSAGE(close_statement, "C\0\0\0\x08Ss1\0"),
    MESSAGE(close_portal, "C\0\0\0\6P\0"),
    MESSAGE(wire_flush, "H\0\0\0\4"),
    MESSAGE(wire_sync, "S\0\0\0\4"),
    MESSAGE(query, "Q\0\0\0\x0dSELECT 1\0"),
    MESSAGE(copy_data, "d\0\0\0\x08"
                       "1\t\0\n"),
    MESSAGE(copy_data_empty, "d\0\0\0\4"),
    MESSAGE(wire_copy_done, "c\0\0\0\4"),
    MESSAGE(copy_fail, "f\0\0\0\x08why\0"),
    MESSAGE(wire_terminate, "X\0\0\0\4"),
    {"sync_behind_query", sync_behind_query, BYTES("Q\0\0\0\5\0S\0\0\0\4"), 2},
};

Test(frontend, every_message_byte_for_byte) {
  for (size_t i = 0; i < COUNT(messages); i++) {
    const struct message *m = &messages[i];
    struct test_alloc heap;
    struct buf b;

    test_alloc_init(&heap);
    buf_init(&b, &heap.hook, 1 << 20);
    m->encode(&b);
    cr_assert(buf_ok(&b), "%s", m->name);
    assert_bytes(b.data, b.len, m->bytes, m->len, m->name);
    buf_deinit(&b);
    test_alloc_assert_empty(&heap);
  }
}

/* The whole message, or what was there before it. */
Test(frontend, fits_to_the_last_byte_of_the_maximum) {
  for (size_t i = 0; i < COUNT(messages); i++) {
    const struct message *m = &messages[i];
    struct test_alloc heap;
    struct buf b;

    test_alloc_init(&heap);
    buf_init(&b, &heap.hook, m->len + 3);
    buf_put_str(&b, "abc");
    m->encode(&b);
    cr_assert(buf_ok(&b), "%s", m->name);
    assert_bytes(b.data + 3, b.len - 3, m->bytes, m->len, m->name);
    buf_deinit(&b);

    buf_init(&b, &heap.hook, m->len + 2);
    buf_put_str(&b, "abc");
    m->encode(&b);
    cr_assert_eq(b.error, DSQL_ETOOBIG, "%s", m->name);
    if (m->messages == 1) assert_bytes(b.data, b.len, "abc", 3, m->name);
    m->encode(&b); /* failure is sticky */
    cr_assert_eq(b.error, DSQL_ETOOBIG, "%s", m->name);
    buf_deinit(&b);
    test_alloc_assert_empty(&heap);
  }
}

Test(frontend, out_of_memory_leaves_what_was_there) {
  for (size_t i = 0; i < COUNT(messages); i++) {
    const struct message *m = &messages[i];
    struct test_alloc heap;
    char storage[3];
    struct buf b;

    test_alloc_init(&heap);
    test_alloc_arm(&heap, 1, true);
    buf_init_on(&b, &heap.hook, 1 << 20, storage, sizeof storage);
    buf_put_str(&b, "abc");
    m->encode(&b);
    cr_assert_eq(b.error, DSQL_ENOMEM, "%s", m->name);
    assert_bytes(b.data, b.len, "abc", 3, m->name);
    buf_deinit(&b);
    test_alloc_assert_empty(&heap);
  }
}

static void assert_refused(const struct buf *b, int code, const char *what) {
  cr_assert_eq(b->error, code, "%s: error %d, want %d", what, b->error, code);
  cr_assert_eq(b->len, 0, "%s: %zu bytes written", what, b->len);
}

/* No memory is there behind these lengths: a value that was read would crash the test. */
Test(frontend, lengths_past_int32_are_refused_unread) {
  const void *nowhere = (const void *)16;
  const dsql_param huge = {.format = 1, .len = INT32_MAX, .data = nowhere};
  static const size_t sizes[] = {INT32_MAX - 4,          INT32_MAX,    (size_t)UINT32_MAX,
                                 (size_t)UINT32_MAX + 1, SIZE_MAX - 9, SIZE_MAX};
  struct test_alloc heap;
  dsql_param *many = calloc(65535, sizeof *many);
  struct buf b;

  cr_assert_not_null(many);
  for (size_t i = 0; i < 65535; i++) many[i] = huge;
  test_alloc_init(&heap);
  buf_init(&b, &heap.hook, SIZE_MAX);
  for (size_t n = 1; n <= 65535; n = n < 6 ? n + 1 : n * 2 + 1) {
    bind(&b, many, n, NULL, 0);
    assert_refused(&b, DSQL_ETOOBIG, "bind");
    buf_reset(&b);
  }
  for (size_t i = 0; i < COUNT(sizes); i++) {
    if (i > 0) {
      wire_copy_data(&b, nowhere, sizes[i]);
      assert_refused(&b, DSQL_ETOOBIG, "copy data");
      buf_reset(&b);
      wire_sasl_response(&b, nowhere, sizes[i]);
      assert_refused(&b, DSQL_ETOOBIG, "SASL response");
      buf_reset(&b);
      wire_parse(&b, "", nowhere, sizes[i], NULL, 0);
      assert_refused(&b, DSQL_ETOOBIG, "parse");
      buf_reset(&b);
      wire_query(&b, nowhere, sizes[i]);
      assert_refused(&b, DSQL_ETOOBIG, "query");
      buf_reset(&b);
      wire_password(&b, nowhere, sizes[i]);
      assert_refused(&b, DSQL_ETOOBIG, "password");
      buf_reset(&b);
    }
    wire_sasl_initial_response(&b, "X", nowhere, sizes[i]);
    assert_refused(&b, DSQL_ETOOBIG, "SASL initial response");
    buf_reset(&b);
  }
  cr_assert_eq(heap.calls, 0, "memory was asked for");
  free(many);
}

/* The largest Bind that an Int32 can say is refused by the buffer's maximum alone, unread as well. */
Test(frontend, values_are_not_read_before_the_message_fits) {
  const dsql_param huge = {.format = 1, .len = INT32_MAX - 64, .data = (const void *)16};
  struct test_alloc heap;
  struct buf b;

  test_alloc_init(&heap);
  buf_init(&b, &heap.hook, 1 << 20);
  bind(&b, &huge, 1, NULL, 0);
  assert_refused(&b, DSQL_ETOOBIG, "bind");
  buf_reset(&b);
  wire_copy_data(&b, (const void *)16, 1 << 20);
  assert_refused(&b, DSQL_ETOOBIG, "copy data");
  buf_deinit(&b);
  test_alloc_assert_empty(&heap);
}

Test(frontend, counts_up_to_65535) {
  enum { MAX = WIRE_PARAMS_MAX };
  struct test_alloc heap;
  dsql_param *params = calloc(MAX + 1, sizeof *params);
  uint8_t *formats = calloc(MAX + 1, 1);
  uint32_t *oids = calloc(MAX + 1, sizeof *oids);
  struct buf b;

  cr_assert(params && formats && oids);
  for (size_t i = 0; i <= MAX; i++) params[i].len = -1;
  params[MAX - 1].format = formats[MAX - 1] = 1;
  oids[MAX - 1] = 20;
  test_alloc_init(&heap);
  buf_init(&b, &heap.hook, 1 << 24);
  bind(&b, params, MAX, formats, MAX);
  cr_assert(buf_ok(&b));
  cr_assert_eq(b.len, 5 + 1 + 3 + 2 + 2 * MAX + 2 + 4 * MAX + 2 + 2 * MAX);
  assert_bytes(b.data + 9, 4, "\xff\xff\0\0", 4, "parameter formats");
  assert_bytes(b.data + 11 + 2 * MAX - 2, 8, "\0\1\xff\xff\xff\xff\xff\xff", 8, "parameters");
  assert_bytes(b.data + b.len - 2 - 2 * MAX, 2, "\xff\xff", 2, "result formats");
  assert_bytes(b.data + b.len - 4, 4, "\0\0\0\1", 4, "last result format");
  buf_reset(&b);
  wire_parse(&b, "", "", 0, oids, MAX);
  cr_assert(buf_ok(&b));
  assert_bytes(b.data + 7, 2, "\xff\xff", 2, "types");
  assert_bytes(b.data + b.len - 8, 8, "\0\0\0\0\0\0\0\x14", 8, "last types");
  buf_reset(&b);

  bind(&b, params, MAX + 1, NULL, 0);
  assert_refused(&b, DSQL_ETOOBIG, "65536 parameters");
  buf_reset(&b);
  bind(&b, NULL, 0, formats, MAX + 1);
  assert_refused(&b, DSQL_ETOOBIG, "65536 result formats");
  buf_reset(&b);
  wire_parse(&b, "", "", 0, oids, MAX + 1);
  assert_refused(&b, DSQL_ETOOBIG, "65536 types");
  buf_deinit(&b);
  test_alloc_assert_empty(&heap);
  free(params);
  free(formats);
  free(oids);
}

static void refused_param(struct buf *b) { bind(b, (dsql_param[]){text("a"), {.len = -2}}, 2, NULL, 0); }
static void negative_param(struct buf *b) { bind(b, (dsql_param[]){{.len = INT32_MIN}}, 1, NULL, 0); }
static void nul_in_query(struct buf *b) { wire_query(b, "SELECT 1\0; DROP TABLE t", 22); }
static void nul_in_parse(struct buf *b) { wire_parse(b, "", "\0", 1, NULL, 0); }
static void nul_in_password(struct buf *b) { wire_password(b, "se\0cret", 7); }
static void rows_max_past_int32(struct buf *b) { wire_execute(b, "", (uint32_t)INT32_MAX + 1); }
static void empty_name(struct buf *b) { wire_startup(b, WIRE_PROTOCOL_3_0, (struct wire_pair[]){{"", "x"}}, 1); }

Test(frontend, input_that_would_be_another_message_is_refused) {
  static const struct {
    const char *name;
    void (*encode)(struct buf *b);
  } cases[] = {{"refused parameter", refused_param},
               {"negative length", negative_param},
               {"NUL in a query", nul_in_query},
               {"NUL in a statement", nul_in_parse},
               {"NUL in a password", nul_in_password},
               {"row limit past INT32_MAX", rows_max_past_int32},
               {"empty name", empty_name}};
  struct test_alloc heap;
  struct buf b;

  test_alloc_init(&heap);
  buf_init(&b, &heap.hook, 1 << 20);
  for (size_t i = 0; i < COUNT(cases); i++) {
    cases[i].encode(&b);
    assert_refused(&b, DSQL_EINVAL, cases[i].name);
    wire_copy_data(&b, NULL, SIZE_MAX); /* the first failure is the one to report */
    assert_refused(&b, DSQL_EINVAL, cases[i].name);
    buf_reset(&b);
  }
  buf_deinit(&b);
  test_alloc_assert_empty(&heap);
}

Test(frontend, cancel_keys_of_4_to_256_bytes) {
  uint8_t key[257];
  struct test_alloc heap;
  struct buf b;

  for (size_t i = 0; i < sizeof key; i++) key[i] = (uint8_t)i;
  test_alloc_init(&heap);
  buf_init(&b, &heap.hook, 1 << 20);
  for (size_t n = 0; n <= sizeof key; n++) {
    wire_cancel_request(&b, 7, key, n);
    if (n < 4 || n > 256) {
      assert_refused(&b, DSQL_EINVAL, "key length");
    } else {
      cr_assert_eq(b.len, 12 + n);
      cr_assert_eq(b.data[2] << 8 | b.data[3], (int)b.len);
      assert_bytes(b.data + 12, n, key, n, "key");
    }
    buf_reset(&b);
  }
  buf_deinit(&b);
  test_alloc_assert_empty(&heap);
}

/* What PostgreSQL would drop without an answer is refused here: 10,000 bytes behind the length word are the most. */
Test(frontend, startup_up_to_the_servers_limit) {
  static char value[9988 + 1]; /* version 4, "a" 2, its NUL, the last NUL: 8 bytes */
  struct wire_pair pair = {"a", value};
  struct test_alloc heap;
  struct buf b;

  memset(value, 'x', sizeof value - 1);
  test_alloc_init(&heap);
  buf_init(&b, &heap.hook, 1 << 20);
  wire_startup(&b, WIRE_PROTOCOL_3_0, (struct wire_pair[]){{"b", "12"}, pair}, 2);
  assert_refused(&b, DSQL_ETOOBIG, "10,001 bytes");
  buf_reset(&b);
  wire_startup(&b, WIRE_PROTOCOL_3_0, (struct wire_pair[]){{"b", ""}, pair}, 2);
  cr_assert(buf_ok(&b));
  cr_assert_eq(b.len, 4 + 4 + 3 + 2 + 9988 + 1 + 1);
  buf_reset(&b);
  wire_startup(&b, WIRE_PROTOCOL_3_0, (struct wire_pair[]){{"b", "1"}, pair}, 2);
  cr_assert(buf_ok(&b));
  cr_assert_eq(b.len, 4 + 10000);
  buf_deinit(&b);
  test_alloc_assert_empty(&heap);
}

Test(frontend, secrets_do_not_stay_in_memory) {
  char storage[64];
  struct test_alloc heap;
  struct buf b;

  test_alloc_init(&heap);
  buf_init_on(&b, &heap.hook, 1 << 20, storage, sizeof storage);
  b.secret = true;
  wire_password(&b, "hunter2", 7);
  cr_assert_eq(memcmp(storage + 5, "hunter2", 7), 0);
  buf_reset(&b);
  for (size_t i = 0; i < 13; i++) cr_assert_eq(storage[i], 0);
  buf_deinit(&b);
  test_alloc_assert_empty(&heap);
}
