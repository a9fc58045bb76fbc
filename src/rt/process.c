/* process.c - a child process by libuv. Everything is one block, which lives until libuv has closed the three handles.
 * It ends when the child has exited and both pipes are at their end; when something went wrong the group is killed and
 * only the exit is waited for. Each wait has a limit: the timer is first the caller's, then GRACE_MS. */
#include "rt/process.h"

#include <assert.h>
#include <signal.h>
#include <uv.h>

enum { GRACE_MS = 1000, TIMEOUT_MS = 60 * 1000 };

struct process {
  uv_process_t child;
  uv_pipe_t out_pipe, err_pipe;
  unsigned handles; /* not closed yet */
  struct dsql_rt *rt;
  struct rt_closer closer;
  struct rt_task task; /* queued: all handles are closed */
  struct rt_timer timer;
  struct buf out, err;
  uint32_t timeout_ms;
  bool killed, exited, out_end, err_end;
  bool closing;  /* the handles are */
  bool canceled; /* done is not wanted, or running */
  int exit_status, signal;
  process_done *done;
  void *owner;
  struct fault f;
};

/* ---- the end ---- */

static void run_done(struct rt_task *t) {
  struct process *p = LIST_ENTRY(t, struct process, task);
  struct dsql_rt *rt = p->rt;
  struct process_result r = {.exit_status = p->exit_status,
                             .signal = p->signal,
                             .out = {p->out.len ? (const char *)p->out.data : "", p->out.len},
                             .err = {p->err.len ? (const char *)p->err.data : "", p->err.len}};

  if (!p->canceled) {
    p->canceled = true;
    p->done(p->owner, p->f.code ? NULL : &r, p->f.code ? &p->f : NULL);
  }
  buf_deinit(&p->out);
  buf_deinit(&p->err);
  rt_closer_remove(rt, &p->closer);
  mem_free(rt_alloc(rt), p);
}

static void on_handle_closed(uv_handle_t *h) {
  struct process *p = h->data;
  struct dsql_rt *rt = p->rt;
  rt_enter(rt);
  if (--p->handles == 0) rt_ready(rt, &p->task);
  rt_leave(rt);
}

static void close_handles(struct process *p) {
  if (p->closing) return;
  p->closing = true;
  rt_timer_stop(p->rt, &p->timer);
  uv_close((uv_handle_t *)&p->child, on_handle_closed);
  uv_close((uv_handle_t *)&p->out_pipe, on_handle_closed);
  uv_close((uv_handle_t *)&p->err_pipe, on_handle_closed);
}

static void start_grace(struct process *p) { rt_timer_start(p->rt, &p->timer, rt_now_ms(p->rt) + GRACE_MS); }

static void look(struct process *p) {
  if (!p->exited || p->closing) return;
  if (p->killed || (p->out_end && p->err_end)) close_handles(p);
}

/* After the exit the process group is left alone: its number may be somebody else's by now. */
static void kill_group(struct process *p) {
  if (p->killed || p->closing) return;
  p->killed = true;
  if (!p->exited) {
    (void)uv_kill(-p->child.pid, SIGKILL);
    start_grace(p);
  }
  look(p);
}

/* ---- what happens ---- */

static void on_exit(uv_process_t *child, int64_t exit_status, int term_signal) {
  struct process *p = child->data;
  struct dsql_rt *rt = p->rt;

  rt_enter(rt);
  p->exited = true;
  p->exit_status = (int)exit_status;
  p->signal = term_signal;
  if (!p->closing) start_grace(p);
  look(p);
  rt_leave(rt);
}

static void on_timer(struct rt_timer *t) {
  struct process *p = LIST_ENTRY(t, struct process, timer);
  if (p->exited || p->killed) {
    close_handles(p); /* somebody keeps the pipes, or the news of the exit does not come */
    return;
  }
  (void)fault_set(&p->f, DSQL_ETIMEDOUT, "the process did not end within %lu ms and was killed",
                  (unsigned long)p->timeout_ms);
  kill_group(p);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *to) {
  struct process *p = h->data;
  uint8_t *slab = rt_slab(p->rt, 0);
  (void)suggested;
  *to = uv_buf_init((char *)slab, slab ? RT_SLAB_SIZE : 0);
}

static void take_output(struct process *p, const char *bytes, size_t n) {
  buf_put(&p->out, bytes, n);
  if (buf_ok(&p->out)) return;
  if (p->out.error == DSQL_ETOOBIG)
    (void)fault_set(&p->f, DSQL_ETOOBIG, "the process printed more than %d bytes and was killed", PROCESS_OUTPUT_MAX);
  else
    (void)fault_set(&p->f, DSQL_ENOMEM, "no memory for what the process printed");
  kill_group(p);
}

/* Cut: the rest is read for nothing, so that the child is not held up. */
static void take_error(struct process *p, const char *bytes, size_t n) {
  size_t room = PROCESS_OUTPUT_MAX - p->err.len;
  if (buf_ok(&p->err)) buf_put(&p->err, bytes, n < room ? n : room);
}

static void on_read(uv_stream_t *pipe, ssize_t n, const uv_buf_t *from) {
  struct process *p = pipe->data;
  struct dsql_rt *rt = p->rt;
  bool is_out = pipe == (uv_stream_t *)&p->out_pipe;

  rt_enter(rt);
  if (n > 0 && is_out) take_output(p, from->base, (size_t)n);
  if (n > 0 && !is_out) take_error(p, from->base, (size_t)n);
  if (n > 0) mem_cleanse(from->base, (size_t)n);
  if (n < 0) {
    (void)uv_read_stop(pipe);
    *(is_out ? &p->out_end : &p->err_end) = true;
    if (n == UV_ENOBUFS) {
      (void)fault_set(&p->f, DSQL_ENOMEM, "no memory for what the process printed");
      kill_group(p);
    }
    look(p);
  }
  rt_leave(rt);
}

/* ---- start and cancel ---- */

static void on_close(struct rt_closer *c) {
  struct process *p = LIST_ENTRY(c, struct process, closer);
  (void)fault_set(&p->f, DSQL_ECANCELED, "the process was killed, because the runtime closes");
  kill_group(p);
}

static void init_handles(struct process *p) {
  (void)uv_pipe_init(rt_loop(p->rt), &p->out_pipe, 0);
  (void)uv_pipe_init(rt_loop(p->rt), &p->err_pipe, 0);
  p->child.data = p->out_pipe.data = p->err_pipe.data = p;
  p->handles = 3;
}

/* Detached: a session, and so a process group, of its own. The command is only read. */
static int spawn(struct process *p, const char *command) {
  char shell[] = "sh", option[] = "-c";
  char *args[] = {shell, option, (char *)(uintptr_t)command, NULL};
  uv_stdio_container_t stdio[3] = {
      {.flags = UV_IGNORE}, /* libuv opens /dev/null */
      {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&p->out_pipe},
      {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&p->err_pipe},
  };
  uv_process_options_t o = {.file = "/bin/sh",
                            .args = args,
                            .flags = UV_PROCESS_DETACHED,
                            .stdio = stdio,
                            .stdio_count = 3,
                            .exit_cb = on_exit};
  int rc = uv_spawn(rt_loop(p->rt), &p->child, &o);
  if (rc) return rc;
  (void)uv_read_start((uv_stream_t *)&p->out_pipe, on_alloc, on_read);
  (void)uv_read_start((uv_stream_t *)&p->err_pipe, on_alloc, on_read);
  return 0;
}

static struct process *new_process(struct dsql_rt *rt, uint32_t timeout_ms) {
  struct process *p = mem_zalloc(rt_alloc(rt), sizeof *p);
  if (!p) return NULL;
  p->rt = rt;
  p->timeout_ms = timeout_ms ? timeout_ms : TIMEOUT_MS;
  p->closer.close = on_close;
  p->timer.fire = on_timer;
  p->task.run = run_done;
  list_init(&p->task.node);
  buf_init(&p->out, rt_alloc(rt), PROCESS_OUTPUT_MAX);
  buf_init(&p->err, rt_alloc(rt), PROCESS_OUTPUT_MAX);
  p->out.secret = p->err.secret = true;
  return p;
}

int process_start(struct process **out, struct dsql_rt *rt, const char *command, uint32_t timeout_ms,
                  process_done *done, void *owner, struct fault *f) {
  struct process *p;
  int rc;

  assert(command && done);
  *out = NULL;
  if (rt_closing(rt)) return fault_set(f, DSQL_ECANCELED, "the runtime is closing");
  p = new_process(rt, timeout_ms);
  if (!p) return fault_set(f, DSQL_ENOMEM, "out of memory");
  p->done = done;
  p->owner = owner;
  init_handles(p);
  rt_closer_add(rt, &p->closer);
  rc = spawn(p, command);
  if (rc) {
    p->canceled = true;
    if (uv_is_active((uv_handle_t *)&p->child))
      kill_group(p); /* it runs, but libuv could not set up a pipe to it */
    else
      close_handles(p);
    if (rc == UV_ENOMEM) return fault_set(f, DSQL_ENOMEM, "out of memory");
    f->os_error = f->code ? f->os_error : -rc;
    return fault_set(f, DSQL_EIO, "/bin/sh can't be run: %s", uv_strerror(rc));
  }
  rt_timer_start(rt, &p->timer, rt_now_ms(rt) + p->timeout_ms);
  *out = p;
  return 0;
}

void process_cancel(struct process *p) {
  if (!p || p->canceled) return;
  p->canceled = true;
  kill_group(p);
}
