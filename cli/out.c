#include "out.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

void out_init(struct out *o, int fd) {
  o->fd = fd;
  o->os_error = 0;
  o->used = 0;
}

/* The descriptor may be non-blocking because another process that shares it made it so. */
static void wait_writable(int fd) {
  struct pollfd p = {.fd = fd, .events = POLLOUT};
  (void)poll(&p, 1, -1);
}

static void write_all(struct out *o, const char *p, size_t n) {
  while (n > 0 && !o->os_error) {
    ssize_t written = write(o->fd, p, n);
    if (written >= 0) {
      p += written;
      n -= (size_t)written;
    } else if (errno == EAGAIN) {
      wait_writable(o->fd);
    } else if (errno != EINTR) {
      o->os_error = errno;
    }
  }
}

void out_flush(struct out *o) {
  write_all(o, o->buffer, o->used);
  o->used = 0;
}

void out_bytes(struct out *o, const char *p, size_t n) {
  if (n > OUT_BUFFER_SIZE - o->used) out_flush(o);
  if (n >= OUT_BUFFER_SIZE) {
    write_all(o, p, n);
  } else if (n > 0) {
    memcpy(o->buffer + o->used, p, n);
    o->used += n;
  }
}

void out_string(struct out *o, const char *s) { out_bytes(o, s, strlen(s)); }

void out_char(struct out *o, char c) {
  if (o->used == OUT_BUFFER_SIZE) out_flush(o);
  o->buffer[o->used++] = c;
}

void out_repeat(struct out *o, char c, size_t n) {
  while (n-- > 0) out_char(o, c);
}

void out_number(struct out *o, unsigned long long n) {
  char digits[24];
  size_t i = sizeof digits;
  do digits[--i] = (char)('0' + n % 10);
  while ((n /= 10) > 0);
  out_bytes(o, digits + i, sizeof digits - i);
}
