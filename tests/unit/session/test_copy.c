/* COPY: every message in every state of op.h, and what a loss leaves in doubt. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "rig.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum last { NOTHING, DATA, DONE, FAIL };

static void put_data(struct rig *r, const char *text) {
  size_t from = session_copy_open(&r->s);
  buf_put(&r->out, text, strlen(text));
  cr_assert(session_copy_close(&r->s, from));
}

static void owner_sends(struct rig *r, enum last last) {
  if (last != NOTHING) put_data(r, "abc");
  if (last == DONE) cr_assert(session_copy_done(&r->s, &r->ops[0]));
  if (last == FAIL) cr_assert(session_copy_fail(&r->s, &r->ops[0], "why"));
}

static const char *const messages[] = {"G",   "H", "W", "d:x",  "c",   "C:COPY_1", "I",     "D:x",
                                       "T:a", "s", "1", "E:22", "Z:I", "N:00000",  "S:a=b", "A:c"};

static const struct {
  const char *name, *op, *before;
  enum last last;
  enum op_copy copy;
  const char *legal; /* of the messages above, with blanks around each */
} states[] = {
    {"none, in planned", "i:COPY_t_FROM_STDIN", "", NOTHING, COPY_NONE, " G H C:COPY_1 I T:a E:22 N:00000 S:a=b A:c "},
    {"none, out planned", "o:COPY_t_TO_STDOUT", "", NOTHING, COPY_NONE, " G H C:COPY_1 I T:a E:22 N:00000 S:a=b A:c "},
    {"sending", "i:COPY_t_FROM_STDIN", "G", DATA, COPY_SENDING, " E:22 N:00000 S:a=b A:c "},
    {"sent", "i:COPY_t_FROM_STDIN", "G", DONE, COPY_SENT, " C:COPY_1 E:22 N:00000 S:a=b A:c "},
    {"failing", "i:COPY_t_FROM_STDIN", "G", FAIL, COPY_FAILING, " E:22 N:00000 S:a=b A:c "},
    {"refused", "s:COPY_t_FROM_STDIN", "G", NOTHING, COPY_FAILING, " E:22 N:00000 S:a=b A:c "},
    {"the other way, in", "o:COPY_t_TO_STDOUT", "G", NOTHING, COPY_FAILING, " E:22 N:00000 S:a=b A:c "},
    {"receiving", "o:COPY_t_TO_STDOUT", "H", NOTHING, COPY_RECEIVING, " d:x c E:22 N:00000 S:a=b A:c "},
    {"receiving more", "o:COPY_t_TO_STDOUT", "H d:a d:b", NOTHING, COPY_RECEIVING, " d:x c E:22 N:00000 S:a=b A:c "},
    {"swallowing", "s:COPY_t_TO_STDOUT", "H d:a", NOTHING, COPY_SWALLOWING, " d:x c E:22 N:00000 S:a=b A:c "},
    {"the other way, out", "i:COPY_t_FROM_STDIN", "H", NOTHING, COPY_SWALLOWING, " d:x c E:22 N:00000 S:a=b A:c "},
    {"ended", "o:COPY_t_TO_STDOUT", "H d:a c", NOTHING, COPY_ENDED, " C:COPY_1 E:22 N:00000 S:a=b A:c "},
    {"over", "o:COPY_t_TO_STDOUT", "H d:a c C:COPY_1", NOTHING, COPY_NONE,
     " G H C:COPY_1 I T:a E:22 Z:I N:00000 S:a=b A:c "},
    {"failed while sending", "i:COPY_t_FROM_STDIN", "G E:22", NOTHING, COPY_NONE, " Z:I N:00000 S:a=b A:c "},
};

Test(copy_states, every_message_in_every_state) {
  for (size_t i = 0; i < COUNT(states); i++)
    for (size_t m = 0; m < COUNT(messages); m++) {
      struct rig *r = calloc(1, sizeof *r);
      char word[32];
      bool legal;
      cr_assert_not_null(r);
      (void)snprintf(word, sizeof word, " %s ", messages[m]);
      rig_init_ready(r, 'I');
      rig_submit(r, states[i].op);
      rig_gather(r);
      rig_feed(r, states[i].before);
      owner_sends(r, states[i].last);
      cr_assert_eq(r->ops[0].copy, states[i].copy, "%s: %d", states[i].name, (int)r->ops[0].copy);
      (void)rig_take_log(r);
      rig_feed(r, messages[m]);
      legal = strstr(states[i].legal, word) != NULL;
      cr_expect_eq(r->s.phase != SESSION_FAILED, legal, "%s: %s", states[i].name, messages[m]);
      if (!legal) cr_expect_eq(session_fault(&r->s)->code, DSQL_EPROTO, "%s: %s", states[i].name, messages[m]);
      rig_deinit(r);
      free(r);
    }
}

static const struct {
  const char *op, *first;
  enum last last;
  const char *second, *log, *output;
} plays[] = {
    {"i:COPY_t_FROM_STDIN", "G", DONE, "C:COPY_1 Z:I", "copy 0\nresult 0 COPY 1\ndone 0 ok\ngroup I\n", "Qdc"},
    {"i:COPY_t_FROM_STDIN", "G", FAIL, "E:57014 Z:I", "copy 0\nerror 0 57014\ndone 0 failed cause=0\ngroup I\n", "Qdf"},
    {"i:COPY_t_FROM_STDIN", "G", DATA, "E:22P02 Z:I", "copy 0\nerror 0 22P02\ndone 0 failed cause=0\ngroup I\n", "Qd"},
    {"i:COPY_t_FROM_STDIN", "H", NOTHING, "d:x c C:COPY_1 Z:I", "result 0 COPY 1\ndone 0 copy-refused\ngroup I\n", "Q"},
    {"i:COPY_absent", "E:42P01", NOTHING, "Z:I", "error 0 42P01\ndone 0 failed cause=0\ngroup I\n", "Q"},
    {"o:COPY_t_TO_STDOUT", "H d:abc d:de", NOTHING, "d:f c C:COPY_3 Z:I",
     "copy 0\ncopy-data 0 abc\ncopy-data 0 de\ncopy-data 0 f\nresult 0 COPY 3\ndone 0 ok\ngroup I\n", "Q"},
    {"o:COPY_t_TO_STDOUT", "H d:abc", NOTHING, "E:22012 Z:I",
     "copy 0\ncopy-data 0 abc\nerror 0 22012\ndone 0 failed cause=0\ngroup I\n", "Q"},
    {"o:COPY_t_TO_STDOUT", "G", NOTHING, "E:57014 Z:I", "error 0 57014\ndone 0 copy-refused cause=0\ngroup I\n", "Qf"},
};

static void play(size_t i, size_t step, char *log, size_t size, char *output) {
  struct rig *r = calloc(1, sizeof *r);
  struct backend_script *b = calloc(1, sizeof *b);

  cr_assert(r && b);
  rig_init_ready(r, 'I');
  rig_submit(r, plays[i].op);
  rig_gather(r);
  backend_script_init(b, plays[i].first);
  rig_feed_bytes(r, b->data, b->len, step);
  owner_sends(r, plays[i].last);
  backend_script_init(b, plays[i].second);
  rig_feed_bytes(r, b->data, b->len, step);
  (void)snprintf(log, size, "%s", rig_take_log(r));
  strcpy(output, rig_take_output(r));
  rig_deinit(r);
  free(b);
  free(r);
}

Test(copy_states, plays_in_parts_of_any_size) {
  static char log[RIG_LOG], whole[RIG_LOG], output[64];
  for (size_t i = 0; i < COUNT(plays); i++) {
    play(i, 0, whole, sizeof whole, output);
    cr_expect_str_eq(whole, plays[i].log, "%s", plays[i].op);
    cr_expect_str_eq(output, plays[i].output, "%s %s", plays[i].op, plays[i].first);
    for (size_t step = 1; step < 40; step++) {
      play(i, step, log, sizeof log, output);
      cr_expect_str_eq(log, whole, "%s in parts of %zu", plays[i].op, step);
    }
  }
}

/* Given up at each point: the owner ends it with CopyFail, and what comes is swallowed. */
Test(copy_states, given_up) {
  static const struct {
    const char *op, *before;
    enum last last;
    bool fails; /* the owner's part */
    const char *behind, *output;
    unsigned flags;
  } cases[] = {
      {"i:COPY_t_FROM_STDIN", "", NOTHING, false, "G E:57014 Z:I", "Qf", 0},
      {"i:COPY_t_FROM_STDIN", "G", DATA, true, "E:57014 Z:I", "Qdf", 0},
      {"i:COPY_t_FROM_STDIN", "G", DONE, false, "C:COPY_1 Z:I", "Qdc", DSQL_IN_DOUBT},
      {"i:COPY_t_FROM_STDIN", "G", FAIL, false, "E:57014 Z:I", "Qdf", 0},
      {"o:COPY_t_TO_STDOUT", "", NOTHING, false, "H d:a c C:COPY_1 Z:I", "Q", DSQL_IN_DOUBT},
      {"o:COPY_t_TO_STDOUT", "H d:a", NOTHING, false, "d:b E:57014 Z:I", "Q", DSQL_IN_DOUBT},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct rig *r = calloc(1, sizeof *r);
    struct list none;
    cr_assert_not_null(r);
    list_init(&none);
    rig_init_ready(r, 'I');
    rig_submit(r, cases[i].op);
    rig_gather(r);
    rig_feed(r, cases[i].before);
    owner_sends(r, cases[i].last);
    cr_assert_eq(session_abandon_flags(&r->s, &r->ops[0]), cases[i].flags, "%zu", i);
    cr_assert_not(session_abandon(&r->s, &r->ops[0], &none));
    if (cases[i].fails) cr_assert(session_copy_fail(&r->s, &r->ops[0], "canceled"));
    (void)rig_take_log(r);
    r->log[0] = 0;
    rig_feed(r, cases[i].behind);
    cr_assert_null(strstr(r->log, "copy 0"));
    cr_assert_null(strstr(r->log, "copy-data"));
    cr_assert_eq(r->s.phase, SESSION_READY, "%zu", i);
    cr_assert_eq(r->s.abandoned, 0);
    cr_assert_str_eq(rig_take_output(r), cases[i].output, "%zu", i);
    rig_deinit(r);
    free(r);
  }
}

/* The connection is lost behind every byte of what was sent, and with the answer read or not. */
static unsigned flags_when_lost(const char *op, char tx_status, uint64_t upto, uint64_t *done_at, uint64_t *end) {
  struct rig *r = calloc(1, sizeof *r);
  struct backend_script *b = calloc(1, sizeof *b);
  struct session_event ev;
  struct fault f = {0};
  unsigned flags = 0;

  cr_assert(r && b);
  rig_init_ready(r, tx_status);
  rig_submit(r, op);
  cr_assert(session_gather(&r->s));
  session_sent(&r->s, r->ops[0].end < upto ? r->ops[0].end : upto);
  if (upto >= r->ops[0].end) {
    backend_script_init(b, "G");
    cr_assert_eq(session_feed(&r->s, b->data, b->len), b->len);
    while (session_next(&r->s, &ev)) cr_assert_eq(ev.type, EVENT_COPY);
    owner_sends(r, DONE);
    session_sent(&r->s, upto);
  }
  *done_at = r->ops[0].copy_done_at;
  *end = r->s.appended;
  fault_set(&f, DSQL_ECLOSED, "end");
  session_end(&r->s, &f);
  while (session_next(&r->s, &ev)) {
    if (ev.type != EVENT_OP_DONE) continue;
    r->done[0]++;
    flags = ev.op->flags;
  }
  rig_deinit(r);
  free(b);
  free(r);
  return flags;
}

Test(copy_states, lost_at_every_byte_it_is_in_doubt_from_its_copy_done_on) {
  static const struct {
    const char *op;
    char tx_status;
    bool possible;
  } cases[] = {
      {"i:COPY_t_FROM_STDIN", 'I', true}, {"i:COPY_t_FROM_STDIN!", 'I', false}, {"i:COPY_t_FROM_STDIN", 'T', false}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    uint64_t done_at, end, begin = 0, ignored;
    unsigned doubts = 0;
    (void)flags_when_lost(cases[i].op, cases[i].tx_status, 1000, &done_at, &end);
    cr_assert_eq(end, done_at + 5, "CopyDone is the last message, of five bytes");
    for (uint64_t upto = begin; upto <= end; upto++) {
      unsigned flags = flags_when_lost(cases[i].op, cases[i].tx_status, upto, &ignored, &ignored);
      bool doubt = cases[i].possible && upto > done_at;
      cr_assert_eq(!!(flags & DSQL_IN_DOUBT), doubt, "case %zu, %llu of %llu bytes", i, (unsigned long long)upto,
                   (unsigned long long)end);
      doubts += doubt;
    }
    cr_assert_eq(doubts, cases[i].possible ? 5 : 0);
  }
}
