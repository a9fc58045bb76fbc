#include <criterion/criterion.h>

#include "fake_env.h"

static const char main_file[] = "# comment\n"
                                "outside any section, ignored\n"
                                "[other]\n"
                                "user=other\n"
                                "  [ full ]  \n"
                                "user=spaces\n"
                                "[full]trailing text is ignored\n"
                                "\n"
                                "  host=h1,h2  \n"
                                "port= 7\n"
                                "user=svc\r\n"
                                "user=second\n"
                                "options=-c a=b\n"
                                "password=secret #not a comment\n"
                                "[full]\n"
                                "dbname=ignored\n"
                                "[nested]\n"
                                "service=x\n"
                                "[spaced]\n"
                                "user = x\n"
                                "[unknown]\n"
                                "usr=hunter\n"
                                "[noequals]\n"
                                "hunter\n"
                                "[ldap]\n"
                                "ldap://hunter\n"
                                "[old]\n"
                                "requiressl=1\n"
                                "[bad]\n"
                                "port=99999\n"
                                "[last]\n"
                                "user=end";

static const struct fake_file files[] = {
    {.path = "/home/os/.pg_service.conf", .text = main_file},
    {.path = "/etc/postgresql-common/pg_service.conf", .text = "[system]\nuser=sys\n[full]\nuser=wrong\n"},
    {.path = "/sys/pg_service.conf", .text = "[system]\nuser=sys2\n"},
    {.path = "/alt", .text = "[full]\nuser=alt\n"},
    {.path = "/empty", .text = ""},
    {.path = "/denied"},
    {0},
};

static const struct fake_case cases[] = {
    {NULL, "service=full", "user", "svc"},
    {NULL, "postgres://?service=full", "user", "svc"},
    {"PGSERVICE=full", "", "user", "svc"},
    {"PGSERVICE=full", "service=other", "user", "other"},
    {NULL, "service=full", "hosts[1].host", "h2"},
    {NULL, "service=full", "hosts[1].port", "7"},
    {NULL, "service=full", "dbname", "svc"},
    {NULL, "service=full", "password", "secret #not a comment"},
    {NULL, "service=full", "options", "-c a=b"},
    {NULL, "service=full user=given", "user", "given"},
    {"PGUSER=env", "service=full", "user", "svc"},
    {"PGDATABASE=env", "service=full", "dbname", "env"},
    {NULL, "service=' full '", "user", "spaces"},
    {NULL, "service=last", "user", "end"},
    {NULL, "service=system", "user", "sys"},
    {"PGSYSCONFDIR=/sys", "service=system", "user", "sys2"},
    {"PGSYSCONFDIR=/none", "service=system", NULL, "definition of service \"system\" not found"},
    {"PGSERVICEFILE=/alt", "service=full", "user", "alt"},
    {"PGSERVICEFILE=/alt", "service=system", "user", "sys"},
    {"PGSERVICEFILE=/alt", "service=other", NULL, "definition of service \"other\" not found"},
    {"PGSERVICEFILE=/empty", "service=full", "user", "wrong"},
    {"PGSERVICEFILE=/none", "service=full", NULL, "service file \"/none\" can't be read: No such file"},
    {"PGSERVICEFILE=/denied", "service=full", NULL, "service file \"/denied\" can't be read: Permission denied"},
    {"HOME=/elsewhere", "service=full", "user", "wrong"},
    {"HOME=/elsewhere", "service=other", NULL, "definition of service \"other\" not found"},
    {NULL, "service=''", NULL, "definition of service \"\" not found"},
    {"PGSERVICE=", "", NULL, "definition of service \"\" not found"},
    {NULL, "service=nested", NULL,
     "nested service specifications not supported in service file \"/home/os/.pg_service.conf\", line 18"},
    {NULL, "service=spaced", NULL, "syntax error (space before \"=\") in service file"},
    {NULL, "service=unknown", NULL, "syntax error (unknown keyword) in service file"},
    {NULL, "service=noequals", NULL, "syntax error (missing \"=\") in service file"},
    {NULL, "service=ldap", NULL, "LDAP lookup is not supported in service file"},
    {NULL, "service=old", NULL, "syntax error (unknown keyword)"},
    {NULL, "service=bad", NULL, "invalid port \"99999\" (service file)"},
    {NULL, "postgres://u:p/x@h?service=zzz", NULL, "definition of the service not found"},
};

Test(service, cases) {
  struct fake_env e;
  fake_env_init(&e);
  e.files = files;
  fake_run(&e, cases, sizeof cases / sizeof cases[0]);
}

Test(service, empty_section_is_found) {
  const struct fake_file one[] = {{.path = "/s", .text = "[x]\n"}, {0}};
  const struct fake_case found[] = {{"PGSERVICEFILE=/s", "service=x", "user", "os"}};
  struct fake_env e;

  fake_env_init(&e);
  e.files = one;
  fake_run(&e, found, 1);
}
