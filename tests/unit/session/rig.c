#include "rig.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct wire_pair pairs[] = {{"user", "u"}, {"database", "d"}};

void rig_init(struct rig *r) {
  memset(r, 0, sizeof *r);
  test_alloc_init(&r->heap);
  op_queue_init(&r->queue);
  buf_init(&r->out, &r->heap.hook, 1 << 24);
  r->config = (struct session_config){.alloc = &r->heap.hook,
                                      .protocol = WIRE_PROTOCOL_3_0,
                                      .protocol_min = WIRE_PROTOCOL_3_0,
                                      .startup = pairs,
                                      .startup_count = 2,
                                      .user = "u",
                                      .require_auth = REQUIRE_AUTH_ANY,
                                      .nonce = "abcdefghijklmnopq",
                                      .message_max = 1 << 20};
}

int rig_start(struct rig *r) {
  int rc = session_init(&r->s, &r->config, &r->queue, &r->out);
  r->live = rc == 0;
  return rc;
}

void rig_init_ready(struct rig *r, char tx_status) {
  char words[] = "R0 Z:I";
  rig_init(r);
  cr_assert_eq(rig_start(r), 0);
  words[5] = tx_status;
  rig_feed(r, words);
  (void)rig_take_log(r);
  (void)rig_take_output(r);
}

/* ---- log ---- */

__attribute__((format(printf, 2, 3))) static void line(struct rig *r, const char *format, ...) {
  va_list args;
  int n;
  va_start(args, format);
  n = vsnprintf(r->log + r->log_len, sizeof r->log - r->log_len, format, args);
  va_end(args);
  cr_assert(n >= 0 && (size_t)n < sizeof r->log - r->log_len, "the log is full");
  r->log_len += (size_t)n;
}

const char *rig_take_log(struct rig *r) {
  static char taken[RIG_LOG];
  memcpy(taken, r->log, r->log_len);
  taken[r->log_len] = '\0';
  r->log_len = 0;
  return taken;
}

void rig_check_log(struct rig *r, const char *expected, const char *file, int at) {
  const char *log = rig_take_log(r);
  cr_assert(strcmp(log, expected) == 0, "%s:%d\n--- expected\n%s--- got\n%s", file, at, expected, log);
}

const char *rig_outcome_name(enum op_outcome outcome) {
  static const char *const names[] = {"pending", "ok",          "failed",       "undone",
                                      "skipped", "rolled-back", "copy-refused", "lost"};
  return names[outcome];
}

static int number_of(struct rig *r, const struct op *op) { return op ? (int)(op - r->ops) : -1; }

static void log_flags(struct rig *r, unsigned flags) {
  static const struct {
    unsigned flag;
    const char *name;
  } names[] = {{DSQL_CONN_LOST, "conn-lost"},
               {DSQL_IN_DOUBT, "IN-DOUBT"},
               {DSQL_NOT_SENT, "not-sent"},
               {DSQL_ROLLED_BACK, "rolled-back"}};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (flags & names[i].flag) line(r, " %s", names[i].name);
}

static void log_done(struct rig *r, const struct op *op) {
  int n = number_of(r, op);
  cr_assert(n >= 0 && n < RIG_OPS);
  r->done[n]++;
  line(r, "done %d %s", n, rig_outcome_name(op->outcome));
  if (op->cause_index >= 0) line(r, " cause=%d", op->cause_index);
  log_flags(r, op->flags);
  line(r, "\n");
}

static void log_columns(struct rig *r, const char *what, const struct session_event *ev) {
  static dsql_column columns[65536];
  unsigned n;
  line(r, "%s %d", what, number_of(r, ev->op));
  if (!ev->body) {
    line(r, " none\n");
    return;
  }
  cr_assert_eq(wire_check_row_description(ev->body, ev->len, &n), 0);
  wire_fill_row_description(ev->body, ev->len, columns);
  for (unsigned i = 0; i < n; i++) line(r, " %.*s", (int)columns[i].name.len, columns[i].name.ptr);
  line(r, "\n");
}

/* A line for each row, so that the log is the same however the run was cut. */
static void log_rows(struct rig *r, const struct session_event *ev) {
  size_t at = 0, rows = 0;
  while (at < ev->len && (r->rows_at_once == 0 || rows < r->rows_at_once)) {
    size_t total = (size_t)load_be32(ev->body + at + 1) + 1;
    cr_assert_eq(ev->body[at], 'D');
    cr_assert_leq(total, ev->len - at);
    line(r, "row %d %zu\n", number_of(r, ev->op), total);
    at += total;
    rows++;
  }
  if (ev->type == EVENT_ROWS) session_rows_done(&r->s, at);
}

static void log_result(struct rig *r, const struct op *op, const char *tag, size_t n) {
  line(r, "result %d %.*s\n", number_of(r, op), (int)n, tag);
}

/* Several events in one: told as they are. */
static void log_fast(struct rig *r, const struct session_event *ev) {
  r->fast++;
  if (ev->type == EVENT_ANSWER) {
    log_rows(r, ev);
    log_result(r, ev->op, ev->tag.ptr, ev->tag.len);
  } else {
    for (struct op *op; (op = session_take_ended(&r->s)) != NULL;) log_done(r, op);
    line(r, "group %c\n", r->s.tx_status);
  }
}

static void log_error(struct rig *r, const char *what, const struct session_event *ev) {
  dsql_str state = error_body_field(ev->body, ev->len, 'C');
  line(r, "%s %d %.*s\n", what, number_of(r, ev->op), (int)state.len, state.ptr);
}

static void log_params(struct rig *r, const struct session_event *ev) {
  line(r, "params %d", number_of(r, ev->op));
  for (size_t i = 0; i < ev->len / 4; i++) line(r, " %u", load_be32(ev->body + 4 * i));
  line(r, "\n");
}

static void log_copy_data(struct rig *r, const struct session_event *ev) {
  for (size_t at = 0; at < ev->len; at += (size_t)load_be32(ev->body + at + 1) + 1)
    line(r, "copy-data %d %.*s\n", number_of(r, ev->op), (int)load_be32(ev->body + at + 1) - 4,
         (const char *)ev->body + at + 5);
  session_rows_done(&r->s, ev->len);
}

static void log_event(struct rig *r, const struct session_event *ev) {
  switch (ev->type) {
    case EVENT_NONE: break;
    case EVENT_DERIVE:
      line(r, "derive\n");
      r->deriving = true;
      break;
    case EVENT_READY: line(r, "ready %c\n", r->s.tx_status); break;
    case EVENT_COLUMNS: log_columns(r, "columns", ev); break;
    case EVENT_STMT_COLUMNS: log_columns(r, "stmt-columns", ev); break;
    case EVENT_STMT_PARAMS: log_params(r, ev); break;
    case EVENT_PARSED: line(r, "parsed %d\n", number_of(r, ev->op)); break;
    case EVENT_ROWS: log_rows(r, ev); break;
    case EVENT_COPY: line(r, "copy %d\n", number_of(r, ev->op)); break;
    case EVENT_COPY_DATA: log_copy_data(r, ev); break;
    case EVENT_RESULT: log_result(r, ev->op, (const char *)ev->body, ev->len); break;
    case EVENT_ANSWER:
    case EVENT_GROUP_OK: log_fast(r, ev); break;
    case EVENT_ERROR: log_error(r, "error", ev); break;
    case EVENT_NOTICE: log_error(r, "notice", ev); break;
    case EVENT_NOTIFY: line(r, "notify %.*s\n", (int)ev->len - 4, (const char *)ev->body + 4); break;
    case EVENT_OP_DONE: log_done(r, ev->op); break;
    case EVENT_GROUP_DONE: line(r, "group %c\n", r->s.tx_status); break;
    case EVENT_FAILED: line(r, "failed %s\n", dsql_error_name(session_fault(&r->s)->code)); break;
  }
}

void rig_pull(struct rig *r) {
  struct session_event ev;
  while (session_next(&r->s, &ev)) {
    log_event(r, &ev);
    if (ev.type == EVENT_FAILED) cr_assert(session_fault(&r->s)->code && session_fault(&r->s)->text[0]);
  }
  if (r->s.phase != SESSION_FAILED) session_sent(&r->s, r->s.appended);
}

/* ---- input ---- */

void rig_feed_bytes(struct rig *r, const uint8_t *p, size_t n, size_t step) {
  for (size_t at = 0; at < n;) {
    size_t part = step && step < n - at ? step : n - at, used = 0;
    uint8_t *copy = malloc(part);
    cr_assert_not_null(copy);
    memcpy(copy, p + at, part);
    while (used < part) {
      size_t taken = session_feed(&r->s, copy + used, part - used);
      cr_assert_leq(taken, part - used);
      used += taken;
      rig_pull(r);
    }
    free(copy);
    at += part;
  }
}

void rig_feed(struct rig *r, const char *words) {
  struct backend_script *b = malloc(sizeof *b);
  cr_assert_not_null(b);
  backend_script_init(b, words);
  rig_feed_bytes(r, b->data, b->len, 0);
  free(b);
}

void rig_eof(struct rig *r) {
  struct fault f = {0};
  fault_set(&f, DSQL_ECLOSED, "end of stream");
  session_end(&r->s, &f);
  rig_pull(r);
}

/* ---- operations ---- */

static void encode_unnamed(struct op *op, const char *sql, bool no_rows) {
  wire_parse(&op->bytes, "", sql, strlen(sql), NULL, 0);
  wire_bind(&op->bytes, "", "", (dsql_params){NULL, 0}, NULL, 0);
  op->steps = STEP_PARSE | STEP_BIND | STEP_EXECUTE;
  op->no_rows = no_rows;
  if (no_rows) return;
  wire_describe(&op->bytes, 'P', "");
  op->steps |= STEP_COLUMNS;
}

static void encode_named(struct op *op, char kind, const char *sql) {
  if (kind == 'r') {
    wire_close(&op->bytes, 'S', "n");
    op->steps |= STEP_CLOSE;
  }
  if (kind != 'b') {
    wire_parse(&op->bytes, "n", sql, strlen(sql), NULL, 0);
    wire_describe(&op->bytes, 'S', "n");
    op->steps |= STEP_PARSE | STEP_PARAMS | STEP_STMT_COLUMNS;
  }
  wire_bind(&op->bytes, "", "n", (dsql_params){NULL, 0}, NULL, 0);
  op->steps |= STEP_BIND | STEP_EXECUTE;
}

/* A portal with a row limit, or more of its rows. */
static void encode_portal(struct op *op, bool open, const char *sql) {
  if (open) {
    wire_parse(&op->bytes, "", sql, strlen(sql), NULL, 0);
    wire_bind(&op->bytes, "p", "", (dsql_params){NULL, 0}, NULL, 0);
    wire_describe(&op->bytes, 'P', "p");
    op->steps = STEP_PARSE | STEP_BIND | STEP_COLUMNS;
  }
  wire_execute(&op->bytes, "p", 2);
  op->steps |= STEP_EXECUTE;
  op->limit = LIMIT_SET;
}

static void encode(struct op *op, char kind, const char *sql) {
  size_t n = strlen(sql);
  switch (kind) {
    case 'i':
    case 'o': op->copy_plan = kind == 'i' ? COPY_PLAN_IN : COPY_PLAN_OUT; /* fall through */
    case 's':
      wire_query(&op->bytes, sql, n);
      op->steps = STEP_SCRIPT;
      op->effect = sql_effect_of_script(sql, n);
      op->barrier = op->copy_plan || sql_may_copy(sql, n);
      return;
    case 'c':
      wire_close(&op->bytes, 'S', "n");
      op->steps = STEP_CLOSE;
      return;
    case 'y': return;
    case 'l':
    case 'm':
      encode_portal(op, kind == 'l', sql);
      op->effect = sql_effect_of(sql, n);
      return;
    case 'x':
    case 'w': encode_unnamed(op, sql, kind == 'w'); break;
    default: encode_named(op, kind, sql); break;
  }
  wire_execute(&op->bytes, "", 0);
  op->effect = sql_effect_of(sql, n);
  op->barrier = op->effect == SQL_COPY;
}

static bool is_script(char kind) { return kind == 's' || kind == 'i' || kind == 'o'; }

static void submit_word(struct rig *r, char *word) {
  struct op *op = &r->ops[r->op_count];
  size_t n = strlen(word);
  bool sync = word[n - 1] == '|' || is_script(word[0]), read_only;

  cr_assert_lt(r->op_count, RIG_OPS);
  r->op_count++;
  if (word[n - 1] == '|') word[--n] = '\0';
  read_only = word[n - 1] == '!';
  if (read_only) word[--n] = '\0';
  for (char *p = word; *p; p++)
    if (*p == '_') *p = ' ';
  op_init(op, &r->heap.hook, 1 << 20, NULL, 0);
  encode(op, word[0], n > 2 ? word + 2 : "");
  op->read_only = read_only;
  op->whole = !r->apart && r->rows_at_once == 0;
  op->sync = sync;
  if (sync && !is_script(word[0])) wire_sync(&op->bytes);
  if (!sync && !r->queue.grouping) op_queue_group_begin(&r->queue);
  op_queue_push(&r->queue, op);
}

void rig_submit(struct rig *r, const char *ops) {
  while (*ops) {
    char word[512];
    size_t n;
    ops += strspn(ops, " \n");
    n = strcspn(ops, " \n");
    if (n == 0) return;
    cr_assert_lt(n, sizeof word);
    memcpy(word, ops, n);
    word[n] = '\0';
    submit_word(r, word);
    ops += n;
  }
}

void rig_gather(struct rig *r) {
  cr_assert(session_gather(&r->s));
  session_sent(&r->s, r->s.appended);
}

/* ---- output ---- */

const char *rig_take_output(struct rig *r) {
  static char letters[4096];
  size_t n = 0;
  for (size_t at = 0; at < r->out.len;) {
    bool startup = r->out.data[at] == 0;
    size_t total = (size_t)load_be32(r->out.data + at + !startup) + !startup;
    cr_assert(total >= 4 && total <= r->out.len - at && n + 1 < sizeof letters);
    letters[n++] = startup ? '0' : (char)r->out.data[at];
    at += total;
  }
  letters[n] = '\0';
  buf_reset(&r->out);
  return letters;
}

/* ---- the end ---- */

void rig_stop(struct rig *r) {
  if (!r->live) return;
  rig_eof(r);
  session_surrender(&r->s);
  rig_pull(r);
  session_deinit(&r->s);
  r->live = false;
}

void rig_deinit(struct rig *r) {
  rig_stop(r);
  cr_assert_eq(r->queue.ops, 0);
  cr_assert_eq(r->queue.bytes, 0);
  cr_assert(list_empty(&r->queue.list));
  for (size_t i = 0; i < r->op_count; i++) {
    cr_assert_eq(r->done[i], 1, "operation %zu was reported %u times", i, r->done[i]);
    op_deinit(&r->ops[i]);
  }
  scram_derivation_deinit(&r->derivation);
  buf_deinit(&r->out);
  test_alloc_assert_empty(&r->heap);
}
