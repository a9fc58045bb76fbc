/* out.h - buffered output to a file descriptor that survives a closed pipe: after the first failed write everything
 * else is dropped, and the error waits to be asked for. Does not use stdio, whose errors are hard to tell apart. */
#ifndef DSQL_CLI_OUT_H
#define DSQL_CLI_OUT_H

#include <stddef.h>

#include <dsql/dsql.h>

enum { OUT_BUFFER_SIZE = 65536 };

struct out {
  int fd;
  int os_error; /* errno of the first failed write; EPIPE: the reader went away */
  size_t used;
  char buffer[OUT_BUFFER_SIZE];
};

void out_init(struct out *o, int fd);
void out_flush(struct out *o);
void out_bytes(struct out *o, const char *p, size_t n);
void out_string(struct out *o, const char *s); /* NUL-terminated */
void out_char(struct out *o, char c);
void out_repeat(struct out *o, char c, size_t n);
void out_number(struct out *o, unsigned long long n);
static inline void out_view(struct out *o, dsql_str s) { out_bytes(o, s.ptr, s.len); }

#endif
