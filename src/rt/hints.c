#include <string.h>

#include "rt/state.h"

static struct rt_hint *find(struct dsql_rt *rt, const char *host, uint16_t port) {
  for (size_t i = 0; i < RT_HINTS; i++) {
    struct rt_hint *h = &rt->hints[i];
    if (h->host && h->port == port && strcmp(h->host, host) == 0) return h;
  }
  return NULL;
}

static struct rt_hint *oldest(struct dsql_rt *rt) {
  struct rt_hint *best = &rt->hints[0];
  for (size_t i = 1; i < RT_HINTS; i++)
    if (rt->hints[i].used < best->used) best = &rt->hints[i];
  return best;
}

int rt_hint_get(struct dsql_rt *rt, const char *host, uint16_t port) {
  struct rt_hint *h = find(rt, host, port);
  if (!h) return 0;
  h->used = ++rt->hint_clock;
  return h->hint;
}

/* Without memory nothing is learned, which costs a round trip later and is no error. */
void rt_hint_set(struct dsql_rt *rt, const char *host, uint16_t port, int hint) {
  struct rt_hint *h = find(rt, host, port);
  if (!h) {
    char *copy = mem_strdup(&rt->alloc, host);
    if (!copy) return;
    h = oldest(rt);
    mem_free(&rt->alloc, h->host);
    h->host = copy;
    h->port = port;
  }
  h->hint = hint;
  h->used = ++rt->hint_clock;
}

static struct rt_fact *find_fact(struct dsql_rt *rt, const char *key) {
  for (size_t i = 0; i < RT_FACTS; i++)
    if (rt->facts[i].key && strcmp(rt->facts[i].key, key) == 0) return &rt->facts[i];
  return NULL;
}

static struct rt_fact *oldest_fact(struct dsql_rt *rt) {
  struct rt_fact *best = &rt->facts[0];
  for (size_t i = 1; i < RT_FACTS; i++)
    if (rt->facts[i].used < best->used) best = &rt->facts[i];
  return best;
}

int rt_fact_get(struct dsql_rt *rt, const char *key) {
  struct rt_fact *f = find_fact(rt, key);
  if (!f) return 0;
  f->used = ++rt->hint_clock;
  return f->fact;
}

void rt_fact_set(struct dsql_rt *rt, const char *key, int fact) {
  struct rt_fact *f = find_fact(rt, key);
  if (!f) {
    char *copy = mem_strdup(&rt->alloc, key);
    if (!copy) return;
    f = oldest_fact(rt);
    mem_free(&rt->alloc, f->key);
    f->key = copy;
  }
  f->fact = fact;
  f->used = ++rt->hint_clock;
}

void rt_hints_deinit(struct dsql_rt *rt) {
  for (size_t i = 0; i < RT_FACTS; i++) mem_free(&rt->alloc, rt->facts[i].key);
  for (size_t i = 0; i < RT_HINTS; i++) mem_free(&rt->alloc, rt->hints[i].host);
}
