/* transport.h - from a host to a link that is ready for a StartupMessage or a CancelRequest: dial, then nothing, an
 * SSLRequest and TLS, or TLS at once. Shared by connections and their CancelRequests.
 *
 *   state      event                       next
 *   DIAL       connected                   ANSWER (SSLREQUEST: sent), HANDSHAKE (DIRECT), done (PLAIN)
 *   ANSWER     'S'                         HANDSHAKE
 *              'N'                         done in the clear if the plan allows it, else failed
 *              'E'                         failed; its text is not looked at: nobody has authenticated it
 *              anything else               failed
 *   HANDSHAKE  TLS established             done
 *   any        end of stream, error        failed
 *   any        transport_stop()            gone, no callback */
#ifndef DSQL_CONN_TRANSPORT_H
#define DSQL_CONN_TRANSPORT_H

#include "net/dial.h"
#include "net/link.h"
#include "tls/sslmode.h"

struct transport;

struct transport_params {
  struct dial_params dial;
  enum sslmode_transport kind;
  bool plain_on_refusal;
  struct tls_context *tls; /* unless PLAIN */
  struct tls_session_params tls_params;
  const char *require_peer; /* Unix sockets; NULL: any */
  size_t out_max;
};

struct transport_result {
  struct link *link; /* NULL: failed; on success its events still go to the transport until transport_release() */
  struct socket_address address;
  bool tls;
  bool refused; /* the server answered 'N' or 'E' to the SSLRequest */
  bool dialed;  /* the socket was connected: what failed came after */
  unsigned round_trips;
};

/* Inside a libuv callback of ours, never inside transport_start(). The transport is gone when it returns; a link passes
 * to the callee, who calls link_adopt(). */
typedef void (*transport_fn)(void *owner, const struct transport_result *r, const struct fault *f);
/* Strings and contexts must live until the end. 0 or ENOMEM. */
int transport_start(struct transport **out, struct dsql_rt *rt, const struct transport_params *p, transport_fn done,
                    void *owner);
void transport_stop(struct transport *t);
/* What it is doing, for a deadline's error text. */
void transport_describe(const struct transport *t, char *out, size_t size);

#endif
