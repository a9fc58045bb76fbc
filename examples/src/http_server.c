/* A small HTTP/1.1 service on the library's loop: accounts and transfers, from one pool.
 *
 *   GET  /accounts?after=7    the next 100 accounts
 *   GET  /accounts/7          200, or 404
 *   POST /transfers           {"from": 1, "to": 2, "cents": 250, "id": "<uuid>"}; without an id it gets one
 *                             201 done; 200 done before, by the same id; 409 the id is another transfer's; 422 refused;
 *                             202 nobody can tell (the connection was lost during the COMMIT): send it again, or ask
 *                             503 not done: try again later
 *   GET  /transfers/<uuid>    200, or 404: was not done (and will be, if it is still under way)
 *   GET  /metrics             counters and histograms, for Prometheus
 *
 * The id makes a POST safe to repeat: the transfer leaves a row under it, in the same transaction.
 *
 *   http_server [PORT]        on 127.0.0.1; any free port unless given. SIGINT and SIGTERM end it
 *
 * Calls of half a second or more are written to stderr, a line each. */
#include "common.h"
#include "http_request.h"

#include <dsql/observe.h>

enum {
  CLIENTS_MAX = 256,
  CLIENT_TIMEOUT_MS = 30000, /* to send a whole request, and to take an answer */
  LINGER_MS = 2000,
  WORK_TIMEOUT_MS = 10000, /* for the database, waiting for a connection included */
  PAGE_ROWS = 100,
  BODY_SIZE = 32768, /* /metrics takes 20,000 */
  SLOW_QUERY_MS = 500,
  HEAD_SIZE = 512,
  UUID_SIZE = 37
};
enum { NO_SUCH_ACCOUNT = 1, NOT_ENOUGH, OTHER_TRANSFER }; /* why a transfer is refused */

struct server {
  uv_loop_t *loop;
  dsql_rt *rt;
  dsql_pool *pool;
  uv_tcp_t listener;
  uv_signal_t signals[2];
  struct client *clients;
  unsigned client_count;
};

/* One request at a time: while it is answered, those behind it wait in `in`, and when that is full in the socket. */
struct client {
  struct server *server;
  struct client *next, **link; /* of server->clients */
  uv_tcp_t tcp;
  uv_timer_t timer;
  uv_write_t write;
  uv_shutdown_t shutdown;
  dsql_future *work;
  struct http_request request;
  struct http_transfer transfer;
  bool busy; /* a request is being answered */
  bool end_of_input, lingering, closing;
  int handles;
  size_t in_len;
  char in[HTTP_REQUEST_MAX], out[HEAD_SIZE + BODY_SIZE];
};

/* ---- the end of a client ---- */

static void on_closed(uv_handle_t *h) {
  struct client *c = h->data;
  if (--c->handles == 0) free(c);
}

static void drop(struct client *c) {
  if (c->closing) return;
  c->closing = true;
  *c->link = c->next;
  if (c->next) c->next->link = c->link;
  c->server->client_count--;
  dsql_future_destroy(c->work); /* cancels it; its callback will not run */
  c->work = NULL;
  uv_close((uv_handle_t *)&c->tcp, on_closed);
  uv_close((uv_handle_t *)&c->timer, on_closed);
}

static void on_timeout(uv_timer_t *t) { drop(t->data); }

/* ---- answers ---- */

static void serve(struct client *c);

static const char *reason(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 431: return "Request Header Fields Too Large";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Error";
  }
}

static void read_on(struct client *c);

/* A socket that is closed with bytes unread resets the connection, and the answer may be lost on its way. */
static void linger(struct client *c) {
  c->lingering = true;
  c->in_len = 0;
  uv_timer_start(&c->timer, on_timeout, LINGER_MS, 0);
  if (c->end_of_input || uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, NULL))
    drop(c);
  else
    read_on(c);
}

static void on_sent(uv_write_t *w, int status) {
  struct client *c = w->data;

  if (c->closing) return;
  if (status) {
    drop(c);
    return;
  }
  if (!c->request.keep_alive) {
    linger(c);
    return;
  }
  c->in_len -= c->request.length;
  memmove(c->in, c->in + c->request.length, c->in_len);
  c->busy = false;
  serve(c);
}

/* extra: further header lines, each with its CRLF. */
static void answer_as(struct client *c, int status, const char *type, const char *extra, const char *body) {
  size_t n = strlen(body);
  uv_buf_t buf;
  int head = snprintf(c->out, sizeof c->out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s\r\n",
                      status, reason(status), type, n, extra, c->request.keep_alive ? "" : "Connection: close\r\n");

  if (head < 0 || (size_t)head + n > sizeof c->out) {
    drop(c);
    return;
  }
  memcpy(c->out + head, body, n);
  buf = uv_buf_init(c->out, (unsigned)((size_t)head + n));
  c->write.data = c;
  uv_timer_start(&c->timer, on_timeout, CLIENT_TIMEOUT_MS, 0);
  if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &buf, 1, on_sent)) drop(c);
}

static void answer(struct client *c, int status, const char *extra, const char *body) {
  answer_as(c, status, "application/json", extra, body);
}

static void refuse(struct client *c, int status, const char *why) {
  char body[256];
  snprintf(body, sizeof body, "{\"error\":\"%s\"}\n", why);
  answer(c, status, status == 503 ? "Retry-After: 1\r\n" : "", body);
}

/* The client is told nothing about our database. */
static void apologise(struct client *c, const char *what, int code, const dsql_error *e) {
  failed(what, code, e);
  refuse(c, 503, "the database cannot be reached now");
}

/* ---- work of the database ---- */

static void start(struct client *c, dsql_future *f, dsql_future_cb done) {
  c->work = f;
  if (dsql_future_on_ready(f, done, c) == 0) return;
  dsql_future_destroy(f);
  c->work = NULL;
  refuse(c, 503, "out of memory");
}

static void finish_work(struct client *c) {
  dsql_future_destroy(c->work);
  c->work = NULL;
}

static void start_query(struct client *c, const char *sql, dsql_params params, dsql_future_cb done) {
  dsql_call call;
  dsql_call_init(&call);
  call.timeout_ms = WORK_TIMEOUT_MS;
  call.read_only = true;
  start(c, dsql_pool_query(c->server->pool, sql, params, &call), done);
}

/* ---- GET /accounts, GET /accounts/7 ---- */

static int put_account(char *out, size_t cap, const dsql_result *r, size_t row) {
  int64_t id, cents;
  if (dsql_get_int8(r, row, 0, &id) || dsql_get_int8(r, row, 1, &cents)) return -1;
  return snprintf(out, cap, "{\"id\":%" PRId64 ",\"cents\":%" PRId64 "}", id, cents);
}

static void on_accounts(dsql_future *f, void *arg) {
  struct client *c = arg;
  const dsql_result *r;
  char body[BODY_SIZE] = "[";
  size_t len = 1;
  int code = dsql_future_result(f, &r);

  for (size_t row = 0; code == 0 && row < dsql_result_rows(r); row++) {
    int n;
    if (row) body[len++] = ',';
    n = put_account(body + len, sizeof body - len, r, row);
    if (n < 0 || (size_t)n + 3 > sizeof body - len) code = DSQL_ETOOBIG; /* 100 of them have 6,500 bytes at most */
    if (code == 0) len += (size_t)n;
  }
  snprintf(body + len, sizeof body - len, "]\n");
  if (code)
    apologise(c, "GET /accounts", code, dsql_future_error(f));
  else
    answer(c, 200, "", body);
  finish_work(c);
}

static void on_account(dsql_future *f, void *arg) {
  struct client *c = arg;
  const dsql_result *r;
  char body[128];
  int code = dsql_future_result(f, &r);

  if (code)
    apologise(c, "GET /accounts/<id>", code, dsql_future_error(f));
  else if (put_account(body, sizeof body, r, 0) < 0)
    refuse(c, 404, "no such account");
  else
    answer(c, 200, "", body);
  finish_work(c);
}

/* ---- transfers ---- */

static const char *uuid_text(const dsql_uuid *id, char out[UUID_SIZE]) {
  const uint8_t *b = id->bytes;
  snprintf(out, UUID_SIZE, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
           b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
  return out;
}

static void answer_transfer(struct client *c, int status, const char *state) {
  char body[256], location[64], id[UUID_SIZE];

  uuid_text(&c->transfer.id, id);
  snprintf(location, sizeof location, "Location: /transfers/%s\r\n", id);
  snprintf(body, sizeof body,
           "{\"id\":\"%s\",\"from\":%" PRId64 ",\"to\":%" PRId64 ",\"cents\":%" PRId64 ",\"state\":\"%s\"}\n", id,
           c->transfer.from, c->transfer.to, c->transfer.cents, state);
  answer(c, status, location, body);
}

/* Whether the transfer of that id was made before, by an earlier attempt or an earlier request. */
struct outcome {
  bool made_before;
};

static bool same_transfer(const dsql_result *r, const struct http_transfer *t) {
  int64_t from, to, cents;
  return dsql_get_int8(r, 0, 0, &from) == 0 && dsql_get_int8(r, 0, 1, &to) == 0 &&
         dsql_get_int8(r, 0, 2, &cents) == 0 && from == t->from && to == t->to && cents == t->cents;
}

static dsql_step transfer(dsql_tx *tx, const void *in, void *scratch) {
  const struct http_transfer *t = in;
  struct outcome *out = scratch;
  const dsql_result *made, *payer;
  int64_t cents;

  if (dsql_tx_step(tx) == 0) {
    dsql_tx_query(tx, "SELECT payer, payee, cents FROM transfer WHERE id = $1", DSQL_PARAMS(dsql_uuid_param(t->id)));
    dsql_tx_query(tx, "SELECT cents FROM account WHERE id IN ($1, $2) ORDER BY id = $1 DESC",
                  DSQL_PARAMS(dsql_int8(t->from), dsql_int8(t->to)));
    return DSQL_WAIT;
  }
  made = dsql_tx_result(tx, 0);
  payer = dsql_tx_result(tx, 1);
  out->made_before = dsql_result_rows(made) == 1;
  if (out->made_before) return same_transfer(made, t) ? DSQL_COMMIT : dsql_tx_abort(tx, OTHER_TRANSFER);
  if (dsql_result_rows(payer) != 2 || dsql_get_int8(payer, 0, 0, &cents)) return dsql_tx_abort(tx, NO_SUCH_ACCOUNT);
  if (cents < t->cents) return dsql_tx_abort(tx, NOT_ENOUGH);
  dsql_tx_query(tx,
                "UPDATE account SET cents = cents + CASE WHEN id = $1 THEN -$3::int8 ELSE $3::int8 END "
                "WHERE id IN ($1, $2)",
                DSQL_PARAMS(dsql_int8(t->from), dsql_int8(t->to), dsql_int8(t->cents)));
  dsql_tx_query(tx, "INSERT INTO transfer (id, payer, payee, cents) VALUES ($1, $2, $3, $4)",
                DSQL_PARAMS(dsql_uuid_param(t->id), dsql_int8(t->from), dsql_int8(t->to), dsql_int8(t->cents)));
  return DSQL_COMMIT;
}

static void on_transfer(dsql_future *f, void *arg) {
  static const char *const why[] = {
      [NO_SUCH_ACCOUNT] = "no such account",
      [NOT_ENOUGH] = "not enough money",
      [OTHER_TRANSFER] = "another transfer has this id",
  };
  struct client *c = arg;
  const dsql_error *e = dsql_future_error(f);
  const void *out;
  int code = dsql_future_output(f, &out);

  if (code == 0) {
    answer_transfer(c, ((const struct outcome *)out)->made_before ? 200 : 201, "done");
  } else if (code == DSQL_EABORT && e) {
    refuse(c, e->app_code == OTHER_TRANSFER ? 409 : 422, why[e->app_code]);
  } else if (e && e->flags & DSQL_IN_DOUBT) {
    failed("a transfer is in doubt", code, e);
    answer_transfer(c, 202, "unknown");
  } else {
    apologise(c, "POST /transfers", code, e);
  }
  finish_work(c);
}

static void post_transfer(struct client *c) {
  const char *why = http_transfer_parse(c->request.body, &c->transfer);
  dsql_tx_options options;

  if (why) {
    refuse(c, 400, why);
    return;
  }
  if (!c->transfer.has_id && new_id(&c->transfer.id)) {
    refuse(c, 503, "no random numbers");
    return;
  }
  dsql_tx_options_init(&options);
  options.scratch_size = sizeof(struct outcome);
  options.idempotent = true; /* it finds its own row, so the library may try again even when in doubt */
  options.retries_max = 10;
  options.backoff = DSQL_BACKOFF_FULL_JITTER;
  options.deadline_ms = WORK_TIMEOUT_MS;
  start(c, dsql_run_transaction(c->server->pool, transfer, &c->transfer, &options), on_transfer);
}

static void on_found(dsql_future *f, void *arg) {
  struct client *c = arg;
  const dsql_result *r;
  int code = dsql_future_result(f, &r);

  if (code == 0 && dsql_result_rows(r) == 0)
    refuse(c, 404, "no such transfer");
  else if (code || dsql_get_int8(r, 0, 0, &c->transfer.from) || dsql_get_int8(r, 0, 1, &c->transfer.to) ||
           dsql_get_int8(r, 0, 2, &c->transfer.cents))
    apologise(c, "GET /transfers/<id>", code, dsql_future_error(f));
  else
    answer_transfer(c, 200, "done");
  finish_work(c);
}

/* ---- GET /metrics ---- */

static void get_metrics(struct client *c) {
  dsql_metrics_pool pools[] = {{"bank", c->server->pool}};
  char body[BODY_SIZE];
  size_t len;

  if (dsql_metrics_write(c->server->rt, pools, 1, body, sizeof body, &len))
    refuse(c, 503, "the metrics have outgrown their buffer");
  else
    answer_as(c, 200, "text/plain; version=0.0.4; charset=utf-8", "", body);
}

/* A program would give it to its logger. */
static void log_line(const char *line, size_t len, void *arg) {
  (void)arg;
  fprintf(stderr, "%.*s\n", (int)len, line);
}

static int observe(dsql_rt *rt) {
  dsql_hooks hooks;
  dsql_hooks_init(&hooks);
  hooks.log = log_line;
  hooks.slow_query_ms = SLOW_QUERY_MS;
  return dsql_rt_observe(rt, &hooks);
}

/* ---- routes ---- */

static bool is(dsql_str s, const char *text) { return s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0; }

/* What stands behind the prefix, if it begins so. */
static bool behind(dsql_str s, const char *prefix, dsql_str *rest) {
  size_t n = strlen(prefix);
  if (s.len < n || memcmp(s.ptr, prefix, n) != 0) return false;
  *rest = (dsql_str){s.ptr + n, s.len - n};
  return true;
}

static void get_accounts(struct client *c) {
  dsql_str text;
  int64_t after = INT64_MIN;

  if (c->request.query.len && !(behind(c->request.query, "after=", &text) && http_int8_parse(text, &after)))
    refuse(c, 400, "the query is after=<account>");
  else
    start_query(c, "SELECT id, cents FROM account WHERE id > $1 ORDER BY id LIMIT $2",
                DSQL_PARAMS(dsql_int8(after), dsql_int8(PAGE_ROWS)), on_accounts);
}

static void get_account(struct client *c, dsql_str text) {
  int64_t id;

  if (!http_int8_parse(text, &id))
    refuse(c, 400, "an account is a number");
  else
    start_query(c, "SELECT id, cents FROM account WHERE id = $1", DSQL_PARAMS(dsql_int8(id)), on_account);
}

static void get_transfer(struct client *c, dsql_str text) {
  if (!http_uuid_parse(text, &c->transfer.id))
    refuse(c, 400, "a transfer is a UUID");
  else
    start_query(c, "SELECT payer, payee, cents FROM transfer WHERE id = $1",
                DSQL_PARAMS(dsql_uuid_param(c->transfer.id)), on_found);
}

static void route(struct client *c) {
  const struct http_request *q = &c->request;
  bool accounts = is(q->path, "/accounts"), transfers = is(q->path, "/transfers"), metrics = is(q->path, "/metrics");
  bool get = is(q->method, "GET");
  dsql_str account, id;
  bool one_account = behind(q->path, "/accounts/", &account), one_transfer = behind(q->path, "/transfers/", &id);

  if (!accounts && !one_account && !transfers && !one_transfer && !metrics)
    refuse(c, 404, "there are /accounts, /transfers and /metrics");
  else if (transfers && !is(q->method, "POST"))
    answer(c, 405, "Allow: POST\r\n", "{\"error\":\"POST only\"}\n");
  else if (!transfers && !get)
    answer(c, 405, "Allow: GET\r\n", "{\"error\":\"GET only\"}\n");
  else if (metrics)
    get_metrics(c);
  else if (accounts)
    get_accounts(c);
  else if (one_account)
    get_account(c, account);
  else if (one_transfer)
    get_transfer(c, id);
  else
    post_transfer(c);
}

/* ---- bytes in ---- */

static void on_room(uv_handle_t *h, size_t suggested, uv_buf_t *out) {
  struct client *c = h->data;
  (void)suggested;
  *out = uv_buf_init(c->in + c->in_len, (unsigned)(sizeof c->in - c->in_len));
}

static void on_bytes(uv_stream_t *s, ssize_t n, const uv_buf_t *buf) {
  struct client *c = s->data;

  (void)buf;
  if (n < 0 && (n != UV_EOF || c->lingering)) {
    drop(c);
  } else if (c->lingering) {
    return;
  } else if (n == UV_EOF) {
    c->end_of_input = true; /* what came before is still answered */
    uv_read_stop(s);
    if (!c->busy) serve(c);
  } else if (n > 0) {
    c->in_len += (size_t)n;
    if (c->in_len == sizeof c->in) uv_read_stop(s); /* until one is answered */
    if (!c->busy) serve(c);
  }
}

static void read_on(struct client *c) {
  int rc = uv_read_start((uv_stream_t *)&c->tcp, on_room, on_bytes);
  if (rc && rc != UV_EALREADY) drop(c);
}

/* Begins with the next request, or reads on. */
static void serve(struct client *c) {
  int status = http_request_parse(c->in, c->in_len, &c->request);

  if (status == HTTP_WHOLE) {
    c->busy = true;
    uv_timer_stop(&c->timer);
    route(c);
  } else if (status != HTTP_INCOMPLETE) {
    c->busy = true;
    c->request.keep_alive = false; /* nobody can tell where the next request begins */
    refuse(c, status, reason(status));
  } else if (c->end_of_input) {
    drop(c);
    return;
  } else {
    uv_timer_start(&c->timer, on_timeout, CLIENT_TIMEOUT_MS, 0);
  }
  if (!c->closing && !c->end_of_input && c->in_len < sizeof c->in) read_on(c);
}

static void on_connection(uv_stream_t *listener, int status) {
  struct server *s = listener->data;
  struct client *c = status ? NULL : calloc(1, sizeof *c);

  if (!c) return;
  c->server = s;
  c->handles = 2;
  c->tcp.data = c->timer.data = c;
  uv_tcp_init(s->loop, &c->tcp);
  uv_timer_init(s->loop, &c->timer);
  c->next = s->clients;
  c->link = &s->clients;
  if (c->next) c->next->link = &c->next;
  s->clients = c;
  s->client_count++;
  if (uv_accept(listener, (uv_stream_t *)&c->tcp) || uv_tcp_nodelay(&c->tcp, 1) || s->client_count > CLIENTS_MAX)
    drop(c);
  else
    serve(c);
}

/* ---- the server ---- */

static void on_pool_closed(dsql_future *f, void *arg) {
  struct server *s = arg;
  dsql_future_destroy(f);
  dsql_rt_close(s->rt, NULL, NULL);
}

/* Nobody new; what runs in the database has two seconds to come to its end, unobserved. */
static void stop(struct server *s) {
  dsql_future *f;

  if (uv_is_closing((uv_handle_t *)&s->listener)) return;
  uv_close((uv_handle_t *)&s->listener, NULL);
  for (int i = 0; i < 2; i++) uv_close((uv_handle_t *)&s->signals[i], NULL);
  while (s->clients) drop(s->clients);
  f = dsql_pool_close(s->pool, 2000);
  if (dsql_future_on_ready(f, on_pool_closed, s)) on_pool_closed(f, s);
}

static void on_signal(uv_signal_t *signal, int number) {
  (void)number;
  stop(signal->data);
}

static int listen_on(struct server *s, int port) {
  static const int numbers[] = {SIGINT, SIGTERM};
  struct sockaddr_in a;
  int len = sizeof a, rc = uv_ip4_addr("127.0.0.1", port, &a);

  uv_tcp_init(s->loop, &s->listener);
  s->listener.data = s;
  for (int i = 0; i < 2; i++) {
    uv_signal_init(s->loop, &s->signals[i]);
    s->signals[i].data = s;
    if (rc == 0) rc = uv_signal_start(&s->signals[i], on_signal, numbers[i]);
  }
  if (rc == 0) rc = uv_tcp_bind(&s->listener, (struct sockaddr *)&a, 0);
  if (rc == 0) rc = uv_listen((uv_stream_t *)&s->listener, 128, on_connection);
  if (rc == 0) rc = uv_tcp_getsockname(&s->listener, (struct sockaddr *)&a, &len);
  if (rc == 0) printf("listening on http://127.0.0.1:%d\n", ntohs(a.sin_port));
  if (rc) fprintf(stderr, "http_server: %s\n", uv_strerror(rc));
  fflush(stdout);
  return rc;
}

int main(int argc, char **argv) {
  struct server s = {.loop = uv_default_loop()};
  dsql_target *target;
  int code = DSQL_EINVAL;

  if (dsql_rt_new(&s.rt, s.loop, NULL) || observe(s.rt)) return 1;
  target = cluster_target(s.rt);
  if (target) {
    code = dsql_pool_new(&s.pool, s.rt, target, NULL);
    if (code) failed("the pool", code, NULL);
    if (code == 0) code = open_bank(s.pool, 16);
    dsql_target_free(target); /* the pool keeps it */
  }
  if (code == 0) {
    code = listen_on(&s, argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0);
    if (code) stop(&s);
  } else {
    dsql_rt_close(s.rt, NULL, NULL);
  }
  uv_run(s.loop, UV_RUN_DEFAULT);
  return code != 0;
}
