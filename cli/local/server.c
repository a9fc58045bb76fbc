#include "local/server.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "diagnostics.h"
#include "local/find_pg.h"
#include "local/relay/relay.h"

enum {
  ASK_EVERY_MS = 20,
  START_TIMEOUT_MS = 60000,
  STOP_STEP_MS = 5000, /* SIGINT, then SIGQUIT, then SIGKILL */
  VERSION_MIN = 150000,
  SLOTS_MAX = 500, /* connections of the private server at most; each costs shared memory */
  SLOTS_SPARE = 20,
  ARGS_MAX = 64,
  ARG_SIZE = 256
};

static const char *const stop_names[] = {"SIGINT", "SIGQUIT", "SIGKILL"};
static const int stop_signals[] = {SIGINT, SIGQUIT, SIGKILL};
enum { STOP_STEPS = sizeof stop_signals / sizeof *stop_signals };

static void ask(struct server *s);

bool server_init(struct server *s, uv_loop_t *loop, dsql_rt *rt, const struct local_options *o, const char *dir) {
  *s = (struct server){.loop = loop, .rt = rt, .options = o, .keep = o->data_dir != NULL};
  snprintf(s->dir, sizeof s->dir, "%s", dir);
  return find_pg(o->pg_bin, s->bin) && server_choose_user(s) && server_make_dirs(s);
}

/* ---- the end ---- */

static void after_close(uv_handle_t *handle) {
  struct server *s = handle->data;

  if (handle == (uv_handle_t *)&s->process) s->process_open = false;
  if (handle == (uv_handle_t *)&s->timer) s->timer_open = false;
  if (s->process_open || s->timer_open || s->state == SERVER_STOPPED) return;
  s->state = SERVER_STOPPED;
  if (s->temporary_socket_dir) local_path_remove_tree(s->socket_dir);
  s->on_stopped(s, s->failed);
}

static void release_connection(struct server *s) {
  dsql_future_destroy(s->future);
  s->future = NULL;
  if (s->conn) dsql_conn_close(s->conn);
  s->conn = NULL;
  dsql_target_free(s->target);
  s->target = NULL;
}

/* No process is left: close what is open. At least the timer is, so that the end comes from the loop. */
static void finish(struct server *s) {
  s->state = SERVER_STOPPING;
  release_connection(s);
  server_release_watchdog(s);
  if (s->watchdog_open) uv_unref((uv_handle_t *)&s->watchdog);
  if (s->process_open && !uv_is_closing((uv_handle_t *)&s->process)) uv_close((uv_handle_t *)&s->process, after_close);
  if (!uv_is_closing((uv_handle_t *)&s->timer)) uv_close((uv_handle_t *)&s->timer, after_close);
}

static void fail(struct server *s) {
  s->failed = true;
  server_stop(s);
}

/* initdb's children, too, which would go on writing; a postmaster looks after its own. */
static void send_signal(struct server *s, int number) {
  int pid = uv_process_get_pid(&s->process);
  (void)uv_kill(s->in_initdb ? -pid : pid, number); /* already gone: its exit is on the way */
}

static void on_stop_timer(uv_timer_t *timer) {
  struct server *s = timer->data;

  if (++s->stop_step >= STOP_STEPS) return;
  diagnostics_say("local: the private server does not stop; sending %s", stop_names[s->stop_step]);
  send_signal(s, stop_signals[s->stop_step]);
}

void server_stop(struct server *s) {
  bool running = s->process_open && uv_is_active((uv_handle_t *)&s->process);

  if (s->state == SERVER_STOPPING || s->state == SERVER_STOPPED) return;
  if (!s->timer_open) { /* never started */
    uv_timer_init(s->loop, &s->timer);
    s->timer.data = s;
    s->timer_open = true;
  }
  if (!running) {
    finish(s);
    return;
  }
  release_connection(s);
  /* initdb cleans up on SIGINT. Data that is thrown away needs no checkpoint: SIGQUIT is quicker. */
  s->stop_step = s->state == SERVER_INITDB || s->keep ? 0 : 1;
  s->state = SERVER_STOPPING;
  send_signal(s, stop_signals[s->stop_step]);
  uv_timer_start(&s->timer, on_stop_timer, STOP_STEP_MS, STOP_STEP_MS);
}

/* ---- preparing ---- */

static void on_prepared(dsql_future *f, void *arg);

static void tell(const char *what, const dsql_error *e) {
  diagnostics_say("local: %s: %.*s", what, e ? (int)e->message.len : 0, e ? e->message.ptr : "");
}

static void prepare_next(struct server *s) {
  const char *sql = server_setup_statement(s);

  dsql_future_destroy(s->future);
  s->future = NULL;
  if (!sql) {
    release_connection(s);
    s->state = SERVER_READY;
    s->on_ready(s);
    return;
  }
  s->future = dsql_exec(s->conn, sql, NULL);
  if (!s->future || dsql_future_on_ready(s->future, on_prepared, s)) fail(s);
}

static void on_prepared(dsql_future *f, void *arg) {
  struct server *s = arg;

  if (dsql_future_code(f) == 0) {
    prepare_next(s);
    return;
  }
  tell("the private server refused its set-up", dsql_future_error(f));
  fail(s);
}

static void on_connected(dsql_future *f, void *arg) {
  struct server *s = arg;
  unsigned version;

  if (dsql_future_code(f) != 0) { /* not yet */
    if (uv_now(s->loop) > s->deadline_ms) {
      tell("the private server did not come up", dsql_future_error(f));
      server_show_log(s);
      fail(s);
    }
    release_connection(s);
    return;
  }
  version = dsql_conn_server_version(s->conn);
  if (version < VERSION_MIN) {
    diagnostics_say("local: %s is PostgreSQL %u; 15 or newer is needed: choose with --pg-bin", s->bin, version / 10000);
    fail(s);
    return;
  }
  uv_timer_stop(&s->timer);
  s->state = SERVER_PREPARING;
  s->step = 0;
  prepare_next(s);
}

static void on_ask_timer(uv_timer_t *timer) { ask(timer->data); }

/* Connects with the library's own means until the server answers. */
static void ask(struct server *s) {
  const dsql_error *error = NULL;
  dsql_config config;

  if (s->conn || s->state != SERVER_STARTING) return;
  dsql_config_init(&config);
  config.target = "postgresql://";
  config.host = s->socket_dir;
  config.port = SERVER_PORT;
  config.user = "dsql_local";
  config.database = "postgres";
  if (dsql_target_new(&s->target, s->rt, &config, &error)) {
    tell("cannot address the private server", error);
    fail(s);
    return;
  }
  if (dsql_conn_open(&s->conn, s->rt, s->target)) {
    fail(s);
    return;
  }
  s->future = dsql_conn_ready(s->conn);
  if (!s->future || dsql_future_on_ready(s->future, on_connected, s)) fail(s);
}

/* ---- starting ---- */

struct args {
  size_t n;
  char *v[ARGS_MAX];
  char text[ARGS_MAX][ARG_SIZE];
};

static void add_arg(struct args *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_arg(struct args *a, const char *format, ...) {
  va_list list;
  va_start(list, format);
  vsnprintf(a->text[a->n], ARG_SIZE, format, list);
  va_end(list);
  a->v[a->n] = a->text[a->n];
  a->n++;
}

static void add_setting(struct args *a, const char *setting) {
  add_arg(a, "-c");
  add_arg(a, "%s", setting);
}

/* Long paths stand in the arguments by themselves. */
static void add_path(struct args *a, char *path) { a->v[a->n++] = path; }

static void add_settings(struct args *a, const struct server *s) {
  static const char *const fixed[] = {
      "listen_addresses=", "unix_socket_permissions=0700", "fsync=off", "synchronous_commit=off",
      "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0", "jit=off", "TimeZone=UTC", "log_timezone=UTC",
      "lc_messages=C", "shared_buffers=64MB", "deadlock_timeout=50ms", "logging_collector=off",
      "max_files_per_process=200",
      /* DSQL's writers never wait for each other; ours do, for this long, and then have lost. */
      "lock_timeout=1s"};
  uint32_t slots = s->options->connections_max < SLOTS_MAX ? s->options->connections_max : SLOTS_MAX;

  for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) add_setting(a, fixed[i]);
  add_arg(a, "-c");
  add_arg(a, "default_transaction_isolation=%s", s->options->conflicts_at_commit ? "serializable" : "repeatable read");
  add_arg(a, "-c");
  add_arg(a, "max_connections=%u", slots + SLOTS_SPARE);
  add_arg(a, "-c");
  add_arg(a, RELAY_ROW_LIMIT_SETTING "=%u", s->options->rows_max);
  add_arg(a, "-c");
  add_arg(a, RELAY_SIZE_LIMIT_SETTING "=%llu", (unsigned long long)s->options->transaction_bytes_max);
}

static void on_postgres_exit(uv_process_t *process, int64_t code, int signal) {
  struct server *s = process->data;

  if (s->state != SERVER_STOPPING) {
    s->failed = true;
    diagnostics_say("local: the private server ended (%s %d)", signal ? "signal" : "exit status",
                    signal ? signal : (int)code);
    server_show_log(s);
  }
  finish(s);
}

static void start_postgres(struct server *s) {
  static struct args a;
  char program[LOCAL_PATH_SIZE + 16], sockets[SERVER_SOCKET_SIZE + 32];

  a.n = 0;
  snprintf(program, sizeof program, "%s/postgres", s->bin);
  snprintf(sockets, sizeof sockets, "unix_socket_directories=%s", s->socket_dir);
  add_path(&a, program);
  add_arg(&a, "-D");
  add_path(&a, s->data);
  add_arg(&a, "-p");
  add_arg(&a, "%d", SERVER_PORT);
  add_setting(&a, sockets);
  add_settings(&a, s);
  a.v[a.n] = NULL;
  s->state = SERVER_STARTING;
  s->deadline_ms = uv_now(s->loop) + START_TIMEOUT_MS;
  if (!server_spawn_watchdog(s) || !server_spawn(s, a.v, on_postgres_exit))
    fail(s);
  else
    uv_timer_start(&s->timer, on_ask_timer, ASK_EVERY_MS, ASK_EVERY_MS);
}

static void after_initdb(uv_handle_t *handle) {
  struct server *s = handle->data;

  s->process_open = s->in_initdb = false;
  if (s->state == SERVER_STOPPING)
    after_close(handle);
  else
    start_postgres(s);
}

static void on_initdb_exit(uv_process_t *process, int64_t code, int signal) {
  struct server *s = process->data;

  if (s->state == SERVER_STOPPING || code != 0 || signal != 0) {
    if (s->state != SERVER_STOPPING) {
      diagnostics_say("local: initdb failed");
      server_show_log(s);
      s->failed = true;
    }
    finish(s);
    return;
  }
  uv_close((uv_handle_t *)process, after_initdb);
}

static void start_initdb(struct server *s) {
  char program[LOCAL_PATH_SIZE + 16];
  char *argv[] = {program, "-D",   s->data,      "-U",        "dsql_local",        "-A", "trust",
                  "-E",    "UTF8", "--locale=C", "--no-sync", "--no-instructions", NULL};

  snprintf(program, sizeof program, "%s/initdb", s->bin);
  s->state = SERVER_INITDB;
  s->in_initdb = true;
  if (!server_spawn(s, argv, on_initdb_exit)) fail(s);
}

void server_start(struct server *s) {
  char mark[LOCAL_PATH_SIZE + 16];

  uv_timer_init(s->loop, &s->timer);
  s->timer.data = s;
  s->timer_open = true;
  snprintf(mark, sizeof mark, "%s/PG_VERSION", s->data);
  if (local_path_exists(mark))
    start_postgres(s);
  else
    start_initdb(s);
}
