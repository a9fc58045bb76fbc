#include <stdio.h>

#include "net/error_text.h"
#include "net/http_check.h"
#include "net/http_state.h"

void http_end(struct http_call *c, int code, const char *why) {
  (void)fault_set(&c->f, code, "%s: %s", c->origin, why);
  rt_ready(c->client->rt, &c->task);
}

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

uint32_t http_no_connection_after_ms(const struct http_call *c) {
  return c->timeout_ms < c->connect_timeout_ms ? c->timeout_ms : c->connect_timeout_ms;
}

void http_end_timed_out(struct http_call *c) {
  curl_off_t connected_us = 0;
  char why[80];

  (void)curl_easy_getinfo(c->easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
  if (connected_us)
    (void)snprintf(why, sizeof why, "no whole answer within %lu ms", (unsigned long)c->timeout_ms);
  else
    (void)snprintf(why, sizeof why, "no connection within %lu ms", (unsigned long)http_no_connection_after_ms(c));
  http_end(c, DSQL_ETIMEDOUT, why);
}

void http_end_failed(struct http_call *c, CURLcode code) {
  char why[CURL_ERROR_SIZE + ERROR_TEXT_SIZE], text[ERROR_TEXT_SIZE];
  long os_error = 0;

  (void)curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os_error);
  if (code == CURLE_COULDNT_CONNECT && os_error)
    (void)snprintf(why, sizeof why, "%s (%s)", reason_of(c, code), error_text((int)os_error, text));
  else
    (void)snprintf(why, sizeof why, "%s", reason_of(c, code));
  http_make_printable(why);
  if (code == CURLE_COULDNT_CONNECT) c->f.os_error = (int)os_error;
  http_end(c, code_of(code), why);
}
