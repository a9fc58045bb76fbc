/* DSQL mode: what turns it on, its defaults, and that nothing weakens it. */
#include <criterion/criterion.h>
#include <string.h>

#include "fake_env.h"

#define ID "abcdefghijklmnopqrstuvwxyz"
#define HOST ID ".dsql.us-east-1.on.aws"
#define LINK ID ".dsql-fnh4.us-east-1.on.aws"
#define VPCE "vpce-1-a.dsql-fnh4.us-east-1.vpce.amazonaws.com"

static const struct fake_file service_files[] = {
    {.path = "/home/os/.pg_service.conf",
     .text = "[dsql]\nhost=" HOST "\n[iam]\nhost=h\nauth=iam\nregion=r\n[weak]\nsslmode=require\nport=7\nuser=u\n"
             "password=hunter\n[weakdsql]\nhost=" HOST "\nsslmode=disable\n[plain]\nhost=h\n"},
    {.path = "/other", .text = "[dsql]\nhost=other.dsql.eu-west-1.on.aws\n"},
    {.path = "/home/os/.pgpass", .text = "*:*:*:*:frompassfile\n"},
    {.path = "/home/os/.postgresql/root.crt"},
    {.path = "/home/os/.postgresql/root.crl"},
    {.path = "/home/os/.postgresql/postgresql.crt"},
    {.path = "/home/os/.postgresql/postgresql.key"},
    {.path = "/ca.pem"},
    {0}};

static const struct fake_case modes[] = {
    /* every form of the input */
    {NULL, HOST, "dsql", "1"},
    {NULL, "  " HOST "\n", "hosts[0].host", HOST},
    {NULL, ID, NULL, "no AWS region"},
    {"AWS_REGION=us-east-1", ID, "hosts[0].host", HOST},
    {NULL, "dsql://" HOST, "dsql", "1"},
    {NULL, "dsql://" HOST "/", "hosts[0].host", HOST},
    {NULL, "dsql://u@" HOST ":7/db?region=eu-west-1", "user", "u"},
    {NULL, "dsql://u@" HOST ":7/db?region=eu-west-1", "hosts[0].port", "7"},
    {NULL, "dsql://u@" HOST ":7/db?region=eu-west-1", "dbname", "db"},
    {NULL, "dsql://u@" HOST ":7/db?region=eu-west-1", "region", "eu-west-1"},
    {NULL, "dsql://" ID "?region=us-east-1", "hosts[0].host", HOST},
    {NULL, "dsql://localhost?region=r", "dsql", "1"},
    {NULL, "dsql://localhost?region=r", "sign_host", "localhost"},
    {NULL, "postgres://" HOST, "dsql", "1"},
    {NULL, "postgresql://" HOST, "dsql", "1"},
    {NULL, "postgresql://" ID "/?region=us-east-1", "hosts[0].host", HOST},
    {NULL, "postgresql://?host=" HOST, "dsql", "1"},
    {NULL, "host=" HOST, "dsql", "1"},
    {NULL, "host=" ID " region=us-east-1", "hosts[0].host", HOST},
    {NULL, "host=db.example.com auth=iam region=r", "dsql", "1"},
    {NULL, "host=db.example.com auth=iam region=r", "hosts[0].host", "db.example.com"},
    {NULL, "postgres://db.example.com?auth=iam&region=r", "iam", "1"},
    {NULL, "sign_host=" HOST " connect_host=10.0.0.1", "hosts[0].host", HOST},
    {NULL, "service=dsql", "dsql", "1"},
    {NULL, "service=iam", "dsql", "1"},
    {NULL, "host=other service=dsql", "dsql", "0"},
    {"PGSERVICE=dsql", "", "dsql", "1"},
    {"PGHOST=" HOST, "", "dsql", "1"},
    {"PGHOST=" HOST, "", "@host", "environment variable PGHOST"},
    {"PGHOST=" HOST, "", "?host", "0"},
    {"PGHOST=" HOST "\nPGPORT=9\nPGSSLMODE=disable\nPGHOSTADDR=::1\nPGPASSWORD=p", "", "hosts[0].port", "5432"},
    {"PGHOST=" HOST "\nPGPORT=9\nPGSSLMODE=disable\nPGHOSTADDR=::1\nPGPASSWORD=p", "", "hosts[0].hostaddr", "-"},
    {"PGHOST=" HOST "\nPGPORT=9\nPGSSLMODE=disable\nPGHOSTADDR=::1\nPGPASSWORD=p", "", "verify", "2"},
    {"PGHOST=" HOST, "host=h", "dsql", "0"},
    {"PGHOST=" HOST, "host=''", "dsql", "0"},
    {NULL, "host=h", "dsql", "0"},
    {NULL, "host=h auth=password", "dsql", "0"},
    {NULL, "", "dsql", "0"},
    {NULL, "postgres://h", "region", "-"},
    {NULL, "host=h auth=kerberos", NULL,
     "invalid auth value \"kerberos\" (connection string): must be iam or password"},
    {NULL, "host=h auth=''", NULL, "invalid auth value"},
    {NULL, "dsql://", NULL, "DSQL mode needs a host"},
    {"PGHOST=h", "dsql://", NULL, "DSQL mode needs a host"},
    {NULL, "auth=iam region=r hostaddr=::1", NULL, "DSQL mode needs a host"},
    {NULL, "dsql://...", NULL, "DSQL mode needs a host"},
    /* names, normalised; the patterns of all connectors */
    {NULL, "ABCDEFGHIJKLMNOPQRSTUVWXYZ.DSQL.US-EAST-1.ON.AWS.", "hosts[0].host", HOST},
    {NULL, "ABCDEFGHIJKLMNOPQRSTUVWXYZ.DSQL.US-EAST-1.ON.AWS.", "region", "us-east-1"},
    {NULL, "dsql://" HOST ".", "sign_host", HOST},
    {NULL, "dsql://" HOST "..", "sign_host", HOST},
    {NULL, LINK, "region", "us-east-1"},
    {NULL, LINK, "sign_host", LINK},
    {NULL, "x.dsqlqa.eu-west-1.on.aws", "region", "eu-west-1"},
    {NULL, "x.dsqlbeta.eu-west-1.on.aws", "region", "eu-west-1"},
    {NULL, "x.dsql-gamma.ap-southeast-2.on.aws", "region", "ap-southeast-2"},
    {NULL, "a.b.dsql.eu-west-1.on.aws", "region", "eu-west-1"},
    {NULL, "host=dsql.us-east-1.on.aws", "dsql", "0"},
    {NULL, "host=.dsql.us-east-1.on.aws", "dsql", "0"},
    {NULL, "host=x.dsql.us-east-1.on.aws.evil.com", "dsql", "0"},
    {NULL, "host=x.rds.us-east-1.on.aws", "dsql", "0"},
    {NULL, "host=x.mydsql.us-east-1.on.aws", "dsql", "0"},
    {NULL, "host=x.dsql.a.us-east-1.on.aws", "dsql", "0"},
    {NULL, "host=x.dsql.us_east_1.on.aws", "dsql", "0"},
    {NULL, "host=x.dsql.us-east-1.xon.aws", "dsql", "0"},
    {NULL, "host=on.aws", "dsql", "0"},
    {NULL, "host=.aws", "dsql", "0"},
    {NULL, "host=" VPCE, "dsql", "0"},
    /* cluster ids */
    {"AWS_REGION=us-east-1", "host=abcdefghijklmnopqrstuvwxy1", "dsql", "1"},
    {"AWS_REGION=us-east-1", "host=01234567890123456789012345", "dsql", "1"},
    {"AWS_REGION=us-east-1", "host=abcdefghijklmnopqrstuvwxy", "dsql", "0"},
    {"AWS_REGION=us-east-1", "host=abcdefghijklmnopqrstuvwxyza", "dsql", "0"},
    {"AWS_REGION=us-east-1", "host=Abcdefghijklmnopqrstuvwxyz", "dsql", "0"},
    {"AWS_REGION=us-east-1", "host=abcdefghijklm-opqrstuvwxyz", "dsql", "0"},
    {"AWS_REGION=us-east-1", "host=abcdefghijklm.opqrstuvwxyz", "dsql", "0"},
    /* defaults */
    {NULL, HOST, "user", "admin"},
    {NULL, HOST, "dbname", "postgres"},
    {NULL, HOST, "hosts[0].port", "5432"},
    {NULL, HOST, "negotiation", "1"},
    {NULL, HOST, "sslmode", "6"},
    {NULL, HOST, "verify", "2"},
    {NULL, HOST, "system", "1"},
    {NULL, HOST, "min_version", "771"},
    {NULL, HOST, "iam", "1"},
    {NULL, HOST, "token_duration", "900"},
    {NULL, HOST, "password", "-"},
    {NULL, HOST, "sslcert", "-"},
    {NULL, HOST, "sslcrl", "-"},
    {NULL, HOST, "application_name", "libdsql/" DSQL_VERSION_STRING},
    {NULL, "host=" HOST " user='' dbname=''", "user", "admin"},
    {"PGUSER=e\nPGDATABASE=e", "host=" HOST " user='' dbname=''", "user", "admin"},
    {"PGUSER=e\nPGDATABASE=e", "host=" HOST " user='' dbname=''", "dbname", "postgres"},
    {NULL, "dsql://" HOST "?sslnegotiation=postgres", "negotiation", "0"},
    {NULL, "dsql://" HOST "?sslrootcert=/ca.pem", "sslrootcert", "/ca.pem"},
    {NULL, "dsql://" HOST "?sslrootcert=system", "system", "1"},
    {NULL, "dsql://" HOST "?sslrootcert=/none", NULL, "does not exist"},
    {NULL, "dsql://" HOST "?options=-csearch_path%3dmyschema", "options", "-csearch_path=myschema"},
    {NULL, "dsql://" HOST "?hostaddr=127.0.0.1&port=7", "hosts[0].hostaddr", "127.0.0.1"},
    {NULL, "dsql://" HOST "?hostaddr=127.0.0.1&port=7", "hosts[0].host", HOST},
    /* the password */
    {NULL, "dsql://u:token@" HOST, "iam", "0"},
    {NULL, "dsql://u:token@" HOST, "password", "token"},
    {NULL, "dsql://u:token@" HOST, "=auth", "password"},
    {NULL, "dsql://" HOST "?auth=iam&password=token", "hosts[0].password", "token"},
    {NULL, "dsql://" HOST "?auth=password", "iam", "0"},
    {NULL, "dsql://" HOST "?auth=password", "hosts[0].password", "frompassfile"},
    {NULL, "dsql://" HOST "?auth=password", "verify", "2"},
    {NULL, "dsql://localhost?auth=password", "region", "-"},
    {NULL, "dsql://" HOST, "hosts[0].password", "-"},
    {NULL, "dsql://" HOST "?passfile=/home/os/.pgpass", NULL,
     "passfile (connection string) is not read when an IAM token is used: remove it, or set auth=password"},
    {NULL, "dsql://" HOST "?passfile=/home/os/.pgpass&auth=password", "hosts[0].password", "frompassfile"},
    /* the token's duration */
    {NULL, "dsql://" HOST "?token_duration_secs=1", "token_duration", "1"},
    {NULL, "dsql://" HOST "?tokenDurationSecs=604800", "token_duration", "604800"},
    {NULL, "dsql://" HOST "?token_duration_secs=604801", NULL,
     "invalid token_duration_secs value \"604801\" (connection string): must be 1 to 604800 seconds (a week)"},
    {NULL, "dsql://" HOST "?token_duration_secs=0", NULL, "must be 1 to 604800"},
    {NULL, "dsql://" HOST "?token_duration_secs=-1", NULL, "must be 1 to 604800"},
    {NULL, "dsql://" HOST "?token_duration_secs=15m", NULL, "must be a whole number"},
    {NULL, "dsql://" HOST "?token_duration_secs=", NULL, "must be a whole number"},
    {NULL, "dsql://" HOST "?token_duration_secs=99999999999", NULL, "must be a whole number"},
    /* keys that nothing would use */
    {NULL, "host=h region=r", NULL,
     "region (connection string) needs DSQL mode: set auth=iam, or use dsql:// or the host name of a DSQL cluster"},
    {NULL, "postgres://h?profile=p", NULL, "profile (connection string) needs DSQL mode"},
    {NULL, "host=h token_duration_secs=5", NULL, "token_duration_secs (connection string) needs DSQL mode"},
    {NULL, "host=h sign_host=x", NULL, "sign_host (connection string) needs DSQL mode"},
    {NULL, "host=h connect_host=x", NULL, "connect_host (connection string) needs DSQL mode"},
    {NULL, "host=h application_name_prefix=x", "application_name", "x:libdsql/" DSQL_VERSION_STRING},
    {NULL, "dsql://" HOST "?regoin=x", NULL, "invalid connection option \"regoin\"; did you mean \"region\"?"},
    {"AWS_REGION=x\nAWS_PROFILE=p", "host=h", "dsql", "0"},
    /* what can't work */
    {NULL, "dsql://" HOST "?channel_binding=require", NULL, "channel_binding=require (connection string): "},
    {NULL, "dsql://" HOST "?channel_binding=prefer", "dsql", "1"},
    {NULL, "dsql://" HOST ",b", NULL, "host (connection string) is a list: DSQL mode takes one host"},
    {NULL, "host=b," HOST, NULL, "host (connection string) is a list"},
    {NULL, "host=" HOST " port=1,2", NULL, "port (connection string) is a list"},
    {NULL, "host=" HOST " hostaddr=::1,::2", NULL, "hostaddr (connection string) is a list"},
    {NULL, "host=/tmp auth=iam region=r", NULL, "is a Unix-domain socket: DSQL mode needs a TCP host"},
    {NULL, "host=@x auth=iam region=r", NULL, "invalid host (connection string): has an \"@\""},
    {NULL, "dsql://" HOST "?target_session_attrs=read-write", NULL, "target_session_attrs=read-write"},
    {NULL, "dsql://" HOST "?target_session_attrs=any", "dsql", "1"},
    {NULL, "dsql://" HOST "?sslsni=0", NULL, "sslsni=0 (connection string): "},
    {NULL, "dsql://a;b?region=r", NULL, "invalid host value \"a;b\" (connection string): must be a host name"},
    {NULL, "dsql://u:hunter/x@" HOST, NULL, "invalid port"},
};

Test(dsql_mode, table) {
  struct fake_env e;

  fake_env_init(&e);
  e.files = service_files;
  fake_run(&e, modes, sizeof modes / sizeof modes[0]);
}

/* Each way in, each mode that is weaker. */
Test(dsql_mode, tls_is_not_weakened) {
  static const char *const weak[] = {"disable", "allow", "prefer", "require", "verify-ca"};
  struct fake_env e;
  char text[200];

  fake_env_init(&e);
  e.files = service_files;
  for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++) {
    static const char *const formats[] = {
        "dsql://" HOST "?sslmode=%s", "host=" HOST " sslmode=%s", "postgres://" HOST "?hostaddr=::1&sslmode=%s",
        "host=h auth=iam region=r sslmode=%s", "host=" HOST " sslmode=%s connect_host=''"};
    for (size_t k = 0; k < sizeof formats / sizeof formats[0]; k++) {
      const char *hole = strstr(formats[k], "%s");
      snprintf(text, sizeof text, "%.*s%s%s", (int)(hole - formats[k]), formats[k], weak[i], hole + 2);
      cr_assert_null(fake_resolve(&e, text), "%s", text);
      cr_assert(strstr(e.fault.text, "DSQL mode takes verify-full only"), "%s: %s", text, e.fault.text);
    }
    dsql_config c;
    dsql_config_init(&c);
    c.target = HOST;
    c.sslmode = (enum dsql_sslmode)(DSQL_SSL_DISABLE + i);
    cr_assert_null(fake_resolve_config(&e, &c));
    cr_assert(strstr(e.fault.text, "(dsql_config): DSQL mode takes verify-full only"), "%s", e.fault.text);
  }
  static const struct fake_case others[] = {
      {NULL, "dsql://" HOST "?ssl=true", NULL, "DSQL mode takes verify-full only"},
      {NULL, "dsql://" HOST "?requiressl=1", NULL, "DSQL mode takes verify-full only"},
      {NULL, "host=" HOST " service=weak", NULL, "sslmode value \"require\" (service file): DSQL mode takes"},
      {NULL, "service=weakdsql", NULL, "sslmode value \"disable\" (service file): DSQL mode takes"},
      {"PGSERVICE=weakdsql", "", NULL, "DSQL mode takes verify-full only"},
      {NULL, "dsql://" HOST "?sslmode=verify-full", "verify", "2"},
      {NULL, "dsql://" HOST "?ssl_min_protocol_version=TLSv1", "min_version", "771"},
      {NULL, "dsql://" HOST "?sslmode=nonsense", NULL, "invalid sslmode value \"nonsense\""},
      {NULL, "dsql://" HOST "?sslmode=", NULL, "invalid sslmode value \"\""},
  };
  fake_run(&e, others, sizeof others / sizeof others[0]);
}

/* What the environment says of another server has no say here: each variable with a value that would be seen. */
Test(dsql_mode, environment_is_ignored) {
  static const struct {
    const char *vars, *field, *expected;
  } rows[] = {{"PGHOST=other", "hosts[0].host", HOST},
              {"PGHOST=a.dsql.eu-west-1.on.aws", "hosts[0].host", HOST},
              {"PGHOSTADDR=10.0.0.1", "hosts[0].hostaddr", "-"},
              {"PGPORT=7", "hosts[0].port", "5432"},
              {"PGPORT=nonsense", "hosts[0].port", "5432"},
              {"PGSSLMODE=disable", "sslmode", "6"},
              {"PGREQUIRESSL=1", "sslmode", "6"},
              {"PGSSLNEGOTIATION=postgres", "negotiation", "1"},
              {"PGSSLROOTCERT=/ca.pem", "sslrootcert", "-"},
              {"PGSSLCERT=/ca.pem", "sslcert", "-"},
              {"PGSSLKEY=/ca.pem", "sslkey", "-"},
              {"PGSSLCERTMODE=require", "certmode", "1"},
              {"PGSSLCRL=/ca.pem", "sslcrl", "-"},
              {"PGSSLCRLDIR=/ca.pem", "sslcrldir", "-"},
              {"PGSSLSNI=0", "sni", "1"},
              {"PGSSLMINPROTOCOLVERSION=TLSv1.3", "min_version", "771"},
              {"PGSSLMAXPROTOCOLVERSION=TLSv1.2", "max_version", "0"},
              {"PGSSLMAXPROTOCOLVERSION=TLSv1", "max_version", "0"},
              {"PGPASSWORD=p", "password", "-"},
              {"PGPASSWORD=p", "iam", "1"},
              {"PGPASSFILE=/home/os/.pgpass", "hosts[0].password", "-"},
              {"PGSERVICE=weak", "user", "admin"},
              {"PGSERVICE=nosuch", "user", "admin"},
              {"PGSERVICEFILE=/none", "user", "admin"},
              {"PGREQUIREAUTH=scram-sha-256", "require_auth", "-"},
              {"PGCHANNELBINDING=require", "channel_binding", "1"},
              {"PGLOADBALANCEHOSTS=random", "load_balance", "0"},
              {"PGTARGETSESSIONATTRS=standby", "session_attrs", "0"},
              {"PGREQUIREPEER=x", "requirepeer", "-"},
              {"PGMINPROTOCOLVERSION=3.2", "min_protocol", "196608"},
              {"PGMAXPROTOCOLVERSION=3.2", "max_protocol", "196608"},
              {"PGGSSENCMODE=require", "dsql", "1"},
              {"PGCLIENTENCODING=LATIN1", "client_encoding", "UTF8"},
              {"PGGEQO=off", "geqo", "-"},
              /* honoured */
              {"PGUSER=u", "user", "u"},
              {"PGDATABASE=d", "dbname", "d"},
              {"PGAPPNAME=a", "application_name", "a"},
              {"PGOPTIONS=-c a=b", "options", "-c a=b"},
              {"PGCONNECT_TIMEOUT=3", "connect_timeout", "3000"},
              {"PGTZ=UTC", "timezone", "UTC"}};
  struct fake_env e;

  fake_env_init(&e);
  e.files = service_files;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const struct fake_case c = {rows[i].vars, HOST, rows[i].field, rows[i].expected};
    fake_run(&e, &c, 1);
  }
  /* Where a service is named, its file may be too. */
  const struct fake_case named = {"PGSERVICEFILE=/other", "service=dsql", "hosts[0].host",
                                  "other.dsql.eu-west-1.on.aws"};
  fake_run(&e, &named, 1);
  /* A password only where one is asked for. */
  static const struct fake_case passwords[] = {
      {"PGPASSWORD=p", "host=" HOST " auth=password", "password", "p"},
      {"PGPASSWORD=p", "host=" HOST " auth=password", "@password", "environment variable PGPASSWORD"},
      {"PGPASSWORD=p", "host=" HOST " auth=password", "iam", "0"},
      {"PGPASSWORD=p", "host=" HOST " auth=password password=q", "password", "q"},
      {"PGPASSWORD=p", "host=" HOST " auth=iam", "password", "-"}};
  fake_run(&e, passwords, sizeof passwords / sizeof passwords[0]);
}

/* The same variables do count without the mode, so that the test above tests something. */
Test(dsql_mode, environment_counts_in_plain_mode) {
  static const struct fake_case rows[] = {
      {"PGHOST=other", "", "hosts[0].host", "other"},
      {"PGHOSTADDR=10.0.0.1", "host=h", "hosts[0].hostaddr", "10.0.0.1"},
      {"PGPORT=7", "host=h", "hosts[0].port", "7"},
      {"PGSSLMODE=disable", "host=h", "sslmode", "1"},
      {"PGREQUIRESSL=1", "host=h", "sslmode", "4"},
      {"PGREQUIRESSL=1", "host=h", "@sslmode", "environment variable PGREQUIRESSL"},
      {"PGSSLROOTCERT=/ca.pem", "host=h", "sslrootcert", "/ca.pem"},
      {"PGSSLSNI=0", "host=h", "sni", "0"},
      {"PGPASSWORD=p", "host=h", "password", "p"},
      {"PGSERVICE=weak", "host=h", "user", "u"},
      {"PGGEQO=off", "host=h", "geqo", "off"},
      {"PGCHANNELBINDING=require", "host=h", "channel_binding", "2"},
      {NULL, "host=h", "sslrootcert", "/home/os/.postgresql/root.crt"},
      {NULL, "host=h", "sslcert", "/home/os/.postgresql/postgresql.crt"},
  };
  struct fake_env e;

  fake_env_init(&e);
  e.files = service_files;
  fake_run(&e, rows, sizeof rows / sizeof rows[0]);
}

Test(dsql_mode, config_fields) {
  struct fake_env e;
  struct target *t;
  dsql_config c;

  fake_env_init(&e);
  dsql_config_init(&c);
  c.target = "dsql://one.dsql.eu-west-1.on.aws?region=a&profile=a&sign_host=a&token_duration_secs=7";
  c.host = ID;
  c.region = "us-east-1";
  c.profile = "p";
  c.sign_host = "two.dsql.us-east-1.on.aws";
  c.connect_host = "localhost";
  c.application_name_prefix = "app";
  c.token_duration_s = 60;
  t = fake_resolve_config(&e, &c);
  cr_assert(t, "%s", e.fault.text);
  cr_assert(t->dsql && t->iam);
  cr_assert_str_eq(t->hosts[0].host, HOST);
  cr_assert_str_eq(t->hosts[0].dial_name, "localhost");
  cr_assert_str_eq(t->region, "us-east-1");
  cr_assert_str_eq(t->profile, "p");
  cr_assert_str_eq(t->sign_host, "two.dsql.us-east-1.on.aws");
  cr_assert_str_eq(t->application_name, "app:libdsql/" DSQL_VERSION_STRING);
  cr_assert_eq(t->token_duration_s, 60);
  target_unref(t);
  c.token_duration_s = 604801;
  cr_assert_null(fake_resolve_config(&e, &c));
  cr_assert(strstr(e.fault.text, "invalid token_duration_secs value \"604801\" (dsql_config)"), "%s", e.fault.text);
  c.token_duration_s = UINT32_MAX;
  cr_assert_null(fake_resolve_config(&e, &c));
  cr_assert(strstr(e.fault.text, "4294967295"), "%s", e.fault.text);
  test_alloc_assert_empty(&e.heap);
}

/* Empty fields win, and mean the default; an older struct ends before them. */
Test(dsql_mode, config_empty_and_older) {
  struct fake_env e;
  struct target *t;
  dsql_config c;

  fake_env_init(&e);
  dsql_config_init(&c);
  c.target = "dsql://" HOST "?region=eu-west-1&sign_host=a&profile=p";
  c.region = c.sign_host = c.profile = c.connect_host = c.user = "";
  t = fake_resolve_config(&e, &c);
  cr_assert(t, "%s", e.fault.text);
  cr_assert_str_eq(t->region, "us-east-1");
  cr_assert_str_eq(t->sign_host, HOST);
  cr_assert_str_eq(t->user, "admin");
  cr_assert_null(t->profile);
  target_unref(t);
  dsql_config_init(&c);
  c.size = offsetof(dsql_config, region);
  c.target = HOST;
  c.region = "not read";
  t = fake_resolve_config(&e, &c);
  cr_assert_str_eq(t->region, "us-east-1");
  target_unref(t);
  dsql_config_init(&c);
  c.host = "h";
  c.region = "r";
  cr_assert_null(fake_resolve_config(&e, &c));
  cr_assert(strstr(e.fault.text, "region (dsql_config) needs DSQL mode"), "%s", e.fault.text);
  test_alloc_assert_empty(&e.heap);
}

/* A password source of the caller's own takes the token's place. */
Test(dsql_mode, config_auth) {
  struct fake_env e;
  struct target *t;
  dsql_config c;
  int source;

  fake_env_init(&e);
  e.files = service_files;
  dsql_config_init(&c);
  c.target = "dsql://localhost";
  c.auth = (dsql_auth *)(void *)&source; /* never followed here */
  t = fake_resolve_config(&e, &c);
  cr_assert(t, "%s", e.fault.text);
  cr_assert(t->dsql && !t->iam);
  cr_assert_null(target_password(t, 0));
  cr_assert_str_eq(fake_field(t, "=auth"), "password");
  target_unref(t);
  c.target = "dsql://localhost?auth=iam";
  t = fake_resolve_config(&e, &c);
  cr_assert(t && !t->iam);
  target_unref(t);
  test_alloc_assert_empty(&e.heap);
}
