#include "statement.h"

#include "base/cursor.h"

static const struct {
  const char *text;
  enum verb verb;
} verbs[] = {{"BEGIN", VERB_BEGIN},
             {"START", VERB_BEGIN},
             {"COMMIT", VERB_COMMIT},
             {"ROLLBACK TO", VERB_ROLLBACK_TO},
             {"ROLLBACK", VERB_ROLLBACK},
             {"SAVEPOINT", VERB_SAVEPOINT},
             {"RELEASE", VERB_RELEASE},
             {"RESET", VERB_RESET},
             {"SELECT pg_catalog", VERB_PROBE},
             {"SELECT hook", VERB_HOOK},
             {"SELECT get", VERB_GET},
             {"SELECT rows", VERB_ROWS},
             {"SELECT sleep", VERB_SLEEP},
             {"SELECT fail", VERB_FAIL},
             {"INSERT put", VERB_PUT},
             {"UPDATE move", VERB_MOVE},
             {"UPDATE none", VERB_NONE},
             {"COPY put", VERB_COPY_IN},
             {"COPY rows", VERB_COPY_OUT}};

static const char *read_args(const char *at, struct command *c) {
  for (int i = 0; i < STATEMENT_ARGS; i++) {
    char *end;
    while (*at == ' ') at++;
    c->from_param[i] = *at == '$';
    if (*at == '$') at++;
    c->args.v[i] = strtoll(at, &end, 10);
    if (end == at) c->from_param[i] = false;
    at = end;
  }
  return at;
}

struct command command_parse(const char *sql, const char **rest) {
  struct command c = {.verb = VERB_UNKNOWN};

  while (*sql == ' ') sql++;
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs && c.verb == VERB_UNKNOWN; i++) {
    size_t n = strlen(verbs[i].text);
    if (strncmp(sql, verbs[i].text, n)) continue;
    c.verb = verbs[i].verb;
    if (c.verb >= VERB_GET) (void)read_args(sql + n, &c);
  }
  *rest = strchr(sql, ';');
  if (*rest) ++*rest;
  return c;
}

struct statement_args command_bind(const struct command *c, const struct statement_args *params) {
  struct statement_args out = c->args;
  for (int i = 0; i < STATEMENT_ARGS; i++)
    if (c->from_param[i]) out.v[i] = params->v[c->args.v[i] - 1];
  return out;
}

struct prepared *prepared_find(struct prepared_table *t, const char *name) {
  for (int i = 0; i < PREPARED_MAX; i++)
    if (t->entries[i].used && strcmp(t->entries[i].name, name) == 0) return &t->entries[i];
  return NULL;
}

struct prepared *prepared_set(struct prepared_table *t, const char *name, const char *sql) {
  struct prepared *p = prepared_find(t, name);
  const char *rest;

  for (int i = 0; !p && i < PREPARED_MAX; i++)
    if (!t->entries[i].used) p = &t->entries[i];
  sim_check(p, "more than %d prepared statements on one session", PREPARED_MAX);
  *p = (struct prepared){.used = true, .command = command_parse(sql, &rest)};
  (void)snprintf(p->name, sizeof p->name, "%s", name);
  return p;
}

struct bind bind_parse(const uint8_t *body, size_t n) {
  struct cursor c = cursor_of(body, n);
  struct bind b = {0};
  unsigned count;

  b.portal = cursor_cstr(&c).ptr;
  b.statement = cursor_cstr(&c).ptr;
  for (count = cursor_u16(&c); count; count--) (void)cursor_u16(&c);
  count = cursor_u16(&c);
  for (unsigned i = 0; i < count; i++) {
    uint32_t len = cursor_u32(&c);
    const uint8_t *p = cursor_bytes(&c, len);
    sim_check(p && len == 8, "a parameter that is no int8 in binary");
    if (i < STATEMENT_ARGS) b.params.v[i] = (int64_t)load_be64(p);
  }
  for (count = cursor_u16(&c); count; count--) b.binary |= cursor_u16(&c) == 1;
  sim_check(cursor_done(&c), "a Bind that can't be read");
  return b;
}

bool copy_read(struct copy_reader *r, const uint8_t **p, size_t *n, int64_t *id) {
  while (*n) {
    uint8_t c = **p;
    ++*p;
    --*n;
    if (!r->inside) {
      *r = (struct copy_reader){.inside = true, .is_id = c == 'p'};
    } else if (c == '\n') {
      r->inside = false;
      *id = r->id;
      if (r->is_id) return true;
    } else if (r->is_id) {
      r->id = r->id * 10 + (c - '0');
    }
  }
  return false;
}
