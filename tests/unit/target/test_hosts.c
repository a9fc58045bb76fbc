#include <criterion/criterion.h>
#include <string.h>

#include "fake_env.h"

static const struct fake_case cases[] = {
    {NULL, "host=a", "hosts[0].host", "a"},
    {NULL, "host=a", "hosts[0].port", "5432"},
    {NULL, "host=a port=1", "hosts[0].port", "1"},
    {NULL, "host=a port=' 65535 '", "hosts[0].port", "65535"},
    {NULL, "host=a port=''", "hosts[0].port", "5432"},
    {"PGPORT=7", "host=a", "hosts[0].port", "7"},
    {"PGHOST=x,y", "", "hosts[1].host", "y"},
    {NULL, "host=a,b,c", "host_count", "3"},
    {NULL, "host=a,b,c port=9", "hosts[2].port", "9"},
    {NULL, "host=a,b,c port=7,,9", "hosts[1].port", "5432"},
    {NULL, "host=a,b,c port=7,,9", "hosts[2].port", "9"},
    {NULL, "host=a,b port=,", "hosts[1].port", "5432"},
    {NULL, "host=a,b,c port=7,9", NULL, "could not match 2 port numbers to 3 hosts: give one port, or 3"},
    {NULL, "host=a port=7,9", NULL, "could not match 2 port numbers to 1 hosts"},
    {NULL, "port=7,9", NULL, "could not match 2 port numbers to 1 hosts"},
    {NULL, "host=a,b hostaddr=1.2.3.4", NULL, "could not match 2 host names to 1 hostaddr values"},
    {NULL, "host=a hostaddr=1.2.3.4,::1", NULL, "could not match 1 host names to 2 hostaddr values"},
    {NULL, "host=a port=0", NULL, "invalid port \"0\" (connection string): must be 1 to 65535"},
    {NULL, "host=a port=65536", NULL, "invalid port \"65536\""},
    {NULL, "host=a port=-1", NULL, "invalid port \"-1\""},
    {NULL, "host=a port=0x50", NULL, "invalid port \"0x50\""},
    {NULL, "host=a,b port=1,x", NULL, "invalid port \"x\""},
    {"PGPORT=x", "host=a", NULL, "invalid port \"x\" (environment variable PGPORT)"},
    /* addresses */
    {NULL, "hostaddr=1.2.3.4", "hosts[0].host", "-"},
    {NULL, "hostaddr=1.2.3.4", "hosts[0].hostaddr", "1.2.3.4"},
    {NULL, "hostaddr=1.2.3.4 host=a", "hosts[0].host", "a"},
    {NULL, "hostaddr=,::1 host=a,b", "hosts[0].hostaddr", "-"},
    {NULL, "hostaddr=,::1 host=a,b", "hosts[1].hostaddr", "::1"},
    {NULL, "hostaddr=fe80::1%eth0", "hosts[0].hostaddr", "fe80::1%eth0"},
    {NULL, "hostaddr='' host=a", "hosts[0].hostaddr", "-"},
    {NULL, "hostaddr=1.2.3.4 host=/tmp", "hosts[0].unix", "0"},
    {NULL, "hostaddr=example.com", NULL,
     "invalid hostaddr \"example.com\" (connection string): must be a numeric IP address; names go into host"},
    {NULL, "hostaddr=1.2.3", NULL, "must be a numeric IP address"},
    {NULL, "hostaddr=[::1]", NULL, "must be a numeric IP address"},
    {NULL, "hostaddr=fe80::1%", NULL, "must be a numeric IP address"},
    {NULL, "hostaddr=1.2.3.4%eth0", NULL, "must be a numeric IP address"},
    {NULL, "hostaddr=::1::1::1::1::1::1::1::1::1::1::1::1::1::1::1::1::1::1::1::1::1::1::1", NULL, "numeric"},
    {"PGHOSTADDR=127.0.0.1", "host=a", "hosts[0].hostaddr", "127.0.0.1"},
    {NULL, "postgres://[::1]:7,h", "hosts[0].host", "::1"},
    {NULL, "postgres://[::1]:7,h", "hosts[0].port", "7"},
    {NULL, "postgres://[::1]:7,h", "hosts[1].port", "5432"},
    {NULL, "postgres://[::1],h:8", "hosts[0].port", "5432"},
    /* sockets */
    {NULL, "host=/tmp", "hosts[0].unix", "1"},
    {NULL, "host=/tmp", "hosts[0].socket_path", "/tmp/.s.PGSQL.5432"},
    {NULL, "host=/tmp port=65535", "hosts[0].socket_path", "/tmp/.s.PGSQL.65535"},
    {NULL, "host=@abstract", "hosts[0].socket_path", "@abstract/.s.PGSQL.5432"},
    {NULL, "host='/with space'", "hosts[0].socket_path", "/with space/.s.PGSQL.5432"},
    {NULL, "host=a,/tmp", "hosts[1].unix", "1"},
    {NULL, "host=a,/tmp", "hosts[0].unix", "0"},
    {NULL, "postgres://%2Ftmp:6/", "hosts[0].socket_path", "/tmp/.s.PGSQL.6"},
    /* names */
    {NULL, "host='a, b'", NULL, "invalid host \" b\" (connection string): a host name has no spaces"},
    {NULL, "host='a\n'", NULL, "invalid host \"a?\""},
    {NULL, "postgres://u:p@hunter@h/", NULL, "invalid host (connection string): has an \"@\"; write \"@\""},
    {NULL, "postgres://u:p@a@b:hunter/", NULL, "invalid port value (not shown"},
    {NULL, "postgres://u:hunter", NULL, "invalid port value (not shown"},
    {NULL, "postgres://h:123456", NULL, "invalid port value (not shown"},
    {NULL, "postgres://h:12345,i:67890", NULL, "invalid port \"67890\""},
    {NULL, "postgres://h:99999", NULL, "invalid port \"99999\""},
    {NULL, "postgres://u:p@a:1@hunter/", NULL, "invalid port value (not shown, connection string): must be 1 to 65535"},
    {NULL, "postgres://u:hunter/x@h", NULL,
     "invalid port value (not shown, connection string): must be 1 to 65535; "
     "percent-encode '/', '@' and other special characters of a password"},
};

Test(hosts, values) {
  struct fake_env e;
  fake_env_init(&e);
  fake_run(&e, cases, sizeof cases / sizeof cases[0]);
}

Test(hosts, default_is_the_socket_directory) {
  const struct fake_file files[] = {{.path = TARGET_SOCKET_DIR, .directory = true}, {0}};
  const struct fake_case with[] = {
      {NULL, "", "hosts[0].host", TARGET_SOCKET_DIR},
      {NULL, "", "hosts[0].socket_path", TARGET_SOCKET_DIR "/.s.PGSQL.5432"},
      {NULL, "host=''", "hosts[0].unix", "1"},
      {NULL, "host=a,", "hosts[1].host", TARGET_SOCKET_DIR},
      {NULL, "postgres://,a", "hosts[0].unix", "1"},
      {NULL, "host=, hostaddr=::1,", "hosts[1].unix", "1"},
  };
  const struct fake_case without[] = {{NULL, "", "hosts[0].host", "localhost"},
                                      {NULL, "", "hosts[0].unix", "0"},
                                      {NULL, "postgres://:7/", "hosts[0].port", "7"}};
  struct fake_env e;

  fake_env_init(&e);
  fake_run(&e, without, sizeof without / sizeof without[0]);
  e.files = files;
  fake_run(&e, with, sizeof with / sizeof with[0]);
}

/* sun_path holds 107 bytes and a NUL. */
Test(hosts, socket_path_limit) {
  struct fake_env e;
  char conninfo[160] = "host=/";
  struct target *t;

  fake_env_init(&e);
  memset(conninfo + 6, 'd', 107 - 1 - strlen("/.s.PGSQL.5432"));
  t = fake_resolve(&e, conninfo);
  cr_assert_eq(strlen(fake_field(t, "hosts[0].socket_path")), 107);
  target_unref(t);
  conninfo[strlen(conninfo)] = 'd';
  cr_assert_null(fake_resolve(&e, conninfo));
  cr_assert(strstr(e.fault.text, "is too long (108 bytes, maximum 107)"), "%s", e.fault.text);
  conninfo[5] = '@';
  cr_assert_null(fake_resolve(&e, conninfo));
  test_alloc_assert_empty(&e.heap);
}
