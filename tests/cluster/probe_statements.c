/* What needs a session: row limits, cancelling, and the ways in which a connection ends. */
#include <stdio.h>
#include <string.h>

#include "probe.h"
#include "raw.h"

static struct raw raw, other;
static struct login login;

enum { BEFORE_CANCEL_MS = 700, CANCEL_WAIT_MS = 5000 };

static bool send_query(struct raw *r, const struct probe *p, const char *sql) {
  struct buf b;
  bool ok;

  buf_init(&b, &p->target->alloc, 1 << 16);
  wire_query(&b, sql, strlen(sql));
  ok = raw_send(r, &b);
  buf_deinit(&b);
  return ok;
}

/* ---- Execute with a row limit ---- */

static bool send_limited(const struct probe *p) {
  static const char sql[] = "SELECT n FROM (VALUES (1), (2), (3)) AS v(n)";
  struct buf b;
  bool ok;

  buf_init(&b, &p->target->alloc, 1 << 16);
  wire_parse(&b, "", sql, sizeof sql - 1, NULL, 0);
  wire_bind(&b, "", "", DSQL_NO_PARAMS, NULL, 0);
  wire_execute(&b, "", 2);
  wire_execute(&b, "", 2);
  wire_sync(&b);
  ok = raw_send(&raw, &b);
  buf_deinit(&b);
  return ok;
}

static void ask_row_limit(struct probe *p) {
  static const char question[] = "portal suspension";
  char error[RAW_TEXT_SIZE] = "", order[64] = "";
  enum raw_status status;

  if (!raw_ready(&raw, p->target, &login) || !send_limited(p)) {
    probe_unanswered(p, question, raw.why);
    raw_close(&raw);
    return;
  }
  do {
    size_t n = strlen(order);
    status = raw_next(&raw, RAW_TIMEOUT_MS);
    if (status != RAW_MESSAGE) break;
    if (raw.m.type == WIRE_ERROR_RESPONSE) raw_error_text(raw.m.body, raw.m.len, error);
    if (n + 1 < sizeof order) order[n] = (char)raw.m.type;
  } while (raw.m.type != WIRE_READY_FOR_QUERY);
  probe_row(p, question,
            strcmp(order, "12DDsDCZ") == 0 ? "works"
            : error[0]                     ? "refused"
                                           : "differs",
            "3 rows with limit 2, twice: %s %s", order, error);
  raw_close(&raw);
}

/* ---- CancelRequest ---- */

static const char *how_it_closed(enum raw_status status) {
  return status == RAW_CLOSED ? "closed by the server" : "left open by the server";
}

static bool send_cancel(struct probe *p, enum raw_status *closed) {
  bool direct = p->target->sslnegotiation == TARGET_NEGOTIATE_DIRECT, ok;
  struct buf b;

  if (!raw_open(&other, p->target, direct ? RAW_DIRECT : RAW_SSLREQUEST)) return false;
  buf_init(&b, &p->target->alloc, 1 << 16);
  wire_cancel_request(&b, login.pid, login.key, login.key_len);
  ok = raw_send(&other, &b);
  buf_deinit(&b);
  *closed = raw_next(&other, RAW_TIMEOUT_MS);
  return ok;
}

/* A statement is running that lasts long enough. */
static void cancel_it(struct probe *p, const char *question, const char *sql) {
  char error[RAW_TEXT_SIZE] = "";
  enum raw_status closed = RAW_TIMEOUT, status;
  uint64_t begin = raw_now_ms();

  if (!send_cancel(p, &closed)) {
    probe_unanswered(p, question, other.why);
    return;
  }
  status = raw_until(&raw, "Z", CANCEL_WAIT_MS, error);
  probe_row(p, question,
            error[0]                ? "heeded"
            : status == RAW_TIMEOUT ? "no effect"
            : status == RAW_CLOSED  ? "closed"
                                    : "too late",
            "%s after %u ms, its connection %s: %s", sql, (unsigned)(raw_now_ms() - begin), how_it_closed(closed),
            error);
}

static void ask_cancel(struct probe *p) {
  static const char question[] = "CancelRequest";
  static const char *const slow[] = {"SELECT pg_sleep(8)", "SELECT count(*) FROM generate_series(1, 2000000000)"};
  bool running = false;

  for (size_t i = 0; i < sizeof slow / sizeof *slow && !running; i++) {
    char error[RAW_TEXT_SIZE] = "";
    if (!raw_ready(&raw, p->target, &login) || !send_query(&raw, p, slow[i])) {
      probe_unanswered(p, question, raw.why);
      raw_close(&raw);
      return;
    }
    if (login.key_len == 0) {
      probe_row(p, question, "impossible", "no BackendKeyData");
      raw_close(&raw);
      return;
    }
    running = raw_until(&raw, "Z", BEFORE_CANCEL_MS, error) == RAW_TIMEOUT;
    if (running)
      cancel_it(p, question, slow[i]);
    else
      probe_row(p, question, "not tried", "%s ends at once: %s", slow[i], error);
    raw_close(&other);
    raw_close(&raw);
  }
}

/* ---- how a connection ends ---- */

static void report_end(struct probe *p, const char *question, unsigned wait_s, const char *unharmed) {
  char error[RAW_TEXT_SIZE] = "";
  uint64_t begin = raw_now_ms();
  enum raw_status status = raw_until(&raw, "Z", (int)wait_s * 1000, error);
  unsigned after_s = (unsigned)((raw_now_ms() - begin) / 1000);

  if (status == RAW_CLOSED)
    probe_row(p, question, "closed", "after %u s: %s", after_s, error[0] ? error : "without a word");
  else
    probe_row(p, question, status == RAW_TIMEOUT ? unharmed : "goes on", "after %u s: %s", after_s, error);
  raw_close(&raw);
}

static void ask_termination(struct probe *p) {
  static const char question[] = "pg_terminate_backend(self)";
  if (!raw_ready(&raw, p->target, &login) || !send_query(&raw, p, "SELECT pg_terminate_backend(pg_backend_pid())")) {
    probe_unanswered(p, question, raw.why);
    raw_close(&raw);
    return;
  }
  report_end(p, question, RAW_TIMEOUT_MS / 1000, "no answer");
}

static void ask_unknown_message(struct probe *p) {
  static const char question[] = "an unknown message type";
  struct buf b;
  bool ok;

  buf_init(&b, &p->target->alloc, 64);
  buf_put(&b, "z\0\0\0\4", 5);
  ok = raw_ready(&raw, p->target, &login) && raw_send(&raw, &b);
  buf_deinit(&b);
  if (!ok) {
    probe_unanswered(p, question, raw.why);
    raw_close(&raw);
    return;
  }
  report_end(p, question, RAW_TIMEOUT_MS / 1000, "no answer");
}

static void ask_idle(struct probe *p) {
  static const char question[] = "server's idle timeout";
  if (!p->long_run) {
    probe_row(p, question, "not tried", "only with --long");
  } else if (!raw_ready(&raw, p->target, &login)) {
    probe_unanswered(p, question, raw.why);
    raw_close(&raw);
  } else {
    report_end(p, question, p->idle_s, "none");
  }
}

void probe_statements(struct probe *p) {
  ask_row_limit(p);
  ask_cancel(p);
  ask_termination(p);
  ask_unknown_message(p);
  ask_idle(p);
}
