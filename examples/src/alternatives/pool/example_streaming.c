/* A result of any size in little memory: rows are written to standard output as CSV while they come. While a block is
 * being written no row is read, so a slow reader of the output holds the server back, and the loop stays free.
 *
 *   example_streaming [ROWS] | ...        100000 unless given */
#include "../../common.h"

#define SQL_ROWS "SELECT n, md5(n::text) FROM generate_series(1, $1::int8) n"

enum { BLOCK_SIZE = 64 * 1024, LINE_SIZE = 64, OUTPUT_FAILED = 2 };

struct export {
  dsql_future *query;
  uv_loop_t *loop;
  uv_fs_t write;
  bool writing, failed;
  char block[BLOCK_SIZE];
  size_t len, written;
  int64_t rows;
};

static int write_block(struct export *x);

/* A file or a pipe may take less than it was given. */
static void on_written(uv_fs_t *req) {
  struct export *x = req->data;
  ssize_t n = req->result;

  uv_fs_req_cleanup(req);
  x->writing = false;
  if (n < 0) {
    fprintf(stderr, "standard output: %s\n", uv_strerror((int)n));
    x->failed = true;
  } else {
    x->written += (size_t)n;
  }
  if (!x->failed && x->written < x->len && write_block(x) == 0) return;
  x->len = x->written = 0;
  dsql_resume(x->query); /* harmless when all rows are there */
}

/* In libuv's thread pool: works with files, pipes and terminals alike. */
static int write_block(struct export *x) {
  uv_buf_t buf = uv_buf_init(x->block + x->written, (unsigned)(x->len - x->written));
  int rc;

  x->write.data = x;
  rc = uv_fs_write(x->loop, &x->write, 1, &buf, 1, -1, on_written);
  x->writing = rc == 0;
  x->failed = rc != 0;
  return rc;
}

static int on_row(const dsql_result *row, void *arg) {
  struct export *x = arg;
  dsql_str hash;
  int64_t n;

  if (x->failed) return OUTPUT_FAILED;
  if (dsql_get_int8(row, 0, 0, &n) || dsql_get_text(row, 0, 1, &hash)) return OUTPUT_FAILED;
  x->len += (size_t)snprintf(x->block + x->len, LINE_SIZE, "%" PRId64 ",%.*s\n", n, (int)hash.len, hash.ptr);
  x->rows++;
  if (x->len + LINE_SIZE <= BLOCK_SIZE) return 0;
  return write_block(x) ? OUTPUT_FAILED : DSQL_ROW_PAUSE;
}

static int export_rows(dsql_pool *pool, struct export *x, int64_t rows) {
  dsql_call call;
  int code;

  dsql_call_init(&call);
  call.read_only = true;
  x->query = dsql_pool_query_each(pool, SQL_ROWS, DSQL_PARAMS(dsql_int8(rows)), on_row, x, &call);
  code = dsql_future_run(x->query);
  if (code && !x->failed) failed("the query", code, dsql_future_error(x->query));
  if (code == 0 && x->len) code = write_block(x); /* the rest */
  while (x->writing) uv_run(x->loop, UV_RUN_ONCE);
  dsql_future_destroy(x->query);
  if (code == 0 && !x->failed) fprintf(stderr, "%" PRId64 " rows\n", x->rows);
  return code != 0 || x->failed;
}

int main(int argc, char **argv) {
  static struct export x;
  int64_t rows = argc > 1 ? strtoll(argv[1], NULL, 10) : 100000;
  dsql_rt *rt;
  dsql_target *target;
  dsql_pool *pool;
  int status = 1, code;

  x.loop = uv_default_loop();
  if (dsql_rt_new(&rt, x.loop, NULL)) return 1;
  target = cluster_target(rt);
  if (target) {
    code = dsql_pool_new(&pool, rt, target, NULL);
    if (code)
      failed("the pool", code, NULL);
    else
      status = export_rows(pool, &x, rows);
    dsql_target_free(target);
  }
  dsql_rt_close(rt, NULL, NULL); /* and the pool with it */
  uv_run(x.loop, UV_RUN_DEFAULT);
  return status;
}
