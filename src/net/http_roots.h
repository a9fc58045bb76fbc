/* http_roots.h - the trusted roots of HTTPS requests: read once in the thread pool, shared by all requests of a
 * runtime, and read anew when a file has changed. Only on the loop's thread. */
#ifndef DSQL_NET_HTTP_ROOTS_H
#define DSQL_NET_HTTP_ROOTS_H

#include "base/error.h"
#include "base/list.h"
#include "rt/rt.h"

enum { HTTP_ROOTS_KEPT = 4 };

struct http_roots; /* of one file, or the system's; reference counted */

/* Zero-initialised is empty. */
struct http_roots_cache {
  struct http_roots *kept[HTTP_ROOTS_KEPT];
  unsigned next; /* to be replaced */
};

/* What a request has: zero-initialised is none. It must not move while it has some. */
struct http_roots_use {
  struct list node; /* of those that wait */
  struct http_roots *roots;
  struct rt_timer timer;
  uint64_t deadline_ms; /* as of rt_now_ms() */
  /* The wait is over; f->code tells whether in vain: ETLS (a bad file), ETIMEDOUT (without a text), ENOMEM. From the
   * loop, between rt_enter() and rt_leave(); it may end any use, this one too. */
  void (*loaded)(struct http_roots_use *use, const struct fault *f);
};

/* use->loaded and use->deadline_ms must be set; the former is called later, unless http_roots_ready(use) right
 * afterwards or http_roots_end(use). 0, ENOMEM, EIO. */
int http_roots_begin(struct http_roots_use *use, struct http_roots_cache *cache, struct dsql_rt *rt,
                     const char *ca_file);
bool http_roots_ready(const struct http_roots_use *use);
/* Only when ready; see trust_store_install(). */
void http_roots_install(const struct http_roots_use *use, void *ssl_ctx);
void http_roots_end(struct http_roots_use *use); /* idempotent; a load that is under way goes on */

/* What is used or being loaded goes later, but before the runtime. */
void http_roots_clear(struct http_roots_cache *cache);

#endif
