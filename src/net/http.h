/* http.h - one HTTP request on libcurl's multi interface in the runtime's loop, for the endpoints that AWS credentials
 * come from. Redirects are never followed, cookies and caches don't exist, no connection is used twice, libcurl uses no
 * signals. A transfer keeps the loop alive. libcurl takes its memory from malloc, not from the hook.
 *
 * The first HTTPS request has the trusted roots read in the thread pool, the ones after it share them until a file
 * changes. With a libcurl that uses another TLS library than our OpenSSL, libcurl reads them itself, on the loop and
 * for each request: some 20 ms.
 *
 * When the runtime closes, every call that its owner has not canceled by then ends with ECANCELED, through done as
 * always: whichever is asked to close first, owner or HTTP, no owner is left with a pointer to a call that is gone. */
#ifndef DSQL_NET_HTTP_H
#define DSQL_NET_HTTP_H

#include "base/buf.h"
#include "base/error.h"
#include "rt/rt.h"

enum { HTTP_BODY_MAX = 64 * 1024, HTTP_HEADERS_MAX = 64 * 1024 /* of an answer */ };

/* Everything is copied by http_start(); what is sent is cleansed afterwards. */
struct http_request {
  const char *method;         /* "GET", "PUT", "POST" */
  const char *url;            /* http:// or https:// */
  const char *const *headers; /* "name: value" */
  size_t header_count;
  const char *body;
  size_t body_len;
  uint32_t connect_timeout_ms, timeout_ms; /* 0: 10 s and 30 s */
  const char *ca_file;                     /* PEM, in place of the system's certificates (of which SSL_CERT_FILE and
                                              SSL_CERT_DIR tell); NULL: those. Also for an HTTPS proxy on the way */
  bool no_proxy;                           /* proxy variables are ignored: link-local metadata endpoints */
};

struct http_response {
  int status;     /* 200, 404, ... */
  dsql_str body;  /* lives until the callback returns; secret */
  int64_t date_s; /* of the Date header, Unix time; 0: none */
};

struct http_call;

/* Called once, from the loop, unless canceled before. r is NULL when there was no whole answer: then f says why (EIO,
 * ETIMEDOUT, ETLS, ETOOBIG, ENOMEM, ECANCELED) with host and port, and without the path, the query, headers or body.
 * The call is gone when it returns; inside, http_cancel() of it is allowed and does nothing. It may start and cancel
 * others. */
typedef void http_done(void *owner, const struct http_response *r, const struct fault *f);

/* 0, EINVAL, ENOMEM, ECANCELED (the runtime is closing): then done is not called. Not called inside http_start()
 * either. */
int http_start(struct http_call **out, struct dsql_rt *rt, const struct http_request *q, http_done *done, void *owner,
               struct fault *f);
/* done will not be called; NULL is allowed. Its connection is closed at once. A name that is being resolved is given up
 * without waiting: libcurl's resolver thread goes on alone and frees what it holds (libcurl 7.87; older ones wait). */
void http_cancel(struct http_call *c);

#endif
