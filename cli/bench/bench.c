/* bench.c - `dsql bench`: sets up, runs the work, prints the report. */
#include "bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diagnostics.h"
#include "interrupt.h"
#include "query.h"
#include "tool.h"

/* The first one ends the run; the handler goes, so that a second one ends the process as ever. */
static void on_sigint(uv_signal_t *h, int number) {
  struct bench *b = h->data;

  (void)number;
  b->interrupted = b->report.interrupted = true;
  uv_signal_stop(h);
  if (b->waited) dsql_future_cancel(b->waited);
  if (b->running) runner_stop(&b->runner);
}

/* ---- output ---- */

/* Opened before the run, so that a wrong path is told at once, and emptied after it. */
static int open_html(const char *path, int *fd) {
  *fd = -1;
  if (!path) return EXIT_OK;
  *fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (*fd >= 0) return EXIT_OK;
  diagnostics_say("cannot write to \"%s\": %s", path, strerror(errno));
  return EXIT_FAILED;
}

static int write_html(const struct report *r, const char *path, int fd) {
  static struct out o; /* one per process; its buffer is no thing for the stack */
  int error = ftruncate(fd, 0) && errno != EINVAL ? errno : 0; /* a pipe cannot be cut, and need not be */

  out_init(&o, fd);
  if (!error) report_html(&o, r);
  out_flush(&o);
  if (!error) error = o.os_error;
  if (close(fd) && !error) error = errno;
  if (!error) return EXIT_OK;
  diagnostics_say("cannot write to \"%s\": %s", path, strerror(error));
  return EXIT_FAILED;
}

static int print_report(struct bench *b) {
  static struct out o;

  out_init(&o, STDOUT_FILENO);
  (b->args->json ? report_json : report_table)(&o, &b->report);
  return tool_finish_output(&o);
}

/* ---- the run ---- */

static bool measured(const struct report *r) {
  for (size_t i = 0; i < r->variants_n; i++)
    if (r->variants[i].total.count || r->variants[i].failures.total) return true;
  return false;
}

static int run_work(struct bench *b) {
  switch (b->args->work) {
    case WORK_CONNECT: return bench_connect(b);
    case WORK_QUERY: return bench_query(b);
    case WORK_TXN: return bench_txn(b);
  }
  return EXIT_USAGE;
}

static int run(struct bench *b) {
  int html, code = open_html(b->args->html, &html), printed;

  if (code) return code;
  code = run_work(b);
  if (b->interrupted) report_note(&b->report, "Ended by Ctrl-C.");
  printed = measured(&b->report) ? print_report(b) : EXIT_OK;
  if (html >= 0) {
    int written = measured(&b->report) ? write_html(&b->report, b->args->html, html) : close(html);
    if (!printed) printed = written;
  }
  if (code == EXIT_OK && report_done(&b->report) == 0) code = EXIT_FAILED;
  report_deinit(&b->report);
  if (b->interrupted) return EXIT_INTERRUPTED;
  return code ? code : printed;
}

static int run_on_loop(struct bench *b) {
  int code = dsql_rt_new(&b->rt, &b->loop, NULL), exit_code;

  if (code) return tool_failed(code, NULL);
  uv_signal_init(&b->loop, &b->sigint);
  b->sigint.data = b;
  uv_signal_start(&b->sigint, on_sigint, SIGINT);
  uv_unref((uv_handle_t *)&b->sigint);
  exit_code = run(b);
  uv_close((uv_handle_t *)&b->sigint, NULL);
  dsql_rt_close(b->rt, NULL, NULL);
  uv_run(&b->loop, UV_RUN_DEFAULT);
  return exit_code;
}

static bool on_a_terminal(void) {
  const char *term = getenv("TERM");
  return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

int bench_main(int argc, char **argv) {
  static struct bench b; /* one per process */
  struct bench_args args;
  int code = bench_args_parse(&args, argc, argv), status;

  if (code) return code;
  if (args.help) {
    bench_help();
    return EXIT_OK;
  }
  b.args = &args;
  b.progress = on_a_terminal();
  (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is seen as EPIPE */
  if ((status = uv_loop_init(&b.loop)) != 0) {
    diagnostics_say("%s", uv_strerror(status));
    return EXIT_FAILED;
  }
  code = run_on_loop(&b);
  uv_loop_close(&b.loop);
  return code;
}
