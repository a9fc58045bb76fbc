/* copy_file.h - the file of a COPY, read and written in libuv's thread pool while the connection is served.
 *
 * In, the next piece is read while the one before leaves; a source without data answers DSQL_COPY_LATER. Out, one buffer
 * is written while the other one fills; when both are full the sink answers DSQL_ROW_PAUSE. */
#ifndef DSQL_CLI_COPY_FILE_H
#define DSQL_CLI_COPY_FILE_H

#include <stdbool.h>
#include <uv.h>

#include <dsql/copy.h>

enum { COPY_FILE_BUFFER = 256 * 1024 };

struct copy_file {
  const char *path; /* "-": standard input or output */
  uv_loop_t *loop;
  uv_fs_t request;
  uv_timer_t progress;
  dsql_future *future; /* of the COPY: the caller's */
  int fd, error;       /* libuv's */
  bool in, busy, end, held, emptied, shows_progress;
  char *buffer[2];
  size_t len[2], cap[2], written; /* written: of the buffer that is with the file */
  unsigned current;               /* with the connection */
  uint64_t bytes, began_ns;
};

/* 0, or libuv's error, told. What a file to be written has stays there until the first data come, or the COPY
 * has gone well without any. */
int copy_file_open(struct copy_file *f, const char *path, bool in, uv_loop_t *loop);
/* Starts the COPY that sql says. */
dsql_future *copy_file_start(struct copy_file *f, dsql_conn *c, const char *sql, const dsql_call *call);
/* Behind the COPY's end: writes what is left, when it went well. 0, or libuv's error, told. */
int copy_file_close(struct copy_file *f, bool went_well);

/* Standard input is still being read, which nobody can take back: the loop must not be waited for. */
bool copy_file_is_stuck(const struct copy_file *f);

#endif
