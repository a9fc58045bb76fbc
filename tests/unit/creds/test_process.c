#include <stdio.h>
#include <string.h>

#include "world.h"

struct process_case {
  const char *command, *expected;
  enum creds_outcome outcome;
};

static const struct process_case cases[] = {
    {"echo '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"B\"}'", "A B - 0", CREDS_FOUND},
    {"echo '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"B\",\"SessionToken\":\"C\","
     "\"Expiration\":\"2023-11-14T22:13:20Z\"}'; echo warning >&2",
     "A B C 1700000000", CREDS_FOUND},
    {"echo hunter2; exit 0", "credential_process of profile \"p\" printed no credentials: it is not valid JSON",
     CREDS_FAILED},
    {"true", "printed no credentials: it is not valid JSON", CREDS_FAILED},
    {"echo '{\"Version\":2,\"SecretAccessKey\":\"hunter\"}'; echo old tool >&2",
     "printed no credentials: \"Version\" is not 1, the only version there is; it wrote: old tool", CREDS_FAILED},
    {"echo '{\"Version\":1,\"AccessKeyId\":\"hunter\"}'", "\"SecretAccessKey\" is missing", CREDS_FAILED},
    {"echo hunter2; echo 'token expired,\n\tplease log in' >&2; exit 3",
     "failed with exit status 3; it wrote: token expired, please log in", CREDS_FAILED},
    {"echo hunter2; exit 255", "failed with exit status 255", CREDS_FAILED},
    {"printf 'a\\033[31mb' >&2; exit 1", "it wrote: a?[31mb", CREDS_FAILED},
    {"kill -9 $$", "was ended by signal 9", CREDS_FAILED},
    {"/nonexistent/hunter-tool 2>/dev/null", "failed with exit status 127", CREDS_FAILED},
    {"head -c 100000 /dev/zero", "credential_process of profile \"p\": ", CREDS_FAILED},
    {"", "credential_process of profile \"p\" is empty", CREDS_FAILED},
};

static void ask(struct world *w, const char *command) {
  char copy[300];
  struct aws_profile p = {.name = (char *)"p"};
  snprintf(copy, sizeof copy, "%s", command);
  p.values[AWS_credential_process] = copy;
  world_ask(w, process_source_new(&w->setup, &p));
}

Test(process, table) {
  struct world w;
  char found[200];
  world_open(&w);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    ask(&w, cases[i].command);
    if (w.outcome == CREDS_FOUND) {
      snprintf(found, sizeof found, "%s %s %s %lld", w.got.access_key_id, w.got.secret_access_key,
               w.got.session_token ? w.got.session_token : "-", (long long)w.got.expires_s);
      cr_assert_eq(cases[i].outcome, CREDS_FOUND);
      cr_assert_str_eq(found, cases[i].expected);
    } else {
      world_expect(&w, cases[i].outcome, cases[i].expected);
    }
  }
  world_close(&w);
}

static void on_never(void *owner, struct creds_source *s, struct creds_answer *a) {
  (void)owner, (void)s, (void)a;
  cr_assert_fail("answered after it was freed");
}

Test(process, canceled_and_closed) {
  for (int turns = 0; turns < 12; turns++) {
    struct world w;
    struct aws_profile p = {.name = (char *)"p"};
    char command[] = "sleep 20; echo late";
    struct creds_source *s;
    world_open(&w);
    p.values[AWS_credential_process] = command;
    s = process_source_new(&w.setup, &p);
    source_start(s, on_never, NULL);
    for (int i = 0; i < turns; i++) {
      uv_run(&w.x.loop, UV_RUN_NOWAIT);
      uv_sleep(1);
    }
    source_free(s);
    world_close(&w);
  }
}

Test(process, no_memory) {
  struct world w;
  world_open(&w);
  for (size_t i = 1; i < 100; i++) {
    test_alloc_arm(&w.x.heap, i, false);
    ask(&w, cases[0].command);
    if (!test_alloc_fired(&w.x.heap)) {
      cr_assert_eq(w.outcome, CREDS_FOUND);
      cr_assert_gt(i, 4);
      world_close(&w);
      return;
    }
    cr_assert_eq(w.outcome, CREDS_FAILED);
    cr_assert_eq(w.why.code, DSQL_ENOMEM, "%s", w.why.text);
  }
  cr_assert_fail("never without a failure");
}
