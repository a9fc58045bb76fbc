/* What a serialization failure was about. */
#include <stdbool.h>
#include <string.h>

#include "dsql/dsql.h"

static bool state_is(const dsql_error *e, const char *state) { return strncmp(e->sqlstate, state, 5) == 0; }

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

/* Whatever the case of letters, whatever the locale. */
static bool has(dsql_str s, const char *part) {
  size_t n = strlen(part), same;
  for (size_t at = 0; at + n <= s.len; at++) {
    for (same = 0; same < n && lower(s.ptr[at + same]) == lower(part[same]);) same++;
    if (same == n) return true;
  }
  return false;
}

enum dsql_conflict dsql_error_conflict(const dsql_error *e) {
  if (!e) return DSQL_CONFLICT_NONE;
  if (state_is(e, "OC001")) return DSQL_CONFLICT_SCHEMA;
  if (state_is(e, "OC000") || state_is(e, "40P01")) return DSQL_CONFLICT_DATA;
  if (!state_is(e, "40001")) return DSQL_CONFLICT_NONE;
  return has(e->message, "(OC001)") || has(e->message, "schema has been updated") ? DSQL_CONFLICT_SCHEMA
                                                                                  : DSQL_CONFLICT_DATA;
}
