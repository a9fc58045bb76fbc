#include "conn/failure.h"

#include <string.h>

static bool has(dsql_str s, const char *part) {
  size_t n = strlen(part);
  for (size_t i = 0; i + n <= s.len; i++)
    if (memcmp(s.ptr + i, part, n) == 0) return true;
  return false;
}

/* 53300 too_many_connections; 53400 is DSQL's connection rate; 57P03 cannot_connect_now. A cluster that slept says that it
 * is waking up. 57P01, 57P02: the server is going down; class 08: the connection, as seen by a pooler. */
enum conn_failure conn_failure_of(const dsql_error *e) {
  static const char *const busy[] = {"53300", "53400", "57P03"}, *const link[] = {"57P01", "57P02"};

  for (size_t i = 0; i < sizeof busy / sizeof *busy; i++)
    if (strcmp(e->sqlstate, busy[i]) == 0) return CONN_FAILURE_BUSY;
  for (size_t i = 0; i < sizeof link / sizeof *link; i++)
    if (strcmp(e->sqlstate, link[i]) == 0) return CONN_FAILURE_LINK;
  if (*e->sqlstate && has(e->message, "waking up")) return CONN_FAILURE_BUSY;
  if (strncmp(e->sqlstate, "08", 2) == 0 && strcmp(e->sqlstate, "08P01") != 0) return CONN_FAILURE_LINK;
  if (e->code == DSQL_EIO || e->code == DSQL_ETIMEDOUT || e->code == DSQL_ENOMEM) return CONN_FAILURE_LINK;
  return CONN_FAILURE_REFUSED;
}
