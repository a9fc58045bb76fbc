#include <criterion/criterion.h>
#include <string.h>

#include "fake_env.h"

#define KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static const struct fake_case cases[] = {
    /* who: string, then service, then environment, then default */
    {NULL, NULL, "user", "os"},
    {NULL, "", "user", "os"},
    {"PGUSER=env", "", "user", "env"},
    {"PGUSER=env", "user=given", "user", "given"},
    {"PGUSER=env", "postgres://given@h", "user", "given"},
    {"PGUSER=", "", "user", "os"},
    {NULL, "", "dbname", "os"},
    {NULL, "user=u", "dbname", "u"},
    {"PGDATABASE=env", "user=u", "dbname", "env"},
    {"PGDATABASE=env", "dbname=''", "dbname", "os"},
    {"PGDATABASE=env", "postgres://h/", "dbname", "env"},
    {"PGPASSWORD=secret", "", "password", "secret"},
    {"PGPASSWORD=secret", "password=''", "password", "-"},
    {"PGOPTIONS=-c a=b", "", "options", "-c a=b"},
    {NULL, "", "options", "-"},
    {NULL, "options=''", "options", "-"},
    {NULL, "requirepeer=postgres", "requirepeer", "postgres"},
    {"PGREQUIREAUTH=!md5", "", "require_auth", "!md5"},
    {NULL, "require_auth=''", "require_auth", "-"},
    {NULL, "", "application_name", "libdsql/" DSQL_VERSION_STRING},
    {NULL, "fallback_application_name=f", "application_name", "f"},
    {NULL, "fallback_application_name=f application_name=a", "application_name", "a"},
    {"PGAPPNAME=e", "fallback_application_name=f", "application_name", "e"},
    {NULL, "fallback_application_name=f application_name=''", "application_name", "-"},
    /* the session's settings */
    {"PGTZ=UTC\nPGGEQO=off", "", "timezone", "UTC"},
    {"PGTZ=UTC\nPGGEQO=off", "", "geqo", "off"},
    /* encoding */
    {NULL, "", "client_encoding", "UTF8"},
    {NULL, "client_encoding=utf-8", "client_encoding", "UTF8"},
    {NULL, "client_encoding=Unicode", "client_encoding", "UTF8"},
    {"PGCLIENTENCODING=auto", "", "client_encoding", "UTF8"},
    {"PGCLIENTENCODING=LATIN1", "", NULL,
     "invalid client_encoding value \"LATIN1\" (environment variable PGCLIENTENCODING): must be UTF8"},
    {NULL, "client_encoding=utf8utf8utf8utf8", NULL, "must be UTF8"},
    /* protocol versions */
    {NULL, "", "min_protocol", "196608"},
    {NULL, "", "max_protocol", "196608"},
    {NULL, "max_protocol_version=latest", "max_protocol", "196610"},
    {NULL, "min_protocol_version=3.2", "max_protocol", "196610"},
    {NULL, "min_protocol_version=3.2", "min_protocol", "196610"},
    {NULL, "min_protocol_version=3.0", "max_protocol", "196608"},
    {"PGMAXPROTOCOLVERSION=3.2", "", "max_protocol", "196610"},
    {NULL, "min_protocol_version=3.2 max_protocol_version=3.0", NULL,
     "min_protocol_version 3.2 is greater than max_protocol_version 3.0"},
    {NULL, "min_protocol_version=3.1", NULL,
     "invalid min_protocol_version value \"3.1\" (connection string): must be 3.0, 3.2 or latest"},
    {NULL, "max_protocol_version=''", NULL, "invalid max_protocol_version value \"\""},
    /* words */
    {NULL, "", "session_attrs", "0"},
    {NULL, "target_session_attrs=read-write", "session_attrs", "1"},
    {NULL, "target_session_attrs=read-only", "session_attrs", "2"},
    {NULL, "target_session_attrs=primary", "session_attrs", "3"},
    {NULL, "target_session_attrs=standby", "session_attrs", "4"},
    {"PGTARGETSESSIONATTRS=prefer-standby", "", "session_attrs", "5"},
    {NULL, "target_session_attrs=master", NULL,
     "invalid target_session_attrs value \"master\" (connection string): must be any, read-write, read-only, primary, "
     "standby or prefer-standby"},
    {NULL, "target_session_attrs=''", NULL, "invalid target_session_attrs value \"\""},
    {NULL, "", "load_balance", "0"},
    {NULL, "load_balance_hosts=random", "load_balance", "1"},
    {NULL, "load_balance_hosts=disable", "load_balance", "0"},
    {NULL, "load_balance_hosts=1", NULL, "must be disable or random"},
    {NULL, "", "channel_binding", "1"},
    {NULL, "channel_binding=disable", "channel_binding", "0"},
    {"PGCHANNELBINDING=require", "", "channel_binding", "2"},
    {NULL, "channel_binding=Prefer", NULL, "must be disable, prefer or require"},
    /* integers */
    {NULL, "", "connect_timeout", "0"},
    {NULL, "connect_timeout=1", "connect_timeout", "1000"},
    {NULL, "connect_timeout=' 10 '", "connect_timeout", "10000"},
    {NULL, "connect_timeout=+3", "connect_timeout", "3000"},
    {NULL, "connect_timeout=0", "connect_timeout", "0"},
    {NULL, "connect_timeout=-5", "connect_timeout", "0"},
    {NULL, "connect_timeout=2147483647", "connect_timeout", "4294967295"},
    {"PGCONNECT_TIMEOUT=7", "", "connect_timeout", "7000"},
    {"PGCONNECT_TIMEOUT=", "", NULL,
     "invalid connect_timeout value \"\" (environment variable PGCONNECT_TIMEOUT): must be a whole number"},
    {NULL, "connect_timeout=2147483648", NULL, "must be a whole number"},
    {NULL, "connect_timeout=1.5", NULL, "must be a whole number"},
    {NULL, "connect_timeout=0x10", NULL, "must be a whole number"},
    {NULL, "connect_timeout=-", NULL, "must be a whole number"},
    {NULL, "connect_timeout='1 0'", NULL, "must be a whole number"},
    {NULL, "connect_timeout=99999999999999999999999", NULL, "must be a whole number"},
    {NULL, "", "keepalives", "1"},
    {NULL, "keepalives=0", "keepalives", "0"},
    {NULL, "keepalives=7", "keepalives", "1"},
    {NULL, "keepalives=yes", NULL, "invalid keepalives value \"yes\""},
    {NULL, "keepalives_idle=10", "idle", "10"},
    {NULL, "keepalives_idle=-10", "idle", "0"},
    {NULL, "keepalives_interval=11", "interval", "11"},
    {NULL, "keepalives_count=12", "count", "12"},
    {NULL, "keepalives_count=x", NULL, "invalid keepalives_count value \"x\""},
    {NULL, "tcp_user_timeout=2500", "user_timeout", "2500"},
    {NULL, "tcp_user_timeout=x", NULL, "invalid tcp_user_timeout value \"x\""},
    /* SCRAM keys */
    {NULL, "", "client_key", "0"},
    {NULL, "scram_client_key=" KEY, "client_key", "1"},
    {NULL, "scram_client_key=" KEY, "client_key_last", "31"},
    {NULL, "scram_client_key=" KEY, "server_key", "0"},
    {NULL, "scram_server_key=" KEY, "server_key", "1"},
    {NULL, "scram_client_key=''", NULL,
     "invalid scram_client_key value (not shown, connection string): must be the base64 of 32 bytes"},
    {NULL, "scram_server_key=hunter", NULL, "must be the base64 of 32 bytes"},
    {NULL, "scram_server_key=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8?", NULL, "base64"},
    {NULL, "scram_server_key=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=", NULL, "base64"},
    {NULL, "scram_server_key='AAEC wQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='", NULL, "base64"},
    /* what can't be honoured */
    {NULL, "gssencmode=disable", "user", "os"},
    {"PGGSSENCMODE=prefer", "", "user", "os"},
    {"PGGSSENCMODE=require", "", NULL,
     "gssencmode=require (environment variable PGGSSENCMODE): GSSAPI (Kerberos) is not supported"},
    {NULL, "gssencmode=require", NULL, "gssencmode=require (connection string): GSSAPI (Kerberos) is not supported"},
    {NULL, "krbsrvname=postgres gssdelegation=0 replication=false", "user", "os"},
    {NULL, "krbsrvname=x", NULL, "krbsrvname=x (connection string): GSSAPI"},
    {"PGKRBSRVNAME=x\nPGGSSLIB=gssapi\nPGGSSDELEGATION=1", "", "user", "os"},
    {NULL, "gsslib=gssapi", NULL, "gsslib=gssapi"},
    {NULL, "gssdelegation=1", NULL, "gssdelegation=1"},
    {NULL, "replication=database", NULL, "replication=database (connection string): the replication protocol"},
    {NULL, "oauth_issuer=i oauth_client_id=c oauth_client_secret=hunter oauth_scope=s", "=oauth_issuer", "i"},
    {NULL, "oauth_issuer=i oauth_client_id=c oauth_client_secret=hunter oauth_scope=s", "=oauth_client_id", "c"},
    {NULL, "oauth_issuer=i oauth_client_id=c oauth_client_secret=hunter oauth_scope=s", "=oauth_client_secret", "****"},
    {NULL, "oauth_issuer=i oauth_client_id=c oauth_client_secret=hunter oauth_scope=s", "=oauth_scope", "s"},
    {NULL, "sslcompression=whatever", "user", "os"},
};

Test(resolve, values) {
  struct fake_env e;
  fake_env_init(&e);
  fake_run(&e, cases, sizeof cases / sizeof cases[0]);
}

Test(resolve, user_unknown) {
  struct fake_env e;
  struct target *t;

  fake_env_init(&e);
  e.user = e.home = NULL;
  cr_assert_null(fake_resolve(&e, ""));
  cr_assert(strstr(e.fault.text, "set user"), "%s", e.fault.text);
  t = fake_resolve(&e, "user=u");
  cr_assert_str_eq(fake_field(t, "user"), "u");
  cr_assert_str_eq(fake_field(t, "passfile"), "-");
  target_unref(t);
  test_alloc_assert_empty(&e.heap);
}

Test(resolve, refused_is_unsupported) {
  struct fake_env e;

  fake_env_init(&e);
  cr_assert_null(fake_resolve(&e, "gssencmode=require"));
  cr_assert_eq(e.fault.code, DSQL_EUNSUPPORTED);
  cr_assert_null(fake_resolve(&e, "port=x"));
  cr_assert_eq(e.fault.code, DSQL_EINVAL);
  test_alloc_assert_empty(&e.heap);
}

Test(resolve, references) {
  struct fake_env e;
  struct target *t;

  fake_env_init(&e);
  t = fake_resolve(&e, "");
  cr_assert_eq(target_ref(t), t);
  target_unref(t);
  cr_assert_str_eq(t->user, "os");
  target_unref(t);
  target_unref(NULL);
  test_alloc_assert_empty(&e.heap);
}
