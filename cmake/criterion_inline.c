/* Runs Criterion's tests without Criterion's sandbox, whose shared memory lies where ThreadSanitizer allows none:
 * each test in a forked child, one after the other. Linked into the tests of the tsan preset, where these definitions
 * take precedence over the library's. */
#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <criterion/parameterized.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern struct criterion_test *__start_cr_tst[], *__stop_cr_tst[];
extern struct criterion_suite *__start_cr_sts[] __attribute__((weak)), *__stop_cr_sts[] __attribute__((weak));

enum { EXIT_FAILED_ASSERT = 66 };

static const struct criterion_test *current;
static const struct criterion_suite *current_suite;
static void *parameter;
static bool any_failed;

static _Noreturn void leave(int status) {
  fflush(NULL);
  exit(status);
}

void criterion_internal_test_setup(void) {
  if (current_suite && current_suite->data->init) current_suite->data->init();
  if (current->data->init) current->data->init();
}

void criterion_internal_test_main(void (*fn)(void)) {
  if (current->data->kind_ == CR_TEST_PARAMETERIZED) {
    ((void (*)(void *))fn)(parameter);
  } else {
    fn();
  }
}

void criterion_internal_test_teardown(void) {
  if (current->data->fini) current->data->fini();
  if (current_suite && current_suite->data->fini) current_suite->data->fini();
}

void criterion_send_assert(struct criterion_assert_stats *stats) {
  if (stats->passed) return;
  fprintf(stderr, "%s:%u: assertion failed: %s\n", stats->file, stats->line, stats->message);
}

void cri_asserts_passed_incr(void) {}
void criterion_continue_test(void) { any_failed = true; }
void criterion_abort_test(void) { leave(EXIT_FAILED_ASSERT); }

void cr_log(enum criterion_severity level, const char *msg, ...) {
  va_list args;

  (void)level;
  va_start(args, msg);
  vprintf(msg, args);
  va_end(args);
}

void criterion_test_die(const char *msg, ...) {
  va_list args;

  va_start(args, msg);
  vfprintf(stderr, msg, args);
  va_end(args);
  leave(EXIT_FAILED_ASSERT);
}

void criterion_skip_test(const char *format, ...) {
  va_list args;

  va_start(args, format);
  printf("skipped: ");
  vprintf(format, args);
  printf("\n");
  va_end(args);
  leave(0);
}

static const struct criterion_suite *find_suite(const char *name) {
  if (!__start_cr_sts) return NULL;
  for (struct criterion_suite **s = __start_cr_sts; s < __stop_cr_sts; s++) {
    if (*s && strcmp((*s)->name, name) == 0) return *s;
  }
  return NULL;
}

static double setting(double own, double of_suite) { return own != 0 ? own : of_suite; }

/* True when the child ended as the test says it should. */
static bool run_one(void *param) {
  const struct criterion_test_extra_data *suite = current_suite ? current_suite->data : NULL;
  int want_signal = (int)setting(current->data->signal, suite ? suite->signal : 0);
  int want_exit = (int)setting(current->data->exit_code, suite ? suite->exit_code : 0);
  int status;
  pid_t pid;

  fflush(NULL);
  pid = fork();
  if (pid < 0) return false;
  if (pid == 0) {
    alarm((unsigned)setting(current->data->timeout, suite ? suite->timeout : 0) * 10);
    parameter = param;
    current->test();
    leave(any_failed ? EXIT_FAILED_ASSERT : 0);
  }
  if (waitpid(pid, &status, 0) != pid) return false;
  if (want_signal) return WIFSIGNALED(status) && WTERMSIG(status) == want_signal;
  return WIFEXITED(status) && WEXITSTATUS(status) == want_exit;
}

static bool run_test(void) {
  struct criterion_test_params params;
  bool ok = true;

  current_suite = find_suite(current->category);
  if (current->data->disabled) return true;
  if (current->data->kind_ != CR_TEST_PARAMETERIZED) return run_one(NULL);
  params = current->data->param_();
  for (size_t i = 0; i < params.length; i++) ok &= run_one((char *)params.params + i * params.size);
  if (params.cleanup) params.cleanup(&params);
  return ok;
}

int main(void) {
  int tested = 0, failing = 0;

  for (struct criterion_test **t = __start_cr_tst; t < __stop_cr_tst; t++) {
    if (!*t) continue;
    current = *t;
    tested++;
    if (run_test()) continue;
    failing++;
    printf("[FAIL] %s::%s\n", current->category, current->name);
  }
  printf("[====] Synthesis: Tested: %d | Passing: %d | Failing: %d\n", tested, tested - failing, failing);
  return failing || !tested;
}
