/* What a lost connection leaves: each case says in which state the session was, what was submitted, how much of it was
 * given to the kernel, and what was read. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "rig.h"

struct loss_case {
  char tx_status;
  const char *ops;
  const char *sent; /* "all", or "<op>" its begin, "<op>+<n>" n bytes more, "<op>s+<n>" from its Sync on */
  const char *read;
  const char
      *verdicts; /* one letter for each operation that was not reported before: D in doubt, N not sent, - neither,
                           S succeeded */
};

static uint64_t position(const struct rig *r, const char *text) {
  const struct op *op;
  uint64_t at;
  char *end;
  if (!strcmp(text, "all")) return r->s.appended;
  op = &r->ops[strtoul(text, &end, 10)];
  at = op->begin;
  if (*end == 's') {
    at = op->end - 5;
    end++;
  }
  if (*end == '+') at += strtoul(end + 1, NULL, 10);
  return at;
}

static char verdict(const struct op *op) {
  if (op->outcome == OP_SUCCEEDED) return 'S';
  return op->flags & DSQL_IN_DOUBT ? 'D' : op->flags & DSQL_NOT_SENT ? 'N' : '-';
}

static void run(const struct loss_case *c) {
  struct rig *r = calloc(1, sizeof *r);
  struct session_event ev;
  struct fault f = {0};
  struct backend_script b;
  char verdicts[RIG_OPS + 1] = "";
  size_t n = 0;
  unsigned before[RIG_OPS];

  cr_assert_not_null(r);
  rig_init_ready(r, c->tx_status);
  rig_submit(r, c->ops);
  cr_assert(session_gather(&r->s));
  session_sent(&r->s, position(r, c->sent));
  backend_script_init(&b, c->read);
  if (b.len) cr_assert_eq(session_feed(&r->s, b.data, b.len), b.len);
  while (session_next(&r->s, &ev)) {
    if (ev.type == EVENT_ROWS) session_rows_done(&r->s, ev.len);
    if (ev.type == EVENT_OP_DONE) r->done[ev.op - r->ops]++;
    if (ev.type == EVENT_GROUP_OK)
      for (struct op *op; (op = session_take_ended(&r->s)) != NULL;) r->done[op - r->ops]++;
  }
  cr_assert_neq(r->s.phase, SESSION_FAILED, "%s <- %s", c->ops, c->read);
  for (size_t i = 0; i < r->op_count; i++)
    if (!r->done[i]) before[i] = session_loss_flags(&r->s, &r->ops[i]);
  fault_set(&f, DSQL_ECLOSED, "end of stream");
  session_end(&r->s, &f);
  while (session_next(&r->s, &ev)) {
    size_t i;
    if (ev.type != EVENT_OP_DONE) continue;
    i = (size_t)(ev.op - r->ops);
    r->done[i]++;
    verdicts[n++] = verdict(ev.op);
    cr_expect_eq(ev.op->flags & ~(unsigned)DSQL_CONN_LOST, before[i], "asked before, %s <- %s", c->ops, c->read);
    cr_expect(ev.op->flags & DSQL_CONN_LOST);
  }
  cr_expect(!strcmp(verdicts, c->verdicts), "%c %s sent %s <- [%s]: expected %s, got %s", c->tx_status, c->ops, c->sent,
            c->read, c->verdicts, verdicts);
  rig_deinit(r);
  free(r);
}

static const struct loss_case cases[] = {
    /* Autocommit: the Sync commits. */
    {'I', "x:INSERT|", "0", "", "N"},
    {'I', "x:INSERT|", "0+1", "", "-"},
    {'I', "x:INSERT|", "0s+0", "", "-"},
    {'I', "x:INSERT|", "0s+1", "", "D"},
    {'I', "x:INSERT|", "all", "", "D"},
    {'I', "x:INSERT|", "all", "1 2 n", "D"},
    {'I', "x:INSERT|", "all", "1 2 n C:INSERT_0_1", "D"},
    {'I', "x:INSERT|", "all", "1 2 n C:INSERT_0_1 Z:I", ""},
    {'I', "x:INSERT!|", "all", "", "-"},
    /* An error proves that it was rolled back, even when the socket dies afterwards. */
    {'I', "x:INSERT|", "all", "E:23505", "-"},
    {'I', "x:INSERT|", "all", "1 2 n E:40001", "-"},
    {'I', "x:INSERT|", "all", "1 2 n C:INSERT_0_1 E:23505", "-"},
    {'I', "b:INSERT b:UPDATE b:DELETE|", "all", "2 C:I E:1", "---"},
    /* FATAL, from the server itself: nothing more is run. */
    {'I', "b:INSERT|", "all", "F:57P01", "-"},
    {'I', "b:INSERT|", "all", "2 F:57P01", "-"},
    {'I', "b:INSERT|", "all", "2 C:INSERT_0_1 F:57P01", "D"},
    {'I', "b:INSERT| b:INSERT|", "all", "2 F:57P01", "--"},
    {'I', "b:INSERT| b:INSERT|", "all", "2 C:INSERT_0_1 F:57P01", "D-"},
    {'I', "b:CALL_p()|", "all", "2 F:57P01", "D"},
    {'I', "s:INSERT", "all", "F:57P01", "D"},
    {'T', "b:COMMIT|", "all", "2 F:57P01", "D"},
    {'T', "b:COMMIT| b:INSERT|", "all", "2 F:57P01", "D-"},
    {'I', "b:A b:COPY|", "all", "2 C:A 2 G E:08P01 F:08P01", "--"},
    {'I', "b:INSERT|", "all", "2 E:08P01", "-"}, /* a wrong number of parameters */
    /* FATAL, from a pooler: it does not know what its server did. */
    {'I', "b:INSERT|", "all", "P:08P01", "D"},
    {'I', "b:INSERT|", "all", "P:57P01", "D"},
    {'I', "b:INSERT|", "all", "F:08006", "D"},
    {'I', "b:INSERT| b:INSERT|", "all", "P:08P01", "DD"},
    {'T', "b:INSERT|", "all", "P:08P01", "-"},
    /* The server says that it does not know. */
    {'I', "b:INSERT|", "all", "2 E:40003", "D"},
    {'I', "b:INSERT|", "all", "2 C:INSERT_0_1 E:08007", "D"},
    {'T', "b:COMMIT|", "all", "2 E:40003", "D"},
    {'T', "b:COMMIT|", "all", "2 E:40001", "-"},
    /* In a block only what ends it commits. */
    {'T', "b:INSERT|", "all", "", "-"},
    {'T', "b:INSERT|", "all", "2 C:INSERT_0_1", "-"},
    {'T', "b:CALL_p()|", "all", "", "-"},
    {'T', "s:INSERT", "all", "", "-"},
    {'T', "s:INSERT;INSERT", "all", "", "D"},
    {'T', "s:COMMIT", "all", "", "D"},
    {'T', "s:COMMIT", "all", "C:COMMIT", "D"},
    {'T', "b:COMMIT|", "0", "", "N"},
    {'T', "b:COMMIT|", "0+1", "", "D"},
    {'T', "b:COMMIT|", "all", "", "D"},
    {'T', "b:COMMIT|", "all", "2", "D"},
    {'T', "b:COMMIT|", "all", "2 C:COMMIT", "S"},
    {'T', "b:COMMIT|", "all", "2 C:ROLLBACK", "-"},
    {'T', "b:END|", "all", "", "D"},
    {'T', "b:PREPARE_TRANSACTION_'x'|", "all", "", "D"},
    {'T', "b:PREPARE_TRANSACTION_'x'|", "all", "2 C:PREPARE_TRANSACTION", "S"},
    {'T', "b:ROLLBACK|", "all", "", "-"},
    {'T', "b:UPDATE b:ROLLBACK|", "all", "", "--"},
    {'T', "b:UPDATE| b:ROLLBACK| b:BEGIN| b:COMMIT|", "all", "", "---D"},
    {'T', "b:UPDATE| b:COMMIT|", "1", "", "-N"},
    {'T', "b:UPDATE| b:COMMIT|", "1+1", "", "DD"},
    {'T', "b:UPDATE| b:COMMIT|", "all", "2 C:UPDATE_1 Z:T", "D"},
    {'T', "b:UPDATE| b:COMMIT|", "all", "2 C:UPDATE_1", "DD"},
    /* The last statements and the COMMIT leave as two groups in one write. */
    {'T', "b:UPDATE| b:COMMIT|", "all", "2 E:23505", "--"},
    {'T', "b:UPDATE b:UPDATE| b:COMMIT|", "all", "2 C:UPDATE_1 2 E:40001", "---"},
    {'T', "b:UPDATE| b:COMMIT|", "all", "2 E:23505 Z:E", "-"},
    {'T', "b:UPDATE| b:COMMIT|", "all", "2 E:23505 Z:E 2 C:ROLLBACK", "-"},
    {'T', "b:UPDATE| b:COMMIT| b:INSERT|", "all", "2 E:23505", "--D"},
    {'T', "b:UPDATE| b:ROLLBACK_TO_a| b:COMMIT|", "all", "2 E:23505", "--D"},
    {'E', "b:INSERT|", "all", "", "-"},
    {'E', "b:COMMIT|", "all", "", "-"},
    {'E', "b:COMMIT| b:INSERT|", "all", "", "-D"},
    {'E', "b:ROLLBACK_TO_a| b:UPDATE| b:COMMIT|", "all", "", "-DD"},
    {'E', "b:ROLLBACK_TO_a| b:UPDATE|", "all", "", "--"},
    /* BEGIN, in the same group, holds what stands behind it, */
    {'I', "b:BEGIN|", "all", "", "-"},
    {'I', "b:BEGIN b:SELECT|", "all", "", "--"},
    {'I', "b:BEGIN b:UPDATE b:UPDATE|", "all", "2 C:BEGIN 2 C:UPDATE_1", "---"},
    {'I', "b:BEGIN b:UPDATE b:COMMIT|", "1", "", "-NN"},
    {'I', "b:BEGIN b:UPDATE b:COMMIT|", "2", "", "--N"},
    {'I', "b:BEGIN b:UPDATE b:COMMIT|", "2+1", "", "-DD"}, /* without its Sync */
    {'I', "b:BEGIN b:UPDATE b:COMMIT|", "all", "2 C:BEGIN 2 E:1", "---"},
    {'I', "b:BEGIN b:UPDATE b:COMMIT b:INSERT|", "3s+0", "", "-DD-"},
    {'I', "b:BEGIN b:UPDATE b:COMMIT b:INSERT|", "all", "", "-DDD"},
    {'I', "b:BEGIN b:UPDATE b:COMMIT b:INSERT|", "all", "2 C:BEGIN 2 C:U 2 C:COMMIT", "SSSD"},
    {'I', "b:BEGIN b:UPDATE b:ROLLBACK b:INSERT|", "all", "2 C:BEGIN 2 C:U 2 C:ROLLBACK", "---D"},
    /* but in another one only when it is known to have succeeded: else what follows is committed by its own Sync. */
    {'I', "b:BEGIN| b:UPDATE|", "all", "", "-D"},
    {'I', "b:BEGIN| b:UPDATE|", "all", "2", "-D"},
    {'I', "b:BEGIN| b:UPDATE|", "all", "2 C:BEGIN", "--"},
    {'I', "b:BEGIN| b:UPDATE|", "all", "2 C:BEGIN Z:T", "-"},
    {'I', "b:BEGIN| b:UPDATE| b:COMMIT|", "all", "2 C:BEGIN Z:T", "DD"},
    {'I', "b:BEGIN b:UPDATE| b:COMMIT|", "all", "", "-DD"},
    {'I', "b:BEGIN b:UPDATE| b:COMMIT|", "all", "2 C:BEGIN 2 E:1", "---"},
    {'I', "b:BEGIN b:UPDATE| b:COMMIT|", "1", "", "-NN"},
    {'I', "b:BEGIN b:UPDATE| b:COMMIT|", "2", "", "--N"},
    {'I', "b:UPDATE b:BEGIN|", "all", "", "D-"},
    {'I', "b:UPDATE b:ROLLBACK|", "all", "", "--"},
    {'I', "b:UPDATE b:COMMIT b:UPDATE|", "1+1", "", "DDN"},
    /* What commits by itself, and scripts. */
    {'I', "b:CALL_p()|", "0+1", "", "D"},
    {'I', "b:DO_''|", "all", "2 C:DO", "D"},
    {'I', "b:INSERT b:CALL_p()|", "1", "", "-N"},
    {'I', "b:INSERT b:CALL_p()|", "1+1", "", "DD"},
    {'I', "b:INSERT b:CALL_p() b:SELECT|", "all", "2 C:I 2 C:CALL E:1", "DD-"},
    {'I', "b:INSERT b:CALL_p()|", "all", "2 C:I 2 E:1", "D-"},
    {'I', "b:BEGIN b:INSERT b:CALL_p()|", "all", "", "---"},
    {'I', "b:COMMIT_PREPARED_'x'|", "all", "", "D"},
    {'I', "s:INSERT", "0", "", "N"},
    {'I', "s:INSERT", "0+1", "", "D"},
    {'I', "s:INSERT", "all", "C:INSERT_0_1", "D"},
    {'I', "s:INSERT", "all", "E:23505", "-"},
    {'I', "s:INSERT!", "all", "", "-"},
    {'I', "s:BEGIN", "all", "", "-"},
    {'I', "s:BEGIN b:INSERT|", "all", "", "-D"},
    {'I', "s:BEGIN;INSERT;COMMIT;INSERT", "all", "C:BEGIN C:I C:COMMIT", "D"},
    {'T', "b:UPDATE| s:COMMIT;BEGIN b:UPDATE|", "all", "", "DDD"},
    {'T', "b:UPDATE| s:SELECT;SELECT b:UPDATE|", "all", "", "DDD"},
    /* A Sync alone and a Close have no effect. */
    {'I', "y|", "all", "", "-"},
    {'I', "c!|", "all", "", "-"},
    {'I', "b:INSERT b:INSERT y|", "2", "", "--N"},
    {'I', "b:INSERT b:INSERT y|", "2+1", "", "DD-"},
    {'T', "b:INSERT y|", "all", "", "--"},
    /* Queued behind. */
    {'I', "s:COPY b:INSERT|", "all", "", "DN"},
};

Test(loss, table) {
  size_t n = sizeof cases / sizeof cases[0];
  for (size_t i = 0; i < n; i++) run(&cases[i]);
  printf("%zu cases\n", n);
  cr_assert_geq(n, 110);
}

/* In the start-up: before the session is ready nothing is known about any block. */
Test(loss, of_riders) {
  static const struct {
    const char *ops, *read, *verdicts;
  } rides[] = {
      {"b:INSERT|", "", "D"},
      {"b:INSERT|", "S:a=b K", "D"},
      {"b:INSERT|", "E:53300", "-"}, /* the session was refused before it looked at anything else */
      {"b:INSERT|", "F:57P03", "-"},
      {"b:BEGIN b:SELECT|", "", "--"},
      {"b:BEGIN b:SELECT b:COMMIT|", "", "-DD"},
      {"b:SELECT!|", "", "-"},
  };
  for (size_t i = 0; i < sizeof rides / sizeof rides[0]; i++) {
    struct rig r;
    char verdicts[8] = "";
    rig_init(&r);
    cr_assert_eq(rig_start(&r), 0);
    rig_submit(&r, rides[i].ops);
    rig_feed(&r, "R0");
    rig_gather(&r);
    rig_feed(&r, rides[i].read);
    rig_eof(&r);
    session_surrender(&r.s);
    rig_pull(&r);
    for (size_t op = 0; op < r.op_count; op++) verdicts[op] = verdict(&r.ops[op]);
    cr_expect_str_eq(verdicts, rides[i].verdicts, "%s <- %s: %s", rides[i].ops, rides[i].read, verdicts);
    rig_deinit(&r);
  }
}

/* Ten thousand operations in flight are judged in one pass, and asking for each of them costs no pass of its own. */
Test(loss, of_many, .timeout = 20) {
  enum { MANY = 10000 };
  struct test_alloc heap;
  struct op_queue queue;
  struct buf out;
  struct session s;
  struct session_config config = {
      .protocol = WIRE_PROTOCOL_3_0, .user = "u", .message_max = 65536, .require_auth = REQUIRE_AUTH_ANY};
  static const struct wire_pair user = {"user", "u"};
  struct op *ops = calloc(MANY, sizeof *ops);
  struct session_event ev;
  struct backend_script b;
  struct fault f = {0};
  size_t done = 0;

  cr_assert_not_null(ops);
  test_alloc_init(&heap);
  config.alloc = &heap.hook;
  config.startup = &user;
  config.startup_count = 1;
  op_queue_init(&queue);
  buf_init(&out, &heap.hook, 1 << 24);
  cr_assert_eq(session_init(&s, &config, &queue, &out), 0);
  backend_script_init(&b, "R0 Z:I");
  (void)session_feed(&s, b.data, b.len);
  while (session_next(&s, &ev)) {}
  for (size_t i = 0; i < MANY; i++) {
    op_init(&ops[i], &heap.hook, 1024, NULL, 0);
    wire_bind(&ops[i].bytes, "", "n", (dsql_params){NULL, 0}, NULL, 0);
    wire_execute(&ops[i].bytes, "", 0);
    wire_sync(&ops[i].bytes);
    ops[i].steps = STEP_BIND | STEP_EXECUTE;
    ops[i].sync = true;
    op_queue_push(&queue, &ops[i]);
  }
  while (!list_empty(&queue.list)) {
    buf_reset(&out);
    cr_assert(session_gather(&s));
  }
  session_sent(&s, s.appended);
  for (size_t round = 0; round < 10; round++)
    for (size_t i = 0; i < MANY; i++) cr_assert_eq(session_abandon_flags(&s, &ops[i]), (unsigned)DSQL_IN_DOUBT);
  fault_set(&f, DSQL_EIO, "reset");
  session_end(&s, &f);
  while (session_next(&s, &ev)) done += ev.type == EVENT_OP_DONE;
  cr_assert_eq(done, MANY);
  for (size_t i = 0; i < MANY; i++) op_deinit(&ops[i]);
  session_deinit(&s);
  buf_deinit(&out);
  free(ops);
  test_alloc_assert_empty(&heap);
}
