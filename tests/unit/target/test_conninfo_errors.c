#include <criterion/criterion.h>
#include <string.h>

#include "target/conninfo.h"
#include "test_alloc.h"

#define BARE                                                                                                           \
  "; write host=NAME, a URL, a DSQL host name (<id>.dsql.<region>.on.aws) or a cluster id (26 lower-case letters and " \
  "digits)"

static const struct {
  const char *text, *expected; /* expected: the whole text of the error */
} cases[] = {
    {"postgresql://host?uzer=", "invalid connection option \"uzer\"; did you mean \"user\"?"},
    {"postgresql://host/db?u%7aer=x", "invalid connection option \"uzer\"; did you mean \"user\"?"},
    {"postgre://", "unknown URL scheme \"postgre\": use dsql://, postgres:// or postgresql://"},
    {"postgre://u:hunter@h/d", "unknown URL scheme \"postgre\": use dsql://, postgres:// or postgresql://"},
    {"mysql://u:hunter@h/d?a=b", "unknown URL scheme \"mysql\": use dsql://, postgres:// or postgresql://"},
    {"a:b://u:hunter@h/d", "unknown URL scheme: use dsql://, postgres:// or postgresql://"},
    {" postgres://u:hunter@h/d", "the URL must start at the connection string's first byte"},
    {"postgres://[::1", "end of string reached when looking for matching \"]\" in the URL's IPv6 host address: ::1"},
    {"postgres://[]", "IPv6 host address may not be empty in the URL (position 13)"},
    {"postgres://[::1]z", "unexpected character z at position 17 in the URL (expected \":\" or \"/\")"},
    {"postgresql://host?zzz", "missing key/value separator \"=\" in URL query parameter \"zzz\""},
    {"postgresql://host?value1&value2", "missing key/value separator \"=\" in URL query parameter \"value1\""},
    {"postgresql://host?key=key=value", "extra key/value separator \"=\" in URL query parameter \"key\""},
    {"postgresql://host?a%b", "missing key/value separator \"=\" in the URL query parameter at position 19"},
    {"postgres://host?dbname=%XXfoo", "invalid percent-encoded token in the URL's dbname: \"%XXfoo\""},
    {"postgresql://a%00b", "forbidden value %00 in the URL's host: \"a%00b\""},
    {"postgresql://%zz", "invalid percent-encoded token in the URL's host: \"%zz\""},
    {"postgresql://%1", "invalid percent-encoded token in the URL's host: \"%1\""},
    {"postgresql://%", "invalid percent-encoded token in the URL's host: \"%\""},
    {"postgres://a b", "unexpected space (write %20) in the URL's host: \"a b\""},
    {"postgres://?user=a%0", "invalid percent-encoded token in the URL's user: \"a%0\""},
    {"postgres://?u%ser=a", "invalid percent-encoded token in the URL's query"},
    /* secrets */
    {"postgres://u:hunter%zz@h", "invalid percent-encoded token in the URL's password"},
    {"postgres://u:hun ter@h", "unexpected space (write %20) in the URL's password"},
    {"postgres://?pass%77ord=hunter%00", "forbidden value %00 in the URL's password"},
    {"postgres://?password=a&hunter", "missing key/value separator \"=\" in the URL query parameter at position 24"},
    {"postgres://?password=hun=ter", "extra key/value separator \"=\" in URL query parameter \"password\""},
    {"postgres://?password=a&hunter=2",
     "invalid connection option at position 24 of the connection string; quote or percent-encode values that contain "
     "spaces or other special characters"},
    {"postgres://?password=a&user=%hunter", "invalid percent-encoded token in the URL's user"},
    {"postgres://[hunter/x@h", "end of string reached when looking for matching \"]\" in the URL's IPv6 host address"},
    {"postgres://[a]hunter/x@h", "unexpected character at position 15 in the URL (expected \":\" or \"/\")"},
    {"postgres://u:hun%ter/x@h", "invalid percent-encoded token in the URL's port"},
    {"postgres://u:p/x@h?hunter", "missing key/value separator \"=\" in the URL query parameter at position 20"},
    /* keyword strings */
    {"user", "missing \"=\" after \"user\" in connection string" BARE},
    {"  user\t", "missing \"=\" after \"user\" in connection string" BARE},
    {"db.example.com", "missing \"=\" in connection string" BARE},
    {"hunter2!", "missing \"=\" in connection string" BARE},
    {"abcdefghijklmnopqrstuvwxy", "missing \"=\" after \"abcdefghijklmnopqrstuvwxy\" in connection string" BARE},
    {"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "missing \"=\" after \"ABCDEFGHIJKLMNOPQRSTUVWXYZ\" in connection string" BARE},
    {"abcdefghijklmnopqrstuvwxyz.dsql.us-east-1.on.aws:5432", "missing \"=\" in connection string" BARE},
    {"abcdefghijklmnopqrstuvwxyz x", "missing \"=\" after \"abcdefghijklmnopqrstuvwxyz\" in connection string"},
    {"user joe", "missing \"=\" after \"user\" in connection string"},
    {"host=h user:hunter@x",
     "missing \"=\" after the word at position 8 of the connection string; values that contain spaces need single "
     "quotes"},
    {"password=my hunter",
     "missing \"=\" after the word at position 13 of the connection string; values that contain spaces need single "
     "quotes"},
    {"password=my hunter=2",
     "invalid connection option at position 13 of the connection string; quote or percent-encode values that contain "
     "spaces or other special characters"},
    {"password='it's hunter' usr=x",
     "missing \"=\" after the word at position 14 of the connection string; values that contain spaces need single "
     "quotes"},
    {"password=x usr=hunter",
     "invalid connection option at position 12 of the connection string; did you mean \"user\"?"},
    {"password=a ://hunter",
     "missing \"=\" after the word at position 12 of the connection string; values that contain spaces need single "
     "quotes"},
    {"password='hunter", "unterminated quoted string at position 10 of the connection string"},
    {"password='hunter\\", "unterminated quoted string at position 10 of the connection string"},
    {"pasword=hunter", "invalid connection option \"pasword\"; did you mean \"password\"?"},
    {"zzz=1", "invalid connection option \"zzz\""},
    {"=1",
     "invalid connection option at position 1 of the connection string; quote or percent-encode values that contain "
     "spaces or other special characters"},
};

Test(conninfo, errors) {
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct test_alloc heap;
    struct conninfo c;
    struct fault f = {0};
    int rc;

    test_alloc_init(&heap);
    conninfo_init(&c, &heap.hook);
    rc = conninfo_parse(&c, cases[i].text, &f);
    cr_assert_eq(rc, DSQL_EINVAL, "%s", cases[i].text);
    cr_assert_eq(f.code, DSQL_EINVAL);
    cr_assert_str_eq(f.text, cases[i].expected, "%s: %s", cases[i].text, f.text);
    cr_assert_null(strstr(f.text, "hunter"), "%s", f.text);
    conninfo_deinit(&c);
    test_alloc_assert_empty(&heap);
  }
}

Test(conninfo, shown_text_is_short_and_printable) {
  char longer[200];
  struct shown s;

  memset(longer, 'a', sizeof longer);
  s = show_text(longer, sizeof longer);
  cr_assert_eq(strlen(s.text), 67);
  cr_assert_str_eq(s.text + 62, "aa...");
  memcpy(longer + 62, "\xE2\x82\xAC", 3); /* a character across the cut goes as a whole */
  s = show_text(longer, sizeof longer);
  cr_assert_str_eq(s.text + 60, "aa...");
  s = show_text("a\n\x7F\0b", 5);
  cr_assert_str_eq(s.text, "a???b");
  s = show_text(longer, 64);
  cr_assert_eq(strlen(s.text), 64);
}
