/* peer_floor_io.c - connecting and learning how long answers are, blocking. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../measure.h"
#include "peer_floor.h"

int dial(const struct work *w) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(w->port, NULL, 10))};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) die("floor: cannot connect");
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

void send_all(int fd, const void *p, size_t n) {
  for (size_t done = 0; done < n;) {
    ssize_t sent = send(fd, (const char *)p + done, n - done, MSG_NOSIGNAL);
    if (sent <= 0) die("floor: cannot send");
    done += (size_t)sent;
  }
}

/* ---- answers ---- */

static size_t receive(int fd, SSL *tls, unsigned char *p, size_t n) {
  ssize_t got = tls ? SSL_read(tls, p, (int)n) : recv(fd, p, n, 0);
  if (got <= 0) die("floor: the connection was lost");
  return (size_t)got;
}

/* Messages may be cut anywhere: `skip` bytes of the last one are still to come, or its head is in `head`. */
struct frames {
  unsigned char head[5];
  size_t head_length, skip;
  int ready;
};

static void take_byte(struct frames *f, unsigned char byte) {
  uint32_t length;
  if (f->skip > 0) {
    f->skip--;
    return;
  }
  f->head[f->head_length++] = byte;
  if (f->head_length < sizeof f->head) return;
  memcpy(&length, f->head + 1, sizeof length);
  f->skip = ntohl(length) - 4;
  f->head_length = 0;
  if (f->head[0] == 'E') die("floor: the server sent an error");
  if (f->head[0] == 'Z') f->ready++;
}

size_t read_answer(int fd, SSL *tls, int ready) {
  struct frames f = {.ready = 0};
  unsigned char buffer[16384];
  size_t total = 0;

  while (f.ready < ready || f.skip > 0) {
    size_t got = receive(fd, tls, buffer, sizeof buffer);
    for (size_t i = 0; i < got; i++) take_byte(&f, buffer[i]);
    total += got;
  }
  return total;
}

/* ---- connects ---- */

SSL_CTX *make_tls(const struct work *w) {
  static const unsigned char alpn[] = "\12postgresql";
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  if (!context || !SSL_CTX_load_verify_file(context, w->ca)) die("floor: cannot read %s", w->ca);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
  if (SSL_CTX_set_alpn_protos(context, alpn, sizeof alpn - 1)) die("floor: no ALPN");
  return context;
}

static SSL *handshake(struct peer *p, int fd) {
  static const unsigned char request[] = {0, 0, 0, 8, 4, 210, 22, 47};
  SSL *tls = SSL_new(p->tls);
  char answer;

  if (p->work.tls == TLS_POSTGRES) {
    send_all(fd, request, sizeof request);
    if (recv(fd, &answer, 1, 0) != 1 || answer != 'S') die("floor: the server has no TLS");
  }
  if (!tls || !SSL_set_fd(tls, fd) || !SSL_set_tlsext_host_name(tls, "localhost") || !SSL_set1_host(tls, "localhost") ||
      SSL_connect(tls) != 1)
    die("floor: the handshake failed");
  return tls;
}

void connect_once(struct peer *p) {
  static const unsigned char terminate[] = {'X', 0, 0, 0, 4};
  int fd = dial(&p->work);
  SSL *tls = p->tls ? handshake(p, fd) : NULL;

  if (!tls) send_all(fd, p->connect.bytes, p->connect.length);
  if (tls && SSL_write(tls, p->connect.bytes, (int)p->connect.length) <= 0) die("floor: cannot send");
  (void)read_answer(fd, tls, 2);
  if (!tls) send_all(fd, terminate, sizeof terminate);
  if (tls && SSL_write(tls, terminate, sizeof terminate) <= 0) die("floor: cannot send");
  if (tls) SSL_free(tls);
  close(fd);
}
