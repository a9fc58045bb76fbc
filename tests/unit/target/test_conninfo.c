#include <criterion/criterion.h>
#include <string.h>

#include "target/conninfo.h"
#include "test_alloc.h"

/* The values as "key='value' ..." in the order of the keyword table. */
static void dump(const struct conninfo *c, char *out, size_t size) {
  size_t n = 0;

  out[0] = '\0';
  for (int k = 0; k < KEYWORD_COUNT; k++)
    if (c->values[k].text)
      n += (size_t)snprintf(out + n, size - n, "%s%s='%s'", n ? " " : "", keyword_table[k].name, c->values[k].text);
}

static const struct {
  const char *text, *expected;
} cases[] = {
    /* libpq's t/001_uri.pl */
    {"postgresql://uri-user:secret@host:12345/db",
     "user='uri-user' password='secret' dbname='db' host='host' port='12345'"},
    {"postgresql://uri-user@host:12345/db", "user='uri-user' dbname='db' host='host' port='12345'"},
    {"postgresql://uri-user@host/db", "user='uri-user' dbname='db' host='host'"},
    {"postgresql://host:12345/db", "dbname='db' host='host' port='12345'"},
    {"postgresql://host/db", "dbname='db' host='host'"},
    {"postgresql://uri-user@host:12345/", "user='uri-user' host='host' port='12345'"},
    {"postgresql://uri-user@", "user='uri-user'"},
    {"postgresql://host:12345", "host='host' port='12345'"},
    {"postgresql://host", "host='host'"},
    {"postgresql://", ""},
    {"postgresql://?hostaddr=127.0.0.1", "hostaddr='127.0.0.1'"},
    {"postgresql://example.com?hostaddr=63.1.2.4", "host='example.com' hostaddr='63.1.2.4'"},
    {"postgresql://%68ost/", "host='host'"},
    {"postgresql://host/db?user=uri-user&port=12345", "user='uri-user' dbname='db' host='host' port='12345'"},
    {"postgresql://host/db?u%73er=someotheruser", "user='someotheruser' dbname='db' host='host'"},
    {"postgresql://host?user=uri-user", "user='uri-user' host='host'"},
    {"postgresql://host?", "host='host'"},
    {"postgresql://[::1]:12345/db", "dbname='db' host='::1' port='12345'"},
    {"postgresql://[200z:db8::1234]/", "host='200z:db8::1234'"},
    {"postgresql://[::1]", "host='::1'"},
    {"postgres:///db", "dbname='db'"},
    {"postgres://uri-user@/db", "user='uri-user' dbname='db'"},
    {"postgres://?host=/path/to/socket/dir", "host='/path/to/socket/dir'"},
    {"postgres://@host", "host='host'"},
    {"postgres://host:/", "host='host'"},
    {"postgres://:12345/", "port='12345'"},
    {"postgres://otheruser@:12345/db?host=/s", "user='otheruser' dbname='db' host='/s' port='12345'"},
    {"postgres://%2Fvar%2Flib%2Fpostgresql/dbname", "dbname='dbname' host='/var/lib/postgresql'"},
    /* lists, brackets, empty elements */
    {"postgres://a:1,b,c:3/d", "dbname='d' host='a,b,c' port='1,,3'"},
    {"postgres://a,b/d", "dbname='d' host='a,b' port=','"},
    {"postgres://,/", "host=',' port=','"},
    {"postgres://[::1]:1,[::2]:2", "host='::1,::2' port='1,2'"},
    {"postgres://a%2Cb", "host='a,b'"},
    /* user information ends at the first '@' before any '/' */
    {"postgres://u:p@ss@h/", "user='u' password='p' host='ss@h'"},
    {"postgres://u:a:b@h/", "user='u' password='a:b' host='h'"},
    {"postgres://u:a?b@h/", "user='u' password='a?b' host='h'"},
    {"postgres://h/a@b", "dbname='a@b' host='h'"},
    {"postgres://:p@h", "password='p' host='h'"},
    {"postgres://u:@h", "user='u' host='h'"},
    {"postgres://u%40x:p%3A%2f@h", "user='u@x' password='p:/' host='h'"},
    /* queries */
    {"postgres://?application_name=a+b%20c", "application_name='a+b c'"},
    {"postgres://?ssl=true", "sslmode='require'"},
    {"postgres://?%73sl=tru%65", "sslmode='require'"},
    {"postgres://?requiressl=1", "sslmode='require'"},
    {"postgres://?requiressl=", "sslmode='prefer'"},
    {"postgres://?user=a&user=b", "user='b'"},
    {"postgres://?user=a&", "user='a'"},
    {"postgres://?user=", "user=''"},
    {"postgres://h/d?user=a/b?c:d@e", "user='a/b?c:d@e' dbname='d' host='h'"},
    /* spaces around a part */
    {"postgres:// h :1/ d ? user =  u ", "user='u' dbname='d' host='h' port='1'"},
    {"postgres://a\tb", "host='a\tb'"},
    /* keyword strings */
    {"", ""},
    {" \t\n\v\f\r", ""},
    {"host=h port=1", "host='h' port='1'"},
    {"  host = h\n port=  1 ", "host='h' port='1'"},
    {"host=", "host=''"},
    {"host= ", "host=''"},
    {"user='a b' dbname='c''d'", NULL},
    {"user='a''b'", NULL},
    {"user='a\\'b\\\\c'", "user='a'b\\c'"},
    {"user=a\\ b\\\\c\\'d", "user='a b\\c'd'"},
    {"user=a'b", "user='a'b'"},
    {"user='a'port=1", "user='a' port='1'"},
    {"user=a\\", "user='a'"},
    {"user=a user=b", "user='b'"},
    {"user=%41+", "user='%41+'"},
    {"requiressl=1", "sslmode='require'"},
    {"requiressl=0", "sslmode='prefer'"},
    {"dbname=postgres://h/d", "dbname='postgres://h/d'"},
    {"ssl=true", NULL},
};

Test(conninfo, values) {
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct test_alloc heap;
    struct conninfo c;
    struct fault f = {0};
    char text[512];
    int rc;

    test_alloc_init(&heap);
    conninfo_init(&c, &heap.hook);
    rc = conninfo_parse(&c, cases[i].text, &f);
    cr_assert_eq(rc, cases[i].expected ? 0 : DSQL_EINVAL, "%s: %s", cases[i].text, f.text);
    dump(&c, text, sizeof text);
    if (cases[i].expected) cr_assert_str_eq(text, cases[i].expected, "%s: %s", cases[i].text, text);
    conninfo_deinit(&c);
    test_alloc_assert_empty(&heap);
  }
}

Test(conninfo, source_is_given) {
  struct test_alloc heap;
  struct conninfo c;
  struct fault f = {0};

  test_alloc_init(&heap);
  conninfo_init(&c, &heap.hook);
  cr_assert_eq(conninfo_parse(&c, "postgres://u@h", &f), 0);
  cr_assert_eq(c.values[KEYWORD_user].source, CONNINFO_GIVEN);
  cr_assert_eq(c.values[KEYWORD_port].source, CONNINFO_UNSET);
  cr_assert_null(conninfo_get(&c, KEYWORD_port));
  conninfo_deinit(&c);
  test_alloc_assert_empty(&heap);
}

Test(keywords, table_is_libpq_18s) {
  cr_assert_eq(KEYWORD_LIBPQ_COUNT, 50);
  cr_assert_eq(KEYWORD_COUNT, 59);
  for (int i = 0; i < KEYWORD_COUNT; i++) {
    const struct keyword_info *k = &keyword_table[i];
    cr_assert_eq(keyword_find(k->name, strlen(k->name)), i);
    if (k->env) cr_assert_eq(strncmp(k->env, "PG", 2), 0);
  }
  cr_assert_eq(keyword_find("tokenDurationSecs", 17), KEYWORD_token_duration_secs);
  cr_assert_eq(keyword_find("hos", 3), -1);
  cr_assert_eq(keyword_find("hostx", 5), -1);
  cr_assert_eq(keyword_find("", 0), -1);
}

Test(keywords, suggestions) {
  static const char *const pairs[][2] = {{"usr", "user"},
                                         {"regoin", "region"},
                                         {"aws_region", "region"},
                                         {"token-duration-secs", "token_duration_secs"},
                                         {"tokendurationsecs", "token_duration_secs"},
                                         {"signhost", "sign_host"},
                                         {"ormPrefix", "application_name_prefix"},
                                         {"USER", "user"},
                                         {"pasword", "password"},
                                         {"hots", "host"},
                                         {"prot", "port"},
                                         {"ssl_mode", "sslmode"},
                                         {"sslrootcrt", "sslrootcert"},
                                         {"database", "dbname"},
                                         {"username", "user"},
                                         {"ssl", "sslmode"},
                                         {"appname", "application_name"},
                                         {"aplication_name", "application_name"},
                                         {"zzz", NULL},
                                         {"hunter", NULL},
                                         {"", NULL},
                                         {"a_name_longer_than_any_keyword_ever_was", NULL}};
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    const char *got = keyword_suggest(pairs[i][0], strlen(pairs[i][0]));
    if (pairs[i][1])
      cr_assert_str_eq(got ? got : "(none)", pairs[i][1], "%s", pairs[i][0]);
    else
      cr_assert_null(got, "%s: %s", pairs[i][0], got);
  }
}
