#include "copy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diagnostics.h"

enum { PROGRESS_MS = 200, STOP = 2 /* a sink's code */ };

static bool is_standard(const struct copy_file *f) { return strcmp(f->path, "-") == 0; }

static const char *name_of(const struct copy_file *f) {
  return !is_standard(f) ? f->path : f->in ? "standard input" : "standard output";
}

static int tell(const struct copy_file *f, const char *verb, int error) {
  diagnostics_say("cannot %s %s: %s", verb, name_of(f), uv_strerror(error));
  return error;
}

/* ---- a line on a terminal ---- */

static void show_progress(uv_timer_t *timer) {
  const struct copy_file *f = timer->data;
  double seconds = (double)(uv_hrtime() - f->began_ns) / 1e9, mib = (double)f->bytes / (1 << 20);
  fprintf(stderr, "\r%.1f MiB in %.0f s, %.1f MiB/s \033[K", mib, seconds, seconds > 0 ? mib / seconds : 0);
}

static void begin_progress(struct copy_file *f) {
  f->shows_progress = isatty(STDERR_FILENO) && !(is_standard(f) && isatty(f->fd));
  f->began_ns = uv_hrtime();
  if (!f->shows_progress) return;
  uv_timer_init(f->loop, &f->progress);
  f->progress.data = f;
  uv_timer_start(&f->progress, show_progress, PROGRESS_MS, PROGRESS_MS);
  uv_unref((uv_handle_t *)&f->progress);
}

static void end_progress(struct copy_file *f) {
  if (!f->shows_progress) return;
  fputs("\r\033[K", stderr);
  uv_close((uv_handle_t *)&f->progress, NULL);
}

/* ---- opening and closing ---- */

static int open_path(const struct copy_file *f) {
  int fd;
  if (is_standard(f)) return f->in ? STDIN_FILENO : STDOUT_FILENO;
  fd = f->in ? open(f->path, O_RDONLY | O_CLOEXEC) : open(f->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  return fd < 0 ? -errno : fd;
}

int copy_file_open(struct copy_file *f, const char *path, bool in, uv_loop_t *loop) {
  *f = (struct copy_file){.path = path, .in = in, .loop = loop};
  f->fd = open_path(f);
  if (f->fd < 0) return tell(f, "open", f->fd);
  f->cap[0] = f->cap[1] = COPY_FILE_BUFFER;
  f->buffer[0] = malloc(COPY_FILE_BUFFER);
  f->buffer[1] = malloc(COPY_FILE_BUFFER);
  if (f->buffer[0] && f->buffer[1]) return 0;
  free(f->buffer[0]);
  free(f->buffer[1]);
  if (!is_standard(f)) (void)close(f->fd);
  return tell(f, "have memory for", UV_ENOMEM);
}

/* ---- the file's side ---- */

static void turn(struct copy_file *f);

static void wake(struct copy_file *f) {
  if (!f->held) return;
  f->held = false;
  if (!f->in && !f->error) turn(f);
  dsql_resume(f->future);
}

static void on_read(uv_fs_t *request) {
  struct copy_file *f = request->data;
  ssize_t n = request->result;

  uv_fs_req_cleanup(request);
  f->busy = false;
  if (n < 0) f->error = (int)n;
  if (n <= 0) f->end = true;
  f->len[!f->current] = n > 0 ? (size_t)n : 0;
  wake(f);
}

static void read_more(struct copy_file *f) {
  uv_buf_t buf = uv_buf_init(f->buffer[!f->current], COPY_FILE_BUFFER);
  f->request.data = f;
  f->error = uv_fs_read(f->loop, &f->request, f->fd, &buf, 1, -1, on_read);
  f->busy = f->error == 0;
  if (f->error) f->end = true;
}

static void write_more(struct copy_file *f);

static void on_written(uv_fs_t *request) {
  struct copy_file *f = request->data;
  ssize_t n = request->result;

  uv_fs_req_cleanup(request);
  f->busy = false;
  if (n < 0) f->error = (int)n;
  if (n > 0) f->written += (size_t)n;
  if (!f->error && f->written < f->len[!f->current]) {
    write_more(f);
    return;
  }
  f->len[!f->current] = 0;
  wake(f);
}

/* What a file had is kept until there is something in its place. Pipes and devices can't be cut (EINVAL). */
static int empty_once(struct copy_file *f) {
  bool first = !f->emptied && !is_standard(f);

  f->emptied = true;
  return first && ftruncate(f->fd, 0) < 0 && errno != EINVAL ? -errno : 0;
}

static void write_more(struct copy_file *f) {
  size_t left = f->len[!f->current] - f->written;
  uv_buf_t buf = uv_buf_init(f->buffer[!f->current] + f->written, (unsigned)left);
  f->request.data = f;
  f->error = empty_once(f);
  if (!f->error) f->error = uv_fs_write(f->loop, &f->request, f->fd, &buf, 1, -1, on_written);
  f->busy = f->error == 0;
}

/* ---- the connection's side ---- */

static dsql_copy_next source(dsql_copy *copy, void *arg) {
  struct copy_file *f = arg;
  unsigned full;

  if (f->busy) {
    f->held = true;
    return DSQL_COPY_LATER;
  }
  if (f->error) return dsql_copy_fail(copy, 1);
  full = !f->current;
  if (f->len[full]) {
    (void)dsql_copy_write(copy, f->buffer[full], f->len[full]);
    f->bytes += f->len[full];
    f->len[full] = 0;
    if (!f->end) read_more(f);
    return DSQL_COPY_MORE;
  }
  if (f->end) return DSQL_COPY_END;
  read_more(f);
  f->held = f->busy;
  return f->busy ? DSQL_COPY_LATER : dsql_copy_fail(copy, 1);
}

/* The full buffer goes to the file. */
static void turn(struct copy_file *f) {
  f->current = !f->current;
  f->written = 0;
  write_more(f);
}

/* What the connection brings goes into one buffer, which grows for a message that is larger. */
static int put(struct copy_file *f, const void *p, size_t n) {
  unsigned c = f->current;
  char *more;

  if (f->len[c] + n > f->cap[c]) {
    more = realloc(f->buffer[c], f->len[c] + n);
    if (!more) return UV_ENOMEM;
    f->buffer[c] = more;
    f->cap[c] = f->len[c] + n;
  }
  if (n) memcpy(f->buffer[c] + f->len[c], p, n);
  f->len[c] += n;
  return 0;
}

static int sink(const void *data, size_t n, void *arg) {
  struct copy_file *f = arg;

  f->bytes += n;
  if (!f->error) f->error = put(f, data, n);
  if (f->error) return STOP;
  if (f->len[f->current] < COPY_FILE_BUFFER) return 0;
  if (!f->busy) {
    turn(f);
    return f->error ? STOP : 0;
  }
  f->held = true;
  return DSQL_ROW_PAUSE;
}

dsql_future *copy_file_start(struct copy_file *f, dsql_conn *c, const char *sql, const dsql_call *call) {
  begin_progress(f);
  f->future = f->in ? dsql_copy_in(c, sql, source, f, call) : dsql_copy_out(c, sql, sink, f, call);
  return f->future;
}

int copy_file_close(struct copy_file *f, bool went_well) {
  f->held = false;
  end_progress(f);
  /* Nobody can take a read back from a terminal or a pipe that stays silent: the process ends with it under way. */
  if (f->in && f->busy && is_standard(f)) return f->error;
  while (f->busy) uv_run(f->loop, UV_RUN_ONCE);
  if (!f->in && went_well && !f->error && f->len[f->current]) {
    turn(f);
    while (f->busy) uv_run(f->loop, UV_RUN_ONCE);
  }
  if (!f->in && went_well && !f->error) f->error = empty_once(f); /* there was nothing to write */
  if (!is_standard(f) && close(f->fd) < 0 && !f->error) f->error = -errno;
  free(f->buffer[0]);
  free(f->buffer[1]);
  if (!f->error || (f->error == UV_EPIPE && is_standard(f))) return f->error;
  return tell(f, f->in ? "read" : "write to", f->error);
}

bool copy_file_is_stuck(const struct copy_file *f) { return f->in && f->busy; }
