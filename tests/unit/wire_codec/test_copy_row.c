/* Rows of COPY FROM STDIN in both formats ("COPY", File Formats). */
#include <stdio.h>

#include "../wire/bytes.h"
#include "base/cursor.h"
#include "heap.h"
#include "wire/frontend.h"

static dsql_param null_value(void) { return dsql_null(); }
static dsql_param int4_value(void) { return dsql_int4(-2); }
static dsql_param text_value(void) { return dsql_text("a\tb\\c\nd\re\bf\fg\vh"); }
static dsql_param empty_value(void) { return dsql_text(""); }
static dsql_param nul_value(void) { return dsql_text_n("a\0b", 3); }
static dsql_param numeric_value(void) { return dsql_numeric("1.50"); }
static dsql_param scaled_value(void) { return dsql_numeric_scaled(150, 2); }
static dsql_param refused_value(void) { return dsql_numeric_scaled(1, 99); }
static dsql_param bytes_value(void) { return dsql_bytes("\0\\", 2); }
static dsql_param bool_value(void) { return dsql_bool(true); }

static const struct row_case {
  const char *name;
  dsql_param (*make)(void);
  int binary_code;
  const char *binary; /* of the value, its length in front */
  size_t binary_len;
  int text_code;
  const char *text;
} cases[] = {
    {"NULL", null_value, 0, BYTES("\377\377\377\377"), 0, "\\N"},
    {"int4", int4_value, 0, BYTES("\0\0\0\4\377\377\377\376"), 0, "-2"},
    {"text", text_value, 0, BYTES("\0\0\0\17a\tb\\c\nd\re\bf\fg\vh"), 0, "a\\tb\\\\c\\nd\\re\\bf\\fg\\vh"},
    {"empty", empty_value, 0, BYTES("\0\0\0\0"), 0, ""},
    {"a NUL", nul_value, 0, BYTES("\0\0\0\3a\0b"), DSQL_EINVAL, NULL},
    {"numeric as text", numeric_value, DSQL_ETYPE, "", 0, 0, "1.50"},
    {"scaled", scaled_value, DSQL_ETYPE, "", 0, 0, "1.50"},
    {"refused", refused_value, DSQL_EINVAL, "", 0, DSQL_EINVAL, NULL},
    {"bytea", bytes_value, 0, BYTES("\0\0\0\2\0\\"), 0, "\\\\x005c"},
    {"bool", bool_value, 0, BYTES("\0\0\0\1\1"), 0, "t"},
};

/* Each value alone, and behind another one: the second is named when it is wrong, and the output is left as it was. */
static void check_binary(struct buf *b, const struct row_case *c, dsql_params row) {
  size_t wrong = 99, at = 2 + 5 * (row.n - 1);

  buf_reset(b);
  cr_assert_eq(wire_copy_row_binary(b, row, &wrong), c->binary_code, "%s", c->name);
  if (c->binary_code) {
    cr_assert(wrong == row.n - 1 && b->len == 0, "%s", c->name);
    return;
  }
  cr_assert_eq(load_be16(b->data), row.n, "%s", c->name);
  assert_bytes(b->data + at, b->len - at, c->binary, c->binary_len, c->name);
}

static void check_text(struct heap_arena *h, struct buf *b, const struct row_case *c, dsql_params row) {
  char want[128];
  size_t wrong = 99;
  int n;

  buf_reset(b);
  cr_assert_eq(wire_copy_row_text(b, &h->arena, row, &wrong), c->text_code, "%s", c->name);
  if (c->text_code) {
    cr_assert_eq(wrong, row.n - 1, "%s", c->name);
    return;
  }
  n = snprintf(want, sizeof want, "%s%s\n", row.n > 1 ? "f\t" : "", c->text);
  assert_bytes(b->data, b->len, want, (size_t)n, c->name);
}

/* Each value alone, and behind another one: then it is the second that is named when it is wrong. */
Test(copy_row, values) {
  struct heap_arena h;
  struct buf b;

  heap_arena_init(&h);
  buf_init(&b, &h.heap.hook, 1 << 20);
  for (size_t i = 0; i < COUNT(cases); i++)
    for (size_t n = 1; n <= 2; n++) {
      dsql_param row[2] = {dsql_bool(false), cases[i].make()};
      dsql_params params = {row + 2 - n, n};
      check_binary(&b, &cases[i], params);
      check_text(&h, &b, &cases[i], params);
    }
  buf_deinit(&b);
  heap_arena_deinit(&h);
}

Test(copy_row, the_ends_of_the_binary_format) {
  struct heap_arena h;
  struct buf b;

  heap_arena_init(&h);
  buf_init(&b, &h.heap.hook, 1 << 20);
  wire_copy_signature(&b);
  wire_copy_trailer(&b);
  assert_bytes(b.data, b.len, BYTES("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\377\377"), "ends");
  buf_deinit(&b);
  heap_arena_deinit(&h);
}

/* No values is a row too, and more than the count's 16 bits hold is none. */
Test(copy_row, counts) {
  static dsql_param many[WIRE_PARAMS_MAX + 1];
  struct heap_arena h;
  struct buf b;
  size_t wrong;

  for (size_t i = 0; i < COUNT(many); i++) many[i] = dsql_null();
  heap_arena_init(&h);
  buf_init(&b, &h.heap.hook, 1 << 20);
  cr_assert_eq(wire_copy_row_binary(&b, (dsql_params){NULL, 0}, &wrong), 0);
  cr_assert_eq(wire_copy_row_text(&b, &h.arena, (dsql_params){NULL, 0}, &wrong), 0);
  assert_bytes(b.data, b.len, BYTES("\0\0\n"), "no values");
  buf_reset(&b);
  cr_assert_eq(wire_copy_row_binary(&b, (dsql_params){many, WIRE_PARAMS_MAX}, &wrong), 0);
  cr_assert_eq(b.len, 2 + 4 * (size_t)WIRE_PARAMS_MAX);
  cr_assert_eq(wire_copy_row_binary(&b, (dsql_params){many, WIRE_PARAMS_MAX + 1}, &wrong), DSQL_ETOOBIG);
  buf_deinit(&b);
  heap_arena_deinit(&h);
}

Test(copy_row, without_memory) {
  dsql_param row[] = {dsql_bytes("\1\2", 2), dsql_text("0123456789012345678901234567890123456789"), dsql_null()};
  dsql_params params = {row, COUNT(row)};

  for (int binary = 0; binary < 2; binary++)
    for (size_t nth = 1;; nth++) {
      struct heap_arena h;
      struct buf b;
      size_t wrong;
      bool fired;
      int rc;
      heap_arena_init(&h);
      buf_init(&b, &h.heap.hook, 1 << 20);
      test_alloc_arm(&h.heap, nth, false);
      rc = binary ? wire_copy_row_binary(&b, params, &wrong) : wire_copy_row_text(&b, &h.arena, params, &wrong);
      fired = test_alloc_fired(&h.heap);
      cr_assert_eq(rc, fired ? DSQL_ENOMEM : 0, "%d %zu", binary, nth);
      buf_deinit(&b);
      heap_arena_deinit(&h);
      if (!fired) {
        cr_assert_gt(nth, 1);
        break;
      }
    }
}
