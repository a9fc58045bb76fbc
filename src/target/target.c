#include "target/target.h"

#include <assert.h>
#include <string.h>

struct target *target_ref(struct target *t) {
  assert(t->refs > 0);
  t->refs++;
  return t;
}

static void free_hosts(struct target *t) {
  for (size_t i = 0; i < t->host_count; i++) {
    struct target_host *h = &t->hosts[i];
    mem_free(&t->alloc, h->host);
    mem_free(&t->alloc, h->hostaddr);
    mem_free(&t->alloc, h->dial_name);
    mem_free(&t->alloc, h->socket_path);
    if (h->password) mem_free_secret(&t->alloc, h->password, strlen(h->password) + 1);
  }
  mem_free(&t->alloc, t->hosts);
}

void target_unref(struct target *t) {
  dsql_alloc alloc;

  if (!t) return;
  assert(t->refs > 0);
  if (--t->refs > 0) return;
  free_hosts(t);
  conninfo_deinit(&t->info);
  mem_free(&t->alloc, t->home);
  for (size_t i = 0; i < t->notice_count; i++) mem_free(&t->alloc, t->notices[i]);
  for (size_t i = 0; i < sizeof t->extra / sizeof t->extra[0]; i++) mem_free(&t->alloc, t->extra[i]);
  alloc = t->alloc; /* t->info points into t, and t goes last */
  mem_free_secret(&alloc, t, sizeof *t);
}
