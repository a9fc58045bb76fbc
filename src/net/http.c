/* http.c - libcurl's multi interface in the runtime's loop. One struct http_client per runtime holds the multi handle,
 * from the first request to the runtime's close, so that resolved names are kept for the next one. libcurl tells which
 * sockets to watch (on_socket) and when to call it again (on_timeout); it is called only from our libuv callbacks. User
 * code never runs inside libcurl: a transfer that has ended queues a task. libcurl would read the trusted roots on the
 * loop, anew for each request: some 20 ms. So it gets them from http_roots.h, before which no HTTPS request starts. */
#include "net/http.h"

#include <assert.h>
#include <curl/curl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

#include "dsql/version.h"
#include "net/error_text.h"
#include "net/http_check.h"
#include "net/http_poll.h"
#include "net/http_roots.h"
#include "tls/trust_store.h"

enum { CONNECT_TIMEOUT_MS = 10 * 1000, TIMEOUT_MS = 30 * 1000, ORIGIN_SIZE = 288 };

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
  char origin[ORIGIN_SIZE]; /* "https://host:443", for error texts */
  char reason[CURL_ERROR_SIZE];
};

/* ---- libcurl as a whole ---- */

static uv_once_t once = UV_ONCE_INIT;
static CURLcode global_code;

static void global_init(void) { global_code = curl_global_init(CURL_GLOBAL_DEFAULT); }

/* Never undone: other users of libcurl in this process could not know. */
static bool libcurl_ready(void) {
  uv_once(&once, global_init);
  return global_code == CURLE_OK;
}

/* ---- the end of a call ---- */

static void end_call(struct http_call *c, int code, const char *why) {
  (void)fault_set(&c->f, code, "%s: %s", c->origin, why);
  rt_ready(c->client->rt, &c->task);
}

static struct http_call *call_of(CURL *easy) {
  char *call = NULL;
  (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
  return (struct http_call *)(void *)call;
}

static void free_call(struct http_call *c, const dsql_alloc *a) {
  buf_deinit(&c->answer);
  mem_free_secret(a, c, c->size);
}

/* Out of libcurl and of the list; libcurl closes the connection and tells on_socket. */
static void detach(struct http_call *c) {
  rt_unready(&c->task);
  list_remove(&c->node);
  http_roots_end(&c->roots);
  if (!c->easy) return;
  (void)curl_multi_remove_handle(c->client->multi, c->easy);
  curl_easy_cleanup(c->easy);
  c->easy = NULL;
}

/* Once it is closing and nobody uses it. The slot is asked, because a callback may have brought its end already. */
static void release_client(struct dsql_rt *rt) {
  struct http_client *client = *rt_slot(rt, RT_SLOT_HTTP);
  if (!client || !client->closing || !list_empty(&client->calls)) return;
  (void)curl_multi_cleanup(client->multi);
  http_roots_clear(&client->roots);
  rt_timer_stop(rt, &client->timer);
  rt_closer_remove(rt, &client->closer);
  *rt_slot(rt, RT_SLOT_HTTP) = NULL;
  mem_free(rt_alloc(rt), client);
}

static void run_done(struct rt_task *t) {
  struct http_call *c = LIST_ENTRY(t, struct http_call, task);
  struct dsql_rt *rt = c->client->rt;
  struct http_response r = {.date_s = c->date_s};
  long status = 0;

  if (!c->f.code) (void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
  detach(c);
  r.status = (int)status;
  r.body = (dsql_str){c->answer.len ? (const char *)c->answer.data : "", c->answer.len};
  c->finishing = true;
  c->done(c->owner, c->f.code ? NULL : &r, c->f.code ? &c->f : NULL);
  free_call(c, rt_alloc(rt));
  release_client(rt);
}

void http_cancel(struct http_call *c) {
  struct dsql_rt *rt;
  if (!c || c->finishing) return;
  rt = c->client->rt;
  detach(c);
  free_call(c, rt_alloc(rt));
  release_client(rt);
}

/* ---- why it failed ---- */

static int code_of(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT: return DSQL_ETIMEDOUT;
    case CURLE_FILESIZE_EXCEEDED: return DSQL_ETOOBIG;
    case CURLE_OUT_OF_MEMORY: return DSQL_ENOMEM;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS: return DSQL_ETLS;
    default: return DSQL_EIO;
  }
}

/* libcurl's own words for this very failure tell more than the name of its code, but some of them quote what may be
 * secret (a proxy's URL with its password, a line of the answer): only those are passed on that never do. */
static const char *reason_of(const struct http_call *c, CURLcode code) {
  bool harmless = code == CURLE_COULDNT_CONNECT || code_of(code) == DSQL_ETLS;
  if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY) return "the answer is not valid HTTP/1";
  if (code == CURLE_FILESIZE_EXCEEDED) return "the answer is too large";
  return harmless && c->reason[0] ? c->reason : curl_easy_strerror(code);
}

static uint32_t no_connection_after_ms(const struct http_call *c) {
  return c->timeout_ms < c->connect_timeout_ms ? c->timeout_ms : c->connect_timeout_ms;
}

static void end_timed_out(struct http_call *c) {
  curl_off_t connected_us = 0;
  char why[80];

  (void)curl_easy_getinfo(c->easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
  if (connected_us)
    (void)snprintf(why, sizeof why, "no whole answer within %lu ms", (unsigned long)c->timeout_ms);
  else
    (void)snprintf(why, sizeof why, "no connection within %lu ms", (unsigned long)no_connection_after_ms(c));
  end_call(c, DSQL_ETIMEDOUT, why);
}

static void end_failed(struct http_call *c, CURLcode code) {
  char why[CURL_ERROR_SIZE + ERROR_TEXT_SIZE], text[ERROR_TEXT_SIZE];
  long os_error = 0;

  (void)curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os_error);
  if (code == CURLE_COULDNT_CONNECT && os_error)
    (void)snprintf(why, sizeof why, "%s (%s)", reason_of(c, code), error_text((int)os_error, text));
  else
    (void)snprintf(why, sizeof why, "%s", reason_of(c, code));
  http_make_printable(why);
  if (code == CURLE_COULDNT_CONNECT) c->f.os_error = (int)os_error;
  end_call(c, code_of(code), why);
}

/* ---- what libcurl has finished ---- */

static void take_messages(struct http_client *client) {
  const CURLMsg *m;
  int left;

  while ((m = curl_multi_info_read(client->multi, &left))) {
    struct http_call *c = m->msg == CURLMSG_DONE ? call_of(m->easy_handle) : NULL;
    if (!c) continue;
    if (m->data.result == CURLE_OPERATION_TIMEDOUT)
      end_timed_out(c);
    else if (m->data.result != CURLE_OK)
      end_failed(c, m->data.result);
    else
      rt_ready(client->rt, &c->task);
  }
}

static void end_all(struct http_client *client, int code, const char *why) {
  for (struct list *n = client->calls.next; n != &client->calls; n = n->next)
    end_call(LIST_ENTRY(n, struct http_call, node), code, why);
}

static void act(struct http_client *client, curl_socket_t fd, int events) {
  int running;
  CURLMcode code = curl_multi_socket_action(client->multi, fd, events, &running);
  take_messages(client);
  if (code != CURLM_OK)
    end_all(client, code == CURLM_OUT_OF_MEMORY ? DSQL_ENOMEM : DSQL_EIO, curl_multi_strerror(code));
}

/* ---- sockets ---- */

static void on_event(void *owner, int fd, int events) {
  int action = 0;
  if (events & HTTP_POLL_IN) action |= CURL_CSELECT_IN;
  if (events & HTTP_POLL_OUT) action |= CURL_CSELECT_OUT;
  if (events & HTTP_POLL_ERR) action |= CURL_CSELECT_ERR;
  act(owner, fd, action);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned) {
  struct http_client *client = arg;
  struct http_poll *p = assigned;
  struct http_call *c = call_of(easy);
  int events = 0;

  if (what == CURL_POLL_REMOVE) {
    (void)curl_multi_assign(client->multi, fd, NULL);
    http_poll_close(p);
    return 0;
  }
  if (what & CURL_POLL_IN) events |= HTTP_POLL_IN;
  if (what & CURL_POLL_OUT) events |= HTTP_POLL_OUT;
  if (!p) p = http_poll_new(client->rt, fd, on_event, client);
  (void)curl_multi_assign(client->multi, fd, p);
  /* Not -1, on which libcurl would give up every other transfer as well. */
  if ((!p || http_poll_set(p, events)) && c) end_call(c, DSQL_ENOMEM, "no memory to watch its socket with");
  return 0;
}

static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a) {
  (void)arg;
  (void)purpose;
  return http_poll_socket(a->family, a->socktype, a->protocol);
}

/* ---- time ---- */

static void on_timer(struct rt_timer *t) { act(LIST_ENTRY(t, struct http_client, timer), CURL_SOCKET_TIMEOUT, 0); }

static int on_timeout(CURLM *multi, long timeout_ms, void *arg) {
  struct http_client *client = arg;
  (void)multi;
  if (timeout_ms < 0)
    rt_timer_stop(client->rt, &client->timer);
  else
    rt_timer_start(client->rt, &client->timer, rt_now_ms(client->rt) + (uint64_t)timeout_ms);
  return 0;
}

/* ---- the client ---- */

static void on_close(struct rt_closer *closer) {
  struct http_client *client = LIST_ENTRY(closer, struct http_client, closer);
  struct dsql_rt *rt = client->rt;
  client->closing = true;
  end_all(client, DSQL_ECANCELED, "canceled, because the runtime closes");
  release_client(rt);
}

static CURLM *new_multi(struct http_client *client) {
  CURLM *multi = libcurl_ready() ? curl_multi_init() : NULL;
  if (!multi) return NULL;
  (void)curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  (void)curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client);
  (void)curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout);
  (void)curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client);
  (void)curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
  return multi;
}

static struct http_client *client_of(struct dsql_rt *rt) {
  struct http_client *client = *rt_slot(rt, RT_SLOT_HTTP);

  if (client) return client;
  client = mem_zalloc(rt_alloc(rt), sizeof *client);
  if (!client) return NULL;
  *client = (struct http_client){.closer.close = on_close, .rt = rt, .timer.fire = on_timer};
  list_init(&client->calls);
  client->multi = new_multi(client);
  if (!client->multi) {
    mem_free(rt_alloc(rt), client);
    return NULL;
  }
  rt_closer_add(rt, &client->closer);
  *rt_slot(rt, RT_SLOT_HTTP) = client;
  return client;
}

/* ---- the answer ---- */

static size_t on_body(char *p, size_t one, size_t n, void *arg) {
  struct http_call *c = arg;
  (void)one; /* always 1 */
  buf_put(&c->answer, p, n);
  if (buf_ok(&c->answer)) return n;
  if (c->answer.error == DSQL_ETOOBIG)
    (void)fault_set(&c->f, DSQL_ETOOBIG, "%s: the answer is larger than %d bytes", c->origin, HTTP_BODY_MAX);
  else
    (void)fault_set(&c->f, DSQL_ENOMEM, "%s: no memory for the answer", c->origin);
  return 0; /* less than n: libcurl ends the transfer; this fault is the one that is reported */
}

static int64_t parse_date(const char *p, size_t n) {
  char text[64];
  time_t t;
  if (n >= sizeof text) return 0;
  memcpy(text, p, n);
  text[n] = '\0';
  t = curl_getdate(text, NULL);
  return t > 0 ? (int64_t)t : 0;
}

/* Line by line, the status line first, and again for the final answer behind an interim one (100 Continue). */
static size_t on_header(char *p, size_t one, size_t n, void *arg) {
  static const char date[] = "date:";
  size_t name = sizeof date - 1;
  struct http_call *c = arg;

  (void)one;
  c->answer_header_bytes += n;
  if (c->answer_header_bytes > HTTP_HEADERS_MAX) {
    (void)fault_set(&c->f, DSQL_ETOOBIG, "%s: the answer's headers are larger than %d bytes", c->origin,
                    HTTP_HEADERS_MAX);
    return 0;
  }
  if (n >= 5 && memcmp(p, "HTTP/", 5) == 0) c->date_s = 0;
  if (n > name && strncasecmp(p, date, name) == 0) c->date_s = parse_date(p + name, n - name);
  return n;
}

/* ---- the request ---- */

static char *copy_string(char **at, const char *s, size_t n) {
  char *to = *at;
  if (n) memcpy(to, s, n);
  to[n] = '\0';
  *at += n + 1;
  return to;
}

/* Our own nodes instead of curl_slist_append(), so that the strings can be cleansed; libcurl only reads them. */
static void copy_headers(struct http_call *c, const struct http_request *q, char **at) {
  static char no_expect[] = "Expect:", no_type[] = "Content-Type:"; /* without a value: not sent */
  struct curl_slist *node = c->headers;

  for (size_t i = 0; i < q->header_count; i++, node++)
    *node = (struct curl_slist){copy_string(at, q->headers[i], strlen(q->headers[i])), node + 1};
  if (!http_has_header(q, "content-type")) {
    *node = (struct curl_slist){no_type, node + 1};
    node++;
  }
  *node = (struct curl_slist){no_expect, NULL};
}

static struct http_call *new_call(struct http_client *client, const struct http_request *q) {
  size_t nodes = (q->header_count + 2) * sizeof(struct curl_slist), url_len = strlen(q->url);
  size_t size = sizeof(struct http_call) + nodes + url_len + 1 + q->body_len + 1;
  struct http_call *c;
  char *at;

  for (size_t i = 0; i < q->header_count; i++) size += strlen(q->headers[i]) + 1;
  c = mem_zalloc(rt_alloc(client->rt), size);
  if (!c) return NULL;
  *c = (struct http_call){.client = client, .size = size, .task.run = run_done, .began_ms = rt_now_ms(client->rt)};
  list_init(&c->task.node);
  list_init(&c->node);
  c->headers = (struct curl_slist *)(void *)(c + 1);
  at = (char *)c->headers + nodes;
  copy_headers(c, q, &at);
  c->url = copy_string(&at, q->url, url_len);
  c->body = copy_string(&at, q->body, q->body_len);
  c->connect_timeout_ms = q->connect_timeout_ms ? q->connect_timeout_ms : CONNECT_TIMEOUT_MS;
  c->timeout_ms = q->timeout_ms ? q->timeout_ms : TIMEOUT_MS;
  buf_init(&c->answer, rt_alloc(client->rt), HTTP_BODY_MAX);
  c->answer.secret = true;
  return c;
}

/* ---- the trusted roots ---- */

#define SET(option, value)                                                                                             \
  do {                                                                                                                 \
    if (code == CURLE_OK) code = curl_easy_setopt(e, option, value);                                                   \
  } while (0)

static CURLcode on_ssl_ctx(CURL *easy, void *ssl_ctx, void *arg) {
  struct http_call *c = arg;
  (void)easy;
  http_roots_install(&c->roots, ssl_ctx);
  return CURLE_OK;
}

static bool roots_are_ours(const struct http_call *c) {
  const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
#if !CURL_AT_LEAST_VERSION(7, 87, 0)
  if (v->version_num >= 0x075700) return false; /* see set_roots(): there is no name for that option */
#endif
  return strncmp(c->origin, "https:", 6) == 0 && trust_store_fits(v->ssl_version);
}

/* The time for the roots is part of the timeouts; 0 would be none. */
static long left_ms(const struct http_call *c, uint32_t timeout_ms) {
  uint64_t spent_ms = rt_now_ms(c->client->rt) - c->began_ms;
  return spent_ms < timeout_ms ? (long)((timeout_ms - spent_ms) & INT_MAX) : 1;
}

static int hand_over(struct http_call *c) {
  CURLcode code = CURLE_OK;
  CURL *e = c->easy;
  SET(CURLOPT_CONNECTTIMEOUT_MS, left_ms(c, c->connect_timeout_ms));
  SET(CURLOPT_TIMEOUT_MS, left_ms(c, c->timeout_ms));
  if (code == CURLE_OK && curl_multi_add_handle(c->client->multi, e) == CURLM_OK) return 0;
  return DSQL_ENOMEM;
}

static void on_roots(struct http_roots_use *use, const struct fault *f) {
  struct http_call *c = LIST_ENTRY(use, struct http_call, roots);
  if (c->f.code) return; /* it has ended meanwhile */
  if (f->code == DSQL_ETIMEDOUT)
    end_timed_out(c);
  else if (f->code || hand_over(c))
    end_call(c, f->code ? f->code : DSQL_ENOMEM, f->code ? f->text : "out of memory");
}

/* libcurl shall read no roots itself, nor let one call believe what another does, by its cache of roots or by resuming
 * a session. on_ssl_ctx serves an HTTPS proxy, too; a libcurl without such proxies has no such options. */
static CURLcode set_roots(struct http_call *c) {
  CURLcode code = CURLE_OK;
  CURL *e = c->easy;
  SET(CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
  SET(CURLOPT_SSL_CTX_DATA, (void *)c);
  SET(CURLOPT_CAINFO, NULL);
  SET(CURLOPT_CAPATH, NULL);
#if CURL_AT_LEAST_VERSION(7, 87, 0)
  SET(CURLOPT_CA_CACHE_TIMEOUT, 0L);
#endif
  SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
  (void)curl_easy_setopt(e, CURLOPT_PROXY_CAINFO, NULL);
  (void)curl_easy_setopt(e, CURLOPT_PROXY_CAPATH, NULL);
  return code;
}

static int wait_for_roots(struct http_call *c, const char *ca_file) {
  int rc;
  c->roots = (struct http_roots_use){.loaded = on_roots, .deadline_ms = c->began_ms + no_connection_after_ms(c)};
  rc = http_roots_begin(&c->roots, &c->client->roots, c->client->rt, ca_file);
  return !rc && http_roots_ready(&c->roots) ? hand_over(c) : rc;
}

/* ---- the start ---- */

/* A URL that libcurl can't parse is a bad URL, unless there is no memory. */
static int url_part(CURLU *u, CURLUPart part, char out[256], unsigned flags) {
  char *text = NULL;
  CURLUcode code = curl_url_get(u, part, &text, flags);
  bool fits = code == CURLUE_OK && strlen(text) < 256;
  if (fits) memcpy(out, text, strlen(text) + 1);
  curl_free(text);
  if (code == CURLUE_OUT_OF_MEMORY) return DSQL_ENOMEM;
  return fits ? 0 : DSQL_EINVAL;
}

static int read_origin(CURLU *u, struct http_call *c, struct fault *f) {
  char scheme[256], host[256], port[256];
  CURLUcode parsed = curl_url_set(u, CURLUPART_URL, c->url, CURLU_DISALLOW_USER);
  int code = parsed == CURLUE_OUT_OF_MEMORY ? DSQL_ENOMEM : 0;

  if (parsed != CURLUE_OK && !code)
    return fault_set(f, DSQL_EINVAL, "an HTTP URL is not valid: %s", curl_url_strerror(parsed));
  if (!code) code = url_part(u, CURLUPART_SCHEME, scheme, 0);
  if (!code) code = url_part(u, CURLUPART_HOST, host, 0);
  if (!code) code = url_part(u, CURLUPART_PORT, port, CURLU_DEFAULT_PORT);
  if (!code && strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) code = DSQL_EINVAL;
  if (code == DSQL_EINVAL)
    return fault_set(f, DSQL_EINVAL,
                     "an HTTP URL must begin with http:// or https:// and a host of less than 256 bytes");
  if (code) return fault_set(f, code, "out of memory");
  (void)snprintf(c->origin, sizeof c->origin, "%.5s://%s:%.5s", scheme, host, port);
  http_make_printable(c->origin);
  return 0;
}

static CURLcode set_behaviour(CURL *e) {
  CURLcode code = CURLE_OK;
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_FOLLOWLOCATION, 0L);
#if CURL_AT_LEAST_VERSION(7, 85, 0)
  SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
  SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if CURL_AT_LEAST_VERSION(7, 87, 0)
  SET(CURLOPT_QUICK_EXIT, 1L); /* its resolver thread is never joined, which would block the loop */
#endif
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  SET(CURLOPT_HTTP09_ALLOWED, 0L);
  SET(CURLOPT_FRESH_CONNECT, 1L);
  SET(CURLOPT_FORBID_REUSE, 1L);
  SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)HTTP_BODY_MAX);
  SET(CURLOPT_USERAGENT, "libdsql/" DSQL_VERSION_STRING);
  SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
  SET(CURLOPT_WRITEFUNCTION, on_body);
  SET(CURLOPT_HEADERFUNCTION, on_header);
  return code;
}

static CURLcode set_request(struct http_call *c, const struct http_request *q) {
  CURLcode code = CURLE_OK;
  CURL *e = c->easy;
  SET(CURLOPT_PRIVATE, (void *)c);
  SET(CURLOPT_WRITEDATA, (void *)c);
  SET(CURLOPT_HEADERDATA, (void *)c);
  SET(CURLOPT_ERRORBUFFER, c->reason);
  SET(CURLOPT_URL, c->url);
  SET(CURLOPT_HTTPHEADER, c->headers);
  if (q->method[0] != 'G') {
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body_len);
    SET(CURLOPT_POSTFIELDS, c->body); /* not copied by libcurl */
    SET(CURLOPT_CUSTOMREQUEST, q->method);
  }
  if (code == CURLE_OK && roots_are_ours(c))
    code = set_roots(c);
  else if (q->ca_file)
    SET(CURLOPT_CAINFO, q->ca_file);
  if (q->no_proxy) {
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
  }
  return code;
}

static int launch(struct http_call *c, const struct http_request *q, struct fault *f) {
  CURLU *u = curl_url();
  CURLcode code;
  int bad = u ? read_origin(u, c, f) : fault_set(f, DSQL_ENOMEM, "out of memory");

  curl_url_cleanup(u);
  if (bad) return bad;
  c->easy = curl_easy_init();
  if (!c->easy) return fault_set(f, DSQL_ENOMEM, "out of memory");
  code = set_behaviour(c->easy);
  if (code == CURLE_OK) code = set_request(c, q);
  if (code == CURLE_OUT_OF_MEMORY) return fault_set(f, DSQL_ENOMEM, "out of memory");
  if (code != CURLE_OK) return fault_set(f, DSQL_EINVAL, "%s: %s", c->origin, curl_easy_strerror(code));
  list_push_back(&c->client->calls, &c->node);
  bad = roots_are_ours(c) ? wait_for_roots(c, q->ca_file) : hand_over(c);
  return bad ? fault_set(f, bad, "out of memory") : 0;
}

int http_start(struct http_call **out, struct dsql_rt *rt, const struct http_request *q, http_done *done, void *owner,
               struct fault *f) {
  struct http_client *client;
  struct http_call *c;
  int code;

  assert(q->method && q->url && done && (q->body || !q->body_len));
  *out = NULL;
  if (rt_closing(rt)) return fault_set(f, DSQL_ECANCELED, "the runtime is closing");
  code = http_check(q, f);
  if (code) return code;
  client = client_of(rt);
  c = client ? new_call(client, q) : NULL;
  if (!c) return fault_set(f, DSQL_ENOMEM, "out of memory");
  c->done = done;
  c->owner = owner;
  code = launch(c, q, f);
  if (code)
    http_cancel(c);
  else
    *out = c;
  return code;
}
