/* portals.h - what the tests of portals begin with: one connection, one portal, and chunks as text. */
#ifndef DSQL_TEST_CONN_PORTALS_H
#define DSQL_TEST_CONN_PORTALS_H

#include <string.h>

#include "dsql/portal.h"
#include "peer.h"

static struct peer p;
static dsql_conn *c;
static dsql_portal *portal;

static inline void open_all(void) { peer_open(&p, ""); }
static inline void close_all(void) { peer_close(&p); }

static inline dsql_future *query(const char *sql) { return dsql_query(c, sql, DSQL_NO_PARAMS, NULL); }
static inline dsql_future *fetch(int32_t n) {
  return dsql_query_fetch(c, "select a", DSQL_NO_PARAMS, n, NULL, &portal);
}
static inline dsql_future *more(int32_t n) { return dsql_portal_fetch(portal, n, NULL); }

static inline void begin(void) {
  dsql_future *f = query("begin");
  peer_expect(&p, "PBDES");
  peer_send(&p, "1 2 n C:BEGIN Z:T");
  peer_succeeds(&p, f);
}

static inline void connect_in_block(void) {
  c = peer_connect(&p);
  begin();
}

static inline void answer(dsql_future *f, const char *words) {
  peer_expect(&p, "PBDES");
  peer_send(&p, words);
  peer_succeeds(&p, f);
}

/* The chunk's rows are these, as "a,b,c"; f is destroyed. */
static inline void check_rows(dsql_future *f, const char *rows, int line) {
  const dsql_result *r;
  char text[512] = "";

  cr_assert_eq(peer_settle(&p, f), 0, "line %d: %s", line, client_error_text(f));
  cr_assert_eq(dsql_future_result(f, &r), 0);
  for (size_t i = 0; i < dsql_result_rows(r); i++) {
    dsql_str v;
    cr_assert_eq(dsql_get_text(r, i, 0, &v), 0);
    cr_assert_lt(strlen(text) + v.len + 2, sizeof text);
    if (i) strcat(text, ",");
    strncat(text, v.ptr, v.len);
  }
  cr_assert_str_eq(text, rows, "line %d: %s instead of %s", line, text, rows);
  dsql_future_destroy(f);
}
#define rows_are(f, rows) check_rows((f), (rows), __LINE__)

static inline void is_pending(dsql_future *f) {
  peer_turn_ms(&p, 5);
  cr_assert_not(dsql_future_ready(f), "%s", client_error_text(f));
}

#endif
