/* Amounts: big messages, back-pressure, limits. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/error.h"
#include "rig.h"
#include "wire/backend.h"
#include "wire/frontend.h"

static void put_message(struct buf *out, char type, size_t body) {
  buf_put_u8(out, (uint8_t)type);
  buf_put_be32(out, (uint32_t)(body + 4));
  for (size_t i = 0; i < body; i++) buf_put_u8(out, (uint8_t)(i * 31 + 7));
}

/* Bytes of both directions through a relay whose outputs are drained now and then. */
static void pump_through(struct rig *rig, struct buf *from, struct buf *out, const struct buf *expected, size_t drain) {
  size_t sent = 0, peak = 0;
  while (sent < expected->len) {
    size_t n;
    rig_pump(rig);
    cr_assert(!rig->r.close, "%s", rig->r.why);
    if (out->len > peak) peak = out->len;
    n = out->len < drain ? out->len : drain;
    cr_assert_gt(n, 0);
    cr_assert_arr_eq(out->data, expected->data + sent, n);
    buf_consume(out, n);
    sent += n;
  }
  cr_assert_eq(from->len, 0);
  cr_assert_eq(out->len, 0);
  cr_assert_lt(peak, RELAY_HIGH_WATER + 70000);
}

Test(bytes, rows_pass_exactly_and_never_pile_up) {
  struct rig rig;
  struct buf expected;
  rig_init(&rig, NULL, 1);
  rig.step = 65536;
  buf_init(&expected, &mem_default, SIZE_MAX / 2);
  put_message(&expected, 'T', 30);
  put_message(&expected, 'D', 3000000);
  for (size_t i = 0; i < 20000; i++) put_message(&expected, 'D', i % 97);
  put_message(&expected, 'd', 1000000);
  put_message(&expected, 'D', 0);
  buf_put(&rig.from_server, expected.data, expected.len);
  pump_through(&rig, &rig.from_server, &rig.r.to_client, &expected, 10000);
  cr_assert_eq(rig.r.server_part.cap, 0, "nothing is held");
  buf_deinit(&expected);
  rig_deinit(&rig);
}

Test(bytes, copy_data_passes_exactly_and_never_piles_up) {
  struct rig rig;
  struct buf expected;
  rig_init(&rig, NULL, 1);
  rig.step = 65536;
  buf_init(&expected, &mem_default, SIZE_MAX / 2);
  wire_query(&expected, "COPY t FROM STDIN", 17);
  put_message(&expected, 'd', 5000000);
  for (size_t i = 0; i < 20000; i++) put_message(&expected, 'd', i % 97);
  put_message(&expected, 'c', 0);
  buf_put(&rig.from_client, expected.data, expected.len);
  pump_through(&rig, &rig.from_client, &rig.r.to_server, &expected, 10000);
  buf_deinit(&expected);
  rig_deinit(&rig);
}

Test(bytes, a_query_of_megabytes_passes_exactly) {
  struct rig rig;
  struct buf expected;
  size_t n = 9000000;
  char *sql = malloc(n);
  memset(sql, 'x', n);
  memcpy(sql, "INSERT INTO t VALUES ('", 23);
  memcpy(sql + n - 2, "')", 2);
  rig_init(&rig, NULL, 1);
  rig.step = 65536;
  buf_init(&expected, &mem_default, SIZE_MAX / 2);
  wire_query(&expected, sql, n);
  buf_put(&rig.from_client, expected.data, expected.len);
  rig_pump(&rig);
  cr_assert_eq(rig.r.to_server.len, expected.len);
  cr_assert_arr_eq(rig.r.to_server.data, expected.data, expected.len);
  free(sql);
  buf_deinit(&expected);
  rig_deinit(&rig);
}

/* The header alone decides. */
static bool closes(uint8_t type, uint32_t length) {
  struct rig rig;
  bool closed;
  rig_init(&rig, NULL, 1);
  buf_put_u8(&rig.from_client, type);
  buf_put_be32(&rig.from_client, length);
  rig_pump(&rig);
  closed = rig.r.close;
  cr_assert(!closed || rig.r.to_client.len == 0, "without a word");
  rig_deinit(&rig);
  return closed;
}

Test(bytes, a_message_over_the_limit_closes_without_a_word) {
  cr_assert(!closes('Q', RELAY_MESSAGE_MAX - 1));
  cr_assert(closes('Q', RELAY_MESSAGE_MAX));
  cr_assert(!closes('d', RELAY_MESSAGE_MAX - 1));
  cr_assert(closes('d', RELAY_MESSAGE_MAX));
  cr_assert(closes('B', UINT32_MAX));
  cr_assert(closes('Q', 3));
  cr_assert(closes('Q', 0));
}

Test(bytes, the_client_waits_while_the_server_does_not_read) {
  struct rig rig;
  size_t left;
  rig_init(&rig, NULL, 1);
  for (int i = 0; i < 200; i++) put_message(&rig.from_client, 'd', 10000);
  rig_pump(&rig);
  left = rig.from_client.len;
  cr_assert_gt(left, 1000000);
  rig_pump(&rig);
  cr_assert_eq(rig.from_client.len, left);
  buf_reset(&rig.r.to_server);
  rig_pump(&rig);
  cr_assert_lt(rig.from_client.len, left);
  rig_deinit(&rig);
}

/* Nothing but whole messages is sent before a close. */
Test(bytes, an_error_without_memory_leaves_nothing) {
  struct relay_refusal refusal;
  struct buf out;
  relay_refuse_parameter(&refusal, "statement_timeout", 17);
  for (size_t max = 1; max < 60; max++) {
    buf_init(&out, &mem_default, max);
    relay_put_error(&out, "FATAL", &refusal);
    cr_assert_eq(out.error, DSQL_ETOOBIG);
    cr_assert_eq(out.len, 0, "%zu bytes are left", out.len);
    buf_deinit(&out);
  }
}

Test(bytes, an_error_is_well_formed) {
  struct test_alloc heap;
  struct relay_refusal refusal;
  struct buf out;
  test_alloc_init(&heap);
  buf_init(&out, &heap.hook, 4096);
  relay_refuse_parameter(&refusal, "statement_timeout", 17);
  memcpy(refusal.detail, "some", 5);
  refusal.hint = "more";
  relay_put_error(&out, "FATAL", &refusal);
  cr_assert_eq(wire_check_error(out.data + 5, out.len - 5), 0);
  cr_assert_eq(load_be32(out.data + 1), out.len - 1);
  cr_assert_str_eq(error_body_field(out.data + 5, out.len - 5, 'M').ptr,
                   "setting configuration parameter \"statement_timeout\" not supported");
  cr_assert_str_eq(error_body_field(out.data + 5, out.len - 5, 'D').ptr, "some");
  cr_assert_str_eq(error_body_field(out.data + 5, out.len - 5, 'H').ptr, "more");
  buf_deinit(&out);
  test_alloc_assert_empty(&heap);
}
