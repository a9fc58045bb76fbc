/* Connection strings, service files, password files and the environment, all from the input:
 *   byte 0: the allocation that fails (0: none); then, separated by NUL bytes: connection string, service file,
 *   password file, environment ("NAME=value" lines). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target/target.h"

enum { PARTS = 4 };

struct input {
  char *parts[PARTS];
  char value[256];
  unsigned allocations, fail_at;
};

#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                                  \
      abort();                                                                                                         \
    }                                                                                                                  \
  } while (0)

static void *input_realloc(void *ctx, void *ptr, size_t size) {
  struct input *in = ctx;

  if (size == 0) {
    free(ptr);
    return NULL;
  }
  return ++in->allocations == in->fail_at ? NULL : realloc(ptr, size);
}

static const char *input_getenv(void *ctx, const char *name) {
  struct input *in = ctx;
  size_t n = strlen(name);

  for (const char *line = in->parts[3]; *line; line += strcspn(line, "\n"), line += *line == '\n')
    if (strncmp(line, name, n) == 0 && line[n] == '=') {
      snprintf(in->value, sizeof in->value, "%.*s", (int)(strcspn(line, "\n") - n - 1), line + n + 1);
      return in->value;
    }
  return NULL;
}

static int input_stat(void *ctx, const char *path, struct target_file *out) {
  (void)ctx;
  *out = (struct target_file){.regular = true, .directory = strstr(path, "run") != NULL, .mode = 0600};
  return strstr(path, "none") ? ENOENT : 0;
}

static int input_read_file(void *ctx, const char *path, struct buf *out) {
  struct input *in = ctx;

  buf_put_str(out, in->parts[strstr(path, "pass") ? 2 : 1]);
  return buf_ok(out) ? 0 : ENOMEM;
}

static int input_name(void *ctx, char *out, size_t size) {
  (void)ctx;
  snprintf(out, size, "os");
  return 0;
}

static void split(struct input *in, const uint8_t *data, size_t size) {
  for (int i = 0; i < PARTS; i++) {
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    size_t n = nul ? (size_t)(nul - data) : size;
    in->parts[i] = malloc(n + 1); /* each part in a block of its own size, so that a read past its end is found */
    CHECK(in->parts[i]);
    if (n) memcpy(in->parts[i], data, n);
    in->parts[i][n] = '\0';
    data = nul ? nul + 1 : data + n;
    size -= nul ? n + 1 : n;
  }
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

static void check_target(const struct target *t) {
  CHECK(t->host_count > 0 && t->user && t->dbname && t->sslmode != DSQL_SSL_DEFAULT);
  CHECK(!t->sslcert == !t->sslkey);
  for (size_t i = 0; i < t->host_count; i++) {
    const struct target_host *h = &t->hosts[i];
    CHECK(h->port > 0 && (h->host || h->hostaddr));
    CHECK(h->unix_socket == (h->socket_path != NULL));
    CHECK(!h->socket_path || strlen(h->socket_path) < 108);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct input in = {.fail_at = size ? data[0] : 0};
  const dsql_alloc hook = {input_realloc, &in};
  const struct target_env env = {&in, input_getenv, input_stat, input_read_file, input_name, input_name};
  struct fault f = {0};
  struct target *t;
  dsql_config c;

  split(&in, data + (size ? 1 : 0), size ? size - 1 : 0);
  dsql_config_init(&c);
  c.target = in.parts[0];
  if (target_resolve(&t, &hook, &env, &c, &f) == 0)
    check_target(t);
  else
    CHECK(!t && f.code && f.text[0]);
  target_unref(t);
  round_trip(in.parts[0]);
  for (int i = 0; i < PARTS; i++) free(in.parts[i]);
  return 0;
}
