/* peer_floor.h - what the parts of peer_floor share: bytes to send, connections to send them on. */
#ifndef BENCH_PEER_FLOOR_H
#define BENCH_PEER_FLOOR_H

#include <stddef.h>

#include <openssl/ssl.h>

#include "round.h"

/* One request, encoded before the clock runs, and the length of its answer, learnt from the first one. */
struct flight {
  unsigned char *bytes;
  size_t length, cap, answer_length;
};

struct worker {
  struct peer *peer;
  struct recorder *recorder;
  int index, fd;
  struct flight *flights; /* sent in turn */
  int flights_count, flights_per_work, next;
  size_t sent, received; /* of the flight under way */
  int64_t begun_ns;
};

struct peer {
  struct work work;
  int64_t deadline_ns;
  int epoll_fd, busy;
  SSL_CTX *tls;
  struct flight connect; /* start-up, password, query */
  struct worker workers[CONNECTIONS_MAX];
  struct recorder recorders[CONNECTIONS_MAX];
};

/* ---- peer_floor_works.c: encoding ---- */

void flight_startup(struct flight *f, const char *user);
void flight_password(struct flight *f, const char *password);
void flight_parse(struct flight *f, const char *name, const char *sql, const struct work *w);
/* Bind, Execute; parameters and results binary. values: int4 when w is NULL, else w's arguments. */
void flight_execute(struct flight *f, const char *name, const struct work *w, const int32_t *values, int count);
void flight_sync(struct flight *f);
/* The flights of a worker's works. */
void make_flights(struct worker *w);

/* ---- peer_floor_io.c: blocking ---- */

int dial(const struct work *w);
void send_all(int fd, const void *p, size_t n);
/* Reads messages up to the ready-th ReadyForQuery; their length. Ends the program at an ErrorResponse. */
size_t read_answer(int fd, SSL *tls, int ready);
SSL_CTX *make_tls(const struct work *w);
/* Connect, query, disconnect: the flight leaves as soon as it may. */
void connect_once(struct peer *p);

#endif
