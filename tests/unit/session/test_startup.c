/* From StartupMessage to the first ReadyForQuery, without SCRAM's computations. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "auth/require_auth.h"
#include "rig.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint32_t mask(const char *value) {
  struct fault f = {0};
  uint32_t m = 0;
  cr_assert_eq(require_auth_parse((dsql_str){value, strlen(value)}, &m, &f), 0, "%s", f.text);
  return m;
}

struct startup_case {
  const char *server, *log, *output; /* output: behind the StartupMessage */
  const char *password;
  bool tls, local, cleartext;
  const char *require_auth;
  enum channel_binding binding;
  const char *text; /* in the fault */
};

static const struct startup_case cases[] = {
    {.server = "R0 Z:I", .log = "ready I\n", .output = ""},
    {.server = "R0 S:server_version=18.4 K N:00000 S:a=b Z:I", .log = "notice -1 00000\nready I\n", .output = ""},
    {.server = "R0 K K S:a= Z:I", .log = "ready I\n", .output = ""},
    /* Cleartext. */
    {.server = "R3 R0 Z:I", .log = "ready I\n", .output = "p", .password = "x", .tls = true},
    {.server = "R3 R0 Z:I", .log = "ready I\n", .output = "p", .password = "x", .local = true},
    {.server = "R3 R0 Z:I", .log = "ready I\n", .output = "p", .password = "x", .cleartext = true},
    {.server = "R3", .log = "failed DSQL_EAUTH\n", .output = "", .password = "x", .text = "unencrypted"},
    {.server = "R3", .log = "failed DSQL_EAUTH\n", .output = "", .tls = true, .text = "none was given"},
    {.server = "R3", .log = "failed DSQL_EAUTH\n", .output = "", .tls = true, .password = "", .text = "none was given"},
    /* MD5. */
    {.server = "R5 R0 Z:I", .log = "ready I\n", .output = "p", .password = "x"},
    {.server = "R5", .log = "failed DSQL_EAUTH\n", .output = "", .text = "none was given"},
    /* SASL before the first answer. */
    {.server = "SASL:SCRAM-SHA-256", .log = "", .output = "p", .password = "x"},
    {.server = "SASL:SCRAM-SHA-256", .log = "failed DSQL_EAUTH\n", .output = "", .text = "none was given"},
    {.server = "SASL:OAUTHBEARER", .log = "failed DSQL_EAUTH\n", .output = "", .password = "x", .text = ""},
    {.server = "SASL:SCRAM-SHA-256-PLUS", .log = "failed DSQL_EAUTH\n", .output = "", .password = "x", .text = ""},
    {.server = "R10:", .log = "failed DSQL_EPROTO\n", .output = "", .password = "x", .text = "malformed"},
    /* What is not supported. */
    {.server = "R7", .log = "failed DSQL_EAUTH\n", .output = "", .text = "not supported"},
    {.server = "R9", .log = "failed DSQL_EAUTH\n", .output = "", .text = "not supported"},
    {.server = "R2", .log = "failed DSQL_EAUTH\n", .output = "", .text = "Kerberos"},
    {.server = "R6", .log = "failed DSQL_EAUTH\n", .output = "", .text = "SCM"},
    {.server = "R8:x", .log = "failed DSQL_EAUTH\n", .output = "", .text = "not supported"},
    {.server = "R99:x", .log = "failed DSQL_EAUTH\n", .output = "", .text = "99"},
    /* require_auth. */
    {.server = "R0", .log = "failed DSQL_EAUTH\n", .output = "", .require_auth = "scram-sha-256", .text = ""},
    {.server = "R0 Z:I", .log = "ready I\n", .output = "", .require_auth = "none"},
    {.server = "R3", .log = "failed DSQL_EAUTH\n", .output = "", .password = "x", .tls = true, .require_auth = "md5"},
    {.server = "R5", .log = "failed DSQL_EAUTH\n", .output = "", .password = "x", .require_auth = "!md5"},
    {.server = "R5 R0 Z:I", .log = "ready I\n", .output = "p", .password = "x", .require_auth = "md5,none"},
    {.server = "SASL:SCRAM-SHA-256",
     .log = "failed DSQL_EAUTH\n",
     .output = "",
     .password = "x",
     .require_auth = "md5"},
    {.server = "R0", .log = "failed DSQL_EAUTH\n", .output = "", .require_auth = "!none"},
    /* channel_binding. */
    {.server = "R0", .log = "failed DSQL_EAUTH\n", .output = "", .tls = true, .binding = CHANNEL_BINDING_REQUIRE},
    {.server = "R3",
     .log = "failed DSQL_EAUTH\n",
     .output = "",
     .password = "x",
     .tls = true,
     .binding = CHANNEL_BINDING_REQUIRE},
    {.server = "R5", .log = "failed DSQL_EAUTH\n", .output = "", .password = "x", .binding = CHANNEL_BINDING_REQUIRE},
    {.server = "SASL:SCRAM-SHA-256",
     .log = "failed DSQL_EAUTH\n",
     .output = "",
     .password = "x",
     .tls = true,
     .binding = CHANNEL_BINDING_REQUIRE},
    /* Errors. */
    {.server = "E:28P01", .log = "error -1 28P01\nfailed DSQL_EAUTH\n", .output = ""},
    {.server = "F:53300", .log = "error -1 53300\nfailed DSQL_ESERVER\n", .output = ""},
    {.server = "R3 F:28P01", .log = "error -1 28P01\nfailed DSQL_EAUTH\n", .output = "p", .password = "x", .tls = true},
    {.server = "SASL:SCRAM-SHA-256 F:57P03",
     .log = "error -1 57P03\nfailed DSQL_ESERVER\n",
     .output = "p",
     .password = "x"},
    {.server = "R0 S:a=b F:3D000", .log = "error -1 3D000\nfailed DSQL_ESERVER\n", .output = ""},
    {.server = "P:08P01", .log = "error -1 08P01\nfailed DSQL_ESERVER\n", .output = ""},
    {.server = "raw:4500000004", .log = "failed DSQL_EPROTO\n", .output = "", .text = "malformed"},
    /* Notices before the authentication are odd, but harmless. */
    {.server = "N:00000 R0 Z:I", .log = "notice -1 00000\nready I\n", .output = ""},
};

static void configure(struct rig *r, const struct startup_case *c) {
  rig_init(r);
  r->config.password = c->password;
  r->config.tls = c->tls;
  r->config.local = c->local;
  r->config.cleartext_without_tls = c->cleartext;
  if (c->require_auth) r->config.require_auth = mask(c->require_auth);
  r->config.channel_binding = c->binding;
  cr_assert_eq(rig_start(r), 0);
}

Test(startup, table) {
  for (size_t i = 0; i < COUNT(cases); i++)
    for (size_t step = 0; step < 2; step++) {
      const struct startup_case *c = &cases[i];
      struct rig r;
      struct backend_script b;
      const char *log, *output;
      configure(&r, c);
      backend_script_init(&b, c->server);
      rig_feed_bytes(&r, b.data, b.len, step);
      log = rig_take_log(&r);
      cr_expect_str_eq(log, c->log, "%s: %s", c->server, log);
      output = rig_take_output(&r);
      cr_expect(output[0] == '0' && !strcmp(output + 1, c->output), "%s sent %s", c->server, output);
      if (c->text) cr_expect_not_null(strstr(session_fault(&r.s)->text, c->text), "%s", session_fault(&r.s)->text);
      if (c->password && c->password[0] && r.s.phase == SESSION_FAILED)
        cr_expect_null(strstr(session_fault(&r.s)->text, "\"x\""));
      rig_deinit(&r);
    }
  printf("%zu cases\n", 2 * COUNT(cases));
}

/* Every message in every phase that can be reached without a proof of SCRAM. */
static const struct phase {
  const char *before;
  const char *allowed; /* words */
} phases[] = {
    {"", " R0 R3 R5 SASL:SCRAM-SHA-256 v:30000 E:1 N:1 "},
    {"v:30000", " R0 R3 R5 SASL:SCRAM-SHA-256 E:1 N:1 "},
    {"SASL:SCRAM-SHA-256", " E:1 N:1 "},
    {"R3", " R0 E:1 N:1 "},
    {"R5", " R0 E:1 N:1 "},
    {"R0", " S:a=b K Z:I E:1 N:1 "},
};

static const char *const message_words[] = {"R0",
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
                                            "A:x",
                                            "1",
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
                                            "R99"};

/* Returns whether the message was refused. */
static bool try_message(const struct phase *p, const char *word) {
  const struct startup_case c = {.password = "x", .tls = true};
  struct rig r;
  char pattern[64];
  bool allowed, error = !strcmp(word, "E:1");
  int code;

  configure(&r, &c);
  rig_feed(&r, p->before);
  cr_assert_neq(r.s.phase, SESSION_FAILED, "%s", p->before);
  rig_feed(&r, word);
  (void)snprintf(pattern, sizeof pattern, " %s ", word);
  allowed = strstr(p->allowed, pattern) != NULL;
  cr_expect_eq(r.s.phase != SESSION_FAILED || error, allowed, "[%s], then %s: %s", p->before, word,
               session_fault(&r.s)->text);
  code = session_fault(&r.s)->code;
  if (!allowed) {
    bool first = !p->before[0] || p->before[0] == 'v';
    bool unsupported = first && word[0] == 'R' && strchr("789", word[1]) != NULL;
    cr_expect_eq(code, unsupported ? DSQL_EAUTH : DSQL_EPROTO, "[%s], then %s: %s", p->before, word,
                 dsql_error_name(code));
  }
  rig_deinit(&r);
  return !allowed;
}

Test(startup, every_message_in_every_phase) {
  size_t count = 0, refused = 0;
  for (size_t i = 0; i < COUNT(phases); i++)
    for (size_t w = 0; w < COUNT(message_words); w++) {
      refused += try_message(&phases[i], message_words[w]);
      count++;
    }
  printf("%zu cases, %zu refused\n", count, refused);
  cr_assert_eq(count, 6 * 31);
  cr_assert_eq(refused, 6 * 31 - 7 - 6 - 2 - 3 - 3 - 5);
}

Test(startup, negotiated_versions) {
  static const struct {
    uint32_t ask, least;
    const char *words;
    int code;
    uint32_t version;
  } versions[] = {
      {WIRE_PROTOCOL_3_2, WIRE_PROTOCOL_3_0, "v:30000 R0 Z:I", 0, WIRE_PROTOCOL_3_0},
      {WIRE_PROTOCOL_3_2, WIRE_PROTOCOL_3_0, "v:0 R0 Z:I", 0, WIRE_PROTOCOL_3_0},
      {WIRE_PROTOCOL_3_2, WIRE_PROTOCOL_3_0, "v:30002 R0 Z:I", 0, WIRE_PROTOCOL_3_2},
      {WIRE_PROTOCOL_3_2, WIRE_PROTOCOL_3_0, "R0 Z:I", 0, WIRE_PROTOCOL_3_2},
      {WIRE_PROTOCOL_3_2, WIRE_PROTOCOL_3_2, "v:30000", DSQL_EUNSUPPORTED, 0},
      {WIRE_PROTOCOL_3_2, WIRE_PROTOCOL_3_0, "v:30003", DSQL_EPROTO, 0},
      {WIRE_PROTOCOL_3_2, WIRE_PROTOCOL_3_0, "v:40000", DSQL_EPROTO, 0},
      {WIRE_PROTOCOL_3_2, WIRE_PROTOCOL_3_0, "v:20000", DSQL_EUNSUPPORTED, 0},
      {WIRE_PROTOCOL_3_2, WIRE_PROTOCOL_3_0, "v:30000 v:30000", DSQL_EPROTO, 0},
      {WIRE_PROTOCOL_3_2, WIRE_PROTOCOL_3_0, "R0 v:30000", DSQL_EPROTO, 0},
      {WIRE_PROTOCOL_3_0, WIRE_PROTOCOL_3_0, "v:30002", DSQL_EPROTO, 0},
      {WIRE_PROTOCOL_3_2, WIRE_PROTOCOL_3_0, "v:30000,_pq_.x", DSQL_EPROTO, 0},
      {WIRE_PROTOCOL_3_2, WIRE_PROTOCOL_3_0, "v:30002,_pq_.x,y", DSQL_EPROTO, 0},
  };
  for (size_t i = 0; i < COUNT(versions); i++) {
    struct rig r;
    rig_init(&r);
    r.config.protocol = versions[i].ask;
    r.config.protocol_min = versions[i].least;
    cr_assert_eq(rig_start(&r), 0);
    rig_feed(&r, versions[i].words);
    cr_expect_eq(session_fault(&r.s)->code, versions[i].code, "%s: %s", versions[i].words, session_fault(&r.s)->text);
    if (!versions[i].code) cr_expect_eq(r.s.protocol, versions[i].version, "%s", versions[i].words);
    rig_deinit(&r);
  }
}

Test(startup, cancel_keys) {
  for (unsigned version = 0; version <= 2; version += 2)
    for (unsigned n = 0; n <= 260; n++) {
      bool allowed = version ? n >= 4 && n <= 256 : n == 4;
      char words[32];
      struct rig r;
      rig_init(&r);
      r.config.protocol = 0x30000 + version;
      cr_assert_eq(rig_start(&r), 0);
      (void)snprintf(words, sizeof words, "R0 K%u Z:I", n);
      rig_feed(&r, words);
      cr_expect_eq(r.s.phase, allowed ? SESSION_READY : SESSION_FAILED, "%u bytes in 3.%u", n, version);
      if (allowed) cr_expect(r.s.backend_pid == 7 && r.s.cancel_key_len == n && r.s.cancel_key[n - 1] == (uint8_t)n);
      rig_deinit(&r);
    }
}

Test(startup, the_last_cancel_key_counts) {
  struct rig r;
  rig_init(&r);
  r.config.protocol = 0x30002;
  cr_assert_eq(rig_start(&r), 0);
  rig_feed(&r, "R0 K256 K5 Z:I");
  cr_expect(r.s.cancel_key_len == 5 && r.s.cancel_key[4] == 5);
  rig_deinit(&r); /* which counts the blocks */
}

Test(startup, parameters_are_remembered) {
  struct rig r;
  dsql_str v;
  rig_init(&r);
  cr_assert_eq(rig_start(&r), 0);
  rig_feed(&r, "R0 S:TimeZone=UTC S:server_version=18.4 S:TimeZone=Europe/Berlin Z:T");
  rig_expect(&r, "ready T\n");
  v = parameters_get(&r.s.parameters, "TimeZone");
  cr_assert(v.len == 13 && !memcmp(v.ptr, "Europe/Berlin", 13));
  rig_deinit(&r);
}

Test(startup, too_many_parameters) {
  struct rig r;
  rig_init(&r);
  cr_assert_eq(rig_start(&r), 0);
  rig_feed(&r, "R0");
  for (int i = 0; i < 70 && r.s.phase != SESSION_FAILED; i++) {
    char words[1200];
    (void)snprintf(words, sizeof words, "S:p%d=%01000d", i, i);
    rig_feed(&r, words);
  }
  cr_assert_eq(session_fault(&r.s)->code, DSQL_EPROTO);
  cr_assert_not_null(strstr(session_fault(&r.s)->text, "64 KiB"));
  rig_deinit(&r);
}

/* Operations ride right behind the last authentication message, whatever it is; not when the owner holds them. */
Test(startup, riders) {
  static const struct {
    const char *words, *before, *after; /* what is sent until words were read, and then */
  } rides[] = {{"R3", "p", "BES"}, {"R5", "p", "BES"}, {"R0", "", "BES"}, {"SASL:SCRAM-SHA-256", "p", ""}};
  for (size_t i = 0; i < COUNT(rides); i++)
    for (int hold = 0; hold < 2; hold++) {
      struct rig r;
      rig_init(&r);
      r.config.password = "x";
      r.config.tls = true;
      r.config.hold = hold;
      cr_assert_eq(rig_start(&r), 0);
      rig_submit(&r, "b:A|");
      rig_gather(&r);
      cr_expect_str_eq(rig_take_output(&r), "0", "nothing rides with the StartupMessage");
      rig_feed(&r, rides[i].words);
      cr_expect_str_eq(rig_take_output(&r), rides[i].before);
      rig_gather(&r);
      cr_expect_str_eq(rig_take_output(&r), hold ? "" : rides[i].after, "%s", rides[i].words);
      if (rides[i].after[0]) {
        rig_feed(&r, i == 2 ? "Z:I" : "R0 Z:I");
        rig_gather(&r);
        cr_expect_str_eq(rig_take_output(&r), "");
        session_release(&r.s);
        rig_gather(&r);
        cr_expect_str_eq(rig_take_output(&r), hold ? "BES" : "");
        rig_feed(&r, "2 C:A Z:I");
        rig_expect(&r, "ready I\nresult 0 A\ndone 0 ok\ngroup I\n");
      }
      rig_deinit(&r);
    }
}

/* Replies to riders arrive in the same bytes as the session's own ReadyForQuery. */
Test(startup, riders_answered_at_once) {
  struct rig r;
  rig_init(&r);
  cr_assert_eq(rig_start(&r), 0);
  rig_submit(&r, "x:A|");
  rig_feed(&r, "R0");
  rig_gather(&r);
  rig_feed(&r, "S:a=b K Z:I 1 2 T:a D:x C:SELECT_1 Z:I");
  rig_expect(&r, "ready I\nparsed 0\ncolumns 0 a\nrow 0 12\nresult 0 SELECT 1\ndone 0 ok\ngroup I\n");
  rig_deinit(&r);
}

Test(startup, the_message_does_not_fit) {
  struct rig r;
  static const struct wire_pair empty = {"", "x"};
  rig_init(&r);
  r.config.startup = &empty;
  r.config.startup_count = 1;
  cr_assert_eq(rig_start(&r), DSQL_EINVAL);
  rig_deinit(&r);
  rig_init(&r);
  test_alloc_arm(&r.heap, 1, false);
  cr_assert_eq(rig_start(&r), DSQL_ENOMEM);
  rig_deinit(&r);
}
