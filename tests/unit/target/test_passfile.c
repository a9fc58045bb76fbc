#include <criterion/criterion.h>
#include <string.h>

#include "fake_env.h"
#include "target/passfile.h"

static const struct passfile_key key = {"h:1", "5432", "d\\b", "u"};

static const struct {
  const char *text, *expected; /* NULL: no match */
} cases[] = {
    {"", NULL},
    {"*:*:*:*:p", "p"},
    {"*:*:*:*:p\n", "p"},
    {"*:*:*:*:p\r\n", "p"},
    {"*:*:*:*:p\r\r\nx", "p"},
    {"h\\:1:5432:d\\\\b:u:p", "p"},
    {"h:1:5432:d\\\\b:u:p", "p"}, /* as in libpq: only a field's last ':' needs to be alone */
    {"h\\:1:5432:d\\b:u:p", NULL},
    {"\\h\\:\\1:5432:*:\\u:p", "p"},
    {"h\\:1:5433:*:*:p\n*:*:*:u:q", "q"},
    {"*:*:*:v:p\n*:*:*:u:q\n*:*:*:u:r", "q"},
    {"#*:*:*:*:p", NULL},
    {" #\n\n*:*:*:*:p", "p"},
    {" *:*:*:*:p", NULL},
    {"*:*:*:*:", ""},
    {"*:*:*:*", NULL},
    {"*:*:*:", NULL},
    {"*:*", NULL},
    {"**:*:*:*:p", NULL},
    {"*:*:*:u", NULL},
    {"*:*:*:u:a\\:b\\\\c:ignored", "a:b\\c"},
    {"*:*:*:u:a\\", "a\\"},
    {"*:*:*:u: sp aces ", " sp aces "},
    {"*:*:*:\\", NULL},
    {"*:*:*:u\\:p", NULL},
    {"*:*:*:uu:p", NULL},
    {"*:*:*::p", NULL},
};

Test(passfile, lines) {
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct test_alloc heap;
    struct buf out;
    bool found;

    test_alloc_init(&heap);
    buf_init(&out, &heap.hook, 1 << 20);
    found = passfile_find(cases[i].text, strlen(cases[i].text), &key, &out);
    cr_assert_eq(found, cases[i].expected != NULL, "%s", cases[i].text);
    buf_put_u8(&out, 0);
    if (found) cr_assert_str_eq((const char *)out.data, cases[i].expected, "%s", cases[i].text);
    buf_deinit(&out);
    test_alloc_assert_empty(&heap);
  }
}

Test(passfile, comments_match_nothing) {
  const struct passfile_key hash = {"#h", "1", "d", "u"};
  const char text[] = "#h:*:*:*:comment\n\\#h:*:*:*:escaped\n";
  struct test_alloc heap;
  struct buf out;

  test_alloc_init(&heap);
  buf_init(&out, &heap.hook, 64);
  cr_assert(passfile_find(text, strlen(text), &hash, &out));
  cr_assert_eq(out.len, 7);
  cr_assert_eq(memcmp(out.data, "escaped", 7), 0);
  buf_deinit(&out);
  test_alloc_assert_empty(&heap);
}

static const struct fake_file files[] = {
    {.path = "/home/os/.pgpass", .text = "a:1:d:u:one\nb:5432:*:*:two\nlocalhost:*:*:*:three\n1.2.3.4:*:*:*:four\n"},
    {.path = "/other", .text = "*:*:*:*:five\n"},
    {.path = "/empty", .text = "*:*:*:*:\n"},
    {.path = "/nothing", .text = ""},
    {.path = "/wide", .text = "*:*:*:*:hunter\n", .mode = 0640},
    {.path = "/world", .text = "*:*:*:*:hunter\n", .mode = 0604},
    {.path = "/dir", .directory = true},
    {.path = "/denied"},
    {.path = TARGET_SOCKET_DIR, .directory = true},
    {0},
};

static const struct fake_case resolved[] = {
    {NULL, "host=a port=1 dbname=d user=u", "hosts[0].password", "one"},
    {NULL, "host=a port=1 dbname=d user=v", "hosts[0].password", "-"},
    {NULL, "host=a,b,c port=1,,3 dbname=d user=u", "hosts[0].password", "one"},
    {NULL, "host=a,b,c port=1,,3 dbname=d user=u", "hosts[1].password", "two"},
    {NULL, "host=a,b,c port=1,,3 dbname=d user=u", "hosts[2].password", "-"},
    {NULL, "", "hosts[0].password", "three"},
    {NULL, "host=" TARGET_SOCKET_DIR, "hosts[0].password", "three"},
    {NULL, "host=localhost", "hosts[0].password", "three"},
    {NULL, "host=/tmp", "hosts[0].password", "-"},
    {NULL, "hostaddr=1.2.3.4", "hosts[0].password", "four"},
    {NULL, "hostaddr=1.2.3.4 host=b", "hosts[0].password", "two"},
    {NULL, "host=b password=given", "hosts[0].password", "given"},
    {NULL, "host=b password=given", "passfile", "-"},
    {"PGPASSWORD=env", "host=b", "hosts[0].password", "env"},
    {NULL, "host=b password=''", "hosts[0].password", "two"},
    {NULL, "host=b", "passfile", "/home/os/.pgpass"},
    {NULL, "host=b passfile=/other", "hosts[0].password", "five"},
    {"PGPASSFILE=/other", "host=b", "hosts[0].password", "five"},
    {"PGPASSFILE=/other", "host=b passfile=''", "hosts[0].password", "two"},
    {"HOME=/elsewhere", "host=b", "hosts[0].password", "-"},
    {NULL, "host=b passfile=/empty", "hosts[0].password", "-"},
    {NULL, "host=b passfile=/nothing", "hosts[0].password", "-"},
    {NULL, "host=b passfile=/none", "hosts[0].password", "-"},
    {NULL, "host=b passfile=/none", "passfile_notice", "-"},
    {NULL, "host=b passfile=/wide", "hosts[0].password", "-"},
    {NULL, "host=b passfile=/wide", "passfile_notice",
     "password file \"/wide\" was ignored: it has group or world access; permissions should be u=rw (0600) or less"},
    {NULL, "host=b passfile=/world", "hosts[0].password", "-"},
    {NULL, "host=b passfile=/dir", "passfile_notice", "password file \"/dir\" was ignored: it is not a plain file"},
    {NULL, "host=b passfile=/denied", "passfile_notice", "password file \"/denied\" was ignored: Permission denied"},
    {NULL, "host=b", "passfile_notice", "-"},
};

Test(passfile, resolved) {
  struct fake_env e;
  fake_env_init(&e);
  e.files = files;
  fake_run(&e, resolved, sizeof resolved / sizeof resolved[0]);
}
