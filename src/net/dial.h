/* dial.h - from a host to a connected socket: name lookup in the thread pool, then TCP connects raced over the
 * addresses (RFC 8305: families interleaved, a new attempt every 250 ms or as soon as one fails). */
#ifndef DSQL_NET_DIAL_H
#define DSQL_NET_DIAL_H

#include "net/phases.h"
#include "net/socket.h"
#include "net/watch.h"
#include "rt/rt.h"

enum { DIAL_STAGGER_MS = 250, DIAL_ADDRESSES_MAX = 32 };

struct dial_params {
  const char *host;     /* name or IP literal; ignored when hostaddr or unix_path is given */
  const char *hostaddr; /* IP literal: no lookup */
  const char *unix_path;
  const struct socket_address *address; /* exactly this one (CancelRequest), instead of all the above */
  uint16_t port;
  bool shuffle;    /* load_balance_hosts=random: addresses in random order */
  uint64_t random; /* seed for the shuffle */
  struct socket_options options;
  struct phases *phases; /* told when a lookup and when connecting begins; NULL: nobody asks. Outlives the dial */
};

struct dial;
/* Called once, inside a libuv callback of ours or from a ready task, never inside dial_start(). A socket and the address,
 * or NULL and a fault whose text names every address with its error ("[::1]:5432: connection refused; ..."), or the
 * name that can't be looked up. The dial is gone afterwards. The
 * socket is the callee's: watch_for(), or watch_close(), comes before it returns. */
typedef void (*dial_fn)(void *owner, struct watch *socket, const struct socket_address *address,
                        const struct fault *fault);
/* Copies what it needs. 0 or ENOMEM. The caller's deadline is the caller's timer: it calls dial_cancel(). */
int dial_start(struct dial **out, struct dsql_rt *rt, const struct dial_params *p, dial_fn done, void *owner);
/* The callback will not run; a lookup under way is waited for by the runtime, not by the caller. */
void dial_cancel(struct dial *d);
/* What has failed so far and what is under way, for a deadline's error text. */
void dial_describe(const struct dial *d, char *out, size_t size);

#endif
