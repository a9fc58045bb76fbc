#include <assert.h>
#include <errno.h>

#include "net/error_text.h"
#include "net/link_state.h"

static void end_socket(struct link *l, int os_error, const char *what) {
  char text[ERROR_TEXT_SIZE];
  struct fault f = {.os_error = os_error};
  fault_set(&f, DSQL_EIO, "%s: %s", what, error_text(os_error, text));
  link_end(l, &f);
}

/* The first cause is the one to tell: a failed write, after which the read side only saw its consequence. */
static void end_write(struct link *l) {
  end_socket(l, l->write_error, "the connection to the server broke while sending");
}

static void end_of_stream(struct link *l) {
  struct fault f = {0};
  if (l->write_dead) {
    end_write(l);
    return;
  }
  fault_set(&f, DSQL_ECLOSED, "the server closed the connection");
  link_end(l, &f);
}

static void end_read(struct link *l, int os_error) {
  if (l->write_dead)
    end_write(l);
  else
    end_socket(l, os_error, "the connection to the server broke");
}

static void end_nomem(struct link *l) {
  struct fault f = {0};
  fault_set(&f, DSQL_ENOMEM, "out of memory for received bytes");
  link_end(l, &f);
}

/* Nothing to read, although the socket reported an error, or a write failed. */
static void nothing_read(struct link *l, bool error_seen) {
  int os_error;
  if (l->write_dead) {
    end_write(l);
  } else if (error_seen && (os_error = socket_connect_result(l->fd)) != 0) {
    end_read(l, os_error);
  }
}

/* What a pause left in kept; true when all of it is read and reading may go on. */
static bool read_kept(struct link *l) {
  size_t n = queue_left(&l->kept), left;

  if (l->state == LINK_PLAIN) return true;
  left = link_tls_take(l, n ? queue_front(&l->kept) : NULL, n);
  if (link_gone(l)) return false;
  queue_take(&l->kept, n - left);
  return link_reading(l);
}

/* Keeps what a pause left unread of the slab. */
static void keep(struct link *l, const uint8_t *p, size_t n) {
  if (n == 0 || link_gone(l)) return;
  assert(queue_left(&l->kept) == 0);
  buf_put(&l->kept.buf, p, n);
  if (!buf_ok(&l->kept.buf)) end_nomem(l);
}

static void deliver(struct link *l, const uint8_t *p, size_t n) {
  if (l->state != LINK_PLAIN) {
    size_t left = link_tls_take(l, p, n);
    keep(l, p + n - left, left);
    return;
  }
  l->delivering = n;
  l->events->on_data(l->owner, p, n);
  l->delivering = 0;
}

static void read_all(struct link *l, bool error_seen) {
  uint8_t *slab = rt_slab(l->rt, 0);

  if (!slab) {
    end_nomem(l);
    return;
  }
  if (l->fault) {
    link_end(l, l->fault);
    return;
  }
  if (!read_kept(l)) return;
  for (int round = 0; round < LINK_ROUNDS && link_reading(l); round++) {
    size_t cap = l->read_limit && l->read_limit < RT_SLAB_SIZE ? l->read_limit : RT_SLAB_SIZE;
    int os_error = 0;
    ptrdiff_t n = socket_recv(l->fd, slab, cap, &os_error);

    if (n == -1) {
      nothing_read(l, error_seen);
    } else if (n == -2) {
      end_read(l, os_error);
    } else if (n == 0) {
      end_of_stream(l);
    } else {
      l->stats.reads++;
      l->stats.bytes_received += (uint64_t)n;
      deliver(l, slab, (size_t)n);
    }
    /* A slab that was not filled has emptied the socket: asking again would only tell so. */
    if (n <= 0 || ((size_t)n < RT_SLAB_SIZE && !error_seen && !l->write_dead)) return;
  }
}

void link_read(struct link *l, bool error_seen) {
  read_all(l, error_seen);
  if (!link_gone(l)) link_bulk_read(l);
}
