#include <criterion/criterion.h>

#include "base/cursor.h"

Test(cursor, reads_big_endian) {
  static const char bytes[] = "\xab\x80\1\x80\0\0\2\xff\xff\xff\xfe\xff\xfd\1\2\3\4\5\6\7\10text\0view";
  struct cursor c = cursor_of(bytes, sizeof bytes - 1);
  dsql_str s;
  const uint8_t *view;

  cr_assert_eq(cursor_u8(&c), 0xab);
  cr_assert_eq(cursor_u16(&c), 0x8001);
  cr_assert_eq(cursor_u32(&c), 0x80000002);
  cr_assert_eq(cursor_i32(&c), -2);
  cr_assert_eq(cursor_i16(&c), -3);
  cr_assert_eq(cursor_u64(&c), 0x0102030405060708);
  s = cursor_cstr(&c);
  cr_assert(s.len == 4 && memcmp(s.ptr, "text", 5) == 0);
  cr_assert_eq(cursor_left(&c), 4);
  cr_assert_not(cursor_done(&c));
  view = cursor_bytes(&c, 4);
  cr_assert(view && memcmp(view, "view", 4) == 0);
  cr_assert(cursor_done(&c));
  cr_assert_not_null(cursor_bytes(&c, 0));
  cr_assert(cursor_done(&c));
}

static void read_u8(struct cursor *c) { cr_assert_eq(cursor_u8(c), 0); }
static void read_u16(struct cursor *c) { cr_assert_eq(cursor_u16(c), 0); }
static void read_i16(struct cursor *c) { cr_assert_eq(cursor_i16(c), 0); }
static void read_u32(struct cursor *c) { cr_assert_eq(cursor_u32(c), 0); }
static void read_i32(struct cursor *c) { cr_assert_eq(cursor_i32(c), 0); }
static void read_u64(struct cursor *c) { cr_assert_eq(cursor_u64(c), 0); }
static void read_nine(struct cursor *c) { cr_assert_null(cursor_bytes(c, 9)); }
static void read_huge(struct cursor *c) { cr_assert_null(cursor_bytes(c, SIZE_MAX)); }
static void read_cstr(struct cursor *c) {
  dsql_str s = cursor_cstr(c);
  cr_assert(s.len == 0 && s.ptr && *s.ptr == 0);
}

Test(cursor, reads_past_the_end_fail_and_move_nothing) {
  static const struct {
    void (*read)(struct cursor *c);
    size_t needs;
  } reads[] = {{read_u8, 1},  {read_u16, 2},  {read_i16, 2},         {read_u32, 4},        {read_i32, 4},
               {read_u64, 8}, {read_nine, 9}, {read_huge, SIZE_MAX}, {read_cstr, SIZE_MAX}};
  static const uint8_t bytes[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  for (size_t i = 0; i < sizeof reads / sizeof *reads; i++)
    for (size_t n = 0; n < 16 && n < reads[i].needs; n++) {
      struct cursor c = cursor_of(bytes, n);
      reads[i].read(&c);
      cr_assert(c.failed && c.pos == bytes && !cursor_done(&c), "read %zu of %zu bytes", i, n);
      for (size_t j = 0; j < sizeof reads / sizeof *reads; j++) reads[j].read(&c); /* sticky */
      cr_assert_eq(c.pos, bytes);
      cr_assert_null(cursor_bytes(&c, 0));
    }
}

Test(cursor, nothing_at_all) {
  struct cursor c = cursor_of(NULL, 0);
  cr_assert(cursor_done(&c) && cursor_left(&c) == 0);
  (void)cursor_cstr(&c);
  cr_assert(c.failed);
}

Test(cursor, strings_end_at_their_nul) {
  struct cursor c = cursor_of("\0a\0", 3);
  dsql_str s = cursor_cstr(&c);
  cr_assert_eq(s.len, 0);
  s = cursor_cstr(&c);
  cr_assert(s.len == 1 && s.ptr[0] == 'a' && s.ptr[1] == 0);
  cr_assert(cursor_done(&c));
}
