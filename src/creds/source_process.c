/* source_process.c - credential_process (AWS SDKs and Tools Reference Guide, "Process credential provider"). What the
 * program prints is never shown; its standard error is. Neither is its command line, which may hold secrets. The time
 * limit is that of the SDK for Go; botocore waits for ever. */
#include <stdio.h>

#include "creds/json.h"
#include "creds/source.h"
#include "creds/text.h"
#include "rt/process.h"

enum { PROCESS_TIMEOUT_MS = 60000 };

struct process_source {
  struct creds_source source;
  const struct aws_profile *profile;
  struct process *process;
};

static void fail(struct process_source *s, const char *what, const struct creds_text *err) {
  source_failed(&s->source, DSQL_ECREDENTIALS, "credential_process of profile \"%.100s\" %s%s%s", s->profile->name,
                what, err->text[0] ? "; it wrote: " : "", err->text);
}

static void on_exit_status(struct process_source *s, const struct process_result *r, const struct creds_text *err) {
  char what[64];

  if (r->signal)
    (void)snprintf(what, sizeof what, "was ended by signal %d", r->signal);
  else
    (void)snprintf(what, sizeof what, "failed with exit status %d", r->exit_status);
  fail(s, what, err);
}

static void on_output(struct process_source *s, const struct process_result *r, const struct creds_text *err) {
  static const struct json_names names = {.access_key_id = "AccessKeyId",
                                          .secret_access_key = "SecretAccessKey",
                                          .session_token = "SessionToken",
                                          .expiration = "Expiration",
                                          .version_1 = true};
  struct creds_answer a = {.outcome = CREDS_FOUND};
  struct fault f = {0};
  char what[192];

  if (json_credentials(r->out.ptr, r->out.len, &names, rt_alloc(s->source.setup->rt), &a.credentials, &f) == 0) {
    source_answer(&s->source, &a);
  } else if (f.code == DSQL_ENOMEM) {
    source_failed(&s->source, DSQL_ENOMEM, "out of memory");
  } else {
    (void)snprintf(what, sizeof what, "printed no credentials: %.150s", f.text);
    fail(s, what, err);
  }
}

static void on_done(void *owner, const struct process_result *r, const struct fault *f) {
  struct process_source *s = owner;
  struct creds_text err;

  s->process = NULL;
  if (!r) {
    source_failed(&s->source, f->code, "credential_process of profile \"%.100s\": %s", s->profile->name, f->text);
    return;
  }
  err = text_of(r->err.ptr, r->err.len);
  if (r->signal || r->exit_status)
    on_exit_status(s, r, &err);
  else
    on_output(s, r, &err);
}

static void start(struct creds_source *source) {
  struct process_source *s = LIST_ENTRY(source, struct process_source, source);
  const char *command = s->profile->values[AWS_credential_process];
  struct fault f = {0};

  if (!*command)
    source_failed(source, DSQL_ECREDENTIALS, "credential_process of profile \"%.100s\" is empty", s->profile->name);
  else if (process_start(&s->process, source->setup->rt, command, PROCESS_TIMEOUT_MS, on_done, s, &f))
    source_failed(source, f.code, "credential_process of profile \"%.100s\": %s", s->profile->name, f.text);
}

static void free_source(struct creds_source *source) {
  struct process_source *s = LIST_ENTRY(source, struct process_source, source);

  process_cancel(s->process);
  mem_free(rt_alloc(source->setup->rt), s);
}

struct creds_source *process_source_new(const struct creds_setup *setup, const struct aws_profile *profile) {
  static const struct creds_source_class class = {"credential_process", start, free_source};
  struct process_source *s = mem_alloc(rt_alloc(setup->rt), sizeof *s);

  if (!s) return NULL;
  *s = (struct process_source){.source = {.class = &class, .setup = setup}, .profile = profile};
  return &s->source;
}
