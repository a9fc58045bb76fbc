#include "world.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *world_getenv(void *ctx, const char *name) {
  struct world *w = ctx;
  size_t n = strlen(name);

  memset(w->value, '!', sizeof w->value - 1); /* the last value is gone, as the interface says */
  for (const char *line = w->vars; *line; line += strcspn(line, "\n"), line += *line == '\n') {
    size_t len = strcspn(line, "\n");
    if (strncmp(line, name, n) || line[n] != '=') continue;
    snprintf(w->value, sizeof w->value, "%.*s", (int)(len - n - 1), line + n + 1);
    return w->value;
  }
  return NULL;
}

static const struct world_file *find(const struct world *w, const char *path) {
  for (const struct world_file *f = w->files; f && f->path; f++)
    if (strcmp(f->path, path) == 0) return f;
  return NULL;
}

static int world_stat(void *ctx, const char *path, struct target_file *out) {
  *out = (struct target_file){.regular = true, .mode = 0600};
  return find(ctx, path) ? 0 : ENOENT;
}

static int world_read_file(void *ctx, const char *path, struct buf *out) {
  struct world *w = ctx;
  const struct world_file *f = find(w, path);

  w->file_reads++;
  if (!f) return ENOENT;
  if (!f->text) return EACCES;
  buf_put_str(out, world_text(w, f->text));
  return buf_ok(out) ? 0 : out->error == DSQL_ENOMEM ? ENOMEM : EFBIG;
}

static int world_home_dir(void *ctx, char *out, size_t size) {
  (void)ctx;
  snprintf(out, size, "/home/w");
  return 0;
}

static int64_t world_now(void) { return WORLD_NOW_S; }

void world_open(struct world *w) {
  *w = (struct world){0};
  fixture_open(&w->x);
  w->env = (struct target_env){w, world_getenv, world_stat, world_read_file, world_home_dir, world_home_dir};
  w->setup = (struct creds_setup){.rt = w->x.rt,
                                  .env = &w->env,
                                  .files = &w->loaded,
                                  .profile = "default",
                                  .region = "eu-west-1",
                                  .now_s = world_now,
                                  .skew = &w->skew};
  w->loaded.alloc = &w->x.heap.hook;
}

void world_http(struct world *w) {
  fake_http_start(&w->http, &w->x.loop);
  w->http_used = true;
}

void world_close(struct world *w) {
  world_forget(w);
  aws_files_deinit(&w->loaded);
  if (w->http_used) {
    cr_assert_eq(w->http.unexpected, 0, "%s", w->http.unexpected_text);
    fake_http_stop(&w->http);
  }
  fixture_close(&w->x);
}

const char *world_text(struct world *w, const char *text) {
  static char ring[8][16384];
  static unsigned next;
  char *out = ring[next++ % 8];
  size_t at = 0;

  while (*text && at < 16000) {
    if (strncmp(text, "@URL", 4) == 0) {
      at += (size_t)snprintf(out + at, 100, "%s", fake_http_url(&w->http));
      text += 4;
    } else {
      out[at++] = *text++;
    }
  }
  out[at] = '\0';
  return out;
}

void world_vars(struct world *w, const char *vars) { snprintf(w->vars, sizeof w->vars, "%s", world_text(w, vars)); }

void world_load(struct world *w) {
  struct fault f = {0};
  aws_files_deinit(&w->loaded);
  cr_assert_eq(aws_files_load(&w->loaded, &w->x.heap.hook, &w->env, &f), 0, "%s", f.text);
}

void world_check_text(const char *text) { cr_assert_null(strstr(text, "hunter"), "a secret is shown: %s", text); }

static void on_answer(void *owner, struct creds_source *s, struct creds_answer *a) {
  struct world *w = owner;

  w->answers++;
  w->outcome = a->outcome;
  w->why = a->why;
  world_check_text(w->why.text);
  cr_assert_eq(a->outcome == CREDS_FOUND, w->why.code == 0);
  credentials_move(&w->got, &a->credentials);
  source_free(s);
}

void world_forget(struct world *w) {
  credentials_deinit(&w->got);
  fault_clear(&w->why);
  w->answers = 0;
}

enum creds_outcome world_ask(struct world *w, struct creds_source *s) {
  world_forget(w);
  if (!s) {
    (void)fault_set(&w->why, DSQL_ENOMEM, "out of memory");
    return w->outcome = CREDS_FAILED;
  }
  source_start(s, on_answer, w);
  world_until(w, w->answers > 0);
  cr_assert_eq(w->answers, 1);
  return w->outcome;
}

void world_expect(struct world *w, enum creds_outcome outcome, const char *text) {
  cr_assert_eq(w->outcome, outcome, "outcome %d: %s", (int)w->outcome, w->why.text);
  cr_assert_not_null(strstr(w->why.text, text), "'%s' is not in: %s", text, w->why.text);
}
