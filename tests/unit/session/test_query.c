/* Phase READY: what the server answers against what is expected, line by line. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "rig.h"

struct query_case {
  const char *ops, *server, *log;
};

static void count_traced(void *arg, bool from_server, const uint8_t *message, size_t n) {
  (void)message;
  if (from_server) *(size_t *)arg += n;
}

/* How replies are read must not show: at once or byte by byte, rows and results as one event or apart, traced or not. */
enum way { AT_ONCE, APART, BYTE_BY_BYTE, TRACED, WAYS };

static size_t run_one_way(const struct query_case *c, char tx_status, enum way way) {
  struct rig *r = calloc(1, sizeof *r);
  struct backend_script *b = calloc(1, sizeof *b);
  size_t fast, traced = 0;
  const char *log;

  cr_assert(r && b);
  rig_init_ready(r, tx_status);
  r->apart = way == APART;
  if (way == TRACED) r->s.config.trace = count_traced;
  r->s.config.trace_arg = &traced;
  rig_submit(r, c->ops);
  rig_gather(r);
  backend_script_init(b, c->server);
  rig_feed_bytes(r, b->data, b->len, way == BYTE_BY_BYTE);
  log = rig_take_log(r);
  cr_expect(strcmp(log, c->log) == 0, "%s <- %s (way %d)\n--- expected\n%s--- got\n%s", c->ops, c->server, (int)way,
            c->log, log);
  if (way == TRACED && r->s.phase != SESSION_FAILED) cr_expect_eq(traced, b->len, "%s", c->server);
  fast = r->fast;
  rig_deinit(r);
  free(b);
  free(r);
  return fast;
}

static void run(const struct query_case *c, char tx_status) {
  for (enum way way = 0; way < WAYS; way++) (void)run_one_way(c, tx_status, way);
}

static void run_all(const struct query_case *cases, size_t n, char tx_status) {
  for (size_t i = 0; i < n; i++) run(&cases[i], tx_status);
  printf("%zu cases\n", n);
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ROWS_OF_ONE "columns 0 a b\nrow 0 17\nrow 0 17\nresult 0 SELECT 2\ndone 0 ok\ngroup I\n"

static const struct query_case successes[] = {
    {"x:SELECT|", "1 2 T:a,b D:x,y D:x,y C:SELECT_2 Z:I", "parsed 0\n" ROWS_OF_ONE},
    {"b:SELECT|", "2 D:x,y C:SELECT_1 Z:T", "row 0 17\nresult 0 SELECT 1\ndone 0 ok\ngroup T\n"},
    {"p:SELECT|", "1 t:23,25 T:a,b 2 C:SELECT_0 Z:I",
     "parsed 0\nparams 0 23 25\nstmt-columns 0 a b\nresult 0 SELECT 0\ndone 0 ok\ngroup I\n"},
    {"r:INSERT|", "3 1 t: n 2 C:INSERT_0_1 Z:I",
     "parsed 0\nparams 0\nstmt-columns 0 none\nresult 0 INSERT 0 1\ndone 0 ok\ngroup I\n"},
    {"c|", "3 Z:I", "done 0 ok\ngroup I\n"},
    {"y|", "Z:I", "done 0 ok\ngroup I\n"},
    {"x:|", "1 2 n I Z:I", "parsed 0\ncolumns 0 none\nresult 0 \ndone 0 ok\ngroup I\n"},
    {"l:SELECT|", "1 2 T:a,b D:-,y s Z:T", "parsed 0\ncolumns 0 a b\nrow 0 16\nresult 0 \ndone 0 ok\ngroup T\n"},
    {"m:| m:|", "D:x s Z:T C:SELECT_0 Z:T",
     "row 0 12\nresult 0 \ndone 0 ok\ngroup T\nresult 1 SELECT 0\ndone 1 ok\ngroup T\n"},
    {"s:SELECT", "T:a,b D:x,y D:x,y C:SELECT_2 Z:I", ROWS_OF_ONE},
    {"s:A;B;C", "T:a D:x C:SELECT_1 C:INSERT_0_1 T:b C:SELECT_0 Z:I",
     "columns 0 a\nrow 0 12\nresult 0 SELECT 1\nresult 0 INSERT 0 1\ncolumns 0 b\nresult 0 SELECT 0\ndone 0 ok\n"
     "group I\n"},
    {"s:", "I Z:I", "result 0 \ndone 0 ok\ngroup I\n"},
    {"x:A x:B x:C|", "1 2 n C:A 1 2 n C:B 1 2 n C:C Z:I",
     "parsed 0\ncolumns 0 none\nresult 0 A\nparsed 1\ncolumns 1 none\nresult 1 B\nparsed 2\ncolumns 2 none\n"
     "result 2 C\ndone 0 ok\ndone 1 ok\ndone 2 ok\ngroup I\n"},
    {"b:A b:B y|", "2 C:A 2 C:B Z:I", "result 0 A\nresult 1 B\ndone 0 ok\ndone 1 ok\ndone 2 ok\ngroup I\n"},
    {"b:A| s:B b:C|", "2 C:A Z:I C:B Z:I 2 C:C Z:I",
     "result 0 A\ndone 0 ok\ngroup I\nresult 1 B\ndone 1 ok\ngroup I\nresult 2 C\ndone 2 ok\ngroup I\n"},
    {"b:COMMIT|", "2 C:COMMIT Z:I", "result 0 COMMIT\ndone 0 ok\ngroup I\n"},
    {"b:ROLLBACK|", "2 C:ROLLBACK Z:I", "result 0 ROLLBACK\ndone 0 ok\ngroup I\n"},
    /* A COMMIT that acts as ROLLBACK is no success. */
    {"b:COMMIT|", "2 C:ROLLBACK Z:I", "result 0 ROLLBACK\ndone 0 rolled-back\ngroup I\n"},
    {"b:PREPARE_TRANSACTION_'x'|", "2 C:ROLLBACK Z:I", "result 0 ROLLBACK\ndone 0 rolled-back\ngroup I\n"},
    {"s:COMMIT", "C:ROLLBACK Z:I", "result 0 ROLLBACK\ndone 0 rolled-back\ngroup I\n"},
    {"s:COMMIT;BEGIN;ROLLBACK", "C:COMMIT C:BEGIN C:ROLLBACK Z:I",
     "result 0 COMMIT\nresult 0 BEGIN\nresult 0 ROLLBACK\ndone 0 ok\ngroup I\n"},
    /* What may come at any time. */
    {"b:SELECT|", "N:00000 S:TimeZone=UTC 2 A:chan D:x N:01000 D:y A:chan S:a=b C:S N:02000 S:c=d A:e Z:I",
     "notice -1 00000\nnotify chan\nrow 0 12\nnotice -1 01000\nrow 0 12\nnotify chan\nresult 0 S\n"
     "notice -1 02000\nnotify e\ndone 0 ok\ngroup I\n"},
};

Test(query, successes) { run_all(successes, COUNT(successes), 'I'); }

Test(query, between_operations) {
  struct rig r;
  rig_init_ready(&r, 'I');
  rig_feed(&r, "A:chan S:a=b N:00000");
  rig_expect(&r, "notify chan\nnotice -1 00000\n");
  cr_assert_eq(parameters_get(&r.s.parameters, "a").len, 1);
  rig_deinit(&r);
}

#define VIOLATION "done 0 lost conn-lost IN-DOUBT\nfailed DSQL_EPROTO\n"

/* What is read in one go: answers of prepared statements with plain tags, and the ReadyForQuery of a group of one. */
static const struct {
  struct query_case c;
  size_t fast;
} fast_cases[] = {
    {{"b:SELECT|", "2 D:x,y D:x C:SELECT_2 Z:I", "row 0 17\nrow 0 12\nresult 0 SELECT 2\ndone 0 ok\ngroup I\n"}, 2},
    {{"b:INSERT|", "2 C:INSERT_0_1 Z:T", "result 0 INSERT 0 1\ndone 0 ok\ngroup T\n"}, 2},
    {{"b:A b:B|", "2 C:UPDATE_10 2 D:x C:SELECT_1 Z:I",
      "result 0 UPDATE 10\nrow 1 12\nresult 1 SELECT 1\ndone 0 ok\ndone 1 ok\ngroup I\n"},
     3},
    {{"b:A| b:B| y| b:C|", "2 C:DELETE_0 Z:I 2 C:SELECT_0 Z:I Z:I 2 C:SELECT_0 Z:I",
      "result 0 DELETE 0\ndone 0 ok\ngroup I\nresult 1 SELECT 0\ndone 1 ok\ngroup I\ndone 2 ok\ngroup I\n"
      "result 3 SELECT 0\ndone 3 ok\ngroup I\n"},
     7},
    /* Tags of 8 and of 16 bytes, and past both ends. */
    {{"b:A|", "2 C:12345678 Z:I", "result 0 12345678\ndone 0 ok\ngroup I\n"}, 2},
    {{"b:A|", "2 C:1234567890123456 Z:I", "result 0 1234567890123456\ndone 0 ok\ngroup I\n"}, 2},
    {{"b:A|", "2 C:1234567 Z:I", "result 0 1234567\ndone 0 ok\ngroup I\n"}, 1},
    {{"b:A|", "2 C:12345678901234567 Z:I", "result 0 12345678901234567\ndone 0 ok\ngroup I\n"}, 1},
    /* The ends of transactions are judged with care. */
    {{"b:A|", "2 C:ROLLBACK Z:I", "result 0 ROLLBACK\ndone 0 ok\ngroup I\n"}, 1},
    {{"b:A b:PREPARE b:C|", "2 C:SELECT_1 2 C:PREPARE_TRANSACTION E:1 Z:I",
      "result 0 SELECT 1\nresult 1 PREPARE TRANSACTION\nerror 2 1\ndone 0 ok\ndone 1 ok\n"
      "done 2 failed cause=2\ngroup I\n"},
     1},
    /* What something stands between. */
    {{"b:A|", "2 N:1 D:x N:2 C:SELECT_1 N:3 Z:I",
      "notice -1 1\nrow 0 12\nnotice -1 2\nresult 0 SELECT 1\nnotice -1 3\ndone 0 ok\ngroup I\n"},
     2},
    /* What is no answer: a NUL too many, one missing, an empty tag, lengths, a status, an order. */
    {{"b:A|", "2 raw:430000000d53454c00435420310000", VIOLATION}, 0},
    {{"b:A|", "2 raw:430000000d53454c4543542031303030", VIOLATION}, 0},
    {{"b:A|", "2 raw:4300000004", VIOLATION}, 0},
    {{"b:A|", "2 raw:4300000003534445", VIOLATION}, 0},
    {{"b:A|", "2 raw:4400000003534445", VIOLATION}, 0},
    {{"b:A|", "2 raw:447fffffff534445", VIOLATION}, 0},
    {{"b:A|", "2 D:x 2", "row 0 12\n" VIOLATION}, 0},
    {{"b:A|", "2 C:SELECT_0 C:SELECT_0", "result 0 SELECT 0\n" VIOLATION}, 1},
    {{"b:A|", "2 C:SELECT_0 raw:5a0000000558", "result 0 SELECT 0\n" VIOLATION}, 1},
    {{"b:A|", "2 C:SELECT_0 raw:5a000000064949", "result 0 SELECT 0\n" VIOLATION}, 1},
    {{"b:A b:B|", "2 C:SELECT_0 Z:I",
      "result 0 SELECT 0\n"
      "done 0 lost conn-lost IN-DOUBT\ndone 1 lost conn-lost IN-DOUBT\nfailed DSQL_EPROTO\n"},
     1},
    {{"b:A|", "D:x", VIOLATION}, 0},
    {{"b:A|", "C:SELECT_0", VIOLATION}, 0},
};

Test(query, answers_in_one_go) {
  for (size_t i = 0; i < COUNT(fast_cases); i++) {
    const struct query_case *c = &fast_cases[i].c;
    for (enum way way = 0; way < WAYS; way++) {
      size_t fast = run_one_way(c, 'I', way);
      if (way == AT_ONCE) cr_expect_eq(fast, fast_cases[i].fast, "%s: %zu", c->server, fast);
      if (way == BYTE_BY_BYTE || way == TRACED) cr_expect_eq(fast, 0, "%s: %zu", c->server, fast);
    }
  }
}

#define GROUP "b:A b:B b:C|"

static const struct query_case failures[] = {
    /* An error in the place of every answer. */
    {"x:A|", "E:42601 Z:I", "error 0 42601\ndone 0 failed cause=0\ngroup I\n"},
    {"x:A|", "1 E:42601 Z:I", "parsed 0\nerror 0 42601\ndone 0 failed cause=0\ngroup I\n"},
    {"x:A|", "1 2 E:42601 Z:I", "parsed 0\nerror 0 42601\ndone 0 failed cause=0\ngroup I\n"},
    {"x:A|", "1 2 T:a E:42601 Z:I", "parsed 0\ncolumns 0 a\nerror 0 42601\ndone 0 failed cause=0\ngroup I\n"},
    {"x:A|", "1 2 T:a D:x E:22012 Z:E",
     "parsed 0\ncolumns 0 a\nrow 0 12\nerror 0 22012\ndone 0 failed cause=0\ngroup E\n"},
    /* At Sync: a deferred constraint. */
    {"b:INSERT|", "2 C:INSERT_0_1 E:23505 Z:I",
     "result 0 INSERT 0 1\nerror -1 23505\ndone 0 failed rolled-back\ngroup I\n"},
    {"r:A|", "E:26000 Z:I", "error 0 26000\ndone 0 failed cause=0\ngroup I\n"},
    {"r:A|", "3 E:42601 Z:I", "error 0 42601\ndone 0 failed cause=0\ngroup I\n"},
    {"r:A|", "3 1 E:42601 Z:I", "parsed 0\nerror 0 42601\ndone 0 failed cause=0\ngroup I\n"},
    {"r:A|", "3 1 t:23 E:42601 Z:I", "parsed 0\nparams 0 23\nerror 0 42601\ndone 0 failed cause=0\ngroup I\n"},
    {"r:A|", "3 1 t:23 n E:42601 Z:I",
     "parsed 0\nparams 0 23\nstmt-columns 0 none\nerror 0 42601\ndone 0 failed cause=0\ngroup I\n"},
    {"y|", "E:57014 Z:I", "error -1 57014\ndone 0 failed rolled-back\ngroup I\n"},
    /* Groups: those before the culprit are undone, those behind it were not run. */
    {GROUP, "E:1 Z:I", "error 0 1\ndone 0 failed cause=0\ndone 1 skipped cause=0\ndone 2 skipped cause=0\ngroup I\n"},
    {GROUP, "2 C:A E:1 Z:I",
     "result 0 A\nerror 1 1\ndone 0 undone cause=1 rolled-back\ndone 1 failed cause=1\ndone 2 skipped cause=1\n"
     "group I\n"},
    {GROUP, "2 C:A 2 C:B 2 E:1 Z:I",
     "result 0 A\nresult 1 B\nerror 2 1\ndone 0 undone cause=2 rolled-back\ndone 1 undone cause=2 rolled-back\n"
     "done 2 failed cause=2\ngroup I\n"},
    {GROUP, "2 C:A 2 C:B 2 C:C E:23505 Z:I",
     "result 0 A\nresult 1 B\nresult 2 C\nerror -1 23505\ndone 0 failed rolled-back\ndone 1 failed rolled-back\n"
     "done 2 failed rolled-back\ngroup I\n"},
    {"b:A b:B y|", "2 E:1 Z:I",
     "error 0 1\ndone 0 failed cause=0\ndone 1 skipped cause=0\ndone 2 skipped cause=0\ngroup I\n"},
    /* The next group starts from nothing. */
    {"b:A b:B| b:C b:D|", "2 C:A E:1 Z:I 2 C:C E:2 Z:I",
     "result 0 A\nerror 1 1\ndone 0 undone cause=1 rolled-back\ndone 1 failed cause=1\ngroup I\n"
     "result 2 C\nerror 3 2\ndone 2 undone cause=1 rolled-back\ndone 3 failed cause=1\ngroup I\n"},
    {"b:A| b:B|", "E:1 Z:I 2 C:B Z:I", "error 0 1\ndone 0 failed cause=0\ngroup I\nresult 1 B\ndone 1 ok\ngroup I\n"},
    /* An explicit COMMIT settles what stands before it. */
    {"b:A b:COMMIT b:C b:D|", "2 C:A 2 C:COMMIT 2 C:C E:1 Z:I",
     "result 0 A\nresult 1 COMMIT\nresult 2 C\nerror 3 1\ndone 0 ok\ndone 1 ok\ndone 2 undone cause=3 rolled-back\n"
     "done 3 failed cause=3\ngroup I\n"},
    {"b:A b:PREPARE_TRANSACTION_'x' b:C|", "2 C:A 2 C:PREPARE_TRANSACTION E:1 Z:I",
     "result 0 A\nresult 1 PREPARE TRANSACTION\nerror 2 1\ndone 0 ok\ndone 1 ok\ndone 2 failed cause=2\ngroup I\n"},
    {"b:COMMIT b:A b:B|", "2 C:ROLLBACK 2 C:A E:1 Z:I",
     "result 0 ROLLBACK\nresult 1 A\nerror 2 1\ndone 0 rolled-back\ndone 1 undone cause=2 rolled-back\n"
     "done 2 failed cause=2\ngroup I\n"},
    /* A CALL may have committed what stands before it, so that nobody may say that it was undone. */
    {"b:A b:CALL_p() b:C b:D|", "2 C:A 2 C:CALL 2 C:C E:1 Z:I",
     "result 0 A\nresult 1 CALL\nresult 2 C\nerror 3 1\ndone 0 undone cause=3 IN-DOUBT\n"
     "done 1 undone cause=3 IN-DOUBT\ndone 2 undone cause=3 rolled-back\ndone 3 failed cause=3\ngroup I\n"},
    {"b:A b:CALL_p()|", "2 C:A E:1 Z:I",
     "result 0 A\nerror 1 1\ndone 0 undone cause=1 IN-DOUBT\ndone 1 failed cause=1\ngroup I\n"},
    {"b:BEGIN b:A b:CALL_p()|", "2 C:BEGIN 2 C:A E:2D000 Z:E",
     "result 0 BEGIN\nresult 1 A\nerror 2 2D000\ndone 0 undone cause=2 rolled-back\n"
     "done 1 undone cause=2 rolled-back\ndone 2 failed cause=2\ngroup E\n"},
    /* The server says that it does not know. */
    {"b:INSERT|", "2 C:INSERT_0_1 E:40003 Z:I",
     "result 0 INSERT 0 1\nerror -1 40003\ndone 0 failed IN-DOUBT\ngroup I\n"},
    {"b:INSERT!|", "2 C:INSERT_0_1 E:40003 Z:I", "result 0 INSERT 0 1\nerror -1 40003\ndone 0 failed\ngroup I\n"},
    {"b:COMMIT|", "2 E:08007 Z:I", "error 0 08007\ndone 0 failed cause=0 IN-DOUBT\ngroup I\n"},
    {"x:INSERT|", "1 E:08P01 Z:I", "parsed 0\nerror 0 08P01\ndone 0 failed cause=0\ngroup I\n"},
    {"b:UPDATE|", "2 E:40003 Z:E", "error 0 40003\ndone 0 failed cause=0\ngroup E\n"},
    {"b:COMMIT|", "2 E:40001 Z:I", "error 0 40001\ndone 0 failed cause=0\ngroup I\n"},
    /* Simple protocol. */
    {"s:A;B;C", "C:A T:x D:1 E:22012 Z:I",
     "result 0 A\ncolumns 0 x\nrow 0 12\nerror 0 22012\ndone 0 failed cause=0\ngroup I\n"},
    {"s:A", "E:42601 Z:E", "error 0 42601\ndone 0 failed cause=0\ngroup E\n"},
    {"s:A", "C:A E:23505 Z:I", "result 0 A\nerror 0 23505\ndone 0 failed cause=0\ngroup I\n"},
};

Test(query, failures) { run_all(failures, COUNT(failures), 'I'); }

static const struct query_case copies[] = {
    {"x:COPY|", "1 2 n G E:57014 Z:I",
     "parsed 0\ncolumns 0 none\nerror 0 57014\ndone 0 copy-refused cause=0\ngroup I\n"},
    {"x:COPY|", "1 2 n H d:abc d:def c C:COPY_2 Z:I",
     "parsed 0\ncolumns 0 none\nresult 0 COPY 2\ndone 0 copy-refused\ngroup I\n"},
    {"x:COPY|", "1 2 n H d:abc E:57014 Z:I",
     "parsed 0\ncolumns 0 none\nerror 0 57014\ndone 0 failed cause=0\ngroup I\n"},
    {"s:COPY", "G E:57014 Z:I", "error 0 57014\ndone 0 copy-refused cause=0\ngroup I\n"},
    {"s:COPY", "H d:a c C:COPY_1 Z:I", "result 0 COPY 1\ndone 0 copy-refused\ngroup I\n"},
    {"s:A;COPY;COPY", "C:A H c C:COPY_0 G E:57014 Z:I",
     "result 0 A\nresult 0 COPY 0\nerror 0 57014\ndone 0 copy-refused cause=0\ngroup I\n"},
    /* The error is that of another statement. */
    {"s:COPY;A", "H d:a c C:COPY_1 E:22012 Z:I", "result 0 COPY 1\nerror 0 22012\ndone 0 failed cause=0\ngroup I\n"},
    {"b:A b:COPY y|", "2 C:A 2 G E:57014 Z:I",
     "result 0 A\nerror 1 57014\ndone 0 undone cause=1 rolled-back\ndone 1 copy-refused cause=1\n"
     "done 2 skipped cause=1\ngroup I\n"},
    {"b:A b:COPY y|", "2 C:A 2 H c C:COPY_0 Z:I",
     "result 0 A\nresult 1 COPY 0\ndone 0 ok\ndone 1 copy-refused\ndone 2 ok\ngroup I\n"},
    /* Something on the wire behind it: the server gives up. */
    {"b:CREATE b:B|", "2 G E:08P01 F:08P01", "error 0 08P01\nerror -1 08P01\n"},
};

Test(query, copies) { run_all(copies, COUNT(copies), 'I'); }

Test(query, what_ends_a_copy) {
  struct rig r;
  rig_init_ready(&r, 'I');
  rig_submit(&r, "x:COPY|");
  rig_gather(&r);
  cr_assert_str_eq(rig_take_output(&r), "PBDES");
  rig_feed(&r, "1 2 n G");
  cr_assert_str_eq(rig_take_output(&r), "fS");
  rig_feed(&r, "E:57014 Z:I");
  rig_submit(&r, "s:COPY");
  rig_gather(&r);
  cr_assert_str_eq(rig_take_output(&r), "Q");
  rig_feed(&r, "G");
  cr_assert_str_eq(rig_take_output(&r), "f");
  rig_feed(&r, "E:57014 Z:I");
  rig_submit(&r, "x:COPY|");
  rig_gather(&r);
  (void)rig_take_output(&r);
  rig_feed(&r, "1 2 n H d:abc c C:COPY_1 Z:I");
  cr_assert_str_eq(rig_take_output(&r), "");
  rig_deinit(&r);
}

static const char *const message_words[] = {"R0", "R3", "K",   "v:30000", "Z:I", "1",   "2", "3", "n", "I",   "s",
                                            "c",  "t:", "T:a", "D:x",     "C:A", "E:1", "G", "H", "W", "d:x", "V"};

/* What is out of place loses the connection: every message in every state. */
struct place {
  const char *ops, *before;
  const char *allowed; /* types; E N S A always are, but E between operations */
};

static const struct place places[] = {
    {"", "", ""},
    {"y|", "", "ZE"},
    {"y|", "E:1", "Z"},
    {"c|", "", "3E"},
    {"c|", "3", "ZE"},
    {"x:A|", "", "1E"},
    {"x:A|", "1", "2E"},
    {"x:A|", "1 2", "TnE"},
    {"x:A|", "1 2 T:a", "DCIGHE"},
    {"x:A|", "1 2 n", "CIGHE"},
    {"x:A|", "1 2 T:a D:x", "DCE"},
    {"x:A|", "1 2 T:a C:A", "ZE"},
    {"l:A|", "1 2 T:a", "DCIGHE"}, /* a limit is one row at least */
    {"l:A|", "1 2 n", "CIGHE"},
    {"l:A|", "1 2 T:a D:x", "DCsE"},
    {"l:A|", "1 2 T:a D:x D:x D:x", "DCsE"}, /* over the limit: who counts is the owner */
    {"l:A|", "1 2 T:a D:x s", "ZE"},
    {"l:A|", "1 2 T:a D:x C:A", "ZE"},
    {"m:|", "", "DCIGHE"},
    {"m:|", "D:x", "DCsE"},
    {"m:| m:|", "D:x s Z:T", "DCIGHE"},
    {"m: m:|", "D:x s", "DCIGHE"},
    {"x:A|", "1 2 n I", "ZE"},
    {"x:A|", "1 2 n G", "E"},
    {"x:A|", "1 2 n H", "dcE"},
    {"x:A|", "1 2 n H d:x", "dcE"},
    {"x:A|", "1 2 n H c", "CE"},
    {"x:A|", "1 2 E:1", "Z"},
    {"x:A|", "1 2 n C:A E:1", "Z"},
    {"w:BEGIN|", "", "1E"},
    {"w:BEGIN|", "1", "2E"},
    {"w:BEGIN|", "1 2", "CIGHE"},
    {"r:A|", "", "3E"},
    {"r:A|", "3", "1E"},
    {"r:A|", "3 1", "tE"},
    {"r:A|", "3 1 t:", "TnE"},
    {"r:A|", "3 1 t: T:a", "2E"},
    {"r:A|", "3 1 t: T:a 2", "DCIGHE"},
    {"r:A|", "3 1 t: n 2", "CIGHE"},
    {"b:A b:B|", "2 C:A", "2E"},
    {"b:A b:B|", "2 C:A 2", "DCIGHE"},
    {"s:A", "", "TCIGHE"},
    {"s:A", "T:a", "DCE"},
    {"s:A", "T:a D:x", "DCE"},
    {"s:A", "T:a D:x C:A", "TCIGHZE"},
    {"s:A", "C:A", "TCIGHZE"},
    {"s:A", "I", "TCIGHZE"},
    {"s:A", "G", "E"},
    {"s:A", "H", "dcE"},
    {"s:A", "H c", "CE"},
    {"s:A", "H c C:A", "TCIGHZE"},
    {"s:A", "E:1", "Z"},
};

static bool is_allowed(const struct place *p, const char *word) { return strchr(p->allowed, word[0]) != NULL; }

Test(query, every_message_in_every_place) {
  struct rig *r = calloc(1, sizeof *r);
  size_t cases = 0, refused = 0;

  cr_assert_not_null(r);
  for (size_t i = 0; i < COUNT(places); i++)
    for (size_t w = 0; w < COUNT(message_words); w++) {
      const char *word = message_words[w][0] == 'V' ? "raw:5600000008ffffffff" : message_words[w];
      bool allowed = is_allowed(&places[i], message_words[w]);
      rig_init_ready(r, 'I');
      rig_submit(r, places[i].ops);
      rig_gather(r);
      rig_feed(r, places[i].before);
      cr_assert_neq(r->s.phase, SESSION_FAILED, "[%s] %s", places[i].ops, places[i].before);
      rig_feed(r, word);
      cr_expect((r->s.phase != SESSION_FAILED) == allowed, "[%s] %s, then %s", places[i].ops, places[i].before, word);
      if (!allowed) {
        cr_expect_eq(session_fault(&r->s)->code, DSQL_EPROTO);
        cr_expect_not_null(strstr(session_fault(&r->s)->text, "protocol violation"));
        refused++;
      }
      rig_deinit(r);
      cases++;
    }
  free(r);
  printf("%zu cases, %zu refused\n", cases, refused);
  cr_assert_eq(cases, 1144);
  cr_assert_eq(refused, 970);
}

/* FATAL between operations is told, and ends sending at once. */
Test(query, fatal_between_operations) {
  struct rig r;
  rig_init_ready(&r, 'I');
  rig_feed(&r, "F:57P01");
  rig_expect(&r, "error -1 57P01\n");
  rig_submit(&r, "b:A|");
  cr_assert_not(session_can_gather(&r.s));
  rig_gather(&r);
  cr_assert_str_eq(rig_take_output(&r), "");
  rig_eof(&r);
  rig_expect(&r, "done 0 lost conn-lost not-sent\nfailed DSQL_ECLOSED\n");
  rig_deinit(&r);
}

/* Malformed messages of every type that has a body: cut, and with a byte too many. */
Test(query, malformed_messages) {
  static const struct {
    const char *ops, *before, *word;
    bool any_length; /* of what follows the fixed part */
  } cases[] = {{"x:A|", "1 2", "T:abc", false},    {"p:A|", "1", "t:23,25", false}, {"b:A|", "2", "C:DONE", false},
               {"b:A|", "2", "E:12345", false},    {"b:A|", "2", "N:12345", false}, {"b:A|", "2", "A:chan", false},
               {"b:A|", "2", "S:name=val", false}, {"b:A|", "2 C:A", "Z:I", false}, {"b:A|", "2", "G", false},
               {"b:A|", "2", "H", false}};
  struct rig *r = calloc(1, sizeof *r);
  struct backend_script *b = calloc(1, sizeof *b);
  size_t count = 0;

  cr_assert(r && b);
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct backend_script whole;
    size_t body;
    backend_script_init(&whole, cases[i].word);
    body = whole.len - 5;
    for (size_t n = 0; n <= body + 1; n++) {
      uint8_t bytes[256] = {0};
      if (n == body) continue;
      memcpy(bytes, whole.data + 5, n < body ? n : body);
      b->len = b->count = 0;
      backend_script_message(b, (char)whole.data[0], bytes, n);
      rig_init_ready(r, 'I');
      rig_submit(r, cases[i].ops);
      rig_gather(r);
      rig_feed(r, cases[i].before);
      rig_feed_bytes(r, b->data, b->len, 0);
      cr_expect_eq(r->s.phase, SESSION_FAILED, "%s of %zu bytes", cases[i].word, n);
      cr_expect_eq(session_fault(&r->s)->code, DSQL_EPROTO);
      cr_expect_not_null(strstr(session_fault(&r->s)->text, "malformed"), "%s", session_fault(&r->s)->text);
      rig_deinit(r);
      count++;
    }
  }
  free(r);
  free(b);
  printf("%zu malformed messages\n", count);
  cr_assert_gt(count, 150);
}
