/* No piece of a password in any error, however the input is broken: fake_resolve() looks for "hunter" in each. Here
 * the password stands in every position, and every byte around it is broken in turn. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "fake_env.h"

#define SECRET "hunter2hunter"

static const char *const strings[] = {
    "postgres://u:" SECRET "@h:1/d?port=1&sslmode=require&connect_timeout=1",
    "postgres://u:" SECRET "/" SECRET "@h:1/d",
    "postgres://u:" SECRET "@" SECRET "@h:1/d",
    "postgres://u:" SECRET "?" SECRET "=" SECRET "@h:1/d",
    "postgres://u:" SECRET "?" SECRET "=" SECRET "/@h:1/d",
    "postgres://u:" SECRET "#" SECRET "&" SECRET "@h:1/d",
    "postgres://u:" SECRET "," SECRET "/" SECRET "@h:1/d",
    "postgres://h:1/d?user=u&password=" SECRET "&port=2&sslmode=require",
    "postgres://h:1/d?sslpassword=" SECRET "&oauth_client_secret=" SECRET "&scram_client_key=" SECRET,
    "host=h password=" SECRET " port=1 sslmode=require user=u connect_timeout=1",
    "dsql://u:" SECRET "@x.dsql.r.on.aws:1/d?region=r&sslmode=verify-full&connect_host=c&token_duration_secs=1",
    "dsql://u:" SECRET "/" SECRET "@x.dsql.r.on.aws?sign_host=x",
    "dsql://u:" SECRET "@" SECRET "@x.dsql.r.on.aws?connect_host=h",
    "host=x.dsql.r.on.aws password=" SECRET " region=r sign_host=s connect_host=c token_duration_secs=1 auth=iam",
    "host=h password='" SECRET " " SECRET "' port=1 sslmode=require",
    "host=h password=" SECRET " " SECRET " port=1",
    "host=h password=" SECRET " " SECRET "=" SECRET " port=1",
    "host=h sslpassword=" SECRET " scram_client_key=" SECRET " scram_server_key=" SECRET " oauth_client_secret=" SECRET,
};

static size_t faults;

static void attempt(struct fake_env *e, const char *text) {
  struct target *t = fake_resolve(e, text);

  faults += t == NULL;
  target_unref(t);
}

/* Where the byte is none of the secret's own. */
static bool outside(const char *text, size_t i) {
  for (const char *s = strstr(text, SECRET); s; s = strstr(s + 1, SECRET))
    if (i >= (size_t)(s - text) && i < (size_t)(s - text) + strlen(SECRET)) return false;
  return true;
}

/* The secret must stay marked as one: breaking the word "password", or what begins it, makes it something else. */
static size_t secret_start(const char *text) { return (size_t)(strstr(text, SECRET) - text); }

static void break_at(struct fake_env *e, const char *text, size_t i) {
  static const char bytes[] = " \t'\\=&?@:/,[]%#x0";
  char copy[256];
  size_t n = strlen(text);

  for (const char *b = bytes; *b; b++) {
    memcpy(copy, text, n + 1);
    copy[i] = *b;
    attempt(e, copy);
    memcpy(copy + i + 1, text + i, n - i + 1);
    copy[i] = *b;
    attempt(e, copy);
  }
  memcpy(copy, text, i);
  memcpy(copy + i, text + i + 1, n - i);
  attempt(e, copy);
}

Test(secrets, never_in_an_error, .timeout = 60) {
  struct fake_env e;

  fake_env_init(&e);
  for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
    attempt(&e, strings[i]);
    for (size_t at = secret_start(strings[i]); at < strlen(strings[i]); at++)
      if (outside(strings[i], at)) break_at(&e, strings[i], at);
  }
  cr_assert_gt(faults, 5000, "%zu", faults);
  test_alloc_assert_empty(&e.heap);
}

/* The tail of a password that was cut by a byte within it. */
Test(secrets, broken_within) {
  static const char *const formats[] = {"postgres://u:%s@h:1/d", "postgres://h/d?password=%s&user=u",
                                        "host=h password=%s user=u", "host=h password='%s' user=u"};
  static const char bytes[] = " \t'\\=&?@:/,[]%#+;\"\n";
  struct fake_env e;
  char password[64], text[256];

  fake_env_init(&e);
  for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
    for (const char *a = bytes; *a; a++)
      for (const char *b = bytes; *b; b++) {
        const char *hole = strstr(formats[i], "%s");
        snprintf(password, sizeof password, SECRET "%c" SECRET "%c" SECRET, *a, *b);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(hole - formats[i]), formats[i], password, hole + 2);
        attempt(&e, text);
      }
  cr_assert_gt(faults, 400, "%zu", faults);
  test_alloc_assert_empty(&e.heap);
}

/* Freed memory holds no secret. */
static size_t seen;

static void *watching_realloc(void *ctx, void *ptr, size_t size) {
  (void)ctx;
  if (ptr) {
    const size_t *head = (size_t *)ptr - 2;
    const char *bytes = ptr;
    for (size_t i = 0; *head >= 6 && i <= *head - 6; i++) seen += memcmp(bytes + i, "hunter", 6) == 0;
  }
  if (size == 0) {
    if (ptr) free((size_t *)ptr - 2);
    return NULL;
  }
  size_t *block = malloc(size + 2 * sizeof(size_t));
  cr_assert(block && !ptr);
  memset(block, 0, size + 2 * sizeof(size_t));
  block[0] = size;
  return block + 2;
}

Test(secrets, cleansed) {
  const dsql_alloc hook = {watching_realloc, NULL};
  const struct fake_file files[] = {{.path = "/p", .text = "*:*:*:*:hunter\n"},
                                    {.path = "/home/os/.pg_service.conf", .text = "[s]\nsslpassword=hunter\n"},
                                    {0}};
  static const char *const targets[] = {"postgres://u:hunter@h",
                                        "postgres://u:hunter%20@h?password=hunter",
                                        "password='hunter' host=h",
                                        "passfile=/p host=a,b",
                                        "service=s",
                                        "password=hunter zzz=hunter",
                                        "postgres://u:hunter%zz@h"};
  struct fake_env e;
  dsql_config c;

  fake_env_init(&e);
  e.files = files;
  dsql_config_init(&c);
  for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
    struct fault f = {0};
    struct target *t;
    c.target = targets[i];
    (void)target_resolve(&t, &hook, &e.env, &c, &f);
    target_unref(t);
    cr_assert_eq(seen, 0, "%s", targets[i]);
  }
}
