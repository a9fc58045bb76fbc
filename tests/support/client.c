#include "client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void on_closed(void *arg) { ((struct client *)arg)->closed = true; }

void client_open(struct client *x) {
  *x = (struct client){0};
  test_alloc_init(&x->heap);
  cr_assert_eq(uv_loop_init(&x->loop), 0);
  cr_assert_eq(dsql_rt_new(&x->rt, &x->loop, &x->heap.hook), 0);
}

void client_begin_close(struct client *x) {
  dsql_rt_close(x->rt, on_closed, x);
  cr_assert_not(x->closed, "the close callback ran inside dsql_rt_close()");
}

void client_finish(struct client *x) {
  uv_run(&x->loop, UV_RUN_DEFAULT);
  cr_assert(x->closed, "the runtime did not end");
  test_alloc_assert_empty(&x->heap);
  cr_assert_eq(uv_loop_close(&x->loop), 0, "a handle was left open");
}

void client_close(struct client *x) {
  client_begin_close(x);
  client_finish(x);
}

dsql_target *client_target_config(struct client *x, const dsql_config *c) {
  dsql_target *t = NULL;
  const dsql_error *e = NULL;
  int rc = dsql_target_new(&t, x->rt, c, &e);
  cr_assert_eq(rc, 0, "%s: %.*s", dsql_error_name(rc), e ? (int)e->message.len : 0, e ? e->message.ptr : "");
  return t;
}

static dsql_target *target_v(struct client *x, const char *format, va_list args) {
  char conninfo[1024];
  dsql_config c;
  dsql_config_init(&c);
  (void)vsnprintf(conninfo, sizeof conninfo, format, args);
  c.target = conninfo;
  return client_target_config(x, &c);
}

dsql_target *client_target(struct client *x, const char *format, ...) {
  va_list args;
  dsql_target *t;
  va_start(args, format);
  t = target_v(x, format, args);
  va_end(args);
  return t;
}

static dsql_conn *open_on(struct client *x, dsql_target *t) {
  dsql_conn *c = NULL;
  cr_assert_eq(dsql_conn_open(&c, x->rt, t), 0);
  dsql_target_free(t);
  return c;
}

static dsql_conn *wait_for(dsql_conn *c) {
  dsql_future *f = dsql_conn_ready(c);
  int rc = dsql_future_run(f);
  cr_assert_eq(rc, 0, "%s", client_error_text(f));
  dsql_future_destroy(f);
  return c;
}

dsql_conn *client_dial(struct client *x, const char *format, ...) {
  va_list args;
  dsql_target *t;
  va_start(args, format);
  t = target_v(x, format, args);
  va_end(args);
  return open_on(x, t);
}

dsql_conn *client_connect(struct client *x, const char *format, ...) {
  va_list args;
  dsql_target *t;
  va_start(args, format);
  t = target_v(x, format, args);
  va_end(args);
  return wait_for(open_on(x, t));
}

dsql_conn *client_connect_config(struct client *x, const dsql_config *c) {
  return wait_for(open_on(x, client_target_config(x, c)));
}

int client_settle(dsql_future *f) {
  int rc = dsql_future_run(f);
  dsql_future_destroy(f);
  return rc;
}

const dsql_result *client_rows(dsql_future *f) {
  const dsql_result *r = NULL;
  int rc = dsql_future_run(f);
  cr_assert_eq(rc, 0, "%s", client_error_text(f));
  cr_assert_eq(dsql_future_result(f, &r), 0);
  return r;
}

const char *client_value(dsql_conn *c, const char *sql) {
  static char ring[8][8192];
  static unsigned next;
  char *out = ring[next++ % 8];
  dsql_future *f = dsql_query(c, sql, DSQL_NO_PARAMS, NULL);
  const dsql_result *r = client_rows(f);
  dsql_str text;

  if (dsql_result_rows(r) == 0)
    (void)snprintf(out, sizeof ring[0], "(none)");
  else if (dsql_get_text(r, 0, 0, &text))
    (void)snprintf(out, sizeof ring[0], "(null)");
  else
    (void)snprintf(out, sizeof ring[0], "%.*s", (int)text.len, text.ptr);
  dsql_future_destroy(f);
  return out;
}

void client_exec(dsql_conn *c, const char *script) {
  dsql_future *f = dsql_exec(c, script, NULL);
  (void)client_rows(f);
  dsql_future_destroy(f);
}

void client_turn(struct client *x) { (void)uv_run(&x->loop, UV_RUN_ONCE); }

const char *client_error_text(const dsql_future *f) {
  static char text[2048];
  const dsql_error *e = dsql_future_error(f);
  if (!e) return dsql_error_name(dsql_future_code(f));
  (void)snprintf(text, sizeof text, "%s flags %u: %.*s", dsql_error_name(e->code), e->flags, (int)e->message.len,
                 e->message.ptr);
  return text;
}

bool str_has(dsql_str s, const char *part) { return memmem(s.ptr, s.len, part, strlen(part)) != NULL; }

void client_assert_fails(dsql_future *f, int code, unsigned flags, const char *part, const char *file, int line) {
  int rc = dsql_future_run(f);
  const dsql_error *e = dsql_future_error(f);
  cr_assert_eq(rc, code, "%s:%d: want %s, got %s", file, line, dsql_error_name(code), client_error_text(f));
  cr_assert_eq(e->code, code);
  cr_assert_eq(e->flags, flags, "%s:%d: want flags %u, got %s", file, line, flags, client_error_text(f));
  cr_assert(str_has(e->message, part), "%s:%d: want \"%s\" in %s", file, line, part, client_error_text(f));
  dsql_future_destroy(f);
}

/* ---- servers ---- */

static void take(const char *line, const char *name, char *out, size_t size) {
  size_t n = strlen(name);
  if (strncmp(line, name, n) == 0 && line[n] == '=')
    (void)snprintf(out, size, "%.*s", (int)strcspn(line + n + 1, "\n"), line + n + 1);
}

bool server_find(const char *version, struct server *out) {
  const char *build = getenv("DSQL_BUILD_DIR");
  char path[512], line[512], major[16] = "", port[16] = "", bouncer[16] = "";
  FILE *env;

  cr_assert_not_null(build, "DSQL_BUILD_DIR is not set: run by ctest");
  *out = (struct server){0};
  (void)snprintf(path, sizeof path, "%s/pg/%s/env", build, version);
  env = fopen(path, "r");
  if (!env) return false;
  while (fgets(line, sizeof line, env)) {
    take(line, "PG_NAME", out->name, sizeof out->name);
    take(line, "PG_VERSION", out->version, sizeof out->version);
    take(line, "PG_MAJOR", major, sizeof major);
    take(line, "PG_PORT", port, sizeof port);
    take(line, "PG_SOCKET_DIR", out->socket_dir, sizeof out->socket_dir);
    take(line, "PG_CA", out->ca, sizeof out->ca);
    take(line, "PG_CLIENT_CERT", out->cert, sizeof out->cert);
    take(line, "PG_CLIENT_KEY", out->key, sizeof out->key);
    take(line, "PGBOUNCER_PORT_HBA", bouncer, sizeof bouncer);
  }
  (void)fclose(env);
  out->major = (int)strtol(major, NULL, 10);
  out->port = (int)strtol(port, NULL, 10);
  out->bouncer_port = (int)strtol(bouncer, NULL, 10);
  return out->port > 0;
}

const struct server *server_default(void) {
  static struct server s;
  cr_assert(server_find("18", &s),
            "PostgreSQL 18 is not running: run by ctest, or scripts/pg start 18 $DSQL_BUILD_DIR/pg/18");
  return &s;
}

const char *server_conninfo(const struct server *s) {
  static char text[256];
  (void)snprintf(text, sizeof text,
                 "hostaddr=127.0.0.1 host=localhost port=%d dbname=postgres user=trust_user sslmode=disable", s->port);
  return text;
}
