#include "server.h"

#include "backend.h"
#include "base/cursor.h"
#include "cluster.h"
#include "fake_tls.h"
#include "secrets.h"

enum { CANCEL_CODE = 80877102, IN_MAX = 1 << 20 };

enum method { METHOD_AS_PLANNED, METHOD_NOTHING, METHOD_OTHER, METHODS };

struct server_plan server;
static struct list sessions;
static uint32_t next_pid;
static uint64_t notified[SERVER_CHANNELS];
static enum method method;

void server_init(const struct server_plan *plan) {
  server = *plan;
  method = METHOD_AS_PLANNED;
  next_pid = 1;
  memset(notified, 0, sizeof notified);
  list_init(&sessions);
}

void server_change_method(void) {
  method = (enum method)sim_below(METHODS);
  sim_trace("the server asks for %s", method == METHOD_NOTHING ? "nothing" : method ? "something else" : "the usual");
}

void server_calm(void) { method = METHOD_AS_PLANNED; }

unsigned server_sessions(void) {
  unsigned n = 0;
  for (struct list *l = sessions.next; l != &sessions; l = l->next)
    n += LIST_ENTRY(l, struct backend, node)->phase == BACKEND_READY;
  return n;
}

/* ---- replies ---- */

static void put(struct backend *s, char type, const void *body, size_t n) {
  buf_put_u8(&s->out, (uint8_t)type);
  buf_put_be32(&s->out, (uint32_t)n + 4);
  buf_put(&s->out, body, n);
}

static const char *const channel_names[SERVER_CHANNELS] = {"sim", "Other \"one\""};

static void tell_notification(struct backend *s, unsigned channel, uint64_t number) {
  uint8_t body[64] = {0, 0, 0, 7};
  int n =
      snprintf((char *)body + 4, sizeof body - 4, "%s%c%llu", channel_names[channel], 0, (unsigned long long)number);
  put(s, 'A', body, 4 + (size_t)n + 1);
}

/* What a server may say at any time. */
static void interrupt(struct backend *s) {
  static const char notice[] = "SNOTICE\0VNOTICE\0C00000\0Mby the way\0";
  static const char parameter[] = "application_name\0sim";
  static const char notification[] = "\0\0\0\7channel\0news";

  switch (s->told ? sim_below(3) : 0) {
    case 0: put(s, 'N', notice, sizeof notice); break;
    case 1: put(s, 'S', parameter, sizeof parameter); break;
    default: put(s, 'A', notification, sizeof notification); break;
  }
}

void reply(struct backend *s, char type, const void *body, size_t n) {
  if (sim_chance(sim.faults.notice) && s->phase != BACKEND_STARTUP) interrupt(s);
  put(s, type, body, n);
}

void reply_error(struct backend *s, const char *severity, const char *state, const char *text) {
  uint8_t body[512];
  int n = snprintf((char *)body, sizeof body, "S%s%cV%s%cC%s%cM%s%cRexec_it%c", severity, 0, severity, 0, state, 0,
                   text, 0, 0);
  reply(s, 'E', body, (size_t)n + 1);
}

static void tell_role(struct backend *s) {
  static const char on[] = "in_hot_standby\0on", off[] = "in_hot_standby\0off";
  s->told_standby = cluster_is_standby(s->host);
  reply(s, 'S', s->told_standby ? on : off, s->told_standby ? sizeof on : sizeof off);
}

void reply_ready(struct backend *s) {
  if (s->status == 'I') memset(s->portals, 0, sizeof s->portals);
  if (cluster_reports() && s->told_standby != cluster_is_standby(s->host)) tell_role(s);
  reply(s, 'Z', &s->status, 1);
}

void backend_flush(struct backend *s) {
  struct buf records;

  if (s->out.len && s->encrypted) {
    buf_init(&records, &mem_default, 1 << 22);
    record_put(&records, RECORD_DATA, s->out.data, s->out.len);
    if (s->ended && sim_chance(500)) record_put(&records, RECORD_CLOSE, NULL, 0);
    net_send(s->conn, records.data, records.len, sim_scaled(2000));
    buf_deinit(&records);
  } else if (s->out.len) {
    net_send(s->conn, s->out.data, s->out.len, sim_scaled(2000));
  }
  buf_truncate(&s->out, 0);
}

/* ---- the end ---- */

static void free_backend(struct backend *s) {
  list_remove(&s->node);
  sim_stop(&s->busy);
  sim_stop(&s->age);
  buf_deinit(&s->out);
  buf_deinit(&s->raw);
  free(s->in);
  free(s);
}

void backend_end(struct backend *s, bool reset) {
  if (s->ended) return;
  s->ended = true;
  backend_flush(s);
  net_finish(s->conn, reset, 0);
}

void backend_fatal(struct backend *s, const char *state, const char *text) {
  sim_trace("#%d FATAL %s", net_fd(s->conn), state);
  reply_error(s, "FATAL", state, text);
  backend_end(s, false);
}

void backend_fatal_stays(struct backend *s, const char *state, const char *text) {
  sim_trace("#%d FATAL %s, and stays", net_fd(s->conn), state);
  reply_error(s, "FATAL", state, text);
  s->deaf = true;
  s->tx.n = 0;
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

static void end_session(struct backend *s) {
  if (sim_chance(700))
    backend_fatal(s, "57P01", "terminating connection due to administrator command");
  else
    backend_end(s, sim_chance(500));
  free_backend(s);
}

void server_end_host(unsigned host, unsigned permille) {
  struct list *n = sessions.next;
  while (n != &sessions) {
    struct backend *s = LIST_ENTRY(n, struct backend, node);
    n = n->next;
    if (s->host == host && sim_chance(permille)) end_session(s);
  }
}

void server_restart(void) {
  struct list *n;
  uint64_t down_us = sim_scaled(5000000);

  sim_trace("the server restarts, for %.3f ms", (double)down_us / 1000);
  net_refuse_until(sim.now_us + down_us);
  while ((n = list_first(&sessions)) != NULL) end_session(LIST_ENTRY(n, struct backend, node));
}

void server_notify(unsigned channel) {
  struct list *n;

  notified[channel]++;
  for (n = sessions.next; n != &sessions; n = n->next) {
    struct backend *s = LIST_ENTRY(n, struct backend, node);
    if (!s->told || !s->listens[channel]) continue;
    tell_notification(s, channel, notified[channel]);
    backend_flush(s);
  }
}

/* ---- the start ---- */

struct backend *backend_new(struct net_conn *c, unsigned host) {
  struct backend *s = sim_alloc(sizeof *s);
  s->conn = c;
  s->host = host;
  s->unlooked = cluster_is_choosy();
  s->unhooked = server.hooked;
  buf_init(&s->raw, &mem_default, 1 << 20);
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
  s->told_standby = cluster_is_standby(s->host);
  if (cluster_reports()) {
    tell_role(s);
    s->unlooked = false;
    s->unsuitable = !cluster_wants(s->told_standby);
  }
  reply(s, 'S', "server_version\00018.0", 20);
  reply(s, 'K', key, sizeof key);
  reply_ready(s);
  s->told = true;
  if (server.age_limit_ms) sim_at(&s->age, server.age_limit_ms * 1000, too_old);
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

static void ask(struct backend *s) {
  static const uint8_t cleartext[4] = {0, 0, 0, 3}, md5[8] = {0, 0, 0, 5, 's', 'a', 'l', 't'};
  bool digest = method == METHOD_OTHER && server.judge;

  if (method == METHOD_NOTHING || (method == METHOD_AS_PLANNED && !server.judge)) {
    welcome(s);
    return;
  }
  s->phase = BACKEND_PASSWORD;
  s->method = method;
  reply(s, 'R', digest ? md5 : cleartext, digest ? sizeof md5 : sizeof cleartext);
}

static void start_up(struct backend *s, const uint8_t *body, size_t n) {
  if (n >= 12 && load_be32(body) == CANCEL_CODE) {
    cancel(load_be32(body + 4), load_be32(body + 8));
    backend_end(s, false);
  } else if (sim_chance(sim.faults.startup)) {
    refuse(s);
  } else {
    ask(s);
  }
}

static const char *judge(const struct backend *s, const char *password) {
  if (s->method == METHOD_AS_PLANNED) return server.judge(password);
  if (server.judge && strncmp(password, "md5", 3) == 0) return NULL;
  secrets_refused();
  return "no such password";
}

static void check_password(struct backend *s, uint8_t type, const char *password) {
  const char *why = type == 'p' ? judge(s, password) : "a password was asked for";
  sim_trace("#%d password %s", net_fd(s->conn), why ? why : "accepted");
  if (why)
    backend_fatal(s, type == 'p' ? "28P01" : "08P01", why);
  else
    welcome(s);
}

/* ---- the extended protocol ---- */

/* ---- portals ---- */

static struct server_portal *portal_find(struct backend *s, const char *name) {
  for (int i = 0; i < SERVER_PORTALS; i++)
    if (s->portals[i].used && strcmp(s->portals[i].name, name) == 0) return &s->portals[i];
  return NULL;
}

static void portal_open(struct backend *s, const struct bind *b, const struct command *c) {
  struct server_portal *p = portal_find(s, b->portal);
  struct statement_args args = command_bind(c, &b->params);

  for (int i = 0; !p && i < SERVER_PORTALS; i++)
    if (!s->portals[i].used) p = &s->portals[i];
  sim_check(p, "more than %d portals on one session", SERVER_PORTALS);
  *p = (struct server_portal){.used = c->verb == VERB_ROWS, .total = args.v[0], .binary = b->binary};
  (void)snprintf(p->name, sizeof p->name, "%s", b->portal);
}

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
  portal_open(s, &b, &p->command);
  reply(s, '2', NULL, 0);
}

static void describe(struct backend *s, const char *what) {
  struct prepared *p;

  if (*what == 'P' && what[1]) {
    backend_describe(s, VERB_ROWS, portal_find(s, what + 1) && portal_find(s, what + 1)->binary);
    return;
  }
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

static void execute(struct backend *s, const char *name, const uint8_t *limit) {
  struct server_portal *p = portal_find(s, name);
  struct statement st = {.command = s->portal_command,
                         .args = command_bind(&s->portal_command, &s->portal.params),
                         .binary = s->portal.binary,
                         .portal = p,
                         .limit = load_be32(limit)};
  if (p) st.command.verb = VERB_ROWS;
  if (!p && *name) {
    backend_failed(s, "34000", "portal does not exist");
    return;
  }
  (void)backend_execute(s, &st);
}

static void close_statement(struct backend *s, const char *what) {
  struct prepared *p = *what == 'S' ? prepared_find(&s->prepared, what + 1) : NULL;
  struct server_portal *portal = *what == 'P' ? portal_find(s, what + 1) : NULL;
  if (p) p->used = false;
  if (portal) portal->used = false;
  reply(s, '3', NULL, 0);
}

static void end_script(struct backend *s) {
  if (!s->ended && !s->deaf && backend_sync(s)) reply_ready(s);
  s->in_script = false;
}

static void script(struct backend *s, const char *sql) {
  s->in_script = true;
  if (backend_is_listen(sql)) {
    backend_listen(s, sql);
    sql = NULL;
  }
  while (sql && !s->copying) {
    struct statement st = {.command = command_parse(sql, &sql)};
    st.args = st.command.args;
    if (st.command.verb == VERB_GET || st.command.verb == VERB_ROWS) backend_describe(s, st.command.verb, false);
    if (!backend_execute(s, &st)) break;
  }
  if (!s->copying) end_script(s);
}

static void message(struct backend *s, uint8_t type, const uint8_t *body, size_t n) {
  const char *text = (const char *)body;

  if (s->copying && type != 'X') {
    if (backend_copy(s, type, body, n)) end_script(s);
    return;
  }
  if (s->skipping && type != 'S' && type != 'X') return;
  switch (type) {
    case 'P':
      (void)prepared_set(&s->prepared, text, text + strlen(text) + 1);
      reply(s, '1', NULL, 0);
      break;
    case 'B': bind(s, body, n); break;
    case 'D': describe(s, text); break;
    case 'E': execute(s, text, body + strlen(text) + 1); break;
    case 'C': close_statement(s, text); break;
    case 'Q': script(s, text); break;
    case 'X': backend_end(s, false); break;
    case 'S':
      if (backend_sync(s)) reply_ready(s);
      break;
    case 'd':
    case 'c':
    case 'f': break; /* of a COPY that has failed */
    case 'p':
      if (!server.lenient) backend_fatal(s, "08P01", "invalid frontend message type 112");
      break;
    default: sim_violated("the server was sent a message of type '%c'", type);
  }
}

/* ---- input ---- */

static bool take_one(struct backend *s, size_t *at) {
  size_t head = s->phase == BACKEND_STARTUP ? 0 : 1, left = s->in_len - *at, n;
  const uint8_t *p = s->in + *at;

  if (s->is_busy || s->ended || s->deaf || left < head + 4) return false;
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

/* False: the session is gone. */
static bool take_bytes(struct backend *s, const uint8_t *p, size_t n) {
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
    return false;
  }
  if (at) memmove(s->in, s->in + at, s->in_len - at);
  s->in_len -= at;
  backend_flush(s);
  return true;
}

/* An SSLRequest, the client's hello, or bytes for the session. False: the session is gone. */
static bool take_record(struct backend *s, const uint8_t *p, size_t n) {
  struct buf hello;

  if (*p == 0) {
    net_send(s->conn, sim_chance(sim.faults.handshake) ? "N" : "S", 1, sim_scaled(2000));
  } else if (!s->encrypted) {
    sim_check(*p == RECORD_HELLO, "the server was sent bytes ahead of the handshake");
    buf_init(&hello, &mem_default, 1024);
    record_put(&hello, RECORD_HELLO, "hello", 5);
    net_send(s->conn, hello.data, hello.len, sim_scaled(2000));
    buf_deinit(&hello);
    s->encrypted = true;
  } else if (*p == RECORD_DATA) {
    return take_bytes(s, p + RECORD_HEAD, n - RECORD_HEAD);
  }
  return true;
}

void backend_feed(struct backend *s, const uint8_t *p, size_t n) {
  size_t size;

  if (!server.tls || n == 0) {
    (void)take_bytes(s, p, n);
    return;
  }
  buf_put(&s->raw, p, n);
  while ((size = record_size(s->raw.data, s->raw.len)) != 0 && size <= s->raw.len) {
    if (!take_record(s, s->raw.data, size)) return;
    buf_consume(&s->raw, size);
  }
}
