/* Child processes: output, ends, limits. Every command is one for /bin/sh. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rt/process.h"
#include "rt_fixture.h"
#include "spy_alloc.h"

static struct fixture x;

struct ran {
  struct process *p;
  unsigned done;
  bool ok;
  int exit_status, signal;
  size_t out_len, err_len;
  char out[PROCESS_OUTPUT_MAX + 1], err[PROCESS_OUTPUT_MAX + 1];
  struct fault f;
  void (*then)(struct ran *r);
};

static struct ran r;

static void on_done(void *owner, const struct process_result *result, const struct fault *f) {
  struct ran *to = owner;
  to->done++;
  cr_assert((result == NULL) != (f == NULL));
  if (result) {
    to->ok = true;
    to->exit_status = result->exit_status;
    to->signal = result->signal;
    to->out_len = result->out.len;
    to->err_len = result->err.len;
    cr_assert(result->out.len <= PROCESS_OUTPUT_MAX && result->err.len <= PROCESS_OUTPUT_MAX);
    memcpy(to->out, result->out.ptr, result->out.len);
    memcpy(to->err, result->err.ptr, result->err.len);
  } else {
    to->f = *f;
  }
  if (to->then) to->then(to);
  to->p = NULL;
}

static void start(struct ran *to, const char *command, uint32_t timeout_ms) {
  struct fault f = {0};
  cr_assert_eq(process_start(&to->p, x.rt, command, timeout_ms, on_done, to, &f), 0, "%s", f.text);
  cr_assert_eq(to->done, 0);
}

static void run(const char *command, uint32_t timeout_ms) {
  memset(&r, 0, sizeof r);
  start(&r, command, timeout_ms);
  uv_run(&x.loop, UV_RUN_DEFAULT);
  cr_assert_eq(r.done, 1, "%s", command);
}

static void open_fixture(void) { fixture_open(&x); }
/* No child is left, not even as a zombie. */
static void close_fixture(void) {
  fixture_close(&x);
  cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1, "a child was not waited for");
  cr_expect_eq(errno, ECHILD);
}

TestSuite(process, .init = open_fixture, .fini = close_fixture, .timeout = 60);

Test(process, output_and_ends) {
  static const struct {
    const char *command, *out, *err;
    int exit_status, signal;
  } cases[] = {
      {"echo hello", "hello\n", "", 0, 0},
      {"echo oops >&2; exit 3", "", "oops\n", 3, 0},
      {"printf a; printf b >&2; printf c; exit 255", "ac", "b", 255, 0},
      {"true", "", "", 0, 0},
      {"kill -TERM $$", "", "", 0, SIGTERM},
      {"kill -KILL $$", "", "", 0, SIGKILL},
      {"cat", "", "", 0, 0}, /* standard input is empty */
      {"exec >&- 2>&-; sleep 0.1; exit 4", "", "", 4, 0},
      {"printf \"$PROCESS_TEST\"", "inherited", "", 0, 0},
      {"test \"$(ps -o pgid= -p $$ | tr -d ' ')\" = $$", "", "", 0, 0}, /* a group of its own */
      {"trap '' PIPE; printf x", "x", "", 0, 0},
  };
  setenv("PROCESS_TEST", "inherited", 1);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    run(cases[i].command, 0);
    cr_assert(r.ok, "%s: %s", cases[i].command, r.f.text);
    cr_expect_str_eq(r.out, cases[i].out, "%s", cases[i].command);
    cr_expect_str_eq(r.err, cases[i].err, "%s", cases[i].command);
    cr_expect_eq(r.exit_status, cases[i].exit_status, "%s: %d", cases[i].command, r.exit_status);
    cr_expect_eq(r.signal, cases[i].signal, "%s: %d", cases[i].command, r.signal);
  }
}

Test(process, command_that_does_not_exist) {
  run("/nowhere/at/all --token SECRET", 0);
  cr_expect(r.ok);
  cr_expect_eq(r.exit_status, 127);
  cr_expect_not_null(strstr(r.err, "/nowhere/at/all"));
}

/* What the library has open is not the child's. */
Test(process, inherits_no_descriptors) {
  int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  run("ls /proc/self/fd | wc -l", 0);
  cr_expect_leq(strtol(r.out, NULL, 10), 4 + 3, "%s", r.out); /* 0 to 2, ls's directory; Criterion's own */
  close(fd);
}

static bool alive(const char *pid_text) {
  pid_t pid = (pid_t)strtol(pid_text, NULL, 10);
  return pid > 0 && kill(pid, 0) == 0;
}

/* A grandchild has no parent to reap it but init, so it may be a zombie for a moment: /proc tells. */
static bool runs(const char *pid_text) {
  char path[64], line[256] = "";
  FILE *f;
  if (!alive(pid_text)) return false;
  (void)snprintf(path, sizeof path, "/proc/%ld/stat", strtol(pid_text, NULL, 10));
  f = fopen(path, "r");
  if (!f) return false;
  if (!fgets(line, sizeof line, f)) line[0] = '\0';
  fclose(f);
  return strstr(line, ") Z") == NULL && line[0];
}

static void expect_killed(const char *file) {
  char pid[32] = "";
  FILE *f = fopen(file, "r");
  cr_assert_not_null(f);
  cr_assert_not_null(fgets(pid, sizeof pid, f));
  fclose(f);
  for (int i = 0; i < 200 && runs(pid); i++) uv_sleep(10);
  cr_expect_not(runs(pid), "process %s was not killed", pid);
  unlink(file);
}

static const char *pid_file(void) {
  static char path[64];
  (void)snprintf(path, sizeof path, "/tmp/dsql-process-%ld", (long)getpid());
  return path;
}

/* A child and its child, both deaf to everything but SIGKILL; the second one's number is in the file. */
static const char *stubborn(void) {
  static char command[300];
  (void)snprintf(command, sizeof command,
                 "trap '' TERM INT HUP; (trap '' TERM; sleep 100) & echo $! > %s; echo started; wait; wait",
                 pid_file());
  return command;
}

static void await_stubborn(void) {
  struct stat st = {0};
  while (stat(pid_file(), &st) != 0 || st.st_size == 0) uv_run(&x.loop, UV_RUN_NOWAIT);
}

Test(process, time_limit_kills_the_group) {
  uint64_t before = uv_hrtime();
  run(stubborn(), 300);
  cr_expect_eq(r.f.code, DSQL_ETIMEDOUT, "%s", r.f.text);
  cr_expect_not_null(strstr(r.f.text, "300 ms"));
  cr_expect_lt((uv_hrtime() - before) / 1000000, 900, "the kill's grace was waited for");
  expect_killed(pid_file());
}

Test(process, output_limit) {
  run("head -c 65536 /dev/zero | tr '\\0' a", 0);
  cr_expect(r.ok);
  cr_expect_eq(r.out_len, PROCESS_OUTPUT_MAX);
  run("head -c 65537 /dev/zero | tr '\\0' a", 0);
  cr_expect_eq(r.f.code, DSQL_ETOOBIG, "%s", r.f.text);
  run("yes SECRET", 0);
  cr_expect_eq(r.f.code, DSQL_ETOOBIG, "%s", r.f.text);
  cr_expect_null(strstr(r.f.text, "SECRET"));
}

Test(process, error_output_is_cut) {
  run("head -c 1000000 /dev/zero | tr '\\0' e >&2; echo fine", 0);
  cr_expect(r.ok);
  cr_expect_eq(r.err_len, PROCESS_OUTPUT_MAX);
  cr_expect_str_eq(r.out, "fine\n");
}

Test(process, orphan_that_keeps_the_pipe_does_not_hang_it) {
  uint64_t before = uv_hrtime();
  run("sleep 5 & echo done", 0);
  cr_expect(r.ok, "%s", r.f.text);
  cr_expect_str_eq(r.out, "done\n");
  cr_expect_lt((uv_hrtime() - before) / 1000000, 3000);
}

Test(process, cancel_at_every_stage) {
  process_cancel(NULL);
  start(&r, "sleep 100", 0); /* at once */
  process_cancel(r.p);
  uv_run(&x.loop, UV_RUN_DEFAULT);
  start(&r, stubborn(), 0); /* running */
  await_stubborn();
  process_cancel(r.p);
  uv_run(&x.loop, UV_RUN_DEFAULT);
  expect_killed(pid_file());
  start(&r, "true", 0); /* exited, but the loop has not seen it */
  uv_sleep(100);
  process_cancel(r.p);
  uv_run(&x.loop, UV_RUN_DEFAULT);
  start(&r, "sleep 3 &", 0); /* in the grace of its pipes */
  for (int i = 0; i < 20; i++) {
    uv_run(&x.loop, UV_RUN_NOWAIT);
    uv_sleep(10);
  }
  process_cancel(r.p);
  uv_run(&x.loop, UV_RUN_DEFAULT);
  cr_expect_eq(r.done, 0);
}

Test(process, close_of_the_runtime) {
  start(&r, stubborn(), 0);
  await_stubborn();
  fixture_close(&x);
  cr_expect_eq(r.done, 1);
  cr_expect_eq(r.f.code, DSQL_ECANCELED, "%s", r.f.text);
  expect_killed(pid_file());
  fixture_open(&x);
}

static void start_while_closing(struct ran *from) {
  struct fault f = {0};
  struct process *p;
  process_cancel(from->p); /* allowed, does nothing */
  cr_expect_eq(process_start(&p, x.rt, "true", 0, on_done, from, &f), DSQL_ECANCELED);
}

Test(process, nothing_starts_while_closing) {
  r.then = start_while_closing;
  start(&r, "sleep 100", 0);
  fixture_close(&x);
  cr_expect_eq(r.done, 1);
  fixture_open(&x);
}

Test(process, many_at_once) {
  enum { MANY = 30 };
  static struct ran many[MANY];
  for (size_t i = 0; i < MANY; i++) {
    char command[64];
    (void)snprintf(command, sizeof command, "sleep 0.0%zu; echo %zu; exit %zu", i % 10, i, i);
    start(&many[i], command, 0);
  }
  uv_run(&x.loop, UV_RUN_DEFAULT);
  for (size_t i = 0; i < MANY; i++) {
    cr_expect_eq(many[i].exit_status, (int)i);
    cr_expect_eq(strtol(many[i].out, NULL, 10), (long)i);
  }
}

Test(process_memory, every_allocation_fails_in_turn, .timeout = 60) {
  size_t at = 0, failed = 0;
  bool fired = true;
  for (; fired; at++) {
    struct fault f = {0};
    int code;
    fixture_open(&x);
    memset(&r, 0, sizeof r);
    test_alloc_arm(&x.heap, at + 1, false);
    code = process_start(&r.p, x.rt, "echo out; sleep 0.05", 0, on_done, &r, &f);
    if (code == 0) uv_run(&x.loop, UV_RUN_DEFAULT);
    if (r.done) code = r.f.code;
    fired = test_alloc_fired(&x.heap);
    cr_expect_eq(code, fired ? DSQL_ENOMEM : 0, "allocation %zu: %d %s", at, code, r.f.text);
    failed += fired;
    test_alloc_arm(&x.heap, 0, false);
    close_fixture();
  }
  cr_expect_geq(failed, 3); /* the process, the slab, the output */
}

/* No descriptors left for the pipes. */
Test(process, start_that_fails) {
  int fds[4096], n = 0;
  struct fault f = {0};
  struct process *p;
  struct rlimit limit = {64, 64};
  cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
  while (n < 4096 && (fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) n++;
  cr_expect_eq(process_start(&p, x.rt, "echo SECRET", 0, on_done, &r, &f), DSQL_EIO);
  cr_expect_null(p);
  cr_expect_not_null(strstr(f.text, "/bin/sh can't be run"), "%s", f.text);
  cr_expect_null(strstr(f.text, "SECRET"));
  while (n) close(fds[--n]);
  uv_run(&x.loop, UV_RUN_DEFAULT);
  cr_expect_eq(r.done, 0);
}

/* The slab that the pipes are read into is looked at as well, when the runtime closes. */
Test(process, no_secret_is_left_in_memory) {
  struct spy_alloc spy;
  dsql_rt *first = x.rt;
  spy_alloc_init(&spy, &x.heap);
  cr_assert_eq(dsql_rt_new(&x.rt, &x.loop, &spy.hook), 0);
  run("yes SECRET | head -n 5000; yes SECRET | head -n 5000 >&2", 0);
  cr_expect_eq(r.out_len, 35000, "%s", r.f.text);
  cr_expect_eq(r.err_len, 35000);
  run("yes SECRET", 0);
  cr_expect_eq(r.f.code, DSQL_ETOOBIG);
  dsql_rt_close(x.rt, NULL, NULL);
  uv_run(&x.loop, UV_RUN_DEFAULT);
  x.rt = first;
  cr_expect_eq(spy.found, 0);
  cr_expect_gt(spy.looked, 3);
}
