/* fake_http.h - a scripted HTTP/1.1 server on the test's own loop, in the role of the endpoints that AWS credentials
 * come from (instance metadata, containers, STS, SSO). Plain sockets of 127.0.0.1 and ::1; no thread, so a test simply
 * runs its loop.
 *
 *   struct fake_http h;
 *   fake_http_start(&h, &loop);
 *   struct fake_http_reply *r = fake_http_on(&h, "PUT", "/latest/api/token");
 *   r->want_header[0] = "X-aws-ec2-metadata-token-ttl-seconds: 21600";
 *   r->body = "TOKEN";
 *   fake_http_on(&h, "GET", "/x?y=z")->status = 404;
 *   ... give fake_http_url(&h) to the code under test, run the loop until it is done ...
 *   cr_assert_eq(h.unexpected, 0);
 *   cr_assert(fake_http_has(fake_http_request(&h, 0), "X-Name: value"));
 *   fake_http_stop(&h);    before the last uv_run() of the test: the handles close in it
 *
 * A request is answered by the first reply, in the order of fake_http_on(), that has the same method and path (path
 * and query, exactly) and is not used up (times). What it asks for beyond that (want_header, want_body) is then
 * checked.
 * A request that no reply fits, or that lacks what its reply asks for, is counted in h.unexpected, kept in
 * h.unexpected_text, and answered with status 500. Every answer closes its connection. The server's handles are
 * unref'd: waiting for a request keeps no loop alive; a connection that it has open does not either. Aborts when it is
 * out of memory or of its tables. */
#ifndef DSQL_TEST_FAKE_HTTP_H
#define DSQL_TEST_FAKE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum { FAKE_HTTP_REPLIES = 64, FAKE_HTTP_WANTS = 8, FAKE_HTTP_HEADERS = 8 };

enum fake_http_mode {
  FAKE_HTTP_WHOLE,        /* status, headers, body; Content-Length is added */
  FAKE_HTTP_CHUNKED,      /* the body in chunks of 7 bytes, Transfer-Encoding: chunked */
  FAKE_HTTP_BYTE_BY_BYTE, /* as WHOLE, every byte written on its own (TCP_NODELAY, a turn of the loop each) */
  FAKE_HTTP_UNTIL_CLOSE,  /* no Content-Length: the end of stream ends the body */
  FAKE_HTTP_NEVER,        /* no answer; the connection stays open until the client or fake_http_stop() closes it */
  FAKE_HTTP_CLOSE,        /* the request is read, then a clean end of stream */
  FAKE_HTTP_RESET,        /* the request is read, then TCP RST */
  FAKE_HTTP_TRUNCATED,    /* Content-Length is 10 more than what comes; then the end of stream */
  FAKE_HTTP_STALLED,      /* the same, but the connection stays open */
  FAKE_HTTP_RAW           /* body as it is, nothing around it: garbage status lines and the like */
};

struct fake_http_reply {
  /* what fits */
  const char *method, *path;
  unsigned times;                           /* how often it may be used; 0 (as fake_http_on() makes it): any number */
  const char *want_header[FAKE_HTTP_WANTS]; /* "name: value": name case-insensitively, value exactly; or "name:", any */
  const char *want_body;                    /* occurs in the request's body */
  /* the answer; all strings are borrowed until fake_http_stop() */
  enum fake_http_mode mode;
  int status;                            /* 200 */
  const char *header[FAKE_HTTP_HEADERS]; /* "Location: http://..." */
  const char *body;                      /* "" */
  size_t body_len;                       /* 0: strlen(body) */
  uint32_t delay_ms;                     /* before the answer's first byte */
  /* what happened */
  unsigned used;
};

struct fake_http_request {
  char *method, *path; /* path with the query */
  char *headers;       /* "Name: value\r\n..." without the request line and the empty line */
  char *body;          /* NUL-terminated */
  size_t body_len;
};

struct fake_http {
  uv_loop_t *loop;
  char url[64], url6[64]; /* "http://127.0.0.1:PORT", "http://[::1]:PORT"; url6 is "" where there is no IPv6 */
  uint16_t port, port6;
  unsigned connections; /* accepted */
  unsigned open;        /* not closed yet */
  unsigned unexpected;  /* requests that nothing fits; the first one is described by unexpected_text */
  char unexpected_text[256];
  size_t request_count;
  bool proxy; /* set by the test: a request line with an absolute URL ("GET http://host/path") is matched by its path */
  bool garbage;     /* set by the test: whatever comes is answered by bytes that are neither HTTP nor TLS */
  bool reset_early; /* set by the test: TCP RST at the first byte of a request */
  /* private */
  struct fake_http_reply replies[FAKE_HTTP_REPLIES];
  size_t reply_count;
  struct fake_http_request *requests;
  struct fake_http_listener *listeners[2];
  struct fake_http_conn *conns;
};

void fake_http_start(struct fake_http *h, uv_loop_t *loop);
/* Closes everything and gives the memory of requests back; the handles are closed in the loop's next turns. */
void fake_http_stop(struct fake_http *h);
const char *fake_http_url(const struct fake_http *h);
/* A new reply: status 200, empty body, any number of times. method and path are borrowed until fake_http_stop(). */
struct fake_http_reply *fake_http_on(struct fake_http *h, const char *method, const char *path);
/* Forgets all replies, keeps what was recorded; not while a request is being answered. */
void fake_http_clear(struct fake_http *h);
/* The i-th request that came in whole; aborts when there is none. Valid until the next one comes. */
const struct fake_http_request *fake_http_request(const struct fake_http *h, size_t i);
/* True when the request has this header: "name: value" (or "name:", whatever its value). */
bool fake_http_has(const struct fake_http_request *r, const char *header);

#endif
