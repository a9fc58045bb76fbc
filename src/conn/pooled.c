/* pooled.c - is the other end a PostgreSQL session of our own, or a pooler that lends us one for each transaction? There
 * named statements are lost, or are somebody else's, and a CancelRequest may hit the next one to be served.
 *
 * Two signs cost no round trip. A pooler such as PgBouncer makes up the backend's process id, which then is hardly ever one
 * that a system has; and it reports DateStyle in the words of our StartupMessage, where a server says "ISO, MDY". Later signs
 * are statements that are not there, or there already (events.c). Aurora DSQL's endpoint is known to give a session.
 *
 * Before the first session to a host has shown what it is, statements have no names. */
#include <stdio.h>

#include "conn/conn.h"
#include "conn/startup.h"

enum { PID_MAX = 1 << 22, /* Linux: PID_MAX_LIMIT */ KEY_SIZE = 512, HAS_SESSIONS = 1, LENDS_SESSIONS = 2 };

static bool make_key(const struct dsql_conn *c, char key[KEY_SIZE]) {
  const struct target_host *h = startup_host(c);
  const char *name = h->unix_socket ? h->socket_path : h->host ? h->host : h->hostaddr;
  int n = snprintf(key, KEY_SIZE, "sessions\n%s\n%u", name, h->port);
  return n > 0 && n < KEY_SIZE;
}

static bool looks_pooled(const struct dsql_conn *c) {
  dsql_str style = parameters_get(&c->session.parameters, "DateStyle");

  if (c->target->target->dsql) return false;
  return c->session.backend_pid > PID_MAX || (style.len == 3 && memcmp(style.ptr, "ISO", 3) == 0);
}

void conn_expect_session(struct dsql_conn *c) {
  char key[KEY_SIZE];
  const struct target *t = c->target->target;

  c->named = t->statement_names == TARGET_NAMES_ALWAYS ||
             (t->statement_names == TARGET_NAMES_AUTO &&
              (t->dsql || (make_key(c, key) && rt_fact_get(c->rt, key) == HAS_SESSIONS)));
}

void conn_learn_session(struct dsql_conn *c) {
  char key[KEY_SIZE];

  c->pooled = looks_pooled(c);
  if (c->target->target->statement_names == TARGET_NAMES_AUTO) c->named = !c->pooled;
  if (make_key(c, key)) rt_fact_set(c->rt, key, c->pooled ? LENDS_SESSIONS : HAS_SESSIONS);
}
