/* bench_idle.c - many connections on one loop that do nothing: memory of each, and what the loop costs.
 *
 *   bench_idle COUNT SECONDS [CERTIFICATE KEY CA]
 *
 * The server is a child process that says what every server says: the connection is up, and one row to every Query. With
 * CERTIFICATE and KEY (of localhost, signed by CA) it speaks TLS from the first byte on, and the client verifies it. Each
 * connection runs one query and falls idle; after IDLE_WAIT_MS, when buffers have been given back, the memory of this
 * process is compared with that after the first IDLE_BATCH connections; then SECONDS pass, and the CPU time is told. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench_dsql.h"
#include "measure.h"
#include "work.h"

/* ---- the server ---- */

struct peer {
  int fd;
  SSL *ssl; /* NULL: plain */
  bool started;
  size_t have;
  uint8_t data[512]; /* what was read and is no whole message yet */
};

static SSL_CTX *context;

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                       unsigned in_len, void *arg) {
  (void)ssl;
  (void)arg;
  *out = in + 1; /* the only one that is offered: postgresql */
  *out_len = in[0];
  return in_len > *out_len ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void load_context(const char *certificate, const char *key) {
  context = SSL_CTX_new(TLS_server_method());
  if (!context || SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
    die("idle: the server can't use %s and %s", certificate, key);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  (void)SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_alpn_select_cb(context, choose_alpn, NULL);
}

static void peer_write(struct peer *p, const void *bytes, size_t n) {
  ssize_t done = p->ssl ? SSL_write(p->ssl, bytes, (int)n) : send(p->fd, bytes, n, MSG_NOSIGNAL);
  if (done != (ssize_t)n) die("idle: the server could not write");
}

/* AuthenticationOk, BackendKeyData, ReadyForQuery; a row of one int4, SELECT 1, ReadyForQuery. */
static const char hello[] = "R\0\0\0\10\0\0\0\0K\0\0\0\14\0\0\0\7\1\2\3\4Z\0\0\0\5I";
static const char answer[] = "T\0\0\0\32\0\1a\0\0\0\0\0\0\0\0\0\0\27\0\4\377\377\377\377\0\0"
                             "D\0\0\0\13\0\1\0\0\0\0011C\0\0\0\15SELECT 1\0Z\0\0\0\5I";

/* The length of the message at the front, or 0. */
static size_t whole_message(const struct peer *p) {
  size_t at = p->started, length;
  if (p->have < at + 4) return 0;
  length =
      at + ((size_t)p->data[at] << 24 | (size_t)p->data[at + 1] << 16 | (size_t)p->data[at + 2] << 8 | p->data[at + 3]);
  if (length > sizeof p->data) die("idle: the server got a long message");
  return length <= p->have ? length : 0;
}

static void take_messages(struct peer *p) {
  for (size_t n; (n = whole_message(p)) != 0;) {
    if (!p->started)
      peer_write(p, hello, sizeof hello - 1);
    else if (p->data[0] == 'Q')
      peer_write(p, answer, sizeof answer - 1);
    p->started = true;
    p->have -= n;
    memmove(p->data, p->data + n, p->have);
  }
}

static void drop_peer(struct peer *p) {
  SSL_free(p->ssl);
  close(p->fd);
  free(p);
}

static void serve(struct peer *p) {
  for (;;) {
    size_t room = sizeof p->data - p->have;
    ssize_t n = p->ssl ? SSL_read(p->ssl, p->data + p->have, (int)room) : recv(p->fd, p->data + p->have, room, 0);
    if (n <= 0) {
      bool again = p->ssl ? SSL_get_error(p->ssl, (int)n) == SSL_ERROR_WANT_READ : n < 0;
      if (!again) drop_peer(p);
      return;
    }
    p->have += (size_t)n;
    take_messages(p);
  }
}

static void accept_peer(int listener, int epoll) {
  struct peer *p = calloc(1, sizeof *p);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = p};

  if (!p) die("idle: no memory");
  p->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (p->fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, p->fd, &event)) die("idle: the server can't take a connection");
  if (!context) return;
  p->ssl = SSL_new(context);
  if (!p->ssl || SSL_set_fd(p->ssl, p->fd) != 1) die("idle: no memory");
  SSL_set_accept_state(p->ssl);
}

static _Noreturn void run_server(int listener) {
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN};

  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event)) die("idle: no epoll");
  for (;;) {
    if (epoll_wait(epoll, &event, 1, -1) != 1) continue;
    if (event.data.ptr)
      serve(event.data.ptr);
    else
      accept_peer(listener, epoll);
  }
}

static unsigned start_server(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  pid_t child;

  if (listener < 0 || bind(listener, (struct sockaddr *)&address, n) || listen(listener, 1024) ||
      getsockname(listener, (struct sockaddr *)&address, &n))
    die("idle: can't listen");
  child = fork();
  if (child < 0) die("idle: can't fork");
  if (child == 0) run_server(listener);
  close(listener);
  return ntohs(address.sin_port);
}

/* ---- the client ---- */

static struct {
  dsql_conn **connections;
  uint64_t count, opened, answered;
} state;

static void open_next(struct client *c);

static void on_answer(dsql_future *f, void *arg) {
  (void)must_result(f);
  dsql_future_destroy(f);
  state.answered++;
  open_next(arg);
}

static void open_next(struct client *c) {
  dsql_future *f;
  if (state.opened == state.count) return;
  state.connections[state.opened] = open_connection(c);
  f = dsql_exec(state.connections[state.opened], "select 1", NULL);
  check(dsql_future_on_ready(f, on_answer, c));
  state.opened++;
}

/* The first IDLE_BATCH, then all; IDLE_BATCH of them connect at a time. */
static void open_until(struct client *c, uint64_t count) {
  state.count = count;
  for (int i = 0; i < IDLE_BATCH; i++) open_next(c);
  uv_run(&c->loop, UV_RUN_DEFAULT);
  if (state.answered != count) die("idle: %d answers are missing", (int)(count - state.answered));
}

static void raise_file_limit(uint64_t count) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur < count + 64)
    die("idle: %d connections pass the limit of open files (ulimit -Hn)", (int)count);
}

static void run(struct client *c, uint64_t count, uint64_t seconds) {
  struct sample begin, end;
  long first_kb;

  state.connections = calloc(count, sizeof(dsql_conn *));
  if (!state.connections) die("idle: no memory");
  open_until(c, IDLE_BATCH);
  idle_for(c, IDLE_WAIT_MS);
  first_kb = measure_rss_kb();
  open_until(c, count);
  idle_for(c, IDLE_WAIT_MS);
  report("count", (int64_t)(count - IDLE_BATCH));
  report("rss_kb", measure_rss_kb() - first_kb);
  measure_sample(&begin);
  idle_for(c, seconds * 1000);
  measure_sample(&end);
  report("idle_cpu_us", end.cpu_us - begin.cpu_us);
  report("idle_wall_us", (end.wall_ns - begin.wall_ns) / 1000);
  for (uint64_t i = 0; i < count; i++) {
    if (dsql_conn_status(state.connections[i]) != DSQL_CONN_READY) die("idle: a connection was lost");
    dsql_conn_close(state.connections[i]);
  }
  free(state.connections);
}

int main(int argc, char **argv) {
  struct client c;
  char target[1024];
  uint64_t count;
  unsigned port;

  if (argc != 3 && argc != 6) die("usage: bench_idle COUNT SECONDS [CERTIFICATE KEY CA]");
  count = parse_count(argv[1]);
  if (count <= IDLE_BATCH) die("idle: COUNT is more than %d", IDLE_BATCH);
  raise_file_limit(count);
  if (argc == 6) load_context(argv[3], argv[4]);
  port = start_server();
  SSL_CTX_free(context);
  (void)snprintf(target, sizeof target, "host=localhost hostaddr=127.0.0.1 port=%u user=u dbname=d %s%s", port,
                 argc == 6 ? "sslmode=verify-full sslnegotiation=direct sslrootcert=" : "sslmode=disable",
                 argc == 6 ? argv[5] : "");
  client_open(&c, target);
  run(&c, count, parse_count(argv[2]));
  client_close(&c);
  return 0;
}
