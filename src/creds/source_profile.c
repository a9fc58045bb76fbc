/* source_profile.c - carries out the plan of a profile: its base, then its roles. */
#include <string.h>

#include "creds/profile_plan.h"
#include "creds/source.h"
#include "creds/sts.h"

struct profile_source {
  struct creds_source source;
  struct profile_plan plan;
  size_t roles_left;
  struct creds_source *base; /* under way */
  struct sts_call *call;     /* under way */
  struct credentials credentials;
};

static void fail(struct profile_source *s, const struct fault *f) { source_failed(&s->source, f->code, "%s", f->text); }

static void assume_next(struct profile_source *s);

static void on_role(void *owner, struct credentials *c, const struct fault *f) {
  struct profile_source *s = owner;

  s->call = NULL;
  if (!c) {
    source_failed(&s->source, f->code, "profile \"%.100s\": %s", s->plan.roles[s->roles_left].profile->name, f->text);
    return;
  }
  credentials_deinit(&s->credentials);
  credentials_move(&s->credentials, c);
  assume_next(s);
}

/* Assumes the next role with the credentials so far, or answers with them. */
static void assume_next(struct profile_source *s) {
  struct creds_answer a = {.outcome = CREDS_FOUND};
  const struct profile_role *role;
  struct sts_request q;
  struct fault f = {0};

  if (s->roles_left == 0) {
    credentials_move(&a.credentials, &s->credentials);
    source_answer(&s->source, &a);
    return;
  }
  role = &s->plan.roles[--s->roles_left];
  q = (struct sts_request){.setup = s->source.setup,
                           .profile = role->profile,
                           .role_arn = role->profile->values[AWS_role_arn],
                           .session_name = role->profile->values[AWS_role_session_name],
                           .external_id = role->profile->values[AWS_external_id],
                           .duration_s = role->duration_s,
                           .signer = &s->credentials};
  if (sts_start(&s->call, &q, on_role, s, &f)) fail(s, &f);
}

/* The base is what the profile asked for: that it has nothing is a failure here. */
static void on_base(void *owner, struct creds_source *base, struct creds_answer *a) {
  struct profile_source *s = owner;
  const char *class = base->class->name;

  s->base = NULL;
  if (a->outcome != CREDS_FOUND) {
    struct fault f = a->why;
    source_free(base);
    if (s->plan.base == PROFILE_PROCESS) /* whose reasons name the profile */
      fail(s, &f);
    else
      source_failed(&s->source, f.code, "profile \"%.100s\": %s: %s", s->plan.profile->name, class, f.text);
    return;
  }
  credentials_move(&s->credentials, &a->credentials);
  source_free(base);
  assume_next(s);
}

static void use_keys(struct profile_source *s) {
  char *const *values = s->plan.profile->values;
  struct fault f = {0};

  if (credentials_set(&s->credentials, s->plan.alloc, values[AWS_aws_access_key_id], values[AWS_aws_secret_access_key],
                      values[AWS_aws_session_token], 0, &f))
    fail(s, &f);
  else
    assume_next(s);
}

static struct creds_source *base_new(const struct profile_source *s) {
  const struct creds_setup *setup = s->source.setup;

  switch (s->plan.base) {
    case PROFILE_WEB_IDENTITY: return web_identity_profile_source_new(setup, s->plan.profile);
    case PROFILE_SSO: return sso_source_new(setup, s->plan.profile);
    case PROFILE_PROCESS: return process_source_new(setup, s->plan.profile);
    case PROFILE_ENVIRONMENT: return environment_source_new(setup);
    case PROFILE_CONTAINER: return container_source_new(setup);
    case PROFILE_IMDS: return imds_source_new(setup);
    case PROFILE_NONE:
    case PROFILE_KEYS: break;
  }
  return NULL;
}

static void ask_base(struct profile_source *s) {
  s->base = base_new(s);
  if (s->base)
    source_start(s->base, on_base, s);
  else
    source_failed(&s->source, DSQL_ENOMEM, "out of memory");
}

static void start(struct creds_source *source) {
  struct profile_source *s = LIST_ENTRY(source, struct profile_source, source);
  const struct creds_setup *setup = source->setup;
  struct fault f = {0};

  if (profile_plan_make(&s->plan, rt_alloc(setup->rt), setup->files, setup->profile, setup->profile_explicit, &f)) {
    fail(s, &f);
    return;
  }
  s->roles_left = s->plan.role_count;
  switch (s->plan.base) {
    case PROFILE_NONE: source_nothing(source, "%s", f.text); break;
    case PROFILE_KEYS: use_keys(s); break;
    default: ask_base(s);
  }
}

static void free_source(struct creds_source *source) {
  struct profile_source *s = LIST_ENTRY(source, struct profile_source, source);
  const dsql_alloc *alloc = rt_alloc(source->setup->rt);

  source_free(s->base);
  sts_cancel(s->call);
  credentials_deinit(&s->credentials);
  if (s->plan.alloc) profile_plan_deinit(&s->plan);
  mem_free(alloc, s);
}

struct creds_source *profile_source_new(const struct creds_setup *setup) {
  static const struct creds_source_class class = {"shared files", start, free_source};
  struct profile_source *s = mem_zalloc(rt_alloc(setup->rt), sizeof *s);

  if (!s) return NULL;
  s->source = (struct creds_source){.class = &class, .setup = setup};
  return &s->source;
}
