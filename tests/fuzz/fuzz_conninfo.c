/* Connection strings, service files, password files, AWS's files and the environment, all from the input:
 *   byte 0: the allocation that fails (0: none); then, separated by NUL bytes: connection string, service file,
 *   password file, environment ("NAME=value" lines), AWS's config and credentials file in one. */
#include <string.h>

#include "fuzz_env.h"
#include "target/target.h"
#include "test_alloc.h"

enum { STRING, SERVICE, PASSFILE, VARIABLES, AWS };

static const char *input_file(const struct fuzz_env *e, const char *path) {
  return e->parts[strstr(path, "pass") ? PASSFILE : strstr(path, "aws") ? AWS : SERVICE];
}

static char *quoted(const struct conninfo *c) {
  char *text = malloc(1), *p;
  size_t n = 0;

  CHECK(text);
  *text = '\0';
  for (int k = 0; k < KEYWORD_COUNT; k++) {
    const char *value = c->values[k].text;
    if (!value) continue;
    text = realloc(text, n + 40 + 2 * strlen(value));
    CHECK(text);
    p = text + n + snprintf(text + n, 40, " %s = '", keyword_table[k].name);
    for (; *value; *p++ = *value++)
      if (*value == '\'' || *value == '\\') *p++ = '\\';
    *p++ = '\'';
    *p = '\0';
    n = (size_t)(p - text);
  }
  return text;
}

/* What was parsed, written as a keyword string, parses to the same. */
static void round_trip(const char *text) {
  struct conninfo first, second;
  struct fault f = {0};
  char *again;

  conninfo_init(&first, &mem_default);
  conninfo_init(&second, &mem_default);
  if (conninfo_parse(&first, text, &f) == 0) {
    again = quoted(&first);
    CHECK(conninfo_parse(&second, again, &f) == 0);
    for (int k = 0; k < KEYWORD_COUNT; k++) {
      const char *a = first.values[k].text, *b = second.values[k].text;
      CHECK(!a == !b && (!a || strcmp(a, b) == 0));
    }
    free(again);
  } else {
    CHECK(f.code == DSQL_EINVAL && f.text[0]);
  }
  conninfo_deinit(&first);
  conninfo_deinit(&second);
}

/* ---- targets ---- */

static void check_host(const struct target_host *h) {
  CHECK(h->port > 0 && (h->host || h->hostaddr));
  CHECK(h->unix_socket == (h->socket_path != NULL));
  CHECK(!h->socket_path || strlen(h->socket_path) < 108);
  CHECK(!(h->dial_name && h->hostaddr));
}

static void check_dsql(const struct target *t) {
  const struct target_host *h = &t->hosts[0];

  CHECK(!t->iam || (t->sign_host && *t->sign_host && t->region && *t->region && !t->password));
  CHECK(t->host_count == 1 && !h->unix_socket && h->host);
  CHECK(t->sslmode >= DSQL_SSL_VERIFY_CA && t->sslsni);
  CHECK(t->verify == (t->sslmode == DSQL_SSL_VERIFY_FULL ? TARGET_VERIFY_FULL : TARGET_VERIFY_CA));
  CHECK(t->token_duration_s >= 1 && t->token_duration_s <= 604800);
}

static void check_target(const struct target *t) {
  CHECK(t->host_count > 0 && t->user && t->dbname && t->sslmode != DSQL_SSL_DEFAULT);
  CHECK(!t->sslcert == !t->sslkey);
  CHECK(t->dsql || !t->iam);
  for (size_t i = 0; i < t->host_count; i++) check_host(&t->hosts[i]);
  if (t->dsql) check_dsql(t);
}

/* True when any value but a secret may hold a piece of the input's secret. */
static bool shown_by_rights(const struct target *t) {
  for (int k = 0; k < KEYWORD_COUNT; k++) {
    const char *value = conninfo_get(&t->info, (enum keyword)k);
    if (value && !keyword_table[k].secret && fuzz_secrets(value)) return true;
  }
  return false;
}

static void check_settings(const struct target *t) {
  bool by_rights = shown_by_rights(t);
  dsql_setting s;
  size_t n = 0;

  for (; target_setting(t, n, &s); n++) {
    CHECK(s.name && s.source && s.value.ptr && strlen(s.value.ptr) == s.value.len);
    CHECK(by_rights || (!fuzz_secrets(s.value.ptr) && !fuzz_secrets(s.source)));
    CHECK(!keyword_table[n].secret || s.value.len == 0 || strcmp(s.value.ptr, "****") == 0);
  }
  CHECK(n == KEYWORD_COUNT);
  for (size_t i = 0; target_notice(t, i); i++) CHECK(by_rights || !fuzz_secrets(target_notice(t, i)));
}

/* The input's only secret stands where nothing else than one does, and so no error shows it. */
static bool is_secret(const struct fuzz_env *e) {
  size_t whole = fuzz_secrets(FUZZ_SECRET);
  const char *at = strstr(e->parts[STRING], FUZZ_SECRET), *colon;
  size_t prefix = uri_prefix(e->parts[STRING]);

  for (int i = 0; i < FUZZ_PARTS_MAX; i++)
    if (i != STRING && i != PASSFILE && fuzz_secrets(e->parts[i])) return false;
  if (!at) return fuzz_secrets(e->parts[STRING]) == 0;
  if (!prefix || fuzz_secrets(e->parts[STRING]) != whole) return false;
  colon = e->parts[STRING] + prefix + strcspn(e->parts[STRING] + prefix, ":/?#@[");
  return *colon == ':' && colon < at && strchr(at, '@');
}

static void check_fault(const struct fuzz_env *e, int rc, const struct fault *f) {
  CHECK(rc == f->code && f->text[0]);
  CHECK(rc == DSQL_EINVAL || rc == DSQL_EUNSUPPORTED || rc == DSQL_ENOMEM);
  CHECK(!is_secret(e) || !fuzz_secrets(f->text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct test_alloc heap;
  struct fuzz_env e;
  struct fault f = {0};
  struct target *t;
  dsql_config c;
  int rc;

  fuzz_env_init(&e, size ? data + 1 : data, size ? size - 1 : 0);
  e.variables = e.parts[VARIABLES];
  e.file = input_file;
  test_alloc_init(&heap);
  test_alloc_arm(&heap, size ? data[0] : 0, false);
  dsql_config_init(&c);
  c.target = e.parts[STRING];
  rc = target_resolve(&t, &heap.hook, &e.env, &c, &f);
  if (rc == 0) {
    check_target(t);
    check_settings(t);
  } else {
    CHECK(!t);
    check_fault(&e, rc, &f);
  }
  target_unref(t);
  test_alloc_assert_empty(&heap);
  round_trip(e.parts[STRING]);
  fuzz_env_deinit(&e);
  return 0;
}
