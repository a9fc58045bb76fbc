#include <stdio.h>
#include <string.h>

#include "dsql/version.h"
#include "net/http_check.h"
#include "net/http_poll.h"
#include "net/http_state.h"
#include "tls/trust_store.h"

enum { CONNECT_TIMEOUT_MS = 10 * 1000, TIMEOUT_MS = 30 * 1000 };

/* ---- what is sent ---- */

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

struct http_call *http_call_new(struct http_client *client, const struct http_request *q) {
  size_t nodes = (q->header_count + 2) * sizeof(struct curl_slist), url_len = strlen(q->url);
  size_t size = sizeof(struct http_call) + nodes + url_len + 1 + q->body_len + 1;
  struct http_call *c;
  char *at;

  for (size_t i = 0; i < q->header_count; i++) size += strlen(q->headers[i]) + 1;
  c = mem_zalloc(rt_alloc(client->rt), size);
  if (!c) return NULL;
  *c = (struct http_call){.client = client, .size = size, .began_ms = rt_now_ms(client->rt)};
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

/* ---- where to ---- */

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

/* ---- how ---- */

#define SET(option, value)                                                                                             \
  do {                                                                                                                 \
    if (code == CURLE_OK) code = curl_easy_setopt(e, option, value);                                                   \
  } while (0)

static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a) {
  (void)arg;
  (void)purpose;
  return http_poll_socket(a->family, a->socktype, a->protocol);
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
  SET(CURLOPT_WRITEFUNCTION, http_on_body);
  SET(CURLOPT_HEADERFUNCTION, http_on_header);
  return code;
}

/* ---- the trusted roots ---- */

static CURLcode on_ssl_ctx(CURL *easy, void *ssl_ctx, void *arg) {
  struct http_call *c = arg;
  (void)easy;
  http_roots_install(&c->roots, ssl_ctx);
  return CURLE_OK;
}

bool http_roots_are_ours(const struct http_call *c) {
  const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
#if !CURL_AT_LEAST_VERSION(7, 87, 0)
  if (v->version_num >= 0x075700) return false; /* see set_roots(): there is no name for that option */
#endif
  return strncmp(c->origin, "https:", 6) == 0 && trust_store_fits(v->ssl_version);
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

/* ---- all of it ---- */

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
  if (code == CURLE_OK && http_roots_are_ours(c))
    code = set_roots(c);
  else if (q->ca_file)
    SET(CURLOPT_CAINFO, q->ca_file);
  if (q->no_proxy) {
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
  }
  return code;
}

int http_call_set_up(struct http_call *c, const struct http_request *q, struct fault *f) {
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
  return 0;
}
