#include "creds/chain.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "world.h"

#define JSON(id)                                                                                                       \
  "{\"Code\":\"Success\",\"Type\":\"AWS-HMAC\",\"LastUpdated\":\"2023-11-14T22:13:20Z\",\"AccessKeyId\":\"" id "\","   \
  "\"SecretAccessKey\":\"hunter-" id "\",\"Token\":\"hunter-token-" id "\",\"Expiration\":\"2033-11-14T22:13:20Z\"}"
#define XML(id)                                                                                                        \
  "<R><Credentials><AccessKeyId>" id "</AccessKeyId><SecretAccessKey>hunter-" id "</SecretAccessKey><SessionToken>"    \
  "hunter-token</SessionToken><Expiration>2033-11-14T22:13:20Z</Expiration></Credentials></R>"

static struct {
  int done;
  struct credentials c;
  struct fault f;
} answer;

static void on_done(void *owner, struct credentials *c, const struct fault *f) {
  (void)owner;
  answer.done++;
  cr_assert_neq(!c, !f);
  if (c) credentials_move(&answer.c, c);
  if (f) answer.f = *f;
  world_check_text(answer.f.text);
}

static void forget(void) {
  credentials_deinit(&answer.c);
  memset(&answer, 0, sizeof answer);
}

static struct chain *start(struct world *w, const char *profile) {
  const struct chain_setup setup = {.rt = w->x.rt,
                                    .env = &w->env,
                                    .profile = profile,
                                    .region = "eu-west-1",
                                    .now_s = w->setup.now_s,
                                    .skew = &w->skew};
  struct chain *c;
  forget();
  c = chain_new(&setup, on_done, NULL);
  if (c)
    chain_start(c);
  else
    (void)fault_set(&answer.f, DSQL_ENOMEM, "out of memory");
  return c;
}

static void look(struct world *w, const char *profile) {
  if (start(w, profile)) world_until(w, answer.done);
  cr_assert_leq(answer.done, 1);
}

#define ENV "AWS_ACCESS_KEY_ID=ENVKEY\nAWS_SECRET_ACCESS_KEY=hunter\n"
#define WEB "AWS_WEB_IDENTITY_TOKEN_FILE=/token\nAWS_ROLE_ARN=arn:w\n"
#define BOX "AWS_CONTAINER_CREDENTIALS_FULL_URI=@URL/box\n"
#define EC2 "AWS_EC2_METADATA_SERVICE_ENDPOINT=@URL\n"
#define NO_EC2 "AWS_EC2_METADATA_DISABLED=true\n"
#define STS "AWS_ENDPOINT_URL_STS=@URL\n"
#define KEYS                                                                                                           \
  "[default]\naws_access_key_id=FILEKEY\naws_secret_access_key=hunter\n[other]\naws_access_key_id=OTHERKEY\n"          \
  "aws_secret_access_key=hunter\n"

struct chain_case {
  const char *vars, *credentials, *profile;
  const char *expected; /* the access key id; or, with '!' in front, in the error */
  unsigned requests;
};

/* Which of the sources that are set up wins, and that nobody else is asked. */
static const struct chain_case cases[] = {
    {ENV WEB BOX EC2 STS, KEYS, NULL, "ENVKEY", 0},
    {WEB BOX EC2 STS, KEYS, NULL, "WEBKEY", 1},
    {BOX EC2 STS, KEYS, NULL, "FILEKEY", 0},
    {BOX EC2 STS, "", NULL, "BOXKEY", 1},
    {EC2 STS, "", NULL, "EC2KEY", 3},
    {ENV EC2, "", NULL, "ENVKEY", 0},
    {EC2 STS, KEYS, NULL, "FILEKEY", 0},
    /* AWS_PROFILE is weaker than keys in the environment, a profile in the configuration stronger. */
    {ENV "AWS_PROFILE=other\n", KEYS, NULL, "ENVKEY", 0},
    {"AWS_PROFILE=other\n" BOX EC2, KEYS, NULL, "OTHERKEY", 0},
    {ENV WEB BOX EC2 STS, KEYS, "other", "OTHERKEY", 0},
    {ENV "AWS_PROFILE=default\n", KEYS, "other", "OTHERKEY", 0},
    {ENV BOX EC2, KEYS, "nowhere", "!AWS credentials: shared files: profile \"nowhere\" is neither", 0},
    {"AWS_PROFILE=nowhere\n" BOX EC2, KEYS, NULL, "!shared files: profile \"nowhere\" is neither", 0},
    {ENV BOX EC2, "[x]\nregion=y\n", "x", "!no AWS credentials. shared files: profile \"x\" has no credentials", 0},
    {"AWS_PROFILE=x\n" BOX EC2, "[x]\nregion=y\n", NULL, "BOXKEY", 1},
    /* What is set up and does not work stops the chain. */
    {"AWS_ACCESS_KEY_ID=A\n" WEB BOX EC2 STS, KEYS, NULL,
     "!AWS credentials: environment variables: AWS_ACCESS_KEY_ID is set, but", 0},
    {"AWS_WEB_IDENTITY_TOKEN_FILE=/token\n" BOX EC2 STS, KEYS, NULL,
     "!AWS credentials: web identity: AWS_WEB_IDENTITY_TOKEN_FILE is "
     "set, but AWS_ROLE_ARN is not",
     0},
    {"AWS_WEB_IDENTITY_TOKEN_FILE=/none\nAWS_ROLE_ARN=r\n" BOX EC2 STS, KEYS, NULL,
     "!web identity token file /none can't be read", 0},
    {BOX EC2, "[default]\naws_access_key_id=hunter\n", NULL,
     "!shared files: profile \"default\" has aws_access_key_id, but no", 0},
    {"AWS_CONTAINER_CREDENTIALS_FULL_URI=@URL/denied\n" EC2, "", NULL, "!AWS credentials: container", 1},
    {EC2, "[default]\n[unclosed\n", NULL, "!AWS credentials: shared files: ", 0},
    {ENV EC2, "[default]\n[unclosed\n", NULL, "ENVKEY", 0},
    {ENV "AWS_CREDENTIAL_EXPIRATION=2023-11-14T22:13:20Z\n" EC2, KEYS, NULL,
     "!AWS credentials: environment variables: they have expired already", 0},
    {ENV "AWS_CREDENTIAL_EXPIRATION=2023-11-14T22:13:21Z\n" EC2, KEYS, NULL, "ENVKEY", 0},
};

static void serve(struct world *w) {
  struct fake_http_reply *r;
  world_http(w);
  fake_http_on(&w->http, "POST", "/")->body = XML("WEBKEY");
  fake_http_on(&w->http, "GET", "/box")->body = JSON("BOXKEY");
  fake_http_on(&w->http, "PUT", "/latest/api/token")->body = "hunter-imds-token";
  fake_http_on(&w->http, "GET", "/latest/meta-data/iam/security-credentials/")->body = "role";
  fake_http_on(&w->http, "GET", "/latest/meta-data/iam/security-credentials/role")->body = JSON("EC2KEY");
  r = fake_http_on(&w->http, "GET", "/denied");
  r->status = 403;
}

Test(chain, order) {
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const struct chain_case *k = &cases[i];
    const struct world_file files[] = {
        {"/home/w/.aws/credentials", k->credentials}, {"/token", "hunter-web-token"}, {NULL, NULL}};
    struct world w;
    world_open(&w);
    serve(&w);
    world_vars(&w, k->vars);
    w.files = files;
    look(&w, k->profile);
    if (k->expected[0] == '!') {
      cr_assert_eq(answer.f.code, DSQL_ECREDENTIALS, "case %zu: %s", i, answer.f.text);
      cr_assert_not_null(strstr(answer.f.text, k->expected + 1), "case %zu: %s", i, answer.f.text);
    } else {
      cr_assert_eq(answer.f.code, 0, "case %zu: %s", i, answer.f.text);
      cr_assert_str_eq(answer.c.access_key_id, k->expected, "case %zu", i);
    }
    cr_assert_eq(w.http.request_count, k->requests, "case %zu: %zu requests", i, w.http.request_count);
    if (k->requests == 0) cr_assert_eq(w.http.connections, 0, "case %zu connected", i);
    forget();
    world_close(&w);
  }
}

Test(chain, exhausted_names_all) {
  static const char *const parts[] = {
      "no AWS credentials. ",
      "environment variables: AWS_ACCESS_KEY_ID is not set. ",
      "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set. ",
      "shared files: profile \"default\" is neither in ",
      ".aws/credentials. ",
      "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI",
      "AWS_EC2_METADATA_DISABLED"};
  struct world w;
  world_open(&w);
  world_vars(&w, NO_EC2);
  look(&w, NULL);
  cr_assert_eq(answer.f.code, DSQL_ECREDENTIALS);
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
    cr_assert_not_null(strstr(answer.f.text, parts[i]), "'%s' is not in: %s", parts[i], answer.f.text);
  cr_assert_null(strstr(answer.f.text + strlen(answer.f.text) - 3, "..."), "%s", answer.f.text);
  world_close(&w);
}

/* However long the reasons are. */
Test(chain, exhausted_with_long_paths) {
  static const char *const parts[] = {"environment variables: ", "web identity: ", "shared files: ",
                                      "container credentials: ", "EC2 instance metadata: AWS_EC2_METADATA_DISABLED"};
  char vars[3000], path[1000];
  struct world w;
  memset(path, 'p', sizeof path);
  snprintf(vars, sizeof vars, NO_EC2 "AWS_CONFIG_FILE=/%.900s\nAWS_SHARED_CREDENTIALS_FILE=/%.900s\n", path, path);
  world_open(&w);
  world_vars(&w, vars);
  look(&w, NULL);
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
    cr_assert_not_null(strstr(answer.f.text, parts[i]), "'%s' is not in: %s", parts[i], answer.f.text);
  world_close(&w);
}

/* A file or a variable that changes between two looks counts. */
Test(chain, reads_anew) {
  const struct world_file before[] = {{"/home/w/.aws/credentials", KEYS}, {NULL, NULL}};
  const struct world_file after[] = {
      {"/home/w/.aws/credentials", "[default]\naws_access_key_id=ROTATED\naws_secret_access_key=hunter\n"},
      {NULL, NULL}};
  struct world w;
  world_open(&w);
  w.files = before;
  look(&w, NULL);
  cr_assert_str_eq(answer.c.access_key_id, "FILEKEY");
  w.files = after;
  look(&w, NULL);
  cr_assert_str_eq(answer.c.access_key_id, "ROTATED");
  world_vars(&w, ENV);
  look(&w, NULL);
  cr_assert_str_eq(answer.c.access_key_id, "ENVKEY");
  forget();
  world_close(&w);
}

/* A chain that stops early runs no program. */
Test(chain, starts_no_process) {
  char path[] = "/tmp/dsql-chain-test-XXXXXX", config[200];
  const struct world_file files[] = {{"/home/w/.aws/config", config}, {NULL, NULL}};
  struct stat info;
  struct world w;
  int fd = mkstemp(path);
  cr_assert_geq(fd, 0);
  close(fd);
  unlink(path);
  snprintf(config, sizeof config, "[default]\ncredential_process = touch %s; exit 1\n", path);
  world_open(&w);
  w.files = files;
  world_vars(&w, ENV);
  look(&w, NULL);
  cr_assert_str_eq(answer.c.access_key_id, "ENVKEY");
  cr_assert_neq(stat(path, &info), 0, "the program was run");
  world_vars(&w, "");
  look(&w, NULL);
  cr_assert_not_null(strstr(answer.f.text, "exit status 1"), "%s", answer.f.text);
  cr_assert_eq(stat(path, &info), 0, "the test proves nothing");
  unlink(path);
  world_close(&w);
}

Test(chain, canceled_at_any_time) {
  for (int turns = 0; turns < 40; turns++) {
    struct world w;
    struct chain *c;
    world_open(&w);
    serve(&w);
    world_vars(&w, EC2);
    c = start(&w, NULL);
    for (int i = 0; i < turns / 2 && !answer.done; i++) uv_run(&w.x.loop, UV_RUN_NOWAIT);
    if (!answer.done) {
      chain_cancel(c);
      for (int i = 0; i < 3; i++) uv_run(&w.x.loop, UV_RUN_NOWAIT);
      cr_assert_eq(answer.done, 0);
    }
    forget();
    world_close(&w);
  }
}

Test(chain, no_memory) {
  static const char *const setups[] = {ENV, WEB STS, BOX, EC2, NO_EC2};
  const struct world_file files[] = {
      {"/home/w/.aws/config", "[default]\nregion=eu-west-1\n"}, {"/token", "hunter-web-token"}, {NULL, NULL}};
  for (size_t s = 0; s < 5; s++) {
    struct world w;
    world_open(&w);
    serve(&w);
    world_vars(&w, setups[s]);
    w.files = files;
    for (size_t i = 1;; i++) {
      cr_assert_lt(i, 500);
      test_alloc_arm(&w.x.heap, i, false);
      look(&w, NULL);
      if (!test_alloc_fired(&w.x.heap)) break;
      cr_assert(answer.f.code == DSQL_ENOMEM || answer.f.code == 0, "setup %zu, %zu: %s", s, i, answer.f.text);
    }
    cr_assert_eq(answer.f.code, s == 4 ? DSQL_ECREDENTIALS : 0, "%s", answer.f.text);
    forget();
    world_close(&w);
  }
}
