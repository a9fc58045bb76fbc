#include "spy.h"

#include <stdio.h>

static void copy(char *to, size_t size, dsql_str *s) {
  (void)snprintf(to, size, "%.*s", (int)s->len, s->ptr);
  *s = (dsql_str){to, strlen(to)};
}

static void search(const struct spy *s, dsql_str text) {
  if (s->secret) cr_assert(!str_has(text, s->secret), "a secret is told: %.*s", (int)text.len, text.ptr);
}

static void search_all(const struct spy *s, const dsql_span *span) {
  dsql_attribute list[DSQL_ATTRIBUTES_MAX];
  size_t n = dsql_span_attributes(span, list, DSQL_ATTRIBUTES_MAX);

  cr_assert_leq(n, DSQL_ATTRIBUTES_MAX);
  for (size_t i = 0; i < n; i++)
    if (list[i].text.ptr) search(s, list[i].text);
  if (!span->error) return;
  search(s, span->error->message);
  search(s, span->error->detail);
}

static void *on_start(const dsql_span *span, void *arg) {
  struct spy *s = arg;
  struct spied *to = &s->spans[s->count];

  cr_assert_lt(s->count, SPY_SPANS);
  cr_assert_eq(span->size, sizeof *span);
  cr_assert(span->id && !span->ended && !span->error && span->duration_us == 0 && span->rows == -1);
  for (size_t i = 0; i < s->count; i++) cr_assert_neq(s->spans[i].start.id, span->id);
  s->count++;
  memset(to, 0, sizeof *to);
  to->start = *span;
  copy(to->host, sizeof to->host, &to->start.host);
  copy(to->database, sizeof to->database, &to->start.database);
  copy(to->user, sizeof to->user, &to->start.user);
  copy(to->operation, sizeof to->operation, &to->start.operation);
  copy(to->sql, sizeof to->sql, &to->start.sql);
  search_all(s, span);
  if (s->at_start) s->at_start(span);
  return to;
}

static bool same(dsql_str a, const char *b) { return a.len >= strlen(b) && memcmp(a.ptr, b, strlen(b)) == 0; }

static void on_end(const dsql_span *span, void *data, void *arg) {
  struct spy *s = arg;
  struct spied *to = data;

  cr_assert(to >= s->spans && to < s->spans + s->count, "the data of the start");
  cr_assert(span->ended && to->ends++ == 0, "span %llu ends twice", (unsigned long long)span->id);
  cr_assert(span->id == to->start.id && span->kind == to->start.kind && span->parent_id == to->start.parent_id);
  cr_assert(same(span->sql, to->sql) && same(span->operation, to->operation) && same(span->database, to->database));
  to->end = *span;
  to->end.host = to->end.database = to->end.user = to->end.operation = to->end.sql = (dsql_str){"", 0};
  to->end.error = NULL;
  to->code = span->error ? span->error->code : 0;
  to->flags = span->error ? span->error->flags : 0;
  if (span->error) memcpy(to->sqlstate, span->error->sqlstate, sizeof to->sqlstate);
  cr_assert(!span->error || span->error->code < 0);
  s->ended[s->end_count++] = (size_t)(to - s->spans);
  search_all(s, span);
  if (s->at_end) s->at_end(span);
}

static void on_line(const char *line, size_t len, void *arg) {
  struct spy *s = arg;

  cr_assert(s->line_count < SPY_LINES && len < SPY_LINE_SIZE);
  for (size_t i = 0; i < len; i++) cr_assert((unsigned char)line[i] >= 0x20 && line[i] != 0x7f, "a control byte");
  search(s, (dsql_str){line, len});
  memcpy(s->lines[s->line_count], line, len);
  s->lines[s->line_count++][len] = '\0';
}

void spy_init(struct spy *s) {
  memset(s, 0, sizeof *s);
  dsql_hooks_init(&s->hooks);
  s->hooks.start = on_start;
  s->hooks.end = on_end;
  s->hooks.arg = s->hooks.log_arg = s;
  s->hooks.log = on_line;
}

void spy_on(struct spy *s, dsql_rt *rt) {
  s->rt = rt;
  cr_assert_eq(dsql_rt_observe(rt, &s->hooks), 0);
}

void spy_settled(const struct spy *s) {
  for (size_t i = 0; i < s->count; i++)
    cr_assert_eq(s->spans[i].ends, 1, "span %zu, kind %d, \"%s\", has no end", i, (int)s->spans[i].start.kind,
                 s->spans[i].sql);
  cr_assert_eq(s->end_count, s->count);
}

const struct spied *spy_end(const struct spy *s, enum dsql_span_kind kind, size_t n) {
  for (size_t i = 0; i < s->end_count; i++)
    if (s->spans[s->ended[i]].start.kind == kind && n-- == 0) return &s->spans[s->ended[i]];
  cr_assert_fail("there is no such end of kind %d", (int)kind);
  return NULL;
}

size_t spy_ends(const struct spy *s, enum dsql_span_kind kind) {
  size_t n = 0;
  for (size_t i = 0; i < s->end_count; i++) n += s->spans[s->ended[i]].start.kind == kind;
  return n;
}
