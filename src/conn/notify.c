/* Notifications, and holding the stream for who can't take more of them. */
#include "conn/conn.h"

void dsql_conn_on_notify(dsql_conn *c, dsql_notify_fn fn, void *arg) {
  c->notify_fn = fn;
  c->notify_arg = arg;
}

void conn_on_notify(struct dsql_conn *c, const uint8_t *body, size_t n) {
  struct wire_notification w;
  dsql_notification told;

  /* The session has checked the message already. */
  if (!c->notify_fn || wire_decode_notification(body, n, &w)) return;
  told = (dsql_notification){w.channel, w.payload, (int32_t)w.pid};
  c->notify_fn(c, &told, c->notify_arg);
}

void conn_hold(struct dsql_conn *c) { c->held = true; }

void conn_unhold(struct dsql_conn *c) {
  if (!c->held) return;
  c->held = false;
  rt_ready(c->rt, &c->pump_task);
}
