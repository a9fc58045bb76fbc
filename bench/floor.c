/* floor.c - what no client can go below: the works of work.h as bytes that were made beforehand, on a blocking socket.
 * It sends them, and of what comes back it looks at each message's header alone, to count the ReadyForQuery.
 *
 *   floor WORK COUNT TARGET [loop]     WORK: sequential, sync_each, grouped, rows_int4, rows_six
 *
 * With `loop` it waits in epoll before it reads, as everything has to that shares a thread with others.
 *
 * TARGET has host (an address), port, user and dbname; the server trusts the user; plain TCP. */
#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "measure.h"
#include "work.h"

/* ---- bytes to send ---- */

struct bytes {
  uint8_t data[64 * 1024];
  size_t len;
};

static void put(struct bytes *b, const void *p, size_t n) {
  if (sizeof b->data - b->len < n) die("floor: more bytes than its buffer holds");
  memcpy(b->data + b->len, p, n);
  b->len += n;
}

static void put_string(struct bytes *b, const char *s) { put(b, s, strlen(s) + 1); }

static void put_message(struct bytes *b, const char *type, const struct bytes *body) {
  uint32_t length = htobe32((uint32_t)body->len + 4);
  put(b, type, strlen(type)); /* the StartupMessage has none */
  put(b, &length, 4);
  put(b, body->data, body->len);
}

static void put_startup(struct bytes *b, const char *user, const char *database) {
  static struct bytes body;
  body.len = 0;
  put(&body, "\0\3\0\0", 4);
  put_string(&body, "user");
  put_string(&body, user);
  put_string(&body, "database");
  put_string(&body, database);
  put(&body, "", 1);
  put_message(b, "", &body);
}

static void put_sync(struct bytes *b) { put(b, "S\0\0\0\4", 5); }

/* The statement "s". */
static void put_parse(struct bytes *b, const char *sql) {
  static struct bytes body;
  body.len = 0;
  put_string(&body, "s");
  put_string(&body, sql);
  put(&body, "\0", 2);
  put_message(b, "P", &body);
  put_sync(b);
}

/* Bind of one int8, results in binary, and Execute. */
static void put_execute(struct bytes *b, uint64_t v) {
  static struct bytes body;
  body.len = 0;
  v = htobe64(v);
  put(&body, "\0s\0\0\1\0\1\0\1\0\0\0\10", 13);
  put(&body, &v, 8);
  put(&body, "\0\1\0\1", 4);
  put_message(b, "B", &body);
  put(b, "E\0\0\0\11\0\0\0\0\0", 10);
}

/* ---- the socket ---- */

static struct {
  int fd, epoll; /* epoll: -1 when recv() is what waits */
  uint8_t data[64 * 1024];
  size_t have, skip; /* bytes of a header that was cut; of a body, still to come */
  uint64_t ready, rows;
} stream;

static void send_all(const struct bytes *b) {
  for (size_t at = 0; at < b->len;) {
    ssize_t n = send(stream.fd, b->data + at, b->len - at, MSG_NOSIGNAL);
    if (n <= 0) die("floor: the server is gone");
    at += (size_t)n;
  }
}

static uint32_t length_at(const uint8_t *p) {
  uint32_t v;
  memcpy(&v, p + 1, 4);
  return be32toh(v);
}

/* Counts the messages that begin in what was read. */
static void look(size_t end) {
  size_t at = 0;
  while (end - at >= 5) {
    size_t total = (size_t)length_at(stream.data + at) + 1;
    stream.ready += stream.data[at] == 'Z';
    stream.rows += stream.data[at] == 'D';
    if (stream.data[at] == 'E') die("floor: the server reports an error");
    if (total > end - at) {
      stream.skip = total - (end - at);
      stream.have = 0;
      return;
    }
    at += total;
  }
  memmove(stream.data, stream.data + at, end - at);
  stream.have = end - at;
}

static void wait_for_input(void) {
  struct epoll_event event;
  if (stream.epoll >= 0 && epoll_wait(stream.epoll, &event, 1, -1) != 1) die("floor: epoll_wait failed");
}

static void start_loop(void) {
  struct epoll_event event = {.events = EPOLLIN};
  stream.epoll = epoll_create1(EPOLL_CLOEXEC);
  if (stream.epoll < 0 || epoll_ctl(stream.epoll, EPOLL_CTL_ADD, stream.fd, &event)) die("floor: no epoll");
}

static void read_until(uint64_t ready) {
  while (stream.ready < ready || stream.skip) {
    wait_for_input();
    ssize_t n = recv(stream.fd, stream.data + stream.have, sizeof stream.data - stream.have, 0);
    size_t got = n > 0 ? (size_t)n : 0, skipped = got < stream.skip ? got : stream.skip;
    if (n <= 0) die("floor: the server is gone");
    stream.skip -= skipped;
    if (skipped) memmove(stream.data, stream.data + skipped, got - skipped);
    if (got > skipped || !skipped) look(stream.have + got - skipped);
  }
}

static const char *word(const char *target, const char *key, char out[128]) {
  const char *at = strstr(target, key);
  size_t n;
  if (!at) die("floor: TARGET has no %s", key);
  at += strlen(key);
  n = strcspn(at, " ");
  if (n >= 128) die("floor: TARGET has a long %s", key);
  memcpy(out, at, n);
  out[n] = '\0';
  return out;
}

static void dial(const char *target) {
  char host[128], port[128];
  struct sockaddr_in address = {.sin_family = AF_INET};
  int one = 1;

  if (inet_pton(AF_INET, word(target, "host=", host), &address.sin_addr) != 1) die("floor: host is no IPv4 address");
  address.sin_port = htons((uint16_t)strtoul(word(target, "port=", port), NULL, 10));
  stream.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (stream.fd < 0 || connect(stream.fd, (struct sockaddr *)&address, sizeof address)) die("floor: can't connect");
  (void)setsockopt(stream.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* ---- works ---- */

struct work {
  const char *name, *sql;
  bool rows, sync_each;
  uint64_t depth;
};

static const struct work works[] = {{"sequential", SQL_INT8, false, true, 1},
                                    {"sync_each", SQL_INT8, false, true, DEPTH},
                                    {"grouped", SQL_INT8, false, false, DEPTH},
                                    {"rows_int4", SQL_ROWS_INT4, true, true, 1},
                                    {"rows_six", SQL_ROWS_SIX, true, true, 1}};

static struct bytes batch;

static void make_batch(const struct work *w, uint64_t n, uint64_t value) {
  batch.len = 0;
  for (uint64_t i = 0; i < n; i++) {
    put_execute(&batch, value);
    if (w->sync_each || i + 1 == n) put_sync(&batch);
  }
}

static void run_queries(const struct work *w, uint64_t count) {
  for (uint64_t n; count; count -= n) {
    n = count < w->depth ? count : w->depth;
    if (n < w->depth) make_batch(w, n, 1);
    send_all(&batch);
    read_until(stream.ready + (w->sync_each ? n : 1));
  }
}

static void run_work(const struct work *w, uint64_t count, const char *target, bool loop) {
  struct sample begin, end;
  char user[128], database[128];

  dial(target);
  stream.epoll = -1;
  if (loop) start_loop();
  put_startup(&batch, word(target, "user=", user), word(target, "dbname=", database));
  send_all(&batch);
  read_until(1);
  batch.len = 0;
  put_parse(&batch, w->sql);
  send_all(&batch);
  read_until(2);
  make_batch(w, w->depth, w->rows ? count : 1);
  stream.rows = 0;
  measure_sample(&begin);
  run_queries(w, w->rows ? 1 : count);
  measure_sample(&end);
  if (stream.rows != count) die("floor: rows are missing");
  report_work(&begin, &end, count, 0);
}

int main(int argc, char **argv) {
  if (argc != 4 && (argc != 5 || strcmp(argv[4], "loop") != 0)) die("usage: floor WORK COUNT TARGET [loop]");
  for (size_t i = 0; i < sizeof works / sizeof *works; i++)
    if (strcmp(argv[1], works[i].name) == 0) {
      run_work(&works[i], parse_count(argv[2]), argv[3], argc == 5);
      return 0;
    }
  die("unknown work %s", argv[1]);
}
