#include "query.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include <dsql/portal.h>

#include "copy_file.h"
#include "diagnostics.h"
#include "interrupt.h"
#include "script.h"

enum { STOP_OUTPUT = 2 }; /* the row callback's code: nobody reads standard output any more */

struct query {
  const struct query_args *args;
  uv_loop_t loop;
  uv_prepare_t before_wait;
  dsql_rt *rt;
  dsql_conn *conn;
  struct interrupt interrupt;
  struct out out;
  struct copy_file file;
  struct table table;
  dsql_portal *portal; /* of a table */
  int row_code;        /* of the first value that could not be read */
  bool head_done;
};

/* Rows that trickle in are seen at once; a flood is written in large blocks. */
static void flush_before_wait(uv_prepare_t *handle) {
  struct query *q = handle->data;
  out_flush(&q->out);
}

static void on_notice(dsql_conn *c, const dsql_error *notice, void *arg) {
  (void)c;
  (void)arg;
  diagnostics_notice(notice);
}

static int print_head(struct query *q, const dsql_result *r) {
  if (q->head_done) return 0;
  q->head_done = true;
  return q->args->format->head ? q->args->format->head(&q->out, r) : 0;
}

static int on_row(const dsql_result *row, void *arg) {
  struct query *q = arg;

  q->row_code = print_head(q, row);
  if (!q->row_code) q->row_code = q->args->format->row(&q->out, row, 0);
  return q->row_code || q->out.os_error ? STOP_OUTPUT : 0;
}

static bool wants_color(void) {
  const char *term = getenv("TERM");
  return isatty(STDOUT_FILENO) && !getenv("NO_COLOR") && term && strcmp(term, "dumb") != 0;
}

/* The last portion of a table; of the other formats the rows are out already. */
static void print_result(struct query *q, const dsql_result *r) {
  if (q->args->format->portion) {
    q->row_code = q->args->format->portion(&q->out, &q->table, r);
    if (!q->row_code) table_foot(&q->out, &q->table, r);
  } else if (dsql_result_cols(r) > 0) {
    q->row_code = print_head(q, r);
  }
  out_flush(&q->out);
}

/* Of a script's statements, each of which has all its rows. */
static void print_results(struct query *q, const dsql_result *r) {
  const struct format *format = q->args->format;

  for (; r && !q->row_code && !q->out.os_error; r = dsql_result_next(r)) {
    table_deinit(&q->table);
    q->head_done = false;
    if (format->row && dsql_result_cols(r) > 0) q->row_code = print_head(q, r);
    for (size_t row = 0; format->row && !q->row_code && row < dsql_result_rows(r); row++)
      q->row_code = format->row(&q->out, r, row);
    if (!q->row_code) print_result(q, r);
  }
}

static int32_t fetch_rows(const struct query *q) {
  return q->args->fetch_rows ? (int32_t)q->args->fetch_rows : FETCH_ROWS;
}

static dsql_future *start(struct query *q) {
  const struct query_args *a = q->args;
  dsql_params params = {a->params, a->params_n};
  dsql_call call;

  dsql_call_init(&call);
  call.timeout_ms = a->timeout_ms;
  call.text_results = true;
  if (a->file) return dsql_exec(q->conn, a->sql, &call);
  if (q->portal) return dsql_portal_fetch(q->portal, fetch_rows(q), &call);
  if (a->copy) return copy_file_start(&q->file, q->conn, a->sql, &call);
  if (a->format->row) return dsql_query_each(q->conn, a->sql, params, on_row, q, &call);
  return dsql_query_fetch(q->conn, a->sql, params, fetch_rows(q), &call, &q->portal);
}

/* Tells what went wrong with the output, if anything did, and returns the exit code. */
static int finish_output(const struct query *q) {
  if (q->out.os_error && q->out.os_error != EPIPE) {
    diagnostics_say("cannot write to standard output: %s", strerror(q->out.os_error));
    return EXIT_FAILED;
  }
  if (q->row_code) {
    diagnostics_say("a value could not be shown: %s (%s)", dsql_strerror(q->row_code), dsql_error_name(q->row_code));
    return EXIT_FAILED;
  }
  return EXIT_OK;
}

static bool mentions(const dsql_error *e, const char *words) {
  return memmem(e->message.ptr, e->message.len, words, strlen(words)) != NULL;
}

/* The library names its functions, the server its protocol: what that means for who has typed a command. */
static void tell_remedy(const struct query *q, const dsql_error *e) {
  if (e->code == DSQL_ETLS)
    diagnostics_say(
        "TARGET's sslmode says what TLS must prove: verify-full (the default), verify-ca, require (encrypted, "
        "but by anyone), disable (no TLS)");
  if (e->code == DSQL_ETOOBIG && q->args->file)
    diagnostics_say(
        "a script's results are in memory until all have succeeded; -c prints one statement's as they come");
  else if (e->code == DSQL_ETOOBIG && !q->args->format->row)
    diagnostics_say("--fetch-rows N reads fewer rows at a time than %d", (int)fetch_rows(q));
  if (e->flags & DSQL_CLIENT_SIDE && mentions(e, "dsql_copy_"))
    diagnostics_say("COPY ... FROM STDIN goes with --copy-from FILE, COPY ... TO STDOUT with --copy-to FILE");
  if (strcmp(e->sqlstate, "42601") == 0 && mentions(e, "multiple commands"))
    diagnostics_say("-c takes one statement, -f FILE a script");
  if (strcmp(e->sqlstate, "08P01") == 0 && mentions(e, "bind message"))
    diagnostics_say("each of $1, $2, ... takes one -p VALUE; %zu given", q->args->params_n);
}

static void tell_failure(const struct query *q, int code, const dsql_error *e) {
  if (!e) { /* a future that could not be made has no error */
    diagnostics_say("%s", dsql_strerror(code));
    return;
  }
  diagnostics_error(e, q->args->sql);
  tell_remedy(q, e);
}

static int wait_for(struct query *q, dsql_future *f) {
  int code;

  q->interrupt.future = f;
  code = dsql_future_run(f);
  q->interrupt.future = NULL;
  out_flush(&q->out);
  return code;
}

/* A statement that was given up still runs on the server until the CancelRequest has arrived: what is queued behind it
 * is sent when that is over. Bounded by the connection's drain timeout. */
static void wait_for_cancel(struct query *q) {
  dsql_future *f;
  int ignored;

  if (dsql_conn_status(q->conn) != DSQL_CONN_DRAINING) return;
  f = dsql_query(q->conn, "", DSQL_NO_PARAMS, NULL);
  ignored = dsql_future_run(f);
  (void)ignored;
  dsql_future_destroy(f);
}

/* The file's own failure, told: 0, or the exit code. A reader that went away is none, as for rows. */
static int close_file(struct query *q, bool went_well) {
  int error = q->args->copy ? copy_file_close(&q->file, went_well) : 0;
  return error && error != UV_EPIPE ? EXIT_FAILED : 0;
}

/* The tag of a COPY to standard output would be taken for data. */
static bool is_shown(const struct query *q) {
  return !q->args->copy || q->args->copy_in || strcmp(q->args->copy, "-") != 0;
}

/* Prints all portions of a table but the last one, which it returns; of anything else that is the whole. */
static dsql_future *run(struct query *q, int *code) {
  dsql_future *f = start(q);
  const dsql_result *portion;

  while ((*code = wait_for(q, f)) == 0 && q->portal && !dsql_portal_done(q->portal) && !q->interrupt.came) {
    if (dsql_future_result(f, &portion) == 0) q->row_code = q->args->format->portion(&q->out, &q->table, portion);
    if (q->row_code || q->out.os_error) break;
    dsql_future_destroy(f);
    f = start(q);
  }
  return f;
}

static int run_statement(struct query *q) {
  int code, exit_code, file, status = interrupt_arm(&q->interrupt, &q->loop);
  const dsql_result *result;
  dsql_future *f;

  if (status) diagnostics_say("Ctrl-C will not cancel: %s", uv_strerror(status));
  f = run(q, &code);
  if (!status) interrupt_disarm(&q->interrupt);
  file = close_file(q, code == 0);
  if (code == 0 && !file && dsql_portal_done(q->portal) && (code = dsql_future_result(f, &result)) == 0 &&
      is_shown(q)) {
    if (q->args->file)
      print_results(q, result);
    else
      print_result(q, result);
  }
  if (q->interrupt.came) {
    exit_code = EXIT_INTERRUPTED;
    if (code) tell_failure(q, code, dsql_future_error(f));
  } else if (code && code != DSQL_EABORT) {
    exit_code = EXIT_FAILED;
    tell_failure(q, code, dsql_future_error(f));
  } else {
    exit_code = file ? file : finish_output(q);
  }
  dsql_future_destroy(f);
  dsql_portal_close(q->portal);
  table_deinit(&q->table);
  wait_for_cancel(q);
  return exit_code;
}

static int run_on_target(struct query *q, const dsql_target *target) {
  int code, exit_code;

  code = dsql_conn_open(&q->conn, q->rt, target);
  if (code) {
    diagnostics_say("%s", dsql_strerror(code));
    return EXIT_FAILED;
  }
  dsql_conn_on_notice(q->conn, on_notice, NULL);
  if (q->args->copy && copy_file_open(&q->file, q->args->copy, q->args->copy_in, &q->loop))
    exit_code = EXIT_FAILED;
  else
    exit_code = run_statement(q);
  dsql_conn_close(q->conn);
  return exit_code;
}

static int run_on_runtime(struct query *q) {
  dsql_target *target;
  const dsql_error *error = NULL;
  dsql_config config;
  int code, exit_code;

  dsql_config_init(&config);
  config.target = q->args->target;
  code = dsql_target_new(&target, q->rt, &config, &error);
  if (code) {
    if (error)
      diagnostics_error(error, NULL);
    else
      diagnostics_say("%s", dsql_strerror(code));
    return EXIT_FAILED;
  }
  exit_code = run_on_target(q, target);
  dsql_target_free(target);
  return exit_code;
}

int query_run(const struct query_args *args) {
  static struct query q; /* one per process; its buffer is no thing for the stack */
  int code, exit_code = EXIT_FAILED;

  q.args = args;
  q.table.color = wants_color();
  out_init(&q.out, STDOUT_FILENO);
  (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is seen as EPIPE, and the server's work is canceled */
  if ((code = uv_loop_init(&q.loop)) != 0) {
    diagnostics_say("%s", uv_strerror(code));
    return EXIT_FAILED;
  }
  uv_prepare_init(&q.loop, &q.before_wait);
  q.before_wait.data = &q;
  uv_prepare_start(&q.before_wait, flush_before_wait);
  uv_unref((uv_handle_t *)&q.before_wait);
  if ((code = dsql_rt_new(&q.rt, &q.loop, NULL)) != 0) {
    diagnostics_say("%s", dsql_strerror(code));
  } else {
    exit_code = run_on_runtime(&q);
    if (args->copy && copy_file_is_stuck(&q.file)) _exit(exit_code);
    dsql_rt_close(q.rt, NULL, NULL);
  }
  uv_close((uv_handle_t *)&q.before_wait, NULL);
  uv_run(&q.loop, UV_RUN_DEFAULT);
  uv_loop_close(&q.loop);
  return exit_code;
}

int query_main(int argc, char **argv) {
  struct query_args args;
  char *script = NULL;
  int code = query_args_parse(&args, argc, argv);

  if (code == EXIT_OK && args.help) {
    query_help();
  } else if (code == EXIT_OK) {
    if (args.file) args.sql = script = script_read(args.file);
    code = args.sql ? query_run(&args) : EXIT_FAILED;
  }
  free(script);
  query_args_free(&args);
  return code;
}
