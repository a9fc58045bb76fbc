#include <criterion/criterion.h>
#include <string.h>

#include "creds/metadata_url.h"
#include "test_alloc.h"

/* NULL: allowed. Else what the refusal says. */
static const struct {
  const char *url, *refusal;
} urls[] = {
    {"http://127.0.0.1/creds", NULL},
    {"http://127.0.0.1", NULL},
    {"http://127.0.0.1:51679/creds?id=1", NULL},
    {"http://127.255.255.254/", NULL},
    {"http://127.0.0.1?x=1", NULL},
    {"HTTP://127.0.0.1/", NULL},
    {"http://localhost:8080/a/b", NULL},
    {"http://LOCALHOST/a", NULL},
    {"http://[::1]/creds", NULL},
    {"http://[::1]:65535", NULL},
    {"http://[0:0:0:0:0:0:0:1]/", NULL},
    {"http://169.254.170.2/v2/credentials/x", NULL},
    {"http://169.254.170.23/v1/credentials", NULL},
    {"http://[fd00:ec2::23]/v1/credentials", NULL},
    {"http://[FD00:0EC2:0:0:0:0:0:23]:80/v1/credentials", NULL},
    {"https://example.com/creds", NULL},
    {"https://10.0.0.1:8443/creds", NULL},
    {"https://[2001:db8::1]/creds", NULL},
    {"https://my_host.internal/a%2Fb", NULL},
    {"http://169.254.170.1/", "169.254.170.1"},
    {"http://169.254.169.254/latest", "without https only"},
    {"http://169.254.170.22/", "without https only"},
    {"http://126.255.255.255/", "without https only"},
    {"http://128.0.0.1/", "without https only"},
    {"http://10.0.0.1/", "without https only"},
    {"http://0.0.0.0/", "without https only"},
    {"http://example.com/creds", "has the host \"example.com\""},
    {"http://localhost.example.com/", "without https only"},
    {"http://127.0.0.1.example.com/", "without https only"},
    {"http://127.0.0.1.nip.io/", "without https only"},
    {"http://[::]/", "without https only"},
    {"http://[::2]/", "without https only"},
    {"http://[::ffff:127.0.0.1]/", "without https only"},
    {"http://[::127.0.0.1]/", "without https only"},
    {"http://[fd00:ec2::254]/", "without https only"},
    {"http://[fe80::1%25lo]/", "no IPv6 address"},
    {"http://[::1%lo]/", "bad % escape"},
    {"http://[127.0.0.1]/", "no IPv6 address"},
    {"http://[::1/", "without its ']'"},
    {"http://[::1]x/", "no port"},
    {"http://[]/", "has no host"},
    {"http://127.0.0.1@evil.example/", "user name"},
    {"http://user:hunter2@127.0.0.1/", "user name"},
    {"http://evil.example#@127.0.0.1/", "character"},
    {"http://evil.example\\@127.0.0.1/", "character"},
    {"http://127.0.0.1\\.evil.example/", "character"},
    {"http://127.0.0.1 .evil.example/", "character"},
    {"http://127.0.0.1\r\nX: y/", "character"},
    {"http://127.0.0.1/a b", "character"},
    {"http://127.0.0.1/\x7f", "character"},
    {"http://127.0.0.1/\xc3\xa4", "character"},
    {"http://127.0.0.1/%", "bad % escape"},
    {"http://127.0.0.1/%zz", "bad % escape"},
    {"http://127.0.0.1/#x", "character"},
    {"http://%31%32%37.0.0.1/", "neither a name nor an address"},
    {"http://2130706433/", "a number for its host"},
    {"http://0x7f000001/", "a number for its host"},
    {"http://0x7f.0.0.1/", "a number for its host"},
    {"http://0177.0.0.1/", "a number for its host"},
    {"http://127.1/", "a number for its host"},
    {"http://127.0.0.01/", "a number for its host"},
    {"http://127.0.0.0x1/", "a number for its host"},
    {"http://127.0.0.256/", "a number for its host"},
    {"http://1.127.0.0.1/", "a number for its host"},
    {"https://2130706433/", "a number for its host"},
    {"http://127.0.0.1./", "neither a name nor an address"},
    {"http://localhost./", "neither a name nor an address"},
    {"http://.localhost/", "neither a name nor an address"},
    {"http://local..host/", "neither a name nor an address"},
    {"http:///creds", "has no host"},
    {"http://:80/", "has no host"},
    {"http://127.0.0.1:/", "a port that is no number"},
    {"http://127.0.0.1:+80/", "a port that is no number"},
    {"http://127.0.0.1:80x/", "a port that is no number"},
    {"http://127.0.0.1:80:80/", "a port that is no number"},
    {"http://127.0.0.1:000080/", "a port that is no number"},
    {"http://127.0.0.1:0/", "1..65535"},
    {"http://127.0.0.1:65536/", "1..65535"},
    {"https://", "has no host"},
    {"https:/127.0.0.1/", "begins with http"},
    {"http:127.0.0.1", "begins with http"},
    {"//127.0.0.1/", "begins with http"},
    {"127.0.0.1/creds", "begins with http"},
    {" http://127.0.0.1/", "begins with http"},
    {"ftp://127.0.0.1/", "begins with http"},
    {"file:///etc/passwd", "begins with http"},
    {"httpx://127.0.0.1/", "begins with http"},
    {"http", "begins with http"},
};

Test(container_url, allowed_and_refused) {
  for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
    struct fault f = {0};
    int rc = container_url_check(urls[i].url, &f);
    cr_assert_eq(rc, urls[i].refusal ? DSQL_EINVAL : 0, "%s: %s", urls[i].url, f.text);
    cr_assert_eq(rc, f.code);
    if (rc) cr_assert_not_null(strstr(f.text, urls[i].refusal), "%s: %s", urls[i].url, f.text);
    cr_assert_null(strstr(f.text, "hunter"), "%s", f.text);
  }
}

Test(container_url, parts) {
  struct metadata_url u;
  struct fault f = {0};
  cr_assert_eq(metadata_url_parse("https://[2001:DB8::1]:8443/a?b", &u, &f), 0);
  cr_assert(u.https && u.literal);
  cr_assert_str_eq(u.host, "2001:DB8::1");
  cr_assert_str_eq(u.path, "/a?b");
  cr_assert_eq(metadata_url_parse("http://a-b.c_d:1?x", &u, &f), 0);
  cr_assert(!u.https && !u.literal);
  cr_assert_str_eq(u.host, "a-b.c_d");
  cr_assert_str_eq(u.path, "?x");
}

Test(container_url, lengths) {
  char url[4096];
  struct fault f = {0};

  memset(url, 'a', sizeof url);
  memcpy(url, "http://127.0.0.1/", 17);
  url[2048] = '\0';
  cr_assert_eq(container_url_check(url, &f), 0, "%s", f.text);
  url[2048] = 'a';
  url[2049] = '\0';
  cr_assert_eq(container_url_check(url, &f), DSQL_EINVAL);
  cr_assert_not_null(strstr(f.text, "longer than 2048"));
  fault_clear(&f);
  memset(url, 'a', sizeof url); /* a label of more than 63, a host of more than 255 */
  memcpy(url, "https://", 8);
  url[8 + 63] = '\0';
  cr_assert_eq(container_url_check(url, &f), 0, "%s", f.text);
  url[8 + 63] = 'a';
  url[8 + 64] = '\0';
  cr_assert_eq(container_url_check(url, &f), DSQL_EINVAL);
  fault_clear(&f);
  for (size_t i = 8; i < 600; i++) url[i] = i % 50 ? 'a' : '.';
  url[8 + 256] = '\0';
  cr_assert_eq(container_url_check(url, &f), DSQL_EINVAL);
  cr_assert_not_null(strstr(f.text, "too long"), "%s", f.text);
}

Test(container_url, relative) {
  static const struct {
    const char *path, *url; /* NULL: refused */
  } cases[] = {
      {"/v2/credentials/0f1e", "http://169.254.170.2/v2/credentials/0f1e"},
      {"/", "http://169.254.170.2/"},
      {"/creds?id=123", "http://169.254.170.2/creds?id=123"},
      {"//evil.example/", "http://169.254.170.2//evil.example/"},
      {"/@evil.example", "http://169.254.170.2/@evil.example"},
      {"v2/credentials", NULL},
      {"@evil.example/", NULL},
      {".evil.example/", NULL},
      {":80/", NULL},
      {"3/x", NULL},
      {"http://127.0.0.1/", NULL},
      {"/a b", NULL},
      {"/a\r\nX: y", NULL},
      {"/a#b", NULL},
      {"/%4", NULL},
  };
  struct test_alloc heap;
  test_alloc_init(&heap);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct fault f = {0};
    struct buf out;
    buf_init(&out, &heap.hook, 4096);
    cr_assert_eq(container_url_relative(cases[i].path, &out, &f), cases[i].url ? 0 : DSQL_EINVAL, "%s", cases[i].path);
    if (cases[i].url) cr_assert_str_eq((const char *)out.data, cases[i].url);
    buf_deinit(&out);
  }
  test_alloc_assert_empty(&heap);
}

Test(container_url, tokens) {
  static char big[METADATA_TOKEN_MAX + 1];
  memset(big, 'x', sizeof big);
  cr_assert(metadata_token_valid("Basic abc=", 10));
  cr_assert(!metadata_token_valid("", 0));
  cr_assert(!metadata_token_valid("a\n", 2));
  cr_assert(!metadata_token_valid("a\rb", 3));
  cr_assert(!metadata_token_valid("a\0b", 3));
  cr_assert(!metadata_token_valid("a\tb", 3));
  cr_assert(!metadata_token_valid("\xc3\xa4", 2));
  cr_assert(metadata_token_valid(big, METADATA_TOKEN_MAX));
  cr_assert(!metadata_token_valid(big, sizeof big));
}
