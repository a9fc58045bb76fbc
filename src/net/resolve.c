/* resolve.c - names to addresses, in libuv's thread pool. */
#include <assert.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "net/dial_state.h"

struct dial_lookup {
  uv_getaddrinfo_t request;
  struct dsql_rt *rt;
  struct dial *dial; /* NULL: canceled */
};

static void take_addresses(struct dial *d, const struct addrinfo *list) {
  for (const struct addrinfo *a = list; a && d->n < DIAL_ADDRESSES_MAX; a = a->ai_next) {
    struct socket_address *to = &d->addresses[d->n];
    if (a->ai_family != AF_INET && a->ai_family != AF_INET6) continue;
    *to = (struct socket_address){.len = (socklen_t)a->ai_addrlen};
    memcpy(&to->storage, a->ai_addr, a->ai_addrlen);
    d->n++;
  }
}

static void resolved(struct dial *d, int status, const struct addrinfo *list) {
  struct fault f;

  if (status == 0) take_addresses(d, list);
  if (d->n) {
    dial_order(d);
    dial_race(d);
  } else {
    fault_clear(&f);
    fault_set(&f, DSQL_EIO, "the name \"%.200s\" can't be resolved: %s", d->host,
              status ? uv_strerror(status) : "it has no IPv4 or IPv6 address");
    dial_finish(d, NULL, NULL, &f);
  }
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list) {
  struct dial_lookup *l = request->data;
  struct dsql_rt *rt = l->rt;
  struct dial *d = l->dial;

  rt_enter(rt);
  mem_free(rt_alloc(rt), l);
  if (d) {
    d->lookup = NULL;
    resolved(d, status, list);
  }
  uv_freeaddrinfo(list);
  rt_release(rt);
  rt_leave(rt);
}

int dial_resolve(struct dial *d) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  struct dial_lookup *l = mem_zalloc(rt_alloc(d->rt), sizeof *l);
  char port[8];
  int rc;

  if (!l) return DSQL_ENOMEM;
  *l = (struct dial_lookup){.rt = d->rt, .dial = d};
  l->request.data = l;
  (void)snprintf(port, sizeof port, "%u", d->port);
  rc = uv_getaddrinfo(rt_loop(d->rt), &l->request, on_resolved, d->host, port, &hints);
  if (rc) {
    mem_free(rt_alloc(d->rt), l);
    return rc == UV_ENOMEM ? DSQL_ENOMEM : DSQL_EINVAL;
  }
  d->lookup = l;
  phases_enter(d->phases, PHASE_DNS);
  rt_hold(d->rt);
  return 0;
}

void dial_resolve_cancel(struct dial *d) {
  if (!d->lookup) return;
  d->lookup->dial = NULL;
  /* Works only while it waits for a thread; one that runs is waited for by the runtime. */
  (void)uv_cancel((uv_req_t *)&d->lookup->request);
  d->lookup = NULL;
}

bool dial_literal(struct dial *d, const char *text) {
  struct addrinfo hints = {
      .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
  struct addrinfo *list = NULL;
  char port[8];

  (void)snprintf(port, sizeof port, "%u", d->port);
  if (getaddrinfo(text, port, &hints, &list)) return false; /* numeric: asks no server */
  take_addresses(d, list);
  freeaddrinfo(list);
  return d->n > 0;
}

/* splitmix64: enough to spread connections over addresses. */
static uint64_t next_random(uint64_t *state) {
  uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static void shuffle(struct dial *d) {
  uint64_t state = d->random;
  for (size_t i = d->n; i > 1; i--) {
    size_t j = (size_t)(next_random(&state) % i);
    struct socket_address t = d->addresses[i - 1];
    d->addresses[i - 1] = d->addresses[j];
    d->addresses[j] = t;
  }
}

void dial_order(struct dial *d) {
  struct socket_address sorted[DIAL_ADDRESSES_MAX];
  size_t mine = 0, other = 0;
  sa_family_t family;

  assert(d->n > 0);
  if (d->shuffle) shuffle(d);
  family = d->addresses[0].storage.ss_family;
  for (size_t i = 0; i < d->n; i++) {
    bool want_mine = i % 2 == 0;
    while (mine < d->n && d->addresses[mine].storage.ss_family != family) mine++;
    while (other < d->n && d->addresses[other].storage.ss_family == family) other++;
    if (want_mine ? mine < d->n : other == d->n)
      sorted[i] = d->addresses[mine++];
    else
      sorted[i] = d->addresses[other++];
  }
  memcpy(d->addresses, sorted, d->n * sizeof sorted[0]);
}
