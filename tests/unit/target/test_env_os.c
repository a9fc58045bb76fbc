#include <criterion/criterion.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_env.h"

static char directory[] = "/tmp/dsql-target-XXXXXX";
static char path[64];

static void make_file(const char *text, size_t n, mode_t mode) {
  FILE *f;

  cr_assert(mkdtemp(directory));
  snprintf(path, sizeof path, "%s/file", directory);
  f = fopen(path, "wb");
  cr_assert(f && fwrite(text, 1, n, f) == n && fclose(f) == 0);
  cr_assert_eq(chmod(path, mode), 0);
}

static void remove_file(void) {
  cr_assert_eq(unlink(path), 0);
  cr_assert_eq(rmdir(directory), 0);
}

Test(env_os, files) {
  const struct target_env *env = target_env_os();
  struct test_alloc heap;
  struct target_file info;
  struct buf text;
  char big[3000];

  memset(big, 'x', sizeof big);
  make_file(big, sizeof big, 0640);
  test_alloc_init(&heap);
  cr_assert_eq(env->stat(NULL, path, &info), 0);
  cr_assert(info.regular && !info.directory);
  cr_assert_eq(info.mode, 0640);
  cr_assert_eq(info.owned_by_root, geteuid() == 0);
  cr_assert_eq(env->stat(NULL, directory, &info), 0);
  cr_assert(info.directory && !info.regular);
  cr_assert_eq(env->stat(NULL, "/nonexistent/x", &info), ENOENT);

  buf_init(&text, &heap.hook, sizeof big + 1);
  cr_assert_eq(env->read_file(NULL, path, &text), 0);
  cr_assert_eq(text.len, sizeof big);
  cr_assert_eq(memcmp(text.data, big, sizeof big), 0);
  buf_deinit(&text);
  buf_init(&text, &heap.hook, sizeof big - 1);
  cr_assert_eq(env->read_file(NULL, path, &text), EFBIG);
  buf_deinit(&text);
  buf_init(&text, &heap.hook, 1 << 20);
  test_alloc_arm(&heap, 1, true);
  cr_assert_eq(env->read_file(NULL, path, &text), ENOMEM);
  cr_assert_eq(env->read_file(NULL, "/nonexistent/x", &text), ENOENT);
  buf_reset(&text);
  test_alloc_arm(&heap, 0, false);
  cr_assert_eq(env->read_file(NULL, directory, &text), EISDIR);
  buf_deinit(&text);
  test_alloc_assert_empty(&heap);
  remove_file();
}

Test(env_os, user) {
  const struct target_env *env = target_env_os();
  const struct passwd *me = getpwuid(geteuid());
  char text[4096];

  if (me) {
    cr_assert_eq(env->user_name(NULL, text, sizeof text), 0);
    cr_assert_str_eq(text, me->pw_name);
    cr_assert_eq(env->home_dir(NULL, text, sizeof text), 0);
    cr_assert_str_eq(text, me->pw_dir);
    cr_assert_eq(env->home_dir(NULL, text, strlen(me->pw_dir)), ERANGE);
  } else {
    cr_assert_neq(env->user_name(NULL, text, sizeof text), 0);
  }
  cr_assert_eq(setenv("DSQL_TEST_VARIABLE", "value", 1), 0);
  cr_assert_str_eq(env->getenv(NULL, "DSQL_TEST_VARIABLE"), "value");
  cr_assert_null(env->getenv(NULL, "DSQL_TEST_NO_SUCH_VARIABLE"));
}

/* The whole of it, on the real process. */
Test(env_os, target) {
  struct test_alloc heap;
  struct fault f = {0};
  struct target *t;
  dsql_config c;

  make_file("h:5432:*:u:p\n", 13, 0600);
  test_alloc_init(&heap);
  cr_assert_eq(setenv("PGPASSFILE", path, 1), 0);
  cr_assert_eq(setenv("PGUSER", "u", 1), 0);
  cr_assert_eq(unsetenv("PGPASSWORD"), 0);
  dsql_config_init(&c);
  c.target = "host=h sslmode=disable";
  cr_assert_eq(target_resolve(&t, &heap.hook, NULL, &c, &f), 0, "%s", f.text);
  cr_assert_str_eq(t->user, "u");
  cr_assert_str_eq(target_password(t, 0), "p");
  target_unref(t);
  test_alloc_assert_empty(&heap);
  remove_file();
}
