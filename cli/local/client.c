#include "local/client.h"

#include <stdlib.h>

enum {
  STARTUP_TIMEOUT_MS = 30000,
  IN_MAX = 256 * 1024,    /* what is kept of a client that speaks before it may */
  PLAIN_CHUNK = 16 * 1024 /* a TLS record's most */
};

static void free_client(struct client *c) {
  if (c->tls_on) tls_front_deinit(&c->tls);
  if (c->relay_on) relay_deinit(&c->relay);
  if (c->startup_parsed) startup_deinit(&c->startup);
  flow_deinit(&c->net);
  flow_deinit(&c->server);
  buf_deinit(&c->in);
  buf_deinit(&c->from_server);
  free(c);
}

static void on_closed(uv_handle_t *handle) {
  struct client *c = handle->data;
  if (--c->handles == 0) free_client(c);
}

static void close_handle(uv_handle_t *h) {
  if (!uv_is_closing(h)) uv_close(h, on_closed);
}

void client_close(struct client *c) {
  if (c->phase == CLIENT_CLOSED) return;
  c->phase = CLIENT_CLOSED;
  list_remove(&c->link);
  c->front->client_count--;
  if (c->counted) c->front->session_count--;
  c->net.open = c->server.open = false;
  close_handle(&c->net.uv.handle);
  close_handle((uv_handle_t *)&c->deadline);
  close_handle((uv_handle_t *)&c->wake);
  if (c->server.uv.handle.data) close_handle(&c->server.uv.handle);
}

static void on_deadline(uv_timer_t *timer) {
  struct client *c = timer->data;
  client_log(c, "closed", "the start-up took too long");
  client_close(c);
}

static void init_flow(struct flow *f, const dsql_alloc *alloc) {
  flow_init(f, alloc);
  f->on_bytes = client_on_bytes;
  f->on_end = client_on_end;
  f->on_sent = client_on_sent;
}

static void init_timer(struct client *c, uv_timer_t *timer) {
  uv_timer_init(c->front->loop, timer);
  timer->data = c;
  c->handles++;
}

void client_accept(struct front *f, uv_stream_t *listener) {
  struct client *c = calloc(1, sizeof *c);

  if (!c) return;
  c->front = f;
  c->handles = 1;
  init_flow(&c->net, f->alloc);
  init_flow(&c->server, f->alloc);
  buf_init(&c->in, f->alloc, SIZE_MAX / 2);
  c->in.secret = true; /* a token may be in it */
  buf_init(&c->from_server, f->alloc, SIZE_MAX / 2);
  uv_tcp_init(f->loop, &c->net.uv.tcp);
  c->net.uv.handle.data = c;
  init_timer(c, &c->deadline);
  init_timer(c, &c->wake);
  list_push_back(&f->clients, &c->link);
  f->client_count++;
  if (uv_accept(listener, &c->net.uv.stream) != 0) {
    client_close(c);
    return;
  }
  (void)uv_tcp_nodelay(&c->net.uv.tcp, 1);
  c->net.open = true;
  uv_timer_start(&c->deadline, on_deadline, STARTUP_TIMEOUT_MS, 0);
  flow_read(&c->net, true);
}

/* ---- bytes ---- */

static void use_plain(struct client *c) {
  switch (c->phase) {
    case CLIENT_STARTUP: client_startup(c); break;
    case CLIENT_PASSWORD: client_password(c); break;
    case CLIENT_RELAY: client_pump(c); break;
    default: /* what comes early waits */
      if (c->in.len > IN_MAX) flow_read(&c->net, false);
  }
}

static enum tls_front_status decrypt(struct client *c) {
  enum tls_front_status status = TLS_FRONT_OK;

  while (status == TLS_FRONT_OK && buf_reserve(&c->in, PLAIN_CHUNK)) {
    size_t n;
    status = tls_front_read(&c->tls, c->in.data + c->in.len, PLAIN_CHUNK, &n);
    c->in.len += n;
  }
  tls_front_take(&c->tls, &c->net.queued);
  flow_flush(&c->net);
  return buf_ok(&c->in) ? status : TLS_FRONT_FAILED;
}

void client_cipher(struct client *c, const uint8_t *p, size_t n) {
  enum tls_front_status status;

  if (!tls_front_feed(&c->tls, p, n)) {
    client_drop(c, "out of memory");
    return;
  }
  if (c->phase == CLIENT_HANDSHAKE) client_first(c, NULL, 0);
  if (c->phase == CLIENT_HANDSHAKE || c->phase >= CLIENT_LAST) return;
  status = decrypt(c);
  use_plain(c);
  if (status == TLS_FRONT_CLOSED && c->phase < CLIENT_LAST) client_on_end(&c->net);
  if (status == TLS_FRONT_FAILED && c->phase < CLIENT_LAST) client_drop(c, "TLS failed");
}

void client_on_bytes(struct flow *f, const uint8_t *p, size_t n) {
  struct client *c = f->uv.handle.data;

  if (c->phase >= CLIENT_LAST) return; /* thrown away */
  if (f == &c->server) {
    buf_put(&c->from_server, p, n);
    if (!buf_ok(&c->from_server))
      client_drop(c, "out of memory");
    else if (c->phase == CLIENT_SERVER)
      client_server_bytes(c);
    else
      client_pump(c);
  } else if (c->phase == CLIENT_FIRST) {
    client_first(c, p, n);
  } else if (c->tls_on) {
    client_cipher(c, p, n);
  }
}

void client_on_sent(struct flow *f) {
  struct client *c = f->uv.handle.data;
  if (c->phase == CLIENT_RELAY)
    client_pump(c);
  else if (c->phase == CLIENT_LAST)
    client_finish(c, false);
}

void client_on_end(struct flow *f) {
  struct client *c = f->uv.handle.data;

  if (f == &c->server) c->server_gone = true;
  if (f == &c->net) c->net_gone = true;
  switch (c->phase) {
    case CLIENT_CLOSED: break;
    case CLIENT_RELAY: client_pump(c); break;
    case CLIENT_LAST: client_finish(c, false); break;
    case CLIENT_SERVER:
      if (f == &c->server)
        client_refuse(c, "57P03", "unable to accept connection, server unavailable", NULL,
                      "the private server closed the connection");
      else
        client_close(c);
      break;
    default: client_close(c);
  }
}
