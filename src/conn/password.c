/* password.c - the password of a connection, from a source that may have to fetch it: before the first host is dialled,
 * so that no server holds a slot meanwhile, and judged again when the session begins. */
#include "conn/password.h"

#include <stdio.h>

#include "conn/conn.h"

static bool take(struct dsql_conn *c, dsql_str secret, struct fault *f) {
  struct connect *k = &c->connect;

  buf_reset(&k->password);
  buf_put(&k->password, secret.ptr, secret.len);
  buf_put_u8(&k->password, 0);
  if (buf_ok(&k->password)) return true;
  fault_set(f, DSQL_ENOMEM, "out of memory for the password");
  return false;
}

static void fetch(struct dsql_conn *c, bool fresh);

static void on_answer(struct password_waiter *w, const struct fault *f) {
  struct dsql_conn *c = LIST_ENTRY(w, struct dsql_conn, connect.password_waiter);

  conn_enter(c);
  if (f)
    conn_connect_failed(c, f);
  else
    fetch(c, true);
  conn_leave(c);
}

static void fetch(struct dsql_conn *c, bool fresh) {
  struct connect *k = &c->connect;
  struct password_source *s = c->password_source;
  struct fault f = {0};
  dsql_str secret;
  int rc = 0;

  phases_enter(&k->phases, PHASE_PREPARE);
  k->password_fresh = fresh;
  if (s) {
    k->password_waiter.done = on_answer;
    rc = s->class->get(s, &k->password_waiter, &secret, &f);
    if (rc == 0 && !take(c, secret, &f)) rc = f.code;
  }
  if (rc == 0)
    conn_connect_hosts(c);
  else if (rc < 0)
    conn_connect_failed(c, &f);
  else
    conn_connect_wait(c);
}

void conn_password_ask(struct dsql_conn *c) { fetch(c, false); }

static dsql_str taken(const struct dsql_conn *c) {
  const struct buf *b = &c->connect.password;
  return (dsql_str){(const char *)b->data, b->len - 1};
}

int conn_password_current(struct dsql_conn *c, struct fault *f) {
  struct password_source *s = c->password_source;
  dsql_str secret;
  int rc;

  if (!s || s->class->still_good(s, taken(c))) return 0;
  rc = s->class->get(s, &c->connect.password_waiter, &secret, f);
  if (rc > 0) conn_connect_wait(c);
  return rc == 0 && !take(c, secret, f) ? f->code : rc;
}

void conn_password_stop(struct dsql_conn *c) {
  if (list_linked(&c->connect.password_waiter.node)) list_remove(&c->connect.password_waiter.node);
}

/* No room (class 53), going down or coming up (57), no such database (3D): that says nothing about the password, and a
 * server that is full is not a reason to ask for a new one at every attempt. */
static bool says_nothing(const dsql_error *e) {
  static const char *const classes[] = {"53", "57", "3D"};

  for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
    if (strncmp(e->sqlstate, classes[i], 2) == 0) return true;
  return false;
}

/* A token that was kept may have been withdrawn meanwhile; one that was got for this very connection was not. An empty one
 * was a question, and the answer is there now. */
static bool may_renew(const struct dsql_conn *c) {
  const struct connect *k = &c->connect;

  if (k->password_renewed) return false;
  return !password_source_is_oauth(c->password_source) || !k->password_fresh || taken(c).len == 0;
}

bool conn_password_refused(struct dsql_conn *c, struct fault *f) {
  struct connect *k = &c->connect;
  struct password_source *s = c->password_source;
  char text[FAULT_TEXT_SIZE];
  struct buf why;

  if (!s || !c->server_error || !c->session.refused || says_nothing(&c->server_error->pub)) return false;
  if (s->class->oauth != (c->session.method == AUTH_OAUTH)) return false; /* it was not asked for */
  if (s->class->oauth) s->class->told(s, session_oauth_document(&c->session));
  if (s->class->refused(s, &c->server_error->pub, taken(c)) && may_renew(c)) {
    k->password_renewed = true;
    return true;
  }
  buf_init_on(&why, rt_alloc(c->rt), sizeof text - 1, text, sizeof text - 1);
  s->class->explain(s, &c->server_error->pub, &why);
  if (buf_ok(&why) && why.len) {
    size_t n = strlen(f->text);
    (void)snprintf(f->text + n, sizeof f->text - n, "; %.*s", (int)why.len, (const char *)why.data);
  }
  buf_deinit(&why);
  return false;
}
