/* AWS's shared files: byte 0 is the allocation that fails (0: none); then, separated by NUL bytes: the config file, the
 * credentials file, the environment ("NAME=value" lines; what has "none" in its path does not exist).
 *
 * What was read must be clean, found again, the same when read again, and the same when written into one config file.
 * Errors show nothing of the files, which are full of secrets. */
#include <string.h>

#include "fuzz_env.h"
#include "target/aws_profile.h"
#include "test_alloc.h"

static const char *const section_words[] = {"profile", "sso-session", "services"};
static const char *const nested_names[] = {"sts", "sso", "sso_oidc"};

static const char *input_file(const struct fuzz_env *e, const char *path) {
  if (strstr(path, "none")) return NULL;
  return e->parts[strstr(path, "cred") != NULL];
}

static const char *written_file(const struct fuzz_env *e, const char *path) {
  return strcmp(path, "/config") == 0 ? e->parts[0] : NULL;
}

static const char *nested(const struct aws_profile *p, int i) {
  const char *const urls[] = {p->sts_endpoint_url, p->sso_endpoint_url, p->sso_oidc_endpoint_url};
  return urls[i];
}

static bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Lines of a value, if there are more than one, are as trimmed as a single one. */
static void check_value(const char *v) {
  while (v) {
    size_t n = strcspn(v, "\n");
    CHECK(n > 0 && !blank(v[0]) && !blank(v[n - 1]));
    v = v[n] ? v + n + 1 : NULL;
  }
}

static void check_profile(const struct aws_files *files, const struct aws_profile *p) {
  CHECK(p->name && *p->name && !strpbrk(p->name, "]\n"));
  CHECK(aws_files_find(files, p->section, p->name) == p);
  for (int i = 0; i < AWS_SETTING_COUNT; i++) check_value(p->values[i]);
  for (int i = 0; i < 3; i++) {
    check_value(nested(p, i));
    CHECK(!nested(p, i) || p->section == AWS_SECTION_SERVICES);
  }
}

static bool same_text(const char *a, const char *b) { return !a == !b && (!a || strcmp(a, b) == 0); }

static void check_same(const struct aws_files *a, const struct aws_files *b) {
  CHECK(a->count == b->count);
  for (size_t i = 0; i < a->count; i++) {
    const struct aws_profile *p = &a->profiles[i], *q = &b->profiles[i];
    CHECK(p->section == q->section && same_text(p->name, q->name));
    for (int k = 0; k < AWS_SETTING_COUNT; k++) CHECK(same_text(p->values[k], q->values[k]));
    for (int k = 0; k < 3; k++) CHECK(same_text(nested(p, k), nested(q, k)));
  }
}

/* Without a blank behind '=', as a value that begins with '#' would be a comment then. */
static void write_value(struct buf *out, const char *name, const char *v) {
  buf_printf(out, "%s=", name);
  for (; *v; v++) {
    buf_put_u8(out, (uint8_t)*v);
    if (*v == '\n') buf_put_str(out, "  ");
  }
  buf_put_u8(out, '\n');
}

static void write_profile(struct buf *out, const struct aws_profile *p) {
  buf_printf(out, "[%s \"%s\"]\n", section_words[p->section], p->name);
  for (int i = 0; i < AWS_SETTING_COUNT; i++)
    if (p->values[i]) write_value(out, aws_setting_name((enum aws_setting)i), p->values[i]);
  for (int i = 0; i < 3; i++)
    if (nested(p, i)) {
      buf_printf(out, "%s =\n ", nested_names[i]);
      write_value(out, "endpoint_url", nested(p, i));
    }
}

static void check_written(const struct aws_files *files) {
  struct aws_files again;
  struct fuzz_env e;
  struct fault f = {0};
  struct buf text;

  buf_init(&text, &mem_default, SIZE_MAX / 2);
  for (size_t i = 0; i < files->count; i++) write_profile(&text, &files->profiles[i]);
  CHECK(buf_ok(&text));
  fuzz_env_init(&e, text.data, text.len);
  e.variables = "AWS_CONFIG_FILE=/config";
  e.file = written_file;
  CHECK(aws_files_load(&again, &mem_default, &e.env, &f) == 0);
  check_same(files, &again);
  aws_files_deinit(&again);
  fuzz_env_deinit(&e);
  buf_deinit(&text);
}

static void check_fault(const struct fuzz_env *e, int rc, const struct fault *f) {
  CHECK(rc == f->code && f->text[0] && (rc == DSQL_EINVAL || rc == DSQL_ENOMEM));
  CHECK(fuzz_secrets(e->parts[2]) || !fuzz_secrets(f->text)); /* a path may be shown */
}

/* With a failing allocation: it is out of memory, or nothing is different. */
static void load_again(const struct fuzz_env *e, const struct aws_files *files, size_t fail_at) {
  struct aws_files again;
  struct test_alloc heap;
  struct fault f = {0};
  int rc;

  test_alloc_init(&heap);
  test_alloc_arm(&heap, fail_at, false);
  rc = aws_files_load(&again, &heap.hook, &e->env, &f);
  if (rc) {
    check_fault(e, rc, &f);
    CHECK(rc == DSQL_ENOMEM && test_alloc_fired(&heap) && !again.profiles);
  } else {
    check_same(files, &again);
  }
  aws_files_deinit(&again);
  test_alloc_assert_empty(&heap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct aws_files files;
  struct fuzz_env e;
  struct fault f = {0};
  int rc;

  fuzz_env_init(&e, size ? data + 1 : data, size ? size - 1 : 0);
  e.variables = e.parts[2];
  e.file = input_file;
  rc = aws_files_load(&files, &mem_default, &e.env, &f);
  if (rc) {
    check_fault(&e, rc, &f);
  } else {
    for (size_t i = 0; i < files.count; i++) check_profile(&files, &files.profiles[i]);
    check_written(&files);
    load_again(&e, &files, size ? data[0] : 0);
  }
  aws_files_deinit(&files);
  fuzz_env_deinit(&e);
  return 0;
}
