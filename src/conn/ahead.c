#include "conn/ahead.h"

#include <stdio.h>
#include <string.h>

#include "conn/startup.h"
#include "session/known.h"

enum { KEY_SIZE = 512 };

static bool may_go_ahead(const struct dsql_conn *c) {
  const struct target *t = c->target->target;
  return c->connect.over_tls && t->verify == TARGET_VERIFY_FULL && !t->wait_to_be_asked &&
         t->channel_binding != TARGET_CHANNEL_REQUIRE;
}

/* What channel binding is wanted decides between two mechanisms, so that it is part of the key. The user's length keeps
 * names with newlines apart. False: too long to be remembered. */
static bool make_key(const struct dsql_conn *c, char key[KEY_SIZE]) {
  const struct target *t = c->target->target;
  const struct target_host *h = startup_host(c);
  int n = snprintf(key, KEY_SIZE, "%s\n%u %u %zu\n%s\n%s", h->host ? h->host : h->hostaddr, h->port,
                   (unsigned)t->channel_binding, strlen(t->user), t->user, t->dbname);
  return n > 0 && n < KEY_SIZE;
}

bool ahead_guess(struct dsql_conn *c, enum auth_method *out) {
  char key[KEY_SIZE];
  int known, before;
  bool guess;

  if (c->connect.was_misled || !may_go_ahead(c) || !make_key(c, key)) return false;
  known = before = rt_fact_get(c->rt, key);
  guess = known_guess(&known, c->target->target->iam ? AUTH_PASSWORD : AUTH_UNKNOWN, out);
  if (known != before) rt_fact_set(c->rt, key, known);
  return guess;
}

void ahead_learn(struct dsql_conn *c) {
  char key[KEY_SIZE];
  const struct session *s = &c->session;
  int known, before;

  if (!may_go_ahead(c) || !make_key(c, key)) return;
  known = before = rt_fact_get(c->rt, key);
  /* Where nothing was to be sent but queries, nothing but the end of the start-up confirms it. */
  known_learn(&known, s->method, s->config.ahead && s->config.ahead_method == s->method);
  if (known != before) rt_fact_set(c->rt, key, known);
}

void ahead_missed(struct dsql_conn *c) {
  char key[KEY_SIZE];
  int known;

  c->connect.was_misled = true;
  if (!make_key(c, key)) return;
  known = rt_fact_get(c->rt, key);
  known_missed(&known, c->session.config.ahead_method);
  rt_fact_set(c->rt, key, known);
}
