#include "net/link_internal.h"

/* A fast sender must not starve the loop's other handles. */
enum { READS_PER_TURN = 4 };

static void keep(struct link *l, const uint8_t *p, size_t n) {
  struct fault f = {0};
  buf_put(&l->kept, p, n);
  if (buf_ok(&l->kept)) return;
  fault_set(&f, DSQL_ENOMEM, "out of memory for received bytes");
  link_end(l, &f);
}

void link_deliver(struct link *l, const uint8_t *p, size_t n) {
  if (l->has_tls) {
    link_deliver_tls(l, p, n);
    if (link_live(l) && tls_pending_input(&l->tls)) {
      keep(l, p + (n - tls_pending_input(&l->tls)), tls_pending_input(&l->tls));
      tls_feed(&l->tls, NULL, 0);
    }
  } else if (n) {
    l->events->on_data(l->owner, p, n);
  }
}

void link_read(struct link *l) {
  size_t limit = l->read_limit && l->read_limit < RT_SLAB_SIZE ? l->read_limit : RT_SLAB_SIZE;
  uint8_t *slab = rt_slab(l->rt, 0);
  struct fault f = {0};

  if (!slab) {
    fault_set(&f, DSQL_ENOMEM, "out of memory for received bytes");
    link_end(l, &f);
    return;
  }
  for (int i = 0; i < READS_PER_TURN && link_live(l) && !l->paused; i++) {
    int os_error = 0;
    ptrdiff_t n = socket_recv(l->fd, slab, limit, &os_error);
    if (n == -1) return;
    if (n == -2) {
      link_end_os(l, "the connection broke", l->write_error ? l->write_error : os_error);
      return;
    }
    if (n == 0) {
      if (l->write_error) {
        link_end_os(l, "the connection broke", l->write_error);
        return;
      }
      fault_set(&f, DSQL_ECLOSED, "the server closed the connection");
      link_end(l, &f);
      return;
    }
    l->stats.reads++;
    l->stats.bytes_received += (uint64_t)n;
    link_deliver(l, slab, (size_t)n);
    /* A short read emptied the socket: asking again would only cost a system call. */
    if ((size_t)n < limit || l->read_limit) return;
  }
}
