#include "creds/sts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "creds/attempts.h"
#include "creds/endpoint.h"
#include "creds/json.h"
#include "creds/sts_xml.h"
#include "creds/text.h"

enum {
  TOKEN_MAX = 64 * 1024,
  BODY_MAX = 256 * 1024,
  URL_MAX_SIZE = 4096,
  HEADERS_MAX = 64 * 1024,
  SESSION_NAME_SIZE = 40
};

struct sts_call {
  struct attempts attempts; /* first */
  const struct creds_setup *setup;
  const dsql_alloc *alloc;
  sts_done *done;
  void *owner;
  char *role_arn, *session_name, *external_id, *token_file, *region;
  const char *signing_region;
  uint32_t duration_s;
  struct credentials signer; /* empty: web identity */
  struct buf url;            /* with its NUL */
  struct buf token;          /* the web identity's, with its NUL */
};

static const char *action_of(const struct sts_call *c) {
  return c->token_file ? "AssumeRoleWithWebIdentity" : "AssumeRole";
}

/* ---- what the request is made of ---- */
static int no_memory(struct fault *f) { return fault_set(f, DSQL_ENOMEM, "out of memory"); }

static bool copy(const dsql_alloc *alloc, char **out, const char *s) {
  *out = s && *s ? mem_strdup(alloc, s) : NULL;
  return *out || !s || !*s;
}

/* The profile's region, the environment's, the target's. */
static const char *find_region(const struct sts_request *q) {
  static const char *const names[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
  const struct creds_setup *setup = q->setup;
  const struct aws_profile *top = aws_files_find(setup->files, AWS_SECTION_PROFILE, setup->profile);

  if (q->profile && q->profile->values[AWS_region]) return q->profile->values[AWS_region];
  if (top && top->values[AWS_region]) return top->values[AWS_region];
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    const char *value = setup->env->getenv(setup->env->ctx, names[i]);
    if (value && *value) return value;
  }
  return setup->region;
}

static void put_parameter(struct buf *body, const char *name, const char *value) {
  if (!value) return;
  buf_printf(body, "&%s=", name);
  sigv4_encode(body, value, strlen(value));
}

static int check_body(const struct buf *b, struct fault *f) {
  if (buf_ok(b)) return 0;
  return b->error == DSQL_ENOMEM ? no_memory(f) : fault_set(f, b->error, "the request to STS would be too long");
}

static int put_body(const struct sts_call *c, struct buf *body, struct fault *f) {
  char session_name[SESSION_NAME_SIZE], duration[12];

  (void)snprintf(session_name, sizeof session_name, "libdsql-%" PRId64, c->setup->now_s());
  (void)snprintf(duration, sizeof duration, "%" PRIu32, c->duration_s);
  buf_printf(body, "Action=%s&Version=2011-06-15", action_of(c));
  put_parameter(body, "RoleArn", c->role_arn);
  put_parameter(body, "RoleSessionName", c->session_name ? c->session_name : session_name);
  put_parameter(body, "DurationSeconds", c->duration_s ? duration : NULL);
  put_parameter(body, "ExternalId", c->external_id);
  put_parameter(body, "WebIdentityToken", c->token_file ? (const char *)c->token.data : NULL);
  return check_body(body, f);
}

static int read_token(struct sts_call *c, struct fault *f) {
  const struct target_env *env = c->setup->env;
  struct buf *t = &c->token;
  int rc;

  buf_truncate(t, 0);
  buf_reset(t);
  rc = env->read_file(env->ctx, c->token_file, t);
  if (rc == ENOMEM) return no_memory(f);
  if (rc) {
    f->os_error = rc;
    return fault_set(f, DSQL_ECREDENTIALS, "the web identity token file %s can't be read: %s",
                     text_of(c->token_file, strlen(c->token_file)).text, strerror(rc));
  }
  while (t->len && strchr(" \t\r\n", t->data[t->len - 1])) t->len--;
  buf_put_u8(t, 0);
  if (!buf_ok(t)) return no_memory(f);
  if (t->len > 1 && !memchr(t->data, 0, t->len - 1)) return 0;
  return fault_set(f, DSQL_ECREDENTIALS, "the web identity token file %s holds no token",
                   text_of(c->token_file, strlen(c->token_file)).text);
}

/* Of a URL that endpoint_url() has checked: the Host header, where the scheme's own port is left out, and the path. */
struct address {
  char host[300];
  const char *path;
};

static int split_url(const char *url, struct address *out, struct fault *f) {
  bool tls = url[4] == 's' || url[4] == 'S';
  const char *host = url + (tls ? 8 : 7), *own_port = tls ? ":443" : ":80";
  size_t n = strcspn(host, "/"), m = strlen(own_port);

  out->path = host[n] ? host + n : "/";
  if (n > m && memcmp(host + n - m, own_port, m) == 0) n -= m;
  if (n >= sizeof out->host) return fault_set(f, DSQL_EINVAL, "the host name of the STS endpoint is too long");
  memcpy(out->host, host, n);
  out->host[n] = '\0';
  return 0;
}

/* "name: value" lines, each with its NUL, in one secret buffer that moves as it grows. */
struct lines {
  struct buf text;
  size_t starts[5], count;
};

static void put_line(struct lines *l, const char *name, const char *value) {
  l->starts[l->count++] = l->text.len;
  buf_printf(&l->text, "%s: ", name);
  buf_put_cstr(&l->text, value);
}

static int put_signature(const struct sts_call *c, const struct address *a, const struct buf *body, struct lines *l,
                         struct fault *f) {
  struct sigv4_keys keys = credentials_keys(&c->signer);
  int64_t now_s = c->setup->now_s();
  char date[SIGV4_DATE_SIZE];
  struct sigv4_pair headers[] = {{"content-type", "application/x-www-form-urlencoded"},
                                 {"host", a->host},
                                 {"x-amz-date", date},
                                 {"x-amz-security-token", keys.session_token}};
  struct sigv4_request q = {.keys = keys,
                            .region = c->signing_region,
                            .service = "sts",
                            .method = "POST",
                            .path = a->path,
                            .headers = headers,
                            .header_count = keys.session_token ? 4 : 3,
                            .body = body->data,
                            .body_len = body->len,
                            .unix_s = now_s};

  if (!sigv4_date(now_s, date)) return fault_set(f, DSQL_EINVAL, "the clock's year can't be signed");
  put_line(l, "x-amz-date", date);
  if (keys.session_token) put_line(l, "x-amz-security-token", keys.session_token);
  l->starts[l->count++] = l->text.len;
  buf_put_str(&l->text, "authorization: ");
  if (sigv4_authorize(&q, c->alloc, &l->text, f)) return f->code;
  buf_put_u8(&l->text, 0);
  return 0;
}

static int put_headers(const struct sts_call *c, const struct buf *body, struct lines *l, struct fault *f) {
  struct address a;
  int rc = split_url((const char *)c->url.data, &a, f);

  if (rc) return rc;
  put_line(l, "content-type", "application/x-www-form-urlencoded");
  put_line(l, "host", a.host);
  if (!credentials_empty(&c->signer)) rc = put_signature(c, &a, body, l, f);
  return rc ? rc : check_body(&l->text, f);
}

static int send_request(struct sts_call *c, const struct buf *body, const struct lines *l, struct fault *f) {
  const char *headers[sizeof l->starts / sizeof l->starts[0]];
  struct http_request q = {.method = "POST",
                           .url = (const char *)c->url.data,
                           .headers = headers,
                           .header_count = l->count,
                           .body = (const char *)body->data,
                           .body_len = body->len};

  for (size_t i = 0; i < l->count; i++) headers[i] = (const char *)l->text.data + l->starts[i];
  return attempts_send(&c->attempts, &q, f);
}

static int on_send(struct attempts *a, struct fault *f) {
  struct sts_call *c = LIST_ENTRY(a, struct sts_call, attempts);
  struct lines l = {.count = 0};
  struct buf body;
  int rc = c->token_file ? read_token(c, f) : 0;

  buf_init(&body, c->alloc, BODY_MAX);
  buf_init(&l.text, c->alloc, HEADERS_MAX);
  body.secret = l.text.secret = true;
  if (rc == 0) rc = put_body(c, &body, f);
  if (rc == 0) rc = put_headers(c, &body, &l, f);
  if (rc == 0) rc = send_request(c, &body, &l, f);
  buf_deinit(&body);
  buf_deinit(&l.text);
  return rc;
}

/* ---- the answer ---- */
static bool on_again(struct attempts *a, const struct http_response *r, const struct fault *f) {
  struct sts_call *c = LIST_ENTRY(a, struct sts_call, attempts);
  struct sts_answer answer;
  struct fault ignored = {0};
  bool again;

  if (!r || r->status < 400) return attempts_again(r ? r->status : 0, NULL, f);
  (void)sts_answer_parse(&answer, c->alloc, r->body.ptr, r->body.len, &ignored);
  again = attempts_again(r->status, sts_answer_get(&answer, STS_CODE), NULL);
  sts_answer_deinit(&answer);
  return again;
}

static bool quotes_secret(const struct sts_call *c, const char *s) {
  size_t n = strlen(s);
  return text_shares(s, n, c->signer.secret_access_key) || text_shares(s, n, c->signer.session_token) ||
         (c->token.len && text_shares(s, n, (const char *)c->token.data));
}

static const char *tell_attempts(const struct sts_call *c, char out[24]) {
  out[0] = '\0';
  if (attempts_made(&c->attempts) > 1) (void)snprintf(out, 24, ", %u attempts", attempts_made(&c->attempts));
  return out;
}

static int refused(const struct sts_call *c, const struct http_response *r, struct fault *f) {
  struct sts_answer answer;
  struct fault ignored = {0};
  char attempts[24];
  const char *code, *message;

  (void)sts_answer_parse(&answer, c->alloc, r->body.ptr, r->body.len, &ignored);
  code = sts_answer_get(&answer, STS_CODE);
  message = sts_answer_get(&answer, STS_MESSAGE);
  if (code && quotes_secret(c, code)) code = NULL;
  if (message && quotes_secret(c, message)) message = "(its message quotes a secret, and is not shown)";
  (void)tell_attempts(c, attempts);
  if (code)
    (void)fault_set(f, DSQL_ECREDENTIALS, "%s of %s was refused: %.64s: %s (HTTP status %d%s)", action_of(c),
                    text_of(c->role_arn, strlen(c->role_arn)).text, text_of(code, strlen(code)).text,
                    message ? text_of(message, strlen(message)).text : "no message", r->status, attempts);
  else
    (void)fault_set(f, DSQL_ECREDENTIALS, "%s of %s failed: HTTP status %d without an error that STS has%s",
                    action_of(c), text_of(c->role_arn, strlen(c->role_arn)).text, r->status, attempts);
  sts_answer_deinit(&answer);
  return f->code;
}

static int fill(const struct sts_answer *a, const dsql_alloc *alloc, struct credentials *out, struct fault *f) {
  static const char *const names[] = {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"};
  const char *expiration = sts_answer_get(a, STS_EXPIRATION);
  int64_t expires_s;

  for (int i = STS_ACCESS_KEY_ID; i <= STS_EXPIRATION; i++) {
    const char *value = sts_answer_get(a, (enum sts_field)i);
    if (!value || !*value) return fault_set(f, DSQL_EPROTO, "the answer has no <%s>", names[i]);
  }
  if (!json_time(expiration, strlen(expiration), &expires_s))
    return fault_set(f, DSQL_EPROTO, "the answer's <Expiration> is no time");
  return credentials_set(out, alloc, sts_answer_get(a, STS_ACCESS_KEY_ID), sts_answer_get(a, STS_SECRET_ACCESS_KEY),
                         sts_answer_get(a, STS_SESSION_TOKEN), expires_s, f);
}

static int accept(const struct sts_call *c, const struct http_response *r, struct credentials *out, struct fault *f) {
  struct sts_answer answer;
  struct fault why = {0};
  int rc;

  if (r->status != 200) return refused(c, r, f);
  rc = sts_answer_parse(&answer, c->alloc, r->body.ptr, r->body.len, &why);
  if (rc == 0) rc = fill(&answer, c->alloc, out, &why);
  sts_answer_deinit(&answer);
  if (rc)
    (void)fault_set(f, rc, "%s of %s: %s", action_of(c), text_of(c->role_arn, strlen(c->role_arn)).text, why.text);
  return rc;
}

static int unanswered(const struct sts_call *c, const struct fault *why, struct fault *f) {
  char attempts[24];

  f->os_error = why->os_error;
  return fault_set(f, why->code, "%s of %s: %s%s", action_of(c), text_of(c->role_arn, strlen(c->role_arn)).text,
                   why->text, tell_attempts(c, attempts));
}

static void on_done(struct attempts *a, const struct http_response *r, const struct fault *why) {
  struct sts_call *c = LIST_ENTRY(a, struct sts_call, attempts);
  struct credentials credentials = {0};
  struct fault f = {0};
  int rc = r ? accept(c, r, &credentials, &f) : unanswered(c, why, &f);
  sts_done *done = c->done;
  void *owner = c->owner;

  sts_cancel(c);
  done(owner, rc ? NULL : &credentials, rc ? &f : NULL);
  credentials_deinit(&credentials);
}

/* ---- start and end ---- */
static bool copy_all(struct sts_call *c, const struct sts_request *q) {
  bool ok = copy(c->alloc, &c->region, find_region(q)); /* first: it may be a value of getenv's */
  ok = copy(c->alloc, &c->role_arn, q->role_arn) && ok;
  ok = copy(c->alloc, &c->session_name, q->session_name) && ok;
  ok = copy(c->alloc, &c->external_id, q->external_id) && ok;
  return copy(c->alloc, &c->token_file, q->token_file) && ok;
}

static int prepare(struct sts_call *c, const struct sts_request *q, struct fault *f) {
  int rc = copy_all(c, q) ? 0 : no_memory(f);

  if (rc == 0) rc = endpoint_url(q->setup, q->profile, ENDPOINT_STS, c->region, &c->url, &c->signing_region, f);
  if (rc == 0 && q->signer) rc = credentials_copy(&c->signer, q->signer, f);
  return rc ? rc : attempts_start(&c->attempts, f);
}

int sts_start(struct sts_call **out, const struct sts_request *q, sts_done *done, void *owner, struct fault *f) {
  const dsql_alloc *alloc = rt_alloc(q->setup->rt);
  struct sts_call *c = mem_zalloc(alloc, sizeof *c);
  int rc;

  *out = NULL;
  if (!c) return no_memory(f);
  c->attempts = (struct attempts){
      .setup = q->setup, .policy = &attempts_standard, .send = on_send, .again = on_again, .done = on_done};
  c->setup = q->setup;
  c->alloc = alloc;
  c->done = done;
  c->owner = owner;
  c->duration_s = q->duration_s;
  buf_init(&c->url, alloc, URL_MAX_SIZE);
  buf_init(&c->token, alloc, TOKEN_MAX);
  c->token.secret = true;
  rc = prepare(c, q, f);
  if (rc)
    sts_cancel(c);
  else
    *out = c;
  return rc;
}

void sts_cancel(struct sts_call *c) {
  if (!c) return;
  attempts_stop(&c->attempts);
  mem_free(c->alloc, c->region);
  mem_free(c->alloc, c->role_arn);
  mem_free(c->alloc, c->session_name);
  if (c->external_id) mem_free_secret(c->alloc, c->external_id, strlen(c->external_id));
  mem_free(c->alloc, c->token_file);
  credentials_deinit(&c->signer);
  buf_deinit(&c->url);
  buf_deinit(&c->token);
  mem_free_secret(c->alloc, c, sizeof *c);
}
