#include <criterion/criterion.h>
#include <string.h>

#include "fake_env.h"

Test(config, init) {
  dsql_config c;
  dsql_call o;
  const unsigned char *bytes = (const unsigned char *)&c;

  memset(&c, 0xAA, sizeof c);
  memset(&o, 0xAA, sizeof o);
  dsql_config_init(&c);
  dsql_call_init(&o);
  cr_assert_eq(c.size, sizeof c);
  cr_assert_eq(o.size, sizeof o);
  for (size_t i = sizeof c.size; i < sizeof c; i++) cr_assert_eq(bytes[i], 0);
  cr_assert_eq(o.timeout_ms, 0);
  cr_assert(!o.read_only && !o.text_results);
}

/* A caller compiled against an older header has a shorter struct: nothing behind it may be touched. */
Test(config, init_sized_touches_only_its_size) {
  unsigned char bytes[64];

  memset(bytes, 0xAA, sizeof bytes);
  dsql_config_init_sized((dsql_config *)(void *)bytes, 16);
  cr_assert_eq(bytes[15], 0);
  cr_assert_eq(bytes[16], 0xAA);
}

Test(config, fields_win) {
  struct fake_env e;
  struct target *t;
  dsql_config c;

  fake_env_init(&e);
  dsql_config_init(&c);
  c.target = "postgres://u:p@h:1/d?application_name=a&sslmode=disable&connect_timeout=9&hostaddr=::1";
  c.host = "h2";
  c.hostaddr = "::2";
  c.database = "d2";
  c.user = "u2";
  c.password = "p2";
  c.application_name = "a2";
  c.port = 65535;
  c.sslmode = DSQL_SSL_REQUIRE;
  c.connect_timeout_ms = 77;
  t = fake_resolve_config(&e, &c);
  cr_assert_str_eq(t->hosts[0].host, "h2");
  cr_assert_str_eq(t->hosts[0].hostaddr, "::2");
  cr_assert_eq(t->hosts[0].port, 65535);
  cr_assert_str_eq(t->dbname, "d2");
  cr_assert_str_eq(t->user, "u2");
  cr_assert_str_eq(t->password, "p2");
  cr_assert_str_eq(t->application_name, "a2");
  cr_assert_eq(t->sslmode, DSQL_SSL_REQUIRE);
  cr_assert_eq(t->connect_timeout_ms, 77);
  target_unref(t);
  test_alloc_assert_empty(&e.heap);
}

Test(config, unset_fields_leave_the_string) {
  struct fake_env e;
  struct target *t;
  dsql_config c;

  fake_env_init(&e);
  dsql_config_init(&c);
  c.target = "postgres://u:p@h:1/d?application_name=a&sslmode=disable&connect_timeout=9";
  t = fake_resolve_config(&e, &c);
  cr_assert_str_eq(t->hosts[0].host, "h");
  cr_assert_eq(t->hosts[0].port, 1);
  cr_assert_str_eq(t->password, "p");
  cr_assert_eq(t->sslmode, DSQL_SSL_DISABLE);
  cr_assert_eq(t->connect_timeout_ms, 9000);
  target_unref(t);
  c.password = "";
  c.application_name = "";
  t = fake_resolve_config(&e, &c);
  cr_assert_null(t->password);
  cr_assert_null(t->application_name);
  target_unref(t);
  test_alloc_assert_empty(&e.heap);
}

Test(config, every_sslmode) {
  struct fake_env e;
  struct target *t;
  dsql_config c;

  fake_env_init(&e);
  dsql_config_init(&c);
  c.host = "h";
  for (int mode = DSQL_SSL_DISABLE; mode <= DSQL_SSL_VERIFY_FULL; mode++) {
    c.sslmode = (enum dsql_sslmode)mode;
    t = fake_resolve_config(&e, &c);
    cr_assert_eq((int)t->sslmode, mode);
    cr_assert(t->sslmode_explicit);
    target_unref(t);
  }
  c.sslmode = (enum dsql_sslmode)7;
  cr_assert_null(fake_resolve_config(&e, &c));
  cr_assert(strstr(e.fault.text, "invalid dsql_config.sslmode 7"), "%s", e.fault.text);
  test_alloc_assert_empty(&e.heap);
}

Test(config, limits) {
  struct fake_env e;
  struct target *t;
  dsql_config c;

  fake_env_init(&e);
  dsql_config_init(&c);
  t = fake_resolve_config(&e, &c);
  cr_assert_eq(t->connect_timeout_ms, 0);
  cr_assert_eq(t->query_timeout_ms, 0);
  cr_assert_eq(t->drain_timeout_ms, 2000);
  cr_assert_eq(t->queue_ops_max, 65536);
  cr_assert_eq(t->queue_bytes_max, (size_t)256 << 20);
  cr_assert_eq(t->result_bytes_max, (size_t)1 << 30);
  cr_assert_eq(t->message_bytes_max, ((size_t)1 << 30) - 1);
  cr_assert_not(t->cleartext_without_tls);
  target_unref(t);

  c.query_timeout_ms = 1;
  c.drain_timeout_ms = 2;
  c.queue_ops_max = 3;
  c.queue_bytes_max = 4;
  c.result_bytes_max = SIZE_MAX;
  c.message_bytes_max = 0x3FFFFFFF;
  c.cleartext_without_tls = true;
  t = fake_resolve_config(&e, &c);
  cr_assert_eq(t->query_timeout_ms, 1);
  cr_assert_eq(t->drain_timeout_ms, 2);
  cr_assert_eq(t->queue_ops_max, 3);
  cr_assert_eq(t->queue_bytes_max, 4);
  cr_assert_eq(t->result_bytes_max, SIZE_MAX);
  cr_assert_eq(t->message_bytes_max, 0x3FFFFFFF);
  cr_assert(t->cleartext_without_tls);
  target_unref(t);

  c.message_bytes_max = 0x40000000;
  cr_assert_null(fake_resolve_config(&e, &c));
  cr_assert(strstr(e.fault.text, "dsql_config.message_bytes_max"), "%s", e.fault.text);
  test_alloc_assert_empty(&e.heap);
}

Test(config, sizes) {
  struct {
    dsql_config c;
    unsigned char newer[8];
  } big;
  struct fake_env e;
  struct target *t;
  dsql_config c;

  fake_env_init(&e);
  dsql_config_init_sized(&big.c, sizeof big);
  big.c.user = "u";
  t = fake_resolve_config(&e, &big.c);
  cr_assert_str_eq(t->user, "u");
  target_unref(t);
  big.newer[7] = 1;
  cr_assert_null(fake_resolve_config(&e, &big.c));
  cr_assert_eq(e.fault.code, DSQL_EUNSUPPORTED);

  dsql_config_init(&c);
  c.size = offsetof(dsql_config, host) + sizeof c.host; /* ends behind host: user is not ours to read */
  c.host = "h";
  c.user = "u";
  t = fake_resolve_config(&e, &c);
  cr_assert_str_eq(t->hosts[0].host, "h");
  cr_assert_str_eq(t->user, "os");
  target_unref(t);

  c.size = 0;
  cr_assert_null(fake_resolve_config(&e, &c));
  cr_assert(strstr(e.fault.text, "dsql_config_init()"), "%s", e.fault.text);
  cr_assert_null(fake_resolve_config(&e, NULL));
  cr_assert_eq(e.fault.code, DSQL_EINVAL);
  test_alloc_assert_empty(&e.heap);
}
