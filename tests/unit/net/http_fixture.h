/* http_fixture.h - a runtime, a scripted server on the same loop, and calls whose end is recorded. This file's
 * getaddrinfo() takes the place of the C library's, so that no test asks a name server:
 *   fail.test   does not exist            local.test  127.0.0.1
 *   slow.test   does not exist, after 300 ms          any other name aborts the test */
#ifndef DSQL_TEST_HTTP_FIXTURE_H
#define DSQL_TEST_HTTP_FIXTURE_H

#include "fake_http.h"
#include "net/http.h"
#include "unit/rt/rt_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct web {
  struct fixture x;
  struct fake_http h;
  bool stopped;
};

struct got {
  struct web *w;
  struct http_call *call;
  unsigned done; /* how often */
  bool answered;
  int status;
  int64_t date_s;
  size_t len;
  char body[HTTP_BODY_MAX + 1];
  struct fault f;
  void (*then)(struct got *g); /* called inside done */
};

void web_open(struct web *w);
/* Closes the server and the runtime; nothing may be left. */
void web_close(struct web *w);
/* Stops the server only, before dsql_rt_close() by the test. */
void web_stop(struct web *w);
/* "http://127.0.0.1:PORT/path" in a ring of static buffers. */
const char *web_url(const struct web *w, const char *path);

void got_done(void *owner, const struct http_response *r, const struct fault *f);
/* Must start. Not waited for. */
void got_start(struct got *g, struct web *w, const struct http_request *q);
/* Started and run to its end. */
void got_run(struct got *g, struct web *w, const struct http_request *q);
void got_wait(struct got *g);

/* How many lookups of slow.test are in getaddrinfo(). */
unsigned slow_lookups(void);
void slow_lookups_wait(void); /* until there are none, and libcurl's threads are gone */

#endif
