/* The rules of CREATE, ALTER and DROP. Texts that are known from clusters are theirs. */
#include <string.h>

#include "statement.h"

/* ---- CREATE, ALTER and DROP of objects that DSQL doesn't have: the node of CREATE, of ALTER, of DROP ---- */

static const struct {
  const char *word, *next; /* next: a second word that must follow, or NULL */
  const char *create, *alter, *drop;
} objects[] = {
    {"access", "method", "CreateAm", "AlterAm", "Drop"},
    {"aggregate", NULL, "Define", "AlterObject", "Drop"},
    {"cast", NULL, "CreateCast", "AlterObject", "Drop"},
    {"collation", NULL, "Define", "AlterCollation", "Drop"},
    {"conversion", NULL, "CreateConversion", "AlterObject", "Drop"},
    {"database", NULL, "Createdb", "AlterDatabase", "Dropdb"},
    {"event", "trigger", "CreateEventTrig", "AlterEventTrig", "Drop"},
    {"extension", NULL, "CreateExtension", "AlterExtension", "Drop"},
    {"foreign", "table", "CreateForeignTable", "AlterTable", "Drop"},
    {"foreign", "data", "CreateFdw", "AlterFdw", "Drop"},
    {"language", NULL, "CreatePLang", "AlterObject", "Drop"},
    {"materialized", "view", "CreateTableAs", "AlterTable", "Drop"},
    {"operator", NULL, "Define", "AlterOperator", "Drop"},
    {"policy", NULL, "CreatePolicy", "AlterPolicy", "Drop"},
    {"publication", NULL, "CreatePublication", "AlterPublication", "Drop"},
    {"rule", NULL, "Rule", "AlterObject", "Drop"},
    {"server", NULL, "CreateForeignServer", "AlterForeignServer", "Drop"},
    {"subscription", NULL, "CreateSubscription", "AlterSubscription", "DropSubscription"},
    {"system", NULL, NULL, "AlterSystem", NULL},
    {"tablespace", NULL, "CreateTableSpace", "AlterTableSpaceOptions", "DropTableSpace"},
    {"text", "search", "Define", "AlterObject", "Drop"},
    {"transform", NULL, "CreateTransform", "AlterObject", "Drop"},
    {"trigger", NULL, "CreateTrig", "AlterObject", "Drop"},
    {"type", NULL, "Define", "AlterType", "Drop"},
};

enum verb { VERB_CREATE, VERB_ALTER, VERB_DROP };

static bool unsupported_object(struct statement *s, const struct lexer *at, enum verb verb) {
  for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
    struct lexer l = *at;
    const char *node = verb == VERB_CREATE  ? objects[i].create
                       : verb == VERB_ALTER ? objects[i].alter
                                            : objects[i].drop;
    if (!node || !lex_accept(&l, objects[i].word)) continue;
    if (objects[i].next && !lex_accept(&l, objects[i].next)) continue;
    statement_unsupported(s, node);
    return true;
  }
  return false;
}

void rule_drop(struct statement *s, struct lexer *l) { unsupported_object(s, l, VERB_DROP); }

/* ---- ASYNC: what the server is to run at once, without that word ---- */

static bool cut_async(struct statement *s, struct lexer *l) {
  struct lex_token word = lex_peek(l);
  if (!lex_accept(l, "async")) return false;
  s->cut = word.text;
  s->cut_end = word.text + word.len;
  return true;
}

/* With nothing behind the word it is the server's syntax error. */
static void rewrite_if_cut(struct statement *s) {
  if (s->cut && !s->refused && s->cut_end < s->end) s->effect |= EFFECT_REWRITTEN;
}

/* ---- indexes ---- */

/* What a key must not say, outside of an expression's brackets. */
static void check_keys(struct statement *s, struct lexer *l) {
  struct lex_token t;
  if (!lex_is_symbol(lex_peek(l), '(')) return;
  lex_next(l);
  for (;;) {
    lex_skip_group(l);
    t = lex_next(l);
    if (t.kind == LEX_END || lex_is_symbol(t, ')')) return;
    if (lex_is_any(t, "asc desc")) statement_refuse(s, "0A000", "specifying sort order not supported for index keys");
  }
}

/* In the order in which clusters were seen to refuse. */
static void check_index_clauses(struct statement *s, struct lexer l, bool concurrently) {
  bool using = false, where = false;
  struct lexer keys = {NULL, NULL};
  struct lex_token t;
  for (;;) {
    if (lex_is_symbol(lex_peek(&l), '(') && !keys.pos) keys = l;
    lex_skip_group(&l);
    t = lex_next(&l);
    if (t.kind == LEX_END) break;
    using = using || lex_is(t, "using");
    where = where || lex_is(t, "where");
  }
  if (concurrently) statement_refuse(s, "0A000", "CONCURRENTLY not supported for CREATE INDEX");
  if (using) statement_refuse(s, "0A000", "USING not supported for CREATE INDEX");
  if (where) statement_refuse(s, "0A000", "WHERE not supported for CREATE INDEX");
  if (!s->cut) statement_refuse(s, "0A000", "unsupported mode. please use CREATE INDEX ASYNC.");
  if (keys.pos) check_keys(s, &keys);
}

static void create_index(struct statement *s, struct lexer *l) {
  bool concurrently = false;
  if (!cut_async(s, l)) concurrently = lex_accept(l, "concurrently");
  check_index_clauses(s, *l, concurrently);
  rewrite_if_cut(s);
}

/* ---- tables ---- */

static const char *const serials[] = {"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"};

static void check_serial(struct statement *s, struct lex_token type) {
  for (size_t i = 0; i < sizeof serials / sizeof serials[0]; i++)
    if (lex_is(type, serials[i])) statement_refuse(s, "42704", "type \"%s\" does not exist", serials[i]);
}

/* A type with brackets: text[], text[3], or text ARRAY. ARRAY[...] is a value. */
static void check_array(struct statement *s, struct lex_token type, const struct lexer *l) {
  struct lex_token next = lex_peek(l);
  if (type.kind != LEX_WORD || lex_is(type, "array") || (!lex_is_symbol(next, '[') && !lex_is(next, "array"))) return;
  statement_refuse(s, "0A000", "datatype %.*s[] not supported", (int)(type.len < 64 ? type.len : 64), type.text);
}

/* The columns of a CREATE TABLE: l stands at the bracket. A column's type is its second token. */
static void check_columns(struct statement *s, struct lexer *l) {
  unsigned place = 0;
  lex_next(l);
  for (;;) {
    struct lex_token t;
    lex_skip_group(l);
    t = lex_next(l);
    if (t.kind == LEX_END || lex_is_symbol(t, ')')) return;
    place = lex_is_symbol(t, ',') ? 0 : place + 1;
    if (place == 2) check_serial(s, t);
    if (place >= 2) check_array(s, t, l);
  }
}

static void create_table(struct statement *s, struct lexer *l) {
  struct lex_token last = {LEX_END, NULL, 0};
  for (;;) {
    struct lex_token t;
    if (lex_is_symbol(lex_peek(l), '(') && last.kind != LEX_END) check_columns(s, l);
    t = lex_next(l);
    if (t.kind == LEX_END || lex_is(t, "as")) return;
    if (lex_is(t, "partition")) statement_refuse(s, "0A000", "PARTITION not supported for CREATE TABLE");
    if (lex_is(t, "inherits")) statement_refuse(s, "0A000", "INHERITS not supported for CREATE TABLE");
    if (lex_is(t, "tablespace")) statement_refuse(s, "0A000", "TABLESPACE not supported for CREATE TABLE");
    last = t;
  }
}

/* ---- functions ---- */

static void create_function(struct statement *s, struct lexer *l) {
  struct lex_token t;
  while ((t = lex_next(l)).kind != LEX_END) {
    if (!lex_is(t, "language")) continue;
    t = lex_next(l);
    if (t.kind != LEX_WORD && t.len >= 2) { /* in quotes of either kind */
      t = (struct lex_token){LEX_WORD, t.text + 1, t.len - 2};
    }
    if (!lex_is(t, "sql"))
      statement_refuse(s, "0A000", "language %.*s not supported", (int)(t.len < 64 ? t.len : 64), t.text);
    return;
  }
}

void rule_create(struct statement *s, struct lexer *l) {
  if (lex_accept(l, "or")) lex_accept(l, "replace");
  if (!lex_accept(l, "global")) lex_accept(l, "local");
  if (lex_is_any(lex_peek(l), "temp temporary")) {
    statement_refuse(s, "0A000", "temporary tables are not supported");
  } else if (lex_is(lex_peek(l), "unlogged")) {
    statement_refuse(s, "0A000", "UNLOGGED not supported for CREATE TABLE");
  } else if (lex_accept(l, "procedure")) {
    statement_refuse(s, "0A000", "PROCEDURE is not supported");
  } else if (lex_accept(l, "function")) {
    create_function(s, l);
  } else if (lex_accept(l, "table")) {
    create_table(s, l);
  } else if (lex_accept(l, "constraint")) {
    statement_unsupported(s, "CreateTrig");
  } else if (lex_accept(l, "trusted") || lex_accept(l, "procedural")) {
    statement_unsupported(s, "CreatePLang");
  } else if (!unsupported_object(s, l, VERB_CREATE)) {
    lex_accept(l, "unique");
    if (lex_accept(l, "index")) create_index(s, l);
  }
}

/* ---- ALTER TABLE ---- */

/* Behind ADD CONSTRAINT, or ADD with a constraint's first word: only what is not validated, or uses an index. */
static void alter_add_constraint(struct statement *s, struct lexer *l) {
  struct lex_token t, last = {LEX_END, NULL, 0};
  while ((t = lex_next(l)).kind != LEX_END) {
    if ((lex_is(last, "not") && lex_is(t, "valid")) || (lex_is(last, "using") && lex_is(t, "index"))) return;
    last = t;
  }
  statement_refuse(s, "0A000", "unsupported ALTER TABLE ADD CONSTRAINT statement");
}

static void alter_add(struct statement *s, struct lexer *l) {
  struct lex_token t = lex_peek(l);
  if (lex_is_any(t, "constraint primary unique check foreign exclude")) {
    alter_add_constraint(s, l);
    return;
  }
  lex_accept(l, "column");
  while ((t = lex_next(l)).kind != LEX_END && !lex_is_symbol(t, ',')) {
    check_serial(s, t);
    check_array(s, t, l);
    if (lex_is_any(t, "default not check unique primary references generated constraint"))
      statement_refuse(s, "0A000", "ALTER TABLE ADD COLUMN with constraint not supported");
    if (lex_accept(l, "exists")) continue; /* IF NOT EXISTS */
    if (lex_is(t, "if") && lex_accept(l, "not")) lex_accept(l, "exists");
  }
}

static void refuse_alter_column(struct statement *s, const char *what) {
  statement_refuse(s, "0A000", "unsupported ALTER TABLE ALTER COLUMN ... %s statement", what);
}

/* Behind ALTER [COLUMN] name. */
static void alter_column(struct statement *s, struct lexer *l) {
  if (!lex_accept(l, "column") && lex_is(lex_peek(l), "constraint")) return;
  lex_next(l);
  if (lex_accept(l, "type")) {
    refuse_alter_column(s, "SET DATA TYPE");
  } else if (lex_accept(l, "set")) {
    if (lex_accept(l, "data")) refuse_alter_column(s, "SET DATA TYPE");
    if (lex_accept(l, "not")) refuse_alter_column(s, "SET NOT NULL");
    if (lex_accept(l, "statistics")) refuse_alter_column(s, "SET STATISTICS");
  }
}

static void alter_table(struct statement *s, struct lexer *l) {
  struct lex_token t;
  cut_async(s, l);
  for (;;) {
    lex_skip_group(l);
    t = lex_next(l);
    if (t.kind == LEX_END) break;
    if (lex_is(t, "add")) alter_add(s, l);
    if (lex_is(t, "alter")) alter_column(s, l);
    if (lex_is(t, "validate") && !s->cut)
      statement_refuse(s, "0A000", "unsupported ALTER TABLE VALIDATE CONSTRAINT statement");
    if (lex_is_any(t, "enable disable")) statement_refuse(s, "0A000", "unsupported ALTER TABLE statement");
  }
  rewrite_if_cut(s);
}

void rule_alter(struct statement *s, struct lexer *l) {
  if (unsupported_object(s, l, VERB_ALTER)) return;
  if (lex_accept(l, "table")) alter_table(s, l);
}
