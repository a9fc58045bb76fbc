/* source_environment.c - AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, and AWS_CREDENTIAL_EXPIRATION, by
 * which `aws configure export-credentials --format env` says how long they last. Empty is the same as not set. */
#include <string.h>

#include "creds/json.h"
#include "creds/source.h"

enum { VARIABLE_ID, VARIABLE_SECRET, VARIABLE_TOKEN, VARIABLE_EXPIRATION, VARIABLE_COUNT };

static const char *const names[VARIABLE_COUNT] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
                                                  "AWS_CREDENTIAL_EXPIRATION"};

static void free_values(const dsql_alloc *alloc, char *values[VARIABLE_COUNT]) {
  for (int i = 0; i < VARIABLE_COUNT; i++)
    if (values[i]) mem_free_secret(alloc, values[i], strlen(values[i]) + 1);
}

/* Copies, because a value lives until the next one is asked for. False: no memory. */
static bool get_values(const struct creds_setup *setup, const dsql_alloc *alloc, char *values[VARIABLE_COUNT]) {
  for (int i = 0; i < VARIABLE_COUNT; i++) {
    const char *value = setup->env->getenv(setup->env->ctx, names[i]);
    if (!value || !*value) continue;
    values[i] = mem_strdup(alloc, value);
    if (!values[i]) return false;
  }
  return true;
}

static void fail(struct creds_answer *a, const char *what, const char *fix) {
  a->outcome = CREDS_FAILED;
  (void)fault_set(&a->why, DSQL_ECREDENTIALS, "%s%s", what, fix);
}

static void judge(struct creds_answer *a, const dsql_alloc *alloc, char *values[VARIABLE_COUNT]) {
  const char *expiration = values[VARIABLE_EXPIRATION];
  int64_t expires_s = 0;

  if (!values[VARIABLE_ID] && !values[VARIABLE_SECRET]) {
    a->outcome = CREDS_NOTHING;
    (void)fault_set(&a->why, DSQL_ECREDENTIALS, "AWS_ACCESS_KEY_ID is not set");
  } else if (!values[VARIABLE_ID]) {
    fail(a, "AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not", ": set both or none");
  } else if (!values[VARIABLE_SECRET]) {
    fail(a, "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not", ": set both or none");
  } else if (expiration && !json_time(expiration, strlen(expiration), &expires_s)) {
    fail(a, "AWS_CREDENTIAL_EXPIRATION is not a time like 2026-11-21T10:00:00Z", "");
  } else {
    a->outcome = credentials_set(&a->credentials, alloc, values[VARIABLE_ID], values[VARIABLE_SECRET],
                                 values[VARIABLE_TOKEN], expires_s, &a->why)
                     ? CREDS_FAILED
                     : CREDS_FOUND;
  }
}

static void start(struct creds_source *s) {
  const dsql_alloc *alloc = rt_alloc(s->setup->rt);
  char *values[VARIABLE_COUNT] = {0};
  struct creds_answer a = {.outcome = CREDS_FAILED};

  if (get_values(s->setup, alloc, values))
    judge(&a, alloc, values);
  else
    (void)fault_set(&a.why, DSQL_ENOMEM, "out of memory");
  free_values(alloc, values);
  source_answer(s, &a);
}

static void free_source(struct creds_source *s) { mem_free(rt_alloc(s->setup->rt), s); }

struct creds_source *environment_source_new(const struct creds_setup *setup) {
  static const struct creds_source_class class = {"environment variables", start, free_source};
  struct creds_source *s = mem_alloc(rt_alloc(setup->rt), sizeof *s);

  if (s) *s = (struct creds_source){.class = &class, .setup = setup};
  return s;
}
