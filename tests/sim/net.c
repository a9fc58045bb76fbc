#include "net.h"

#include <errno.h>
#include <netinet/in.h>
#include <uv.h>

#include "cluster.h"
#include "fake_tls.h"
#include "net/socket.h"
#include "server.h"
#include "sniffer.h"

enum { FD_FIRST = 1000, SEGMENTS_MAX = 8192 };
static const uint64_t NO_CUT = UINT64_MAX;

struct segment {
  uint64_t at_us;
  size_t n;
  bool end, reset; /* behind its bytes */
};

struct pipe {
  uint8_t *data;
  size_t head, len, cap; /* data[head..len) is arrived and not taken, then under way */
  size_t arrived;
  struct segment *segments;
  size_t first, count, room;
  uint64_t last_us, total, cut_at;
  bool cut, ended, was_reset;
  struct event event;
};

struct net_conn {
  struct list node;
  int fd;
  unsigned host;
  bool connected, closed, ready; /* closed: by the client */
  bool up_ending;
  bool feeding;      /* the session is at work: it may end, c may not go */
  int connect_error; /* once connected is true */
  uint64_t latency_us;
  size_t kernel_max, low_water; /* low_water: so many bytes do not make it readable */
  struct pipe up, down;
  struct event connecting;
  struct backend *session; /* NULL: it has ended */
  struct sniffer sniffer;
  size_t sniffed; /* with TLS: so many bytes beyond those that were taken */
};

static struct net {
  struct list conns;
  int next_fd;
  unsigned open;
  uint64_t refuse_until_us;
} net;

void net_init(void) {
  net = (struct net){.next_fd = FD_FIRST};
  list_init(&net.conns);
}

static void pipe_free(struct pipe *p) {
  sim_stop(&p->event);
  free(p->data);
  free(p->segments);
}

void net_deinit(void) {
  struct list *n;
  sim_check(net.open == 0, "%u sockets are still open", net.open);
  while ((n = list_pop_front(&net.conns)) != NULL) {
    struct net_conn *c = LIST_ENTRY(n, struct net_conn, node);
    sim_stop(&c->connecting);
    pipe_free(&c->up);
    pipe_free(&c->down);
    if (c->session) backend_gone(c->session);
    sniffer_deinit(&c->sniffer);
    free(c);
  }
}

unsigned net_client_sockets(void) { return net.open; }

unsigned net_client_sessions(void) {
  unsigned n = 0;
  for (struct list *l = net.conns.next; l != &net.conns; l = l->next) {
    const struct net_conn *c = LIST_ENTRY(l, struct net_conn, node);
    n += !c->closed && c->ready;
  }
  return n;
}

void net_refuse_until(uint64_t us) { net.refuse_until_us = us; }
void net_mark_ready(struct net_conn *c) { c->ready = true; }
int net_fd(const struct net_conn *c) { return c->fd; }

static struct net_conn *find(int fd) {
  for (struct list *l = net.conns.prev; l != &net.conns; l = l->prev) {
    struct net_conn *c = LIST_ENTRY(l, struct net_conn, node);
    if (c->fd == fd && !c->closed) return c;
  }
  sim_violated("socket %d is used after it was closed", fd);
}

/* ---- pipes ---- */

static void reap(struct net_conn *c);

static void pipe_put(struct pipe *p, const void *data, size_t n) {
  if (n == 0) return;
  if (p->head) {
    memmove(p->data, p->data + p->head, p->len - p->head);
    p->len -= p->head;
    p->head = 0;
  }
  if (p->len + n > p->cap) {
    p->cap = 2 * (p->len + n) + 256;
    p->data = realloc(p->data, p->cap);
    if (!p->data) abort();
  }
  memcpy(p->data + p->len, data, n);
  p->len += n;
}

static void arm(struct pipe *p, void (*fire)(struct event *e)) {
  uint64_t at;
  if (p->event.node.linked || p->count == 0) return;
  at = p->segments[p->first].at_us;
  sim_at(&p->event, at > sim.now_us ? at - sim.now_us : 0, fire);
}

static void pipe_push(struct pipe *p, struct segment s) {
  if (s.at_us < p->last_us) s.at_us = p->last_us;
  p->last_us = s.at_us;
  if (p->first + p->count == p->room) {
    struct segment *more = sim_alloc((2 * p->count + 8) * sizeof *more);
    if (p->count) memcpy(more, p->segments + p->first, p->count * sizeof *more);
    free(p->segments);
    p->segments = more;
    p->room = 2 * p->count + 8;
    p->first = 0;
  }
  p->segments[p->first + p->count++] = s;
}

/* What has not arrived never will. */
static void pipe_forget(struct pipe *p) {
  sim_stop(&p->event);
  p->first += p->count;
  p->count = 0;
  p->len = p->head + p->arrived;
}

static struct segment pipe_pop(struct pipe *p) {
  struct segment s = p->segments[p->first++];
  p->count--;
  p->arrived += s.n;
  if (s.end) p->ended = true;
  if (s.reset) p->was_reset = true;
  return s;
}

static uint64_t delay(const struct net_conn *c) {
  uint64_t us = c->latency_us / 2 + sim_below(c->latency_us + 1);
  return sim_chance(sim.faults.stall) ? us + sim_scaled(60 * 1000000) : us;
}

/* In pieces; nothing behind the cut. */
static void pipe_send(struct net_conn *c, struct pipe *p, const uint8_t *data, size_t n, uint64_t wait_us) {
  uint64_t at = sim.now_us + wait_us + delay(c);

  if (p->cut) return;
  if (n > p->cut_at - p->total) {
    n = (size_t)(p->cut_at - p->total);
    p->cut = true;
  }
  p->total += n;
  pipe_put(p, data, n);
  while (n) {
    size_t part = sim_chance(sim.faults.split) ? 1 + (size_t)sim_below(n < 40 ? n : 40) : n;
    pipe_push(p, (struct segment){.at_us = at, .n = part});
    at += sim_below(c->latency_us / 4 + 1);
    n -= part;
  }
}

/* ---- from the client ---- */

static void up_arrived(struct event *e);
static void down_arrived(struct event *e);

static void server_loses(struct net_conn *c) {
  struct backend *s = c->session;
  c->session = NULL;
  if (s) backend_gone(s);
}

static void up_arrived(struct event *e) {
  struct net_conn *c = LIST_ENTRY(e, struct net_conn, up.event);
  struct segment s = pipe_pop(&c->up);

  sim_note((uint64_t)c->fd << 32 | s.n);
  c->feeding = true;
  if (c->session && s.n) backend_feed(c->session, c->up.data + c->up.head, c->up.arrived);
  c->feeding = false;
  c->up.head += c->up.arrived;
  c->up.arrived = 0;
  if (s.end) server_loses(c);
  arm(&c->up, up_arrived);
  reap(c);
}

static void down_arrived(struct event *e) {
  struct net_conn *c = LIST_ENTRY(e, struct net_conn, down.event);
  struct segment s = pipe_pop(&c->down);
  sim_note((uint64_t)c->fd << 40 | s.n);
  if (s.end) sim_trace("#%d the client sees the %s", c->fd, s.reset ? "reset" : "end");
  arm(&c->down, down_arrived);
  reap(c);
}

/* Once nobody will look at it. */
static void reap(struct net_conn *c) {
  if (!c->closed || c->session || c->feeding || c->up.count || c->up.event.node.linked || c->connecting.node.linked)
    return;
  list_remove(&c->node);
  pipe_free(&c->up);
  pipe_free(&c->down);
  sniffer_deinit(&c->sniffer);
  free(c);
}

static void end_down(struct net_conn *c, bool reset, uint64_t delay_us) {
  if (c->down.ended || (c->down.count && c->down.segments[c->down.first + c->down.count - 1].end)) return;
  c->down.cut = true;
  pipe_push(&c->down, (struct segment){.at_us = sim.now_us + delay_us, .end = true, .reset = reset});
  arm(&c->down, down_arrived);
}

static void end_up(struct net_conn *c, uint64_t delay_us) {
  if (c->up_ending) return;
  c->up_ending = c->up.cut = true;
  pipe_push(&c->up, (struct segment){.at_us = sim.now_us + delay_us, .end = true});
  arm(&c->up, up_arrived);
}

void net_send(struct net_conn *c, const void *p, size_t n, uint64_t delay_us) {
  if (c->closed) return;
  pipe_send(c, &c->down, p, n, delay_us);
  arm(&c->down, down_arrived);
  if (!c->down.cut) return;
  end_down(c, sim_chance(500), delay(c));
  end_up(c, sim_scaled(1000000)); /* the server finds out some time */
}

void net_finish(struct net_conn *c, bool reset, uint64_t delay_us) {
  c->session = NULL;
  end_down(c, reset, delay_us + delay(c));
  reap(c);
}

/* ---- src/net/socket.h ---- */

static void connected(struct event *e) {
  struct net_conn *c = LIST_ENTRY(e, struct net_conn, connecting);
  c->connected = true;
  if (net.refuse_until_us > sim.now_us || cluster_is_down(c->host)) c->connect_error = ECONNREFUSED;
  if (!c->closed && !c->connect_error) c->session = backend_new(c, c->host);
  sim_trace("#%d %s", c->fd, c->connect_error ? "refused" : "connected");
  reap(c);
}

static unsigned last_byte(const struct socket_address *a) {
  const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&a->storage;
  return ntohl(in->sin_addr.s_addr) & 0xff;
}

static void plan(struct net_conn *c) {
  c->up.cut_at = c->down.cut_at = NO_CUT;
  c->latency_us = 50 + sim_scaled(5000);
  c->kernel_max = sim_chance(sim.faults.split) ? 1 + (size_t)sim_scaled(2000) : 64 * 1024;
  if (!sim_chance(sim.faults.cut)) return;
  if (sim_chance(500))
    c->up.cut_at = sim_scaled(4000);
  else
    c->down.cut_at = sim_scaled(4000);
}

int socket_connect(const struct socket_address *a, const struct socket_options *o, int *fd, struct fault *f) {
  struct net_conn *c;
  uint64_t wait_us;

  (void)o;
  *fd = -1;
  if (sim_chance(sim.faults.refuse / 4)) return fault_set(f, DSQL_EIO, "no socket");
  c = sim_alloc(sizeof *c);
  c->host = cluster_host(last_byte(a));
  c->fd = *fd = net.next_fd++;
  list_push_back(&net.conns, &c->node);
  net.open++;
  plan(c);
  wait_us = delay(c);
  if (last_byte(a) == 2 || sim_chance(sim.faults.refuse)) c->connect_error = ECONNREFUSED;
  if (sim_chance(sim.faults.blackhole)) {
    c->connect_error = ETIMEDOUT;
    wait_us = sim_between(20, 130) * 1000000;
  }
  sim_at(&c->connecting, wait_us, connected);
  sim_trace("#%d connecting", c->fd);
  return 1;
}

int socket_connect_result(int fd) {
  const struct net_conn *c = find(fd);
  return c->connected ? c->connect_error : c->down.was_reset ? ECONNRESET : 0;
}

int net_events(int fd) {
  const struct net_conn *c = find(fd);
  if (!c->connected) return 0;
  if (c->connect_error) return UV_WRITABLE | UV_READABLE;
  return (c->down.arrived > c->low_water || c->down.ended ? UV_READABLE : 0) |
         (c->up.len - c->up.head < c->kernel_max || c->down.was_reset ? UV_WRITABLE : 0);
}

bool net_error(int fd) {
  const struct net_conn *c = find(fd);
  return c->connected && (c->connect_error || c->down.was_reset);
}

ptrdiff_t socket_recv(int fd, void *p, size_t n, int *os_error) {
  struct net_conn *c = find(fd);
  struct pipe *d = &c->down;

  if (d->arrived && d->was_reset && sim_chance(300)) d->arrived = 0; /* a reset throws away what was not read yet */
  if (d->arrived) {
    size_t got = d->arrived < n ? d->arrived : n;
    memcpy(p, d->data + d->head, got);
    d->head += got;
    d->arrived -= got;
    return (ptrdiff_t)got;
  }
  if (!d->ended) return -1;
  if (!d->was_reset) return 0;
  *os_error = ECONNRESET;
  return -2;
}

/* Nobody can tell which of a record's bytes was taken last: with the first one, all of it may be. What is offered to the
 * kernel holds whole records. */
static void sniff_records(struct net_conn *c, const uint8_t *p, size_t offered, size_t taken) {
  size_t at = c->sniffed;

  while (at < taken) {
    size_t size = record_size(p + at, offered - at);
    sim_check(size && size <= offered - at, "a part of a record is offered to the kernel");
    if (p[at] == RECORD_DATA) sniffer_take(&c->sniffer, p + at + RECORD_HEAD, size - RECORD_HEAD);
    at += size;
  }
  c->sniffed = at - taken;
}

ptrdiff_t socket_send(int fd, const void *p, size_t n, int *os_error) {
  struct net_conn *c = find(fd);
  size_t asked,
      room = c->kernel_max - (c->up.len - c->up.head < c->kernel_max ? c->up.len - c->up.head : c->kernel_max);

  if (c->down.was_reset) {
    *os_error = sim_chance(500) ? EPIPE : ECONNRESET;
    return -2;
  }
  if (room == 0) return -1;
  asked = n;
  if (n > room) n = room;
  if (server.tls)
    sniff_records(c, p, asked, n);
  else
    sniffer_take(&c->sniffer, p, n);
  if (!c->up.cut) {
    pipe_send(c, &c->up, p, n, 0);
    if (c->up.cut) {
      end_up(c, delay(c));
      end_down(c, sim_chance(500), sim_scaled(2000000));
    }
  }
  arm(&c->up, up_arrived);
  return (ptrdiff_t)n;
}

void socket_low_water(int fd, int n) { find(fd)->low_water = (size_t)n - 1; }

int socket_peer_user(int fd, char *out, size_t size, struct fault *f) {
  (void)fd, (void)out, (void)size;
  return fault_set(f, DSQL_EIO, "no Unix sockets here");
}

/* What was sent still arrives, unless something unread makes it a reset. */
void socket_close(int fd) {
  struct net_conn *c = find(fd);

  sim_trace("#%d closed by the client", fd);
  net.open--;
  c->closed = true;
  if (c->down.arrived && sim_chance(200)) pipe_forget(&c->up);
  if (!c->connected) sim_at(&c->connecting, 0, connected);
  end_up(c, delay(c));
  reap(c);
}
