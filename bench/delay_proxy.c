/* delay_proxy.c - a TCP proxy that is far away: every byte arrives DELAY_MS after it was sent, in both directions.
 *
 *   delay_proxy DELAY_MS HOST_IPV4 PORT [FILE]   prints its own port on 127.0.0.1, then serves until it is killed
 *
 * A round trip through it takes 2 * DELAY_MS, whatever the amount of data. The TCP handshake with it is over at once,
 * so what a client sends within the first round trip counts as sent at its end: as if the handshake had taken one.
 *
 * FILE, of 8 bytes, is mapped and keeps the number of round trips of all connections: one for each handshake, and one each
 * time that a client speaks when it has been spoken to since, or for the first time. That is a count and no measurement:
 * the same on a machine that is busy. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"

enum { CONNECTIONS_MAX = 64, CHUNK_SIZE = 65536 };

struct chunk {
  struct chunk *next;
  int64_t due_ns;
  size_t size, sent; /* size 0: the end of the stream */
  char bytes[];
};

struct direction {
  int from, to;
  bool ended; /* nothing more comes from `from` */
  bool done;  /* the end was passed on, or `to` is gone */
  struct chunk *first, **last;
};

struct connection {
  bool open;
  bool speaking; /* the client, and nothing has reached it since */
  int64_t established_ns;
  struct direction up, down;
};

static struct connection connections[CONNECTIONS_MAX];
static int64_t delay_ns;
static _Atomic uint64_t trips_of_nobody, *trips = &trips_of_nobody;

static void set_options(int fd) {
  int on = 1;
  if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK)) die("O_NONBLOCK: %s", strerror(errno));
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static int listen_anywhere(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM, 0);

  if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) || listen(fd, CONNECTIONS_MAX) ||
      getsockname(fd, (struct sockaddr *)&address, &size))
    die("cannot listen: %s", strerror(errno));
  set_options(fd);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

static void direction_init(struct direction *d, int from, int to) {
  *d = (struct direction){.from = from, .to = to};
  d->last = &d->first;
}

static void accept_one(int listener, const struct sockaddr_in *server) {
  int client = accept(listener, NULL, NULL), upstream;

  if (client < 0) return;
  for (struct connection *c = connections; c < connections + CONNECTIONS_MAX; c++) {
    if (c->open) continue;
    upstream = socket(AF_INET, SOCK_STREAM, 0);
    if (upstream < 0 || connect(upstream, (const struct sockaddr *)server, sizeof *server))
      die("cannot connect: %s", strerror(errno));
    set_options(client);
    set_options(upstream);
    *c = (struct connection){.open = true, .established_ns = measure_wall_ns() + 2 * delay_ns};
    atomic_fetch_add(trips, 1);
    direction_init(&c->up, client, upstream);
    direction_init(&c->down, upstream, client);
    return;
  }
  die("more than %d connections", CONNECTIONS_MAX);
}

static void hear(struct connection *c) {
  if (!c->speaking) atomic_fetch_add(trips, 1);
  c->speaking = true;
}

/* True: bytes have come. */
static bool take_input(struct direction *d, int64_t not_before_ns) {
  struct chunk *chunk = malloc(sizeof *chunk + CHUNK_SIZE);
  int64_t now = measure_wall_ns();
  ssize_t n;

  if (!chunk) die("out of memory");
  n = read(d->from, chunk->bytes, CHUNK_SIZE);
  if (n < 0 && errno == EAGAIN) {
    free(chunk);
    return false;
  }
  if (n <= 0) d->ended = true;
  chunk->next = NULL;
  chunk->due_ns = (now > not_before_ns ? now : not_before_ns) + delay_ns;
  chunk->size = n > 0 ? (size_t)n : 0;
  chunk->sent = 0;
  *d->last = chunk;
  d->last = &chunk->next;
  return n > 0;
}

static void drop_first(struct direction *d) {
  struct chunk *chunk = d->first;
  d->first = chunk->next;
  if (!d->first) d->last = &d->first;
  free(chunk);
}

/* Sends what is due, and tells whether that was anything; true when the socket is full. */
static bool put_output(struct direction *d, int64_t now, bool *any) {
  while (d->first && d->first->due_ns <= now && !d->done) {
    struct chunk *chunk = d->first;
    ssize_t n = chunk->size ? send(d->to, chunk->bytes + chunk->sent, chunk->size - chunk->sent, MSG_NOSIGNAL) : 0;
    if (n < 0 && errno == EAGAIN) return true;
    *any = *any || n > 0;
    if (n < 0 || chunk->size == 0) {
      (void)shutdown(d->to, SHUT_WR);
      d->done = true;
    } else if ((chunk->sent += (size_t)n) < chunk->size) {
      continue;
    }
    drop_first(d);
  }
  return false;
}

static void close_connection(struct connection *c) {
  while (c->up.first) drop_first(&c->up);
  while (c->down.first) drop_first(&c->down);
  close(c->up.from);
  close(c->down.from);
  c->open = false;
}

/* Adds what the direction waits for to the poll sets, and the time until its next chunk is due to *wait_ns. */
static void plan(struct direction *d, bool full, struct pollfd *from, struct pollfd *to, int64_t now,
                 int64_t *wait_ns) {
  from->fd = d->from;
  to->fd = d->to;
  if (!d->ended) from->events |= POLLIN;
  if (full)
    to->events |= POLLOUT;
  else if (d->first && d->first->due_ns - now < *wait_ns)
    *wait_ns = d->first->due_ns - now;
}

static void serve_once(int listener, const struct sockaddr_in *server) {
  struct pollfd polls[1 + 2 * CONNECTIONS_MAX] = {{.fd = listener, .events = POLLIN}};
  int64_t now = measure_wall_ns(), wait_ns = 1000000000;
  struct timespec wait;

  for (int i = 0; i < CONNECTIONS_MAX; i++) {
    struct connection *c = &connections[i];
    struct pollfd *client = &polls[1 + 2 * i], *upstream = client + 1;
    client->fd = upstream->fd = -1;
    if (!c->open) continue;
    bool sent = false, answered = false;
    bool up_full = put_output(&c->up, now, &sent), down_full = put_output(&c->down, now, &answered);
    if (answered) c->speaking = false;
    if (c->up.done && c->down.done) {
      close_connection(c);
      continue;
    }
    plan(&c->up, up_full, client, upstream, now, &wait_ns);
    plan(&c->down, down_full, upstream, client, now, &wait_ns);
    if (!client->events) client->fd = -1; /* a hang-up would be reported for ever */
    if (!upstream->events) upstream->fd = -1;
  }
  if (wait_ns < 0) wait_ns = 0;
  wait = (struct timespec){.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};
  if (ppoll(polls, sizeof polls / sizeof *polls, &wait, NULL) < 0 && errno != EINTR) die("poll: %s", strerror(errno));
  for (int i = 0; i < CONNECTIONS_MAX; i++) {
    struct connection *c = &connections[i];
    if (polls[1 + 2 * i].revents && !c->up.ended && take_input(&c->up, c->established_ns)) hear(c);
    if (polls[2 + 2 * i].revents && !c->down.ended) (void)take_input(&c->down, 0);
  }
  if (polls[0].revents) accept_one(listener, server);
}

static void map_counter(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  void *p = fd < 0 || ftruncate(fd, sizeof *trips)
                ? MAP_FAILED
                : mmap(NULL, sizeof *trips, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (p == MAP_FAILED) die("%s: %s", path, strerror(errno));
  (void)close(fd);
  trips = p;
}

int main(int argc, char **argv) {
  struct sockaddr_in server = {.sin_family = AF_INET};
  int listener;

  if (argc < 4 || argc > 5 || inet_pton(AF_INET, argv[2], &server.sin_addr) != 1)
    die("usage: delay_proxy DELAY_MS IPV4 PORT [FILE]");
  if (argc == 5) map_counter(argv[4]);
  delay_ns = (int64_t)parse_count(argv[1]) * 1000000;
  server.sin_port = htons((uint16_t)parse_count(argv[3]));
  (void)signal(SIGPIPE, SIG_IGN);
  listener = listen_anywhere();
  for (;;) serve_once(listener, &server);
}
