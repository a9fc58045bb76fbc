/* stmt.h - prepared statements: dsql_stmt is what the user holds, struct statement is its existence on one connection,
 * of which there are at most statement_cache_size: for another one the least recently used goes that no query refers to.
 *
 * Where the connection has a session of its own (conn.named) they have names:
 *
 *   state     meaning                                         next use sends
 *   ABSENT    the server does not know it                     Parse + Describe (-> PARSING)
 *   PARSING   a Parse is in flight                            same group: Bind to it; other groups: an unnamed Parse
 *   READY     ParseComplete and its columns were read         Bind + Execute, binary results
 *   STALE     it may exist but is not what we want            Close + Parse + Describe (-> PARSING)
 *
 * A failed or skipped Parse leads from PARSING to ABSENT, a Parse without its description to STALE, as does one whose
 * name was taken (42P05); DEALLOCATE, DISCARD and the server's 26000 or "cached plan" error lead from READY to STALE.
 *
 * Behind a pooler every use is one flight with an unnamed Parse, and what is kept is which columns the last one
 * had, so that the next one can ask for binary. The same goes for a connection that is not known yet to have a session
 * of its own, and for uses that find no place because all others are in use.
 *
 * Behind a pooler that is said to keep track of names (statement_cache_size is set) the table holds, but for two things that
 * PgBouncer does: it takes a name for given once it has seen the Parse, and closes the connection of who gives it twice, so
 * that a failed or skipped Parse leads to STALE; and a statement_lose_name() is followed by flights, in every state.
 *
 * A name is that of its content, SQL and declared types: a pooler that keeps track of statements has each only once,
 * and where one hands sessions on unseen a name can't mean another statement. */
#ifndef DSQL_CONN_STMT_H
#define DSQL_CONN_STMT_H

#include "base/buf.h"
#include "conn/columns.h"
#include "rt/rt.h"
#include "session/sql.h"
#include "wire/bind_head.h"

struct dsql_conn;

struct dsql_stmt {
  struct dsql_rt *rt;
  unsigned refs;          /* the user's, and one per statement */
  bool freed;             /* by the user */
  bool nameless;          /* behind poolers, from here on: see statement_lose_name() */
  struct list statements; /* on all connections */
  enum sql_effect effect;
  char *sql;
  size_t sql_len;
  uint32_t *oids;
  size_t oid_count;
};

enum statement_state { STATEMENT_ABSENT, STATEMENT_PARSING, STATEMENT_READY, STATEMENT_STALE };

struct query;

struct statement {
  struct list by_conn,
      by_stmt;            /* by_conn: the one used last is last; those with nothing left but their Close are first */
  struct dsql_stmt *stmt; /* NULL: it had to go, and is only to be closed */
  struct dsql_conn *conn;
  enum statement_state state;
  const struct query *parser; /* while PARSING: whose group holds the Parse */
  uint64_t group;             /* and the number of that group; 0: of its own */
  unsigned users;             /* queries that refer to it */
  struct statement *replaces; /* while PARSING: whose Close travels ahead of the Parse, in the same message group */
  struct columns *columns;    /* READY; without a name: as of the last use, or NULL */
  uint32_t *param_oids;       /* as given to Parse, then as described; 0: not known yet */
  size_t param_count;
  struct buf tail;       /* READY: what follows the parameters of every Bind, see wire_execute_prepared() */
  struct wire_head head; /* READY: what came in front of the parameters of the last one */
  size_t name_len;
  char name[WIRE_NAME_SIZE];
};

/* For who keeps it without a connection: refs++ before. */
void stmt_unref(struct dsql_stmt *s);
/* Finds or makes it; NULL when there is no memory, or no room because all are in use. */
struct statement *statement_get(struct dsql_conn *c, struct dsql_stmt *s);
/* Names it by its content, with the types that its Parse declares. 0, ENOMEM. */
int statement_name(struct statement *s, const uint32_t *oids, size_t n);
/* For the query that is going to parse s: one that waits for its Close, or NULL. It is that query's from here on. */
const struct statement *statement_replace(struct statement *s);
/* That query has ended, or its Parse has failed and is tried again. */
void statement_replaced(struct statement *s, const struct query *q);
int statement_prepare_tail(struct statement *s); /* its columns are new: 0, ENOMEM */
/* A query lets go; when it was to parse the statement and has not come so far, the state tells. */
void statement_release(struct statement *s, const struct query *q);
void statement_free_all(struct dsql_conn *c);
/* The server has dropped or may have dropped every named statement. */
void statement_stale_all(struct dsql_conn *c);
/* Its plan is outdated on all connections, or will be found so. */
void statement_stale_everywhere(struct dsql_stmt *s);
/* A query has met the statement that a pooler, which keeps track of them, has made of this one, and it is outdated, gone, or
 * there unknown to the pooler, which can't be told: Close and Parse would lead to the same one again. So behind poolers the
 * statement has no name any more, on any connection. */
void statement_lose_name(struct statement *met);
/* Queues Close for statements whose dsql_stmt the user has freed, and those that had to go. */
void statement_sweep(struct dsql_conn *c);

#endif
