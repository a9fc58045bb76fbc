#include "session/sql.h"

#include <stdbool.h>
#include <string.h>

struct scanner {
  const char *pos, *end;
};

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Skips one (nesting) block comment whose opening is at pos. */
static void skip_block_comment(struct scanner *s) {
  unsigned depth = 0;
  while (s->end - s->pos >= 2) {
    if (s->pos[0] == '/' && s->pos[1] == '*') {
      depth++;
      s->pos += 2;
    } else if (s->pos[0] == '*' && s->pos[1] == '/') {
      s->pos += 2;
      if (--depth == 0) return;
    } else {
      s->pos++;
    }
  }
  s->pos = s->end;
}

static void skip_blank(struct scanner *s) {
  while (s->pos < s->end) {
    if (is_space(*s->pos)) {
      s->pos++;
    } else if (s->end - s->pos >= 2 && s->pos[0] == '-' && s->pos[1] == '-') {
      const char *eol = memchr(s->pos, '\n', (size_t)(s->end - s->pos));
      s->pos = eol ? eol + 1 : s->end;
    } else if (s->end - s->pos >= 2 && s->pos[0] == '/' && s->pos[1] == '*') {
      skip_block_comment(s);
    } else {
      return;
    }
  }
}

enum { WORD_MAX = 12 };

/* The next word in lower case, "" when there is none; longer words are cut, which no keyword of ours is. */
static void next_word(struct scanner *s, char word[WORD_MAX + 1]) {
  size_t n = 0;
  skip_blank(s);
  for (; s->pos < s->end; s->pos++) {
    char c = *s->pos;
    if (c >= 'A' && c <= 'Z') c = (char)(c + 32);
    if (!((c >= 'a' && c <= 'z') || c == '_')) break;
    if (n < WORD_MAX) word[n++] = c;
  }
  word[n] = '\0';
}

static bool rollback_is_partial(struct scanner *s) {
  char word[WORD_MAX + 1];
  next_word(s, word);
  if (!strcmp(word, "work") || !strcmp(word, "transaction")) next_word(s, word);
  return !strcmp(word, "to");
}

static enum sql_effect effect_at(struct scanner *s) {
  char word[WORD_MAX + 1];

  /* Empty statements before the first real one change nothing. */
  do {
    skip_blank(s);
  } while (s->pos < s->end && *s->pos == ';' && s->pos++);
  next_word(s, word);
  switch (word[0]) {
    case 'a': return !strcmp(word, "abort") ? SQL_ROLLBACK : SQL_PLAIN;
    case 'b': return !strcmp(word, "begin") ? SQL_BEGIN : SQL_PLAIN;
    case 'c':
      if (!strcmp(word, "commit")) return SQL_COMMIT;
      if (!strcmp(word, "copy")) return SQL_COPY;
      return !strcmp(word, "call") ? SQL_UNKNOWN : SQL_PLAIN;
    case 'd': return !strcmp(word, "do") ? SQL_UNKNOWN : SQL_PLAIN;
    case 'e': return !strcmp(word, "end") ? SQL_COMMIT : SQL_PLAIN;
    case 'p':
      if (strcmp(word, "prepare") != 0) return SQL_PLAIN;
      next_word(s, word);
      return !strcmp(word, "transaction") ? SQL_COMMIT : SQL_PLAIN;
    case 'r':
      if (strcmp(word, "rollback") != 0) return SQL_PLAIN;
      return rollback_is_partial(s) ? SQL_PLAIN : SQL_ROLLBACK;
    case 's': return !strcmp(word, "start") ? SQL_BEGIN : SQL_PLAIN;
    default: return SQL_PLAIN;
  }
}

enum sql_effect sql_effect_of(const char *sql, size_t n) {
  struct scanner s = {sql, n ? sql + n : sql};
  return effect_at(&s);
}

/* True when a semicolon has something behind it. A semicolon inside a literal counts too: erring means SQL_UNKNOWN. */
static bool has_several(const char *sql, size_t n) {
  struct scanner s = {sql, n ? sql + n : sql};
  while (s.pos < s.end) {
    const char *semicolon = memchr(s.pos, ';', (size_t)(s.end - s.pos));
    if (!semicolon) return false;
    s.pos = semicolon + 1;
    skip_blank(&s);
    if (s.pos < s.end && *s.pos != ';') return true;
  }
  return false;
}

enum sql_effect sql_effect_of_script(const char *sql, size_t n) {
  enum sql_effect first = sql_effect_of(sql, n);
  if (first == SQL_COMMIT || !has_several(sql, n)) return first;
  return SQL_UNKNOWN;
}
