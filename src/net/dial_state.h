/* dial_state.h - a dial's own fields; private to src/net.
 *
 *   RESOLVING --addresses--> RACING --one connected, or all failed--> done() and gone
 *
 * A dial holds attempts, one per address under way. An attempt's watch and a lookup's request outlive the dial, as
 * libuv closes them later; both forget it when it goes. */
#ifndef DSQL_NET_DIAL_STATE_H
#define DSQL_NET_DIAL_STATE_H

#include "net/dial.h"

struct dial_lookup;

struct dial {
  struct dsql_rt *rt;
  dial_fn done;
  void *owner;
  struct rt_task start; /* nothing happens inside dial_start() */
  struct rt_timer stagger;
  char *host; /* NULL when nothing has to be looked up */
  uint16_t port;
  bool shuffle, racing;
  uint64_t random;
  struct socket_options options;
  struct phases *phases;
  struct dial_lookup *lookup;
  size_t n, next;            /* addresses, and how many of them were tried */
  const struct fault *fault; /* found before any address was tried; NULL: none */
  struct dial_attempt {
    struct dial *dial;
    struct watch *watch;       /* NULL: failed or not begun */
    const struct fault *fault; /* kept; NULL: not failed */
  } attempts[DIAL_ADDRESSES_MAX];
  struct socket_address addresses[DIAL_ADDRESSES_MAX]; /* only the first n are initialised */
};

/* Starts with these addresses instead of looking any up: for tests, and what dial_start() ends in. */
int dial_start_addresses(struct dial **out, struct dsql_rt *rt, const struct dial_params *p,
                         const struct socket_address *addresses, size_t n, dial_fn done, void *owner);

/* Ends the dial: without a socket it reports f. */
void dial_finish(struct dial *d, struct watch *socket, const struct socket_address *address, const struct fault *f);

/* resolve.c: looks d->host up in the thread pool; then dial_race() or dial_finish(). 0, ENOMEM, EIO. */
int dial_resolve(struct dial *d);
void dial_resolve_cancel(struct dial *d);
/* An IP literal becomes the one address; false when it is none. */
bool dial_literal(struct dial *d, const char *text);
/* Random order if asked for, then families alternating, beginning with the first one's (RFC 8305, section 4). */
void dial_order(struct dial *d);

/* race.c */
void dial_race(struct dial *d);
void dial_race_cancel(struct dial *d);

#endif
