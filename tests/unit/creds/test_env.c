#include <stdio.h>

#include "world.h"

struct env_case {
  const char *vars, *expected; /* "id secret token expires", or in the error */
  enum creds_outcome outcome;
};

static const struct env_case cases[] = {
    {"", "AWS_ACCESS_KEY_ID is not set", CREDS_NOTHING},
    {"AWS_ACCESS_KEY_ID=\nAWS_SECRET_ACCESS_KEY=", "AWS_ACCESS_KEY_ID is not set", CREDS_NOTHING},
    {"AWS_SESSION_TOKEN=hunter", "AWS_ACCESS_KEY_ID is not set", CREDS_NOTHING},
    {"AWS_ACCESS_KEY_ID=A\nAWS_SECRET_ACCESS_KEY=B", "A B - 0", CREDS_FOUND},
    {"AWS_ACCESS_KEY_ID=A\nAWS_SECRET_ACCESS_KEY=B\nAWS_SESSION_TOKEN=", "A B - 0", CREDS_FOUND},
    {"AWS_ACCESS_KEY_ID=A\nAWS_SECRET_ACCESS_KEY=B\nAWS_SESSION_TOKEN=C\nAWS_CREDENTIAL_EXPIRATION=2023-11-14T22:13:"
     "20Z",
     "A B C 1700000000", CREDS_FOUND},
    {"AWS_ACCESS_KEY_ID=A\nAWS_SECRET_ACCESS_KEY=B\nAWS_CREDENTIAL_EXPIRATION=", "A B - 0", CREDS_FOUND},
    {"AWS_ACCESS_KEY_ID=AKIAhunter", "AWS_SECRET_ACCESS_KEY is not: set both", CREDS_FAILED},
    {"AWS_ACCESS_KEY_ID=AKIAhunter\nAWS_SECRET_ACCESS_KEY=", "AWS_SECRET_ACCESS_KEY is not: set both", CREDS_FAILED},
    {"AWS_SECRET_ACCESS_KEY=hunter", "AWS_ACCESS_KEY_ID is not: set both", CREDS_FAILED},
    {"AWS_ACCESS_KEY_ID=A\nAWS_SECRET_ACCESS_KEY=B\nAWS_CREDENTIAL_EXPIRATION=hunter",
     "AWS_CREDENTIAL_EXPIRATION is not a time", CREDS_FAILED},
};

Test(environment, table) {
  struct world w;
  char found[200];
  world_open(&w);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    world_vars(&w, cases[i].vars);
    world_ask(&w, environment_source_new(&w.setup));
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

Test(environment, no_memory) {
  struct world w;
  world_open(&w);
  world_vars(&w, "AWS_ACCESS_KEY_ID=A\nAWS_SECRET_ACCESS_KEY=B\nAWS_SESSION_TOKEN=C");
  for (size_t i = 1;; i++) {
    enum creds_outcome outcome;
    test_alloc_arm(&w.x.heap, i, false);
    outcome = world_ask(&w, environment_source_new(&w.setup));
    if (!test_alloc_fired(&w.x.heap)) {
      cr_assert_eq(outcome, CREDS_FOUND);
      cr_assert_gt(i, 6);
      break;
    }
    cr_assert_eq(outcome, CREDS_FAILED);
    cr_assert_eq(w.why.code, DSQL_ENOMEM);
  }
  world_close(&w);
}
