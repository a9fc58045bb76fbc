#include <stdint.h>
#include <string.h>

#include "target/keywords.h"

enum { NAME_MAX_LEN = 32, DISTANCE_MAX = 3 };

/* What other drivers call some keywords; too far from ours for an edit distance to find. */
static const char *const aliases[][2] = {{"address", "host"},
                                         {"appname", "application_name"},
                                         {"aws_profile", "profile"},
                                         {"aws_region", "region"},
                                         {"ormprefix", "application_name_prefix"},
                                         {"preparedstatementcachequeries", "statement_cache_size"},
                                         {"statement_cache_capacity", "statement_cache_size"},
                                         {"token_duration", "token_duration_secs"},
                                         {"tokenduration", "token_duration_secs"},
                                         {"expires", "token_duration_secs"},
                                         {"database", "dbname"},
                                         {"db", "dbname"},
                                         {"hostname", "host"},
                                         {"ip", "hostaddr"},
                                         {"login", "user"},
                                         {"pass", "password"},
                                         {"passwd", "password"},
                                         {"pwd", "password"},
                                         {"server", "host"},
                                         {"socket", "host"},
                                         {"ssl", "sslmode"},
                                         {"timeout", "connect_timeout"},
                                         {"tls", "sslmode"},
                                         {"username", "user"}};

static size_t least(size_t a, size_t b, size_t c) {
  size_t m = a < b ? a : b;
  return m < c ? m : c;
}

/* The number of characters to insert, drop, change or swap with their neighbour, each at most once. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len) {
  size_t rows[3][NAME_MAX_LEN + 1];

  for (size_t j = 0; j <= b_len; j++) rows[0][j] = j;
  for (size_t i = 1; i <= a_len; i++) {
    const size_t *above = rows[(i - 1) % 3], *second = rows[(i + 1) % 3];
    size_t *row = rows[i % 3];
    row[0] = i;
    for (size_t j = 1; j <= b_len; j++) {
      bool same = a[i - 1] == b[j - 1];
      row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + !same);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = least(row[j], second[j - 2] + 1, row[j]);
    }
  }
  return rows[a_len % 3][b_len];
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

const char *keyword_suggest(const char *name, size_t n) {
  char text[NAME_MAX_LEN];
  const char *best = NULL;
  size_t best_distance = DISTANCE_MAX + 1;

  if (n == 0 || n > sizeof text) return NULL;
  for (size_t i = 0; i < n; i++) text[i] = lower(name[i]);
  for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
    if (strlen(aliases[i][0]) == n && memcmp(aliases[i][0], text, n) == 0) return aliases[i][1];
  for (int i = 0; i < KEYWORD_COUNT; i++) {
    size_t len = strlen(keyword_table[i].name), d = distance(text, n, keyword_table[i].name, len);
    /* A name of which half is different is another name. */
    if (d >= best_distance || d * 2 >= n) continue;
    best = keyword_table[i].name;
    best_distance = d;
  }
  return best;
}
