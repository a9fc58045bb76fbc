/* lex.h - SQL text as tokens, by the server's own rules for comments, quotes, dollar quotes and names (with
 * standard_conforming_strings on, which DSQL doesn't let a session change). Views into the text; never fails: what is
 * not closed ends with the text. */
#ifndef DSQL_LOCAL_LEX_H
#define DSQL_LOCAL_LEX_H

#include <stdbool.h>
#include <stddef.h>

struct lexer {
  const char *pos, *end;
};

enum lex_kind {
  LEX_END,
  LEX_WORD,   /* a keyword or an unquoted name */
  LEX_QUOTED, /* "a name"; the text includes its quotes */
  LEX_STRING, /* any literal in quotes or dollar quotes, with its quotes, without a prefix but E */
  LEX_NUMBER,
  LEX_PARAM, /* $1 */
  LEX_SYMBOL /* one character of anything else */
};

struct lex_token {
  enum lex_kind kind;
  const char *text;
  size_t len;
};

struct lex_token lex_next(struct lexer *l);
struct lex_token lex_peek(const struct lexer *l);
/* word is in lower case; a quoted name is never one. */
bool lex_is(struct lex_token t, const char *word);
bool lex_is_symbol(struct lex_token t, char c);
/* Any of a blank-separated list. */
bool lex_is_any(struct lex_token t, const char *words);
/* Takes the next token when it is this word. */
bool lex_accept(struct lexer *l, const char *word);
/* Takes the next tokens up to and with the closing bracket of the group that opens here, if one does. */
void lex_skip_group(struct lexer *l);

#endif
