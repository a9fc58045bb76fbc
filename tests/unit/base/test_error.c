#include <criterion/criterion.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "test_alloc.h"

static const char body[] = "SERROR\0VERROR\0C40001\0Mbad\0Dmore\0Hdo\0P7\0?x\0";

static bool str_is(dsql_str s, const char *want) { return s.len == strlen(want) && memcmp(s.ptr, want, s.len) == 0; }

static const uint8_t *bytes(const char *s) { return (const uint8_t *)s; }

struct fixture {
  struct test_alloc heap;
  struct arena_pool pool;
  struct arena a;
};

static void fixture_open(struct fixture *f) {
  test_alloc_init(&f->heap);
  arena_pool_init(&f->pool, &f->heap.hook, 0);
  arena_init(&f->a, &f->pool);
}

static void fixture_close(struct fixture *f) {
  arena_deinit(&f->a);
  arena_pool_deinit(&f->pool);
  test_alloc_assert_empty(&f->heap);
}

Test(error, a_fault_is_kept_or_is_out_of_memory) {
  struct test_alloc heap;
  struct fault f = {.os_error = 7, .flags = DSQL_CONN_LOST};
  const struct fault *kept;

  test_alloc_init(&heap);
  fault_set(&f, DSQL_EIO, "broken");
  kept = fault_keep(&heap.hook, &f);
  f.text[0] = 'B';
  cr_expect(kept->code == DSQL_EIO && kept->os_error == 7 && kept->flags == DSQL_CONN_LOST);
  cr_expect_str_eq(kept->text, "broken");
  cr_expect_eq(heap.live, 1);
  fault_drop(&heap.hook, kept);
  test_alloc_arm(&heap, 1, true);
  kept = fault_keep(&heap.hook, &f);
  cr_expect(kept == &fault_nomem && kept->code == DSQL_ENOMEM && kept->text[0]);
  fault_drop(&heap.hook, kept);
  fault_drop(&heap.hook, NULL);
  test_alloc_assert_empty(&heap);
}

Test(error, codes_have_names_and_texts) {
  cr_assert_str_eq(dsql_error_name(0), "DSQL_OK");
  cr_assert_str_eq(dsql_error_name(DSQL_ETIMEDOUT), "DSQL_ETIMEDOUT");
  cr_assert_str_eq(dsql_error_name(-98), "DSQL_UNKNOWN");
  cr_assert_str_eq(dsql_strerror(0), "success");
  cr_assert_str_eq(dsql_strerror(-98), "unknown error code");
#define X(name, value, text)                                                                                           \
  cr_assert(DSQL_##name == value && strcmp(dsql_error_name(value), "DSQL_" #name) == 0);                               \
  cr_assert_str_eq(dsql_strerror(DSQL_##name), text);
  DSQL_ERROR_MAP(X)
#undef X
  cr_assert_str_eq(dsql_version(), DSQL_VERSION_STRING);
}

Test(error, the_first_fault_is_kept) {
  struct fault f = {0};
  cr_assert_eq(fault_set(&f, DSQL_EIO, "host %s port %d", "a", 1), DSQL_EIO);
  cr_assert_eq(fault_set(&f, DSQL_EPROTO, "second"), DSQL_EIO);
  cr_assert(f.code == DSQL_EIO && strcmp(f.text, "host a port 1") == 0);
  fault_clear(&f);
  cr_assert_eq(fault_set(&f, DSQL_EPROTO, "third"), DSQL_EPROTO);
  cr_assert_str_eq(f.text, "third");
}

Test(error, long_texts_are_cut_between_characters) {
  char text[600];
  for (size_t n = 505; n < 520; n++)
    for (size_t shift = 0; shift < 4; shift++) {
      struct fault f = {0};
      memset(text, 'a', shift);
      for (size_t i = shift; i + 4 <= sizeof text; i += 4) memcpy(text + i, "\xf0\x9f\x98\x80", 4);
      text[shift + (n - shift) / 4 * 4] = '\0';
      fault_set(&f, DSQL_EIO, "%s", text);
      cr_assert(utf8_valid(f.text, strlen(f.text)), "%zu bytes", strlen(text));
      if (strlen(text) < sizeof f.text)
        cr_assert_str_eq(f.text, text);
      else
        cr_assert(strlen(f.text) > 500 && strcmp(f.text + strlen(f.text) - 3, "...") == 0);
    }
}

Test(error, of_a_fault) {
  struct fault fault = {.code = DSQL_EIO, .os_error = 111, .flags = DSQL_NOT_SENT, .sqlstate = "08006", .text = "no"};
  const struct error *e;
  struct fixture f;

  fixture_open(&f);
  e = error_from_fault(&f.a, &fault);
  fault_clear(&fault);
  cr_assert(e->pub.code == DSQL_EIO && e->pub.os_error == 111 && e->pub.flags == (DSQL_NOT_SENT | DSQL_CLIENT_SIDE));
  cr_assert(e->pub.attempts == 1 && e->pub.cause_index == -1 && !e->fields);
  cr_assert_str_eq(e->pub.sqlstate, "08006");
  cr_assert(str_is(e->pub.message, "no") && str_is(e->pub.detail, "") && str_is(e->pub.hint, ""));
  cr_assert(str_is(dsql_error_field(&e->pub, 'M'), ""));
  fixture_close(&f);
}

Test(error, of_the_server) {
  char copy[sizeof body];
  const struct error *e;
  struct fixture f;

  fixture_open(&f);
  memcpy(copy, body, sizeof body);
  e = error_from_server(&f.a, bytes(copy), sizeof copy);
  memset(copy, 'x', sizeof copy);
  cr_assert(e->pub.code == DSQL_ESERVER && e->pub.flags == DSQL_RETRYABLE && e->pub.cause_index == -1);
  cr_assert_str_eq(e->pub.sqlstate, "40001");
  cr_assert(str_is(e->pub.message, "bad") && str_is(e->pub.detail, "more") && str_is(e->pub.hint, "do"));
  cr_assert(str_is(dsql_error_field(&e->pub, 'P'), "7") && str_is(dsql_error_field(&e->pub, '?'), "x"));
  cr_assert(str_is(dsql_error_field(&e->pub, 'R'), "") && str_is(dsql_error_field(&e->pub, '\0'), ""));
  fixture_close(&f);
}

Test(error, retryable_states) {
  static const struct {
    const char *state;
    unsigned flags;
  } cases[] = {{"40001", DSQL_RETRYABLE},
               {"40P01", DSQL_RETRYABLE},
               {"OC000", DSQL_RETRYABLE},
               {"OC001", DSQL_RETRYABLE},
               {"40003", 0},
               {"23505", 0},
               {"4000", 0},
               {"400011", 0},
               {"", 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[16] = "C";
    const struct error *e;
    struct fixture f;
    fixture_open(&f);
    memcpy(text + 1, cases[i].state, strlen(cases[i].state));
    e = error_from_server(&f.a, bytes(text), strlen(text) + 2);
    cr_assert_eq(e->pub.flags, cases[i].flags, "%s", cases[i].state);
    cr_assert_str_eq(e->pub.sqlstate, strlen(cases[i].state) == 5 ? cases[i].state : "");
    fixture_close(&f);
  }
}

/* It goes to terminals, logs and metrics as it is: five upper-case letters and digits, or none. */
Test(error, states_that_are_none) {
  static const char *const states[] = {"\x1b[31m", "4000a", "23 05", "0A00\x7f", "\xc3\x9c\xc3\x9cX", "\"}\n#x"};
  for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
    char text[16] = "C";
    const struct error *e;
    struct fixture f;
    fixture_open(&f);
    memcpy(text + 1, states[i], 5);
    e = error_from_server(&f.a, bytes(text), 8);
    cr_assert_str_eq(e->pub.sqlstate, "", "%zu", i);
    cr_assert(str_is(error_body_field(e->fields, e->fields_len, 'C'), states[i]));
    fixture_close(&f);
  }
}

Test(error, clones) {
  struct error *own, *copy;
  const struct error *server;
  struct fixture f, g;

  fixture_open(&f);
  fixture_open(&g);
  own = error_printf(&f.a, DSQL_EINVAL, "%s %d", "bad", 7);
  own->pub.app_code = 3;
  own->pub.cause_index = 2;
  own->pub.attempts = 4;
  copy = error_clone(&g.a, own);
  server = error_from_server(&f.a, bytes(body), sizeof body);
  arena_deinit(&f.a);
  cr_assert(copy->pub.code == DSQL_EINVAL && copy->pub.app_code == 3 && copy->pub.cause_index == 2);
  cr_assert(copy->pub.attempts == 4 && copy->pub.flags == DSQL_CLIENT_SIDE && str_is(copy->pub.message, "bad 7"));

  server = error_from_server(&f.a, bytes(body), sizeof body);
  copy = error_clone(&g.a, server);
  arena_deinit(&f.a);
  cr_assert(copy->pub.code == DSQL_ESERVER && copy->pub.flags == DSQL_RETRYABLE);
  cr_assert_str_eq(copy->pub.sqlstate, "40001");
  cr_assert(str_is(copy->pub.message, "bad") && str_is(copy->pub.detail, "more") && str_is(copy->pub.hint, "do"));
  cr_assert(str_is(dsql_error_field(&copy->pub, 'P'), "7"));

  copy->pub.message = (dsql_str){"attempt 1: bad", 14};
  copy = error_clone(&f.a, copy);
  cr_assert(str_is(copy->pub.message, "attempt 1: bad"), "a text in place of the server's is kept");
  cr_assert(str_is(dsql_error_field(&copy->pub, 'M'), "bad") && str_is(copy->pub.hint, "do"));
  fixture_close(&f);
  fixture_close(&g);
}

/* The body was checked when it came; a lookup in one that was not still ends inside it. */
Test(error, fields_of_broken_bodies) {
  static const char *const broken[] = {"", "M", "Mbad", "Sx\0M", "Sx"};
  static const size_t sizes[] = {0, 1, 4, 4, 2};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    char *exact = malloc(sizes[i] ? sizes[i] : 1);
    cr_assert_not_null(exact);
    memcpy(exact, broken[i], sizes[i]);
    cr_assert(str_is(error_body_field(bytes(exact), sizes[i], 'M'), ""));
    free(exact);
  }
  cr_assert(str_is(dsql_error_field(NULL, 'M'), ""));
}

Test(error, no_memory) {
  struct fault fault = {.code = DSQL_EIO, .text = "no"};
  static char long_body[10000];
  struct fixture f;

  memset(long_body, 'x', sizeof long_body - 2);
  fixture_open(&f);
  test_alloc_arm(&f.heap, 1, true);
  cr_assert_eq(error_from_fault(&f.a, &fault), &error_nomem);
  cr_assert_eq(error_from_server(&f.a, bytes(body), sizeof body), &error_nomem);
  cr_assert_null(error_printf(&f.a, DSQL_EIO, "x"));
  cr_assert_null(error_clone(&f.a, &error_nomem));
  test_alloc_arm(&f.heap, 2, true); /* the error has room, its text not */
  cr_assert_eq(error_from_server(&f.a, bytes(long_body), sizeof long_body), &error_nomem);
  fixture_close(&f);
  cr_assert(error_nomem.pub.code == DSQL_ENOMEM && str_is(error_nomem.pub.message, "out of memory"));
}
