/* ahead.h - whether a connection may send credentials, and queries behind them, before the server has asked, and what
 * it learns from that. Only over TLS that is verified to the full: whoever gets them has then proved to be the host that
 * got them before. */
#ifndef DSQL_CONN_AHEAD_H
#define DSQL_CONN_AHEAD_H

#include "conn/conn.h"

/* For the session that begins. False: wait to be asked. */
bool ahead_guess(struct dsql_conn *c, enum auth_method *out);
/* The session came up. */
void ahead_learn(struct dsql_conn *c);
/* The session ended, or did not go on, before the server's answers had confirmed what was sent ahead. */
void ahead_missed(struct dsql_conn *c);

#endif
