#include "fake_http.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

enum { CHUNK = 7, BODY_MAX = 1024 * 1024 };

struct text {
  char *p;
  size_t len;
};

struct fake_http_listener {
  uv_tcp_t tcp;
  struct fake_http *h;
};

struct fake_http_conn {
  uv_tcp_t tcp;
  uv_timer_t timer; /* the delay; both handles are closed together */
  unsigned handles;
  struct fake_http *h; /* NULL: fake_http_stop() was called */
  struct fake_http_conn *next;
  struct text in, out;
  size_t sent;
  uv_write_t write;
  enum fake_http_mode mode;
  bool answering, closing;
  char slab[16 * 1024];
};

static void die(const char *why) {
  (void)fprintf(stderr, "fake_http: %s\n", why);
  abort();
}

static void *must(void *p) {
  if (!p) die("out of memory");
  return p;
}

static void text_add(struct text *t, const void *p, size_t n) {
  t->p = must(realloc(t->p, t->len + n + 1));
  if (n) memcpy(t->p + t->len, p, n);
  t->len += n;
  t->p[t->len] = '\0';
}

static void text_add_str(struct text *t, const char *s) { text_add(t, s, strlen(s)); }

/* ---- connections ---- */

static void conn_forget(struct fake_http_conn *c) {
  struct fake_http_conn **at;
  if (!c->h) return;
  for (at = &c->h->conns; *at != c; at = &(*at)->next) continue;
  *at = c->next;
  c->h->open--;
  c->h = NULL;
}

static void on_conn_closed(uv_handle_t *handle) {
  struct fake_http_conn *c = handle->data;
  if (--c->handles) return;
  free(c->in.p);
  free(c->out.p);
  free(c);
}

static void conn_close(struct fake_http_conn *c) {
  if (c->closing) return;
  c->closing = true;
  conn_forget(c);
  uv_close((uv_handle_t *)&c->tcp, on_conn_closed);
  uv_close((uv_handle_t *)&c->timer, on_conn_closed);
}

static void conn_reset(struct fake_http_conn *c) {
  struct linger l = {.l_onoff = 1, .l_linger = 0};
  uv_os_fd_t fd;
  if (uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0) (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
  conn_close(c);
}

/* ---- sending ---- */

static void send_next(struct fake_http_conn *c);

static void on_sent(uv_write_t *w, int status) {
  struct fake_http_conn *c = w->data;
  if (c->closing) return;
  if (status)
    conn_close(c);
  else
    send_next(c);
}

/* The end of stream after the answer; a STALLED one stays until the client closes. */
static void send_next(struct fake_http_conn *c) {
  size_t n = c->out.len - c->sent;
  uv_buf_t b = uv_buf_init(c->out.p + c->sent, (unsigned)(c->mode == FAKE_HTTP_BYTE_BY_BYTE && n ? 1 : n));

  if (n == 0) {
    if (c->mode != FAKE_HTTP_STALLED) conn_close(c);
    return;
  }
  c->sent += b.len;
  c->write.data = c;
  if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &b, 1, on_sent)) conn_close(c);
}

static void on_delay(uv_timer_t *t) {
  struct fake_http_conn *c = t->data;
  if (c->closing) return;
  if (c->mode == FAKE_HTTP_CLOSE)
    conn_close(c);
  else if (c->mode == FAKE_HTTP_RESET)
    conn_reset(c);
  else if (c->mode != FAKE_HTTP_NEVER)
    send_next(c);
}

static void add_chunks(struct text *out, const char *body, size_t n) {
  char head[24];
  for (size_t at = 0; at < n; at += CHUNK) {
    size_t len = n - at < CHUNK ? n - at : CHUNK;
    (void)snprintf(head, sizeof head, "%zx\r\n", len);
    text_add_str(out, head);
    text_add(out, body + at, len);
    text_add_str(out, "\r\n");
  }
  text_add_str(out, "0\r\n\r\n");
}

static void compose(struct text *out, const struct fake_http_reply *r) {
  size_t n = r->body_len ? r->body_len : strlen(r->body);
  bool cut = r->mode == FAKE_HTTP_TRUNCATED || r->mode == FAKE_HTTP_STALLED;
  char line[64];

  if (r->mode == FAKE_HTTP_RAW) {
    text_add(out, r->body, n);
    return;
  }
  (void)snprintf(line, sizeof line, "HTTP/1.1 %d Scripted\r\n", r->status);
  text_add_str(out, line);
  for (size_t i = 0; i < FAKE_HTTP_HEADERS && r->header[i]; i++) {
    text_add_str(out, r->header[i]);
    text_add_str(out, "\r\n");
  }
  if (r->mode == FAKE_HTTP_CHUNKED) {
    text_add_str(out, "Transfer-Encoding: chunked\r\n\r\n");
    add_chunks(out, r->body, n);
    return;
  }
  if (r->mode != FAKE_HTTP_UNTIL_CLOSE) {
    (void)snprintf(line, sizeof line, "Content-Length: %zu\r\n", n + (cut ? 10 : 0));
    text_add_str(out, line);
  }
  text_add_str(out, "Connection: close\r\n\r\n");
  text_add(out, r->body, n);
}

/* ---- requests ---- */

bool fake_http_has(const struct fake_http_request *r, const char *header) {
  const char *colon = strchr(header, ':'), *value;
  size_t name = colon ? (size_t)(colon - header) + 1 : 0;

  if (!name) die("a header to look for is \"name: value\" or \"name:\"");
  value = header + name + strspn(header + name, " ");
  for (const char *line = r->headers; *line; line = strstr(line, "\r\n") + 2) {
    const char *has = line + name;
    if (strncasecmp(line, header, name) != 0) continue;
    has += strspn(has, " ");
    if (!*value || (strncmp(has, value, strlen(value)) == 0 && strncmp(has + strlen(value), "\r\n", 2) == 0))
      return true;
  }
  return false;
}

static void unexpected(struct fake_http *h, const struct fake_http_request *q, const char *why) {
  if (h->unexpected++ == 0)
    (void)snprintf(h->unexpected_text, sizeof h->unexpected_text, "%s %.150s: %.60s", q->method, q->path, why);
  (void)fprintf(stderr, "fake_http: unexpected %s %s: %s\n", q->method, q->path, why);
}

static const struct fake_http_reply *find_reply(struct fake_http *h, const struct fake_http_request *q) {
  static const struct fake_http_reply refusal = {.status = 500, .body = "unexpected request\n"};

  for (size_t i = 0; i < h->reply_count; i++) {
    struct fake_http_reply *r = &h->replies[i];
    if (strcmp(r->method, q->method) != 0 || strcmp(r->path, q->path) != 0) continue;
    if (r->times && r->used >= r->times) continue;
    r->used++;
    for (size_t k = 0; k < FAKE_HTTP_WANTS && r->want_header[k]; k++) {
      if (fake_http_has(q, r->want_header[k])) continue;
      unexpected(h, q, r->want_header[k]);
      return &refusal;
    }
    if (!r->want_body || strstr(q->body, r->want_body)) return r;
    unexpected(h, q, r->want_body);
    return &refusal;
  }
  unexpected(h, q, "no reply fits");
  return &refusal;
}

static char *slice(const char *from, const char *to) {
  struct text t = {0};
  text_add(&t, from, (size_t)(to - from));
  return t.p;
}

static char *request_path(const struct fake_http *h, const char *from, const char *to) {
  char *path = slice(from, to), *slash;
  if (!h->proxy || strncmp(path, "http://", 7) != 0) return path;
  slash = strchr(path + 7, '/');
  if (slash) memmove(path, slash, strlen(slash) + 1);
  return path;
}

/* False until it is whole. */
static bool parse(const struct fake_http_conn *c, struct fake_http_request *q) {
  const char *in = c->in.p, *headers = strstr(in, "\r\n"), *end = strstr(in, "\r\n\r\n");
  const char *path = strchr(in, ' '), *version = path ? strchr(path + 1, ' ') : NULL, *length;
  size_t n;

  if (!end) return false;
  if (!version || version > headers) die("a request line without method, path and version");
  *q = (struct fake_http_request){.headers = slice(headers + 2, end + 2)};
  length = strcasestr(q->headers, "Content-Length:");
  n = length ? strtoul(length + 15, NULL, 10) : 0;
  if (n > BODY_MAX) die("a request with too large a body");
  if (c->in.len - (size_t)(end + 4 - in) < n) {
    free(q->headers);
    return false;
  }
  q->method = slice(in, path);
  q->path = request_path(c->h, path + 1, version);
  q->body = slice(end + 4, end + 4 + n);
  q->body_len = n;
  return true;
}

static void answer(struct fake_http_conn *c) {
  struct fake_http *h = c->h;
  const struct fake_http_reply *r;
  struct fake_http_request q;

  if (c->answering) return;
  if (h->garbage) {
    c->answering = true;
    text_add_str(&c->out, "neither HTTP nor TLS\r\n\r\n");
    send_next(c);
    return;
  }
  if (!parse(c, &q)) return;
  c->answering = true;
  h->requests = must(realloc(h->requests, (h->request_count + 1) * sizeof *h->requests));
  h->requests[h->request_count++] = q;
  r = find_reply(h, &q);
  c->mode = r->mode;
  compose(&c->out, r);
  (void)uv_timer_start(&c->timer, on_delay, r->delay_ms, 0);
}

/* ---- sockets ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *to) {
  struct fake_http_conn *c = handle->data;
  (void)suggested;
  *to = uv_buf_init(c->slab, sizeof c->slab);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *from) {
  struct fake_http_conn *c = stream->data;
  if (n < 0) {
    conn_close(c);
  } else if (n > 0 && c->h->reset_early) {
    conn_reset(c);
  } else if (n > 0) {
    text_add(&c->in, from->base, (size_t)n);
    answer(c);
  }
}

static void on_connection(uv_stream_t *stream, int status) {
  struct fake_http_listener *l = stream->data;
  struct fake_http_conn *c;

  if (status) return;
  c = must(calloc(1, sizeof *c));
  c->h = l->h;
  c->next = l->h->conns;
  l->h->conns = c;
  l->h->connections++;
  l->h->open++;
  c->handles = 2;
  c->tcp.data = c->timer.data = c;
  if (uv_tcp_init(stream->loop, &c->tcp) || uv_timer_init(stream->loop, &c->timer)) die("no handle");
  uv_unref((uv_handle_t *)&c->tcp);
  uv_unref((uv_handle_t *)&c->timer);
  if (uv_accept(stream, (uv_stream_t *)&c->tcp)) die("can't accept");
  (void)uv_tcp_nodelay(&c->tcp, 1);
  if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read)) die("can't read");
}

static void on_listener_closed(uv_handle_t *handle) { free(handle->data); }

/* NULL where the address does not exist. */
static struct fake_http_listener *start_listener(struct fake_http *h, const struct sockaddr *a, uint16_t *port) {
  struct fake_http_listener *l = must(calloc(1, sizeof *l));
  struct sockaddr_storage got;
  int n = sizeof got;

  l->h = h;
  l->tcp.data = l;
  if (uv_tcp_init(h->loop, &l->tcp)) die("no handle");
  if (uv_tcp_bind(&l->tcp, a, 0) || uv_listen((uv_stream_t *)&l->tcp, 512, on_connection)) {
    uv_close((uv_handle_t *)&l->tcp, on_listener_closed);
    return NULL;
  }
  uv_unref((uv_handle_t *)&l->tcp);
  if (uv_tcp_getsockname(&l->tcp, (struct sockaddr *)&got, &n)) die("no port");
  *port = ntohs(((struct sockaddr_in *)(void *)&got)->sin_port); /* at the same place for both families */
  return l;
}

void fake_http_start(struct fake_http *h, uv_loop_t *loop) {
  struct sockaddr_in in;
  struct sockaddr_in6 in6;

  *h = (struct fake_http){.loop = loop};
  if (uv_ip4_addr("127.0.0.1", 0, &in) || uv_ip6_addr("::1", 0, &in6)) die("no address");
  h->listeners[0] = start_listener(h, (struct sockaddr *)&in, &h->port);
  h->listeners[1] = start_listener(h, (struct sockaddr *)&in6, &h->port6);
  if (!h->listeners[0]) die("can't listen on 127.0.0.1");
  (void)snprintf(h->url, sizeof h->url, "http://127.0.0.1:%u", h->port);
  if (h->listeners[1]) (void)snprintf(h->url6, sizeof h->url6, "http://[::1]:%u", h->port6);
}

static void free_requests(struct fake_http *h) {
  for (size_t i = 0; i < h->request_count; i++) {
    struct fake_http_request *q = &h->requests[i];
    free(q->method);
    free(q->path);
    free(q->headers);
    free(q->body);
  }
  free(h->requests);
  h->requests = NULL;
  h->request_count = 0;
}

void fake_http_stop(struct fake_http *h) {
  while (h->conns) conn_close(h->conns);
  for (int i = 0; i < 2; i++) {
    if (h->listeners[i]) uv_close((uv_handle_t *)&h->listeners[i]->tcp, on_listener_closed);
    h->listeners[i] = NULL;
  }
  free_requests(h);
}

/* ---- the script ---- */

const char *fake_http_url(const struct fake_http *h) { return h->url; }

struct fake_http_reply *fake_http_on(struct fake_http *h, const char *method, const char *path) {
  struct fake_http_reply *r = &h->replies[h->reply_count];
  if (h->reply_count == FAKE_HTTP_REPLIES) die("too many replies");
  h->reply_count++;
  *r = (struct fake_http_reply){.method = method, .path = path, .status = 200, .body = ""};
  return r;
}

void fake_http_clear(struct fake_http *h) { h->reply_count = 0; }

const struct fake_http_request *fake_http_request(const struct fake_http *h, size_t i) {
  if (i >= h->request_count) die("there are not so many requests");
  return &h->requests[i];
}
