/* floor_connect.c - what no verified connection can cost less than: OpenSSL with one context for all, which has read its
 * certificates once, on a blocking socket, and messages that were made beforehand.
 *
 *   floor_connect COUNT TARGET
 *
 * TARGET has hostaddr, port, host (which the certificate must name), user, password, dbname and, for the certificates, a
 * file as sslrootcert, or `system`, which is what SSL_CERT_FILE names. Each connect is TCP, SSLRequest, handshake, then
 * in one write StartupMessage, password and a Query, whose ReadyForQuery is waited for, and Terminate. */
#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"

enum { WARM_UP = 5 };

static struct {
  SSL_CTX *context;
  struct sockaddr_in address;
  char host[128];
  uint8_t flight[1024];
  size_t flight_len;
} floor_state;

/* The value of `key=`, which must not be the end of a longer key. */
static void word(const char *target, const char *key, char out[128]) {
  const char *at = target;
  size_t n;
  while ((at = strstr(at, key)) != NULL && at != target && at[-1] != ' ') at++;
  if (!at) die("floor: TARGET has no %s", key);
  at += strlen(key);
  n = strcspn(at, " ");
  if (n >= 128) die("floor: TARGET has a long %s", key);
  memcpy(out, at, n);
  out[n] = '\0';
}

static void put(const void *p, size_t n) {
  if (sizeof floor_state.flight - floor_state.flight_len < n) die("floor: TARGET is too long");
  memcpy(floor_state.flight + floor_state.flight_len, p, n);
  floor_state.flight_len += n;
}

static void put_length(size_t n) {
  uint32_t length = htobe32((uint32_t)n);
  put(&length, 4);
}

static void make_flight(const char *target) {
  static const char query[] = "select 1";
  char user[128], password[128], database[128];

  word(target, "user=", user);
  word(target, "password=", password);
  word(target, "dbname=", database);
  put_length(4 + 4 + 5 + strlen(user) + 1 + 9 + strlen(database) + 1 + 1);
  put("\0\3\0\0user", 9);
  put(user, strlen(user) + 1);
  put("database", 9);
  put(database, strlen(database) + 1);
  put("\0p", 2);
  put_length(4 + strlen(password) + 1);
  put(password, strlen(password) + 1);
  put("Q", 1);
  put_length(4 + sizeof query);
  put(query, sizeof query);
}

static void make_context(const char *target) {
  char roots[128];

  word(target, "sslrootcert=", roots);
  floor_state.context = SSL_CTX_new(TLS_client_method());
  if (!floor_state.context) die("floor: no memory");
  if (strcmp(roots, "system") == 0 ? SSL_CTX_set_default_verify_paths(floor_state.context) != 1
                                   : SSL_CTX_load_verify_locations(floor_state.context, roots, NULL) != 1)
    die("floor: can't read the certificates %s", roots);
  SSL_CTX_set_verify(floor_state.context, SSL_VERIFY_PEER, NULL);
}

static void make_address(const char *target) {
  char host[128], port[128];
  word(target, "hostaddr=", host);
  word(target, "port=", port);
  word(target, "host=", floor_state.host);
  floor_state.address.sin_family = AF_INET;
  floor_state.address.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
  if (inet_pton(AF_INET, host, &floor_state.address.sin_addr) != 1) die("floor: hostaddr is no IPv4 address");
}

static int dial(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
  char reply;

  if (fd < 0 || connect(fd, (struct sockaddr *)&floor_state.address, sizeof floor_state.address))
    die("floor: can't connect");
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (send(fd, "\0\0\0\10\4\322\26\57", 8, MSG_NOSIGNAL) != 8 || recv(fd, &reply, 1, 0) != 1 || reply != 'S')
    die("floor: the server speaks no TLS");
  return fd;
}

/* Two ReadyForQuery: of the start-up, and of the query. */
static void read_ready(SSL *ssl) {
  uint8_t data[16 * 1024];
  size_t have = 0, at = 0;

  for (int ready = 0; ready < 2;) {
    int n = SSL_read(ssl, data + have, (int)(sizeof data - have));
    if (n <= 0) die("floor: the server is gone");
    for (have += (size_t)n; have - at >= 5;) {
      uint32_t length;
      memcpy(&length, data + at + 1, 4);
      length = be32toh(length) + 1;
      if (length > have - at) break;
      if (data[at] == 'E') die("floor: the server reports an error");
      ready += data[at] == 'Z';
      at += length;
    }
  }
}

static void connect_once(void) {
  int fd = dial();
  SSL *ssl = SSL_new(floor_state.context);

  if (!ssl || SSL_set_fd(ssl, fd) != 1 || SSL_set_tlsext_host_name(ssl, floor_state.host) != 1 ||
      SSL_set1_host(ssl, floor_state.host) != 1)
    die("floor: no memory");
  if (SSL_connect(ssl) != 1) die("floor: the handshake failed");
  if (SSL_write(ssl, floor_state.flight, (int)floor_state.flight_len) != (int)floor_state.flight_len)
    die("floor: the server is gone");
  read_ready(ssl);
  (void)SSL_write(ssl, "X\0\0\0\4", 5);
  (void)SSL_shutdown(ssl);
  SSL_free(ssl);
  close(fd);
}

int main(int argc, char **argv) {
  struct sample begin, end;
  uint64_t count;

  if (argc != 3) die("usage: floor_connect COUNT TARGET");
  count = parse_count(argv[1]);
  make_address(argv[2]);
  make_flight(argv[2]);
  make_context(argv[2]);
  for (int i = 0; i < WARM_UP; i++) connect_once();
  measure_sample(&begin);
  for (uint64_t i = 0; i < count; i++) connect_once();
  measure_sample(&end);
  report_work(&begin, &end, count, 0);
  SSL_CTX_free(floor_state.context);
  return 0;
}
