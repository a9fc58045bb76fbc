/* What is shown of a target, and the name that it sends. */
#include <criterion/criterion.h>
#include <string.h>

#include "fake_env.h"

#define ID "abcdefghijklmnopqrstuvwxyz"
#define HOST ID ".dsql.us-east-1.on.aws"
#define OWN "libdsql/" DSQL_VERSION_STRING

static const struct fake_file files[] = {
    {.path = "/home/os/.pg_service.conf", .text = "[s]\nuser=su\napplication_name=sa\n"},
    {.path = "/home/os/.pgpass", .text = "*:*:*:*:hunter2\n"},
    {0}};

static const struct fake_case cases[] = {
    {"PGUSER=u", "host=h", "=user", "u"},
    {"PGUSER=u", "host=h", "@user", "environment variable PGUSER"},
    {"PGUSER=u", "host=h", "?user", "0"},
    {NULL, "host=h user=u", "@user", "connection string"},
    {NULL, "host=h user=u", "?user", "1"},
    {NULL, "host=h service=s", "@user", "service file"},
    {NULL, "host=h service=s", "?user", "1"},
    {"PGSERVICE=s", "host=h", "@service", "environment variable PGSERVICE"},
    {NULL, "host=h", "=user", "os"},
    {NULL, "host=h", "@user", "default"},
    {NULL, "host=h", "=dbname", "os"},
    {NULL, "", "=host", "localhost"},
    {NULL, "", "@host", "default"},
    {NULL, "hostaddr=::1", "=host", "-"},
    {NULL, "host=h", "=port", "5432"},
    {NULL, "host=h", "=sslmode", "verify-full"},
    {NULL, "host=/tmp", "=sslmode", "disable"},
    {NULL, "host=h", "=sslrootcert", "system"},
    {NULL, "host=h", "=auth", "password"},
    {NULL, "host=h", "=region", "-"},
    {NULL, "host=h", "=application_name", OWN},
    {NULL, "host=a,b port=1,2", "=host", "a,b"},
    {NULL, "host=h password=hunter", "=password", "****"},
    {NULL, "host=h password=hunter", "?password", "1"},
    {NULL, "host=h sslpassword=hunter", "=sslpassword", "****"},
    {NULL, "host=h", "=password", "****"},
    {NULL, "host=h", "@password", "password file"},
    {NULL, "host=h", "?password", "0"},
    {NULL, "host=h passfile=/none", "=password", "-"},
    {NULL, "host=h sslpassword=''", "=sslpassword", "-"},
    /* "word@h" may be the tail of a password */
    {NULL, "postgres://u:p/word@h", NULL, "invalid port"},
    {NULL, "postgres://u:1/word@h", "=dbname", "****"},
    {NULL, HOST, "=host", HOST},
    {NULL, HOST, "@host", "connection string"},
    {NULL, HOST, "@user", "DSQL mode"},
    {NULL, HOST, "=sslmode", "verify-full"},
    {NULL, HOST, "@sslmode", "DSQL mode"},
    {NULL, HOST, "=sslnegotiation", "direct"},
    {NULL, HOST, "=auth", "iam"},
    {NULL, HOST, "=sslrootcert", "system"},
    {NULL, HOST, "=token_duration_secs", "900"},
    {NULL, HOST, "=sign_host", HOST},
    {NULL, HOST, "@sign_host", "host"},
    {NULL, HOST, "=password", "-"},
    {"AWS_REGION=us-east-1", ID, "@host", "cluster id: connection string; region: environment variable AWS_REGION"},
    /* names */
    {NULL, "host=h application_name_prefix=p", "application_name", "p:" OWN},
    {NULL, "host=h application_name_prefix=p", "@application_name", "application_name_prefix"},
    {NULL, "host=h application_name_prefix='\t p \n'", "application_name", "p:" OWN},
    {NULL, "host=h application_name_prefix=' \t\n'", "application_name", OWN},
    {NULL, "host=h application_name_prefix=''", "application_name", OWN},
    {NULL, "host=h application_name_prefix='a b:c@d/e'", "application_name", "a b:c@d/e:" OWN},
    {NULL, "host=h application_name_prefix=p application_name=mine", "application_name", "mine"},
    {NULL, "host=h application_name_prefix=p application_name=''", "application_name", "-"},
    {NULL, "host=h application_name_prefix=p fallback_application_name=f", "application_name", "p:" OWN},
    {NULL, "host=h application_name_prefix=' ' fallback_application_name=f", "application_name", "f"},
    {NULL, "host=h fallback_application_name=f", "@application_name", "fallback_application_name"},
    {NULL, "host=h application_name_prefix=p service=s", "application_name", "sa"},
    {"PGAPPNAME=mine", HOST, "application_name", "mine"},
    {"PGAPPNAME=mine", "dsql://" HOST "?application_name_prefix=p", "application_name", "mine"},
    {NULL, "dsql://" HOST "?application_name=app%2fmodel-id", "application_name", "app/model-id"},
    {NULL, "dsql://" HOST "?application_name_prefix=p", "application_name", "p:" OWN},
};

Test(settings, table) {
  struct fake_env e;

  fake_env_init(&e);
  e.files = files;
  fake_run(&e, cases, sizeof cases / sizeof cases[0]);
}

/* libpq's keywords in its order, then ours. */
Test(settings, order) {
  struct fake_env e;
  struct target *t;
  dsql_setting s;
  size_t i = 0;

  fake_env_init(&e);
  t = fake_resolve(&e, HOST);
  for (; target_setting(t, i, &s); i++) {
    cr_assert_str_eq(s.name, keyword_table[i].name);
    cr_assert(s.source && *s.source && s.value.ptr);
  }
  cr_assert_eq(i, 59);
  cr_assert_not(target_setting(t, SIZE_MAX, &s));
  cr_assert_null(target_notice(t, 0));
  cr_assert_null(target_notice(t, SIZE_MAX));
  target_unref(t);
  test_alloc_assert_empty(&e.heap);
}

Test(settings, config) {
  struct fake_env e;
  struct target *t;
  dsql_config c;

  fake_env_init(&e);
  dsql_config_init(&c);
  c.target = HOST;
  c.connect_timeout_ms = 1500;
  c.token_duration_s = 60;
  c.password = "hunter2";
  t = fake_resolve_config(&e, &c);
  cr_assert_str_eq(fake_field(t, "=connect_timeout"), "1.500");
  cr_assert_str_eq(fake_field(t, "@connect_timeout"), "dsql_config");
  cr_assert_str_eq(fake_field(t, "=token_duration_secs"), "60");
  cr_assert_str_eq(fake_field(t, "?token_duration_secs"), "1");
  cr_assert_str_eq(fake_field(t, "=password"), "****");
  target_unref(t);
  test_alloc_assert_empty(&e.heap);
}

static size_t cut_prefix(struct fake_env *e, const char *prefix, const char **notice) {
  static char kept[100];
  dsql_config c;
  struct target *t;
  size_t n;

  dsql_config_init(&c);
  c.target = HOST;
  c.application_name_prefix = prefix;
  t = fake_resolve_config(e, &c);
  cr_assert(t, "%s", e->fault.text);
  n = strlen(t->application_name);
  cr_assert_leq(n, 63);
  cr_assert_str_eq(t->application_name + n - strlen(OWN), OWN);
  snprintf(kept, sizeof kept, "%s", target_notice(t, 0) ? target_notice(t, 0) : "");
  *notice = kept;
  if (n > strlen(OWN)) {
    n -= strlen(OWN) + 1;
    cr_assert_eq(t->application_name[n], ':');
    cr_assert_eq(memcmp(t->application_name, prefix, n), 0);
  } else {
    n = 0;
  }
  target_unref(t);
  return n;
}

/* Cut at a character's end, and told. */
Test(settings, prefix_is_cut) {
  const size_t room = 62 - strlen(OWN);
  struct fake_env e;
  const char *notice;
  char prefix[1001];

  fake_env_init(&e);
  for (size_t n = 1; n < 1000; n = n < 70 ? n + 1 : n + 311) {
    memset(prefix, 'x', n);
    prefix[n] = '\0';
    cr_assert_eq(cut_prefix(&e, prefix, &notice), n < room ? n : room);
    cr_assert_eq(*notice != '\0', n > room, "%zu: %s", n, notice);
  }
  cr_assert_str_eq(notice, strncmp(notice, "application_name_prefix was cut from ", 37) == 0 ? notice : "no notice");
  for (size_t lead = 0; lead < 4; lead++) { /* U+1F600 across the cut */
    memset(prefix, 'x', room);
    memcpy(prefix + room - lead, "\xF0\x9F\x98\x80zzzzzzzz", 13);
    cr_assert_eq(cut_prefix(&e, prefix, &notice), room - lead, "%zu", lead);
  }
  memset(prefix, 0x80, 100); /* not UTF-8 at all */
  prefix[100] = '\0';
  cr_assert_eq(cut_prefix(&e, prefix, &notice), 0);
  test_alloc_assert_empty(&e.heap);
}
