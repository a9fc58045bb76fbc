/* peer_floor.c - the physical limit of the works of round.h: requests that were encoded before the clock ran, one epoll
 * loop, and answers of which only the bytes are counted. Connects are bare OpenSSL handshakes with one shared context,
 * followed by start-up, password and query in one flight. Nothing is decoded and "check" is null. */
#include "peer_floor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "../measure.h"

static char buffer[262144];

/* ---- one flight after another ---- */

static void watch(struct worker *w, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = w};
  if (epoll_ctl(w->peer->epoll_fd, operation, w->fd, &event)) die("floor: epoll: %s", strerror(errno));
}

static void push(struct worker *w) {
  struct flight *f = &w->flights[w->next];
  ssize_t n = send(w->fd, f->bytes + w->sent, f->length - w->sent, MSG_NOSIGNAL);
  bool waited = w->sent > 0;

  if (n < 0 && errno != EAGAIN) die("floor: %s", strerror(errno));
  if (n > 0) w->sent += (size_t)n;
  if (w->sent < f->length)
    watch(w, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
  else if (waited)
    watch(w, EPOLL_CTL_MOD, EPOLLIN);
}

static void start_flight(struct worker *w) {
  if (w->next % w->flights_per_work == 0) w->begun_ns = now_ns();
  w->sent = w->received = 0;
  push(w);
}

static uint64_t rows_of(const struct work *w) {
  return w->kind == TRANSFER || w->kind == CONNECT ? 1 : (uint64_t)w->rows;
}

static void end_flight(struct worker *w) {
  struct peer *p = w->peer;
  w->next = (w->next + 1) % w->flights_count;
  if (w->next % w->flights_per_work == 0) {
    record(w->recorder, w->begun_ns, rows_of(&p->work));
    if (now_ns() >= p->deadline_ns) {
      p->busy--;
      return;
    }
  }
  start_flight(w);
}

static void pull(struct worker *w) {
  ssize_t n = recv(w->fd, buffer, sizeof buffer, 0);
  if (n == 0 || (n < 0 && errno != EAGAIN)) die("floor: the connection was lost");
  if (n < 0) return;
  w->received += (size_t)n;
  if (w->received > w->flights[w->next].answer_length) die("floor: an answer of another length");
  if (w->received == w->flights[w->next].answer_length) end_flight(w);
}

static void run_loop(struct peer *p) {
  struct epoll_event events[CONNECTIONS_MAX];
  p->busy = p->work.connections;
  for (int i = 0; i < p->work.connections; i++) start_flight(&p->workers[i]);
  while (p->busy > 0) {
    int n = epoll_wait(p->epoll_fd, events, CONNECTIONS_MAX, -1);
    for (int i = 0; i < n; i++) {
      if (events[i].events & EPOLLOUT) push(events[i].data.ptr);
      if (events[i].events & EPOLLIN) pull(events[i].data.ptr);
    }
  }
}

static void run_connects(struct peer *p) {
  do {
    int64_t begun_ns = now_ns();
    connect_once(p);
    record(&p->recorders[0], begun_ns, 1);
  } while (now_ns() < p->deadline_ns);
}

static void run(void *arg, int64_t deadline_ns) {
  struct peer *p = arg;
  p->deadline_ns = deadline_ns;
  if (p->work.kind == CONNECT)
    run_connects(p);
  else
    run_loop(p);
}

/* ---- set-up ---- */

static void prepare(struct worker *w) {
  struct flight f = {.length = 0};
  const struct work *work = &w->peer->work;

  flight_startup(&f, "trust_user");
  if (work->kind == TRANSFER) {
    flight_parse(&f, "begin", TRANSFER_BEGIN, NULL);
    flight_parse(&f, "read", TRANSFER_READ, NULL);
    flight_parse(&f, "update", TRANSFER_UPDATE, NULL);
    flight_parse(&f, "commit", "commit", NULL);
  } else if (work->kind != COPY) {
    flight_parse(&f, "work", work->sql, work);
  }
  flight_sync(&f);
  send_all(w->fd, f.bytes, f.length);
  (void)read_answer(w->fd, NULL, 2);
}

static void learn_answers(struct worker *w) {
  for (int i = 0; i < w->flights_count; i++) {
    send_all(w->fd, w->flights[i].bytes, w->flights[i].length);
    w->flights[i].answer_length = read_answer(w->fd, NULL, 1);
  }
}

static void make_worker(struct peer *p, int index) {
  struct worker *w = &p->workers[index];
  w->peer = p;
  w->index = index;
  w->recorder = &p->recorders[index];
  w->fd = dial(&p->work);
  make_flights(w);
  prepare(w);
  learn_answers(w);
  if (fcntl(w->fd, F_SETFL, O_NONBLOCK)) die("floor: fcntl");
  watch(w, EPOLL_CTL_ADD, EPOLLIN);
}

static void make_connect(struct peer *p) {
  bool tls = p->work.tls != TLS_DISABLE;
  if (p->work.connections != 1) die("floor: connects go one after another: 1 connection");
  flight_startup(&p->connect, tls ? "password_user" : "trust_user");
  if (tls) flight_password(&p->connect, "secret");
  flight_parse(&p->connect, "", p->work.sql, NULL);
  flight_execute(&p->connect, "", NULL, NULL, 0);
  flight_sync(&p->connect);
  if (tls) p->tls = make_tls(&p->work);
}

int main(int argc, char **argv) {
  static struct peer p;

  work_read(&p.work, argc - 1, argv + 1);
  if ((p.epoll_fd = epoll_create1(EPOLL_CLOEXEC)) < 0) die("floor: epoll");
  if (p.work.kind == CONNECT) make_connect(&p);
  for (int i = 0; p.work.kind != CONNECT && i < p.work.connections; i++) make_worker(&p, i);
  rounds(&p.work, OPENSSL_VERSION_TEXT, CHECK_NONE, p.recorders, p.work.connections, run, &p);
  return 0;
}
