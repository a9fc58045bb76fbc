/* service.c - the connection service file (PostgreSQL 18 documentation, "The Connection Service File"): sections of
 * keyword=value lines, no spaces around "=", no quoting. PGSERVICEFILE, or else ~/.pg_service.conf where that exists,
 * is searched first, then pg_service.conf in PGSYSCONFDIR. Only the first section of the name counts. */
#include <string.h>

#include "target/internal.h"

#define DEFAULT_SYSCONFDIR "/etc/postgresql-common"

enum { SERVICE_FILE_MAX = 1 << 20 };

struct service {
  struct conninfo *info;
  const char *path, *name;
  size_t line_number;
  bool *found;
  struct fault *fault;
};

static int line_fault(const struct service *s, const char *problem) {
  return fault_set(s->fault, DSQL_EINVAL, "%s in service file \"%s\", line %zu", problem,
                   show_text(s->path, strlen(s->path)).text, s->line_number);
}

/* What the connection string or an earlier line gave stays. */
static int setting(const struct service *s, const char *line, size_t n) {
  const char *equals = memchr(line, '=', n);
  size_t key_len;
  int keyword;

  if (n >= 4 && memcmp(line, "ldap", 4) == 0) return line_fault(s, "LDAP lookup is not supported");
  if (!equals) return line_fault(s, "syntax error (missing \"=\")");
  key_len = (size_t)(equals - line);
  keyword = keyword_find(line, key_len);
  if (keyword < 0)
    return line_fault(s, key_len && (conninfo_space(line[key_len - 1])) ? "syntax error (space before \"=\")"
                                                                        : "syntax error (unknown keyword)");
  if (keyword == KEYWORD_service) return line_fault(s, "nested service specifications not supported");
  if (conninfo_get(s->info, (enum keyword)keyword)) return 0;
  return conninfo_set(s->info, (enum keyword)keyword, equals + 1, n - key_len - 1, CONNINFO_SERVICE, s->fault);
}

static bool is_section(const struct service *s, const char *line, size_t n) {
  size_t name_len = strlen(s->name);
  return n >= name_len + 2 && memcmp(line + 1, s->name, name_len) == 0 && line[name_len + 1] == ']';
}

/* *done: the section is over. */
static int service_line(struct service *s, const char *line, size_t n, bool *done) {
  while (n > 0 && conninfo_space(line[n - 1])) n--;
  for (; n > 0 && conninfo_space(*line); n--) line++;
  if (n == 0 || *line == '#') return 0;
  if (*line != '[') return *s->found ? setting(s, line, n) : 0;
  *done = *s->found;
  if (!*done) *s->found = is_section(s, line, n);
  return 0;
}

int service_apply(struct conninfo *info, const char *path, const char *text, size_t n, const char *name, bool *found,
                  struct fault *f) {
  struct service s = {info, path, name, 0, found, f};
  const char *end = text + n;
  bool done = false;
  int rc = 0;

  *found = false;
  while (rc == 0 && !done && text < end) {
    const char *newline = memchr(text, '\n', (size_t)(end - text)), *stop = newline ? newline : end;
    s.line_number++;
    rc = service_line(&s, text, (size_t)(stop - text), &done);
    text = newline ? newline + 1 : end;
  }
  return rc;
}

static int apply_file(struct resolver *r, const char *path, const char *name, bool *found) {
  struct buf text;
  int rc;

  buf_init(&text, &r->t->alloc, SERVICE_FILE_MAX);
  text.secret = true;
  rc = r->env->read_file(r->env->ctx, path, &text);
  if (rc == 0)
    rc = text.len ? service_apply(r->info, path, (const char *)text.data, text.len, name, found, r->fault) : 0;
  else if (text.error == DSQL_ENOMEM)
    rc = out_of_memory(r->fault);
  else
    rc = fault_set(r->fault, DSQL_EINVAL, "service file \"%s\" can't be read: %s", show_text(path, strlen(path)).text,
                   strerror(rc));
  buf_deinit(&text);
  return rc;
}

/* A file that need not exist. */
static int apply_default_file(struct resolver *r, const char *directory, const char *file, const char *name,
                              bool *found) {
  struct target_file info;
  char *path;
  int rc = path_join(r, directory, file, &path);

  if (rc) return rc;
  if (r->env->stat(r->env->ctx, path, &info) == 0) rc = apply_file(r, path, name, found);
  mem_free(&r->t->alloc, path);
  return rc;
}

static int search(struct resolver *r, const char *name) {
  const char *path = r->env->getenv(r->env->ctx, "PGSERVICEFILE"), *directory;
  bool found = false;
  int rc = 0;

  if (path)
    rc = apply_file(r, path, name, &found);
  else if (r->t->home)
    rc = apply_default_file(r, r->t->home, ".pg_service.conf", name, &found);
  if (rc || found) return rc;
  directory = r->env->getenv(r->env->ctx, "PGSYSCONFDIR");
  rc = apply_default_file(r, directory ? directory : DEFAULT_SYSCONFDIR, "pg_service.conf", name, &found);
  if (rc || found) return rc;
  if (conninfo_hidden(r->info, KEYWORD_service))
    return fault_set(r->fault, DSQL_EINVAL, "definition of the service not found");
  return fault_set(r->fault, DSQL_EINVAL, "definition of service \"%s\" not found", show_text(name, strlen(name)).text);
}

int service_load(struct resolver *r) {
  const char *name = conninfo_get(r->info, KEYWORD_service);

  if (!name) {
    name = r->t->dsql ? NULL : r->env->getenv(r->env->ctx, "PGSERVICE");
    if (!name) return 0;
    if (conninfo_set_from(r->info, KEYWORD_service, name, CONNINFO_ENV, r->fault, "environment variable PGSERVICE"))
      return r->fault->code;
  }
  return search(r, conninfo_get(r->info, KEYWORD_service));
}
