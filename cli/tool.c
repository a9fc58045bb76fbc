#include "tool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "diagnostics.h"
#include "query.h"

int tool_usage(const char *command, const char *message, const char *value) {
  if (value)
    diagnostics_say("%s: %s, not \"%s\"", command, message, value);
  else
    diagnostics_say("%s: %s", command, message);
  fprintf(stderr, "Try 'dsql %s --help'.\n", command);
  return EXIT_USAGE;
}

int tool_failed(int code, const dsql_error *error) {
  if (error)
    diagnostics_error(error, NULL);
  else
    diagnostics_say("%s", dsql_strerror(code));
  return EXIT_FAILED;
}

bool tool_parse_number(const char *s, uint64_t min, uint64_t max, uint64_t *out) {
  uint64_t n = 0;

  if (!*s) return false;
  for (; *s; s++) {
    if (*s < '0' || *s > '9') return false;
    n = n * 10 + (uint64_t)(*s - '0');
    if (n > max) return false;
  }
  *out = n;
  return n >= min;
}

bool tool_parse_seconds(const char *s, uint32_t *out_ms) {
  uint64_t ms = 0;
  unsigned decimals = 0;
  bool point = false;

  if (*s < '0' || *s > '9') return false;
  for (; *s; s++) {
    if (*s == '.' && !point) {
      point = true;
      continue;
    }
    if (*s < '0' || *s > '9' || decimals == 3) return false;
    ms = ms * 10 + (uint64_t)(*s - '0');
    decimals += point;
    if (ms > UINT32_MAX) return false;
  }
  for (; decimals < 3; decimals++) ms *= 10;
  if (ms == 0 || ms > UINT32_MAX) return false;
  *out_ms = (uint32_t)ms;
  return true;
}

static int run(dsql_rt *rt, const dsql_config *config, tool_target_fn use, void *arg) {
  const dsql_error *error = NULL;
  const char *notice;
  dsql_target *target;
  int code = dsql_target_new(&target, rt, config, &error), exit_code;

  if (code) return tool_failed(code, error);
  for (size_t i = 0; (notice = dsql_target_notice(target, i)) != NULL; i++) diagnostics_say("%s", notice);
  exit_code = use(target, arg);
  dsql_target_free(target);
  return exit_code;
}

int tool_with_target(const dsql_config *config, tool_target_fn use, void *arg) {
  uv_loop_t loop;
  dsql_rt *rt;
  int code, exit_code = EXIT_FAILED;

  (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is seen as EPIPE */
  if ((code = uv_loop_init(&loop)) != 0) {
    diagnostics_say("%s", uv_strerror(code));
    return EXIT_FAILED;
  }
  if ((code = dsql_rt_new(&rt, &loop, NULL)) != 0) {
    diagnostics_say("%s", dsql_strerror(code));
  } else {
    exit_code = run(rt, config, use, arg);
    dsql_rt_close(rt, NULL, NULL);
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  return exit_code;
}

int tool_finish_output(struct out *o) {
  out_flush(o);
  if (o->os_error == 0 || o->os_error == EPIPE) return EXIT_OK;
  diagnostics_say("cannot write to standard output: %s", strerror(o->os_error));
  return EXIT_FAILED;
}
