#include "statement.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void statement_refuse(struct statement *s, const char *sqlstate, const char *format, ...) {
  va_list args;
  if (s->refused) return;
  s->refused = true;
  memset(&s->refusal, 0, sizeof s->refusal);
  memcpy(s->refusal.sqlstate, sqlstate, 5);
  va_start(args, format);
  vsnprintf(s->refusal.message, sizeof s->refusal.message, format, args);
  va_end(args);
}

void statement_unsupported(struct statement *s, const char *node) {
  statement_refuse(s, "0A000", "unsupported statement: %s", node);
}

/* Sorted by nothing but the alphabet. A statement that is not here reads, or is the server's to refuse. */
static const struct {
  const char *word;
  unsigned effect;
  const char *unsupported; /* the server's name of the node */
  void (*rule)(struct statement *s, struct lexer *l);
} statements[] = {
    {"abort", EFFECT_ROLLS_BACK, NULL, rule_rollback},
    {"alter", EFFECT_WRITES | EFFECT_DEFINES, NULL, rule_alter},
    {"begin", EFFECT_BEGINS, NULL, rule_begin},
    {"call", EFFECT_WRITES, NULL, NULL},
    {"checkpoint", 0, "CheckPoint", NULL},
    {"close", 0, "ClosePortal", NULL},
    {"cluster", 0, "Cluster", NULL},
    {"comment", EFFECT_WRITES, NULL, NULL},
    {"commit", EFFECT_COMMITS, NULL, rule_commit},
    {"copy", 0, NULL, rule_copy},
    {"create", EFFECT_WRITES | EFFECT_DEFINES, NULL, rule_create},
    {"deallocate", EFFECT_SETS, NULL, rule_deallocate},
    {"declare", 0, "DeclareCursor", NULL},
    {"delete", EFFECT_WRITES, NULL, NULL},
    {"discard", 0, "Discard", NULL},
    {"do", 0, "Do", NULL},
    {"drop", EFFECT_WRITES, NULL, rule_drop},
    {"end", EFFECT_COMMITS, NULL, rule_commit},
    {"execute", 0, "Execute", NULL},
    {"fetch", 0, "Fetch", NULL},
    {"grant", EFFECT_WRITES, NULL, NULL},
    {"import", 0, "ImportForeignSchema", NULL},
    {"insert", EFFECT_WRITES, NULL, NULL},
    {"listen", 0, "Listen", NULL},
    {"load", 0, "Load", NULL},
    {"lock", 0, "Lock", NULL},
    {"merge", EFFECT_WRITES, NULL, NULL},
    {"move", 0, "Fetch", NULL},
    {"notify", 0, "Notify", NULL},
    {"prepare", 0, NULL, rule_prepare},
    {"reassign", EFFECT_WRITES, NULL, NULL},
    {"refresh", 0, "RefreshMatView", NULL},
    {"reindex", 0, "Reindex", NULL},
    {"release", 0, "Transaction", NULL},
    {"reset", EFFECT_SETS, NULL, rule_reset},
    {"revoke", EFFECT_WRITES, NULL, NULL},
    {"rollback", EFFECT_ROLLS_BACK, NULL, rule_rollback},
    {"savepoint", 0, "Transaction", NULL},
    {"security", 0, "SecLabel", NULL},
    {"set", EFFECT_SETS, NULL, rule_set},
    {"show", EFFECT_SETS, NULL, NULL},
    {"start", EFFECT_BEGINS, NULL, rule_begin},
    {"truncate", 0, "Truncate", NULL},
    {"unlisten", 0, "Unlisten", NULL},
    {"update", EFFECT_WRITES, NULL, NULL},
    {"vacuum", 0, "Vacuum", NULL},
};

static void apply_rules(struct statement *s) {
  struct lexer l = {s->start, s->end};
  struct lex_token first = lex_next(&l);
  for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
    if (!lex_is(first, statements[i].word)) continue;
    s->effect |= statements[i].effect;
    if (statements[i].unsupported) statement_unsupported(s, statements[i].unsupported);
    if (statements[i].rule) statements[i].rule(s, &l);
    return;
  }
}

static bool starts_with(struct lex_token t, const char *prefix) {
  size_t n = strlen(prefix);
  if (t.kind != LEX_WORD || t.len < n) return false;
  t.len = n;
  return lex_is(t, prefix);
}

/* A call of a function that DSQL doesn't have; a quoted name calls it too, but nobody writes it so. */
static void check_call(struct statement *s, struct lex_token name) {
  if (!starts_with(name, "pg_advisory_") && !starts_with(name, "pg_try_advisory_") && !lex_is(name, "set_config"))
    return;
  statement_refuse(s, "0A000", "function %.*s not supported", (int)(name.len < 64 ? name.len : 64), name.text);
}

struct scan {
  struct statement *s;
  bool create, reads; /* its first word: CREATE; SELECT, WITH, TABLE, VALUES, EXPLAIN or a bracket */
  unsigned brackets;
  unsigned bodies; /* open BEGIN ATOMIC and CASE of a function's body: a semicolon inside ends nothing */
  struct lex_token last;
};

/* What makes a statement that reads by its first word write nevertheless: a WITH or EXPLAIN over one that writes, INTO,
 * and locks, which DSQL checks at COMMIT. */
static bool writes_by(const struct scan *c, struct lex_token t) {
  if (!c->reads || lex_is_symbol(c->last, '.') || lex_is(c->last, "as")) return false;
  return lex_is_any(t, "insert delete update merge into") || (lex_is(c->last, "for") && lex_is_any(t, "share no key"));
}

static void scan_word(struct scan *c, struct lex_token t) {
  if (c->create && lex_is(c->last, "begin") && lex_is(t, "atomic")) c->bodies++;
  if (c->bodies && lex_is(t, "case")) c->bodies++;
  if (c->bodies && lex_is(t, "end")) c->bodies--;
  if (writes_by(c, t)) c->s->effect |= EFFECT_WRITES;
}

/* Takes all tokens of one statement; false: its semicolon, or the end. */
static bool scan_token(struct scan *c, struct lex_token t) {
  if (t.kind == LEX_END) return false;
  if (lex_is_symbol(t, ';') && !c->brackets && !c->bodies) return false;
  if (t.kind == LEX_WORD) {
    scan_word(c, t);
  } else if (lex_is_symbol(t, '(')) {
    c->brackets++;
    if (c->last.kind == LEX_WORD) check_call(c->s, c->last);
  } else if (lex_is_symbol(t, ')') && c->brackets) {
    c->brackets--;
  }
  c->last = t;
  c->s->end = t.text + t.len;
  return true;
}

bool statement_next(struct lexer *l, struct statement *out) {
  struct lex_token t;
  struct scan c = {.s = out};

  memset(out, 0, sizeof *out);
  do t = lex_next(l);
  while (lex_is_symbol(t, ';'));
  if (t.kind == LEX_END) return false;
  out->start = t.text;
  c.create = lex_is(t, "create");
  c.reads = lex_is_any(t, "select with table values explain") || lex_is_symbol(t, '(');
  while (scan_token(&c, t)) t = lex_next(l);
  apply_rules(out);
  return true;
}

static void put_serializable(const struct statement *s, struct buf *out) {
  buf_put(out, s->start, (size_t)(s->cut - s->start));
  buf_put_str(out, "ISOLATION LEVEL SERIALIZABLE");
  buf_put(out, s->cut_end, (size_t)(s->end - s->cut_end));
}

void statement_rewrite(const struct statement *s, struct buf *out) {
  if (s->effect & EFFECT_ISOLATES) {
    put_serializable(s, out);
    return;
  }
  buf_put_str(out, "SELECT job_id FROM dsql_local.run_async('");
  for (const char *p = s->start; p < s->end; p++) {
    if (p == s->cut) p = s->cut_end; /* a blank or a name's quote follows, never the end: the rule has seen to it */
    if (*p == '\'') buf_put_u8(out, '\'');
    buf_put_u8(out, (uint8_t)*p);
  }
  buf_put_str(out, "')");
}
