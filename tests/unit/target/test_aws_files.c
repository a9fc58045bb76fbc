/* AWS's shared files: the shapes that the SDKs document, those that people write, and hostile ones. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake_env.h"
#include "target/aws_profile.h"

#define CONFIG "/home/os/.aws/config"
#define CREDENTIALS "/home/os/.aws/credentials"

struct loaded {
  struct fake_env e;
  struct aws_files files;
  struct fake_file disk[3];
  int rc;
};

static void load(struct loaded *l, const char *config, const char *credentials) {
  size_t n = 0;

  fake_env_init(&l->e);
  memset(l->disk, 0, sizeof l->disk);
  if (config) l->disk[n++] = (struct fake_file){.path = CONFIG, .text = config};
  if (credentials) l->disk[n++] = (struct fake_file){.path = CREDENTIALS, .text = credentials};
  l->e.files = l->disk;
  fault_clear(&l->e.fault);
  l->rc = aws_files_load(&l->files, &l->e.heap.hook, &l->e.env, &l->e.fault);
  cr_assert_eq(l->rc, l->e.fault.code);
  cr_assert_null(strstr(l->e.fault.text, "hunter"), "%s", l->e.fault.text);
}

static void done(struct loaded *l) {
  aws_files_deinit(&l->files);
  test_alloc_assert_empty(&l->e.heap);
}

static const char *value(const struct loaded *l, enum aws_section section, const char *name, const char *setting) {
  const struct aws_profile *p = aws_files_find(&l->files, section, name);

  if (!p) return "no section";
  if (strcmp(setting, "sts") == 0) return p->sts_endpoint_url ? p->sts_endpoint_url : "-";
  if (strcmp(setting, "sso") == 0) return p->sso_endpoint_url ? p->sso_endpoint_url : "-";
  if (strcmp(setting, "sso_oidc") == 0) return p->sso_oidc_endpoint_url ? p->sso_oidc_endpoint_url : "-";
  for (int i = 0; i < AWS_SETTING_COUNT; i++)
    if (strcmp(aws_setting_name((enum aws_setting)i), setting) == 0) return p->values[i] ? p->values[i] : "-";
  cr_assert_fail("no setting %s", setting);
  return NULL;
}

#define P AWS_SECTION_PROFILE
#define S AWS_SECTION_SSO_SESSION
#define V AWS_SECTION_SERVICES

static const struct {
  const char *config, *credentials;
  enum aws_section section;
  const char *name, *setting, *expected;
} cases[] = {
    {"[default]\nregion = us-east-1\n", NULL, P, "default", "region", "us-east-1"},
    {"[default]\nregion=us-east-1", NULL, P, "default", "region", "us-east-1"},
    {"[profile dev]\nregion = r\n", NULL, P, "dev", "region", "r"},
    {"[dev]\nregion = r\n", NULL, P, "dev", "region", "no section"},
    {NULL, "[dev]\nregion = r\n", P, "dev", "region", "r"},
    {NULL, "[profile dev]\nregion = r\n", P, "dev", "region", "no section"},
    {NULL, "[profile dev]\nregion = r\n", P, "profile dev", "region", "no section"},
    /* white space, comments, letter case, byte order mark, line ends */
    {"[ profile\tdev ]# c\n\tregion\t=\tr\t; c\n", NULL, P, "dev", "region", "r"},
    {"# c\n; c\n\n  # c\n[default] ; c\nregion = r # c\n", NULL, P, "default", "region", "r"},
    {"[default]\nregion = a#b;c\n", NULL, P, "default", "region", "a#b;c"},
    {"[default]\nregion = # c\n", NULL, P, "default", "region", "-"},
    {"[default]\nREGION = r\n", NULL, P, "default", "region", "r"},
    {"[DEFAULT]\nregion = r\n", NULL, P, "default", "region", "no section"},
    {"[default]\r\nregion = r\r\n\r\nrole_arn = a\r\n", NULL, P, "default", "role_arn", "a"},
    {"\xEF\xBB\xBF[default]\nregion = r\n", NULL, P, "default", "region", "r"},
    {"[default]\nrole_arn = a=b=c\n", NULL, P, "default", "role_arn", "a=b=c"},
    {"[default]\ncredential_process = /bin/x \"a b\" --c=d\n", NULL, P, "default", "credential_process",
     "/bin/x \"a b\" --c=d"},
    {"[default]\n  region = r\n  role_arn = a\n", NULL, P, "default", "role_arn", "a"},
    {"  [default]\n  region = r\n", NULL, P, "default", "region", "r"},
    /* names */
    {"[profile \"my name\"]\nregion = r\n", NULL, P, "my name", "region", "r"},
    {"[profile 'my name']\nregion = r\n", NULL, P, "my name", "region", "r"},
    {"[profile\"dev\"]\nregion = r\n", NULL, P, "dev", "region", "r"},
    {"[profile my name]\nregion = r\n", NULL, P, "my name", "region", "no section"},
    {NULL, "[my name]\nregion = r\n", P, "my name", "region", "r"},
    {"[profile a-b_c/d.e%f@g:h+1]\nregion = r\n", NULL, P, "a-b_c/d.e%f@g:h+1", "region", "r"},
    {"[profile a$b]\nregion = r\n[default]\nregion = s\n", NULL, P, "a$b", "region", "no section"},
    {"[profile a$b]\nnonsense\n  more\n[default]\nregion = s\n", NULL, P, "default", "region", "s"},
    {"[profile ]\nregion = r\n", NULL, P, "", "region", "no section"},
    {"[profile \"\"]\nregion = r\n", NULL, P, "", "region", "no section"},
    {"[]\nregion = r\n", NULL, P, "", "region", "no section"},
    {"[profiledev]\nregion = r\n", NULL, P, "dev", "region", "no section"},
    {"[plugins]\ncli = x\n[preview]\nsdb = true\n[default]\nregion = r\n", NULL, P, "default", "region", "r"},
    /* twice */
    {"[default]\nregion = a\nregion = b\n", NULL, P, "default", "region", "b"},
    {"[default]\nregion = a\nregion =\n", NULL, P, "default", "region", "-"},
    {"[profile d]\nregion = a\n[profile x]\n[profile d]\nrole_arn = b\n", NULL, P, "d", "region", "a"},
    {"[profile d]\nregion = a\n[profile x]\n[profile d]\nrole_arn = b\n", NULL, P, "d", "role_arn", "b"},
    {"[default]\nregion = a\n[profile default]\nrole_arn = b\n", NULL, P, "default", "region", "-"},
    {"[default]\nregion = a\n[profile default]\nrole_arn = b\n", NULL, P, "default", "role_arn", "b"},
    {"[profile default]\nrole_arn = b\n[default]\nregion = a\n", NULL, P, "default", "region", "-"},
    {"[profile default]\nregion = a\n[profile default]\nrole_arn = b\n", NULL, P, "default", "region", "a"},
    {"[default]\nregion = a\n[default]\nrole_arn = b\n", NULL, P, "default", "region", "a"},
    /* both files */
    {"[default]\nregion = a\nrole_arn = x\n", "[default]\nregion = b\n", P, "default", "region", "b"},
    {"[default]\nregion = a\nrole_arn = x\n", "[default]\nregion = b\n", P, "default", "role_arn", "x"},
    {"[profile d]\nregion = a\n", "[d]\naws_access_key_id = k\n", P, "d", "aws_access_key_id", "k"},
    {"[profile d]\nregion = a\n", "[d]\naws_access_key_id = k\n", P, "d", "region", "a"},
    {"[profile default]\nregion = a\n", "[default]\nregion = b\n", P, "default", "region", "b"},
    /* the other kinds */
    {"[sso-session corp]\nsso_region = r\nsso_start_url = https://x/start#/\n", NULL, S, "corp", "sso_start_url",
     "https://x/start#/"},
    {"[sso-session corp]\nsso_region = r\n[profile corp]\nregion = q\n", NULL, S, "corp", "sso_region", "r"},
    {"[sso-session corp]\nsso_region = r\n[profile corp]\nregion = q\n", NULL, P, "corp", "region", "q"},
    {NULL, "[sso-session corp]\nsso_region = r\n", S, "corp", "sso_region", "no section"},
    {"[services s]\nsts =\n  endpoint_url = http://h:1\nsso_oidc =\n  endpoint_url = http://h:2\n", NULL, V, "s", "sts",
     "http://h:1"},
    {"[services s]\nSTS =\n  Endpoint_URL=http://h:1\nsso_oidc =\n  endpoint_url = http://h:2\n", NULL, V, "s",
     "sso_oidc", "http://h:2"},
    {"[services s]\n  sts =\n    x = 1\n    # c\n    endpoint_url = http://h:1\n  sso =\n    endpoint_url = h\n", NULL,
     V, "s", "sso", "h"},
    {"[services s]\ndynamodb =\n  endpoint_url = http://h:1\n", NULL, V, "s", "sts", "-"},
    {"[default]\nsts =\n  endpoint_url = http://h:1\n", NULL, P, "default", "endpoint_url", "-"},
    {"[default]\nsts =\n  endpoint_url = http://h:1\n", NULL, P, "default", "sts", "-"},
    {"[default]\ns3 =\n  region = x\nregion = y\n", NULL, P, "default", "region", "y"},
    /* values that go on */
    {"[default]\ncredential_process = a\n  b # c\n\n  d\nregion = r\n", NULL, P, "default", "credential_process",
     "a\nb # c\nd"},
    {"[default]\ncredential_process = a\n  [b]\nregion = r\n", NULL, P, "default", "credential_process", "a\n[b]"},
    {"[default]\ncredential_process = a\n  b\nregion = r\n", NULL, P, "default", "region", "r"},
    {"[default]\nunknown = a\n  b\nregion = r\n", NULL, P, "default", "region", "r"},
    /* nothing */
    {NULL, NULL, P, "default", "region", "no section"},
    {"", "", P, "default", "region", "no section"},
    {"\n\n# only\n", "\xEF\xBB\xBF", P, "default", "region", "no section"},
    {"[default]", "[default]", P, "default", "region", "-"},
};

Test(aws_files, values) {
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct loaded l;
    load(&l, cases[i].config, cases[i].credentials);
    cr_assert_eq(l.rc, 0, "case %zu: %s", i, l.e.fault.text);
    cr_assert_str_eq(value(&l, cases[i].section, cases[i].name, cases[i].setting), cases[i].expected,
                     "case %zu: %s.%s is %s", i, cases[i].name, cases[i].setting,
                     value(&l, cases[i].section, cases[i].name, cases[i].setting));
    cr_assert_eq(l.files.config_found, cases[i].config != NULL);
    cr_assert_eq(l.files.credentials_found, cases[i].credentials != NULL);
    done(&l);
  }
}

Test(aws_files, errors) {
  static const struct {
    const char *config, *credentials, *expected;
  } bad[] = {
      {"[default\nregion = hunter\n", NULL, "AWS config file \"" CONFIG "\", line 1: \"]\" is missing"},
      {"region = hunter\n", NULL, "AWS config file \"" CONFIG "\", line 1: expected a \"[section]\" before"},
      {"\n\n[default]\nhunter\n", NULL, "line 4: expected \"[section]\" or \"name = value\""},
      {"[default]\n = hunter\n", NULL, "line 2: the name before \"=\" is missing"},
      {"[default] hunter\n", NULL, "line 1: nothing but a comment may follow \"]\""},
      {"[services s]\nsts =\n  hunter\n", NULL, "line 3: expected \"[section]\" or \"name = value\""},
      {NULL, "[a]\r\nhunter\r\n", "AWS credentials file \"" CREDENTIALS "\", line 2: expected"},
      {NULL, "{\"hunter\": 1}", "line 1: expected a \"[section]\""},
      {NULL, "<html>hunter", "line 1: expected a \"[section]\""},
      {NULL, "\xFF\xFE[", "line 1: expected a \"[section]\""},
      {"[default]\nregion = r\n", "[default]\nhunter", "AWS credentials file"},
  };

  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct loaded l;
    load(&l, bad[i].config, bad[i].credentials);
    cr_assert_eq(l.rc, DSQL_EINVAL, "case %zu", i);
    cr_assert(strstr(l.e.fault.text, bad[i].expected), "case %zu: %s", i, l.e.fault.text);
    cr_assert_eq(l.files.count, 0);
    done(&l);
  }
}

/* A session token is 2.5 kB, and nothing promises that it stays so. */
Test(aws_files, long_lines_are_kept_whole) {
  static const size_t sizes[] = {198, 199, 200, 201, 2500, 4096, 100 * 1000, 1000 * 1000};

  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    size_t n = sizes[i];
    char *token = malloc(n + 1), *text = malloc(n + 100);
    struct loaded l;
    cr_assert(token && text);
    for (size_t k = 0; k < n; k++) token[k] = (char)('a' + k % 26);
    token[n] = '\0';
    snprintf(text, n + 100, "[default]\naws_session_token = %s\nregion = r\n", token);
    load(&l, NULL, text);
    cr_assert_eq(l.rc, 0, "%s", l.e.fault.text);
    cr_assert_str_eq(value(&l, P, "default", "aws_session_token"), token);
    cr_assert_str_eq(value(&l, P, "default", "region"), "r");
    done(&l);
    free(token);
    free(text);
  }
}

Test(aws_files, many_sections) {
  enum { N = 3000 };
  char *text = malloc(N * 64), name[32];
  struct loaded l;
  size_t at = 0;

  cr_assert(text);
  for (int i = 0; i < N; i++) at += (size_t)snprintf(text + at, 64, "[profile p%d]\nregion = r%d\n", i, i);
  load(&l, text, NULL);
  cr_assert_eq(l.files.count, N);
  for (int i = 0; i < N; i += 999) {
    char expected[32];
    snprintf(name, sizeof name, "p%d", i);
    snprintf(expected, sizeof expected, "r%d", i);
    cr_assert_str_eq(value(&l, P, name, "region"), expected);
  }
  done(&l);
  free(text);
}

static int read_nul(void *ctx, const char *path, struct buf *out) {
  (void)ctx;
  (void)path;
  buf_put(out, "[default]\nregion = a\0b\n", 23);
  return buf_ok(out) ? 0 : ENOMEM;
}

static int read_big(void *ctx, const char *path, struct buf *out) {
  (void)ctx;
  (void)path;
  while (buf_ok(out)) buf_put(out, "#23456789abcde\n", 15);
  return EFBIG;
}

Test(aws_files, unreadable) {
  static const struct fake_file directory[] = {{.path = CONFIG, .directory = true}, {0}};
  static const struct fake_file forbidden[] = {{.path = CREDENTIALS}, {0}};
  struct loaded l;

  load(&l, NULL, NULL);
  aws_files_deinit(&l.files);
  l.e.files = directory;
  cr_assert_eq(aws_files_load(&l.files, &l.e.heap.hook, &l.e.env, &l.e.fault), DSQL_EINVAL);
  cr_assert_str_eq(l.e.fault.text, "AWS config file \"" CONFIG "\" can't be read: Is a directory");
  fault_clear(&l.e.fault);
  l.e.files = forbidden;
  cr_assert_eq(aws_files_load(&l.files, &l.e.heap.hook, &l.e.env, &l.e.fault), DSQL_EINVAL);
  cr_assert_str_eq(l.e.fault.text, "AWS credentials file \"" CREDENTIALS "\" can't be read: Permission denied");
  fault_clear(&l.e.fault);
  l.e.env.read_file = read_nul;
  cr_assert_eq(aws_files_load(&l.files, &l.e.heap.hook, &l.e.env, &l.e.fault), DSQL_EINVAL);
  cr_assert(strstr(l.e.fault.text, "line 2: has a NUL byte"), "%s", l.e.fault.text);
  fault_clear(&l.e.fault);
  l.e.env.read_file = read_big;
  cr_assert_eq(aws_files_load(&l.files, &l.e.heap.hook, &l.e.env, &l.e.fault), DSQL_EINVAL);
  cr_assert(strstr(l.e.fault.text, "larger than 4 MiB"), "%s", l.e.fault.text);
  done(&l);
}

Test(aws_files, paths) {
  static const struct {
    const char *vars, *home, *config, *credentials;
  } paths[] = {
      {NULL, "/home/os", CONFIG, CREDENTIALS},
      {"HOME=/h", "/home/os", "/h/.aws/config", "/h/.aws/credentials"},
      {"HOME=", "/home/os", CONFIG, CREDENTIALS},
      {NULL, NULL, "-", "-"},
      {"AWS_CONFIG_FILE=/c\nAWS_SHARED_CREDENTIALS_FILE=/k", NULL, "/c", "/k"},
      {"AWS_CONFIG_FILE=~/c\nAWS_SHARED_CREDENTIALS_FILE=~", "/home/os", "/home/os/c", "/home/os"},
      {"AWS_CONFIG_FILE=~joe/c", "/home/os", "~joe/c", CREDENTIALS},
      {"AWS_CONFIG_FILE=~/c", NULL, "-", "-"},
      {"AWS_CONFIG_FILE=", "/home/os", CONFIG, CREDENTIALS},
  };

  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
    struct fake_env e;
    struct aws_files files;
    fake_env_init(&e);
    e.vars = paths[i].vars;
    e.home = paths[i].home;
    cr_assert_eq(aws_files_load(&files, &e.heap.hook, &e.env, &e.fault), 0);
    cr_assert_str_eq(files.config_path ? files.config_path : "-", paths[i].config, "case %zu", i);
    cr_assert_str_eq(files.credentials_path ? files.credentials_path : "-", paths[i].credentials, "case %zu", i);
    cr_assert(!files.config_found && !files.credentials_found);
    aws_files_deinit(&files);
    test_alloc_assert_empty(&e.heap);
  }
}

Test(aws_files, profile_name) {
  struct fake_env e;
  bool asked;

  fake_env_init(&e);
  cr_assert_str_eq(aws_profile_name(NULL, &e.env, &asked), "default");
  cr_assert_not(asked);
  cr_assert_str_eq(aws_profile_name("p", &e.env, &asked), "p");
  cr_assert(asked);
  e.vars = "AWS_PROFILE=q";
  cr_assert_str_eq(aws_profile_name("", &e.env, &asked), "q");
  cr_assert(asked);
  cr_assert_str_eq(aws_profile_name("p", &e.env, &asked), "p");
  e.vars = "AWS_PROFILE=";
  cr_assert_str_eq(aws_profile_name(NULL, &e.env, &asked), "default");
  cr_assert_not(asked);
}

/* Every byte of a good file broken in turn: accepted or refused, never worse. */
Test(aws_files, hostile_bytes) {
  static const char good[] = "[profile a]\nregion = r # c\n[services s]\nsts =\n  endpoint_url = h\nx = y\n  z\n";
  static const char bytes[] = "[]=\n# \t\r\"'\xFF\x01z";
  char text[sizeof good];
  size_t refused = 0;

  for (size_t i = 0; i < sizeof good - 1; i++)
    for (const char *b = bytes; *b; b++) {
      struct loaded l;
      memcpy(text, good, sizeof good);
      text[i] = *b;
      load(&l, text, text);
      refused += l.rc != 0;
      done(&l);
    }
  cr_assert_gt(refused, 20, "%zu", refused);
}

Test(aws_files, every_allocation_fails) {
  static const struct fake_file disk[] = {
      {.path = CONFIG,
       .text = "[default]\nregion = a\n[profile default]\nregion = b\n[services s]\nsts =\n endpoint_url "
               "= h\n[profile x]\nrole_arn = a\n b\n"},
      {.path = "/home/os/k", .text = "[default]\nregion = c\naws_secret_access_key = hunter\n[y]\n"},
      {0}};
  struct fake_env e;
  size_t n = 1;

  fake_env_init(&e);
  e.files = disk;
  e.vars = "AWS_SHARED_CREDENTIALS_FILE=~/k";
  for (;; n++) {
    struct aws_files files;
    int rc;
    test_alloc_arm(&e.heap, n, n % 2);
    fault_clear(&e.fault);
    rc = aws_files_load(&files, &e.heap.hook, &e.env, &e.fault);
    if (rc) cr_assert_eq(rc, DSQL_ENOMEM, "%zu: %s", n, e.fault.text);
    aws_files_deinit(&files);
    cr_assert_eq(e.heap.live, 0, "%zu", n);
    if (!test_alloc_fired(&e.heap)) {
      cr_assert_eq(rc, 0);
      break;
    }
    cr_assert_eq(rc, DSQL_ENOMEM);
  }
  cr_assert_gt(n, 15);
  test_alloc_assert_empty(&e.heap);
}

/* Freed memory holds no secret. */
static size_t seen;

static void *watching_realloc(void *ctx, void *ptr, size_t size) {
  size_t *block = NULL;

  (void)ctx;
  if (ptr) {
    const size_t *head = (size_t *)ptr - 2;
    for (size_t i = 0; *head >= 6 && i <= *head - 6; i++) seen += memcmp((char *)ptr + i, "hunter", 6) == 0;
  }
  if (size) {
    block = calloc(1, size + 2 * sizeof *block);
    cr_assert(block);
    block[0] = size;
    block += 2;
    if (ptr) memcpy(block, ptr, ((size_t *)ptr - 2)[0] < size ? ((size_t *)ptr - 2)[0] : size);
  }
  if (ptr) free((size_t *)ptr - 2);
  return block;
}

Test(aws_files, cleansed) {
  static const struct fake_file disk[] = {
      {.path = CONFIG,
       .text = "[default]\naws_secret_access_key = hunter\n[profile default]\naws_secret_access_key = hunter\n"
               "aws_session_token = hunter\n  hunter\n  hunter\naws_session_token = hunter\n"},
      {.path = CREDENTIALS, .text = "[default]\naws_secret_access_key = hunter\n[broken"},
      {0}};
  const dsql_alloc hook = {watching_realloc, NULL};
  struct aws_files files;
  struct fake_env e;

  fake_env_init(&e);
  e.files = disk;
  cr_assert_eq(aws_files_load(&files, &hook, &e.env, &e.fault), DSQL_EINVAL);
  e.vars = "AWS_SHARED_CREDENTIALS_FILE=/none";
  fault_clear(&e.fault);
  cr_assert_eq(aws_files_load(&files, &hook, &e.env, &e.fault), 0);
  cr_assert_str_eq(aws_files_find(&files, P, "default")->values[AWS_aws_session_token], "hunter");
  aws_files_deinit(&files);
  cr_assert_eq(seen, 0);
}
