/* Sizes: lengths that lie, limits, bytes kept for later, the trace. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "rig.h"

static const uint32_t bad_lengths[] = {0, 1, 2, 3, 0x80000000u, 0xfffffffbu, 0xffffffffu, 0x7fffffffu, 0x00100001u};

static void header(uint8_t out[5], char type, uint32_t length) {
  out[0] = (uint8_t)type;
  store_be32(out + 1, length);
}

Test(limits, lengths_that_lie) {
  static const char types[] = "RKSvZ123nIsctTDCENAGHWdV?";
  struct rig *r = calloc(1, sizeof *r);
  size_t cases = 0;

  cr_assert_not_null(r);
  for (size_t i = 0; i < sizeof bad_lengths / sizeof bad_lengths[0]; i++)
    for (const char *t = types; *t; t++)
      for (int where = 0; where < 3; where++) {
        uint8_t bytes[5];
        header(bytes, *t, bad_lengths[i]);
        if (where) {
          rig_init_ready(r, 'I');
        } else {
          rig_init(r);
          cr_assert_eq(rig_start(r), 0);
        }
        if (where == 2) {
          rig_submit(r, "b:A|");
          rig_gather(r);
          rig_feed(r, "2 D:x");
        }
        rig_feed_bytes(r, bytes, 5, where == 1 ? 1 : 0);
        cr_assert_eq(r->s.phase, SESSION_FAILED, "%c %08x", *t, bad_lengths[i]);
        cr_expect_eq(session_fault(&r->s)->code, DSQL_EPROTO);
        cr_expect_not_null(
            strstr(session_fault(&r->s)->text, bad_lengths[i] - 4 > INT32_MAX - 4u ? "below 4" : "the limit is"), "%s",
            session_fault(&r->s)->text);
        cr_expect_lt(r->heap.peak_bytes, 8192);
        rig_deinit(r);
        cases++;
      }
  free(r);
  printf("%zu lengths\n", cases);
  cr_assert_eq(cases, 9 * 25 * 3);
}

Test(limits, unknown_types) {
  struct rig *r = calloc(1, sizeof *r);
  size_t cases = 0;
  cr_assert_not_null(r);
  for (unsigned type = 0; type < 256; type++) {
    uint8_t bytes[5];
    if (wire_type_known((uint8_t)type)) continue;
    for (int ready = 0; ready < 2; ready++) {
      header(bytes, (char)type, 4);
      if (ready) {
        rig_init_ready(r, 'I');
      } else {
        rig_init(r);
        cr_assert_eq(rig_start(r), 0);
      }
      rig_feed_bytes(r, bytes, 5, 0);
      cr_expect_eq(session_fault(&r->s)->code, DSQL_EPROTO);
      cr_expect_not_null(strstr(session_fault(&r->s)->text, "unknown"));
      rig_deinit(r);
      cases++;
    }
  }
  free(r);
  printf("%zu unknown types\n", cases);
  cr_assert_eq(cases, 2 * (256 - 24));
}

/* message_max counts header and body; one byte more is refused as soon as the header is there. */
Test(limits, message_max) {
  enum { MAX = 300 };
  for (size_t total = MAX - 1; total <= MAX + 1; total++) {
    struct rig r;
    struct backend_script b = {.len = 0};
    uint8_t row[MAX + 1] = {0, 1};
    store_be32(row + 2, (uint32_t)total - 5 - 6);
    rig_init(&r);
    r.config.message_max = MAX;
    cr_assert_eq(rig_start(&r), 0);
    rig_submit(&r, "b:A|");
    rig_feed(&r, "R0 Z:I");
    rig_gather(&r);
    rig_feed(&r, "2");
    backend_script_message(&b, 'D', row, total - 5);
    rig_feed_bytes(&r, b.data, total > MAX ? 5 : b.len, 0);
    cr_expect_eq(r.s.phase == SESSION_FAILED, total > MAX, "%zu", total);
    if (total > MAX) cr_expect_not_null(strstr(session_fault(&r.s)->text, "300"));
    rig_deinit(&r);
  }
}

/* Before AuthenticationOk the other end may be anybody: it does not get to fill our memory. */
Test(limits, strangers_get_little_memory) {
  struct rig r;
  uint8_t bytes[5];
  rig_init(&r);
  r.config.message_max = WIRE_MESSAGE_MAX;
  cr_assert_eq(rig_start(&r), 0);
  header(bytes, 'E', SESSION_STRANGER_MESSAGE_MAX);
  rig_feed_bytes(&r, bytes, 5, 0);
  cr_assert_eq(session_fault(&r.s)->code, DSQL_EPROTO);
  cr_assert_not_null(strstr(session_fault(&r.s)->text, "the limit is 65536"), "%s", session_fault(&r.s)->text);
  rig_deinit(&r);

  rig_init(&r);
  r.config.message_max = WIRE_MESSAGE_MAX;
  cr_assert_eq(rig_start(&r), 0);
  rig_feed(&r, "R0");
  rig_feed_bytes(&r, bytes, 5, 0);
  cr_assert_eq(r.s.phase, SESSION_STARTING, "afterwards the user's limit counts");
  rig_deinit(&r);
}

/* A message of the largest size arrives behind bytes that were kept for a paused consumer: what was consumed of them
 * makes room. */
Test(limits, kept_bytes_make_room) {
  enum { MAX = 4096, ROW = 100 };
  struct rig r;
  struct backend_script *b = calloc(1, sizeof *b);
  uint8_t row[MAX] = {0, 1};
  struct session_event ev;

  cr_assert_not_null(b);
  rig_init(&r);
  r.config.message_max = MAX;
  cr_assert_eq(rig_start(&r), 0);
  rig_submit(&r, "b:A|");
  rig_feed(&r, "R0 Z:I");
  rig_gather(&r);
  rig_feed(&r, "2");
  (void)rig_take_log(&r);
  store_be32(row + 2, ROW - 11);
  for (int i = 0; i < 300; i++) backend_script_message(b, 'D', row, ROW - 5);
  store_be32(row + 2, MAX - 11);
  backend_script_message(b, 'D', row, MAX - 5);
  backend_script_add(b, "C:A Z:I");
  /* The consumer pauses at once, in the middle of the first part, which ends inside the large row. */
  {
    size_t part = 30000 + 10;
    uint8_t *slab = malloc(part);
    cr_assert_not_null(slab);
    memcpy(slab, b->data, part);
    cr_assert_eq(session_feed(&r.s, slab, 20000), 20000);
    cr_assert(session_next(&r.s, &ev));
    cr_assert_eq(ev.type, EVENT_ROWS);
    session_rows_done(&r.s, ROW * 7);
    cr_assert_eq(session_store(&r.s, slab + 20000, part - 20000), 0);
    free(slab);
    cr_assert(session_has_input(&r.s));
    rig_pull(&r);
    rig_feed_bytes(&r, b->data + part, b->len - part, 1000);
  }
  cr_assert_eq(r.s.phase, SESSION_READY, "%s", session_fault(&r.s)->text);
  cr_assert_eq(r.done[0], 1);
  cr_assert_not(session_has_input(&r.s));
  free(b);
  rig_deinit(&r);
}

/* A consumer that takes one row at a time sees the same rows, and each is traced once. */
static size_t traced;
static void count_trace(void *arg, bool from_server, const uint8_t *message, size_t n) {
  (void)arg;
  cr_assert_geq(n, 4);
  if (from_server && message[0] == 'D') traced++;
}

Test(limits, rows_given_back) {
  static const char words[] = "2 D:a D:b D:c D:d D:e C:SELECT_5 Z:I";
  for (size_t at_once = 0; at_once <= 3; at_once++)
    for (size_t step = 0; step <= 20; step++) {
      struct rig r;
      struct backend_script b;
      rig_init(&r);
      r.config.trace = count_trace;
      cr_assert_eq(rig_start(&r), 0);
      rig_feed(&r, "R0 Z:I");
      (void)rig_take_log(&r);
      r.rows_at_once = at_once;
      rig_submit(&r, "b:A|");
      rig_gather(&r);
      backend_script_init(&b, words);
      traced = 0;
      rig_feed_bytes(&r, b.data, b.len, step);
      rig_expect(&r, "row 0 12\nrow 0 12\nrow 0 12\nrow 0 12\nrow 0 12\nresult 0 SELECT 5\ndone 0 ok\ngroup I\n");
      cr_assert_eq(traced, 5, "%zu at once, parts of %zu: %zu rows traced", at_once, step, traced);
      rig_deinit(&r);
    }
}

/* A large message does not stay in memory. */
Test(limits, large_messages_are_given_back) {
  struct rig r;
  struct backend_script *b = calloc(1, sizeof *b);
  char *text = calloc(1, 60000);
  cr_assert(b && text);
  memset(text, 'x', 59999);
  rig_init_ready(&r, 'I');
  for (int i = 0; i < 5; i++) {
    uint8_t big[9] = {'d'};
    (void)big;
    rig_submit(&r, "b:COPY|");
    rig_gather(&r);
    rig_feed(&r, "2 H");
    b->len = b->count = 0;
    backend_script_message(b, 'd', text, 59999);
    rig_feed_bytes(&r, b->data, b->len, 7000);
    rig_feed(&r, "c C:COPY_1 Z:I");
  }
  cr_assert_lt(r.heap.live_bytes, 400000);
  free(b);
  free(text);
  rig_deinit(&r);
}

/* An end of stream inside a row event, as a consumer does that found the row malformed. */
Test(limits, ended_while_rows_are_shown) {
  struct rig r;
  struct backend_script b;
  struct session_event ev;
  struct fault f = {0};

  rig_init_ready(&r, 'I');
  rig_submit(&r, "b:SELECT!|");
  rig_gather(&r);
  backend_script_init(&b, "2 D:x D:y C:A Z:I");
  (void)session_feed(&r.s, b.data, b.len);
  cr_assert(session_next(&r.s, &ev) && ev.type == EVENT_ROWS);
  fault_set(&f, DSQL_EPROTO, "a row of another shape");
  session_end(&r.s, &f);
  session_rows_done(&r.s, ev.len);
  rig_pull(&r);
  rig_expect(&r, "done 0 lost conn-lost\nfailed DSQL_EPROTO\n");
  cr_assert_eq(session_feed(&r.s, b.data, b.len), b.len, "what comes later is taken and dropped");
  cr_assert_not(session_next(&r.s, &ev));
  cr_assert_eq(session_park(&r.s), 0);
  cr_assert_eq(session_store(&r.s, b.data, b.len), 0);
  rig_deinit(&r);
}
