/* source_container.c - the endpoint that ECS, EKS Pod Identity, Greengrass and others offer to the containers they run
 * (AWS SDKs and Tools Reference Guide, "Container credential provider"; botocore, ContainerProvider). */
#include <string.h>

#include "creds/attempts.h"
#include "creds/json.h"
#include "creds/metadata_url.h"
#include "creds/metadata_word.h"
#include "net/error_text.h"
#include "target/show.h"

#define RELATIVE "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define FULL "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define TOKEN "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define TOKEN_FILE "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"

/* 2 s to connect and 2 s for the answer; 3 attempts, at most a second apart: botocore, ContainerMetadataFetcher. */
enum { CONNECT_TIMEOUT_MS = 2000, TIMEOUT_MS = 4000 };
enum { URL_SIZE_MAX = 4096, PATH_SIZE = 4096, AUTHORIZATION_LEN = 15, HEADER_MAX = 64 + METADATA_TOKEN_MAX };
static const struct attempts_policy policy = {3, 1000, 1000};

struct container {
  struct creds_source source;
  struct attempts attempts;
  struct buf url; /* with its NUL */
};

/* NULL: not set, or empty. Lives until the next call. */
static const char *variable(const struct creds_setup *setup, const char *name) {
  const char *value = setup->env->getenv(setup->env->ctx, name);
  return value && *value ? value : NULL;
}

static int no_memory(struct fault *f) { return fault_set(f, DSQL_ENOMEM, "out of memory"); }

/* 0: c->url is set, or empty when neither variable is. */
static int choose_url(struct container *c, struct fault *f) {
  const struct creds_setup *setup = c->source.setup;
  const char *name = RELATIVE, *value = variable(setup, name);
  struct fault why = {0};

  if (value) {
    (void)container_url_relative(value, &c->url, &why);
  } else {
    name = FULL;
    value = variable(setup, name);
    if (value && container_url_check(value, &why) == 0) buf_put_cstr(&c->url, value);
  }
  if (!buf_ok(&c->url)) return no_memory(f);
  return why.code ? fault_set(f, why.code, "%s %s", name, why.text) : 0;
}

/* header: "Authorization: " and what was found at from. */
static int finish_token(struct buf *header, const char *from, struct fault *f) {
  const char *token = (const char *)header->data + AUTHORIZATION_LEN;
  size_t n = header->len - AUTHORIZATION_LEN;

  if (header->error == DSQL_ENOMEM) return no_memory(f);
  if (header->error || !metadata_token_valid(token, n)) {
    bool line = !header->error && n > 0 && memchr("\r\n", token[n - 1], 2);
    return fault_set(f, DSQL_EINVAL, "%s %s, which can't be sent in a header", from,
                     line ? "ends with a line break" : "is empty, longer than 12 KiB, or has a control character");
  }
  buf_put_u8(header, 0);
  return buf_ok(header) ? 0 : no_memory(f);
}

/* Read at every attempt: EKS replaces the file while the process runs. */
static int read_token(const struct creds_setup *setup, const char *file, struct buf *header, struct fault *f) {
  char path[PATH_SIZE], text[ERROR_TEXT_SIZE];
  int rc;

  if (strlen(file) >= sizeof path) return fault_set(f, DSQL_EINVAL, TOKEN_FILE " is longer than 4095 bytes");
  memcpy(path, file, strlen(file) + 1); /* the variable's value lives only until the next call */
  rc = setup->env->read_file(setup->env->ctx, path, header);
  if (rc == 0 || header->error) return finish_token(header, "the file that " TOKEN_FILE " names", f);
  return fault_set(f, DSQL_EINVAL, "the file \"%s\" that " TOKEN_FILE " names can't be read: %s",
                   show_text(path, strlen(path)).text, error_text(rc, text));
}

/* The whole header and its NUL; stays empty when there is no token. The file wins. */
static int authorization(const struct creds_setup *setup, struct buf *header, struct fault *f) {
  const char *file = variable(setup, TOKEN_FILE), *token;

  if (file) {
    buf_put(header, "Authorization: ", AUTHORIZATION_LEN);
    return buf_ok(header) ? read_token(setup, file, header, f) : no_memory(f);
  }
  token = variable(setup, TOKEN);
  if (!token) return 0;
  buf_put(header, "Authorization: ", AUTHORIZATION_LEN);
  if (buf_ok(header)) buf_put_str(header, token);
  return header->len ? finish_token(header, TOKEN, f) : no_memory(f);
}

static int send_request(struct attempts *a, struct fault *f) {
  struct container *c = LIST_ENTRY(a, struct container, attempts);
  const char *headers[2] = {"Accept: application/json"};
  struct http_request q = {.method = "GET",
                           .url = (const char *)c->url.data,
                           .headers = headers,
                           .header_count = 1,
                           .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                           .timeout_ms = TIMEOUT_MS,
                           .no_proxy = true};
  struct buf header;
  int rc;

  buf_init(&header, rt_alloc(a->setup->rt), HEADER_MAX);
  header.secret = true;
  rc = authorization(a->setup, &header, f);
  if (header.len) headers[q.header_count++] = (const char *)header.data;
  if (rc == 0) rc = attempts_send(a, &q, f);
  buf_deinit(&header);
  return rc;
}

/* No word of the answer but the error's name: what an endpoint says may repeat the token. */
static void refused(struct container *c, const struct http_response *r) {
  struct metadata_word code = metadata_word_of(r->body, "code", rt_alloc(c->source.setup->rt));

  source_failed(&c->source, DSQL_ECREDENTIALS, "the endpoint answered with status %d%s%s%s", r->status,
                code.text[0] ? " (" : "", code.text, code.text[0] ? ")" : "");
}

static void on_answer(struct attempts *a, const struct http_response *r, const struct fault *f) {
  static const struct json_names names = {.access_key_id = "AccessKeyId",
                                          .secret_access_key = "SecretAccessKey",
                                          .session_token = "Token",
                                          .expiration = "Expiration"};
  struct container *c = LIST_ENTRY(a, struct container, attempts);
  struct creds_answer answer = {.outcome = CREDS_FOUND};
  struct fault why = {0};

  if (!r) {
    source_failed(&c->source, f->code, "%s", f->text);
  } else if (r->status != 200) {
    refused(c, r);
  } else if (json_credentials(r->body.ptr, r->body.len, &names, rt_alloc(a->setup->rt), &answer.credentials, &why)) {
    source_failed(&c->source, why.code, "the endpoint's answer: %s", why.text);
  } else {
    source_answer(&c->source, &answer);
  }
}

static void container_start(struct creds_source *s) {
  struct container *c = (struct container *)s;
  struct fault f = {0};

  if (choose_url(c, &f))
    source_failed(s, f.code, "%s", f.text);
  else if (!c->url.len)
    source_nothing(s, "neither " RELATIVE " nor " FULL " is set");
  else if (attempts_start(&c->attempts, &f))
    source_failed(s, f.code, "%s", f.text);
}

static void container_free(struct creds_source *s) {
  struct container *c = (struct container *)s;

  attempts_stop(&c->attempts);
  buf_deinit(&c->url);
  mem_free(rt_alloc(s->setup->rt), c);
}

struct creds_source *container_source_new(const struct creds_setup *setup) {
  static const struct creds_source_class class = {"container credentials", container_start, container_free};
  struct container *c = mem_zalloc(rt_alloc(setup->rt), sizeof *c);

  if (!c) return NULL;
  c->source = (struct creds_source){.class = &class, .setup = setup};
  c->attempts = (struct attempts){.setup = setup, .policy = &policy, .send = send_request, .done = on_answer};
  buf_init(&c->url, rt_alloc(setup->rt), URL_SIZE_MAX);
  c->url.secret = true; /* its query may be */
  return &c->source;
}
