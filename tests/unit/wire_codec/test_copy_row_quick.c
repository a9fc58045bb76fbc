/* The quick way to write a row of a binary COPY gives the bytes of the other one, or nothing at all. */
#include "../wire/bytes.h"
#include "heap.h"
#include "wire/copy_row.h"
#include "wire/frontend.h"

enum { TEXT_MAX = 100, PARAMS_MAX = 4 };

static char text[TEXT_MAX];

struct row {
  dsql_param v[PARAMS_MAX];
  size_t n;
  bool quick, mixed; /* whether they take it, given room */
};

/* In a block of its own, so that a byte too far is seen. What was there stays in front. */
static bool put(const struct row *row, size_t cap, bool mixed, const struct buf *want) {
  struct buf b = {.data = malloc(cap), .cap = cap, .max = cap, .fixed = true};
  bool done;

  if (cap) b.data[b.len++] = 'x';
  done = mixed ? wire_copy_row_mixed(&b, row->v, row->n) : copy_row_put(&b, row->v, row->n, COPY_TEXT_MAX);
  cr_assert_eq(b.error, 0);
  cr_assert(b.len == (done ? 1 + want->len : cap ? 1 : 0), "%zu", b.len);
  cr_assert(!cap || b.data[0] == 'x');
  if (done) cr_assert(memcmp(b.data + 1, want->data, want->len) == 0);
  free(b.data);
  return done;
}

static void check(const struct row *row) {
  struct heap_arena h;
  struct buf want;
  size_t wrong, ample;
  bool seen = false;

  heap_arena_init(&h);
  buf_init(&want, &h.heap.hook, 1 << 20);
  (void)wire_copy_row_binary(&want, (dsql_params){row->v, row->n}, &wrong);
  ample = 1 + 2 + want.len + COPY_VALUE_ROOM * row->n;
  for (size_t cap = 0; cap <= ample; cap++) {
    bool quick = put(row, cap, false, &want), mixed = put(row, cap, true, &want);
    cr_assert(!quick || mixed, "what the quick one takes, the other takes");
    cr_assert(mixed || !seen, "more room is no worse");
    seen = mixed;
    if (cap == ample) cr_assert(quick == row->quick && mixed == row->mixed, "%u %d", row->v[0].oid, row->v[0].len);
  }
  buf_deinit(&want);
  heap_arena_deinit(&h);
}

Test(copy_row_quick, texts_of_every_length) {
  for (size_t i = 0; i < TEXT_MAX; i++) text[i] = (char)('a' + i % 26);
  for (size_t n = 0; n <= TEXT_MAX; n++) {
    struct row row = {{dsql_text_n(text, n), dsql_int4(7), dsql_bytes(text, n), dsql_null()}, 4, n <= 16, true};
    check(&row);
  }
}

Test(copy_row_quick, scalars) {
  static const unsigned char raw[4] = {1, 2, 3, 4};
  dsql_uuid uuid = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
  const struct row rows[] = {{{dsql_int4(-2), dsql_int8(-3), dsql_bool(true), dsql_int2(4)}, 4, true, true},
                             {{dsql_float8(0.5), dsql_uuid_param(uuid), dsql_null_of(DSQL_INT4)}, 3, true, true},
                             {{dsql_timetz_param((dsql_timetz){1, 2})}, 1, true, true},
                             {{dsql_null()}, 1, true, true},
                             {{dsql_raw(DSQL_INT4, 1, raw, 4), dsql_raw(DSQL_INT8, 1, "12345678", 8)}, 2, true, true}};
  for (size_t i = 0; i < COUNT(rows); i++) check(&rows[i]);
}

Test(copy_row_quick, what_is_left_to_the_other) {
  const struct row rows[] = {{{dsql_int4(1), dsql_numeric("1.5")}, 2, false, false},
                             {{dsql_numeric_scaled(15, 1)}, 1, false, false},
                             {{dsql_int4(1), dsql_numeric_scaled(1, 99)}, 2, false, false},
                             {{dsql_jsonb("{}")}, 1, false, false}};
  for (size_t i = 0; i < COUNT(rows); i++) check(&rows[i]);
}
