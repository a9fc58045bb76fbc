/* Rows: kept in chunks that double, read in any order, shown one by one. */
#include "rows.h"

static const uint32_t one_int4[] = {DSQL_INT4};

static void assert_row(const struct rows *x, size_t row) {
  int32_t value = -1;
  cr_assert_eq(dsql_get_int4(&x->result, row, 0, &value), 0, "row %zu of %zu", row, x->result.rows);
  cr_assert_eq(value, (int32_t)row, "row %zu of %zu is %d", row, x->result.rows, (int)value);
}

/* Forward, backward, and in strides that leave no two rows next to each other. */
static void assert_rows(const struct rows *x, size_t n) {
  static const size_t strides[] = {3, 8, 7919};
  int32_t value;

  cr_assert_eq(dsql_result_rows(&x->result), n);
  for (size_t i = 0; i < n; i++) assert_row(x, i);
  for (size_t i = n; i-- > 0;) assert_row(x, i);
  for (size_t s = 0; s < COUNT(strides); s++)
    for (size_t i = 0; i < n; i += 1 + n / 1000) assert_row(x, i * strides[s] % n);
  cr_assert_eq(dsql_get_int4(&x->result, n, 0, &value), DSQL_EINVAL);
  cr_assert_eq(dsql_get_int4(&x->result, SIZE_MAX, 0, &value), DSQL_EINVAL);
  cr_assert(dsql_is_null(&x->result, n, 0));
}

static void fill(struct rows *x, size_t n, size_t rows_per_run) {
  for (size_t i = 0; i < n;) {
    for (size_t j = 0; j < rows_per_run && i < n; j++) rows_put_int4(&x->run, (uint32_t)i++);
    cr_assert_eq(rows_append(x), 0);
  }
}

Test(result, any_number_of_rows) {
  static const size_t counts[] = {0,   1,   2,   6,    7,    8,    9,    14,   15,   16,   17,    23,    24,
                                  25,  31,  32,  33,   63,   64,   65,   127,  128,  129,  255,   256,   257,
                                  511, 512, 513, 1000, 1023, 1024, 1025, 4095, 4096, 4097, 65536, 100000};
  static const size_t runs[] = {1, 5, SIZE_MAX};

  for (size_t i = 0; i < COUNT(counts); i++)
    for (size_t j = 0; j < COUNT(runs); j++) {
      struct rows x;
      rows_init(&x);
      rows_describe(&x, one_int4, 1, true);
      fill(&x, counts[i], runs[j]);
      assert_rows(&x, counts[i]);
      rows_deinit(&x);
    }
}

Test(result, rows_do_not_move_while_others_are_added) {
  struct rows x;
  dsql_str first, eighth, again;

  rows_init(&x);
  rows_describe(&x, one_int4, 1, true);
  fill(&x, 9, 1);
  cr_assert_eq(dsql_get_raw(&x.result, 0, 0, &first, NULL), 0);
  cr_assert_eq(dsql_get_raw(&x.result, 8, 0, &eighth, NULL), 0);
  for (uint32_t i = 9; i < 5000; i++) {
    rows_put_int4(&x.run, i);
    cr_assert_eq(rows_append(&x), 0);
  }
  assert_rows(&x, 5000);
  cr_assert_eq(dsql_get_raw(&x.result, 0, 0, &again, NULL), 0);
  cr_assert_eq(again.ptr, first.ptr);
  cr_assert_eq(dsql_get_raw(&x.result, 8, 0, &again, NULL), 0);
  cr_assert_eq(again.ptr, eighth.ptr);
  cr_assert_eq(memcmp(eighth.ptr, "\0\0\0\10", 4), 0);
  rows_deinit(&x);
}

Test(result, no_columns) {
  struct rows x;
  int32_t value;

  rows_init(&x);
  rows_describe(&x, NULL, 0, true);
  for (int i = 0; i < 20; i++) rows_add(&x, NULL, 0);
  cr_assert_eq(dsql_result_rows(&x.result), 20);
  cr_assert_eq(dsql_result_cols(&x.result), 0);
  for (size_t row = 0; row < 21; row++) {
    cr_assert_eq(dsql_get_int4(&x.result, row, 0, &value), DSQL_EINVAL);
    cr_assert(dsql_is_null(&x.result, row, 0));
  }
  rows_put_int4(&x.run, 1);
  cr_assert_eq(rows_append(&x), DSQL_EPROTO, "a field without a column");
  rows_deinit(&x);
}

Test(result, a_statement_without_rows) {
  struct rows x;
  dsql_column column;

  rows_init(&x);
  cr_assert_eq(dsql_result_rows(&x.result), 0);
  cr_assert_eq(dsql_result_cols(&x.result), 0);
  cr_assert_eq(dsql_result_tag(&x.result).len, 0);
  cr_assert_eq(dsql_result_affected(&x.result), -1);
  cr_assert_null(dsql_result_next(&x.result));
  cr_assert_eq(dsql_result_col_find(&x.result, "c0"), -1);
  cr_assert_eq(dsql_result_column(&x.result, 0, &column), DSQL_EINVAL);
  cr_assert(dsql_is_null(&x.result, 0, 0));
  rows_deinit(&x);
}

/* Every pattern of NULLs in five columns, beside values of every length that their neighbours could be taken for. */
Test(result, every_pattern_of_nulls) {
  enum { COLUMNS = 5 };
  static const uint32_t oids[COLUMNS] = {DSQL_TEXT, DSQL_TEXT, DSQL_TEXT, DSQL_TEXT, DSQL_TEXT};
  static const char *const texts[COLUMNS] = {"", "one", "\xff\xff\xff\xff", "four and more", "5"};
  struct rows x;

  rows_init(&x);
  rows_describe(&x, oids, COLUMNS, false);
  for (unsigned pattern = 0; pattern < 1u << COLUMNS; pattern++) {
    struct cell cells[COLUMNS];
    for (unsigned c = 0; c < COLUMNS; c++)
      cells[c] = pattern >> c & 1 ? NULL_CELL : (struct cell){texts[c], strlen(texts[c])};
    rows_add(&x, cells, COLUMNS);
  }
  for (unsigned pattern = 0; pattern < 1u << COLUMNS; pattern++)
    for (unsigned c = 0; c < COLUMNS; c++) {
      bool null = pattern >> c & 1;
      dsql_str text = {"untouched", 9};
      cr_assert_eq(dsql_is_null(&x.result, pattern, c), null);
      cr_assert_eq(dsql_get_text(&x.result, pattern, c, &text), null ? DSQL_ENULL : 0);
      if (null)
        cr_assert(text.len == 9 && memcmp(text.ptr, "untouched", 9) == 0);
      else
        cr_assert(text.len == strlen(texts[c]) && memcmp(text.ptr, texts[c], text.len) == 0);
    }
  rows_deinit(&x);
}

/* ---- rows that do not fit ---- */

static const struct {
  const char *name, *message;
  size_t len;
} misfits[] = {
#define MISFIT(name, literal)                                                                                          \
  { name, literal, sizeof(literal) - 1 }
    MISFIT("no count", "D\0\0\0\4"),
    MISFIT("half a count", "D\0\0\0\5\0"),
    MISFIT("too few fields", "D\0\0\0\x0a\0\1\0\0\0\0"),
    MISFIT("too many fields", "D\0\0\0\x12\0\3\0\0\0\0\0\0\0\0\0\0\0\0"),
    MISFIT("a field less than counted", "D\0\0\0\x0a\0\2\0\0\0\0"),
    MISFIT("half a length", "D\0\0\0\x0c\0\2\0\0\0\0\0\0"),
    MISFIT("a value behind the end", "D\0\0\0\x0f\0\2\0\0\0\0\0\0\0\2x"),
    MISFIT("bytes behind the last value", "D\0\0\0\x0f\0\2\0\0\0\0\0\0\0\0x"),
    MISFIT("length -2", "D\0\0\0\x0e\0\2\0\0\0\0\xff\xff\xff\xfe"),
    MISFIT("length INT32_MIN first", "D\0\0\0\x0e\0\2\x80\0\0\0\0\0\0\0"),
};

Test(result, rows_that_do_not_fit_the_columns) {
  static const uint32_t oids[] = {DSQL_TEXT, DSQL_TEXT};
  const struct cell good[] = {CELL("a"), CELL("b")};
  struct rows x;

  for (size_t i = 0; i < COUNT(misfits); i++) {
    dsql_str text;
    rows_init(&x);
    rows_describe(&x, oids, 2, false);
    rows_put_row(&x.run, good, 2);
    buf_put(&x.run, misfits[i].message, misfits[i].len);
    cr_assert_eq(rows_append(&x), DSQL_EPROTO, "%s", misfits[i].name);
    cr_assert_eq(dsql_result_rows(&x.result), 1, "%s", misfits[i].name);
    cr_assert_eq(dsql_get_text(&x.result, 0, 1, &text), 0);
    cr_assert(text.len == 1 && *text.ptr == 'b');
    rows_deinit(&x);
  }
}

/* ---- rows that are shown ---- */

static int show(struct rows *x) { return result_show(&x->result, x->run.data + 5, x->run.len - 5); }

Test(result, streamed_rows_are_views) {
  static const uint32_t oids[] = {DSQL_TEXT, DSQL_INT4};
  uint32_t offsets[2];
  struct rows x;

  rows_init(&x);
  rows_describe(&x, oids, 2, true);
  x.result.offsets = offsets;
  for (uint32_t i = 0; i < 100; i++) {
    uint8_t number[4];
    dsql_str text;
    int32_t value;
    size_t used = x.arena.bytes;

    store_be32(number, i);
    buf_reset(&x.run);
    rows_put_row(&x.run, (struct cell[]){i % 3 ? CELL("text") : NULL_CELL, {number, 4}}, 2);
    cr_assert_eq(show(&x), 0);
    cr_assert_eq(dsql_result_rows(&x.result), 1);
    cr_assert_eq(dsql_get_int4(&x.result, 0, 1, &value), 0);
    cr_assert_eq(value, (int32_t)i);
    cr_assert_eq(dsql_get_text(&x.result, 0, 0, &text), i % 3 ? 0 : DSQL_ENULL);
    if (i % 3) cr_assert_eq(text.ptr, (const char *)x.run.data + 5 + 2 + 4, "it was copied");
    cr_assert_eq(dsql_get_int4(&x.result, 1, 1, &value), DSQL_EINVAL);
    cr_assert_eq(x.arena.bytes, used, "a shown row took memory");
  }
  rows_deinit(&x);
}

Test(result, streamed_rows_that_do_not_fit) {
  static const uint32_t oids[] = {DSQL_TEXT, DSQL_TEXT};
  uint32_t offsets[2];
  struct rows x;

  rows_init(&x);
  rows_describe(&x, oids, 2, false);
  x.result.offsets = offsets;
  for (size_t i = 0; i < COUNT(misfits); i++) {
    buf_reset(&x.run);
    buf_put(&x.run, misfits[i].message, misfits[i].len);
    cr_assert_eq(show(&x), DSQL_EPROTO, "%s", misfits[i].name);
    cr_assert_eq(dsql_result_rows(&x.result), 0, "%s", misfits[i].name);
  }
  rows_deinit(&x);
}

/* ---- tags ---- */

Test(result, tags) {
  static const struct {
    const char *tag;
    int64_t affected;
  } cases[] = {{"SELECT 2", 2},      {"INSERT 0 5", 5}, {"UPDATE 0", 0}, {"COPY 12345678901", 12345678901},
               {"CREATE TABLE", -1}, {"COMMIT", -1},    {"", -1},        {"MERGE 7", 7}};
  char absurd[RESULT_TAG_MAX + 20];
  struct rows x;

  rows_init(&x);
  for (size_t i = 0; i < COUNT(cases); i++) {
    char tag[32] = {0};
    size_t n = strlen(cases[i].tag);
    memcpy(tag, cases[i].tag, n);
    result_set_tag(&x.result, tag, n);
    memset(tag, 'x', sizeof tag); /* it was copied */
    cr_assert(dsql_result_tag(&x.result).len == n && memcmp(dsql_result_tag(&x.result).ptr, cases[i].tag, n) == 0);
    cr_assert_eq(dsql_result_affected(&x.result), cases[i].affected, "%s", cases[i].tag);
  }
  memset(absurd, 'A', sizeof absurd);
  result_set_tag(&x.result, absurd, sizeof absurd);
  cr_assert_eq(dsql_result_tag(&x.result).len, (size_t)RESULT_TAG_MAX);
  rows_deinit(&x);
}

Test(result, null_results_are_empty) {
  cr_assert_eq(dsql_result_rows(NULL), 0);
  cr_assert_eq(dsql_result_cols(NULL), 0);
  cr_assert_eq(dsql_result_tag(NULL).len, 0);
  cr_assert_eq(dsql_result_affected(NULL), -1);
  cr_assert_null(dsql_result_next(NULL));
  cr_assert(dsql_is_null(NULL, 0, 0));
  cr_assert_eq(dsql_result_col_oid(NULL, 0), 0);
  cr_assert_eq(dsql_result_col_format(NULL, 0), 0);
  cr_assert_eq(dsql_result_col_name(NULL, 0).len, 0);
  cr_assert_eq(dsql_result_col_find(NULL, "c0"), -1);
}

/* ---- memory ---- */

/* What was stored before the failure stays readable. */
Test(result, each_allocation_failing) {
  enum { ROWS = 10000 };
  struct rows x;
  size_t failures = 0;

  rows_init(&x);
  for (size_t nth = 1;; nth++) {
    int rc = 0;
    size_t n = 0;

    rows_describe(&x, one_int4, 1, true);
    arena_pool_deinit(&x.pool); /* chunks come from the hook again */
    test_alloc_arm(&x.heap, nth, false);
    for (; rc == 0 && n < ROWS; n++) {
      rows_put_int4(&x.run, (uint32_t)n);
      rc = rows_append(&x);
    }
    if (rc) n--;
    assert_rows(&x, n);
    if (!test_alloc_fired(&x.heap)) {
      cr_assert(rc == 0 && n == ROWS);
      break;
    }
    cr_assert_eq(rc, DSQL_ENOMEM, "allocation %zu", nth);
    failures++;
    test_alloc_arm(&x.heap, 0, false);
  }
  cr_assert_eq(failures, x.heap.calls, "some allocation never failed");
  cr_assert_geq(failures, (size_t)8);
  rows_deinit(&x);
}
