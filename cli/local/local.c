#include "local/local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "diagnostics.h"
#include "local/certs.h"
#include "local/daemon.h"
#include "local/front.h"
#include "local/identity.h"
#include "local/lines.h"
#include "local/server.h"

enum { SIGNALS = 3, ERROR_SIZE = 256 };

/* One instance: the whole process. */
struct local {
  struct local_options options;
  char dir[LOCAL_PATH_SIZE];
  bool made_dir;
  int lock;   /* -1: none */
  int report; /* of the background process; -1: we are in the foreground */
  struct identity identity;
  uv_loop_t loop;
  uv_signal_t signals[SIGNALS];
  dsql_rt *rt;
  struct server server;
  struct front front;
  int exit_code;
  bool stopping;
};

/* ---- the directory ---- */

/* Empty, or not there, or an instance's. */
static bool dir_is_ours(const char *path) {
  char identity[LOCAL_PATH_SIZE];
  DIR *dir;
  int entries = 0;

  if (local_path_join(identity, path, "identity") && local_path_exists(identity)) return true;
  dir = opendir(path);
  while (dir && readdir(dir) != NULL) entries++;
  if (dir) (void)closedir(dir);
  return entries <= 2; /* . and .. */
}

static bool make_temporary_dir(struct local *l) {
  const char *base = getenv("TMPDIR");

  snprintf(l->dir, sizeof l->dir, "%s/dsql-local-XXXXXX", base && *base == '/' ? base : "/tmp");
  if (mkdtemp(l->dir)) return l->made_dir = true;
  diagnostics_say("local: cannot make %s: %s", l->dir, strerror(errno));
  return false;
}

/* Its own, or an empty one: the data of something else is not touched. */
static bool open_data_dir(struct local *l) {
  const char *given = l->options.data_dir;
  char *absolute;

  if (!dir_is_ours(given)) {
    diagnostics_say("local: %s is not empty, and was not made by dsql local", given);
    return false;
  }
  if (mkdir(given, 0700) != 0 && errno != EEXIST) {
    diagnostics_say("local: cannot make %s: %s", given, strerror(errno));
    return false;
  }
  absolute = realpath(given, NULL);
  if (!absolute) {
    diagnostics_say("local: cannot find %s: %s", given, strerror(errno));
    return false;
  }
  snprintf(l->dir, sizeof l->dir, "%s", absolute);
  free(absolute);
  return true;
}

/* One instance for each directory; pid tells --stop which. */
static bool lock_dir(struct local *l) {
  char path[LOCAL_PATH_SIZE], pid[32];
  int n;

  if (!local_path_join(path, l->dir, "lock")) return false;
  l->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (l->lock < 0) {
    diagnostics_say("local: cannot write %s: %s", path, strerror(errno));
    return false;
  }
  if (flock(l->lock, LOCK_EX | LOCK_NB) != 0) {
    diagnostics_say("local: another dsql local runs with --data %s", l->dir);
    (void)close(l->lock);
    l->lock = -1;
    return false;
  }
  n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
  return local_path_join(path, l->dir, "pid") && local_path_write_atomic(path, pid, (size_t)n, 0644);
}

static void leave_dir(struct local *l) {
  char path[LOCAL_PATH_SIZE];

  if (l->lock >= 0) {
    if (local_path_join(path, l->dir, "pid")) (void)unlink(path);
    (void)close(l->lock);
  }
  if (l->made_dir) local_path_remove_tree(l->dir);
}

/* ---- ready ---- */

static bool write_report(struct local *l, const struct ready *r, struct buf *text) {
  struct buf lines;
  char log[LOCAL_PATH_SIZE];
  bool ok = true;

  buf_init(&lines, text->alloc, SIZE_MAX / 2);
  lines_export(&lines, r);
  lines_for_people(text, r);
  ok = buf_ok(&lines) && buf_ok(text);
  if (ok && l->options.ready_file &&
      !local_path_write_atomic(l->options.ready_file, (const char *)lines.data, lines.len, 0600)) {
    diagnostics_say("local: cannot write %s: %s", l->options.ready_file, strerror(errno));
    ok = false;
  }
  if (ok && l->report >= 0) {
    ok = local_path_join(log, l->dir, "front.log");
    daemon_report(l->report, (const char *)lines.data, lines.len, log);
    l->report = -1;
  } else if (ok) {
    ok = fwrite(text->data, 1, text->len, stdout) == text->len && fflush(stdout) == 0;
  }
  buf_deinit(&lines);
  return ok;
}

static bool tell_ready(struct local *l) {
  char ca[LOCAL_PATH_SIZE];
  struct ready r = {.identity = &l->identity,
                    .ca = ca,
                    .data_dir = l->options.data_dir,
                    .port = l->front.port,
                    .pid = (long)getpid()};
  struct buf text;
  bool ok;

  if (!local_path_join(ca, l->dir, "ca.pem")) return false;
  buf_init(&text, &mem_default, SIZE_MAX / 2);
  text.secret = true;
  ok = write_report(l, &r, &text);
  buf_deinit(&text);
  return ok;
}

static void on_server_ready(struct server *s) {
  struct local *l = s->owner;
  if (front_listen(&l->front) && tell_ready(l)) return;
  l->exit_code = LOCAL_EXIT_FAILED;
  l->stopping = true;
  front_close(&l->front);
  server_stop(s);
}

/* ---- the end ---- */

static void stop(struct local *l) {
  if (l->stopping) return;
  l->stopping = true;
  front_close(&l->front);
  server_stop(&l->server);
}

static void on_signal(uv_signal_t *handle, int number) {
  (void)number;
  stop(handle->data);
}

static void close_rest(struct local *l) {
  for (size_t i = 0; i < SIGNALS; i++) uv_close((uv_handle_t *)&l->signals[i], NULL);
  dsql_rt_close(l->rt, NULL, NULL);
}

static void on_server_stopped(struct server *s, bool failed) {
  struct local *l = s->owner;

  if (failed) l->exit_code = LOCAL_EXIT_FAILED;
  l->stopping = true;
  front_close(&l->front);
  close_rest(l);
}

/* How often each fault was injected: what a test compares its own counts with. */
static void tell_faults(const struct faults *f) {
  for (size_t i = 0; i < f->count; i++)
    diagnostics_say("local: injected %s: %llu, applied %llu", f->specs[i].text,
                    (unsigned long long)f->specs[i].injected, (unsigned long long)f->specs[i].applied);
}

/* ---- the start ---- */

static bool add_faults(struct local *l) {
  const struct local_options *o = &l->options;
  struct faults *f = &l->front.world.faults;
  char error[ERROR_SIZE] = "";
  bool ok = !o->occ_rate || faults_add_occ_rate(f, o->occ_rate, error, sizeof error) == 0;

  for (size_t i = 0; ok && i < o->fault_count; i++) ok = faults_add(f, o->faults[i], error, sizeof error) == 0;
  if (!ok) diagnostics_say("local: %s", error);
  return ok;
}

static bool prepare_front(struct local *l) {
  const struct local_options *o = &l->options;
  struct front *f = &l->front;
  uint64_t seed = o->seed;

  list_init(&f->clients);
  if (!o->seed_given && RAND_bytes((unsigned char *)&seed, sizeof seed) != 1) return false;
  relay_world_init(&f->world, seed);
  if (!add_faults(l)) return false;
  if (!o->seed_given && (o->occ_rate || o->fault_count))
    diagnostics_say("local: --seed %llu gives the same faults again", (unsigned long long)seed);
  f->loop = &l->loop;
  f->options = o;
  f->alloc = &mem_default;
  f->expected =
      (struct token_expected){{l->identity.access_key_id, l->identity.secret_access_key, l->identity.session_token},
                              l->identity.host,
                              l->identity.region};
  f->cluster_id = l->identity.cluster_id;
  f->server_socket = l->server.socket;
  rate_bucket_init(&f->bucket, o->connect_rate, o->connect_burst, uv_now(&l->loop));
  f->tls = tls_front_context(l->dir);
  return f->tls != NULL;
}

static void start_signals(struct local *l) {
  static const int numbers[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};

  (void)signal(SIGPIPE, SIG_IGN);
  for (size_t i = 0; i < SIGNALS; i++) {
    uv_signal_init(&l->loop, &l->signals[i]);
    l->signals[i].data = l;
    uv_signal_start(&l->signals[i], on_signal, numbers[i]);
  }
}

static bool prepare(struct local *l) {
  if (!(l->options.data_dir ? open_data_dir(l) : make_temporary_dir(l)) || !lock_dir(l)) return false;
  return identity_load(&l->identity, &l->options, l->dir) && certs_make(l->dir, l->identity.host) &&
         server_init(&l->server, &l->loop, l->rt, &l->options, l->dir) && prepare_front(l);
}

static void run_prepared(struct local *l) {
  l->server.owner = l;
  l->server.on_ready = on_server_ready;
  l->server.on_stopped = on_server_stopped;
  server_start(&l->server);
  uv_run(&l->loop, UV_RUN_DEFAULT);
}

static void run(struct local *l) {
  if (uv_loop_init(&l->loop) != 0) {
    l->exit_code = LOCAL_EXIT_FAILED;
    return;
  }
  if (dsql_rt_new(&l->rt, &l->loop, NULL) != 0) {
    l->exit_code = LOCAL_EXIT_FAILED;
    return;
  }
  start_signals(l); /* first of all: from here on there is something to remove */
  if (prepare(l)) {
    run_prepared(l);
  } else {
    l->exit_code = LOCAL_EXIT_FAILED;
    close_rest(l);
    uv_run(&l->loop, UV_RUN_DEFAULT);
  }
  tell_faults(&l->front.world.faults);
  front_deinit(&l->front);
  leave_dir(l);
  identity_forget(&l->identity);
  uv_loop_close(&l->loop);
}

/* The private server's programs, and our own connection to it, are not to be led astray by the user's settings. */
static void forget_postgres_environment(void) {
  extern char **environ;
  char name[256];

  for (size_t i = 0; environ[i];) {
    size_t n = strcspn(environ[i], "=");
    if (strncmp(environ[i], "PG", 2) != 0 || n >= sizeof name) {
      i++;
      continue;
    }
    memcpy(name, environ[i], n);
    name[n] = '\0';
    (void)unsetenv(name);
  }
}

static int start(struct local *l) {
  if (l->options.print_env) {
    pid_t child = daemon_start(&l->report);
    if (child) return child > 0 ? LOCAL_EXIT_OK : LOCAL_EXIT_FAILED;
  }
  forget_postgres_environment();
  run(l);
  return l->exit_code;
}

int local_main(int argc, char **argv) {
  static struct local l = {.lock = -1, .report = -1}; /* one per process, and no thing for the stack */
  int code = local_options_parse(&l.options, argc, argv);

  if (code == LOCAL_EXIT_OK) {
    if (l.options.help)
      local_options_help();
    else if (l.options.stop)
      code = daemon_stop(l.options.data_dir);
    else
      code = start(&l);
  }
  local_options_free(&l.options);
  return code;
}
