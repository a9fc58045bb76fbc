#include "fake_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../unit/auth/scram_peer.h"
#include <linux/sockios.h>

enum { STEPS_MAX = 48 };

struct fake_server {
  int listener;
  enum fake_transport transport;
  uint16_t port;
  char conninfo[256];
  pthread_t acceptor;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  struct fake_plan plan;
  struct fake_step steps[STEPS_MAX];
  struct fake_counts counts;
  unsigned active;
};

struct fake_conn {
  struct fake_server *server;
  struct fake_plan plan;
  struct fake_step steps[STEPS_MAX];
  int fd;
  SSL *ssl;
  size_t sent, received, challenged;
  uint8_t *out;
  size_t out_len, out_cap;
  size_t in_pos, in_len;
  uint8_t in[16384];
  bool over, corked;
};

#define MUST(condition)                                                                                                \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      perror("fake_server: " #condition);                                                                              \
      abort();                                                                                                         \
    }                                                                                                                  \
  } while (0)

/* ---- bytes ---- */

void *fake_arg(struct fake_conn *c) { return c->plan.arg; }
size_t fake_sent(const struct fake_conn *c) { return c->sent; }
size_t fake_challenged(const struct fake_conn *c) { return c->challenged; }

static void reset(struct fake_conn *c) {
  struct linger now = {.l_onoff = 1};

  (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(c->fd);
  c->fd = -1;
  c->over = true;
  pthread_mutex_lock(&c->server->lock);
  c->server->counts.resets++;
  pthread_cond_broadcast(&c->server->changed);
  pthread_mutex_unlock(&c->server->lock);
}

/* A clean end of stream: a socket closed with unread bytes would reset the connection. */
static void finish(struct fake_conn *c) {
  char scratch[4096];

  c->over = true;
  if (c->ssl) (void)SSL_shutdown(c->ssl);
  (void)shutdown(c->fd, SHUT_WR);
  while (recv(c->fd, scratch, sizeof scratch, 0) > 0) {}
}

/* Reads ahead, except where the plan counts every byte, and before a TLS handshake, where the client waits anyway. */
static ptrdiff_t receive(struct fake_conn *c, void *p, size_t n) {
  ptrdiff_t got;
  if (c->ssl) return SSL_read(c->ssl, p, (int)n);
  if (c->plan.has_reset) return recv(c->fd, p, n, 0);
  if (c->in_pos == c->in_len) {
    got = recv(c->fd, c->in, sizeof c->in, 0);
    if (got <= 0) return got;
    c->in_pos = 0;
    c->in_len = (size_t)got;
  }
  if (n > c->in_len - c->in_pos) n = c->in_len - c->in_pos;
  memcpy(p, c->in + c->in_pos, n);
  c->in_pos += n;
  return (ptrdiff_t)n;
}

/* The peer of a Unix socket has read everything when nothing of it is charged to ours any more. */
static void wait_until_read(struct fake_conn *c) {
  int left = 1;
  struct pollfd gone = {.fd = c->fd, .events = POLLRDHUP};
  while (ioctl(c->fd, SIOCOUTQ, &left) == 0 && left > 0 && poll(&gone, 1, 0) == 0) sched_yield();
}

static void set_blocking(struct fake_conn *c, bool blocking) {
  pthread_mutex_lock(&c->server->lock);
  c->server->counts.blocking = blocking;
  if (blocking) c->server->counts.blocked++;
  pthread_mutex_unlock(&c->server->lock);
}

static void wait_writable(struct fake_conn *c) {
  struct pollfd writable = {.fd = c->fd, .events = POLLOUT};
  set_blocking(c, true);
  (void)poll(&writable, 1, -1);
  set_blocking(c, false);
}

static ptrdiff_t send_some(struct fake_conn *c, const void *p, size_t n) {
  ptrdiff_t sent;
  if (c->ssl) return SSL_write(c->ssl, p, (int)n);
  while ((sent = send(c->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT)) < 0 && errno == EAGAIN) wait_writable(c);
  return sent;
}

static bool send_all(struct fake_conn *c, const uint8_t *p, size_t n) {
  while (n && !c->over) {
    ptrdiff_t sent = send_some(c, p, n);
    if (sent <= 0) {
      c->over = true;
    } else {
      p += sent;
      n -= (size_t)sent;
      c->sent += (size_t)sent;
    }
  }
  return !c->over;
}

/* Up to the next place where the plan wants something to happen. */
static size_t part_of(const struct fake_conn *c, size_t n) {
  if (c->plan.split_all && n > 1) n = 1;
  if (c->plan.split_at > c->sent && c->plan.split_at - c->sent < n) n = c->plan.split_at - c->sent;
  if (c->plan.has_cut && c->plan.cut_at - c->sent < n) n = c->plan.cut_at - c->sent;
  return n;
}

bool fake_flush(struct fake_conn *c) {
  size_t at = 0;

  while (at < c->out_len && !c->over) {
    size_t n = part_of(c, c->out_len - at);
    if (!send_all(c, c->out + at, n)) break;
    at += n;
    if (c->plan.split_all || c->sent == c->plan.split_at) wait_until_read(c);
    if (c->plan.has_cut && c->sent == c->plan.cut_at) finish(c);
  }
  c->out_len = 0;
  return !c->over;
}

static void reserve(struct fake_conn *c, size_t n) {
  if (c->out_len + n <= c->out_cap) return;
  c->out_cap = 2 * (c->out_len + n);
  c->out = realloc(c->out, c->out_cap);
  MUST(c->out);
}

void fake_put(struct fake_conn *c, const void *p, size_t n) {
  reserve(c, n);
  if (n) memcpy(c->out + c->out_len, p, n);
  c->out_len += n;
}

static void fake_fill(struct fake_conn *c, int byte, size_t n) {
  reserve(c, n);
  memset(c->out + c->out_len, byte, n);
  c->out_len += n;
}

/* While corked: what is queued leaves when it is much. */
static bool fake_flush_part(struct fake_conn *c) {
  enum { MUCH = 256 * 1024 };
  return c->out_len < MUCH || fake_flush(c);
}

void fake_put_message(struct fake_conn *c, char type, const void *p, size_t n) {
  uint32_t len = htonl((uint32_t)n + 4);
  fake_put(c, &type, 1);
  fake_put(c, &len, 4);
  fake_put(c, p, n);
}

bool fake_read(struct fake_conn *c, void *p, size_t n) {
  uint8_t *at = p;

  if (!c->corked && !fake_flush(c)) return false;
  while (n) {
    size_t want = n;
    ptrdiff_t got;
    if (c->plan.has_reset && c->received == c->plan.reset_at) {
      reset(c);
      return false;
    }
    if (c->plan.has_reset && want > c->plan.reset_at - c->received) want = c->plan.reset_at - c->received;
    got = receive(c, at, want);
    if (got <= 0) {
      c->over = true;
      return false;
    }
    at += got;
    n -= (size_t)got;
    c->received += (size_t)got;
  }
  return true;
}

bool fake_read_message(struct fake_conn *c, char *type, char *out, size_t size, size_t *n) {
  uint8_t header[5];
  char scratch[4096];
  size_t left, kept = 0;

  if (!fake_read(c, header, sizeof header)) return false;
  *type = (char)header[0];
  left = ((size_t)header[1] << 24 | (size_t)header[2] << 16 | (size_t)header[3] << 8 | header[4]) - 4;
  while (left) {
    size_t part = left < sizeof scratch ? left : sizeof scratch;
    size_t keep = kept + 1 < size ? size - 1 - kept : 0;
    if (!fake_read(c, scratch, part)) return false;
    if (keep > part) keep = part;
    memcpy(out + kept, scratch, keep);
    kept += keep;
    left -= part;
  }
  if (size) out[kept] = '\0';
  if (n) *n = kept;
  return true;
}

bool fake_await(struct fake_conn *c, char type) {
  char found, nothing[1];
  do {
    if (!fake_read_message(c, &found, nothing, sizeof nothing, NULL)) return false;
  } while (found != type);
  return true;
}

/* ---- a whole server, in a few lines ---- */

static void put_columns(struct fake_conn *c) { /* one, "x", of type text */
  fake_put_message(c, 'T', "\0\1x\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0", 22);
}

static void put_rows(struct fake_conn *c) {
  size_t rows = c->plan.rows ? c->plan.rows : 1, n = c->plan.row_len ? c->plan.row_len : 2;
  uint32_t len = htonl((uint32_t)(4 + 2 + 4 + n)), field = htonl((uint32_t)n);
  char tag[32];

  for (size_t i = 0; i < rows; i++) {
    fake_put(c, "D", 1);
    fake_put(c, &len, 4);
    fake_put(c, "\0\1", 2);
    fake_put(c, &field, 4);
    fake_fill(c, '4', n);
  }
  (void)snprintf(tag, sizeof tag, "SELECT %zu", rows);
  fake_put_message(c, 'C', tag, strlen(tag) + 1);
}

static bool reply(struct fake_conn *c, char type, const char *body) {
  switch (type) {
    case 'P': fake_put_message(c, '1', "", 0); return true;
    case 'B': fake_put_message(c, '2', "", 0); return true;
    case 'C': fake_put_message(c, '3', "", 0); return true;
    case 'D':
      if (body[0] == 'S') fake_put_message(c, 't', "\0\0", 2);
      put_columns(c);
      return true;
    case 'E': put_rows(c); return true;
    case 'Q':
      put_columns(c);
      put_rows(c);
      fake_put_message(c, 'Z', "I", 1);
      return fake_flush(c);
    case 'S': fake_put_message(c, 'Z', "I", 1); return fake_flush(c);
    default: return false;
  }
}

bool fake_serve(struct fake_conn *c) {
  char type, body[16];

  if (!fake_flush(c)) return false;
  c->corked = true; /* whole answers leave at once */
  while (fake_flush_part(c) && fake_read_message(c, &type, body, sizeof body, NULL))
    if (!reply(c, type, body)) break;
  c->corked = false;
  return false;
}

/* ---- SCRAM ---- */

static void put_auth(struct fake_conn *c, uint8_t code, const char *text, size_t n) {
  char body[PEER_MESSAGE_MAX + 4] = {0, 0, 0, (char)code};
  memcpy(body + 4, text, n);
  fake_put_message(c, 'R', body, n + 4);
}

static void server_first(struct fake_conn *c, struct peer *p) {
  const struct fake_scram *wrong = &c->plan.scram;
  char text[PEER_MESSAGE_MAX];

  if (wrong->iterations)
    (void)snprintf(text, sizeof text, "r=%s%s,s=%s,i=%s", p->client_nonce, p->nonce, "c2FsdHNhbHRzYWx0",
                   wrong->iterations);
  else if (wrong->foreign_nonce)
    (void)snprintf(text, sizeof text, "r=x%s,s=%s,i=4096", p->client_nonce, "c2FsdHNhbHRzYWx0");
  else if (wrong->same_nonce)
    (void)snprintf(text, sizeof text, "r=%s,s=%s,i=4096", p->client_nonce, "c2FsdHNhbHRzYWx0");
  else
    (void)snprintf(text, sizeof text, "%s", p->server_first);
  put_auth(c, 11, text, strlen(text));
}

/* The body of SASLInitialResponse: mechanism, NUL, length, data. */
static bool client_first(struct fake_conn *c, struct peer *p) {
  char type, body[PEER_MESSAGE_MAX];
  size_t n, name;

  if (!fake_read_message(c, &type, body, sizeof body, &n) || type != 'p') return false;
  name = strlen(body) + 1 + 4;
  return n >= name && peer_first(p, body + name, n - name);
}

static bool drain(struct fake_conn *c) {
  char scratch[256];
  while (fake_read(c, scratch, 1)) {}
  return false;
}

bool fake_scram(struct fake_conn *c) {
  static const char mechanisms[] = "SCRAM-SHA-256\0";
  const struct fake_scram *wrong = &c->plan.scram;
  const char *password = wrong->password ? wrong->password : "secret";
  struct peer p = {.password = {password, strlen(password)},
                   .salt = "saltsaltsalt",
                   .salt_len = 12,
                   .iterations = 4096,
                   .nonce = "servernonce"};
  char type, body[PEER_MESSAGE_MAX];
  size_t n;

  put_auth(c, 10, mechanisms, sizeof mechanisms);
  if (!client_first(c, &p)) return false;
  if (wrong->stop_before_first) return drain(c);
  server_first(c, &p);
  if (!fake_flush(c)) return false;
  c->challenged = c->sent;
  if (!fake_read_message(c, &type, body, sizeof body, &n) || type != 'p') return false;
  if (!wrong->wrong_signature && !wrong->ok_before_final && !peer_final(&p, body, n)) return false;
  if (wrong->stop_before_final) return drain(c);
  if (wrong->wrong_signature) (void)snprintf(p.server_final, sizeof p.server_final, "v=%043d=", 0);
  if (!wrong->ok_before_final) put_auth(c, 12, p.server_final, strlen(p.server_final));
  fake_put_message(c, 'R', "\0\0\0\0", 4);
  return true;
}

/* ---- a connection ---- */

static bool startup(struct fake_conn *c) {
  uint8_t head[8], scratch[1024];
  size_t n;

  if (!fake_read(c, head, sizeof head)) return false;
  n = ((size_t)head[2] << 8 | head[3]) - sizeof head;
  if (n > sizeof scratch || !fake_read(c, scratch, n)) return false;
  if (head[4] != 0x04 || head[5] != 0xd2 || head[6] != 0x16 || head[7] != 0x2e) return true;
  pthread_mutex_lock(&c->server->lock);
  c->server->counts.cancels++;
  pthread_mutex_unlock(&c->server->lock);
  return false;
}

static bool accept_tls(struct fake_conn *c) {
  if (!fake_flush(c)) return false;
  c->ssl = SSL_new(c->plan.tls);
  MUST(c->ssl && SSL_set_fd(c->ssl, c->fd) == 1);
  if (SSL_accept(c->ssl) == 1) return true;
  SSL_free(c->ssl);
  c->ssl = NULL;
  return false;
}

static void wait_for_close(struct fake_conn *c) {
  struct pollfd gone = {.fd = c->fd, .events = POLLRDHUP};
  if (fake_flush(c)) (void)poll(&gone, 1, -1);
  c->over = true;
}

/* False when the connection is over. */
static bool step(struct fake_conn *c, const struct fake_step *s) {
  switch (s->action) {
    case FAKE_STARTUP: return startup(c);
    case FAKE_AWAIT: return fake_await(c, s->type);
    case FAKE_MESSAGE: fake_put_message(c, s->type, s->bytes, s->len); return true;
    case FAKE_RAW: fake_put(c, s->bytes, s->len); return true;
    case FAKE_TLS: return accept_tls(c);
    case FAKE_CALL: return s->call(c);
    case FAKE_CLOSE:
      if (fake_flush(c)) finish(c);
      return false;
    case FAKE_RESET:
      if (fake_flush(c)) reset(c);
      return false;
    case FAKE_DEAF: wait_for_close(c); return false;
    case FAKE_END: return drain(c);
  }
  return false;
}

/* The last word is active--: whoever waits for it may end the process, and what this thread still had would be a leak. */
static void end_thread(struct fake_conn *c) {
  struct fake_server *s = c->server;
  size_t sent = c->sent, received = c->received;

  free(c->out);
  free(c);
  OPENSSL_thread_stop();
  pthread_mutex_lock(&s->lock);
  s->counts.sent = sent;
  s->counts.received = received;
  s->active--;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
}

static void *serve(void *arg) {
  struct fake_conn *c = arg;

  if (c->plan.has_cut && c->plan.cut_at == 0) finish(c);
  for (const struct fake_step *at = c->steps; !c->over && step(c, at); at++) {}
  if (c->fd >= 0 && !c->over) finish(c);
  if (c->ssl) SSL_free(c->ssl);
  if (c->fd >= 0) close(c->fd);
  end_thread(c);
  return NULL;
}

static void start_connection(struct fake_server *s, int fd) {
  struct fake_conn *c = calloc(1, sizeof *c);
  pthread_t thread;

  MUST(c);
  *c = (struct fake_conn){.server = s, .fd = fd};
  pthread_mutex_lock(&s->lock);
  c->plan = s->plan;
  memcpy(c->steps, s->steps, sizeof c->steps);
  s->active++;
  s->counts.connections++;
  pthread_mutex_unlock(&s->lock);
  MUST(pthread_create(&thread, NULL, serve, c) == 0);
  MUST(pthread_detach(thread) == 0);
}

static void *accept_all(void *arg) {
  struct fake_server *s = arg;
  int fd;
  while ((fd = accept(s->listener, NULL, NULL)) >= 0) start_connection(s, fd);
  return NULL;
}

/* ---- the server ---- */

static void listen_unix(struct fake_server *s) {
  static unsigned number;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int n;

  s->port = 5432;
  n = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "dsql-fake-%d-%u/.s.PGSQL.%u", getpid(), ++number,
               s->port);
  (void)snprintf(s->conninfo, sizeof s->conninfo, "host=@dsql-fake-%d-%u port=%u user=u dbname=d", getpid(), number,
                 s->port);
  s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  MUST(s->listener >= 0);
  MUST(bind(s->listener, (struct sockaddr *)&address,
            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) == 0);
}

static void listen_tcp(struct fake_server *s) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;

  s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  MUST(s->listener >= 0);
  MUST(bind(s->listener, (struct sockaddr *)&address, sizeof address) == 0);
  MUST(getsockname(s->listener, (struct sockaddr *)&address, &size) == 0);
  s->port = ntohs(address.sin_port);
  (void)snprintf(s->conninfo, sizeof s->conninfo,
                 "host=localhost hostaddr=127.0.0.1 port=%u user=u dbname=d sslmode=disable", s->port);
}

struct fake_server *fake_start(enum fake_transport transport) {
  struct fake_server *s = calloc(1, sizeof *s);
  sigset_t pipe_signal, before;

  MUST(s);
  s->transport = transport;
  MUST(pthread_mutex_init(&s->lock, NULL) == 0 && pthread_cond_init(&s->changed, NULL) == 0);
  if (transport == FAKE_UNIX)
    listen_unix(s);
  else
    listen_tcp(s);
  MUST(listen(s->listener, 128) == 0);
  /* OpenSSL writes without MSG_NOSIGNAL; the client's thread keeps the default disposition. */
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  MUST(pthread_sigmask(SIG_BLOCK, &pipe_signal, &before) == 0);
  MUST(pthread_create(&s->acceptor, NULL, accept_all, s) == 0);
  MUST(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
  return s;
}

void fake_stop(struct fake_server *s) {
  (void)shutdown(s->listener, SHUT_RDWR);
  MUST(pthread_join(s->acceptor, NULL) == 0);
  fake_wait_idle(s);
  close(s->listener);
  pthread_mutex_destroy(&s->lock);
  pthread_cond_destroy(&s->changed);
  free(s);
}

void fake_shrink_buffers(struct fake_server *s) {
  int size = 4096; /* the kernel takes its minimum; accepted sockets inherit it */
  MUST(setsockopt(s->listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) == 0);
  MUST(setsockopt(s->listener, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
}

static bool is_last(const struct fake_step *s) {
  return s->action == FAKE_END || s->action == FAKE_CLOSE || s->action == FAKE_RESET || s->action == FAKE_DEAF ||
         s->call == fake_serve;
}

void fake_plan_set(struct fake_server *s, const struct fake_plan *plan) {
  size_t n = 0;
  pthread_mutex_lock(&s->lock);
  s->plan = *plan;
  do {
    MUST(n < STEPS_MAX);
    s->steps[n] = plan->steps[n];
  } while (!is_last(&plan->steps[n++]));
  s->plan.steps = NULL;
  pthread_mutex_unlock(&s->lock);
}

const char *fake_conninfo(const struct fake_server *s) { return s->conninfo; }
uint16_t fake_port(const struct fake_server *s) { return s->port; }

void fake_wait_idle(struct fake_server *s) {
  struct timespec end;
  (void)clock_gettime(CLOCK_REALTIME, &end);
  end.tv_sec += 30;
  pthread_mutex_lock(&s->lock);
  while (s->active) MUST(pthread_cond_timedwait(&s->changed, &s->lock, &end) == 0);
  pthread_mutex_unlock(&s->lock);
}

struct fake_counts fake_counts(struct fake_server *s) {
  struct fake_counts counts;
  pthread_mutex_lock(&s->lock);
  counts = s->counts;
  pthread_mutex_unlock(&s->lock);
  return counts;
}

void fake_wait_reset(struct fake_server *s, unsigned seen) {
  pthread_mutex_lock(&s->lock);
  while (s->counts.resets == seen) pthread_cond_wait(&s->changed, &s->lock);
  pthread_mutex_unlock(&s->lock);
}
