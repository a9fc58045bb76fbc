#include "tls_peer.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <signal.h>
#include <unistd.h>

#include "net_fixture.h"

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in, unsigned len,
                       void *arg) {
  (void)ssl, (void)in, (void)len, (void)arg;
  *out = (const unsigned char *)"postgresql";
  *n = 10;
  return SSL_TLSEXT_ERR_OK;
}

static void send_all(SSL *ssl, const void *p, size_t n) {
  size_t sent;
  if (n) (void)SSL_write_ex(ssl, p, n, &sent);
}

static void read_all(struct tls_peer *p, SSL *ssl, bool echo) {
  static _Thread_local uint8_t bytes[65536];
  size_t n;
  while (SSL_read_ex(ssl, bytes, sizeof bytes, &n) == 1) {
    for (size_t i = 0; i < n; i++)
      if (bytes[i] != pattern(p->received + i)) p->bad = true;
    p->received += n;
    if (echo) send_all(ssl, bytes, n);
  }
  p->close_notify = SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN;
}

static void serve(struct tls_peer *p, SSL *ssl) {
  switch (p->job) {
    case TLS_PEER_ECHO: read_all(p, ssl, true); break;
    case TLS_PEER_TELL:
      send_all(ssl, p->tell, p->tell_len);
      (void)SSL_shutdown(ssl);
      break;
    case TLS_PEER_DROP: send_all(ssl, p->tell, p->tell_len); break;
    case TLS_PEER_STALL:
      uv_sem_wait(&p->resume);
      read_all(p, ssl, false);
      break;
    case TLS_PEER_GARBAGE:
      send_all(ssl, p->tell, p->tell_len);
      (void)!write(p->fd, "this is no record at all", 24);
      read_all(p, ssl, false);
      break;
  }
}

static void on_info(const SSL *ssl, int where, int value) {
  struct tls_peer *p = SSL_get_app_data(ssl);
  if ((where & SSL_CB_ALERT) && (where & SSL_CB_READ) && (value & 0xff) != SSL_AD_CLOSE_NOTIFY) p->alert = value & 0xff;
}

static void run(void *arg) {
  struct tls_peer *p = arg;
  SSL *ssl = SSL_new(p->ctx);
  sigset_t pipe;

  /* OpenSSL writes with write(): this thread may get EPIPE, but the process keeps its SIGPIPE. */
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, NULL);
  set_blocking(p->fd);
  SSL_set_app_data(ssl, p);
  SSL_set_info_callback(ssl, on_info);
  SSL_set_fd(ssl, p->fd);
  p->accepted = SSL_accept(ssl) == 1;
  if (p->accepted) serve(p, ssl);
  SSL_free(ssl);
  ERR_clear_error();
  close(p->fd);
}

void tls_peer_start(struct tls_peer *p, const struct identity *id, int fd) {
  p->fd = fd;
  p->ctx = SSL_CTX_new(TLS_server_method());
  cr_assert(SSL_CTX_use_certificate(p->ctx, id->cert) == 1);
  cr_assert(SSL_CTX_use_PrivateKey(p->ctx, id->key) == 1);
  SSL_CTX_set_max_proto_version(p->ctx, p->max_version);
  SSL_CTX_set_num_tickets(p->ctx, 0);
  SSL_CTX_set_alpn_select_cb(p->ctx, choose_alpn, NULL);
  uv_sem_init(&p->resume, 0);
  cr_assert_eq(uv_thread_create(&p->thread, run, p), 0);
}

void tls_peer_join(struct tls_peer *p) {
  uv_thread_join(&p->thread);
  uv_sem_destroy(&p->resume);
  SSL_CTX_free(p->ctx);
}
