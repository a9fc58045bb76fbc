/* wire_execute_prepared() against the plain encoders: the same bytes, the same refusals. */
#include <criterion/criterion.h>

#include "bytes.h"
#include "test_alloc.h"
#include "wire/bind_head.h"
#include "wire/frontend.h"

enum {
  VALUES_MAX = 12,
  FORMATS_MAX = 10,
  VALUE_SIZE = 5000,
  SCRATCH = WIRE_NAME_SIZE + WIRE_TAIL_BLOCK,
  SYNC_SIZE = 5
};

struct execution {
  char name[WIRE_NAME_SIZE];
  size_t name_len;
  dsql_param v[VALUES_MAX];
  size_t n;
  uint8_t formats[FORMATS_MAX];
  size_t n_formats;
  bool sync;
};

static uint32_t next_random(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

static void set_name(struct execution *x, const char *name) {
  memset(x->name, 0x7e, sizeof x->name); /* what is behind the NUL must not show */
  x->name_len = strlen(name);
  memcpy(x->name, name, x->name_len + 1);
}

static dsql_param random_param(uint32_t *state, const uint8_t *values) {
  static const int32_t lengths[] = {-1, 0, 1, 2, 3, 4, 7, 8, 8, 8, 9, 16, 24, 100, VALUE_SIZE};
  int32_t len = lengths[next_random(state) % COUNT(lengths)];
  dsql_param v = {.oid = next_random(state), .format = next_random(state) % 4 != 0, .len = len};

  for (size_t i = 0; i < sizeof v.imm; i++) v.imm[i] = (unsigned char)next_random(state);
  if (len > (int32_t)sizeof v.imm || next_random(state) % 3 == 0) v.data = values;
  return v;
}

static void make(struct execution *x, uint32_t *state, const uint8_t *values) {
  bool one_format = next_random(state) % 2, one_result = next_random(state) % 2;
  char name[WIRE_NAME_SIZE];

  snprintf(name, sizeof name, "%.*s", (int)(next_random(state) % WIRE_NAME_SIZE), "dsql_18446744073709551615");
  set_name(x, name);
  x->n = next_random(state) % (VALUES_MAX + 1);
  x->n_formats = next_random(state) % (FORMATS_MAX + 1);
  x->sync = next_random(state) % 2;
  for (size_t i = 0; i < x->n; i++) {
    x->v[i] = random_param(state, values);
    if (one_format) x->v[i].format = x->v[0].format;
  }
  for (size_t i = 0; i < x->n_formats; i++)
    x->formats[i] = one_result && i ? x->formats[0] : (uint8_t)(next_random(state) % 2);
}

static void put_plain(struct buf *b, const struct execution *x) {
  wire_bind(b, "", x->name, (dsql_params){x->v, x->n}, x->formats, x->n_formats);
  wire_execute(b, "", 0);
  if (x->sync) wire_sync(b);
}

static void put_prepared(struct buf *b, const struct execution *x, const struct buf *tail) {
  wire_execute_prepared(b, x->name, x->name_len, (dsql_params){x->v, x->n}, tail->data, tail->len, x->sync);
}

static void prepare_tail(struct buf *tail, const struct execution *x) {
  buf_reset(tail);
  cr_assert_eq(wire_prepare_tail(tail, x->formats, x->n_formats), 0);
  cr_assert_geq(tail->cap - tail->len, (size_t)WIRE_TAIL_BLOCK, "a block is read from behind a short tail");
}

/* NULLs may have any format: that of the head then. */
static void give_nulls_a_format(struct execution *x, const struct wire_head *h) {
  for (size_t i = 0; i < x->n; i++)
    if (x->v[i].len == -1) x->v[i].format = h->formats[h->mixed ? i : 0];
}

static bool headed(struct buf *b, const struct wire_head *h, const struct execution *x, const struct buf *tail) {
  size_t before = b->len;
  bool done = wire_execute_headed(b, h, (dsql_params){x->v, x->n}, tail->data, tail->len, x->sync);
  cr_assert(buf_ok(b) && (done || b->len == before));
  return done;
}

/* The head of one execution serves another one of the same statement; where it does not, nothing is written. */
Test(prepared, a_head_serves_again) {
  enum { RUNS = 30000 };
  static uint8_t values[VALUE_SIZE];
  struct test_alloc heap;
  struct buf plain, prepared, tail;
  uint32_t state = 88172645;
  unsigned done = 0;

  for (size_t i = 0; i < sizeof values; i++) values[i] = (uint8_t)next_random(&state);
  test_alloc_init(&heap);
  buf_init(&tail, &heap.hook, 1 << 16);
  for (int run = 0; run < RUNS; run++) {
    struct execution first, x;
    struct wire_head head;
    uint8_t storage[300];

    make(&first, &state, values);
    make(&x, &state, values);
    if (run % 8) x.n = first.n;
    for (size_t i = 0; run % 4 && i < x.n; i++) x.v[i].format = first.v[i].format;
    memcpy(x.name, first.name, sizeof x.name);
    x.name_len = first.name_len;
    prepare_tail(&tail, &x);
    wire_head_set(&head, first.name, first.name_len, (dsql_params){first.v, first.n});
    cr_assert_neq(head.len, 0);
    buf_init(&plain, &heap.hook, 1 << 20);
    buf_init_on(&prepared, &heap.hook, 1 << 20, storage, next_random(&state) % sizeof storage);
    if (headed(&prepared, &head, &x, &tail)) {
      give_nulls_a_format(&x, &head);
      put_plain(&plain, &x);
      assert_bytes(prepared.data, prepared.len, plain.data, plain.len, "headed");
      done++;
    }
    buf_deinit(&prepared);
    buf_deinit(&plain);
  }
  cr_assert(done > RUNS / 50 && done < RUNS, "%u", done);
  buf_deinit(&tail);
  test_alloc_assert_empty(&heap);
}

Test(prepared, a_head_that_is_not_known) {
  struct wire_head none = {0};
  struct execution x = {.n = 1, .v = {dsql_int4(1)}};
  dsql_param many[WIRE_HEAD_MIXED + 1];
  struct buf out;
  char name[WIRE_NAME_SIZE] = "name";
  uint8_t storage[200], tail[WIRE_TAIL_BLOCK] = {0};

  buf_init_on(&out, NULL, sizeof storage, storage, sizeof storage);
  cr_assert_not(wire_execute_headed(&out, &none, (dsql_params){x.v, 0}, tail, 2, true));
  wire_head_set(&none, name, 4, (dsql_params){x.v, 1});
  cr_assert(wire_execute_headed(&out, &none, (dsql_params){x.v, 1}, tail, 2, true));
  for (size_t i = 0; i < COUNT(many); i++) many[i] = i ? dsql_int4(1) : dsql_text("a");
  wire_head_set(&none, name, 4, (dsql_params){many, COUNT(many)});
  cr_assert_eq(none.len, 0, "their formats differ");
  wire_head_set(&none, name, 4, (dsql_params){(dsql_param[]){{.len = -2, .format = 1}}, 1});
  cr_assert_eq(none.len, 0, "one can't be sent");
  out.error = DSQL_ENOMEM;
  wire_head_set(&none, name, 4, (dsql_params){x.v, 1});
  cr_assert_not(wire_execute_headed(&out, &none, (dsql_params){x.v, 1}, tail, 2, true), "the buffer has failed");
}

Test(prepared, equals_bind_and_execute) {
  enum { RUNS = 20000 };
  static uint8_t values[VALUE_SIZE];
  struct test_alloc heap;
  struct buf plain, prepared, tail;
  uint32_t state = 2463534242;
  size_t bytes = 0;

  for (size_t i = 0; i < sizeof values; i++) values[i] = (uint8_t)next_random(&state);
  test_alloc_init(&heap);
  buf_init(&tail, &heap.hook, 1 << 16);
  for (int run = 0; run < RUNS; run++) {
    struct execution x;
    char name[32];

    make(&x, &state, values);
    snprintf(name, sizeof name, "run %d", run);
    prepare_tail(&tail, &x);
    buf_init(&plain, &heap.hook, 1 << 20);
    buf_init(&prepared, &heap.hook, 1 << 20);
    buf_put_str(&plain, "abc");
    buf_put_str(&prepared, "abc");
    put_plain(&plain, &x);
    put_prepared(&prepared, &x, &tail);
    cr_assert(buf_ok(&plain) && buf_ok(&prepared), "%s", name);
    cr_assert_eq(prepared.len, plain.len, "%s: %zu bytes, want %zu", name, prepared.len, plain.len);
    cr_assert_eq(memcmp(prepared.data, plain.data, plain.len), 0, "%s: other bytes", name);
    bytes += plain.len;
    buf_deinit(&plain);
    buf_deinit(&prepared);
  }
  buf_deinit(&tail);
  test_alloc_assert_empty(&heap);
  cr_assert_gt(bytes, (size_t)RUNS * 1000, "the values were not as large as they should be");
}

Test(prepared, byte_for_byte) {
  struct execution x = {
      .v = {{.format = 1, .len = 8, .imm = "\0\0\0\0\0\0\0\7"}}, .n = 1, .formats = {1}, .n_formats = 1};
  uint8_t exact[14]; /* as long as the tail, so that the block behind it has to be made room for */
  struct test_alloc heap;
  struct buf b, tail;

  test_alloc_init(&heap);
  buf_init(&b, &heap.hook, 1 << 16);
  buf_init_on(&tail, &heap.hook, 1 << 16, exact, sizeof exact);
  set_name(&x, "s1");
  prepare_tail(&tail, &x);
  assert_bytes(tail.data, tail.len, BYTES("\0\1\0\1E\0\0\0\x09\0\0\0\0\0"), "tail");
  x.sync = true;
  put_prepared(&b, &x, &tail);
  assert_bytes(b.data, b.len,
               BYTES("B\0\0\0\x1e\0s1\0\0\1\0\1\0\1\0\0\0\x08\0\0\0\0\0\0\0\7\0\1\0\1E\0\0\0\x09\0\0\0\0\0S\0\0\0\4"),
               "Bind, Execute, Sync");
  buf_deinit(&b);
  buf_deinit(&tail);
  test_alloc_assert_empty(&heap);
}

/* ---- limits ---- */

static void assert_untouched(const struct buf *b, int code, const char *what) {
  cr_assert_eq(b->error, code, "%s: error %d, want %d", what, b->error, code);
  assert_bytes(b->data, b->len, "abc", 3, what);
}

static void put_refused(const dsql_param *v, size_t n, int code, const char *what) {
  struct execution x = {.n_formats = 0};
  struct test_alloc heap;
  struct buf b, tail;

  test_alloc_init(&heap);
  buf_init(&tail, &heap.hook, 1 << 16);
  set_name(&x, "dsql_1");
  prepare_tail(&tail, &x);
  buf_init(&b, &heap.hook, SIZE_MAX);
  buf_put_str(&b, "abc");
  wire_execute_prepared(&b, x.name, x.name_len, (dsql_params){v, n}, tail.data, tail.len, true);
  assert_untouched(&b, code, what);
  wire_sync(&b); /* failure is sticky */
  assert_untouched(&b, code, what);
  buf_deinit(&b);
  buf_deinit(&tail);
  test_alloc_assert_empty(&heap);
}

Test(prepared, values_that_can_not_be_sent) {
  const dsql_param refused[] = {{.len = 4}, {.len = -2}}, negative[] = {{.len = INT32_MIN}};

  put_refused(refused, 2, DSQL_EINVAL, "a refused parameter");
  put_refused(negative, 1, DSQL_EINVAL, "a negative length");
}

/* No memory is there behind these values: one that was read would crash the test. */
Test(prepared, lengths_past_int32_are_refused_unread) {
  static const size_t counts[] = {1, 2, 3, 1000, WIRE_PARAMS_MAX};
  const dsql_param huge = {.format = 1, .len = INT32_MAX, .data = (const void *)16};
  dsql_param *many = calloc(WIRE_PARAMS_MAX, sizeof *many);

  cr_assert_not_null(many);
  for (size_t i = 0; i < WIRE_PARAMS_MAX; i++) many[i] = huge;
  for (size_t i = 0; i < COUNT(counts); i++) put_refused(many, counts[i], DSQL_ETOOBIG, "huge values");
  free(many);
}

Test(prepared, up_to_65535_parameters_and_formats) {
  enum { MAX = WIRE_PARAMS_MAX };
  dsql_param *params = calloc(MAX + 1, sizeof *params);
  uint8_t *formats = calloc(MAX + 1, 1);
  char name[WIRE_NAME_SIZE] = "dsql_1";
  struct test_alloc heap;
  struct buf plain, prepared, tail;

  cr_assert(params && formats);
  for (size_t i = 0; i <= MAX; i++) params[i].len = -1;
  params[MAX - 1].format = formats[MAX - 1] = 1;
  put_refused(params, MAX + 1, DSQL_ETOOBIG, "65536 parameters");
  put_refused(params, SIZE_MAX / sizeof *params, DSQL_ETOOBIG, "far too many parameters");

  test_alloc_init(&heap);
  buf_init(&plain, &heap.hook, 1 << 24);
  buf_init(&prepared, &heap.hook, 1 << 24);
  buf_init(&tail, &heap.hook, 1 << 24);
  cr_assert_eq(wire_prepare_tail(&tail, formats, MAX), 0);
  wire_bind(&plain, "", name, (dsql_params){params, MAX}, formats, MAX);
  wire_execute(&plain, "", 0);
  wire_execute_prepared(&prepared, name, 6, (dsql_params){params, MAX}, tail.data, tail.len, false);
  cr_assert(buf_ok(&plain) && buf_ok(&prepared));
  cr_assert(prepared.len == plain.len && memcmp(prepared.data, plain.data, plain.len) == 0);
  buf_reset(&tail);
  cr_assert_eq(wire_prepare_tail(&tail, formats, MAX + 1), DSQL_ETOOBIG);
  cr_assert_eq(tail.len, 0);
  buf_deinit(&plain);
  buf_deinit(&prepared);
  buf_deinit(&tail);
  test_alloc_assert_empty(&heap);
  free(params);
  free(formats);
}

/* With the room that is asked for behind the message, or nothing. */
Test(prepared, fits_to_the_last_byte_of_the_maximum) {
  static uint8_t values[VALUE_SIZE];
  struct test_alloc heap;
  struct buf plain, b, tail;
  uint32_t state = 1;

  test_alloc_init(&heap);
  buf_init(&tail, &heap.hook, 1 << 16);
  for (int run = 0; run < 500; run++) {
    struct execution x;
    size_t need;

    make(&x, &state, values);
    prepare_tail(&tail, &x);
    buf_init(&plain, &heap.hook, 1 << 20);
    put_plain(&plain, &x);
    need = 3 + plain.len + (x.sync ? 0 : SYNC_SIZE) + SCRATCH;
    buf_init(&b, &heap.hook, need);
    buf_put_str(&b, "abc");
    put_prepared(&b, &x, &tail);
    cr_assert(buf_ok(&b) && b.len == 3 + plain.len && memcmp(b.data + 3, plain.data, plain.len) == 0, "run %d", run);
    buf_deinit(&b);

    buf_init(&b, &heap.hook, need - 1);
    buf_put_str(&b, "abc");
    put_prepared(&b, &x, &tail);
    assert_untouched(&b, DSQL_ETOOBIG, "one byte short");
    buf_deinit(&b);
    buf_deinit(&plain);
  }
  buf_deinit(&tail);
  test_alloc_assert_empty(&heap);
}

/* ---- memory ---- */

Test(prepared, out_of_memory_leaves_what_was_there) {
  static uint8_t values[VALUE_SIZE];
  struct test_alloc heap, failing;
  struct buf b, tail;
  uint32_t state = 7;

  test_alloc_init(&heap);
  test_alloc_init(&failing);
  buf_init(&tail, &heap.hook, 1 << 16);
  for (int run = 0; run < 500; run++) {
    struct execution x;
    char storage[3];

    make(&x, &state, values);
    prepare_tail(&tail, &x);
    test_alloc_arm(&failing, 1, true);
    buf_init_on(&b, &failing.hook, 1 << 20, storage, sizeof storage);
    buf_put_str(&b, "abc");
    put_prepared(&b, &x, &tail);
    assert_untouched(&b, DSQL_ENOMEM, "no memory");
    cr_assert(test_alloc_fired(&failing));
    buf_deinit(&b);
  }
  buf_deinit(&tail);
  test_alloc_assert_empty(&heap);
  test_alloc_assert_empty(&failing);
}

Test(prepared, a_tail_survives_each_allocation_failing) {
  enum { COLUMNS = 4000 };
  static uint8_t formats[COLUMNS];
  struct test_alloc heap;
  size_t failures = 0;

  formats[COLUMNS - 1] = 1;
  test_alloc_init(&heap);
  for (size_t nth = 1;; nth++) {
    struct buf tail;
    int rc;

    test_alloc_arm(&heap, nth, false);
    buf_init(&tail, &heap.hook, 1 << 16);
    rc = wire_prepare_tail(&tail, formats, COLUMNS);
    if (!test_alloc_fired(&heap)) {
      cr_assert_eq(rc, 0);
      cr_assert_eq(tail.len, 2 + 2 * COLUMNS + 10);
      buf_deinit(&tail);
      break;
    }
    cr_assert_eq(rc, DSQL_ENOMEM, "allocation %zu", nth);
    failures++;
    buf_deinit(&tail);
    test_alloc_assert_empty(&heap);
  }
  cr_assert_geq(failures, (size_t)3);
  test_alloc_assert_empty(&heap);
}
