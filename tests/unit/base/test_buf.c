#include <criterion/criterion.h>

#include "base/buf.h"
#include "test_alloc.h"

static void assert_content(const struct buf *b, const void *want, size_t n) {
  cr_assert_eq(b->len, n, "%zu bytes, want %zu", b->len, n);
  cr_assert_eq(memcmp(b->data, want, n), 0);
}

Test(buf, puts) {
  struct test_alloc heap;
  struct buf b;

  test_alloc_init(&heap);
  buf_init(&b, &heap.hook, 1000);
  buf_put_u8(&b, 0xab);
  buf_put_be16(&b, 0x0102);
  buf_put_be32(&b, 0x80000003);
  buf_put_be64(&b, 0x0102030405060708);
  buf_put_cstr(&b, "x");
  buf_put_str(&b, "y");
  buf_put(&b, NULL, 0);
  buf_printf(&b, "%d-%s", -7, "z");
  cr_assert(buf_ok(&b));
  assert_content(&b, "\xab\1\2\x80\0\0\3\1\2\3\4\5\6\7\10x\0y-7-z", 22);
  buf_deinit(&b);
  test_alloc_assert_empty(&heap);
}

Test(buf, grows_to_its_maximum_and_no_further) {
  static const size_t maxima[] = {1, 2, 255, 256, 257, 1000, 5000};
  for (size_t m = 0; m < sizeof maxima / sizeof *maxima; m++) {
    struct test_alloc heap;
    struct buf b;
    test_alloc_init(&heap);
    buf_init(&b, &heap.hook, maxima[m]);
    for (size_t i = 0; i < maxima[m]; i++) buf_put_u8(&b, (uint8_t)i);
    cr_assert(buf_ok(&b) && b.len == maxima[m] && b.cap <= maxima[m]);
    for (size_t i = 0; i < maxima[m]; i++) cr_assert_eq(b.data[i], (uint8_t)i);
    cr_assert_leq(heap.calls, 7, "%zu allocations", heap.calls);
    buf_put_u8(&b, 1);
    cr_assert(b.error == DSQL_ETOOBIG && b.len == maxima[m]);
    buf_deinit(&b);
    test_alloc_assert_empty(&heap);
  }
}

Test(buf, sizes_that_would_wrap_are_refused) {
  struct test_alloc heap;
  struct buf b;

  test_alloc_init(&heap);
  buf_init(&b, &heap.hook, SIZE_MAX);
  buf_put_str(&b, "abc");
  cr_assert_not(buf_reserve(&b, SIZE_MAX - 2));
  cr_assert_eq(b.error, DSQL_ETOOBIG);
  assert_content(&b, "abc", 3);
  buf_deinit(&b);
  test_alloc_assert_empty(&heap);
}

Test(buf, failure_is_sticky_until_reset) {
  struct test_alloc heap;
  struct buf b;

  test_alloc_init(&heap);
  buf_init(&b, &heap.hook, 4);
  buf_put_str(&b, "abc");
  buf_put_be32(&b, 1);
  cr_assert_eq(b.error, DSQL_ETOOBIG);
  buf_put_u8(&b, 'd'); /* would fit */
  buf_put(&b, "e", 1);
  buf_put_be16(&b, 1);
  buf_put_be64(&b, 1);
  buf_printf(&b, "f");
  cr_assert_not(buf_reserve(&b, 0));
  assert_content(&b, "abc", 3);
  buf_reset(&b);
  cr_assert(buf_ok(&b) && b.len == 0 && b.cap > 0);
  buf_put_str(&b, "wxyz");
  assert_content(&b, "wxyz", 4);
  buf_deinit(&b);
  test_alloc_assert_empty(&heap);
}

/* The nth allocation fails, for every n: what was appended before stays. */
Test(buf, every_allocation_failing) {
  for (int fixed = 0; fixed < 2; fixed++)
    for (int secret = 0; secret < 2; secret++)
      for (size_t n = 1;; n++) {
        struct test_alloc heap;
        uint8_t storage[16];
        struct buf b;
        size_t before = 0;
        bool fired;

        test_alloc_init(&heap);
        test_alloc_arm(&heap, n, false);
        buf_init_on(&b, &heap.hook, 4096, fixed ? storage : NULL, fixed ? sizeof storage : 0);
        b.secret = secret;
        for (size_t i = 0; i < 4096 && buf_ok(&b); i++) {
          before = b.len;
          buf_put_u8(&b, (uint8_t)(i * 7));
        }
        fired = test_alloc_fired(&heap);
        cr_assert_eq(b.error, fired ? DSQL_ENOMEM : 0);
        cr_assert_eq(b.len, fired ? before : 4096);
        for (size_t i = 0; i < b.len; i++) cr_assert_eq(b.data[i], (uint8_t)(i * 7));
        buf_deinit(&b);
        test_alloc_assert_empty(&heap);
        if (!fired) {
          cr_assert_gt(n, 4);
          break;
        }
      }
}

Test(buf, borrowed_storage_is_left_when_outgrown) {
  struct test_alloc heap;
  char storage[8];
  struct buf b;

  test_alloc_init(&heap);
  buf_init_on(&b, &heap.hook, 100, storage, sizeof storage);
  buf_put_str(&b, "12345678");
  cr_assert(b.data == (uint8_t *)storage && heap.calls == 0);
  buf_trim(&b);
  buf_put_str(&b, "9");
  cr_assert(b.data != (uint8_t *)storage && heap.live == 1 && !b.fixed);
  assert_content(&b, "123456789", 9);
  buf_deinit(&b);
  cr_assert_eq(memcmp(storage, "12345678", 8), 0);
  test_alloc_assert_empty(&heap);
}

Test(buf, trim_gives_back_an_empty_buffer_only) {
  struct test_alloc heap;
  char storage[8];
  struct buf b;

  test_alloc_init(&heap);
  buf_init(&b, &heap.hook, 100);
  buf_trim(&b);
  buf_put_str(&b, "a");
  buf_trim(&b);
  assert_content(&b, "a", 1);
  buf_reset(&b);
  buf_trim(&b);
  cr_assert(heap.live == 0 && b.cap == 0 && !b.data);
  buf_put_str(&b, "b");
  assert_content(&b, "b", 1);
  buf_deinit(&b);

  buf_init_on(&b, &heap.hook, 100, storage, sizeof storage);
  buf_trim(&b);
  cr_assert_eq(b.cap, sizeof storage);
  buf_deinit(&b);
  test_alloc_assert_empty(&heap);
}

Test(buf, consume_and_truncate) {
  struct test_alloc heap;
  struct buf b;

  test_alloc_init(&heap);
  buf_init(&b, &heap.hook, 100);
  buf_consume(&b, 0);
  buf_truncate(&b, 0);
  buf_put_str(&b, "abcdef");
  buf_consume(&b, 2);
  assert_content(&b, "cdef", 4);
  buf_truncate(&b, 3);
  assert_content(&b, "cde", 3);
  buf_consume(&b, 3);
  cr_assert_eq(b.len, 0);
  buf_deinit(&b);
  test_alloc_assert_empty(&heap);
}

static bool all_zero(const void *p, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (((const char *)p)[i]) return false;
  return true;
}

Test(buf, secrets_are_cleansed_where_they_leave) {
  struct test_alloc heap;
  char storage[16] = {0};
  struct buf b;

  test_alloc_init(&heap);
  buf_init_on(&b, &heap.hook, 100, storage, sizeof storage);
  b.secret = true;
  buf_put_str(&b, "0123456789");
  buf_truncate(&b, 8);
  cr_assert(memcmp(storage, "01234567", 8) == 0 && all_zero(storage + 8, 8), "truncate");
  buf_consume(&b, 3);
  cr_assert(memcmp(storage, "34567", 5) == 0 && all_zero(storage + 5, 11), "consume");
  buf_reset(&b);
  cr_assert(all_zero(storage, 16), "reset");
  buf_put_str(&b, "0123456789abcdef");
  buf_put_u8(&b, 'g');
  cr_assert(b.data != (uint8_t *)storage && all_zero(storage, 16), "growth");
  buf_deinit(&b);

  buf_init_on(&b, &heap.hook, 100, storage, sizeof storage);
  b.secret = true;
  buf_put_str(&b, "secret");
  buf_deinit(&b);
  cr_assert(all_zero(storage, 16), "deinit");
  test_alloc_assert_empty(&heap);
}

Test(buf, formats_longer_than_any_buffer_on_the_way) {
  struct test_alloc heap;
  struct buf b;

  test_alloc_init(&heap);
  buf_init(&b, &heap.hook, 10000);
  buf_printf(&b, "%5000d|", 7);
  cr_assert(buf_ok(&b) && b.len == 5001 && b.data[4999] == '7' && b.data[5000] == '|');
  buf_printf(&b, "%9000d", 7);
  cr_assert(b.error == DSQL_ETOOBIG && b.len == 5001);
  buf_deinit(&b);
  test_alloc_assert_empty(&heap);
}
