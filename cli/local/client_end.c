#include <stdio.h>
#include <unistd.h>

#include "local/client.h"
#include "text.h"

enum { LINGER_MS = 2000, FLUSH_MS = 30000, ENDPOINT_SIZE = 64, LINE_SIZE = 600 };

static void on_linger_over(uv_timer_t *timer) { client_close(timer->data); }

static void begin_last(struct client *c, bool polite) {
  c->phase = CLIENT_LAST;
  uv_timer_stop(&c->wake);
  if (polite && c->tls_on) {
    tls_front_close_notify(&c->tls);
    tls_front_take(&c->tls, &c->net.queued);
  }
  flow_shutdown(&c->net);
  flow_read(&c->net, true); /* to see the client's FIN; and so that unread bytes do not turn ours into a reset */
  if (!c->server.open || c->server_gone) return;
  flow_shutdown(&c->server);
  flow_read(&c->server, true); /* and to nobody: a server that can't write does not read */
}

/* What the client had sent before it went, and the relay let pass, still goes to the server: it may be a COMMIT. */
static bool server_has_all(const struct client *c) {
  return !c->server.open || c->server_gone || flow_backlog(&c->server) == 0;
}

/* Called again whenever bytes were sent, and when a side is gone. */
void client_finish(struct client *c, bool polite) {
  if (c->phase == CLIENT_CLOSED) return;
  if (c->phase != CLIENT_LAST) begin_last(c, polite);
  if (c->net_gone && server_has_all(c))
    client_close(c);
  else
    uv_timer_start(&c->deadline, on_linger_over, flow_backlog(&c->net) ? FLUSH_MS : LINGER_MS, 0);
}

void client_send(struct client *c, const void *p, size_t n) {
  if (!c->tls_on)
    buf_put(&c->net.queued, p, n);
  else if (tls_front_write(&c->tls, p, n))
    tls_front_take(&c->tls, &c->net.queued);
  if (!buf_ok(&c->net.queued)) client_close(c);
}

/* ---- the log ---- */

static void write_endpoint(const struct client *c, char out[ENDPOINT_SIZE]) {
  struct sockaddr_storage s = {0};
  int n = sizeof s;
  char host[ENDPOINT_SIZE - 16] = "?";

  (void)uv_tcp_getpeername(&c->net.uv.tcp, (struct sockaddr *)&s, &n);
  if (s.ss_family == AF_INET6) {
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)&s;
    uv_ip6_name(six, host, sizeof host);
    snprintf(out, ENDPOINT_SIZE, "[%s]:%d", host, ntohs(six->sin6_port));
  } else {
    const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)&s;
    uv_ip4_name(four, host, sizeof host);
    snprintf(out, ENDPOINT_SIZE, "%s:%d", host, ntohs(four->sin_port));
  }
}

/* What clients say may stand in it: nothing that moves a terminal's cursor. */
static void write_line(const char *line) {
  struct out o;

  out_init(&o, STDERR_FILENO);
  text_show(&o, (dsql_str){line, strlen(line)}, " ");
  out_char(&o, '\n');
  out_flush(&o);
}

void client_log(const struct client *c, const char *what, const char *reason) {
  char endpoint[ENDPOINT_SIZE], line[LINE_SIZE];
  const char *user = c->startup_parsed ? c->startup.user : "";

  write_endpoint(c, endpoint);
  snprintf(line, sizeof line, "dsql local: %s %s%s%s: %s", what, endpoint, *user ? ", user " : "", user, reason);
  write_line(line);
}

void client_refuse(struct client *c, const char *sqlstate, const char *message, const char *hint, const char *reason) {
  struct relay_refusal r = {.hint = hint};
  struct buf out;

  snprintf(r.sqlstate, sizeof r.sqlstate, "%s", sqlstate);
  snprintf(r.message, sizeof r.message, "%s", message);
  buf_init(&out, c->front->alloc, SIZE_MAX / 2);
  relay_put_error(&out, "FATAL", &r);
  client_log(c, "refused", reason ? reason : message);
  client_send(c, out.data, out.len);
  buf_deinit(&out);
  client_finish(c, true);
}

void client_drop(struct client *c, const char *reason) {
  client_log(c, "closed", reason);
  client_finish(c, false);
}
