#include "lex.h"

#include <string.h>

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

static bool starts_name(char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || c == '_' || (unsigned char)c >= 0x80; }

static bool continues_name(char c) { return starts_name(c) || is_digit(c) || c == '$'; }

static bool at_pair(const struct lexer *l, char a, char b) {
  return l->end - l->pos >= 2 && l->pos[0] == a && l->pos[1] == b;
}

/* Block comments nest. */
static void skip_block_comment(struct lexer *l) {
  unsigned depth = 0;
  while (l->pos < l->end) {
    if (at_pair(l, '/', '*')) {
      depth++;
      l->pos += 2;
    } else if (at_pair(l, '*', '/')) {
      l->pos += 2;
      if (--depth == 0) return;
    } else {
      l->pos++;
    }
  }
}

static void skip_blank(struct lexer *l) {
  while (l->pos < l->end) {
    if (is_space(*l->pos)) {
      l->pos++;
    } else if (at_pair(l, '-', '-')) {
      while (l->pos < l->end && *l->pos != '\n' && *l->pos != '\r') l->pos++;
    } else if (at_pair(l, '/', '*')) {
      skip_block_comment(l);
    } else {
      return;
    }
  }
}

/* A doubled quote is one of the text. */
static void skip_quoted(struct lexer *l, char quote, bool escapes) {
  l->pos++;
  while (l->pos < l->end) {
    char c = *l->pos++;
    if (c == quote) {
      if (l->pos == l->end || *l->pos != quote) return;
      l->pos++;
    } else if (c == '\\' && escapes && l->pos < l->end) {
      l->pos++;
    }
  }
}

/* The length of the $tag$ here; 0 when there is none. */
static size_t dollar_tag(const struct lexer *l) {
  const char *p = l->pos + 1;
  if (p < l->end && is_digit(*p)) return 0;
  while (p < l->end && continues_name(*p) && *p != '$') p++;
  return p < l->end && *p == '$' ? (size_t)(p + 1 - l->pos) : 0;
}

static void skip_dollar_quoted(struct lexer *l, size_t tag_len) {
  const char *tag = l->pos;
  l->pos += tag_len;
  while ((size_t)(l->end - l->pos) >= tag_len) {
    const char *dollar = memchr(l->pos, '$', (size_t)(l->end - l->pos));
    if (!dollar || (size_t)(l->end - dollar) < tag_len) break;
    l->pos = dollar + 1;
    if (memcmp(dollar, tag, tag_len) != 0) continue;
    l->pos = dollar + tag_len;
    return;
  }
  l->pos = l->end;
}

static enum lex_kind take_dollar(struct lexer *l) {
  size_t tag = dollar_tag(l);
  if (tag) {
    skip_dollar_quoted(l, tag);
    return LEX_STRING;
  }
  l->pos++;
  if (l->pos == l->end || !is_digit(*l->pos)) return LEX_SYMBOL;
  while (l->pos < l->end && is_digit(*l->pos)) l->pos++;
  return LEX_PARAM;
}

static enum lex_kind take_word(struct lexer *l) {
  const char *start = l->pos;
  while (l->pos < l->end && continues_name(*l->pos)) l->pos++;
  if (l->pos - start == 1 && lower(*start) == 'e' && l->pos < l->end && *l->pos == '\'') {
    skip_quoted(l, '\'', true);
    return LEX_STRING;
  }
  return LEX_WORD;
}

/* Exponents and radix prefixes are taken as part of it: nothing here reads a number's value. */
static enum lex_kind take_number(struct lexer *l) {
  while (l->pos < l->end && (continues_name(*l->pos) || *l->pos == '.')) l->pos++;
  return LEX_NUMBER;
}

static enum lex_kind take(struct lexer *l) {
  char c = *l->pos;
  if (starts_name(c)) return take_word(l);
  if (is_digit(c)) return take_number(l);
  if (c == '$') return take_dollar(l);
  if (c == '\'') {
    skip_quoted(l, c, false);
    return LEX_STRING;
  }
  if (c == '"') {
    skip_quoted(l, c, false);
    return LEX_QUOTED;
  }
  l->pos++;
  return LEX_SYMBOL;
}

struct lex_token lex_next(struct lexer *l) {
  struct lex_token t;
  skip_blank(l);
  t.text = l->pos;
  t.kind = l->pos < l->end ? take(l) : LEX_END;
  t.len = (size_t)(l->pos - t.text);
  return t;
}

struct lex_token lex_peek(const struct lexer *l) {
  struct lexer copy = *l;
  return lex_next(&copy);
}

static bool same_word(struct lex_token t, const char *word, size_t n) {
  if (t.kind != LEX_WORD || t.len != n) return false;
  for (size_t i = 0; i < n; i++)
    if (lower(t.text[i]) != word[i]) return false;
  return true;
}

bool lex_is(struct lex_token t, const char *word) { return same_word(t, word, strlen(word)); }

bool lex_is_symbol(struct lex_token t, char c) { return t.kind == LEX_SYMBOL && *t.text == c; }

bool lex_is_any(struct lex_token t, const char *words) {
  while (*words) {
    size_t n = strcspn(words, " ");
    if (same_word(t, words, n)) return true;
    words += n + (words[n] == ' ');
  }
  return false;
}

bool lex_accept(struct lexer *l, const char *word) {
  struct lexer ahead = *l;
  if (!lex_is(lex_next(&ahead), word)) return false;
  *l = ahead;
  return true;
}

void lex_skip_group(struct lexer *l) {
  unsigned depth = 0;
  if (!lex_is_symbol(lex_peek(l), '(')) return;
  do {
    struct lex_token t = lex_next(l);
    if (t.kind == LEX_END) return;
    if (lex_is_symbol(t, '(')) depth++;
    if (lex_is_symbol(t, ')')) depth--;
  } while (depth);
}
