/* Tokens of targets in DSQL mode: cached and shared per runtime, signed by whatever credentials are there. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "client.h"

#define ID "a1b2c3d4e5f6g7h8i9j0klmnop"
#define URL "dsql://" ID ".dsql.us-east-1.on.aws"

static struct client x;

static struct {
  unsigned calls;
  dsql_credentials_request *waiting;
  const char *key, *failure; /* both NULL: it answers later */
  int64_t life_s;            /* 0: for good */
} provider;

static void want(dsql_credentials_request *q, void *arg) {
  cr_assert_eq(arg, &provider);
  provider.calls++;
  if (provider.failure)
    dsql_credentials_fail(q, provider.failure);
  else if (provider.key)
    dsql_credentials_answer(q, provider.key, "secret of the provider", "session of the provider",
                            provider.life_s ? time(NULL) + provider.life_s : 0);
  else
    provider.waiting = q;
}

static void open_all(void) {
  memset(&provider, 0, sizeof provider);
  unsetenv("AWS_PROFILE");
  setenv("AWS_ACCESS_KEY_ID", "AKIDENV", 1);
  setenv("AWS_SECRET_ACCESS_KEY", "secret of the environment", 1);
  unsetenv("AWS_SESSION_TOKEN");
  client_open(&x);
}

static void close_all(void) { client_close(&x); }

TestSuite(tokens, .init = open_all, .fini = close_all);

static dsql_target *target(const char *text, dsql_credentials *credentials) {
  dsql_config c;
  dsql_config_init(&c);
  c.target = text;
  c.credentials = credentials;
  return client_target_config(&x, &c);
}

/* A ring of copies. */
static const char *token_of(const dsql_target *t) {
  static char copies[4][4096];
  static unsigned next;
  char *copy = copies[next++ % 4];
  dsql_future *f = dsql_target_token(t, 0);
  dsql_str text;

  cr_assert_eq(dsql_future_run(f), 0, "%s", client_error_text(f));
  cr_assert_eq(dsql_future_text(f, &text), 0);
  (void)snprintf(copy, 4096, "%.*s", (int)text.len, text.ptr);
  dsql_future_destroy(f);
  return copy;
}

static dsql_token_stats stats_of(const dsql_target *t) {
  dsql_token_stats s;
  dsql_token_stats_get(t, &s, sizeof s);
  return s;
}

Test(tokens, cached_and_counted) {
  dsql_target *t = target(URL, NULL);
  char first[4096];
  dsql_token_stats s = stats_of(t);

  cr_assert(s.hits == 0 && s.signings == 0 && s.age_s == -1 && s.expires_in_s == -1);
  (void)snprintf(first, sizeof first, "%s", token_of(t));
  cr_assert_not_null(strstr(first, "X-Amz-Credential=AKIDENV%2F"));
  cr_assert_not_null(strstr(first, "Action=DbConnectAdmin&"));
  for (int i = 0; i < 5; i++) cr_assert_str_eq(token_of(t), first);
  s = stats_of(t);
  cr_assert_eq(s.signings, 1);
  cr_assert_eq(s.waits, 1, "only the first had to wait, for credentials");
  cr_assert_geq(s.hits, 5);
  cr_assert_eq(s.credential_fetches, 1);
  cr_assert(s.age_s >= 0 && s.age_s < 5 && s.expires_in_s > 890 && s.expires_in_s <= 900);
  dsql_target_free(t);
}

Test(tokens, shared_by_targets_that_may_and_by_no_other) {
  static const struct {
    const char *text;
    bool shared;
  } cases[] = {{URL, true},
               {URL "?hostaddr=127.0.0.1&port=6000", true},
               {URL "/postgres?application_name=other", true},
               {URL "?user=reader", false},
               {URL "?token_duration_secs=60", false},
               {URL "?region=eu-west-1", false},
               {URL "?profile=other", false}};
  dsql_target *t = target(URL, NULL);

  (void)token_of(t);
  for (size_t i = 0; i < COUNT(cases); i++) {
    dsql_target *other = target(cases[i].text, NULL);
    cr_assert_eq(stats_of(other).signings, cases[i].shared ? 1 : 0, "%s", cases[i].text);
    dsql_target_free(other);
  }
  dsql_target_free(t);
}

Test(tokens, a_custom_provider) {
  dsql_credentials *c;
  dsql_target *t, *same;
  dsql_future *f, *g;
  dsql_str a, b;

  cr_assert_eq(dsql_credentials_new(&c, x.rt, want, &provider), 0);
  t = target(URL, c);
  same = target(URL "?hostaddr=::1", c);
  f = dsql_target_token(t, 0);
  g = dsql_target_token(same, 0);
  for (int i = 0; i < 20; i++) (void)uv_run(&x.loop, UV_RUN_NOWAIT);
  cr_assert_eq(provider.calls, 1, "one question for all who wait");
  cr_assert_not(dsql_future_ready(f));
  dsql_credentials_answer(provider.waiting, "AKIDCUSTOM", "secret", "session", 0);
  cr_assert_eq(dsql_future_run(f), 0);
  cr_assert_eq(dsql_future_run(g), 0);
  cr_assert(dsql_future_text(f, &a) == 0 && dsql_future_text(g, &b) == 0);
  cr_assert(a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0);
  cr_assert(str_has(a, "AKIDCUSTOM") && str_has(a, "X-Amz-Security-Token=session"));
  cr_assert_eq(stats_of(t).signings, 1);
  dsql_future_destroy(f);
  dsql_future_destroy(g);
  dsql_credentials_free(c);
  dsql_target_free(t);
  dsql_target_free(same);
}

Test(tokens, a_provider_that_fails_and_recovers) {
  dsql_credentials *c;
  dsql_target *t;
  dsql_future *f;

  cr_assert_eq(dsql_credentials_new(&c, x.rt, want, &provider), 0);
  t = target(URL, c);
  dsql_credentials_free(c);
  provider.failure = "the vault is sealed";
  f = dsql_target_token(t, 0);
  cr_assert_eq(dsql_future_run(f), DSQL_ECREDENTIALS, "%s", client_error_text(f));
  cr_assert(str_has(dsql_future_error(f)->message, "the vault is sealed"));
  dsql_future_destroy(f);
  cr_assert_eq(stats_of(t).failures, 1);
  f = dsql_target_token(t, 0);
  cr_assert_eq(dsql_future_run(f), DSQL_ECREDENTIALS);
  dsql_future_destroy(f);
  cr_assert_eq(provider.calls, 1, "not asked in a tight loop");
  provider.failure = NULL;
  provider.key = "AKIDLATER";
  uv_sleep(1100);
  cr_assert_not_null(strstr(token_of(t), "AKIDLATER"));
  dsql_target_free(t);
}

/* Keys that end soon: the token ends with them, and fresh ones are asked for before it is signed again. */
Test(tokens, clamped_by_credentials_that_end_soon) {
  dsql_credentials *c;
  dsql_target *t;
  dsql_token_stats s;

  cr_assert_eq(dsql_credentials_new(&c, x.rt, want, &provider), 0);
  t = target(URL, c);
  dsql_credentials_free(c);
  provider.key = "AKIDSHORT";
  provider.life_s = 60;
  cr_assert_not_null(strstr(token_of(t), "AKIDSHORT"));
  s = stats_of(t);
  cr_assert(s.expires_in_s > 50 && s.expires_in_s <= 60, "%d", (int)s.expires_in_s);
  dsql_target_free(t);
}

Test(tokens, for_another_time_and_not_kept) {
  dsql_target *t = target(URL, NULL);
  dsql_future *f = dsql_target_token(t, 1440938160);
  dsql_str text;

  cr_assert_eq(dsql_future_run(f), 0);
  cr_assert_eq(dsql_future_text(f, &text), 0);
  cr_assert(str_has(text, "X-Amz-Date=20150830T123600Z"));
  cr_assert_eq(stats_of(t).signings, 0);
  dsql_future_destroy(f);
  dsql_target_free(t);
}

Test(tokens, only_in_dsql_mode) {
  dsql_target *t = target("postgres://u@localhost/d", NULL);
  dsql_future *f = dsql_target_token(t, 0);
  dsql_credentials *c;
  dsql_config config;
  const dsql_error *e;
  dsql_str text;

  cr_assert_eq(dsql_future_run(f), DSQL_EINVAL);
  cr_assert_eq(dsql_future_text(f, &text), DSQL_EINVAL);
  dsql_future_destroy(f);
  cr_assert_eq(stats_of(t).age_s, -1);
  dsql_target_free(t);
  f = dsql_all(x.rt, NULL, 0);
  cr_assert_eq(dsql_future_run(f), 0);
  cr_assert_eq(dsql_future_text(f, &text), DSQL_ETYPE);
  dsql_future_destroy(f);
  cr_assert_eq(dsql_credentials_new_static(&c, x.rt, "A", "B", NULL, 0), 0);
  dsql_config_init(&config);
  config.target = "postgres://u@localhost/d";
  config.credentials = c;
  cr_assert_eq(dsql_target_new(&t, x.rt, &config, &e), DSQL_EINVAL);
  cr_assert(str_has(e->message, "auth=iam"));
  dsql_credentials_free(c);
  cr_assert_null(dsql_target_token(NULL, 0));
}

Test(tokens, static_credentials) {
  dsql_credentials *c;
  dsql_target *t;

  cr_assert_eq(dsql_credentials_new_static(&c, x.rt, "", "B", NULL, 0), DSQL_EINVAL);
  cr_assert_eq(dsql_credentials_new_static(&c, x.rt, "A", NULL, NULL, 0), DSQL_EINVAL);
  cr_assert_eq(dsql_credentials_new_static(&c, x.rt, "AKIDGIVEN", "B", "C", 0), 0);
  t = target(URL, c);
  dsql_credentials_free(c);
  cr_assert_not_null(strstr(token_of(t), "AKIDGIVEN"));
  cr_assert_eq(stats_of(t).waits, 0, "what is given is there at once");
  dsql_target_free(t);
}

Test(tokens, canceled_and_destroyed_while_credentials_are_fetched) {
  dsql_credentials *c;
  dsql_target *t;
  dsql_future *f, *g;

  cr_assert_eq(dsql_credentials_new(&c, x.rt, want, &provider), 0);
  t = target(URL, c);
  dsql_credentials_free(c);
  f = dsql_target_token(t, 0);
  g = dsql_target_token(t, 1440938160);
  for (int i = 0; i < 20; i++) (void)uv_run(&x.loop, UV_RUN_NOWAIT);
  cr_assert_eq(provider.calls, 1);
  dsql_future_cancel(f);
  cr_assert_eq(dsql_future_run(f), DSQL_ECANCELED);
  dsql_future_destroy(f);
  dsql_future_destroy(g);
  dsql_target_free(t);
  dsql_credentials_answer(provider.waiting, "A", "B", NULL, 0);
}

static void on_end(dsql_future *f, void *code) {
  *(int *)code = dsql_future_code(f);
  dsql_future_destroy(f);
}

Test(tokens, the_runtime_closes_while_credentials_are_fetched) {
  dsql_credentials *c;
  dsql_target *t;
  dsql_future *f;
  int code = 0;

  cr_assert_eq(dsql_credentials_new(&c, x.rt, want, &provider), 0);
  t = target(URL, c);
  dsql_credentials_free(c);
  f = dsql_target_token(t, 0);
  cr_assert_eq(dsql_future_on_ready(f, on_end, &code), 0);
  for (int i = 0; i < 20; i++) (void)uv_run(&x.loop, UV_RUN_NOWAIT);
  dsql_target_free(t);
  client_begin_close(&x);
  while (code == 0) client_turn(&x);
  cr_assert_eq(code, DSQL_ECANCELED);
  dsql_credentials_answer(provider.waiting, "A", "B", NULL, 0);
  client_finish(&x);
  client_open(&x);
}

Test(tokens, each_allocation_failing_in_turn) {
  bool fired = true;

  for (size_t n = 1; fired; n++) {
    dsql_config config;
    dsql_target *t = NULL;
    dsql_future *f;
    int rc;

    dsql_config_init(&config);
    config.target = URL;
    test_alloc_arm(&x.heap, n, false);
    rc = dsql_target_new(&t, x.rt, &config, NULL);
    cr_assert(rc == 0 || rc == DSQL_ENOMEM, "%zu: %d", n, rc);
    if (rc == 0) {
      f = dsql_target_token(t, 0);
      rc = dsql_future_run(f);
      cr_assert(rc == 0 || rc == DSQL_ENOMEM, "%zu: %s", n, client_error_text(f));
      dsql_future_destroy(f);
      dsql_target_free(t);
    }
    fired = test_alloc_fired(&x.heap);
    test_alloc_arm(&x.heap, 0, false);
  }
}
