#include <assert.h>
#include <string.h>

#include "listen/listener.h"

enum { PING_INTERVAL_MS = 30000, PING_TIMEOUT_MS = 10000, BACKOFF_MS = 100, BACKOFF_MAX_MS = 10000 };
enum { CONNECT_LIMIT_MS = 30000 /* of a target without a connect timeout */ };

void dsql_listen_options_init_sized(dsql_listen_options *o, size_t size) {
  assert(o && size >= sizeof size);
  memset(o, 0, size);
  memcpy(o, &size, sizeof size);
}

int listener_configure(struct dsql_listener *l, const dsql_listen_options *o) {
  dsql_listen_options full = {0};

  if (o && o->size < sizeof o->size) return DSQL_EINVAL;
  if (o) memcpy(&full, o, o->size < sizeof full ? o->size : sizeof full);
  l->ping_interval_ms = full.ping_interval_ms ? full.ping_interval_ms : PING_INTERVAL_MS;
  if (full.ping_interval_ms == DSQL_NO_LIMIT) l->ping_interval_ms = 0;
  l->ping_timeout_ms = full.ping_timeout_ms ? full.ping_timeout_ms : PING_TIMEOUT_MS;
  l->backoff_ms = full.backoff_ms ? full.backoff_ms : BACKOFF_MS;
  l->backoff_max_ms = full.backoff_max_ms ? full.backoff_max_ms : BACKOFF_MAX_MS;
  if (l->backoff_max_ms < l->backoff_ms) l->backoff_max_ms = l->backoff_ms;
  l->connect_limit_ms =
      l->target->target->connect_timeout_ms ? l->target->target->connect_timeout_ms : CONNECT_LIMIT_MS;
  return 0;
}
