#include "raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

uint64_t raw_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool failed(struct raw *r, const char *what, const char *why) {
  snprintf(r->why, sizeof r->why, "%s: %s", what, why);
  return false;
}

static bool failed_tls(struct raw *r, const char *what) {
  const char *reason = ERR_reason_error_string(ERR_peek_last_error());
  long verify = r->ssl ? SSL_get_verify_result(r->ssl) : X509_V_OK;
  if (verify != X509_V_OK) reason = X509_verify_cert_error_string(verify);
  return failed(r, what, reason ? reason : "the server closed the connection");
}

/* ---- opening ---- */

static void set_timeouts(int fd) {
  struct timeval tv = {.tv_sec = RAW_TIMEOUT_MS / 1000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
}

static bool dial(struct raw *r, const struct target_host *h) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
  const char *name = h->hostaddr ? h->hostaddr : h->host;
  char port[8];
  int rc;

  snprintf(port, sizeof port, "%u", h->port);
  rc = getaddrinfo(name, port, &hints, &list);
  if (rc) return failed(r, name, gai_strerror(rc));
  for (struct addrinfo *a = list; a && r->fd < 0; a = a->ai_next) {
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    set_timeouts(fd);
    if (connect(fd, a->ai_addr, a->ai_addrlen) == 0) {
      r->fd = fd;
    } else {
      failed(r, "connect", strerror(errno));
      close(fd);
    }
  }
  freeaddrinfo(list);
  return r->fd >= 0;
}

static bool ask_for_tls(struct raw *r, const struct target *t) {
  struct buf b;
  bool sent;

  buf_init(&b, &t->alloc, 64);
  wire_ssl_request(&b);
  sent = send(r->fd, b.data, b.len, MSG_NOSIGNAL) == (ssize_t)b.len;
  buf_deinit(&b);
  if (!sent || recv(r->fd, &r->answer, 1, 0) != 1) return failed(r, "SSLRequest", "no answer");
  return r->answer == 'S' || failed(r, "SSLRequest", "TLS was refused");
}

static bool set_names(struct raw *r, const struct target *t, const char *host) {
  X509_VERIFY_PARAM *param = SSL_get0_param(r->ssl);
  struct in6_addr scratch;
  bool address = inet_pton(AF_INET, host, &scratch) == 1 || inet_pton(AF_INET6, host, &scratch) == 1;

  if (!address && !SSL_set_tlsext_host_name(r->ssl, host)) return false;
  if (t->verify == TARGET_VERIFY_NONE) return true;
  SSL_set_verify(r->ssl, SSL_VERIFY_PEER, NULL);
  if (t->verify == TARGET_VERIFY_CA) return true;
  return address ? X509_VERIFY_PARAM_set1_ip_asc(param, host) : SSL_set1_host(r->ssl, host);
}

static SSL *new_session(struct raw *r, const struct target *t) {
  static const uint8_t alpn[] = "\x0apostgresql";
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  SSL *ssl;

  if (!ctx) return NULL;
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  if (t->sslrootcert ? SSL_CTX_load_verify_file(ctx, t->sslrootcert) : SSL_CTX_set_default_verify_paths(ctx))
    (void)SSL_CTX_set_alpn_protos(ctx, alpn, sizeof alpn - 1);
  else
    (void)failed_tls(r, "loading the root certificates");
  ssl = SSL_new(ctx);
  SSL_CTX_free(ctx);
  return ssl;
}

static bool start_tls(struct raw *r, const struct target *t) {
  const struct target_host *h = &t->hosts[0];

  ERR_clear_error();
  r->ssl = new_session(r, t);
  if (!r->ssl || !set_names(r, t, h->host ? h->host : h->hostaddr) || !SSL_set_fd(r->ssl, r->fd) ||
      SSL_connect(r->ssl) != 1)
    return failed_tls(r, "TLS");
  return fcntl(r->fd, F_SETFL, O_NONBLOCK) == 0;
}

bool raw_open(struct raw *r, const struct target *t, enum raw_way way) {
  memset(r, 0, sizeof *r);
  r->fd = -1;
  return dial(r, &t->hosts[0]) && (way == RAW_DIRECT || ask_for_tls(r, t)) && start_tls(r, t);
}

void raw_close(struct raw *r) {
  if (r->ssl) SSL_free(r->ssl);
  if (r->fd >= 0) close(r->fd);
  r->ssl = NULL;
  r->fd = -1;
}

/* ---- moving bytes ---- */

/* Waits for what TLS wants after a call that returned rc. */
static enum raw_status wait_for(struct raw *r, int rc, uint64_t deadline_ms) {
  int error = SSL_get_error(r->ssl, rc);
  uint64_t now = raw_now_ms();
  struct pollfd p = {.fd = r->fd, .events = error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN};

  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return RAW_CLOSED;
  if (now >= deadline_ms) return RAW_TIMEOUT;
  return poll(&p, 1, (int)(deadline_ms - now)) > 0 ? RAW_MESSAGE : RAW_TIMEOUT;
}

bool raw_send(struct raw *r, struct buf *b) {
  uint64_t deadline_ms = raw_now_ms() + RAW_TIMEOUT_MS;
  bool ok = buf_ok(b);

  for (size_t at = 0; ok && at < b->len;) {
    int n;
    ERR_clear_error();
    n = SSL_write(r->ssl, b->data + at, (int)(b->len - at));
    if (n > 0)
      at += (size_t)n;
    else
      ok = wait_for(r, n, deadline_ms) == RAW_MESSAGE;
  }
  buf_reset(b);
  return ok;
}

enum raw_status raw_next(struct raw *r, int timeout_ms) {
  uint64_t deadline_ms = raw_now_ms() + (uint64_t)timeout_ms;

  memmove(r->in, r->in + r->used, r->have - r->used);
  r->have -= r->used;
  r->used = 0;
  for (;;) {
    int rc = wire_frame_cut(r->in, r->have, sizeof r->in, &r->m), n;
    if (rc < 0) return RAW_CLOSED;
    if (rc == 1) {
      r->used = r->m.total;
      return RAW_MESSAGE;
    }
    ERR_clear_error();
    n = SSL_read(r->ssl, r->in + r->have, (int)(sizeof r->in - r->have));
    if (n > 0) {
      r->have += (size_t)n;
    } else {
      enum raw_status status = wait_for(r, n, deadline_ms);
      if (status != RAW_MESSAGE) return status;
    }
  }
}

enum raw_status raw_until(struct raw *r, const char *types, int timeout_ms, char error[RAW_TEXT_SIZE]) {
  uint64_t deadline_ms = raw_now_ms() + (uint64_t)timeout_ms;

  for (;;) {
    uint64_t now = raw_now_ms();
    enum raw_status status = now < deadline_ms ? raw_next(r, (int)(deadline_ms - now)) : RAW_TIMEOUT;
    if (status != RAW_MESSAGE) return status;
    if (r->m.type == WIRE_ERROR_RESPONSE && !error[0]) raw_error_text(r->m.body, r->m.len, error);
    if (strchr(types, r->m.type)) return RAW_MESSAGE;
  }
}

/* ---- logging in ---- */

static void append(char out[RAW_TEXT_SIZE], const char *prefix, dsql_str text) {
  size_t at = strlen(out);
  if (text.len) (void)snprintf(out + at, RAW_TEXT_SIZE - at, "%s%.*s", prefix, (int)text.len, text.ptr);
}

void raw_error_text(const uint8_t *body, size_t n, char out[RAW_TEXT_SIZE]) {
  out[0] = '\0';
  append(out, "", error_body_field(body, n, 'S'));
  append(out, " ", error_body_field(body, n, 'C'));
  append(out, ": ", error_body_field(body, n, 'M'));
  append(out, "; HINT: ", error_body_field(body, n, 'H'));
}

void raw_put_startup(struct buf *b, const struct target *t, uint32_t protocol, const struct wire_pair *extra) {
  struct wire_pair pairs[5] = {{"user", t->user},
                               {"database", t->dbname},
                               {"client_encoding", "UTF8"},
                               {"application_name", "libdsql-cluster-probe"}};
  size_t n = 4;
  if (extra) pairs[n++] = *extra;
  wire_startup(b, protocol, pairs, n);
}

void raw_put_password(struct buf *b, const struct target *t) {
  const char *password = target_password(t, 0);
  b->secret = true;
  wire_password(b, password ? password : "", password ? strlen(password) : 0);
}

/* False: an authentication that this client does not do. */
static bool answer(struct raw *r, const struct target *t, struct login *out) {
  struct wire_authentication a;
  struct buf b;
  bool ok;

  if (wire_decode_authentication(r->m.body, r->m.len, &a)) return failed(r, "authentication", "a malformed request");
  if (!out->asked) out->auth = a.code;
  out->asked = true;
  if (a.code == WIRE_AUTH_OK) return true;
  if (a.code != WIRE_AUTH_CLEARTEXT_PASSWORD)
    return failed(r, "authentication", "the probe can only send a cleartext password (as Aurora DSQL asks for)");
  buf_init(&b, &t->alloc, 1 << 20);
  raw_put_password(&b, t);
  ok = raw_send(r, &b);
  buf_deinit(&b);
  return ok || failed(r, "authentication", "the connection was closed");
}

static void note_parameter(struct login *out, const struct wire_frame *m) {
  struct wire_parameter_status p;
  size_t at = strlen(out->parameters);
  if (wire_decode_parameter_status(m->body, m->len, &p)) return;
  out->parameter_count++;
  (void)snprintf(out->parameters + at, sizeof out->parameters - at, "%s%.*s=%.*s", at ? ", " : "", (int)p.name.len,
                 p.name.ptr, (int)p.value.len, p.value.ptr);
}

static void note_key(struct login *out, const struct wire_frame *m) {
  struct wire_backend_key key;
  if (wire_decode_backend_key(m->body, m->len, &key)) return;
  out->pid = key.pid;
  out->key_len = key.key_len;
  memcpy(out->key, key.key, key.key_len);
}

static void note_version(struct login *out, const struct wire_frame *m) {
  struct wire_negotiate_version v;
  if (wire_decode_negotiate_version(m->body, m->len, &v)) return;
  out->negotiated = true;
  out->version = v.version;
  out->unknown_options = v.option_count;
}

/* True while more is to come. */
static bool startup_message(struct raw *r, const struct target *t, struct login *out) {
  switch (r->m.type) {
    case WIRE_AUTHENTICATION:
      if (answer(r, t, out)) return true;
      memcpy(out->error, r->why, sizeof out->error);
      return false;
    case WIRE_PARAMETER_STATUS: note_parameter(out, &r->m); return true;
    case WIRE_BACKEND_KEY_DATA: note_key(out, &r->m); return true;
    case WIRE_NEGOTIATE_PROTOCOL_VERSION: note_version(out, &r->m); return true;
    case WIRE_ERROR_RESPONSE: raw_error_text(r->m.body, r->m.len, out->error); return false;
    default: return r->m.type != WIRE_READY_FOR_QUERY;
  }
}

bool raw_login(struct raw *r, const struct target *t, uint32_t protocol, const struct wire_pair *extra,
               struct login *out) {
  enum raw_status status;
  struct buf b;

  memset(out, 0, sizeof *out);
  buf_init(&b, &t->alloc, 1 << 16);
  raw_put_startup(&b, t, protocol, extra);
  status = raw_send(r, &b) ? RAW_MESSAGE : RAW_CLOSED;
  buf_deinit(&b);
  while (status == RAW_MESSAGE && (status = raw_next(r, RAW_TIMEOUT_MS)) == RAW_MESSAGE)
    if (!startup_message(r, t, out)) break;
  if (status != RAW_MESSAGE && !out->error[0])
    snprintf(out->error, sizeof out->error, "%s", status == RAW_CLOSED ? "closed without a word" : "no answer");
  return !out->error[0];
}

bool raw_ready(struct raw *r, const struct target *t, struct login *login) {
  enum raw_way way = t->sslnegotiation == TARGET_NEGOTIATE_DIRECT ? RAW_DIRECT : RAW_SSLREQUEST;
  memset(login, 0, sizeof *login);
  if (!raw_open(r, t, way)) return false;
  if (raw_login(r, t, WIRE_PROTOCOL_3_0, NULL, login)) return true;
  memcpy(r->why, login->error, sizeof r->why);
  return false;
}
