/* http_state.h - a request's own fields; private to src/net.
 *
 *   http.c           start, cancel, end
 *   http_client.c    libcurl's multi handle in the runtime's loop
 *   http_request.c   what is asked of libcurl
 *   http_answer.c    the answer, as it comes
 *   http_failure.c   why there is none */
#ifndef DSQL_NET_HTTP_STATE_H
#define DSQL_NET_HTTP_STATE_H

#include <curl/curl.h>

#include "net/http.h"
#include "net/http_roots.h"
#include "rt/rt.h"

enum { HTTP_ORIGIN_SIZE = 288 };

struct http_client {
  struct rt_closer closer;
  struct dsql_rt *rt;
  CURLM *multi;
  struct rt_timer timer;
  struct list calls;
  struct http_roots_cache roots;
  bool closing;
};

struct http_call {
  struct rt_task task; /* queued: it has ended, f or status says how */
  struct list node;    /* of client.calls */
  struct http_client *client;
  CURL *easy;
  http_done *done;
  void *owner;
  size_t size; /* of this block, with the copies of what is sent behind it */
  struct curl_slist *headers;
  char *url, *body;
  uint32_t connect_timeout_ms, timeout_ms;
  struct http_roots_use roots; /* none: libcurl needs no roots, or looks after them itself */
  uint64_t began_ms;
  struct buf answer;
  size_t answer_header_bytes;
  int64_t date_s;
  bool finishing; /* inside done */
  struct fault f;
  char origin[HTTP_ORIGIN_SIZE]; /* "https://host:443", for error texts */
  char reason[CURL_ERROR_SIZE];
};

/* The runtime's client, made by its first request; NULL: no memory. */
struct http_client *http_client_of(struct dsql_rt *rt);
/* Gives it back once the runtime closes and no call is left. */
void http_client_release(struct dsql_rt *rt);

/* The call with copies of all that is sent, so that they can be cleansed; NULL: no memory. */
struct http_call *http_call_new(struct http_client *client, const struct http_request *q);
/* Makes c->easy. 0, ENOMEM, EINVAL. */
int http_call_set_up(struct http_call *c, const struct http_request *q, struct fault *f);
/* Are the trusted roots for c ours, or libcurl's? */
bool http_roots_are_ours(const struct http_call *c);

/* CURLOPT_WRITEFUNCTION and CURLOPT_HEADERFUNCTION, with the call as their argument. */
size_t http_on_body(char *p, size_t one, size_t n, void *call);
size_t http_on_header(char *p, size_t one, size_t n, void *call);

/* It has failed: done() comes from the loop. */
void http_end(struct http_call *c, int code, const char *why);
void http_end_timed_out(struct http_call *c);
void http_end_failed(struct http_call *c, CURLcode code);
/* The shorter one of its timeouts. */
uint32_t http_no_connection_after_ms(const struct http_call *c);

#endif
