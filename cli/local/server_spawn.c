#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "diagnostics.h"
#include "local/server.h"

enum { LOG_TAIL_SIZE = 2048 };

/* The log is opened here, and so belongs to us, not to the server's user. */
static int open_log(const struct server *s) {
  int fd = open(s->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) diagnostics_say("local: cannot write %s: %s", s->log, strerror(errno));
  return fd;
}

bool server_spawn(struct server *s, char **argv, uv_exit_cb on_exit) {
  int log = open_log(s), status;
  uv_stdio_container_t stdio[3] = {
      {.flags = UV_IGNORE}, {.flags = UV_INHERIT_FD, .data.fd = log}, {.flags = UV_INHERIT_FD, .data.fd = log}};
  /* Detached: Ctrl-C in a terminal reaches us only, and we stop it in order. */
  uv_process_options_t o = {.exit_cb = on_exit,
                            .file = argv[0],
                            .args = argv,
                            .cwd = "/",
                            .flags = UV_PROCESS_DETACHED,
                            .stdio_count = 3,
                            .stdio = stdio};

  if (log < 0) return false;
  if (s->drop) {
    o.flags |= UV_PROCESS_SETUID | UV_PROCESS_SETGID;
    o.uid = s->uid;
    o.gid = s->gid;
  }
  s->process_open = true; /* the handle is there and must be closed even when the spawning fails */
  s->process.data = s;
  status = uv_spawn(s->loop, &s->process, &o);
  (void)close(log);
  if (status == 0) return true;
  diagnostics_say("local: cannot run %s%s%s: %s", argv[0], s->drop ? " as user " : "", s->user, uv_strerror(status));
  return false;
}

/* Ends the server when our end of the pipe closes without a word: when we were killed. It tells the server of this data
 * directory from a stranger with the same process id by the directory that a postmaster works in. */
static const char watchdog_script[] =
    "trap '' INT TERM HUP\n"
    "while read -r word; do [ \"$word\" != bye ] || exit 0; done\n"
    "pid=$(head -n 1 \"$1/postmaster.pid\" 2>/dev/null)\n"
    "ours() { [ -n \"$pid\" ] && kill -0 \"$pid\" 2>/dev/null && {\n"
    "  [ ! -e /proc/self/cwd ] || [ \"$(readlink \"/proc/$pid/cwd\")\" = \"$(readlink -f \"$1\")\" ]; }; }\n"
    "if ours \"$1\"; then kill -QUIT \"$pid\"; fi\n"
    "tries=0\n"
    "while ours \"$1\" && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done\n"
    "[ -z \"$2\" ] || rm -rf \"$2\"\n"
    "[ -z \"$3\" ] || rm -rf \"$3\"\n";

static void on_watchdog_exit(uv_process_t *process, int64_t code, int signal) {
  (void)process;
  (void)code;
  (void)signal;
}

bool server_spawn_watchdog(struct server *s) {
  char *argv[] = {"sh",
                  "-c",
                  (char *)watchdog_script,
                  "dsql-local-watchdog",
                  s->data,
                  s->keep ? "" : s->dir,
                  s->temporary_socket_dir ? s->socket_dir : "",
                  NULL};
  uv_stdio_container_t stdio[3] = {
      {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&s->leash},
      {.flags = UV_IGNORE},
      {.flags = UV_IGNORE}};
  uv_process_options_t o = {.exit_cb = on_watchdog_exit,
                            .file = "/bin/sh",
                            .args = argv,
                            .cwd = "/",
                            .flags = UV_PROCESS_DETACHED,
                            .stdio_count = 3,
                            .stdio = stdio};
  int status = uv_pipe_init(s->loop, &s->leash, 0);

  if (status == 0) {
    s->leash_open = s->watchdog_open = true;
    status = uv_spawn(s->loop, &s->watchdog, &o);
  }
  if (status == 0) return true;
  diagnostics_say("local: cannot run /bin/sh: %s", uv_strerror(status));
  return false;
}

static void on_said(uv_write_t *write, int status) {
  (void)status;
  uv_close((uv_handle_t *)write->handle, NULL);
}

void server_release_watchdog(struct server *s) {
  static char word[] = "bye\n";
  uv_buf_t b = uv_buf_init(word, sizeof word - 1);

  if (!s->leash_open) return;
  s->leash_open = false;
  if (uv_write(&s->leash_write, (uv_stream_t *)&s->leash, &b, 1, on_said) != 0)
    uv_close((uv_handle_t *)&s->leash, NULL);
}

void server_show_log(const struct server *s) {
  char tail[LOG_TAIL_SIZE + 1];
  int fd = open(s->log, O_RDONLY | O_CLOEXEC);
  off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
  ssize_t n;

  if (fd < 0) return;
  (void)lseek(fd, size > LOG_TAIL_SIZE ? size - LOG_TAIL_SIZE : 0, SEEK_SET);
  n = read(fd, tail, LOG_TAIL_SIZE);
  (void)close(fd);
  if (n <= 0) return;
  tail[n] = '\0';
  fprintf(stderr, "--- the end of %s\n%s---\n", s->log, tail);
}
