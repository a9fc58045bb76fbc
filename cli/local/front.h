/* front.h - what clients connect to: the listeners, and what all connections share. */
#ifndef DSQL_CLI_LOCAL_FRONT_H
#define DSQL_CLI_LOCAL_FRONT_H

#include <uv.h>

#include "base/list.h"
#include "local/options.h"
#include "local/rate_bucket.h"
#include "local/relay/relay.h"
#include "local/tls_front.h"
#include "local/token_verify.h"

enum { FRONT_LISTENERS = 2 }; /* 127.0.0.1 and ::1 */

struct front {
  uv_loop_t *loop;
  const struct local_options *options;
  const dsql_alloc *alloc;
  struct token_expected expected;
  const char *cluster_id;
  const char *server_socket;
  SSL_CTX *tls;
  struct relay_world world;
  struct rate_bucket bucket;
  uv_tcp_t listeners[FRONT_LISTENERS];
  bool listener_open[FRONT_LISTENERS];
  unsigned port;
  struct list clients;
  size_t client_count, session_count; /* sockets; of these, those past their start-up */
};

/* Binds and listens; f's other fields are set by the owner before. False after telling why; front_close() then. */
bool front_listen(struct front *f);
/* Closes the listeners and every connection; all is closed when the loop has turned. */
void front_close(struct front *f);
void front_deinit(struct front *f);

#endif
