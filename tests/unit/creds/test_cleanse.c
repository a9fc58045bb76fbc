/* No block goes back to the allocator's hook with a secret in it, whatever way credentials take. */
#include <stdio.h>

#include "creds/creds.h"
#include "world.h"

static unsigned dirty; /* blocks that were given back with a secret */
static void *(*plain_realloc)(void *ctx, void *ptr, size_t size);

static bool has_secret(const char *p, size_t n) {
  for (size_t i = 0; i + 6 <= n; i++)
    if (memcmp(p + i, "hunter", 6) == 0) return true;
  return false;
}

static size_t size_of_block(const void *ptr) { /* as test_alloc.c writes it in front */
  size_t n;
  memcpy(&n, (const char *)ptr - 16, sizeof n);
  return n;
}

/* plain_realloc() always moves, so the old block is given back by every call. New memory is cleared: what others have
 * left in it, such as the HTTP server of the test, does not count. */
static void *spy_realloc(void *ctx, void *ptr, size_t size) {
  size_t old = ptr ? size_of_block(ptr) : 0;
  char *p;
  if (ptr && has_secret(ptr, old)) dirty++;
  p = plain_realloc(ctx, ptr, size);
  if (p && size > old) memset(p + old, 0, size - old);
  return p;
}

struct way {
  const char *vars, *config, *key_id; /* key_id NULL: fails */
};

#define STS "AWS_ENDPOINT_URL_STS=@URL\n"
#define ERROR                                                                                                          \
  "[default]\nrole_arn=arn:bad\nsource_profile=default\naws_access_key_id=" WORLD_ID                                   \
  "\naws_secret_access_key=" WORLD_SECRET "\naws_session_token=" WORLD_TOKEN "\n"
#define JSON(id)                                                                                                       \
  "{\"Version\":1,\"AccessKeyId\":\"" id "\",\"SecretAccessKey\":\"" WORLD_SECRET "\",\"SessionToken\":\"" WORLD_TOKEN \
  "\"}"

static const struct way ways[] = {
    {"AWS_ACCESS_KEY_ID=" WORLD_ID "\nAWS_SECRET_ACCESS_KEY=" WORLD_SECRET "\nAWS_SESSION_TOKEN=" WORLD_TOKEN "\n", "",
     WORLD_ID},
    {"AWS_SECRET_ACCESS_KEY=" WORLD_SECRET "\n", "", NULL},
    {STS "AWS_WEB_IDENTITY_TOKEN_FILE=/token\nAWS_ROLE_ARN=arn:w\n", "", "STSKEY"},
    {STS "AWS_WEB_IDENTITY_TOKEN_FILE=/token\nAWS_ROLE_ARN=arn:bad\n", "", NULL},
    {STS,
     "[default]\nrole_arn=arn:r\nsource_profile=x\n[profile x]\naws_access_key_id=" WORLD_ID
     "\naws_secret_access_key=" WORLD_SECRET "\naws_session_token=" WORLD_TOKEN "\n",
     "STSKEY"},
    {STS, ERROR, NULL},
    {"", "[default]\ncredential_process=echo '" JSON("PROC") "'\n", "PROC"},
    {"", "[default]\ncredential_process=echo '" JSON("PROC") "x'; echo hunter >/dev/null; exit 1\n", NULL},
    {"AWS_CONTAINER_CREDENTIALS_FULL_URI=@URL/box\nAWS_CONTAINER_AUTHORIZATION_TOKEN=hunter-authorization\n", "",
     "BOX"},
};

static struct {
  int done;
  bool found;
  char id[64];
} answer;

static void on_waited(struct creds_waiter *w, const struct credentials *c, const struct fault *f) {
  (void)w;
  answer.done++;
  answer.found = c != NULL;
  if (c) snprintf(answer.id, sizeof answer.id, "%s", c->access_key_id);
  if (f) world_check_text(f->text);
}

static void serve(struct world *w) {
  struct fake_http_reply *r;
  world_http(w);
  r = fake_http_on(&w->http, "GET", "/box");
  r->body = "{\"AccessKeyId\":\"BOX\",\"SecretAccessKey\":\"" WORLD_SECRET "\",\"Token\":\"" WORLD_TOKEN
            "\",\"Expiration\":\"2099-11-14T22:13:20Z\"}";
  r = fake_http_on(&w->http, "POST", "/");
  r->body = "<R><Credentials><AccessKeyId>STSKEY</AccessKeyId><SecretAccessKey>" WORLD_SECRET
            "</SecretAccessKey><SessionToken>" WORLD_TOKEN
            "</SessionToken><Expiration>2099-11-14T22:13:20Z</Expiration></Credentials></R>";
}

static void refuse(struct world *w) {
  struct fake_http_reply *r = &w->http.replies[1];
  r->status = 403;
  r->body = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>x-amz-security-token:" WORLD_TOKEN
            " hunter-web-token-hunter</Message></Error></ErrorResponse>";
}

Test(cleanse, every_way) {
  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
    const struct world_file files[] = {
        {"/home/w/.aws/config", ways[i].config}, {"/token", "hunter-web-token-hunter"}, {NULL, NULL}};
    struct creds_waiter waiter = {.done = on_waited};
    const struct credentials *out;
    struct fault f = {0};
    struct dsql_credentials *c;
    struct world w;

    memset(&answer, 0, sizeof answer);
    world_open(&w);
    plain_realloc = w.x.heap.hook.realloc;
    ((dsql_alloc *)(uintptr_t)rt_alloc(w.x.rt))->realloc = spy_realloc;
    dirty = 0;
    serve(&w);
    if (strstr(ways[i].vars, "arn:bad") || strstr(ways[i].config, "arn:bad")) refuse(&w);
    world_vars(&w, ways[i].vars);
    w.files = files;
    list_init(&waiter.node);
    cr_assert_eq(creds_new_chain(&c, w.x.rt, &w.env, NULL, "eu-west-1", &f), 0);
    cr_assert_eq(creds_get(c, false, &waiter, &out, &f), 1);
    world_until(&w, answer.done);
    cr_assert_eq(answer.found, ways[i].key_id != NULL, "way %zu", i);
    if (answer.found) cr_assert_str_eq(answer.id, ways[i].key_id);
    creds_unref(c);
    world_close(&w);
    cr_assert_eq(dirty, 0, "way %zu: %u blocks were given back with a secret", i, dirty);
  }
}

/* The spy sees what it is for. */
Test(cleanse, the_spy_sees) {
  struct world w;
  dsql_alloc *a;
  char *p;
  world_open(&w);
  plain_realloc = w.x.heap.hook.realloc;
  a = (dsql_alloc *)(uintptr_t)rt_alloc(w.x.rt);
  a->realloc = spy_realloc;
  dirty = 0;
  p = mem_strdup(a, "xx hunter");
  mem_free(a, p);
  cr_assert_eq(dirty, 1);
  world_close(&w);
}
