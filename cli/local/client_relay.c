/* client_relay.c - moves bytes between the sockets and the relay, and ends connections that grow old. */
#include "local/client.h"

enum { OLD_GRACE_MS = 300000 }; /* a transaction that began in time may end within 5 minutes (Aurora DSQL User Guide) */

/* What the relay has for the server goes into its queue, unless that is long. Returns whether anything moved. */
static bool move_to_server(struct client *c) {
  struct buf *from = &c->relay.to_server;

  if (from->len == 0 || (!c->server_gone && flow_backlog(&c->server) >= FLOW_HIGH_WATER)) return false;
  if (!c->server_gone) buf_put(&c->server.queued, from->data, from->len);
  buf_reset(from);
  return true;
}

static bool move_to_client(struct client *c) {
  struct buf *from = &c->relay.to_client;

  if (from->len == 0 || (!c->net_gone && flow_backlog(&c->net) >= FLOW_HIGH_WATER)) return false;
  if (!c->net_gone) client_send(c, from->data, from->len);
  buf_reset(from);
  return true;
}

static bool move(struct client *c) {
  uint64_t now = uv_now(c->front->loop);
  size_t taken = relay_client_bytes(&c->relay, c->in.data, c->in.len, now), answered = 0;

  if (taken) buf_consume(&c->in, taken);
  if (c->from_server.len) {
    answered = relay_server_bytes(&c->relay, c->from_server.data, c->from_server.len, now);
    if (answered) buf_consume(&c->from_server, answered);
  }
  bool sent = move_to_server(c);
  return (c->phase == CLIENT_RELAY && move_to_client(c)) || sent || taken || answered;
}

/* The relay's last words. */
static void end_by_relay(struct client *c) {
  if (!c->net_gone) client_send(c, c->relay.to_client.data, c->relay.to_client.len);
  client_log(c, "closed", c->relay.why ? c->relay.why : "the relay ended");
  client_finish(c, false);
}

static void arm_wake(struct client *c, uv_timer_cb cb) {
  uint64_t at = relay_wake_ms(&c->relay), now = uv_now(c->front->loop);

  if (at == UINT64_MAX)
    uv_timer_stop(&c->wake);
  else
    uv_timer_start(&c->wake, cb, at > now ? at - now : 1, 0);
}

static void on_wake(uv_timer_t *timer) { client_pump(timer->data); }

static void settle(struct client *c) {
  if (!buf_ok(&c->server.queued)) {
    client_drop(c, "out of memory");
  } else if (c->relay.close) {
    end_by_relay(c);
  } else if (c->server_gone && c->from_server.len == 0 && c->relay.to_client.len == 0) {
    client_finish(c, true);
  } else if (c->net_gone) {
    client_finish(c, false);
  } else if (c->old && relay_idle(&c->relay)) {
    client_log(c, "closed", "the connection has reached its age");
    client_finish(c, false);
  } else {
    flow_flush(&c->server);
    flow_flush(&c->net);
    flow_read(&c->net, c->in.len == 0 && flow_backlog(&c->server) < FLOW_HIGH_WATER);
    flow_read(&c->server, c->from_server.len == 0 && flow_backlog(&c->net) < FLOW_HIGH_WATER);
    arm_wake(c, on_wake);
  }
}

void client_pump(struct client *c) {
  if (c->phase != CLIENT_RELAY || c->pumping) return;
  c->pumping = true;
  while (move(c) && c->phase == CLIENT_RELAY) {}
  c->pumping = false;
  if (c->phase == CLIENT_RELAY) settle(c);
}

static void on_age(uv_timer_t *timer) {
  struct client *c = timer->data;

  if (c->old) {
    client_log(c, "closed", "a transaction outlived the connection's age");
    client_finish(c, false);
    return;
  }
  c->old = true;
  uv_timer_start(&c->deadline, on_age, OLD_GRACE_MS, 0);
  client_pump(c);
}

void client_relay_begin(struct client *c) {
  const struct local_options *o = c->front->options;
  struct relay_options options = relay_options_default();

  options.tx_age_limit_ms = (uint64_t)o->transaction_age_s * 1000;
  options.message_max = o->message_bytes_max;
  options.serializable = o->conflicts_at_commit;
  relay_init(&c->relay, c->front->alloc, &c->front->world, &options);
  c->relay_on = true;
  c->phase = CLIENT_RELAY; /* the server's AuthenticationOk goes through the relay as it is */
  uv_timer_start(&c->deadline, on_age, (uint64_t)o->connection_age_s * 1000, 0);
  client_pump(c);
}
