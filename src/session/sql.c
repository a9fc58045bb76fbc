#include "session/sql.h"

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

/* A carriage return ends it too, as it does for the server. */
static void skip_line_comment(struct scanner *s) {
  while (s->pos < s->end && *s->pos != '\n' && *s->pos != '\r') s->pos++;
}

static void skip_blank(struct scanner *s) {
  while (s->pos < s->end) {
    if (is_space(*s->pos)) {
      s->pos++;
    } else if (s->end - s->pos >= 2 && s->pos[0] == '-' && s->pos[1] == '-') {
      skip_line_comment(s);
    } else if (s->end - s->pos >= 2 && s->pos[0] == '/' && s->pos[1] == '*') {
      skip_block_comment(s);
    } else {
      return;
    }
  }
}

enum { WORD_MAX = 12 };

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

/* The next word in lower case, "" when there is none; longer words are cut, which no keyword of ours is. */
static void next_word(struct scanner *s, char word[WORD_MAX + 1]) {
  size_t n = 0;
  skip_blank(s);
  for (; s->pos < s->end; s->pos++) {
    char c = lower(*s->pos);
    if (!((c >= 'a' && c <= 'z') || c == '_')) break;
    if (n < WORD_MAX) word[n++] = c;
  }
  word[n] = '\0';
}

/* word is in lower case; anywhere, also inside a literal or a name. */
static bool mentions(const char *sql, size_t n, const char *word) {
  size_t len = strlen(word);
  for (size_t at = 0; at + len <= n; at++) {
    size_t same = 0;
    while (same < len && lower(sql[at + same]) == word[same]) same++;
    if (same == len) return true;
  }
  return false;
}

/* Behind COMMIT or ROLLBACK: PREPARED names another transaction. */
static enum sql_effect end_of_block(struct scanner *s, enum sql_effect effect) {
  char word[WORD_MAX + 1];
  next_word(s, word);
  if (!strcmp(word, "prepared")) return SQL_COMMITS_ITSELF;
  if (!strcmp(word, "work") || !strcmp(word, "transaction")) next_word(s, word);
  return effect == SQL_ROLLBACK && !strcmp(word, "to") ? SQL_ROLLBACK_TO : effect;
}

/* Behind CREATE, ALTER or DROP: what can't run in a block runs in transactions of its own. */
static enum sql_effect definition(struct scanner *s, enum sql_effect effect) {
  const char *rest = s->pos;
  char word[WORD_MAX + 1];
  next_word(s, word);
  if (!strcmp(word, "database") || !strcmp(word, "tablespace") || !strcmp(word, "subscription") ||
      !strcmp(word, "system") || mentions(rest, (size_t)(s->end - rest), "concurrently"))
    return SQL_COMMITS_ITSELF;
  return effect;
}

static enum sql_effect preparation(struct scanner *s, enum sql_effect effect) {
  char word[WORD_MAX + 1];
  next_word(s, word);
  return strcmp(word, "transaction") == 0 ? effect : SQL_PLAIN;
}

static const struct {
  const char *word;
  enum sql_effect effect;
  enum sql_effect (*refine)(struct scanner *s, enum sql_effect effect); /* looks at what follows; NULL: needless */
} statements[] = {
    {"begin", SQL_BEGIN, NULL},
    {"start", SQL_BEGIN, NULL},
    {"commit", SQL_COMMIT, end_of_block},
    {"end", SQL_COMMIT, NULL},
    {"prepare", SQL_COMMIT, preparation},
    {"rollback", SQL_ROLLBACK, end_of_block},
    {"abort", SQL_ROLLBACK, NULL},
    {"copy", SQL_COPY, NULL},
    {"create", SQL_PLAIN, definition},
    {"alter", SQL_PLAIN, definition},
    {"drop", SQL_PLAIN, definition},
    {"call", SQL_COMMITS_ITSELF, NULL},
    {"do", SQL_COMMITS_ITSELF, NULL},
    {"vacuum", SQL_COMMITS_ITSELF, NULL},
    {"cluster", SQL_COMMITS_ITSELF, NULL},
    {"reindex", SQL_COMMITS_ITSELF, NULL},
    {"discard", SQL_COMMITS_ITSELF, NULL},
};

/* Of the words above: most of what runs is told by its first letter. */
static const char initials[] = "abcdeprsv";

static enum sql_effect effect_at(struct scanner *s) {
  char word[WORD_MAX + 1];

  /* Empty statements before the first real one change nothing. */
  do {
    skip_blank(s);
  } while (s->pos < s->end && *s->pos == ';' && s->pos++);
  if (s->pos == s->end || !strchr(initials, lower(*s->pos))) return SQL_PLAIN;
  next_word(s, word);
  for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
    if (statements[i].word[0] != word[0] || strcmp(statements[i].word, word) != 0) continue;
    return statements[i].refine ? statements[i].refine(s, statements[i].effect) : statements[i].effect;
  }
  return SQL_PLAIN;
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

bool sql_may_copy(const char *sql, size_t n) { return mentions(sql, n, "copy"); }

void sql_verb(const char *sql, size_t n, char out[SQL_VERB_SIZE]) {
  struct scanner s = {sql, n ? sql + n : sql};

  _Static_assert(SQL_VERB_SIZE == WORD_MAX + 1, "a word fits");
  do {
    skip_blank(&s);
  } while (s.pos < s.end && (*s.pos == ';' || *s.pos == '(') && s.pos++);
  next_word(&s, out);
  for (size_t i = 0; out[i]; i++)
    if (out[i] >= 'a' && out[i] <= 'z') out[i] = (char)(out[i] - 32);
}

/* password = ... of a connection string; compared with a parameter it is a column. */
static bool is_given(const char *behind, const char *end) {
  struct scanner s = {behind, end};
  skip_blank(&s);
  if (s.pos == s.end || *s.pos != '=') return false;
  s.pos++;
  skip_blank(&s);
  return s.pos == s.end || *s.pos != '$';
}

size_t sql_shown_length(const char *sql, size_t n) {
  static const char word[] = "password";
  enum { WORD_LEN = sizeof word - 1 };

  for (size_t at = 0; at + WORD_LEN <= n; at++) {
    if (lower(sql[at]) != 'p' || !mentions(sql + at, WORD_LEN, word)) continue;
    at += WORD_LEN;
    if (mentions(sql, at, "create") || mentions(sql, at, "alter") || is_given(sql + at, sql + n)) return at;
    at--;
  }
  return n;
}
