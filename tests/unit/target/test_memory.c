#include <criterion/criterion.h>
#include <string.h>

#include "fake_env.h"

#define HOME "/home/os/.postgresql/"

static const struct fake_file files[] = {
    {.path = HOME "root.crt"},
    {.path = HOME "root.crl"},
    {.path = HOME "postgresql.crt"},
    {.path = HOME "postgresql.key"},
    {.path = "/home/os/.pgpass", .text = "*:*:*:*:p\n"},
    {.path = "/wide", .mode = 0644},
    {.path = "/home/os/.pg_service.conf", .text = "[s]\nuser=u\nport=7\n"},
    {.path = "/etc/postgresql-common/pg_service.conf", .text = "[t]\nuser=u\n"},
    {.path = "/home/os/.aws/config", .text = "[default]\nregion = r\n[profile p]\nregion = us-east-1\n"},
    {.path = TARGET_SOCKET_DIR, .directory = true},
    {0}};

enum { PLAIN = 5 }; /* these take any sslmode */

static const char *const targets[] = {
    "postgres://u%20:p%20@[::1]:7,b,/d%20?application_name=%20x&ssl=true&connect_timeout=3",
    "host='a' user=\\x",
    "host=a,/tmp hostaddr=::1, passfile=/wide sslmode=prefer",
    "service=s password=x",
    "service=t fallback_application_name=y",
    "abcdefghijklmnopqrstuvwxyz",
    "dsql://abcdefghijklmnopqrstuvwxyz?profile=p&sign_host=ABCDEFGHIJKLMNOPQRSTUVWXYZ.dsql.us-east-1.on.aws.&options=x"
    "&application_name_prefix=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "host=abcdefghijklmnopqrstuvwxyz.dsql.r.on.aws region=s sslmode=verify-ca connect_host=vpce",
    "sign_host=x.dsql.r.on.aws connect_host=vpce sslmode=verify-full",
    "dsql://u:p@x.dsql.r.on.aws?connect_host=::1&auth=password",
    "",
    NULL,
};

/* Each allocation fails in turn, alone and with all that follow: always ENOMEM (or success, where the failure hit
 * nothing that matters), and nothing leaks. */
static size_t sweep(struct fake_env *e, const dsql_config *c, bool all_after) {
  size_t runs = 0, failed = 0;

  for (size_t n = 1;; n++, runs++) {
    struct target *t;
    test_alloc_arm(&e->heap, n, all_after);
    t = fake_resolve_config(e, c);
    target_unref(t);
    cr_assert_eq(e->heap.live, 0, "%s: %zu blocks live, failing call %zu", c->target, e->heap.live, n);
    if (!test_alloc_fired(&e->heap)) {
      cr_assert_eq(e->fault.code, 0, "%s: %s", c->target, e->fault.text);
      break;
    }
    cr_assert_eq(e->fault.code, DSQL_ENOMEM, "%s, failing call %zu: %d %s", c->target, n, e->fault.code, e->fault.text);
    failed++;
  }
  test_alloc_arm(&e->heap, 0, false);
  cr_assert_eq(runs, failed);
  return runs;
}

Test(memory, every_allocation_fails) {
  struct fake_env e;
  size_t runs = 0;

  fake_env_init(&e);
  e.files = files;
  e.vars = "PGTZ=UTC\nPGDATESTYLE=ISO\nPGOPTIONS=x";
  for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
    dsql_config c;
    dsql_config_init(&c);
    c.target = targets[i];
    c.port = i % 2 ? 9 : 0;
    if (i < PLAIN) c.sslmode = i % 3 ? DSQL_SSL_DEFAULT : DSQL_SSL_REQUIRE;
    runs += sweep(&e, &c, false) + sweep(&e, &c, true);
  }
  cr_assert_gt(runs, 200, "%zu", runs);
  test_alloc_assert_empty(&e.heap);
}
