#include "server.h"

#include "backend.h"
#include "base/cursor.h"
#include "secrets.h"

enum { CANCEL_CODE = 80877102, IN_MAX = 1 << 20 };

bool server_is_dsql;
static struct list sessions;
static server_password_fn judge_password;
static uint64_t age_limit;
static uint32_t next_pid;

void server_init(bool dsql, server_password_fn judge, uint64_t age_limit_ms) {
  server_is_dsql = dsql;
  judge_password = judge;
  age_limit = age_limit_ms;
  next_pid = 1;
  list_init(&sessions);
}

unsigned server_sessions(void) {
  unsigned n = 0;
  for (struct list *l = sessions.next; l != &sessions; l = l->next)
    n += LIST_ENTRY(l, struct backend, node)->phase == BACKEND_READY;
  return n;
}

/* ---- replies ---- */

void reply(struct backend *s, char type, const void *body, size_t n) {
  buf_put_u8(&s->out, (uint8_t)type);
  buf_put_be32(&s->out, (uint32_t)n + 4);
  buf_put(&s->out, body, n);
}

void reply_error(struct backend *s, const char *severity, const char *state, const char *text) {
  uint8_t body[512];
  int n = snprintf((char *)body, sizeof body, "S%s%cV%s%cC%s%cM%s%cRexec_it%c", severity, 0, severity, 0, state, 0,
                   text, 0, 0);
  reply(s, 'E', body, (size_t)n + 1);
}

void reply_ready(struct backend *s) { reply(s, 'Z', &s->status, 1); }

static void flush(struct backend *s) {
  if (s->out.len) net_send(s->conn, s->out.data, s->out.len, sim_scaled(2000));
  buf_truncate(&s->out, 0);
}

/* ---- the end ---- */

static void free_backend(struct backend *s) {
  list_remove(&s->node);
  sim_stop(&s->busy);
  sim_stop(&s->age);
  buf_deinit(&s->out);
  free(s->in);
  free(s);
}

void backend_end(struct backend *s, bool reset) {
  if (s->ended) return;
  s->ended = true;
  flush(s);
  net_finish(s->conn, reset, 0);
}

void backend_fatal(struct backend *s, const char *state, const char *text) {
  sim_trace("#%d FATAL %s", net_fd(s->conn), state);
  reply_error(s, "FATAL", state, text);
  backend_end(s, false);
}

void backend_gone(struct backend *s) {
  sim_trace("#%d gone, for the server", net_fd(s->conn));
  free_backend(s);
}

static void too_old(struct event *e) {
  struct backend *s = LIST_ENTRY(e, struct backend, age);
  backend_fatal(s, "57P01", "terminating connection due to its age");
  free_backend(s);
}

void server_restart(void) {
  struct list *n;
  uint64_t down_us = sim_scaled(5000000);

  sim_trace("the server restarts, for %.3f ms", (double)down_us / 1000);
  net_refuse_until(sim.now_us + down_us);
  while ((n = list_first(&sessions)) != NULL) {
    struct backend *s = LIST_ENTRY(n, struct backend, node);
    if (sim_chance(700))
      backend_fatal(s, "57P01", "terminating connection due to administrator command");
    else
      backend_end(s, sim_chance(500));
    free_backend(s);
  }
}

/* ---- the start ---- */

struct backend *backend_new(struct net_conn *c) {
  struct backend *s = sim_alloc(sizeof *s);
  s->conn = c;
  s->status = 'I';
  buf_init(&s->out, &mem_default, 1 << 20);
  list_push_back(&sessions, &s->node);
  return s;
}

static void welcome(struct backend *s) {
  static const uint8_t ok[4];
  uint8_t key[8];

  s->phase = BACKEND_READY;
  net_mark_ready(s->conn);
  s->pid = next_pid++;
  s->key = (uint32_t)sim_random();
  store_be32(key, s->pid);
  store_be32(key + 4, s->key);
  reply(s, 'R', ok, sizeof ok);
  reply(s, 'S', "server_version\00018.0", 20);
  reply(s, 'K', key, sizeof key);
  reply_ready(s);
  if (age_limit) sim_at(&s->age, age_limit * 1000, too_old);
}

static void refuse(struct backend *s) {
  static const char *const states[] = {"53300", "53400", "57P03", "08006", "28000", "XX000"};
  const char *state = states[sim_below(sizeof states / sizeof *states)];
  if (*state != '5') secrets_refused();
  backend_fatal(s, state, "not now");
}

static void cancel(uint32_t pid, uint32_t key) {
  for (struct list *l = sessions.next; l != &sessions; l = l->next) {
    struct backend *s = LIST_ENTRY(l, struct backend, node);
    if (s->phase != BACKEND_READY || s->pid != pid || s->key != key || !s->is_busy) continue;
    sim_stop(&s->busy);
    s->is_busy = false;
    backend_failed(s, "57014", "canceling statement due to user request");
    backend_feed(s, NULL, 0);
    return;
  }
}

static void start_up(struct backend *s, const uint8_t *body, size_t n) {
  static const uint8_t cleartext[4] = {0, 0, 0, 3};

  if (n >= 12 && load_be32(body) == CANCEL_CODE) {
    cancel(load_be32(body + 4), load_be32(body + 8));
    backend_end(s, false);
  } else if (sim_chance(sim.faults.startup)) {
    refuse(s);
  } else if (judge_password) {
    s->phase = BACKEND_PASSWORD;
    reply(s, 'R', cleartext, sizeof cleartext);
  } else {
    welcome(s);
  }
}

static void check_password(struct backend *s, uint8_t type, const char *password) {
  const char *why = type == 'p' ? judge_password(password) : "a password was asked for";
  sim_trace("#%d password %s", net_fd(s->conn), why ? why : "accepted");
  if (why)
    backend_fatal(s, "28P01", why);
  else
    welcome(s);
}

/* ---- the extended protocol ---- */

static void bind(struct backend *s, const uint8_t *body, size_t n) {
  struct bind b = bind_parse(body, n);
  struct prepared *p = prepared_find(&s->prepared, b.statement);

  if (p && *b.statement && sim_chance(sim.faults.statement)) p->used = false; /* as DISCARD would */
  if (!p || !p->used) {
    backend_failed(s, "26000", "prepared statement does not exist");
    return;
  }
  s->portal = b;
  s->portal_command = p->command;
  (void)snprintf(s->portal_name, sizeof s->portal_name, "%s", b.statement);
  reply(s, '2', NULL, 0);
}

static void describe(struct backend *s, const char *what) {
  struct prepared *p;

  if (*what == 'P') {
    backend_describe(s, s->portal_command.verb, s->portal.binary);
    return;
  }
  p = prepared_find(&s->prepared, what + 1);
  if (!p) {
    backend_failed(s, "26000", "prepared statement does not exist");
    return;
  }
  reply(s, 't', "\0", 2);
  backend_describe(s, p->command.verb, false);
}

static void execute(struct backend *s) {
  struct statement st = {.command = s->portal_command,
                         .args = command_bind(&s->portal_command, &s->portal.params),
                         .binary = s->portal.binary};
  (void)backend_execute(s, &st);
}

static void close_statement(struct backend *s, const char *what) {
  struct prepared *p = *what == 'S' ? prepared_find(&s->prepared, what + 1) : NULL;
  if (p) p->used = false;
  reply(s, '3', NULL, 0);
}

static void script(struct backend *s, const char *sql) {
  s->in_script = true;
  while (sql) {
    struct statement st = {.command = command_parse(sql, &sql)};
    st.args = st.command.args;
    if (st.command.verb == VERB_GET || st.command.verb == VERB_ROWS) backend_describe(s, st.command.verb, false);
    if (!backend_execute(s, &st)) break;
  }
  if (!s->ended && backend_sync(s)) reply_ready(s);
  s->in_script = false;
}

static void message(struct backend *s, uint8_t type, const uint8_t *body, size_t n) {
  const char *text = (const char *)body;

  if (s->skipping && type != 'S' && type != 'X') return;
  switch (type) {
    case 'P':
      (void)prepared_set(&s->prepared, text, text + strlen(text) + 1);
      reply(s, '1', NULL, 0);
      break;
    case 'B': bind(s, body, n); break;
    case 'D': describe(s, text); break;
    case 'E': execute(s); break;
    case 'C': close_statement(s, text); break;
    case 'Q': script(s, text); break;
    case 'X': backend_end(s, false); break;
    case 'S':
      if (backend_sync(s)) reply_ready(s);
      break;
    default: sim_violated("the server was sent a message of type '%c'", type);
  }
}

/* ---- input ---- */

static bool take_one(struct backend *s, size_t *at) {
  size_t head = s->phase == BACKEND_STARTUP ? 0 : 1, left = s->in_len - *at, n;
  const uint8_t *p = s->in + *at;

  if (s->is_busy || s->ended || left < head + 4) return false;
  n = load_be32(p + head);
  sim_check(n >= 4 && n < IN_MAX, "the server was sent a message of %zu bytes", n);
  if (left < head + n) return false;
  *at += head + n;
  switch (s->phase) {
    case BACKEND_STARTUP: start_up(s, p + 4, n - 4); break;
    case BACKEND_PASSWORD: check_password(s, *p, (const char *)p + 5); break;
    case BACKEND_READY: message(s, *p, p + 5, n - 4); break;
  }
  return true;
}

void backend_feed(struct backend *s, const uint8_t *p, size_t n) {
  size_t at = 0;

  if (s->in_len + n > s->in_cap) {
    s->in_cap = 2 * (s->in_len + n);
    s->in = realloc(s->in, s->in_cap);
    if (!s->in) abort();
  }
  if (n) memcpy(s->in + s->in_len, p, n);
  s->in_len += n;
  while (take_one(s, &at)) {}
  if (s->ended) {
    free_backend(s);
    return;
  }
  if (at) memmove(s->in, s->in + at, s->in_len - at);
  s->in_len -= at;
  flush(s);
}
