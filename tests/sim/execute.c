#include "backend.h"
#include "cluster.h"

/* ---- answers ---- */

static void complete(struct backend *s, const char *tag) { reply(s, 'C', tag, strlen(tag) + 1); }

void backend_describe(struct backend *s, enum verb verb, bool binary) {
  static const uint8_t text[] = "\0\1value\0\0\0\0\0\0\0\0\0\0\x14\0\x8\xff\xff\xff\xff\0";
  static const uint8_t two[] = "\0\2standby\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0"
                               "read_only\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0";
  uint8_t columns[sizeof text];

  if (verb == VERB_PROBE) {
    reply(s, 'T', two, sizeof two - 1);
    return;
  }
  if (verb != VERB_GET && verb != VERB_ROWS) {
    reply(s, 'n', NULL, 0);
    return;
  }
  memcpy(columns, text, sizeof text);
  columns[sizeof columns - 1] = binary;
  reply(s, 'T', columns, sizeof columns);
}

static void row(struct backend *s, int64_t value, bool binary) {
  char text[24];
  uint8_t body[2 + 4 + sizeof text];
  size_t n = binary ? 8 : (size_t)snprintf(text, sizeof text, "%lld", (long long)value);

  store_be16(body, 1);
  store_be32(body + 2, (uint32_t)n);
  if (binary)
    store_be64(body + 6, (uint64_t)value);
  else
    memcpy(body + 6, text, n);
  reply(s, 'D', body, 6 + n);
}

/* What it is, and nothing is asked any more. */
static void tell_what_it_is(struct backend *s) {
  static const char standby[] = "\0\2\0\0\0\4true\0\0\0\2on", primary[] = "\0\2\0\0\0\5false\0\0\0\3off";
  bool is_standby = cluster_is_standby(s->host);

  s->unlooked = false;
  s->unsuitable = !cluster_wants(is_standby);
  reply(s, 'D', is_standby ? standby : primary, is_standby ? sizeof standby - 1 : sizeof primary - 1);
  complete(s, "SELECT 1");
}

/* ---- failures ---- */

void backend_failed(struct backend *s, const char *state, const char *text) {
  reply_error(s, "ERROR", state, text);
  sim_trace("#%d ERROR %s", net_fd(s->conn), state);
  s->skipping = true;
  s->implicit = false;
  s->tx.n = s->status == 'T' ? s->tx.n : 0;
  if (s->status == 'T') s->status = 'E';
}

static void fail_statement(struct backend *s) {
  static const struct {
    const char *state, *text;
  } failures[] = {{"40001", "could not serialize access due to concurrent update"},
                  {"40001", "change conflicts with another transaction, please retry: (OC000)"},
                  {"40001", "schema has been updated by another transaction, please retry: (OC001)"},
                  {"OC000", "conflict"},
                  {"OC001", "schema"},
                  {"40P01", "deadlock detected"},
                  {"XX000", "server unavailable, try again"},
                  {"XX000", "internal error"},
                  {"53200", "out of memory"},
                  {"57014", "canceling statement due to user request"},
                  {"23505", "duplicate key value violates unique constraint"}};
  size_t i = (size_t)sim_below(sizeof failures / sizeof *failures);
  backend_failed(s, failures[i].state, failures[i].text);
}

/* ---- the commit point ---- */

static bool vanish(struct backend *s, const char *why) {
  sim_trace("#%d %s", net_fd(s->conn), why);
  backend_end(s, sim_chance(500));
  return false;
}

/* What makes a doubt: the answer does not come, or says that nobody knows. 1: nothing of the kind happened. */
static int commit_in_doubt(struct backend *s, bool sync) {
  if (!sim_chance(sim.faults.die)) return 1;
  switch (sim_below(5)) {
    case 0: return vanish(s, "vanishes ahead of the commit");
    case 1: (void)store_commit(&s->tx); return vanish(s, "vanishes behind the commit");
    case 2:
      (void)store_commit(&s->tx);
      if (!sync) complete(s, "COMMIT");
      backend_fatal(s, "57P01", "terminating connection due to administrator command");
      return 0;
    case 3:
      if (sim_chance(500)) (void)store_commit(&s->tx);
      s->status = 'I';
      backend_failed(s, sim_chance(500) ? "40003" : "08007", "nobody knows");
      return 0;
    default:
      if (!server.dsql || sync || s->in_script) return 1; /* known to transactions only */
      if (sim_chance(500)) (void)store_commit(&s->tx);
      s->status = 'I';
      backend_failed(s, "XX000", "server unavailable");
      return 0;
  }
}

static const char *commit(struct backend *s) {
  static const char *const states[] = {"40001", "OC000", "OC001", "40P01", "23505"};
  if (s->tx.n && cluster_is_standby(s->host)) return "25006";
  if (sim_chance(sim.faults.commit)) return states[sim_below(sizeof states / sizeof *states)];
  return store_commit(&s->tx);
}

static bool execute_commit(struct backend *s) {
  const char *state;
  char was = s->status;

  if (was == 'T' && commit_in_doubt(s, false) != 1) return false;
  s->status = 'I';
  s->implicit = false;
  if (was != 'T') {
    s->tx.n = 0;
    complete(s, was == 'E' ? "ROLLBACK" : "COMMIT");
    return true;
  }
  state = commit(s);
  if (state) {
    backend_failed(s, state, "the commit has failed");
    return false;
  }
  complete(s, "COMMIT");
  return true;
}

bool backend_sync(struct backend *s) {
  const char *state;
  bool commits = s->implicit && s->status == 'I' && !s->skipping;

  s->skipping = false;
  s->implicit = false;
  if (!commits || s->tx.n == 0) return true;
  if (commit_in_doubt(s, true) != 1) {
    s->skipping = false;
    return !s->ended;
  }
  state = commit(s);
  if (state) backend_failed(s, state, "the commit has failed");
  s->skipping = false;
  return true;
}

/* ---- statements ---- */

static void awake(struct event *e) {
  struct backend *s = LIST_ENTRY(e, struct backend, busy);
  s->is_busy = false;
  complete(s, "SELECT 0");
  backend_feed(s, NULL, 0);
}

static bool sleep_for(struct backend *s, int64_t ms) {
  s->is_busy = true;
  sim_at(&s->busy, (uint64_t)ms * 1000, awake);
  return false;
}

static void control(struct backend *s, enum verb verb) {
  switch (verb) {
    case VERB_BEGIN:
      if (s->status == 'I' && !s->implicit) store_begin(&s->tx);
      if (s->status == 'I') s->status = 'T';
      s->implicit = false;
      complete(s, "BEGIN");
      return;
    case VERB_ROLLBACK:
      s->status = 'I';
      s->implicit = false;
      s->tx.n = 0;
      complete(s, "ROLLBACK");
      return;
    case VERB_ROLLBACK_TO:
      if (s->status == 'E') s->status = 'T';
      s->tx.n = s->savepoint < s->tx.n ? s->savepoint : s->tx.n;
      complete(s, "ROLLBACK");
      return;
    case VERB_SAVEPOINT:
      s->savepoint = s->tx.n;
      complete(s, "SAVEPOINT");
      return;
    case VERB_RELEASE: complete(s, "RELEASE"); return;
    default: complete(s, "RESET"); return;
  }
}

static void rows_of_portal(struct backend *s, const struct statement *st) {
  struct server_portal *p = st->portal;
  int64_t count = 0;
  char tag[32];

  for (; p->next < p->total && (!st->limit || count < st->limit); count++) row(s, p->next++, p->binary);
  if (st->limit && count == st->limit) {
    reply(s, 's', NULL, 0);
    return;
  }
  (void)snprintf(tag, sizeof tag, "SELECT %lld", (long long)count);
  complete(s, tag);
}

/* ---- LISTEN ---- */

static void check_allowed(const struct backend *s, enum verb verb) {
  if (verb == VERB_PROBE) return;
  sim_check(!s->unlooked, "#%d is used, but was not asked what it is", net_fd(s->conn));
  sim_check(!s->unsuitable, "#%d is used, but is not what the target asks for", net_fd(s->conn));
  sim_check(verb == VERB_HOOK || !s->unhooked, "#%d is used, but was not prepared by the hook", net_fd(s->conn));
}

bool backend_is_listen(const char *sql) {
  return !*sql || strncmp(sql, "LISTEN ", 7) == 0 || strncmp(sql, "UNLISTEN ", 9) == 0;
}

void backend_listen(struct backend *s, const char *sql) {
  static const char *const names[SERVER_CHANNELS] = {"LISTEN \"sim\";", "LISTEN \"Other \"\"one\"\"\";"};

  check_allowed(s, VERB_GET);
  if (!*sql) reply(s, 'I', NULL, 0);
  if (*sql && cluster_is_standby(s->host)) {
    backend_failed(s, "25006", "cannot execute LISTEN during recovery");
    return;
  }
  if (sim_chance(sim.faults.statement)) {
    fail_statement(s);
    return;
  }
  while (*sql) {
    bool on = *sql == 'L';
    if (!on) sql += 2;
    for (int i = 0; i < SERVER_CHANNELS; i++)
      if (strncmp(sql, names[i], strlen(names[i])) == 0) s->listens[i] = on;
    complete(s, on ? "LISTEN" : "UNLISTEN");
    sql = strchr(sql, ';') + 1;
  }
}

/* ---- COPY ---- */

static void begin_copy(struct backend *s) {
  static const char text[] = "\0\0\1\0";
  s->copying = true;
  s->copied = (struct copy_reader){0};
  s->lines = 0;
  reply(s, 'G', text, sizeof text);
}

static void copy_out(struct backend *s, int64_t lines) {
  static const char text[] = "\0\0\1\0";
  char line[32];

  reply(s, 'H', text, sizeof text);
  for (int64_t i = 0; i < lines; i++) {
    int n = snprintf(line, sizeof line, "%lld\n", (long long)i);
    reply(s, 'd', line, (size_t)n);
  }
  reply(s, 'c', NULL, 0);
  (void)snprintf(line, sizeof line, "COPY %lld", (long long)lines);
  complete(s, line);
}

static void take_lines(struct backend *s, const uint8_t *p, size_t n) {
  int64_t id;
  while (copy_read(&s->copied, &p, &n, &id)) {
    store_write(&s->tx, (struct store_write){.id = id});
    s->lines++;
  }
}

bool backend_copy(struct backend *s, uint8_t type, const uint8_t *body, size_t n) {
  char tag[32];

  if (type != 'c' && type != 'f' && type != 'd') return false;
  if (type == 'd' && sim_chance(sim.faults.fatal / 4)) {
    backend_fatal(s, "57P01", "terminating connection due to administrator command");
  } else if (type == 'd' && !sim_chance(sim.faults.statement / 4)) {
    take_lines(s, body, n);
    return false;
  } else if (type == 'd') {
    fail_statement(s);
  } else if (type == 'f') {
    backend_failed(s, "57014", "COPY from stdin failed");
  } else {
    (void)snprintf(tag, sizeof tag, "COPY %lld", (long long)s->lines);
    complete(s, tag);
  }
  s->copying = false;
  return true;
}

/* False: the session ends in the middle of them. */
static bool rows(struct backend *s, int64_t n, bool binary) {
  int64_t last = sim_chance(sim.faults.fatal) ? (int64_t)sim_below((uint64_t)n + 1) : n;

  for (int64_t i = 0; i < last; i++) row(s, i, binary);
  if (last < n) backend_fatal(s, "57P01", "terminating connection due to administrator command");
  return last == n;
}

static bool work(struct backend *s, const struct statement *st) {
  const int64_t *v = st->args.v;
  char tag[32];

  switch (st->command.verb) {
    case VERB_GET:
      row(s, store_balance(v[0] % STORE_ACCOUNTS), st->binary);
      complete(s, "SELECT 1");
      return true;
    case VERB_ROWS:
      if (st->portal) {
        rows_of_portal(s, st);
        return true;
      }
      if (!rows(s, v[0], st->binary)) return false;
      (void)snprintf(tag, sizeof tag, "SELECT %lld", (long long)v[0]);
      complete(s, tag);
      return true;
    case VERB_PROBE: tell_what_it_is(s); return true;
    case VERB_HOOK:
      s->unhooked = false;
      complete(s, "SELECT 0");
      return true;
    case VERB_SLEEP: return sleep_for(s, v[0]);
    case VERB_FAIL: backend_failed(s, "22012", "division by zero"); return false;
    case VERB_PUT:
      store_write(&s->tx, (struct store_write){.id = v[0]});
      complete(s, "INSERT 0 1");
      return true;
    case VERB_MOVE:
      store_write(&s->tx, (struct store_write){.from = v[0], .to = v[1], .amount = v[2]});
      complete(s, "UPDATE 2");
      return true;
    case VERB_COPY_IN: begin_copy(s); return true;
    case VERB_COPY_OUT: copy_out(s, v[0]); return true;
    case VERB_NONE: complete(s, "UPDATE 0"); return true;
    default: backend_failed(s, "42601", "syntax error"); return false;
  }
}

bool backend_execute(struct backend *s, const struct statement *st) {
  enum verb verb = st->command.verb;
  bool ends = verb == VERB_COMMIT || verb == VERB_ROLLBACK || verb == VERB_ROLLBACK_TO;

  if (sim_chance(sim.faults.fatal)) {
    void (*fatal)(struct backend *, const char *, const char *) = backend_fatal;
    if (sim_chance(sim.faults.stay)) fatal = backend_fatal_stays;
    fatal(s, "57P01", "terminating connection due to administrator command");
    return false;
  }
  check_allowed(s, verb);
  if (s->status == 'E' && !ends) {
    backend_failed(s, "25P02", "current transaction is aborted");
    return false;
  }
  if (verb == VERB_COMMIT) return execute_commit(s);
  if (verb != VERB_UNKNOWN && verb < VERB_GET) {
    control(s, verb);
    return true;
  }
  if (s->status == 'I' && !s->implicit) {
    s->implicit = true;
    store_begin(&s->tx);
  }
  if ((verb == VERB_PUT || verb == VERB_MOVE || verb == VERB_COPY_IN) && cluster_is_standby(s->host)) {
    backend_failed(s, "25006", "cannot execute INSERT in a read-only transaction");
    return false;
  }
  if (sim_chance(verb == VERB_HOOK ? sim.faults.hook : sim.faults.statement)) {
    fail_statement(s);
    return false;
  }
  return work(s, st);
}
