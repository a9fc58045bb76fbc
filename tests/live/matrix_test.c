/* Every server by every authentication over every kind of transport, against the table of what is expected. A cell that
 * is missing in the table, or listed twice, or different, fails. */
#include <stdio.h>
#include <stdlib.h>

#include "client.h"

static const char *const servers[] = {"12", "14", "debian15", "16", "17", "18", "pgbouncer"};
static const struct auth {
  const char *name, *user, *rule; /* the rule makes sure that it is this method that was used */
} auths[] = {
    {"trust", "trust_user", "require_auth=none"},
    {"password", "password_user", "require_auth=password"},
    {"md5", "md5_user", "require_auth=md5"},
    {"scram", "scram_user", "require_auth=scram-sha-256 channel_binding=disable"},
    {"scram-plus", "scram_user", "require_auth=scram-sha-256 channel_binding=require"},
};
static const struct transport {
  const char *name, *settings;
} transports[] = {
    {"plain", "sslmode=disable"},
    {"sslrequest", "sslmode=verify-full sslnegotiation=postgres"},
    {"direct", "sslmode=verify-full sslnegotiation=direct"},
};
enum { CELLS = COUNT(servers) * COUNT(auths) * COUNT(transports) };

struct cell {
  char server[16], auth[16], transport[16], code[24], text[128];
  int seen;
};

/* ---- the table ---- */

static struct cell table[CELLS + 16];
static size_t table_rows;

static void read_table(void) {
  const char *source = getenv("DSQL_SOURCE_DIR");
  char path[512], line[512];
  FILE *file;

  cr_assert_not_null(source, "DSQL_SOURCE_DIR is not set: run by ctest");
  (void)snprintf(path, sizeof path, "%s/tests/live/matrix.txt", source);
  file = fopen(path, "r");
  cr_assert_not_null(file, "%s", path);
  while (fgets(line, sizeof line, file)) {
    struct cell *c = &table[table_rows];
    int n;
    if (line[0] == '#' || line[0] == '\n') continue;
    cr_assert_lt(table_rows, COUNT(table), "too many rows");
    n = sscanf(line, "%15s %15s %15s %23s %127[^\n]", c->server, c->auth, c->transport, c->code, c->text);
    cr_assert(n == 4 || n == 5, "not a row: %s", line);
    cr_assert((n == 4) == (strcmp(c->code, "ok") == 0), "a refusal needs a text, ok has none: %s", line);
    table_rows++;
  }
  (void)fclose(file);
}

static struct cell *find(const char *server, const char *auth, const char *transport) {
  struct cell *found = NULL;
  for (size_t i = 0; i < table_rows; i++) {
    struct cell *c = &table[i];
    if (strcmp(c->server, server) || strcmp(c->auth, auth) || strcmp(c->transport, transport)) continue;
    cr_assert_null(found, "%s %s %s is listed twice", server, auth, transport);
    found = c;
  }
  return found;
}

/* ---- a cell ---- */

static struct client x;

static dsql_conn *dial(const char *version, const struct auth *a, const struct transport *t) {
  bool pooled = strcmp(version, "pgbouncer") == 0;
  struct server s;
  char target[1024];
  dsql_config config;
  dsql_target *resolved;
  dsql_conn *c;

  cr_assert(server_find(pooled ? "18" : version, &s), "PostgreSQL %s is not running", version);
  (void)snprintf(
      target, sizeof target,
      "hostaddr=127.0.0.1 host=localhost port=%d dbname=postgres user=%s password=secret sslrootcert=%s %s %s",
      pooled ? s.bouncer_port : s.port, a->user, s.ca, a->rule, t->settings);
  dsql_config_init(&config);
  config.target = target;
  config.cleartext_without_tls = true;
  config.connect_timeout_ms = 20000;
  resolved = client_target_config(&x, &config);
  cr_assert_eq(dsql_conn_open(&c, x.rt, resolved), 0);
  dsql_target_free(resolved);
  return c;
}

/* Both the code and the text, or "ok" after a query. */
static bool run_cell(const char *server, const struct auth *a, const struct transport *t, const struct cell *want) {
  dsql_conn *c = dial(server, a, t);
  dsql_future *f = dsql_conn_ready(c);
  int rc = dsql_future_run(f);
  const char *got = rc ? dsql_error_name(rc) + strlen("DSQL_") : "ok";
  bool same = want && strcmp(got, want->code) == 0;

  if (rc) {
    same = same && str_has(dsql_future_error(f)->message, want->text);
  } else {
    cr_assert_str_eq(client_value(c, "select current_user"), a->user);
    cr_assert_eq(dsql_conn_tls(c), strcmp(t->name, "plain") != 0);
  }
  if (!same)
    fprintf(stderr, "%s %s %s: want %s %s, got %s\n", server, a->name, t->name, want ? want->code : "(not listed)",
            want ? want->text : "", rc ? client_error_text(f) : "ok");
  dsql_future_destroy(f);
  dsql_conn_close(c);
  return same;
}

Test(matrix, every_cell, .timeout = 100) {
  size_t cells = 0, ok = 0, refusals = 0, different = 0;

  read_table();
  client_open(&x);
  for (size_t s = 0; s < COUNT(servers); s++)
    for (size_t a = 0; a < COUNT(auths); a++)
      for (size_t t = 0; t < COUNT(transports); t++, cells++) {
        struct cell *want = find(servers[s], auths[a].name, transports[t].name);
        if (!run_cell(servers[s], &auths[a], &transports[t], want)) different++;
        if (!want) continue;
        want->seen = 1;
        if (strcmp(want->code, "ok") == 0)
          ok++;
        else
          refusals++;
      }
  client_close(&x);
  for (size_t i = 0; i < table_rows; i++)
    cr_expect(table[i].seen, "no such cell: %s %s %s", table[i].server, table[i].auth, table[i].transport);
  cr_log_info("%zu cells of %zu servers x %zu methods x %zu transports: %zu ok, %zu listed refusals", cells,
              COUNT(servers), COUNT(auths), COUNT(transports), ok, refusals);
  cr_assert_eq(different, 0);
  cr_assert_eq(ok + refusals, CELLS);
}
