#include "relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MUST(condition)                                                                                                \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      perror("relay: " #condition);                                                                                    \
      abort();                                                                                                         \
    }                                                                                                                  \
  } while (0)

struct relay {
  int listener;
  uint16_t port;
  pthread_t acceptor;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int to_port;
  enum relay_loss loss;
  unsigned losses, connections, active;
};

struct job {
  struct relay *relay;
  int client, server;
  enum relay_loss loss;
};

static bool pass(int from, int to) {
  char bytes[65536];
  ssize_t n = recv(from, bytes, sizeof bytes, 0);
  if (n <= 0) return false;
  for (ssize_t at = 0; at < n && to >= 0;) {
    ssize_t sent = send(to, bytes + at, (size_t)(n - at), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    at += sent;
  }
  return true;
}

/* The handshake takes one burst of the client's and one of the server's; what the client says then is its flight. */
static void serve(const struct job *j) {
  enum { QUIET_MS = 300 };
  bool server_spoke = false, lost = false, swallowed = false;

  for (;;) {
    struct pollfd fds[] = {{.fd = j->client, .events = POLLIN}, {.fd = j->server, .events = POLLIN}};
    int n = poll(fds, 2, swallowed ? QUIET_MS : -1);
    if (n <= 0) return;
    if (fds[0].revents) {
      if (j->loss != RELAY_PASS && server_spoke) lost = true;
      if (lost && j->loss == RELAY_CUT_BEFORE) return;
      if (!pass(j->client, j->server)) return;
    }
    if (fds[1].revents) {
      if (!pass(j->server, lost ? -1 : j->client)) return;
      server_spoke = true;
      swallowed = lost;
    }
  }
}

static void *run_job(void *arg) {
  struct job j = *(struct job *)arg;
  char scratch[4096];

  free(arg);
  serve(&j);
  close(j.server);
  (void)shutdown(j.client, SHUT_WR); /* a clean end of stream, not a reset */
  while (recv(j.client, scratch, sizeof scratch, 0) > 0) {}
  close(j.client);
  pthread_mutex_lock(&j.relay->lock);
  j.relay->active--;
  pthread_cond_broadcast(&j.relay->changed);
  pthread_mutex_unlock(&j.relay->lock);
  return NULL;
}

static int dial(int port) {
  struct sockaddr_in a = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  MUST(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

static void start_job(struct relay *r, int client) {
  struct job *j = calloc(1, sizeof *j);
  pthread_t thread;
  int port, on = 1;

  MUST(j != NULL);
  (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  pthread_mutex_lock(&r->lock);
  port = r->to_port;
  r->connections++;
  r->active++;
  *j = (struct job){r, client, -1, RELAY_PASS};
  if (r->losses) {
    r->losses--;
    j->loss = r->loss;
  }
  pthread_mutex_unlock(&r->lock);
  j->server = dial(port);
  MUST(pthread_create(&thread, NULL, run_job, j) == 0);
  (void)pthread_detach(thread);
}

static void *accept_all(void *arg) {
  struct relay *r = arg;
  int fd;
  while ((fd = accept(r->listener, NULL, NULL)) >= 0) start_job(r, fd);
  return NULL;
}

struct relay *relay_start(void) {
  struct relay *r = calloc(1, sizeof *r);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof a;

  MUST(r != NULL);
  r->listener = socket(AF_INET, SOCK_STREAM, 0);
  MUST(r->listener >= 0 && bind(r->listener, (struct sockaddr *)&a, size) == 0 && listen(r->listener, 64) == 0);
  MUST(getsockname(r->listener, (struct sockaddr *)&a, &size) == 0);
  r->port = ntohs(a.sin_port);
  MUST(pthread_mutex_init(&r->lock, NULL) == 0 && pthread_cond_init(&r->changed, NULL) == 0);
  MUST(pthread_create(&r->acceptor, NULL, accept_all, r) == 0);
  return r;
}

void relay_stop(struct relay *r) {
  (void)shutdown(r->listener, SHUT_RDWR);
  (void)pthread_join(r->acceptor, NULL);
  close(r->listener);
  pthread_mutex_lock(&r->lock);
  while (r->active) (void)pthread_cond_wait(&r->changed, &r->lock);
  pthread_mutex_unlock(&r->lock);
  (void)pthread_mutex_destroy(&r->lock);
  (void)pthread_cond_destroy(&r->changed);
  free(r);
}

uint16_t relay_port(const struct relay *r) { return r->port; }

void relay_set(struct relay *r, int port, enum relay_loss loss, unsigned losses) {
  pthread_mutex_lock(&r->lock);
  r->to_port = port;
  r->loss = loss;
  r->losses = losses;
  r->connections = 0;
  pthread_mutex_unlock(&r->lock);
}

unsigned relay_connections(struct relay *r) {
  unsigned n;
  pthread_mutex_lock(&r->lock);
  n = r->connections;
  pthread_mutex_unlock(&r->lock);
  return n;
}
