/* What the source of a COPY calls to hand its data over. */
#include <string.h>

#include "conn/conn.h"
#include "conn/copy.h"
#include "wire/copy_row.h"

static int refuse(dsql_copy *copy, int code, const char *text) {
  if (!copy->fault.code) fault_set(&copy->fault, code, "%s", text);
  copy->quick = NULL;
  return code;
}

/* NULL: it is not the source that calls, or nothing more can be taken. */
static struct buf *output(dsql_copy *copy, int *rc) {
  struct dsql_conn *c = copy->q ? copy->q->conn : NULL;

  *rc = DSQL_EINVAL;
  if (copy->keep && copy->asking) {
    *rc = copy->fault.code ? copy->fault.code : copy->keep->error;
    return *rc ? NULL : copy->keep;
  }
  if (!copy->asking || !c || !c->session_live || c->closing) return NULL;
  *rc = copy->fault.code ? copy->fault.code : c->session.out->error;
  return *rc ? NULL : c->session.out;
}

int dsql_copy_write(dsql_copy *copy, const void *data, size_t n) {
  int rc;
  struct buf *out = copy ? output(copy, &rc) : NULL;
  size_t from;

  if (!copy) return DSQL_EINVAL;
  if (!out) return rc;
  if (copy->rows)
    return refuse(copy, DSQL_EINVAL,
                  "a COPY's data is written with dsql_copy_row() or with "
                  "dsql_copy_write(), not with both");
  if (n && !data) return refuse(copy, DSQL_EINVAL, "dsql_copy_write(): no data was given (NULL)");
  copy->raw = true;
  from = out->len;
  buf_put(out, data, n);
  if (copy->keep && buf_ok(out)) copy->kept(copy, from);
  return out->error;
}

static int tell_wrong(dsql_copy *copy, int rc, size_t column) {
  struct fault *f = &copy->fault;

  if (rc == DSQL_ETYPE)
    return copy->binary ? fault_set(f, rc,
                                    "dsql_copy_row(): value %zu has a textual form only, and this COPY is FORMAT "
                                    "binary; give it in binary, or use FORMAT text",
                                    column + 1)
                        : fault_set(f, rc,
                                    "dsql_copy_row(): there is no codec that turns value %zu into text; give it "
                                    "as text",
                                    column + 1);
  if (rc == DSQL_ENOMEM) return fault_set(f, rc, "out of memory for a row of a COPY");
  if (rc == DSQL_ETOOBIG)
    return fault_set(f, rc,
                     "dsql_copy_row(): the row is over a limit of the protocol: 65,535 "
                     "values, 1 GiB");
  return fault_set(f, rc,
                   "dsql_copy_row(): value %zu can't be sent: its constructor refused it, or a text has a NUL "
                   "byte",
                   column + 1);
}

static int check_row(dsql_copy *copy, dsql_params row) {
  if (copy->raw)
    return refuse(copy, DSQL_EINVAL,
                  "a COPY's data is written with dsql_copy_row() or with "
                  "dsql_copy_write(), not with both");
  if (row.n && !row.v) return refuse(copy, DSQL_EINVAL, "dsql_copy_row(): no values were given (NULL)");
  if (copy->csv && !copy->binary)
    return refuse(copy, DSQL_EINVAL, "dsql_copy_row() writes FORMAT text or binary, not csv");
  if (copy->keep && !copy->columns) copy->columns = (unsigned)row.n; /* the first one tells */
  if (row.n == copy->columns) return 0;
  return fault_set(&copy->fault, DSQL_EINVAL, "dsql_copy_row(): %zu values for %u columns", row.n, copy->columns);
}

/* The long way: the first row, whatever is wrong, and what wire_copy_row_quick() leaves. */
__attribute__((noinline)) static int put_row(dsql_copy *copy, dsql_params row) {
  int rc;
  struct buf *out = copy ? output(copy, &rc) : NULL;
  struct arena *texts;
  size_t from, wrong;
  bool mixed = copy && copy->quick && row.n == copy->columns && row.v;

  if (!copy) return DSQL_EINVAL;
  copy->quick = NULL;
  if (!out) return rc;
  if (mixed && wire_copy_row_mixed(out, row.v, row.n)) {
    copy->quick = out;
    return 0;
  }
  from = out->len;
  if (check_row(copy, row)) return copy->fault.code;
  texts = copy->keep ? copy->texts : &copy->q->row_arena;
  if (copy->binary && !copy->rows && !copy->keep) wire_copy_signature(out);
  rc = copy->binary ? wire_copy_row_binary(out, row, &wrong) : wire_copy_row_text(out, texts, row, &wrong);
  if (texts->bytes) arena_deinit(texts);
  if (rc) {
    buf_truncate(out, from);
    return tell_wrong(copy, rc, wrong);
  }
  copy->rows = true;
  copy->quick = copy->binary && !copy->keep && row.n ? out : NULL;
  if (copy->keep) copy->kept(copy, from);
  return 0;
}

int dsql_copy_row(dsql_copy *copy, dsql_params row) {
  if (!copy || !copy->quick || row.n != copy->columns || !row.v) return put_row(copy, row);
  if (copy_row_put(copy->quick, row.v, row.n, COPY_TEXT_MAX)) return 0;
  row.n = copy->columns; /* spares a register */
  return put_row(copy, row);
}

dsql_copy_next dsql_copy_fail(dsql_copy *copy, int app_code) {
  copy->app_code = app_code;
  return DSQL_COPY_FAIL;
}

bool dsql_copy_is_binary(const dsql_copy *copy) { return copy && copy->binary; }
unsigned dsql_copy_columns(const dsql_copy *copy) { return copy ? copy->columns : 0; }

uint64_t dsql_copy_written(const dsql_copy *copy) {
  const struct query *q = copy ? copy->q : NULL;
  if (!copy) return 0;
  if (!q || !copy->asking || !q->conn || !q->conn->session_live) return copy->written;
  return copy->written + q->conn->session.out->len - copy->from - WIRE_HEADER_SIZE;
}
