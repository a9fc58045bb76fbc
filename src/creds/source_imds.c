/* source_imds.c - EC2 instance metadata, version 2 only: a session token, the role's name, the role's credentials.
 * Version 1, which needs no token and so can be reached by a forged request, is never used (EC2 User Guide, "Use the
 * Instance Metadata Service"; botocore, InstanceMetadataFetcher). */
#include "creds/source_imds.h"

#include <string.h>

#include "creds/attempts.h"
#include "creds/json.h"
#include "creds/metadata_url.h"
#include "creds/metadata_word.h"

#define ROLES "/latest/meta-data/iam/security-credentials/"
#define HINT "version 1 of it is never used; from a container, the instance's hop limit must be 2"

enum imds_step { IMDS_TOKEN, IMDS_ROLE, IMDS_CREDENTIALS };
enum { HEADER_MAX = 64 + METADATA_TOKEN_MAX };

struct imds {
  struct creds_source source;
  struct attempts attempts;
  struct attempts_policy policy;
  struct imds_config config;
  enum imds_step step, after_token; /* what is asked; what follows a token */
  bool token_renewed;
  struct buf token; /* "x-aws-ec2-metadata-token: ..." and its NUL */
  char role[IMDS_ROLE_MAX + 1];
};

static void next(struct imds *m, enum imds_step step);

static int send_request(struct attempts *a, struct fault *f) {
  struct imds *m = LIST_ENTRY(a, struct imds, attempts);
  const char *ttl = "x-aws-ec2-metadata-token-ttl-seconds: 21600", *token = (const char *)m->token.data;
  bool put = m->step == IMDS_TOKEN;
  struct http_request q = {.method = put ? "PUT" : "GET",
                           .headers = put ? &ttl : &token,
                           .header_count = 1,
                           .connect_timeout_ms = m->config.timeout_ms,
                           .timeout_ms = m->config.timeout_ms,
                           .no_proxy = true};
  struct buf url;
  int rc;

  buf_init(&url, rt_alloc(a->setup->rt), 1024);
  buf_put_str(&url, m->config.endpoint);
  buf_put_str(&url, put ? "/latest/api/token" : ROLES);
  buf_put_cstr(&url, m->step == IMDS_CREDENTIALS ? m->role : "");
  q.url = (const char *)url.data;
  rc = buf_ok(&url) ? attempts_send(a, &q, f) : fault_set(f, DSQL_ENOMEM, "out of memory");
  buf_deinit(&url);
  return rc;
}

/* Somewhere else than on EC2 nothing answers: that is not to be waited for twice, unless attempts were asked for. An
 * empty answer is as good as none (botocore). */
static bool again(struct attempts *a, const struct http_response *r, const struct fault *f) {
  const struct imds *m = LIST_ENTRY(a, struct imds, attempts);

  if (!r && f->code == DSQL_ETIMEDOUT) return m->config.attempts_given;
  if (r && r->status == 200 && r->body.len == 0) return true;
  return attempts_again(r ? r->status : 0, NULL, f);
}

static void no_token_answer(struct imds *m, const struct fault *f) {
  if (f->code == DSQL_ETIMEDOUT)
    source_nothing(&m->source, "%s: no session token (" HINT ")", f->text);
  else if (f->code == DSQL_EIO)
    source_nothing(&m->source, "not reachable: %s", f->text);
  else
    source_failed(&m->source, f->code, "%s", f->text);
}

static void on_token(struct imds *m, const struct http_response *r) {
  if (r->status == 400 || r->status == 403 || r->status == 404 || r->status == 405) {
    source_nothing(&m->source, "%s gave no session token, status %d (" HINT ")", m->config.endpoint, r->status);
  } else if (r->status != 200) {
    source_failed(&m->source, DSQL_ECREDENTIALS, "%s gave no session token, status %d", m->config.endpoint, r->status);
  } else if (!metadata_token_valid(r->body.ptr, r->body.len)) {
    source_failed(&m->source, DSQL_EPROTO, "what %s answered is no session token", m->config.endpoint);
  } else {
    buf_reset(&m->token);
    buf_put_str(&m->token, "x-aws-ec2-metadata-token: ");
    buf_put(&m->token, r->body.ptr, r->body.len);
    buf_put_u8(&m->token, 0);
    if (buf_ok(&m->token))
      next(m, m->after_token);
    else
      source_failed(&m->source, DSQL_ENOMEM, "out of memory");
  }
}

static void on_role(struct imds *m, const struct http_response *r) {
  size_t n = 0;

  while (n < r->body.len && !strchr("\r\n", r->body.ptr[n])) n++; /* one role per line; there is only one */
  if (r->status == 404 || r->body.len == 0) {
    source_nothing(&m->source, "no role is attached to this instance");
  } else if (!imds_role_valid(r->body.ptr, n)) {
    source_failed(&m->source, DSQL_EPROTO, "what %s answered is no name of a role", m->config.endpoint);
  } else {
    memcpy(m->role, r->body.ptr, n);
    m->role[n] = '\0';
    next(m, IMDS_CREDENTIALS);
  }
}

/* Status 200 with a "Code" is how errors are told here, e.g. AssumeRoleUnauthorizedAccess. Answers without one are
 * those of emulators. */
static bool is_success(struct imds *m, const struct http_response *r, struct metadata_word *code) {
  struct buf value;
  bool found;

  buf_init(&value, rt_alloc(m->source.setup->rt), HTTP_BODY_MAX);
  found = json_text_member(r->body.ptr, r->body.len, "Code", &value);
  found = found && strcmp((const char *)value.data, "Success") != 0;
  *code = metadata_word_of(r->body, "Code", rt_alloc(m->source.setup->rt));
  buf_deinit(&value);
  return !found;
}

/* Credentials that have expired are taken as they come: during an outage EC2 gives old ones and goes on honouring them
 * ("static stability"). How long they are used is the cache's business. */
static void on_credentials(struct imds *m, const struct http_response *r) {
  static const struct json_names names = {.access_key_id = "AccessKeyId",
                                          .secret_access_key = "SecretAccessKey",
                                          .session_token = "Token",
                                          .expiration = "Expiration"};
  struct creds_answer answer = {.outcome = CREDS_FOUND};
  struct metadata_word code;
  struct fault why = {0};

  if (!is_success(m, r, &code)) {
    source_failed(&m->source, DSQL_ECREDENTIALS, "no credentials for the role \"%s\": %s", m->role,
                  code.text[0] ? code.text : "its answer's Code is not Success");
  } else if (json_credentials(r->body.ptr, r->body.len, &names, rt_alloc(m->source.setup->rt), &answer.credentials,
                              &why)) {
    source_failed(&m->source, why.code, "the answer for the role \"%s\": %s", m->role, why.text);
  } else {
    source_answer(&m->source, &answer);
  }
}

static void on_answer(struct attempts *a, const struct http_response *r, const struct fault *f) {
  struct imds *m = LIST_ENTRY(a, struct imds, attempts);

  if (!r && m->step == IMDS_TOKEN) {
    no_token_answer(m, f);
  } else if (!r) {
    source_failed(&m->source, f->code, "%s", f->text);
  } else if (m->step == IMDS_TOKEN) {
    on_token(m, r);
  } else if (r->status == 401 && !m->token_renewed) {
    m->token_renewed = true;
    m->after_token = m->step;
    next(m, IMDS_TOKEN);
  } else if (m->step == IMDS_ROLE && (r->status == 200 || r->status == 404)) {
    on_role(m, r);
  } else if (r->status == 200) {
    on_credentials(m, r);
  } else {
    source_failed(&m->source, DSQL_ECREDENTIALS, "%s answered with status %d when asked for %s", m->config.endpoint,
                  r->status, m->step == IMDS_ROLE ? "its role" : "credentials of its role");
  }
}

static void next(struct imds *m, enum imds_step step) {
  struct fault f = {0};

  m->step = step;
  m->attempts = (struct attempts){
      .setup = m->source.setup, .policy = &m->policy, .send = send_request, .again = again, .done = on_answer};
  if (attempts_start(&m->attempts, &f)) source_failed(&m->source, f.code, "%s", f.text);
}

static void imds_start(struct creds_source *s) {
  struct imds *m = (struct imds *)s;
  struct fault f = {0};

  if (imds_config_read(s->setup, &m->config, &f)) {
    source_failed(s, f.code, "%s", f.text);
  } else if (m->config.disabled) {
    source_nothing(s, "AWS_EC2_METADATA_DISABLED is true");
  } else {
    m->policy = (struct attempts_policy){m->config.attempts, 100, 1000};
    m->after_token = IMDS_ROLE;
    next(m, IMDS_TOKEN);
  }
}

static void imds_free(struct creds_source *s) {
  struct imds *m = (struct imds *)s;

  attempts_stop(&m->attempts);
  buf_deinit(&m->token);
  mem_free(rt_alloc(s->setup->rt), m);
}

struct creds_source *imds_source_new(const struct creds_setup *setup) {
  static const struct creds_source_class class = {"EC2 instance metadata", imds_start, imds_free};
  struct imds *m = mem_zalloc(rt_alloc(setup->rt), sizeof *m);

  if (!m) return NULL;
  m->source = (struct creds_source){.class = &class, .setup = setup};
  m->attempts.setup = setup; /* attempts_stop() is allowed before the first start */
  buf_init(&m->token, rt_alloc(setup->rt), HEADER_MAX);
  m->token.secret = true;
  return &m->source;
}
