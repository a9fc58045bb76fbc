/* peer_dsql.c - the works of round.h through libdsql.
 *
 *   peer_dsql LOOPS WORK ...     LOOPS: one event loop for all connections, or more, each with its share of them, in a
 *                                thread of its own, as servers that embed libuv use several processors */
#include "peer_dsql.h"

#include <dsql/types.h>
#include <stdio.h>
#include <stdlib.h>

#include "../measure.h"

void peer_check(int code) {
  if (code) die("dsql: %s", dsql_error_name(code));
}

void peer_must(dsql_future *f) {
  const dsql_error *e = dsql_future_error(f);
  if (e) die("dsql: %s: %s: %.*s", dsql_error_name(e->code), e->sqlstate, (int)e->message.len, e->message.ptr);
  peer_check(dsql_future_code(f));
}

const dsql_result *peer_result(dsql_future *f) {
  const dsql_result *r;
  peer_must(f);
  peer_check(dsql_future_result(f, &r));
  return r;
}

/* ---- decoding ---- */

enum { ELEMENTS_MAX = 1000 }; /* of an array */

static int64_t decode_integer(const dsql_result *r, size_t row, unsigned col) {
  int64_t v;
  peer_check(dsql_get_int8(r, row, col, &v));
  return v;
}

static int64_t decode_bool(const dsql_result *r, size_t row, unsigned col) {
  bool v;
  peer_check(dsql_get_bool(r, row, col, &v));
  return v;
}

static int64_t decode_char(const dsql_result *r, size_t row, unsigned col) {
  dsql_str v;
  peer_check(dsql_get_text(r, row, col, &v));
  return v.len > 0 ? (unsigned char)v.ptr[0] : 0;
}

static int64_t decode_text(const dsql_result *r, size_t row, unsigned col) {
  dsql_str v;
  peer_check(dsql_get_text(r, row, col, &v));
  return text_check(v.ptr, v.len);
}

static int64_t decode_bytea(const dsql_result *r, size_t row, unsigned col) {
  dsql_str v;
  peer_check(dsql_get_bytes(r, row, col, &v));
  return text_check(v.ptr, v.len);
}

static int64_t decode_date(const dsql_result *r, size_t row, unsigned col) {
  int32_t days;
  peer_check(dsql_get_date(r, row, col, &days));
  return days;
}

static int64_t decode_timestamptz(const dsql_result *r, size_t row, unsigned col) {
  int64_t us;
  peer_check(dsql_get_timestamptz(r, row, col, &us));
  return us / 1000000;
}

static int64_t decode_array(const dsql_result *r, size_t row, unsigned col) {
  int32_t elements[ELEMENTS_MAX];
  dsql_value v;
  size_t n;
  int64_t sum = 0;

  peer_check(dsql_get_value(r, row, col, &v));
  peer_check(dsql_value_int4_array(&v, elements, ELEMENTS_MAX, &n));
  for (size_t i = 0; i < n; i++) sum += elements[i];
  return sum;
}

static int64_t decode_field(enum type type, const dsql_result *r, size_t row, unsigned col) {
  switch (type) {
    case INT4:
    case INT2:
    case OID: return decode_integer(r, row, col);
    case BOOL: return decode_bool(r, row, col);
    case CHAR: return decode_char(r, row, col);
    case NAME:
    case TEXT: return decode_text(r, row, col);
    case BYTEA: return decode_bytea(r, row, col);
    case DATE: return decode_date(r, row, col);
    case TIMESTAMPTZ: return decode_timestamptz(r, row, col);
    case INT4_ARRAY: return decode_array(r, row, col);
    case FLOAT8: break;
  }
  die("dsql: a column of an unexpected type");
}

int64_t peer_decode(const struct work *w, const dsql_result *r) {
  size_t rows = dsql_result_rows(r);
  int64_t sum = 0;
  if (dsql_result_cols(r) != (unsigned)w->columns) die("dsql: unexpected number of columns");
  for (size_t row = 0; row < rows; row++)
    for (int col = 0; col < w->columns; col++) sum += decode_field(w->column[col], r, row, (unsigned)col);
  return sum;
}

/* ---- works ---- */

static void on_rows(dsql_future *f, void *arg) {
  struct worker *w = arg;
  const dsql_result *r = peer_result(f);
  size_t rows = dsql_result_rows(r);

  w->peer->sum += peer_decode(&w->peer->work, r);
  dsql_future_destroy(f);
  peer_done(w, rows);
}

static void start_query(struct worker *w) {
  struct peer *p = w->peer;
  dsql_params params = {p->params, (size_t)p->work.arguments};
  peer_check(dsql_future_on_ready(dsql_query_stmt(w->conn, p->stmt, params, NULL), on_rows, w));
}

void peer_start(struct worker *w) {
  w->begun_ns = now_ns();
  switch (w->peer->work.kind) {
    case QUERY: start_query(w); break;
    case BATCH: peer_start_batch(w); break;
    case CONNECT: peer_start_connect(w); break;
    case TRANSFER: peer_start_transfer(w); break;
    case COPY: peer_start_copy(w); break;
  }
}

void peer_done(struct worker *w, uint64_t rows) {
  record(w->recorder, w->begun_ns, rows);
  w->n++;
  if (now_ns() < w->peer->deadline_ns) peer_start(w);
}

struct peers {
  struct peer peer[CONNECTIONS_MAX];
  int count;
};

static void run_one(void *arg) {
  struct peer *p = arg;
  for (int i = 0; i < p->workers_count; i++) peer_start(&p->workers[i]);
  uv_run(&p->loop, UV_RUN_DEFAULT);
}

static void run(void *arg, int64_t deadline_ns) {
  struct peers *all = arg;
  uv_thread_t threads[CONNECTIONS_MAX];

  for (int i = 0; i < all->count; i++) all->peer[i].deadline_ns = deadline_ns;
  for (int i = 1; i < all->count; i++)
    if (uv_thread_create(&threads[i], run_one, &all->peer[i])) die("no thread");
  run_one(&all->peer[0]);
  for (int i = 1; i < all->count; i++) uv_thread_join(&threads[i]);
}

/* ---- set-up ---- */

static dsql_param param_of(const struct argument *a) {
  switch (a->type) {
    case INT4: return dsql_int4(a->integer);
    case BOOL: return dsql_bool(a->integer != 0);
    case FLOAT8: return dsql_float8(a->real);
    default: return dsql_text(a->text);
  }
}

static void make_target(struct peer *p) {
  static const char *const options[] = {
      [TLS_DISABLE] = "user=trust_user sslmode=disable",
      [TLS_POSTGRES] = "user=password_user password=secret sslmode=verify-full",
      [TLS_DIRECT] = "user=password_user password=secret sslmode=verify-full sslnegotiation=direct"};
  char target[1024];
  dsql_config config;
  const dsql_error *error;

  (void)snprintf(target, sizeof target, "host=localhost hostaddr=127.0.0.1 port=%s dbname=postgres %s%s%s",
                 p->work.port, options[p->work.tls], p->work.tls ? " sslrootcert=" : "", p->work.tls ? p->work.ca : "");
  dsql_config_init(&config);
  config.target = target;
  if (dsql_target_new(&p->target, p->rt, &config, &error))
    die("dsql: %.*s", (int)error->message.len, error->message.ptr);
}

static void make_statements(struct peer *p) {
  const char *sql = p->work.kind == TRANSFER ? TRANSFER_READ : p->work.sql;
  peer_check(dsql_stmt_new(&p->stmt, p->rt, sql, NULL, 0));
  peer_check(dsql_stmt_new(&p->update, p->rt, TRANSFER_UPDATE, NULL, 0));
  for (int i = 0; i < p->work.arguments; i++) p->params[i] = param_of(&p->work.argument[i]);
}

static void make_pool(struct peer *p) {
  dsql_pool_config config;
  dsql_pool_config_init(&config);
  config.conns_max = config.conns_min = (uint32_t)p->workers_count;
  peer_check(dsql_pool_new(&p->pool, p->rt, p->target, &config));
}

static void make_worker(struct peer *p, struct worker *w, struct recorder *recorder) {
  w->peer = p;
  w->recorder = recorder;
  if (p->work.kind != CONNECT && p->work.kind != TRANSFER) peer_check(dsql_conn_open(&w->conn, p->rt, p->target));
  if (p->work.kind == BATCH && !(w->group = calloc((size_t)p->work.rows, sizeof(dsql_future *)))) die("out of memory");
}

static void set_up(struct peer *p) {
  peer_check(uv_loop_init(&p->loop));
  peer_check(dsql_rt_new(&p->rt, &p->loop, NULL));
  make_target(p);
  make_statements(p);
  if (p->work.kind == TRANSFER) make_pool(p);
}

static void tear_down(struct peer *p) {
  dsql_stmt_free(p->stmt);
  dsql_stmt_free(p->update);
  for (int i = 0; i < p->workers_count; i++) {
    if (p->workers[i].conn) dsql_conn_close(p->workers[i].conn);
    free(p->workers[i].group);
  }
  if (p->pool) dsql_future_destroy(dsql_pool_close(p->pool, 0));
  dsql_target_free(p->target);
  dsql_rt_close(p->rt, NULL, NULL);
  uv_run(&p->loop, UV_RUN_DEFAULT);
}

/* Every loop gets its share of the connections. */
static void share_out(struct peers *all, const struct work *w, struct worker *workers, struct recorder *recorders) {
  for (int i = 0, next = 0; i < all->count; i++) {
    struct peer *p = &all->peer[i];
    p->work = *w;
    p->workers = workers + next;
    p->workers_count = (w->connections - next) / (all->count - i);
    set_up(p);
    for (int k = 0; k < p->workers_count; k++, next++) {
      workers[next].index = next;
      make_worker(p, &workers[next], &recorders[next]);
    }
  }
}

int main(int argc, char **argv) {
  static struct peers all;
  static struct worker workers[CONNECTIONS_MAX];
  static struct recorder recorders[CONNECTIONS_MAX];
  struct work w;

  if (argc < 2) die("usage: peer_dsql LOOPS WORK SECONDS WARM_UP_SECONDS CONNECTIONS");
  work_read(&w, argc - 2, argv + 2);
  all.count = (int)strtol(argv[1], NULL, 10);
  if (all.count < 1 || all.count > w.connections)
    die("%s is no number of loops for %d connections", argv[1], w.connections);
  share_out(&all, &w, workers, recorders);
  peer_start(&workers[0]); /* once: the deadline has passed */
  uv_run(&all.peer[0].loop, UV_RUN_DEFAULT);
  rounds(&w, dsql_version(), all.peer[0].sum, recorders, w.connections, run, &all);
  for (int i = 0; i < all.count; i++) tear_down(&all.peer[i]);
  return 0;
}
