/* source_web_identity.c - AssumeRoleWithWebIdentity with the token in a file, as Kubernetes mounts it: set up by
 * variables, or by a profile with role_arn and web_identity_token_file. */
#include "creds/source.h"
#include "creds/sts.h"

struct web_identity_source {
  struct creds_source source;
  const struct aws_profile *profile; /* NULL: the environment */
  struct sts_call *call;
};

static void on_done(void *owner, struct credentials *c, const struct fault *f) {
  struct web_identity_source *s = owner;
  struct creds_answer a = {.outcome = CREDS_FOUND};

  s->call = NULL;
  if (!c) {
    source_failed(&s->source, f->code, "%s", f->text);
    return;
  }
  credentials_move(&a.credentials, c);
  source_answer(&s->source, &a);
}

static void call_sts(struct web_identity_source *s, struct sts_request *q) {
  struct fault f = {0};

  q->setup = s->source.setup;
  q->profile = s->profile;
  if (sts_start(&s->call, q, on_done, s, &f)) source_failed(&s->source, f.code, "%s", f.text);
}

static void start_profile(struct web_identity_source *s) {
  char *const *values = s->profile->values;
  struct sts_request q = {.role_arn = values[AWS_role_arn],
                          .session_name = values[AWS_role_session_name],
                          .token_file = values[AWS_web_identity_token_file]};

  if (!q.role_arn || !*q.role_arn)
    source_failed(&s->source, DSQL_ECREDENTIALS, "profile \"%.100s\" has web_identity_token_file, but no role_arn",
                  s->profile->name);
  else if (!*q.token_file)
    source_failed(&s->source, DSQL_ECREDENTIALS, "web_identity_token_file of profile \"%.100s\" is empty",
                  s->profile->name);
  else
    call_sts(s, &q);
}

/* A copy, because a value of getenv's lives until the next one; false: no memory. */
static bool copy_variable(const struct creds_setup *setup, const char *name, char **out) {
  const char *value = setup->env->getenv(setup->env->ctx, name);

  *out = value && *value ? mem_strdup(rt_alloc(setup->rt), value) : NULL;
  return *out || !value || !*value;
}

/* Answers, and then s may be gone; the strings are the caller's. */
static void judge_variables(struct web_identity_source *s, const char *token_file, const char *role_arn,
                            const char *session_name) {
  struct sts_request q = {.role_arn = role_arn, .session_name = session_name, .token_file = token_file};

  if (!token_file)
    source_nothing(&s->source, "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
  else if (!role_arn)
    source_failed(&s->source, DSQL_ECREDENTIALS, "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
  else
    call_sts(s, &q);
}

static void start_environment(struct web_identity_source *s) {
  const struct creds_setup *setup = s->source.setup;
  const dsql_alloc *alloc = rt_alloc(setup->rt);
  char *token_file, *role_arn, *session_name;
  bool ok = copy_variable(setup, "AWS_WEB_IDENTITY_TOKEN_FILE", &token_file);

  ok = copy_variable(setup, "AWS_ROLE_ARN", &role_arn) && ok;
  ok = copy_variable(setup, "AWS_ROLE_SESSION_NAME", &session_name) && ok;
  if (ok)
    judge_variables(s, token_file, role_arn, session_name);
  else
    source_failed(&s->source, DSQL_ENOMEM, "out of memory");
  mem_free(alloc, token_file);
  mem_free(alloc, role_arn);
  mem_free(alloc, session_name);
}

static void start(struct creds_source *source) {
  struct web_identity_source *s = LIST_ENTRY(source, struct web_identity_source, source);

  if (s->profile)
    start_profile(s);
  else
    start_environment(s);
}

static void free_source(struct creds_source *source) {
  struct web_identity_source *s = LIST_ENTRY(source, struct web_identity_source, source);

  sts_cancel(s->call);
  mem_free(rt_alloc(source->setup->rt), s);
}

struct creds_source *web_identity_profile_source_new(const struct creds_setup *setup,
                                                     const struct aws_profile *profile) {
  static const struct creds_source_class class = {"web identity", start, free_source};
  struct web_identity_source *s = mem_alloc(rt_alloc(setup->rt), sizeof *s);

  if (!s) return NULL;
  *s = (struct web_identity_source){.source = {.class = &class, .setup = setup}, .profile = profile};
  return &s->source;
}

struct creds_source *web_identity_source_new(const struct creds_setup *setup) {
  return web_identity_profile_source_new(setup, NULL);
}
