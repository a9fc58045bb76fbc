/* The rules of statements that control transactions and the session. */
#include <string.h>

#include "statement.h"

/* ---- transactions ---- */

/* The modes of a transaction, in any order; only one isolation level is DSQL's. */
static void check_modes(struct statement *s, struct lexer *l) {
  struct lex_token t;
  while ((t = lex_next(l)).kind != LEX_END) {
    if (lex_is(t, "deferrable")) statement_refuse(s, "0A000", "transaction mode DEFERRABLE not supported");
    if (!lex_is(t, "isolation") || !lex_accept(l, "level")) continue;
    s->cut = t.text;
    t = lex_next(l);
    if (lex_is(t, "repeatable") && lex_accept(l, "read")) {
      s->cut_end = l->pos;
      s->effect |= EFFECT_ISOLATES;
      continue;
    }
    statement_refuse(s, "0A000", "unsupported isolation level, only REPEATABLE READ is supported");
  }
}

void rule_begin(struct statement *s, struct lexer *l) { check_modes(s, l); }

static void refuse_chain(struct statement *s, struct lexer *l) {
  if (lex_accept(l, "and") && lex_accept(l, "chain")) statement_refuse(s, "0A000", "AND CHAIN not supported");
}

void rule_commit(struct statement *s, struct lexer *l) {
  if (lex_is(lex_peek(l), "prepared")) statement_unsupported(s, "Transaction");
  if (!lex_accept(l, "work")) lex_accept(l, "transaction");
  refuse_chain(s, l);
}

void rule_rollback(struct statement *s, struct lexer *l) {
  if (lex_is(lex_peek(l), "prepared")) statement_unsupported(s, "Transaction");
  if (!lex_accept(l, "work")) lex_accept(l, "transaction");
  if (lex_is(lex_peek(l), "to")) statement_unsupported(s, "Transaction");
  refuse_chain(s, l);
  if (s->refused) s->effect = 0;
}

void rule_prepare(struct statement *s, struct lexer *l) {
  statement_unsupported(s, lex_is(lex_peek(l), "transaction") ? "Transaction" : "Prepare");
}

void rule_deallocate(struct statement *s, struct lexer *l) {
  lex_accept(l, "prepare");
  s->deallocates_all = lex_accept(l, "all") && lex_next(l).kind == LEX_END;
  if (!s->deallocates_all) statement_unsupported(s, "Deallocate");
}

/* ---- parameters ---- */

static const char allowed[] = "application_name client_encoding datestyle extra_float_digits intervalstyle timezone "
                              "search_path role disable_sync_create_index";

bool relay_parameter_allowed(const char *name, size_t n) {
  struct lex_token t = {LEX_WORD, name, n};
  struct lex_token prefix = {LEX_WORD, name, 7};
  return lex_is_any(t, allowed) || (n > 7 && lex_is(prefix, "enable_"));
}

/* Quotes of a quoted name are no part of it. */
static struct lex_token unquoted(struct lex_token t) {
  if (t.kind == LEX_QUOTED && t.len >= 2) {
    t.text++;
    t.len -= 2;
  }
  return t;
}

void relay_refuse_parameter(struct relay_refusal *out, const char *name, size_t n) {
  struct statement s;
  memset(&s, 0, sizeof s);
  statement_refuse(&s, "0A000", "setting configuration parameter \"%.*s\" not supported", (int)(n < 64 ? n : 64), name);
  *out = s.refusal;
}

static void check_parameter(struct statement *s, struct lexer *l) {
  struct lex_token name = unquoted(lex_next(l));
  if (relay_parameter_allowed(name.text, name.len) && !lex_is_symbol(lex_peek(l), '.')) return;
  if (s->refused) return;
  /* A name in two parts is named whole. */
  if (lex_is_symbol(lex_peek(l), '.')) {
    lex_next(l);
    name.len = (size_t)(lex_next(l).text - name.text);
    while (l->pos > name.text + name.len) name.len++;
  }
  s->refused = true;
  relay_refuse_parameter(&s->refusal, name.text, name.len);
}

/* SET of what is no parameter, by grammar. "" passes. */
static const struct {
  const char *word, *refusal;
} special[] = {
    {"names", ""}, {"schema", ""}, {"constraints", "ConstraintsSet"}, {"xml", "xmloption"}, {"seed", "seed"},
};

static void refuse_named(struct statement *s, const char *name) {
  if (s->refused) return;
  s->refused = true;
  relay_refuse_parameter(&s->refusal, name, strlen(name));
}

static bool set_special(struct statement *s, struct lexer *l) {
  for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
    if (!lex_accept(l, special[i].word)) continue;
    if (!strcmp(special[i].refusal, "ConstraintsSet")) {
      statement_unsupported(s, special[i].refusal);
    } else if (*special[i].refusal) {
      refuse_named(s, special[i].refusal);
    }
    return true;
  }
  return false;
}

void rule_set(struct statement *s, struct lexer *l) {
  if (lex_accept(l, "session")) {
    if (lex_accept(l, "characteristics")) {
      check_modes(s, l);
      return;
    }
    if (lex_is(lex_peek(l), "authorization")) {
      refuse_named(s, "session_authorization");
      return;
    }
  } else {
    lex_accept(l, "local");
  }
  if (lex_accept(l, "transaction")) {
    refuse_named(s, "TRANSACTION");
  } else if (lex_accept(l, "time")) {
    if (!lex_accept(l, "zone")) refuse_named(s, "time");
  } else if (!set_special(s, l)) {
    check_parameter(s, l);
  }
}

void rule_reset(struct statement *s, struct lexer *l) {
  if (lex_is_any(lex_peek(l), "all")) return;
  if (lex_accept(l, "time") && lex_accept(l, "zone")) return;
  check_parameter(s, l);
}

/* ---- COPY ---- */

/* Only through the connection. The first FROM or TO outside of brackets tells; what follows must be STDIN or STDOUT. */
void rule_copy(struct statement *s, struct lexer *l) {
  struct lex_token t;
  for (;;) {
    lex_skip_group(l);
    t = lex_next(l);
    if (t.kind == LEX_END) return; /* the server's syntax error */
    if (lex_is_any(t, "from to")) break;
  }
  if (lex_is(t, "from")) s->effect |= EFFECT_WRITES;
  if (!lex_is_any(lex_next(l), "stdin stdout"))
    statement_refuse(s, "0A000", "COPY is only supported with STDIN and STDOUT");
}
