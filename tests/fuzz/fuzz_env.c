#include "fuzz_env.h"

#include <errno.h>
#include <string.h>

static const char *input_getenv(void *ctx, const char *name) {
  struct fuzz_env *e = ctx;
  size_t n = strlen(name);

  free(e->value);
  e->value = NULL;
  for (const char *line = e->variables; !e->value && *line; line += strcspn(line, "\n"), line += *line == '\n')
    if (strncmp(line, name, n) == 0 && line[n] == '=') {
      e->value = strndup(line + n + 1, strcspn(line, "\n") - n - 1);
      CHECK(e->value);
    }
  return e->value;
}

static int input_stat(void *ctx, const char *path, struct target_file *out) {
  (void)ctx;
  *out = (struct target_file){.regular = true, .directory = strstr(path, "run") != NULL, .mode = 0600};
  return strstr(path, "none") ? ENOENT : 0;
}

static int input_read_file(void *ctx, const char *path, struct buf *out) {
  const struct fuzz_env *e = ctx;
  const char *text = e->file(e, path);

  if (!text) return ENOENT;
  buf_put_str(out, text);
  return buf_ok(out) ? 0 : ENOMEM;
}

static int input_name(void *ctx, char *out, size_t size) {
  (void)ctx;
  snprintf(out, size, "os");
  return 0;
}

static char *part(const uint8_t *data, size_t n) {
  size_t marks = 0, at = 0;
  char *text;

  for (size_t i = 0; i < n; i++) marks += data[i] == FUZZ_SECRET_MARK;
  text = malloc(n + marks * (sizeof FUZZ_SECRET - 2) + 1);
  CHECK(text);
  for (size_t i = 0; i < n; i++) {
    size_t width = data[i] == FUZZ_SECRET_MARK ? sizeof FUZZ_SECRET - 1 : 1;
    memcpy(text + at, width > 1 ? (const void *)FUZZ_SECRET : (const void *)&data[i], width);
    at += width;
  }
  text[at] = '\0';
  return text;
}

void fuzz_env_init(struct fuzz_env *e, const uint8_t *data, size_t size) {
  *e = (struct fuzz_env){.env = {e, input_getenv, input_stat, input_read_file, input_name, input_name}};
  for (int i = 0; i < FUZZ_PARTS_MAX; i++) {
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    size_t n = nul ? (size_t)(nul - data) : size;
    e->parts[i] = part(data, n);
    if (nul) data = nul + 1;
    size = nul ? size - n - 1 : 0;
  }
  e->variables = "";
}

void fuzz_env_deinit(struct fuzz_env *e) {
  for (int i = 0; i < FUZZ_PARTS_MAX; i++) free(e->parts[i]);
  free(e->value);
}

size_t fuzz_secrets(const char *text) {
  size_t n = 0;
  for (; (text = strstr(text, FUZZ_SECRET_PIECE)) != NULL; text++) n++;
  return n;
}
