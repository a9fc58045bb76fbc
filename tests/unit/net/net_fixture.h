/* net_fixture.h - one end of a link whose events are counted, and sockets to connect it with. Loopback only. */
#ifndef DSQL_TEST_NET_FIXTURE_H
#define DSQL_TEST_NET_FIXTURE_H

#include "net/link.h"
#include "unit/rt/rt_fixture.h"

enum side_event { SIDE_DATA = 1, SIDE_TLS = 2, SIDE_FLUSH = 4, SIDE_TURN = 8, SIDE_END = 16 };

struct side {
  struct fixture *x;
  struct link *link;
  /* what it does */
  unsigned close_in, pause_in; /* side_event bits; pause only in DATA */
  uint64_t to_send;            /* of the pattern, by on_flush */
  size_t chunk;                /* appended per on_flush; 0: 64 KiB */
  bool text;                   /* received bytes go to got[] instead of being checked against the pattern */
  bool stop_at_end;            /* closes when to_send is sent and want is received */
  uint64_t want;
  /* what happened */
  uint64_t sent, received;
  unsigned data, tls, flush, turn, end;
  unsigned late; /* events after the close or the end */
  bool closed, bad;
  struct fault fault;
  char got[256];
};

struct watch *watch_of(struct fixture *x, int fd);
/* Takes fd over. */
void side_open(struct side *s, struct fixture *x, int fd);
void side_close(struct side *s);
/* The nth byte of what every side sends. */
static inline uint8_t pattern(uint64_t n) { return (uint8_t)(n ^ (n >> 8) ^ (n >> 17)); }

/* Connected pairs. */
void pair_unix(int fds[2]);
void pair_tcp(int fds[2]);
/* A listener on 127.0.0.1 (or ::1), and its port. */
int listen_tcp(int family, int backlog, uint16_t *port);
/* A port on 127.0.0.1 that refuses. */
uint16_t refusing_port(void);
struct socket_address address_of(int family, const char *host, uint16_t port);
void set_blocking(int fd);
/* The next close() of it resets the connection. */
void reset_on_close(int fd);
/* Runs turns until *done, or fails the test after 20 s. */
#define run_until(x, done)                                                                                             \
  do {                                                                                                                 \
    uint64_t begin_ns_ = uv_hrtime();                                                                                  \
    while (!(done)) {                                                                                                  \
      if (!uv_run(&(x)->loop, UV_RUN_NOWAIT)) uv_sleep(1);                                                             \
      cr_assert(uv_hrtime() - begin_ns_ < UINT64_C(20000000000), "waited 20 s for " #done);                            \
    }                                                                                                                  \
  } while (0)

#endif
