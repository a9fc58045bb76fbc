#include "net/dial.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "net/dial_state.h"

static void drop(struct dial *d) {
  rt_unready(&d->start);
  dial_resolve_cancel(d);
  dial_race_cancel(d);
  for (size_t i = 0; i < d->next; i++) fault_drop(rt_alloc(d->rt), d->attempts[i].fault);
  fault_drop(rt_alloc(d->rt), d->fault);
  mem_free(rt_alloc(d->rt), d->host);
  mem_free(rt_alloc(d->rt), d);
}

void dial_cancel(struct dial *d) {
  if (d) drop(d);
}

void dial_finish(struct dial *d, struct watch *socket, const struct socket_address *address, const struct fault *f) {
  dial_fn done = d->done;
  void *owner = d->owner;
  struct socket_address copy = address ? *address : (struct socket_address){0};
  struct fault fault = *f;

  drop(d);
  done(owner, socket, socket ? &copy : NULL, &fault);
}

static void on_start(struct rt_task *t) {
  struct dial *d = LIST_ENTRY(t, struct dial, start);
  struct fault f;
  int code;

  if (d->fault) {
    dial_finish(d, NULL, NULL, d->fault);
  } else if (d->n) {
    dial_race(d);
  } else if ((code = dial_resolve(d)) != 0) {
    fault_clear(&f);
    fault_set(&f, code, "the name \"%.200s\" can't be looked up: %s", d->host, dsql_strerror(code));
    dial_finish(d, NULL, NULL, &f);
  }
}

static struct dial *new_dial(struct dsql_rt *rt, const struct dial_params *p, dial_fn done, void *owner) {
  struct dial *d = mem_alloc(rt_alloc(rt), sizeof *d);
  if (!d) return NULL;
  memset(d, 0, offsetof(struct dial, addresses));
  d->rt = rt;
  d->done = done;
  d->owner = owner;
  d->port = p->port;
  d->shuffle = p->shuffle;
  d->random = p->random;
  d->options = p->options;
  d->phases = p->phases;
  d->start.run = on_start;
  list_init(&d->start.node);
  rt_ready(rt, &d->start);
  return d;
}

int dial_start_addresses(struct dial **out, struct dsql_rt *rt, const struct dial_params *p,
                         const struct socket_address *addresses, size_t n, dial_fn done, void *owner) {
  struct dial *d = new_dial(rt, p, done, owner);
  if (!d) return DSQL_ENOMEM;
  assert(n > 0 && n <= DIAL_ADDRESSES_MAX);
  memcpy(d->addresses, addresses, n * sizeof *addresses);
  d->n = n;
  dial_order(d);
  *out = d;
  return 0;
}

/* The one address that needs no lookup, if there is one; why there can be none is d->fault. */
static void known_address(struct dial *d, const struct dial_params *p) {
  struct fault f;

  fault_clear(&f);
  if (p->unix_path) {
    if (socket_unix_address(p->unix_path, &d->addresses[0], &f) == 0) d->n = 1;
  } else if (p->hostaddr) {
    if (!dial_literal(d, p->hostaddr))
      fault_set(&f, DSQL_EINVAL, "hostaddr \"%.100s\" is not an IPv4 or IPv6 address", p->hostaddr);
  } else if (!p->host || !*p->host) {
    fault_set(&f, DSQL_EINVAL, "no host is given: set host, hostaddr or a Unix socket path");
  } else {
    (void)dial_literal(d, p->host);
  }
  if (f.code) d->fault = fault_keep(rt_alloc(d->rt), &f);
}

int dial_start(struct dial **out, struct dsql_rt *rt, const struct dial_params *p, dial_fn done, void *owner) {
  struct dial *d;

  if (p->address) return dial_start_addresses(out, rt, p, p->address, 1, done, owner);
  d = new_dial(rt, p, done, owner);
  if (!d) return DSQL_ENOMEM;
  known_address(d, p);
  if (d->n == 0 && !d->fault) {
    d->host = mem_strdup(rt_alloc(rt), p->host);
    if (!d->host) {
      drop(d);
      return DSQL_ENOMEM;
    }
  }
  *out = d;
  return 0;
}

void dial_describe(const struct dial *d, char *out, size_t size) {
  size_t at = 0;

  assert(size > 0);
  out[0] = '\0';
  if (!d->racing) {
    (void)snprintf(out, size, "looking up \"%s\"", d->host ? d->host : "");
    return;
  }
  for (size_t i = 0; i < d->next && at < size; i++) {
    char address[128];
    int n;
    socket_address_text(&d->addresses[i], address, sizeof address);
    n = d->attempts[i].watch
            ? snprintf(out + at, size - at, "%sconnecting to %s", i ? "; " : "", address)
            : snprintf(out + at, size - at, "%s%s: %s", i ? "; " : "", address, d->attempts[i].fault->text);
    at += n > 0 ? (size_t)n : 0;
  }
}
