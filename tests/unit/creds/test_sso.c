#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "creds/json.h"
#include "creds/source_sso.h"
#include "interrupt.h"

#define ROLE_PATH "/federation/credentials?role_name=Dev%2FOps%20%2B1&account_id=111122223333"
#define GOOD                                                                                                           \
  "{\"roleCredentials\":{\"accessKeyId\":\"" WORLD_ID "\",\"secretAccessKey\":\"" WORLD_SECRET                         \
  "\",\"sessionToken\":\"" WORLD_TOKEN "\",\"expiration\":1700003600999}}"
#define OLD "x-amz-sso_bearer_token: hunter-old"
#define NEW "x-amz-sso_bearer_token: hunter-new"

static const char config_session[] =
    "[profile dev]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Dev/Ops +1\n"
    "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n"
    "sso_registration_scopes = sso:account:access\n";
static const char config_legacy[] =
    "[profile dev]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n"
    "sso_account_id = 111122223333\nsso_role_name = Dev/Ops +1\n";

/* A world with a real home directory, because tokens are written back. */
struct home {
  struct world w;
  char dir[64];
  char token_path[SSO_PATH_SIZE];
  struct world_file files[2];
};

/* AWS's files are of the test's making, tokens are real ones. */
static int read_both(void *ctx, const char *path, struct buf *out) {
  const struct world *w = ctx;
  for (const struct world_file *f = w->files; f && f->path; f++) {
    if (strcmp(f->path, path)) continue;
    buf_put_str(out, f->text);
    return buf_ok(out) ? 0 : ENOMEM;
  }
  return target_env_os()->read_file(NULL, path, out);
}

static void make_directory(struct home *h, const char *below) {
  char path[300];
  snprintf(path, sizeof path, "%s%s", h->dir, below);
  cr_assert_eq(mkdir(path, 0700), 0, "%s", path);
}

static void home_vars(struct home *h, const char *more) {
  char vars[1000];
  snprintf(vars, sizeof vars, "HOME=%s\nAWS_CONFIG_FILE=/config\nAWS_ENDPOINT_URL=@URL\n%s", h->dir, more);
  world_vars(&h->w, vars);
}

static void home_config(struct home *h, const char *config) {
  h->files[0] = (struct world_file){"/config", config};
  h->w.files = h->files;
  world_load(&h->w);
}

static void home_open(struct home *h, const char *config) {
  struct sso_config c;
  struct fault f = {0};

  *h = (struct home){.dir = "/tmp/dsql-sso-XXXXXX"};
  world_open(&h->w);
  world_http(&h->w);
  cr_assert_not_null(mkdtemp(h->dir));
  make_directory(h, "/.aws");
  make_directory(h, "/.aws/sso");
  make_directory(h, "/.aws/sso/cache");
  h->w.env.read_file = read_both;
  home_vars(h, "");
  home_config(h, config);
  c = (struct sso_config){.session = strstr(config, "sso_session") ? "corp" : NULL,
                          .start_url = "https://corp.awsapps.com/start"};
  cr_assert_eq(sso_token_path(&h->w.env, &c, h->token_path, &f), 0, "%s", f.text);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st, (void)type, (void)ftw;
  return remove(path);
}

static void home_remove(struct home *h) { (void)nftw(h->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS); }

static void home_close(struct home *h) {
  world_close(&h->w);
  home_remove(h);
}

static void write_token(struct home *h, const char *text) {
  FILE *f = fopen(h->token_path, "w");
  cr_assert(f && fputs(text, f) >= 0);
  fclose(f);
}

static void read_token(struct home *h, char *out, size_t size) {
  FILE *f = fopen(h->token_path, "r");
  cr_assert_not_null(f);
  out[fread(out, 1, size - 1, f)] = '\0';
  fclose(f);
}

/* expires: seconds from now. */
static void login(struct home *h, int expires, int registration_expires) {
  char at[2][32], text[1000];
  int seconds[2] = {expires, registration_expires};
  for (int i = 0; i < 2; i++) {
    time_t t = WORLD_NOW_S + seconds[i];
    struct tm tm;
    strftime(at[i], sizeof at[i], "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
  }
  snprintf(
      text, sizeof text,
      "{\"startUrl\": \"https://corp.awsapps.com/start\", \"region\": \"eu-west-1\", \"accessToken\": \"hunter-old\", "
      "\"expiresAt\": \"%s\", \"clientId\": \"client\", \"clientSecret\": \"hunter\\\"secret\\u0007\\\\\", "
      "\"registrationExpiresAt\": \"%s\", \"refreshToken\": \"hunter-refresh\"}",
      at[0], at[1]);
  write_token(h, text);
}

static struct creds_source *make(struct world *w) {
  const struct aws_profile *p = aws_files_find(&w->loaded, AWS_SECTION_PROFILE, "dev");
  cr_assert_not_null(p);
  return sso_source_new(&w->setup, p);
}

static struct fake_http_reply *on_role(struct home *h, const char *token) {
  struct fake_http_reply *r = fake_http_on(&h->w.http, "GET", ROLE_PATH);
  r->want_header[0] = token;
  r->body = GOOD;
  return r;
}

static struct fake_http_reply *on_renewal(struct home *h, int status, const char *body) {
  struct fake_http_reply *r = fake_http_on(&h->w.http, "POST", "/token");
  r->want_header[0] = "Content-Type: application/json";
  r->want_body = "{\"clientId\": \"client\", \"clientSecret\": \"hunter\\\"secret\\u0007\\\\\", "
                 "\"grantType\": \"refresh_token\", \"refreshToken\": \"hunter-refresh\"}";
  r->status = status;
  r->body = body;
  return r;
}

static void expect_good(struct home *h) {
  world_expect(&h->w, CREDS_FOUND, "");
  cr_assert_str_eq(h->w.got.access_key_id, WORLD_ID);
  cr_assert_str_eq(h->w.got.secret_access_key, WORLD_SECRET);
  cr_assert_str_eq(h->w.got.session_token, WORLD_TOKEN);
  cr_assert_eq(h->w.got.expires_s, WORLD_NOW_S + 3600);
}

/* ---- settings ---- */

Test(sso, settings) {
#define SESSION "[sso-session corp]\nsso_start_url = https://s\nsso_region = eu-west-1\n"
  static const struct {
    const char *config, *refusal;
  } cases[] = {
      {config_session, NULL},
      {config_legacy, NULL},
      {"[profile dev]\nsso_session = none\nsso_account_id = 1\nsso_role_name = r\n",
       "profile \"dev\" names the section [sso-session none], which does not exist"},
      {"[profile dev]\nsso_session = corp\nsso_role_name = r\n" SESSION, "profile \"dev\" has no sso_account_id"},
      {"[profile dev]\nsso_session = corp\nsso_account_id = 1\n" SESSION, "has no sso_role_name"},
      {"[profile dev]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = r\n[sso-session corp]\nsso_region = x\n",
       "section [sso-session corp] has no sso_start_url"},
      {"[profile dev]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = r\n"
       "[sso-session corp]\nsso_start_url = x\n",
       "section [sso-session corp] has no sso_region"},
      {"[profile dev]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = r\nsso_region = us-east-1\n" SESSION,
       "sso_region differs between profile \"dev\" and section [sso-session corp]"},
      {"[profile dev]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = r\nsso_region = eu-west-1\n" SESSION,
       NULL},
      {"[profile dev]\nsso_start_url = x\nsso_account_id = 1\nsso_role_name = r\n", "has no sso_region"},
      {"[profile dev]\nsso_region = x\nsso_account_id = 1\nsso_role_name = r\n", "has no sso_start_url"},
      {"[profile dev]\nsso_start_url = x\nsso_region = eu-west-1\nsso_role_name = r\n", "has no sso_account_id"},
      {"[profile dev]\nsso_start_url = x\nsso_region = eu-west-1\nsso_account_id = 1\n", "has no sso_role_name"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct sso_config c;
    struct fault f = {0};
    struct home h;
    home_open(&h, cases[i].config);
    int rc = sso_config_read(&h.w.loaded, aws_files_find(&h.w.loaded, AWS_SECTION_PROFILE, "dev"), &c, &f);
    cr_assert_eq(rc, cases[i].refusal ? DSQL_EINVAL : 0, "case %zu: %s", i, f.text);
    if (rc) {
      cr_assert_not_null(strstr(f.text, cases[i].refusal), "case %zu: %s", i, f.text);
      world_ask(&h.w, make(&h.w));
      world_expect(&h.w, CREDS_FAILED, cases[i].refusal);
      cr_assert_eq(h.w.http.connections, 0);
    }
    home_close(&h);
  }
}

/* The names of the files are those of the AWS CLI: SHA-1 by sha1sum. */
Test(sso, token_paths) {
  static const struct {
    const char *session, *start_url, *path;
  } cases[] = {
      {"corp", "https://ignored", "/h/.aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json"},
      {NULL, "https://corp.awsapps.com/start", "/h/.aws/sso/cache/a51746d4aa793ae07b25e90c3a5db96fc7832bd7.json"},
      {"", "x", "/h/.aws/sso/cache/da39a3ee5e6b4b0d3255bfef95601890afd80709.json"},
  };
  struct world w;
  char path[SSO_PATH_SIZE], big[5000];

  world_open(&w);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct sso_config c = {.session = cases[i].session, .start_url = cases[i].start_url};
    struct fault f = {0};
    world_vars(&w, "HOME=/h\n");
    cr_assert_eq(sso_token_path(&w.env, &c, path, &f), 0, "%s", f.text);
    cr_assert_str_eq(path, cases[i].path);
    world_vars(&w, "HOME=\n");
    cr_assert_eq(sso_token_path(&w.env, &c, path, &f), 0, "%s", f.text);
    cr_assert_eq(strncmp(path, "/home/w/.aws/", 13), 0, "%s", path);
    snprintf(big, sizeof big, "HOME=/%04080d\n", 0);
    world_vars(&w, big);
    cr_assert_eq(sso_token_path(&w.env, &c, path, &f), DSQL_EINVAL);
  }
  world_close(&w);
}

/* ---- a good token ---- */

Test(sso, session) {
  struct home h;
  home_open(&h, config_session);
  login(&h, 3600, 86400);
  on_role(&h, OLD);
  world_ask(&h.w, make(&h.w));
  expect_good(&h);
  cr_assert_eq(h.w.http.request_count, 1);
  home_close(&h);
}

/* The older form: a token of its own file, never renewed, not even minutes before its end. */
Test(sso, legacy) {
  struct home h;
  home_open(&h, config_legacy);
  login(&h, 60, 86400);
  on_role(&h, OLD);
  world_ask(&h.w, make(&h.w));
  expect_good(&h);
  cr_assert_eq(h.w.http.request_count, 1);
  login(&h, 0, 86400);
  world_ask(&h.w, make(&h.w));
  world_expect(&h.w, CREDS_FAILED, "the token of the last login has expired; run: aws sso login --profile dev");
  cr_assert_eq(h.w.why.code, DSQL_ECREDENTIALS);
  cr_assert_eq(h.w.http.request_count, 1);
  home_close(&h);
}

/* Unlike metadata endpoints it honours a proxy: with one that is dead nothing is reached. */
Test(sso, proxy) {
  struct home h;
  home_open(&h, config_session);
  login(&h, 3600, 86400);
  on_role(&h, OLD);
  h.w.http.proxy = true;
  setenv("http_proxy", fake_http_url(&h.w.http), 1);
  home_vars(&h, "AWS_ENDPOINT_URL_SSO=http://sso.invalid:1\n");
  world_ask(&h.w, make(&h.w));
  expect_good(&h);
  home_close(&h);
}

Test(sso, refused) {
  static const struct {
    enum fake_http_mode mode;
    int status;
    const char *body, *text;
  } cases[] = {
      {FAKE_HTTP_WHOLE, 401, "{\"message\":\"hunter\"}",
       "the token of the last login is not accepted any more; run: aws sso login --sso-session corp"},
      {FAKE_HTTP_WHOLE, 403, "hunter", "role \"Dev/Ops +1\" in the account \"111122223333\": is it assigned to you?"},
      {FAKE_HTTP_WHOLE, 404, "hunter", "status 404"},
      {FAKE_HTTP_WHOLE, 302, "hunter", "status 302"},
      {FAKE_HTTP_WHOLE, 200, "hunter", "not valid JSON"},
      {FAKE_HTTP_WHOLE, 200, "{}", "\"roleCredentials\" is not an object"},
      {FAKE_HTTP_WHOLE, 200, "{\"roleCredentials\":{\"accessKeyId\":\"hunter\"}}", "\"secretAccessKey\" is missing"},
      {FAKE_HTTP_WHOLE, 200,
       "{\"roleCredentials\":{\"accessKeyId\":\"hunter\",\"secretAccessKey\":\"s\",\"expiration\":\"hunter\"}}",
       "\"expiration\" is not a number of milliseconds"},
  };
  struct home h;
  home_open(&h, config_session);
  login(&h, 3600, 86400);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct fake_http_reply *r;
    fake_http_clear(&h.w.http);
    r = on_role(&h, OLD);
    r->mode = cases[i].mode;
    r->status = cases[i].status;
    r->body = cases[i].body;
    r->header[0] = world_text(&h.w, "Location: @URL/elsewhere");
    world_ask(&h.w, make(&h.w));
    world_expect(&h.w, CREDS_FAILED, cases[i].text);
    cr_assert_eq(h.w.http.request_count, i + 1);
  }
  home_close(&h);
}

Test(sso, oversized_and_failing) {
  static char big[70000];
  struct fake_http_reply *r;
  struct home h;
  memset(big, ' ', sizeof big - 1);
  home_open(&h, config_session);
  login(&h, 3600, 86400);
  r = on_role(&h, OLD);
  r->body = big;
  world_ask(&h.w, make(&h.w));
  world_expect(&h.w, CREDS_FAILED, "http://127.0.0.1");
  cr_assert_eq(h.w.why.code, DSQL_ETOOBIG);
  fake_http_clear(&h.w.http);
  r = on_role(&h, OLD);
  r->status = 500;
  r->times = 1;
  r = on_role(&h, OLD);
  r->mode = FAKE_HTTP_TRUNCATED;
  r->times = 1;
  on_role(&h, OLD);
  world_ask(&h.w, make(&h.w));
  expect_good(&h);
  home_close(&h);
}

/* ---- cached tokens ---- */

Test(sso, bad_cache) {
  static char big[300000];
  static const struct {
    const char *text, *why;
    int code;
  } cases[] = {
      {NULL, "there is no cached token in \".aws/sso/cache/", DSQL_ECREDENTIALS},
      {"", "has no JSON object with accessToken and expiresAt; run: aws sso login --sso-session corp",
       DSQL_ECREDENTIALS},
      {"hunter", "has no JSON object", DSQL_ECREDENTIALS},
      {"[]", "has no JSON object", DSQL_ECREDENTIALS},
      {"{\"accessToken\":\"hunter\"}", "has no JSON object", DSQL_ECREDENTIALS},
      {"{\"accessToken\":\"hunter\",\"expiresAt\":\"hunter\"}", "has no JSON object", DSQL_ECREDENTIALS},
      {"{\"accessToken\":\"hunter\",\"expiresAt\":5}", "has no JSON object", DSQL_ECREDENTIALS},
      {"{\"accessToken\":\"\",\"expiresAt\":\"2033-01-01T00:00:00Z\"}", "has no JSON object", DSQL_ECREDENTIALS},
      {"{\"accessToken\":7,\"expiresAt\":\"2033-01-01T00:00:00Z\"}", "has no JSON object", DSQL_ECREDENTIALS},
      {"{\"accessToken\":\"hunter\\r\\nX: y\",\"expiresAt\":\"2033-01-01T00:00:00Z\"}", "can't be sent",
       DSQL_ECREDENTIALS},
      {big, "can't be read", DSQL_EINVAL},
  };
  struct home h;
  memset(big, ' ', sizeof big - 1);
  home_open(&h, config_session);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    if (cases[i].text) write_token(&h, cases[i].text);
    world_ask(&h.w, make(&h.w));
    world_expect(&h.w, CREDS_FAILED, cases[i].why);
    cr_assert_eq(h.w.why.code, cases[i].code, "case %zu: %s", i, h.w.why.text);
  }
  unlink(h.token_path);
  cr_assert_eq(mkdir(h.token_path, 0700), 0);
  world_ask(&h.w, make(&h.w));
  world_expect(&h.w, CREDS_FAILED, "can't be read");
  cr_assert_eq(h.w.http.connections, 0);
  home_close(&h);
}

/* ---- renewal ---- */

#define RENEWED                                                                                                        \
  "{\"accessToken\":\"hunter-new\",\"expiresIn\":28800,\"refreshToken\":\"hunter-refresh2\",\"tokenType\":\"Bearer\"}"

Test(sso, renewed_and_written_back) {
  static const int left_s[] = {299, 0, -100000};
  struct home h;
  home_open(&h, config_session);
  on_renewal(&h, 200, RENEWED);
  on_role(&h, NEW);
  for (size_t i = 0; i < sizeof left_s / sizeof left_s[0]; i++) {
    char text[2000];
    struct stat st;
    login(&h, left_s[i], 86400);
    cr_assert_eq(chmod(h.token_path, 0644), 0);
    world_ask(&h.w, make(&h.w));
    expect_good(&h);
    cr_assert_eq(h.w.http.request_count, 2 * i + 2);
    read_token(&h, text, sizeof text);
    cr_assert_str_eq(text,
                     "{\"startUrl\": \"https://corp.awsapps.com/start\", \"region\": \"eu-west-1\", "
                     "\"accessToken\": \"hunter-new\", \"expiresAt\": \"2023-11-15T06:13:20Z\", "
                     "\"clientId\": \"client\", \"clientSecret\": \"hunter\\\"secret\\u0007\\\\\", "
                     "\"registrationExpiresAt\": \"2023-11-15T22:13:20Z\", \"refreshToken\": \"hunter-refresh2\"}");
    cr_assert_eq(stat(h.token_path, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0600);
  }
  world_ask(&h.w, make(&h.w)); /* with what was written back, and without a renewal */
  expect_good(&h);
  cr_assert_eq(h.w.http.request_count, 7);
  home_close(&h);
}

Test(sso, keeps_a_refresh_token_that_is_not_replaced) {
  struct home h;
  char text[2000];
  home_open(&h, config_session);
  login(&h, 0, 86400);
  on_renewal(&h, 200, "{\"accessToken\":\"hunter-new\",\"expiresIn\":28800}");
  on_role(&h, NEW);
  world_ask(&h.w, make(&h.w));
  expect_good(&h);
  read_token(&h, text, sizeof text);
  cr_assert_not_null(strstr(text, "\"refreshToken\": \"hunter-refresh\"}"));
  home_close(&h);
}

Test(sso, not_renewed_yet) {
  struct home h;
  home_open(&h, config_session);
  login(&h, 300, 86400);
  on_role(&h, OLD);
  world_ask(&h.w, make(&h.w));
  expect_good(&h);
  cr_assert_eq(h.w.http.request_count, 1);
  home_close(&h);
}

/* The registration has ended: nothing to ask with. */
Test(sso, not_renewable) {
  struct home h;
  home_open(&h, config_session);
  on_role(&h, OLD);
  login(&h, 100, 0);
  world_ask(&h.w, make(&h.w));
  expect_good(&h);
  login(&h, 0, 0);
  world_ask(&h.w, make(&h.w));
  world_expect(&h.w, CREDS_FAILED, "has expired; run: aws sso login --sso-session corp");
  write_token(&h, "{\"accessToken\":\"hunter-old\",\"expiresAt\":\"2023-11-14T22:14:00Z\",\"refreshToken\":\"hunter\","
                  "\"clientId\":\"c\"}");
  world_ask(&h.w, make(&h.w));
  expect_good(&h);
  cr_assert_eq(h.w.http.request_count, 2);
  home_close(&h);
}

/* While the old token is good a renewal that fails does no harm; the file stays as it is. */
Test(sso, renewal_fails) {
  static const struct {
    enum fake_http_mode mode;
    int status;
    const char *body;
  } cases[] = {
      {FAKE_HTTP_WHOLE, 400, "{\"error\":\"invalid_grant\",\"error_description\":\"hunter\"}"},
      {FAKE_HTTP_WHOLE, 401, "{\"error\":\"invalid_client\"}"},
      {FAKE_HTTP_WHOLE, 302, "hunter"},
      {FAKE_HTTP_WHOLE, 200, "hunter"},
      {FAKE_HTTP_WHOLE, 200, "{\"accessToken\":\"hunter-new\"}"},
      {FAKE_HTTP_WHOLE, 200, "{\"accessToken\":\"hunter-new\",\"expiresIn\":0}"},
      {FAKE_HTTP_WHOLE, 200, "{\"accessToken\":\"hunter-new\",\"expiresIn\":1e99}"},
      {FAKE_HTTP_WHOLE, 200, "{\"accessToken\":\"hunter-new\",\"expiresIn\":9223372036854775807}"},
      {FAKE_HTTP_WHOLE, 200, "{\"expiresIn\":100}"},
  };
  struct home h;
  char before[2000], after[2000];
  home_open(&h, config_session);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    fake_http_clear(&h.w.http);
    on_renewal(&h, cases[i].status, cases[i].body);
    on_role(&h, OLD);
    login(&h, 1, 86400);
    read_token(&h, before, sizeof before);
    world_ask(&h.w, make(&h.w));
    expect_good(&h);
    read_token(&h, after, sizeof after);
    cr_assert_str_eq(before, after);
    login(&h, 0, 86400);
    world_ask(&h.w, make(&h.w));
    world_expect(&h.w, CREDS_FAILED, "could not be renewed; run: aws sso login --sso-session corp");
    cr_assert_eq(h.w.http.request_count, 3 * (i + 1));
  }
  home_close(&h);
}

/* Where the cache can't be written the new token still serves this fetch. */
Test(sso, can_not_be_written) {
  char name[SSO_PATH_SIZE + 32];
  struct home h;
  home_open(&h, config_session);
  login(&h, 0, 86400);
  snprintf(name, sizeof name, "%s.tmp-%ld", h.token_path, (long)getpid());
  cr_assert_eq(mkdir(name, 0700), 0); /* in the way of the temporary file, for root as well */
  on_renewal(&h, 200, RENEWED);
  on_role(&h, NEW);
  world_ask(&h.w, make(&h.w));
  expect_good(&h);
  home_close(&h);
}

Test(sso, files_are_replaced) {
  char name[SSO_PATH_SIZE + 32], target[300], text[100];
  struct stat st;
  struct home h;
  home_open(&h, config_session);
  write_token(&h, "old and longer");
  snprintf(name, sizeof name, "%s.tmp-%ld", h.token_path, (long)getpid());
  snprintf(target, sizeof target, "%s/victim", h.dir);
  cr_assert_eq(symlink(target, name), 0); /* laid there by somebody: not followed */
  cr_assert_eq(sso_file_replace(h.token_path, "new", 3), 0);
  read_token(&h, text, sizeof text);
  cr_assert_str_eq(text, "new");
  cr_assert_neq(stat(target, &st), 0);
  cr_assert_neq(lstat(name, &st), 0, "the temporary file is still there");
  cr_assert_eq(sso_file_replace("/nonexistent/dir/x", "new", 3), ENOENT);
  home_close(&h);
}

/* Another program renews it while we try to: its token is used. */
static struct home *raced;
static int64_t now_and_login(void) {
  if (raced && raced->w.http.request_count == 1) {
    write_token(raced, "{\"accessToken\":\"hunter-new\",\"expiresAt\":\"2023-11-15T06:13:20Z\"}");
    raced = NULL;
  }
  return WORLD_NOW_S;
}

Test(sso, renewed_by_another) {
  struct home h;
  home_open(&h, config_session);
  login(&h, 0, 86400);
  h.w.setup.now_s = now_and_login;
  raced = &h;
  on_renewal(&h, 200, "{}");
  on_role(&h, NEW);
  world_ask(&h.w, make(&h.w));
  expect_good(&h);
  home_close(&h);
}

/* ---- ends ---- */

static void begin_at(struct home *h, int step) {
  home_open(h, config_session);
  login(h, 0, 86400);
  on_renewal(h, 200, RENEWED)->mode = step == 0 ? FAKE_HTTP_NEVER : FAKE_HTTP_WHOLE;
  on_role(h, NEW)->mode = FAKE_HTTP_NEVER;
}

Test(sso, given_up) {
  for (int step = 0; step < 2; step++) {
    struct home h;
    begin_at(&h, step);
    interrupt_by_free(&h.w, make(&h.w), (size_t)step + 1);
    home_remove(&h);
  }
}

Test(sso, closed) {
  for (int step = 0; step < 2; step++) {
    struct home h;
    begin_at(&h, step);
    interrupt_by_close(&h.w, make(&h.w), (size_t)step + 1);
    home_remove(&h);
  }
}

static struct home *current;
static struct creds_source *make_expired(struct world *w) {
  login(current, 0, 86400);
  return make(w);
}

Test(sso, no_memory) {
  struct home h;
  home_open(&h, config_session);
  on_renewal(&h, 200, RENEWED);
  on_role(&h, NEW);
  current = &h;
  interrupt_by_no_memory(&h.w, make_expired, 15);
  home_close(&h);
}
