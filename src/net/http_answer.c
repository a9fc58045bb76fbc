#include <string.h>
#include <strings.h>

#include "net/http_state.h"

size_t http_on_body(char *p, size_t one, size_t n, void *arg) {
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
size_t http_on_header(char *p, size_t one, size_t n, void *arg) {
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
