/* What is sent before the server has asked: with every guess, everything that a server can ask for, or send instead. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "rig.h"
#include "session/known.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void configure(struct rig *r, enum auth_method method) {
  rig_init(r);
  r->config.password = "x";
  r->config.tls = true;
  r->config.ahead = true;
  r->config.ahead_method = method;
}

static void begin(struct rig *r, enum auth_method method, const char *ops) {
  configure(r, method);
  cr_assert_eq(rig_start(r), 0);
  rig_submit(r, ops);
  rig_gather(r);
}

/* ---- the flight ---- */

static const struct flight_case {
  enum auth_method method;
  const char *output; /* with "b:A|" queued */
  bool no_tls, no_password, hold, bound, keys;
  const char *require_auth;
  enum channel_binding binding;
} flights[] = {
    {.method = AUTH_NONE, .output = "0BES"},
    {.method = AUTH_NONE, .output = "0BES", .no_password = true},
    {.method = AUTH_PASSWORD, .output = "0pBES"},
    {.method = AUTH_SCRAM, .output = "0p"},
    {.method = AUTH_SCRAM_PLUS, .output = "0p", .bound = true},
    /* What can't be sent is not. */
    {.method = AUTH_SCRAM_PLUS, .output = "0"},
    {.method = AUTH_SCRAM_PLUS, .output = "0", .bound = true, .binding = CHANNEL_BINDING_DISABLE},
    {.method = AUTH_PASSWORD, .output = "0", .no_password = true},
    {.method = AUTH_SCRAM, .output = "0", .no_password = true},
    {.method = AUTH_SCRAM, .output = "0p", .no_password = true, .keys = true},
    {.method = AUTH_MD5, .output = "0"},
    {.method = AUTH_UNKNOWN, .output = "0"},
    {.method = AUTH_GSS, .output = "0"},
    /* Never without TLS. */
    {.method = AUTH_NONE, .output = "0", .no_tls = true},
    {.method = AUTH_PASSWORD, .output = "0", .no_tls = true},
    {.method = AUTH_SCRAM, .output = "0", .no_tls = true},
    /* Never against the user's rules. */
    {.method = AUTH_NONE, .output = "0", .require_auth = "scram-sha-256"},
    {.method = AUTH_PASSWORD, .output = "0", .require_auth = "scram-sha-256"},
    {.method = AUTH_PASSWORD, .output = "0pBES", .require_auth = "password"},
    {.method = AUTH_SCRAM, .output = "0", .require_auth = "!scram-sha-256"},
    {.method = AUTH_NONE, .output = "0", .binding = CHANNEL_BINDING_REQUIRE},
    {.method = AUTH_PASSWORD, .output = "0", .binding = CHANNEL_BINDING_REQUIRE},
    {.method = AUTH_SCRAM, .output = "0", .binding = CHANNEL_BINDING_REQUIRE},
    /* The owner wants to look at the session first: credentials, and nothing behind them. */
    {.method = AUTH_NONE, .output = "0", .hold = true},
    {.method = AUTH_PASSWORD, .output = "0p", .hold = true},
    {.method = AUTH_SCRAM, .output = "0p", .hold = true},
};

Test(ahead, flights) {
  static const uint8_t key[32];
  for (size_t i = 0; i < COUNT(flights); i++) {
    const struct flight_case *c = &flights[i];
    struct rig r;
    struct fault f = {0};
    configure(&r, c->method);
    r.config.tls = !c->no_tls;
    r.config.hold = c->hold;
    r.config.channel_binding = c->binding;
    if (c->no_password) r.config.password = NULL;
    if (c->keys) r.config.scram_client_key = r.config.scram_server_key = key;
    if (c->bound) {
      r.config.binding_data = key;
      r.config.binding_len = sizeof key;
    }
    if (c->require_auth)
      cr_assert_eq(require_auth_parse((dsql_str){c->require_auth, strlen(c->require_auth)}, &r.config.require_auth, &f),
                   0);
    cr_assert_eq(rig_start(&r), 0);
    rig_submit(&r, "b:A|");
    rig_gather(&r);
    cr_expect_str_eq(rig_take_output(&r), c->output, "flight %zu", i);
    cr_expect_eq(r.s.ahead_open, strlen(c->output) > 1, "flight %zu", i);
    rig_deinit(&r);
  }
}

/* Without config.ahead nothing is different, whatever is asked of the method. */
Test(ahead, off) {
  struct rig r;
  configure(&r, AUTH_PASSWORD);
  r.config.ahead = false;
  cr_assert_eq(rig_start(&r), 0);
  rig_submit(&r, "b:A|");
  rig_gather(&r);
  cr_assert_str_eq(rig_take_output(&r), "0");
  cr_assert_eq(r.s.phase, SESSION_AUTHENTICATE);
  rig_deinit(&r);
}

/* The flight has room for so much, and for whole groups only; the rest follows once the guess is confirmed. */
Test(ahead, room) {
  char big[512];
  struct rig r;
  size_t ahead;
  configure(&r, AUTH_PASSWORD);
  cr_assert_eq(rig_start(&r), 0);
  (void)snprintf(big, sizeof big, "b:A x:%0400d|", 1);
  for (int i = 0; i < 31; i++) rig_submit(&r, big);
  rig_gather(&r);
  ahead = r.out.len;
  cr_assert_leq(ahead, SESSION_AHEAD_MAX);
  cr_assert_gt(ahead, SESSION_AHEAD_MAX - 600);
  cr_assert_eq(r.out.data[ahead - 5], 'S', "a whole group");
  rig_feed(&r, "R3");
  rig_gather(&r);
  cr_assert_gt(r.out.len, SESSION_AHEAD_MAX);
  cr_assert(list_empty(&r.queue.list));
  buf_reset(&r.out);
  rig_deinit(&r);
}

/* ---- the answers ---- */

static const struct answer_case {
  enum auth_method method;
  const char *ops, *server, *log;
  bool misled, used;
  const char *more; /* what is sent in answer; NULL: nothing */
} answers[] = {
    /* Right. */
    {AUTH_PASSWORD, "x:A|", "R3 R0 K Z:I 1 2 n C:A Z:I",
     "ready I\nparsed 0\ncolumns 0 none\nresult 0 A\ndone 0 ok\ngroup I\n", false, true, NULL},
    {AUTH_PASSWORD, "", "R3 R0 Z:I", "ready I\n", false, true, NULL},
    {AUTH_NONE, "b:A|", "R0 S:a=b Z:I 2 C:A Z:I", "ready I\nresult 0 A\ndone 0 ok\ngroup I\n", false, false, NULL},
    {AUTH_NONE, "", "R0 Z:I", "ready I\n", false, false, NULL},
    {AUTH_PASSWORD, "b:A|", "v:30000 R3 R0 Z:I 2 C:A Z:I", "ready I\nresult 0 A\ndone 0 ok\ngroup I\n", false, true,
     NULL},
    {AUTH_PASSWORD, "b:A|", "N:1 R3 R0 Z:I 2 C:A Z:I", "notice -1 1\nready I\nresult 0 A\ndone 0 ok\ngroup I\n", false,
     true, NULL},
    /* Right, and refused: what it would have been without. */
    {AUTH_PASSWORD, "b:A|", "R3 F:28P01", "error -1 28P01\nfailed DSQL_EAUTH\n", false, true, NULL},
    {AUTH_PASSWORD, "b:A|", "R3 R0 F:3D000", "error -1 3D000\nfailed DSQL_ESERVER\n", false, true, NULL},
    {AUTH_SCRAM, "b:A|", "SASL:SCRAM-SHA-256 F:28P01", "error -1 28P01\nfailed DSQL_EAUTH\n", false, true, NULL},
    /* Something else is asked for. */
    {AUTH_PASSWORD, "b:A|", "R5", "failed DSQL_EAUTH\n", true, false, NULL},
    {AUTH_PASSWORD, "b:A|", "SASL:SCRAM-SHA-256", "failed DSQL_EAUTH\n", true, false, NULL},
    {AUTH_PASSWORD, "b:A|", "R7", "failed DSQL_EAUTH\n", true, false, NULL},
    {AUTH_PASSWORD, "", "R5", "failed DSQL_EAUTH\n", true, false, NULL},
    {AUTH_SCRAM, "b:A|", "R3", "failed DSQL_EAUTH\n", true, false, NULL},
    {AUTH_SCRAM, "b:A|", "R5", "failed DSQL_EAUTH\n", true, false, NULL},
    {AUTH_SCRAM, "b:A|", "R0", "failed DSQL_EAUTH\n", true, false, NULL},
    {AUTH_SCRAM, "b:A|", "SASL:SCRAM-SHA-256-PLUS", "failed DSQL_EAUTH\n", true, false, NULL},
    {AUTH_SCRAM, "b:A|", "SASL:OAUTHBEARER", "failed DSQL_EAUTH\n", true, false, NULL},
    {AUTH_SCRAM, "b:A|", "R10:", "failed DSQL_EPROTO\n", false, false, NULL},
    {AUTH_NONE, "b:A|", "R3", "failed DSQL_EAUTH\n", true, false, NULL},
    {AUTH_NONE, "b:A|", "R5", "failed DSQL_EAUTH\n", true, false, NULL},
    {AUTH_NONE, "b:A|", "SASL:SCRAM-SHA-256", "failed DSQL_EAUTH\n", true, false, NULL},
    /* While no operation has left, nothing is wrong with it. */
    {AUTH_NONE, "", "R3 R0 Z:I", "ready I\n", false, false, "p"},
    {AUTH_NONE, "", "SASL:SCRAM-SHA-256", "", false, false, "p"},
    {AUTH_NONE, "", "R7", "failed DSQL_EAUTH\n", false, false, NULL},
    /* Nothing is asked for: the password itself is what the server stumbles over. */
    {AUTH_PASSWORD, "b:A|", "R0 Z:I F:08P01", "failed DSQL_EAUTH\n", true, false, NULL},
    {AUTH_PASSWORD, "b:A|", "R0 Z:I P:08P01", "failed DSQL_EAUTH\n", true, false, NULL},
    {AUTH_PASSWORD, "b:A|", "R0 Z:I S:a=b N:1 P:08P01", "notice -1 1\nfailed DSQL_EAUTH\n", true, false, NULL},
    {AUTH_PASSWORD, "b:A|", "R0 P:08P01", "error -1 08P01\nfailed DSQL_ESERVER\n", true, false, NULL},
    {AUTH_PASSWORD, "", "R0 Z:I", "failed DSQL_EAUTH\n", true, false, NULL},
    /* Or not: what rode along runs, and any other error is its own. */
    {AUTH_PASSWORD, "b:A|", "R0 Z:I 2 C:A Z:I", "ready I\nresult 0 A\ndone 0 ok\ngroup I\n", false, false, NULL},
    {AUTH_PASSWORD, "b:A|", "R0 Z:I E:23505 Z:I", "ready I\nerror 0 23505\ndone 0 failed cause=0\ngroup I\n", false,
     false, NULL},
    {AUTH_PASSWORD, "b:A|", "R0 Z:I F:57P01", "ready I\nerror 0 57P01\n", false, false, NULL},
    {AUTH_PASSWORD, "b:A|", "R0 Z:I raw:4500000004", "failed DSQL_EPROTO\n", false, false, NULL},
    /* An error before any question; not when the server has no room or is not up. */
    {AUTH_PASSWORD, "b:A|", "F:08P01", "error -1 08P01\nfailed DSQL_ESERVER\n", true, false, NULL},
    {AUTH_NONE, "b:A|", "F:28000", "error -1 28000\nfailed DSQL_EAUTH\n", true, false, NULL},
    {AUTH_SCRAM, "b:A|", "E:0A000", "error -1 0A000\nfailed DSQL_ESERVER\n", true, false, NULL},
    {AUTH_PASSWORD, "b:A|", "F:53300", "error -1 53300\nfailed DSQL_ESERVER\n", false, false, NULL},
    {AUTH_PASSWORD, "b:A|", "F:57P03", "error -1 57P03\nfailed DSQL_ESERVER\n", false, false, NULL},
};

Test(ahead, answers) {
  for (size_t i = 0; i < COUNT(answers); i++)
    for (size_t step = 0; step < 2; step++) {
      const struct answer_case *c = &answers[i];
      struct rig r;
      struct backend_script b;
      bool doubt;
      begin(&r, c->method, c->ops);
      (void)rig_take_output(&r);
      backend_script_init(&b, c->server);
      rig_feed_bytes(&r, b.data, b.len, step);
      rig_expect(&r, c->log);
      cr_expect_eq(r.s.misled, c->misled, "%s", c->server);
      cr_expect_eq(r.s.ahead_used, c->used, "%s", c->server);
      cr_expect_str_eq(rig_take_output(&r), c->more ? c->more : "", "%s", c->server);
      /* A wrong guess that the server has told: nothing was run. */
      doubt = session_ride_in_doubt(&r.s);
      if (c->misled) cr_expect_not(doubt, "%s", c->server);
      rig_deinit(&r);
    }
}

/* ---- the end of the stream ---- */

static const struct end_case {
  enum auth_method method;
  const char *ops, *server;
  bool misled, doubt;
} ends[] = {
    /* It may have run. */
    {AUTH_PASSWORD, "b:INSERT|", "", true, true},
    {AUTH_PASSWORD, "b:BEGIN b:INSERT b:COMMIT|", "", true, true},
    {AUTH_PASSWORD, "s:INSERT", "", true, true},
    {AUTH_NONE, "b:INSERT|", "", true, true},
    {AUTH_PASSWORD, "b:INSERT|", "R0", true, true},
    {AUTH_PASSWORD, "b:INSERT|", "R0 Z:I", true, true},
    {AUTH_PASSWORD, "b:INSERT|", "R3", false, true},
    {AUTH_PASSWORD, "b:INSERT|", "R3 R0", false, true},
    /* It can't have lasted. */
    {AUTH_PASSWORD, "b:SELECT!|", "", true, false},
    {AUTH_PASSWORD, "b:BEGIN b:INSERT|", "", true, false},
    {AUTH_PASSWORD, "b:BEGIN b:INSERT|", "R0 Z:I", true, false},
    {AUTH_NONE, "b:BEGIN b:INSERT|", "", true, false},
    {AUTH_PASSWORD, "", "", true, false},
    {AUTH_SCRAM, "b:INSERT|", "", true, false},
    {AUTH_SCRAM, "b:INSERT|", "SASL:SCRAM-SHA-256", false, false},
    {AUTH_NONE, "", "", true, false},
};

Test(ahead, ends) {
  for (size_t i = 0; i < COUNT(ends); i++) {
    const struct end_case *c = &ends[i];
    struct rig r;
    begin(&r, c->method, c->ops);
    buf_reset(&r.out);
    rig_feed(&r, c->server);
    rig_expect(&r, "");
    rig_eof(&r);
    rig_expect(&r, "failed DSQL_ECLOSED\n");
    cr_expect_eq(r.s.misled, c->misled, "%zu: %s, then %s", i, c->ops, c->server);
    cr_expect_eq(session_ride_in_doubt(&r.s), c->doubt, "%zu: %s, then %s", i, c->ops, c->server);
    rig_deinit(&r);
  }
}

/* The owner gives up, which tells nothing about the guess. */
Test(ahead, a_deadline_is_no_answer) {
  struct fault f = {0};
  struct rig r;
  begin(&r, AUTH_PASSWORD, "b:SELECT!|");
  buf_reset(&r.out);
  fault_set(&f, DSQL_ETIMEDOUT, "late");
  session_end(&r.s, &f);
  rig_pull(&r);
  rig_expect(&r, "failed DSQL_ETIMEDOUT\n");
  cr_assert_not(r.s.misled);
  rig_deinit(&r);
}

/* ---- every message in every phase ---- */

static const struct phase {
  enum auth_method method;
  const char *before, *allowed, *misled; /* words; anything else is a protocol violation */
} phases[] = {
    {AUTH_NONE, "", " R0 v:30000 N:1 ", " R3 R5 R7 R8:x R99 SASL:SCRAM-SHA-256 E:1 P:08P01 "},
    {AUTH_PASSWORD, "", " R0 R3 v:30000 N:1 ", " R5 R7 R8:x R99 SASL:SCRAM-SHA-256 E:1 P:08P01 "},
    {AUTH_PASSWORD, "v:30000", " R0 R3 N:1 ", " R5 R7 R8:x R99 SASL:SCRAM-SHA-256 E:1 P:08P01 "},
    {AUTH_SCRAM, "", " SASL:SCRAM-SHA-256 v:30000 N:1 ", " R0 R3 R5 R7 R8:x R99 E:1 P:08P01 "},
    {AUTH_PASSWORD, "R0", " S:a=b K Z:I N:1 ", " E:1 P:08P01 "},
    {AUTH_PASSWORD, "R3", " R0 N:1 ", " "},
    /* The operation's own answers, read as in READY. */
    {AUTH_PASSWORD, "R0 Z:I", " S:a=b A:x N:1 E:1 2 ", " P:08P01 "},
};

static const char *const words[] = {"R0",
                                    "R3",
                                    "R5",
                                    "SASL:SCRAM-SHA-256",
                                    "R11:r=x,s=eA==,i=1",
                                    "R12:v=x",
                                    "v:30000",
                                    "S:a=b",
                                    "K",
                                    "Z:I",
                                    "E:1",
                                    "N:1",
                                    "1",
                                    "A:x",
                                    "2",
                                    "3",
                                    "n",
                                    "I",
                                    "s",
                                    "c",
                                    "t:",
                                    "T:a",
                                    "D:x",
                                    "C:A",
                                    "G",
                                    "H",
                                    "W",
                                    "d:x",
                                    "R7",
                                    "R8:x",
                                    "R99",
                                    "P:08P01"};

static bool has(const char *list, const char *word) {
  char pattern[64];
  (void)snprintf(pattern, sizeof pattern, " %s ", word);
  return strstr(list, pattern) != NULL;
}

Test(ahead, every_message_in_every_phase) {
  size_t count = 0;
  for (size_t i = 0; i < COUNT(phases); i++)
    for (size_t w = 0; w < COUNT(words); w++, count++) {
      const struct phase *p = &phases[i];
      bool allowed = has(p->allowed, words[w]), misled = has(p->misled, words[w]), error;
      struct rig r;
      begin(&r, p->method, "b:A|");
      rig_feed(&r, p->before);
      cr_assert_neq(r.s.phase, SESSION_FAILED, "%s", p->before);
      rig_feed(&r, words[w]);
      error = words[w][0] == 'E' || words[w][0] == 'P';
      cr_expect_eq(r.s.phase != SESSION_FAILED, allowed, "phase %zu, then %s: %s", i, words[w],
                   session_fault(&r.s)->text);
      cr_expect_eq(r.s.misled, misled, "phase %zu, then %s", i, words[w]);
      if (!allowed && !misled && !error)
        cr_expect_eq(session_fault(&r.s)->code, DSQL_EPROTO, "phase %zu, then %s", i, words[w]);
      rig_deinit(&r);
    }
  printf("%zu cases\n", count);
  cr_assert_eq(count, 7 * 32);
}

/* What was given up while it was under way is not repeated with the rest. */
Test(ahead, taken_back_after_a_wrong_guess) {
  struct rig r;
  struct list dropped;
  begin(&r, AUTH_PASSWORD, "b:A| b:B|");
  buf_reset(&r.out);
  list_init(&dropped);
  cr_assert_not(session_abandon(&r.s, &r.ops[0], &dropped));
  rig_feed(&r, "R5");
  rig_expect(&r, "failed DSQL_EAUTH\n");
  session_take_back(&r.s, &dropped);
  cr_assert(dropped.next == &r.ops[0].node && r.ops[0].node.next == &dropped);
  list_remove(&r.ops[0].node);
  r.done[0]++;
  cr_assert(r.queue.list.next == &r.ops[1].node);
  session_deinit(&r.s);
  r.config.ahead = false;
  cr_assert_eq(rig_start(&r), 0);
  rig_feed(&r, "R5");
  rig_gather(&r);
  rig_feed(&r, "R0 Z:I 2 C:B Z:I");
  rig_expect(&r, "ready I\nresult 1 B\ndone 1 ok\ngroup I\n");
  rig_deinit(&r);
}

/* ---- what is known ---- */

Test(known, nothing_at_first) {
  enum auth_method m;
  int known = 0;
  cr_assert_not(known_guess(&known, AUTH_UNKNOWN, &m));
  cr_assert(known_guess(&known, AUTH_PASSWORD, &m));
  cr_assert_eq(m, AUTH_PASSWORD);
  cr_assert_eq(known, 0);
}

Test(known, methods) {
  static const bool guessed[] = {[AUTH_NONE] = true,
                                 [AUTH_PASSWORD] = true,
                                 [AUTH_SCRAM] = true,
                                 [AUTH_SCRAM_PLUS] = true,
                                 [AUTH_UNKNOWN] = false};
  for (enum auth_method is = AUTH_NONE; is <= AUTH_UNKNOWN; is++) {
    enum auth_method m;
    int known = 0;
    known_learn(&known, is, false);
    cr_expect_eq(known_guess(&known, AUTH_PASSWORD, &m), guessed[is], "%s", auth_method_describe(is));
    cr_expect_eq(m, is, "what was seen wins over the preset");
  }
}

/* How many connections in a row wait to be asked. */
static unsigned waits(int *known) {
  enum auth_method m;
  unsigned n = 0;
  while (!known_guess(known, AUTH_PASSWORD, &m)) {
    known_learn(known, AUTH_PASSWORD, false);
    n++;
  }
  return n;
}

Test(known, misses_back_off) {
  enum auth_method m;
  int known = 0;
  for (unsigned i = 1; i <= 12; i++) {
    known_missed(&known, AUTH_PASSWORD);
    known_learn(&known, AUTH_PASSWORD, false); /* the same connection, without */
    cr_assert_eq(waits(&known), 1u << (i < 10 ? i : 10));
  }
  known_learn(&known, AUTH_PASSWORD, true);
  cr_assert(known_guess(&known, AUTH_UNKNOWN, &m));
  known_missed(&known, AUTH_PASSWORD);
  cr_assert_eq(waits(&known), 2, "a guess that was right starts afresh");
}

Test(known, another_method_starts_afresh) {
  enum auth_method m;
  int known = 0;
  known_missed(&known, AUTH_PASSWORD);
  known_learn(&known, AUTH_SCRAM, false);
  cr_assert(known_guess(&known, AUTH_PASSWORD, &m));
  cr_assert_eq(m, AUTH_SCRAM);
}
