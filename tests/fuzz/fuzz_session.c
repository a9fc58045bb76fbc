/* The session under any server and any owner. The first byte sets the configuration; then come instructions of one
 * byte each, some with an operand:
 *   feed n bytes of the input, or one message of a type with a body from the input, in one or several parts; submit an
 *   operation (its kind, whether it ends the group, read-only); gather; count output as sent; give an operation up;
 *   take a row less than all; send data, the end or the failure of a COPY that was planned; store bytes; end the stream; restart with what the queue holds, also with credentials sent
 *   ahead; derive keys; release.
 * Whatever happens: every operation is reported exactly once, its flags are consistent, nothing is left allocated, and
 * memory stays within what was configured. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "session/session.h"
#include "test_alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                             \
  do {                                                                                                                 \
    if (!(condition)) abort();                                                                                         \
  } while (0)

enum { OPS = 24, MESSAGE_MAX = 4096 };

struct fuzz {
  const uint8_t *pos, *end;
  struct test_alloc heap;
  struct session_config config;
  struct op_queue queue;
  struct buf out;
  struct session s;
  struct op ops[OPS];
  unsigned reported[OPS];
  unsigned op_count;
  bool failed; /* EVENT_FAILED was seen */
  bool partial_rows;
  bool deriving;
  struct op *copying;
};

static uint8_t next(struct fuzz *f) { return f->pos < f->end ? *f->pos++ : 0; }
static bool more(const struct fuzz *f) { return f->pos < f->end; }

/* ---- events ---- */

static void on_done(struct fuzz *f, struct op *op) {
  size_t i = (size_t)(op - f->ops);
  REQUIRE(i < f->op_count && !list_linked(&op->node));
  REQUIRE(f->reported[i]++ == 0);
  REQUIRE(op->outcome != OP_PENDING);
  REQUIRE(!((op->flags & DSQL_IN_DOUBT) && (op->flags & DSQL_NOT_SENT)));
  REQUIRE(!((op->flags & DSQL_IN_DOUBT) && (op->flags & DSQL_ROLLED_BACK)));
  REQUIRE(!(op->outcome == OP_SUCCEEDED && (op->flags & DSQL_IN_DOUBT)));
  REQUIRE(!(op->read_only && (op->flags & DSQL_IN_DOUBT)));
  REQUIRE(op->limit != LIMIT_REACHED || op->rows_seen);
  REQUIRE(!(op->flags & DSQL_NOT_SENT) || op->outcome == OP_LOST);
  REQUIRE(!(op->flags & DSQL_ROLLED_BACK) || op->outcome == OP_UNDONE || op->outcome == OP_FAILED);
}

/* Returns the length of the first row. */
static size_t check_run(const struct session_event *ev, char type) {
  size_t at = 0, first = 0;
  REQUIRE(!ev->op->abandoned);
  while (at < ev->len) {
    size_t total = (size_t)load_be32(ev->body + at + 1) + 1;
    REQUIRE(ev->body[at] == type && total >= WIRE_HEADER_SIZE && total <= ev->len - at);
    if (!first) first = total;
    at += total;
  }
  return first;
}

static void on_answer(const struct session_event *ev) {
  REQUIRE(ev->op->whole && check_run(ev, 'D') <= ev->len);
  REQUIRE(ev->tag.len && !memchr(ev->tag.ptr, 0, ev->tag.len) && !ev->tag.ptr[ev->tag.len]);
}

static void on_rows(struct fuzz *f, const struct session_event *ev) {
  bool copy = ev->type == EVENT_COPY_DATA;
  size_t first = check_run(ev, copy ? 'd' : 'D');
  REQUIRE(ev->len > 0 && (!copy || ev->op->copy == COPY_RECEIVING));
  session_rows_done(&f->s, f->partial_rows ? first : ev->len);
}

static void on_copy(struct fuzz *f, const struct session_event *ev) {
  struct wire_copy_response response;
  REQUIRE(!ev->op->abandoned && wire_decode_copy_response(ev->body, ev->len, &response) == 0);
  REQUIRE(ev->op->copy_plan == (ev->op->copy == COPY_SENDING ? COPY_PLAN_IN : COPY_PLAN_OUT));
  if (ev->op->copy == COPY_SENDING) f->copying = ev->op;
}

/* The owner of a COPY: data, nothing, its end, its failure. */
static void copy_step(struct fuzz *f, uint8_t how) {
  struct op *op = f->copying;
  size_t from;
  if (!op || f->failed || op->copy != COPY_SENDING || f->reported[op - f->ops]) return;
  if (how & 1) {
    from = session_copy_open(&f->s);
    buf_put(&f->out, "data", how >> 1 & 3);
    REQUIRE(session_copy_close(&f->s, from));
  } else if (how & 2 && !op->abandoned) {
    REQUIRE(session_copy_done(&f->s, op));
  } else {
    REQUIRE(session_copy_fail(&f->s, op, "why"));
  }
}

static void on_group_ok(struct fuzz *f) {
  const struct op *last = NULL;
  for (struct op *op; (op = session_take_ended(&f->s)) != NULL; last = op) {
    REQUIRE(op->outcome == OP_SUCCEEDED && !(last && last->sync));
    on_done(f, op);
  }
  REQUIRE(last && last->sync);
}

static void check_body(const struct session_event *ev) {
  unsigned n = 0;
  volatile uint8_t sum = 0;
  for (size_t i = 0; i < ev->len; i++) sum = (uint8_t)(sum ^ ev->body[i]); /* all of it may be read */
  if ((ev->type == EVENT_COLUMNS || ev->type == EVENT_STMT_COLUMNS) && ev->body)
    REQUIRE(wire_check_row_description(ev->body, ev->len, &n) == 0);
  if (ev->type == EVENT_ERROR || ev->type == EVENT_NOTICE) REQUIRE(wire_check_error(ev->body, ev->len) == 0);
}

static void pull(struct fuzz *f) {
  struct session_event ev;
  while (session_next(&f->s, &ev)) {
    REQUIRE(!f->failed);
    if (ev.type == EVENT_GROUP_OK) ev = (struct session_event){.type = ev.type}; /* only that is filled */
    check_body(&ev);
    if (ev.op) REQUIRE(ev.op >= f->ops && ev.op < f->ops + f->op_count);
    switch (ev.type) {
      case EVENT_ROWS:
      case EVENT_COPY_DATA: on_rows(f, &ev); break;
      case EVENT_COPY: on_copy(f, &ev); break;
      case EVENT_ANSWER: on_answer(&ev); break;
      case EVENT_OP_DONE: on_done(f, ev.op); break;
      case EVENT_GROUP_OK: on_group_ok(f); break;
      case EVENT_DERIVE: f->deriving = true; break;
      case EVENT_FAILED:
        f->failed = true;
        REQUIRE(session_fault(&f->s)->code && session_fault(&f->s)->text[0]);
        REQUIRE(!f->s.misled || f->config.ahead);
        REQUIRE(!f->s.ride_refused || (f->s.misled && !session_ride_in_doubt(&f->s)));
        break;
      case EVENT_STMT_PARAMS: REQUIRE(ev.len % 4 == 0); break;
      default: break;
    }
  }
  REQUIRE((f->s.phase == SESSION_FAILED) == f->failed);
}

/* ---- instructions ---- */

static void feed(struct fuzz *f, const uint8_t *p, size_t n) {
  uint8_t *copy = malloc(n ? n : 1); /* exact, and gone when this returns */
  size_t at = 0;
  REQUIRE(copy);
  if (n) memcpy(copy, p, n);
  while (at < n) {
    at += session_feed(&f->s, copy + at, n - at);
    REQUIRE(at <= n);
    pull(f);
  }
  free(copy);
}

static void feed_message(struct fuzz *f, uint8_t type, size_t n, size_t step) {
  uint8_t message[WIRE_HEADER_SIZE + 256];
  size_t total;
  if (n > (size_t)(f->end - f->pos)) n = (size_t)(f->end - f->pos);
  total = WIRE_HEADER_SIZE + n;
  message[0] = type;
  store_be32(message + 1, (uint32_t)n + 4);
  memcpy(message + WIRE_HEADER_SIZE, f->pos, n);
  f->pos += n;
  for (size_t at = 0; at < total; at += step) feed(f, message + at, step < total - at ? step : total - at);
}

static void encode(struct op *op, unsigned kind) {
  static const char *const sql[] = {"INSERT",        "BEGIN",    "COMMIT", "ROLLBACK",
                                    "ROLLBACK TO a", "CALL p()", "COPY t", "DO"};
  const char *text = sql[kind & 7];
  switch ((kind >> 3) & 3) {
    case 0:
      wire_parse(&op->bytes, "", text, strlen(text), NULL, 0);
      op->no_rows = (kind & 7) >= 1 && (kind & 7) <= 3; /* as the library sends its own */
      op->steps = STEP_PARSE | STEP_BIND | (op->no_rows ? 0 : STEP_COLUMNS) | STEP_EXECUTE;
      break;
    case 1: op->steps = STEP_CLOSE | STEP_PARSE | STEP_PARAMS | STEP_STMT_COLUMNS | STEP_BIND | STEP_EXECUTE; break;
    case 2:
      op->steps = kind & 0x40 ? STEP_EXECUTE : STEP_BIND | STEP_EXECUTE;
      op->limit = kind & 0x40 ? LIMIT_SET : LIMIT_NONE; /* of a portal that is there, or of one that is made */
      break;
    default:
      op->steps = STEP_SCRIPT;
      op->sync = true;
      wire_query(&op->bytes, text, strlen(text));
      op->effect = kind & 1 ? SQL_UNKNOWN : sql_effect_of_script(text, strlen(text));
      op->barrier = sql_may_copy(text, strlen(text));
      if (op->barrier && kind & 1 << 7) op->copy_plan = kind & 1 << 6 ? COPY_PLAN_IN : COPY_PLAN_OUT;
      return;
  }
  wire_execute(&op->bytes, "", 0);
  op->effect = sql_effect_of(text, strlen(text));
  op->barrier = op->effect == SQL_COPY;
}

static void submit(struct fuzz *f) {
  uint8_t how = next(f);
  struct op *op = &f->ops[f->op_count];
  if (f->op_count == OPS || f->failed) return;
  f->op_count++;
  op_init(op, &mem_default, 4096, NULL, 0);
  if (f->queue.grouping && (how & 24) == 24) how ^= 16; /* a simple query has no place in a group */
  if (how & 0x80) op->sync = true;
  op->read_only = (how & 0x60) == 0x60;
  op->whole = how & 0x20;
  encode(op, how);
  if (op->sync && op->steps != STEP_SCRIPT) wire_sync(&op->bytes);
  if (!op->sync && !f->queue.grouping) op_queue_group_begin(&f->queue);
  op_queue_push(&f->queue, op);
}

static void dropped_now(struct fuzz *f, struct list *dropped) {
  struct list *node;
  while ((node = list_pop_front(dropped)) != NULL) on_done(f, LIST_ENTRY(node, struct op, node));
}

static void give_up(struct fuzz *f) {
  unsigned i = next(f) % OPS;
  struct list dropped;
  list_init(&dropped);
  if (i >= f->op_count || f->reported[i] || f->failed) return;
  REQUIRE(!(session_abandon_flags(&f->s, &f->ops[i]) & DSQL_NOT_SENT) || f->ops[i].end == 0);
  (void)session_cancelable(&f->s, &f->ops[i]);
  (void)session_abandon(&f->s, &f->ops[i], &dropped);
  if (!list_empty(&dropped)) f->queue.grouping = f->queue.grouping && f->queue.group_open;
  dropped_now(f, &dropped);
}

static int start(struct fuzz *f) {
  f->failed = f->deriving = false;
  buf_reset(&f->out);
  return session_init(&f->s, &f->config, &f->queue, &f->out);
}

/* Another attempt, as after a refused start-up. */
static bool restart(struct fuzz *f) {
  struct list dropped;
  list_init(&dropped);
  if (f->s.was_ready) return true;
  session_take_back(&f->s, &dropped);
  dropped_now(f, &dropped);
  session_deinit(&f->s);
  return start(f) == 0;
}

static void end_stream(struct fuzz *f) {
  struct fault fault = {0};
  fault_set(&fault, DSQL_EIO, "reset");
  session_end(&f->s, &fault);
  pull(f);
}

static void derive(struct fuzz *f) {
  struct scram_derivation d = {0};
  if (!f->deriving) return;
  f->deriving = false;
  if (session_derivation_init(&f->s, &d) == 0) {
    uint32_t iterations = d.iterations;
    d.iterations = 1; /* the proof is wrong then; nobody checks it here */
    scram_derive(&d);
    d.iterations = iterations;
    session_derived(&f->s, &d);
  }
  scram_derivation_deinit(&d);
  pull(f);
}

static void sent(struct fuzz *f) {
  uint64_t left = f->s.appended - f->s.sent;
  session_sent(&f->s, f->s.sent + left * next(f) / 255);
}

static void store(struct fuzz *f) {
  size_t n = next(f);
  if (n > (size_t)(f->end - f->pos)) n = (size_t)(f->end - f->pos);
  (void)session_store(&f->s, f->pos, n);
  f->pos += n;
  pull(f);
}

static bool step(struct fuzz *f) {
  static const uint8_t types[] = "RKSvZ123nIsctTDCENAGHWdV";
  uint8_t i = next(f);
  if (i < 96) {
    feed_message(f, types[i % 24], next(f), i < 48 ? 512 : i < 72 ? 3 : 1);
    return true;
  }
  switch (i & 15) {
    case 0: feed(f, f->pos, (size_t)(f->end - f->pos) < 16 ? (size_t)(f->end - f->pos) : 16); break;
    case 1:
    case 2:
    case 3: submit(f); break;
    case 4:
    case 5:
      (void)session_gather(&f->s);
      buf_reset(&f->out);
      pull(f);
      break;
    case 6: sent(f); break;
    case 7: give_up(f); break;
    case 8:
      f->partial_rows = !f->partial_rows;
      copy_step(f, next(f));
      break;
    case 9: store(f); break;
    case 10: end_stream(f); break;
    case 11: return restart(f);
    case 12: derive(f); break;
    case 13: session_release(&f->s); break;
    case 14: session_terminate(&f->s); break;
    default:
      f->config.ahead = true;
      f->config.ahead_method = (enum auth_method)(next(f) % (AUTH_UNKNOWN + 1));
      return restart(f);
  }
  return true;
}

static void finish(struct fuzz *f) {
  end_stream(f);
  session_surrender(&f->s);
  f->failed = false;
  pull(f);
  session_deinit(&f->s);
  REQUIRE(f->queue.ops == 0 && f->queue.bytes == 0 && list_empty(&f->queue.list) && !f->queue.group_open);
  for (unsigned i = 0; i < f->op_count; i++) {
    REQUIRE(f->reported[i] == 1);
    op_deinit(&f->ops[i]);
  }
}

static void configure(struct fuzz *f, uint8_t bits) {
  static const struct wire_pair user = {"user", "u"};
  static const uint8_t key[32] = {1};
  f->config = (struct session_config){.alloc = &f->heap.hook,
                                      .protocol = bits & 1 ? WIRE_PROTOCOL_3_2 : WIRE_PROTOCOL_3_0,
                                      .protocol_min = WIRE_PROTOCOL_3_0,
                                      .startup = &user,
                                      .startup_count = 1,
                                      .user = "u",
                                      .password = bits & 2 ? "secret" : NULL,
                                      .tls = bits & 4,
                                      .require_auth = REQUIRE_AUTH_ANY,
                                      .binding_data = key,
                                      .binding_len = bits & 8 ? 32 : 0,
                                      .scram_client_key = bits & 16 ? key : NULL,
                                      .scram_server_key = bits & 16 ? key : NULL,
                                      .message_max = MESSAGE_MAX,
                                      .hold = bits & 32};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const uint8_t ready[] = "R\0\0\0\10\0\0\0\0Z\0\0\0\5I";
  struct fuzz *f = calloc(1, sizeof *f);
  uint8_t bits;

  REQUIRE(f);
  f->pos = data;
  f->end = data + size;
  test_alloc_init(&f->heap);
  bits = next(f);
  configure(f, bits);
  op_queue_init(&f->queue);
  buf_init(&f->out, &f->heap.hook, 1 << 16);
  REQUIRE(start(f) == 0);
  if (bits & 64) feed(f, ready, sizeof ready - 1);
  if (bits & 128) test_alloc_arm(&f->heap, next(f) % 16 + 1, false);
  while (more(f))
    if (!step(f)) break;
  finish(f);
  buf_deinit(&f->out);
  /* One message, the parameters, what a paused owner stored, and the output. */
  REQUIRE(f->heap.peak_bytes <= 4 * (MESSAGE_MAX + PARAMETERS_BYTES_MAX + (1 << 16)) + size);
  test_alloc_assert_empty(&f->heap);
  free(f);
  return 0;
}
