/* OAUTHBEARER through the session. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/require_auth.h"
#include "rig.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TOKEN "eyJhbGciOiJ.secret"
#define DOCUMENT "{\"status\":\"invalid-token\"}"

struct oauth_case {
  const char *token, *server, *log, *output; /* output: behind the StartupMessage */
  const char *text;                          /* in the fault */
  bool plain, cleartext, local;              /* without TLS */
  bool binding;                              /* channel_binding=require */
};

static const struct oauth_case cases[] = {
    {.token = TOKEN, .server = "SASL:OAUTHBEARER R0 Z:I", .log = "ready I\n", .output = "p"},
    {.token = TOKEN, .server = "v:30000 SASL:OAUTHBEARER R0 S:a=b K Z:I", .log = "ready I\n", .output = "p"},
    {.token = TOKEN,
     .server = "SASL:OAUTHBEARER R11:" DOCUMENT " F:28000",
     .log = "error -1 28000\nfailed DSQL_EAUTH\n",
     .output = "pp"},
    {.token = "",
     .server = "SASL:OAUTHBEARER R11:" DOCUMENT " F:28000",
     .log = "error -1 28000\nfailed DSQL_EAUTH\n",
     .output = "pp"},
    {.token = TOKEN,
     .server = "SASL:OAUTHBEARER R11: F:28000",
     .log = "error -1 28000\nfailed DSQL_EAUTH\n",
     .output = "pp"},
    {.token = TOKEN,
     .server = "SASL:OAUTHBEARER F:08P01",
     .log = "error -1 08P01\nfailed DSQL_ESERVER\n",
     .output = "p"},
    /* A server that lets in whom it has no reason to. */
    {.token = "",
     .server = "SASL:OAUTHBEARER R0",
     .log = "failed DSQL_EPROTO\n",
     .output = "p",
     .text = "an OAuth token that was not sent"},
    {.token = TOKEN,
     .server = "SASL:OAUTHBEARER R11:" DOCUMENT " R0",
     .log = "failed DSQL_EPROTO\n",
     .output = "pp",
     .text = "out of order"},
    {.token = TOKEN,
     .server = "SASL:OAUTHBEARER R12:x",
     .log = "failed DSQL_EPROTO\n",
     .output = "p",
     .text = "out of order"},
    {.token = TOKEN,
     .server = "SASL:OAUTHBEARER R11:x R11:x",
     .log = "failed DSQL_EPROTO\n",
     .output = "pp",
     .text = "out of order"},
    {.token = TOKEN,
     .server = "SASL:OAUTHBEARER SASL:OAUTHBEARER",
     .log = "failed DSQL_EPROTO\n",
     .output = "p",
     .text = "out of order"},
    {.token = TOKEN,
     .server = "SASL:OAUTHBEARER R3",
     .log = "failed DSQL_EPROTO\n",
     .output = "p",
     .text = "out of order"},
    /* Where somebody could read it. */
    {.token = TOKEN,
     .server = "SASL:OAUTHBEARER",
     .log = "failed DSQL_EAUTH\n",
     .output = "",
     .plain = true,
     .text = "unencrypted"},
    {.token = "",
     .server = "SASL:OAUTHBEARER",
     .log = "failed DSQL_EAUTH\n",
     .output = "",
     .plain = true,
     .text = "unencrypted"},
    {.token = TOKEN,
     .server = "SASL:OAUTHBEARER R0 Z:I",
     .log = "ready I\n",
     .output = "p",
     .plain = true,
     .local = true},
    {.token = TOKEN,
     .server = "SASL:OAUTHBEARER R0 Z:I",
     .log = "ready I\n",
     .output = "p",
     .plain = true,
     .cleartext = true},
    {.token = TOKEN,
     .server = "SASL:OAUTHBEARER",
     .log = "failed DSQL_EAUTH\n",
     .output = "",
     .binding = true,
     .text = "no channel binding"},
    /* A token is no password, and no token is no token. */
    {.token = TOKEN, .server = "R3", .log = "failed DSQL_EAUTH\n", .output = "", .text = "none was given"},
    {.token = TOKEN, .server = "R5", .log = "failed DSQL_EAUTH\n", .output = "", .text = "none was given"},
    {.token = TOKEN,
     .server = "SASL:SCRAM-SHA-256",
     .log = "failed DSQL_EAUTH\n",
     .output = "",
     .text = "none was given"},
    {.token = NULL,
     .server = "SASL:OAUTHBEARER",
     .log = "failed DSQL_EAUTH\n",
     .output = "",
     .text = "dsql_oauth_new()"},
    {.token = "not a token",
     .server = "SASL:OAUTHBEARER",
     .log = "failed DSQL_EINVAL\n",
     .output = "",
     .text = "offset 3"},
};

static void configure(struct rig *r, const struct oauth_case *c) {
  rig_init(r);
  r->config.token = c->token;
  r->config.tls = !c->plain;
  r->config.local = c->local;
  r->config.cleartext_without_tls = c->cleartext;
  if (c->binding) r->config.channel_binding = CHANNEL_BINDING_REQUIRE;
}

Test(oauth, table) {
  for (size_t i = 0; i < COUNT(cases); i++)
    for (size_t step = 0; step < 2; step++) {
      const struct oauth_case *c = &cases[i];
      struct backend_script b;
      struct rig r;
      const char *log, *output;
      configure(&r, c);
      cr_assert_eq(rig_start(&r), 0);
      backend_script_init(&b, c->server);
      rig_feed_bytes(&r, b.data, b.len, step);
      log = rig_take_log(&r);
      cr_expect_str_eq(log, c->log, "%zu: %s: %s (%s)", i, c->server, log, session_fault(&r.s)->text);
      output = rig_take_output(&r);
      cr_expect(output[0] == '0' && !strcmp(output + 1, c->output), "%zu: %s sent %s", i, c->server, output);
      if (c->text) cr_expect_not_null(strstr(session_fault(&r.s)->text, c->text), "%s", session_fault(&r.s)->text);
      cr_expect_null(strstr(session_fault(&r.s)->text, "eyJ"));
      rig_deinit(&r);
    }
}

Test(oauth, what_is_sent) {
  static const char first[] = "OAUTHBEARER\0\0\0\0$n,,\1auth=Bearer " TOKEN "\1\1";
  struct rig r;
  dsql_str document;
  configure(&r, &cases[0]);
  cr_assert_eq(rig_start(&r), 0);
  buf_reset(&r.out);
  rig_feed(&r, "SASL:OAUTHBEARER");
  cr_assert_eq(r.out.len, 5 + sizeof first - 1);
  cr_assert(r.out.data[0] == 'p' && load_be32(r.out.data + 1) == r.out.len - 1);
  cr_assert_eq(memcmp(r.out.data + 5, first, sizeof first - 1), 0);
  buf_reset(&r.out);
  cr_assert_eq(session_oauth_document(&r.s).len, 0);
  rig_feed(&r, "R11:" DOCUMENT);
  cr_assert(r.out.len == 6 && !memcmp(r.out.data, "p\0\0\0\5\1", 6));
  document = session_oauth_document(&r.s);
  cr_assert(document.len == sizeof DOCUMENT - 1 && !memcmp(document.ptr, DOCUMENT, document.len));
  rig_deinit(&r);
}

/* Behind a token that is refused the server wants one message of the client's, which a query is not. */
Test(oauth, operations_wait_for_the_verdict) {
  struct rig r;
  configure(&r, &cases[0]);
  cr_assert_eq(rig_start(&r), 0);
  rig_submit(&r, "b:A|");
  rig_feed(&r, "SASL:OAUTHBEARER");
  rig_gather(&r);
  cr_expect_str_eq(rig_take_output(&r), "0p");
  rig_feed(&r, "R0");
  rig_gather(&r);
  cr_expect_str_eq(rig_take_output(&r), "BES");
  rig_feed(&r, "Z:I 2 C:A Z:I");
  rig_expect(&r, "ready I\nresult 0 A\ndone 0 ok\ngroup I\n");
  rig_deinit(&r);
}

/* One that is too long is not kept; the refusal is told all the same. */
Test(oauth, documents_of_any_size) {
  static const size_t sizes[] = {0, 1, 8191, 8192, 8193, 60000};
  for (size_t i = 0; i < COUNT(sizes); i++) {
    uint8_t *body = calloc(1, 4 + sizes[i]);
    struct backend_script b = {.len = 0};
    struct rig r;
    cr_assert_not_null(body);
    configure(&r, &cases[0]);
    cr_assert_eq(rig_start(&r), 0);
    rig_feed(&r, "SASL:OAUTHBEARER");
    store_be32(body, 11);
    backend_script_message(&b, 'R', body, 4 + sizes[i]);
    rig_feed_bytes(&r, b.data, b.len, 0);
    cr_expect_eq(r.s.phase, SESSION_OAUTH_REFUSED, "%zu", sizes[i]);
    cr_expect_eq(session_oauth_document(&r.s).len, sizes[i] <= 8192 ? sizes[i] : 0);
    rig_feed(&r, "F:28000");
    rig_expect(&r, "error -1 28000\nfailed DSQL_EAUTH\n");
    rig_deinit(&r);
    free(body);
  }
}

static bool run_failing(size_t nth, bool all_after, bool accepted) {
  struct rig r;
  bool fired;
  configure(&r, &cases[0]);
  buf_deinit(&r.out);
  buf_init(&r.out, &r.heap.hook, 1 << 20);
  test_alloc_arm(&r.heap, nth, all_after);
  if (rig_start(&r) == 0) rig_feed(&r, "SASL:OAUTHBEARER");
  if (r.live && r.s.phase != SESSION_FAILED) rig_feed(&r, accepted ? "R0 Z:I" : "R11:" DOCUMENT);
  fired = test_alloc_fired(&r.heap);
  if (fired && r.live) {
    cr_assert_eq(r.s.phase, SESSION_FAILED, "allocation %zu", nth);
    cr_assert_eq(session_fault(&r.s)->code, DSQL_ENOMEM);
  }
  test_alloc_arm(&r.heap, 0, false);
  rig_deinit(&r);
  return fired;
}

Test(oauth, every_allocation_fails_in_turn) {
  size_t failures = 0;
  for (int i = 0; i < 4; i++)
    for (size_t nth = 1; run_failing(nth, i & 1, i & 2); nth++) failures++;
  printf("%zu allocations\n", failures);
  cr_assert_geq(failures, 8);
}
