/* source.h - one way to get AWS credentials, asked once: what the chain (chain.c) is made of. Each source has a file of
 * its own, with its constructor in the list below. Loop-affine.
 *
 *   new --source_start--> asking --done(answer)--> answered          any --source_free--> gone (a request under way is
 *                                                                    canceled, and done is not called any more) */
#ifndef DSQL_CREDS_SOURCE_H
#define DSQL_CREDS_SOURCE_H

#include "creds/credentials.h"
#include "rt/rt.h"
#include "target/aws_profile.h"
#include "target/env.h"

/* How far this machine's clock is off, by the last HTTP answer's Date header. attempts.h notes it. */
struct creds_skew {
  bool known;
  int64_t skew_s; /* of the server, minus ours */
};

/* What every source may look at. Borrowed; outlives the sources. */
struct creds_setup {
  struct dsql_rt *rt;
  const struct target_env *env;
  const struct aws_files *files;
  const char *profile;     /* the profile's name that applies, never NULL */
  bool profile_explicit;   /* somebody asked for it */
  const char *region;      /* of the target, for STS; NULL: not known */
  int64_t (*now_s)(void);  /* Unix time */
  struct creds_skew *skew; /* NULL: not wanted */
};

enum creds_outcome {
  CREDS_FOUND,
  CREDS_NOTHING, /* not set up here: the chain goes on. fault.text says what was looked for: "AWS_ACCESS_KEY_ID is not set" */
  CREDS_FAILED /* set up, and did not work: the chain stops, because going on would use another identity */
};

struct creds_answer {
  enum creds_outcome outcome;
  struct credentials credentials; /* FOUND; the receiver moves them out, what is left is cleansed */
  struct fault why;               /* else; names the source's inputs, never a secret */
};

struct creds_source;
typedef void creds_done(void *owner, struct creds_source *s, struct creds_answer *a);

struct creds_source_class {
  const char *name;                      /* for people: "environment variables", "EC2 instance metadata" */
  void (*start)(struct creds_source *s); /* must end in source_answer() once, at once or later */
  void (*free)(struct creds_source *s);  /* cancels what is under way */
};

/* First member of every source's own struct. */
struct creds_source {
  const struct creds_source_class *class;
  const struct creds_setup *setup;
  creds_done *done;
  void *owner;
};

/* done may be called before source_start() returns; it may free s. */
void source_start(struct creds_source *s, creds_done *done, void *owner);
void source_free(struct creds_source *s); /* NULL is allowed */
/* For the sources: give the answer. Nothing of s may be touched afterwards. */
void source_answer(struct creds_source *s, struct creds_answer *a);
void source_nothing(struct creds_source *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void source_failed(struct creds_source *s, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- constructors; NULL: no memory ---- */
struct creds_source *environment_source_new(const struct creds_setup *setup);  /* AWS_ACCESS_KEY_ID, ... */
struct creds_source *web_identity_source_new(const struct creds_setup *setup); /* AWS_WEB_IDENTITY_TOKEN_FILE, ... */
struct creds_source *profile_source_new(const struct creds_setup *setup);      /* whatever the profile says */
struct creds_source *container_source_new(const struct creds_setup *setup);    /* ECS and EKS endpoints */
struct creds_source *imds_source_new(const struct creds_setup *setup);         /* EC2 instance metadata, version 2 */
/* Of a profile with sso_session, or with the older sso_start_url. */
struct creds_source *sso_source_new(const struct creds_setup *setup, const struct aws_profile *profile);
/* Of a profile with role_arn and web_identity_token_file. */
struct creds_source *web_identity_profile_source_new(const struct creds_setup *setup,
                                                     const struct aws_profile *profile);
/* Of a profile's credential_process. */
struct creds_source *process_source_new(const struct creds_setup *setup, const struct aws_profile *profile);

#endif
