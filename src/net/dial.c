/* Where to connect to: literals and Unix paths at once, names through getaddrinfo(3) in the thread pool. */
#include "net/dial.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "net/dial_internal.h"

enum { REPORT_MAX = 2048 };

struct lookup {
  uv_getaddrinfo_t request;
  struct dsql_rt *rt;
  struct dial *dial; /* NULL: nobody waits any more */
};

static void dial_free(struct dial *d) {
  rt_timer_stop(d->rt, &d->stagger);
  rt_unready(&d->start);
  while (!list_empty(&d->attempts)) attempt_close(LIST_ENTRY(d->attempts.next, struct attempt, node), false);
  if (d->lookup) {
    d->lookup->dial = NULL;
    (void)uv_cancel((uv_req_t *)&d->lookup->request); /* works while it is still queued; else its result is dropped */
  }
  buf_deinit(&d->report);
  mem_free(rt_alloc(d->rt), d->strings);
  mem_free(rt_alloc(d->rt), d);
}

void dial_finish(struct dial *d, int fd, const struct socket_address *address, const struct fault *fault) {
  dial_fn done = d->done;
  void *owner = d->owner;
  struct socket_address won = {0};

  if (address) won = *address;
  dial_free(d);
  done(owner, fd, &won, fault);
}

static void fail(struct dial *d, int code, const char *text) {
  struct fault f = {0};
  fault_set(&f, code, "%s", text);
  dial_finish(d, -1, NULL, &f);
}

void dial_cancel(struct dial *d) { dial_free(d); }

void dial_note_failure(struct dial *d, const struct socket_address *a, const char *text, int os_error) {
  char name[128];
  socket_address_text(a, name, sizeof name);
  if (d->report.len) buf_put_str(&d->report, ", ");
  buf_printf(&d->report, "%s: %s", name, text);
  d->os_error = os_error;
}

void dial_describe(const struct dial *d, char *out, size_t size) {
  char name[128];
  int n = snprintf(out, size, "%.*s", (int)d->report.len, d->report.len ? (const char *)d->report.data : "");

  if (d->lookup && n >= 0 && (size_t)n < size)
    (void)snprintf(out + n, size - (size_t)n, "looking up the name \"%s\"", d->params.host);
  for (const struct list *at = d->attempts.next; at != &d->attempts && n >= 0 && (size_t)n < size; at = at->next) {
    socket_address_text(&LIST_ENTRY(at, struct attempt, node)->address, name, sizeof name);
    n += snprintf(out + n, size - (size_t)n, "%sconnecting to %s", n ? ", " : "", name);
  }
}

/* ---- addresses ---- */

void dial_interleave(struct socket_address *addresses, size_t n) {
  for (size_t at = 1; at < n; at++) {
    int before = addresses[at - 1].storage.ss_family;
    size_t other = at;
    struct socket_address found;
    while (other < n && addresses[other].storage.ss_family == before) other++;
    if (other == n) return;
    if (other == at) continue;
    found = addresses[other];
    memmove(addresses + at + 1, addresses + at, (other - at) * sizeof *addresses);
    addresses[at] = found;
  }
}

static void shuffle(struct dial *d) {
  uint64_t r = d->params.random;
  for (size_t i = d->count; i > 1; i--) {
    struct socket_address swap = d->addresses[i - 1];
    size_t j;
    r = r * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    j = (size_t)((r >> 33) % i);
    d->addresses[i - 1] = d->addresses[j];
    d->addresses[j] = swap;
  }
}

static bool literal_address(const char *text, uint16_t port, struct socket_address *out) {
  struct sockaddr_in *in = (struct sockaddr_in *)&out->storage;
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&out->storage;

  memset(out, 0, sizeof *out);
  if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    out->len = sizeof *in;
    return true;
  }
  /* An IPv6 address with a zone ("fe80::1%eth0") goes through getaddrinfo. */
  if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    out->len = sizeof *in6;
    return true;
  }
  return false;
}

static void take_addresses(struct dial *d, const struct addrinfo *list) {
  for (; list && d->count < DIAL_ADDRESSES_MAX; list = list->ai_next) {
    struct socket_address *a = &d->addresses[d->count];
    if ((list->ai_family != AF_INET && list->ai_family != AF_INET6) || list->ai_addrlen > sizeof a->storage) continue;
    memset(a, 0, sizeof *a);
    memcpy(&a->storage, list->ai_addr, list->ai_addrlen);
    a->len = list->ai_addrlen;
    d->count++;
  }
}

static void on_looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *list) {
  struct lookup *lookup = request->data;
  struct dsql_rt *rt = lookup->rt;
  struct dial *d = lookup->dial;
  char text[300];

  if (d) {
    d->lookup = NULL;
    if (status == 0) take_addresses(d, list);
    if (d->count) {
      if (d->params.shuffle) shuffle(d);
      dial_interleave(d->addresses, d->count);
      dial_race(d);
    } else {
      (void)snprintf(text, sizeof text, "the name \"%s\" can't be looked up: %s", d->params.host,
                     status ? uv_strerror(status) : "it has no address");
      fail(d, DSQL_EIO, text);
    }
  }
  uv_freeaddrinfo(list);
  mem_free(rt_alloc(rt), lookup);
  rt_release(rt);
  rt_leave(rt);
}

static void look_up(struct dial *d) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  struct lookup *lookup = mem_zalloc(rt_alloc(d->rt), sizeof *lookup);
  const char *name = d->params.hostaddr ? d->params.hostaddr : d->params.host;
  char port[8];

  (void)snprintf(port, sizeof port, "%u", d->params.port);
  if (d->params.hostaddr) hints.ai_flags = AI_NUMERICHOST;
  if (lookup) {
    lookup->rt = d->rt;
    lookup->dial = d;
    lookup->request.data = lookup;
    if (uv_getaddrinfo(rt_loop(d->rt), &lookup->request, on_looked_up, name, port, &hints) == 0) {
      d->lookup = lookup;
      rt_hold(d->rt);
      return;
    }
  }
  mem_free(rt_alloc(d->rt), lookup);
  fail(d, lookup ? DSQL_EIO : DSQL_ENOMEM, lookup ? "the name lookup can't be started" : "out of memory");
}

static void on_start(struct rt_task *t) {
  struct dial *d = LIST_ENTRY(t, struct dial, start);
  const struct dial_params *p = &d->params;
  const char *literal = p->hostaddr ? p->hostaddr : p->host;
  struct fault f = {0};

  if (d->count) {
    dial_race(d);
  } else if (p->unix_path) {
    if (socket_unix_address(p->unix_path, &d->addresses[0], &f)) {
      dial_finish(d, -1, NULL, &f);
      return;
    }
    d->count = 1;
    dial_race(d);
  } else if (literal && literal_address(literal, p->port, &d->addresses[0])) {
    d->count = 1;
    dial_race(d);
  } else if (literal) {
    look_up(d);
  } else {
    fail(d, DSQL_EINVAL, "no host to connect to");
  }
}

/* ---- start ---- */

static const char *copy_string(char **at, const char *s) {
  char *copy = *at;
  size_t n;
  if (!s) return NULL;
  n = strlen(s) + 1;
  memcpy(copy, s, n);
  *at += n;
  return copy;
}

static size_t string_size(const char *s) { return s ? strlen(s) + 1 : 0; }

int dial_start(struct dial **out, struct dsql_rt *rt, const struct dial_params *p, dial_fn done, void *owner) {
  const dsql_alloc *a = rt_alloc(rt);
  size_t size = string_size(p->host) + string_size(p->hostaddr) + string_size(p->unix_path);
  struct dial *d = mem_zalloc(a, sizeof *d);
  char *at;

  if (!d) return DSQL_ENOMEM;
  d->strings = at = mem_alloc(a, size + 1);
  if (!at) {
    mem_free(a, d);
    return DSQL_ENOMEM;
  }
  d->rt = rt;
  d->done = done;
  d->owner = owner;
  d->params = *p;
  d->params.host = copy_string(&at, p->host);
  d->params.hostaddr = copy_string(&at, p->hostaddr);
  d->params.unix_path = copy_string(&at, p->unix_path);
  d->params.address = NULL;
  if (p->address) {
    d->addresses[0] = *p->address;
    d->count = 1;
  }
  list_init(&d->attempts);
  list_init(&d->start.node);
  d->start.run = on_start;
  buf_init(&d->report, a, REPORT_MAX);
  rt_ready(rt, &d->start);
  *out = d;
  return 0;
}
