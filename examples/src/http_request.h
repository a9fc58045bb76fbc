/* http_request.h - what http_server.c reads: one HTTP/1.1 request out of bytes that may hold a part of one, or several.
 *
 * Strict where laxness lets two readers of the same bytes disagree (RFC 9112, 11.2): CRLF only, no folded lines, one
 * Content-Length, no Transfer-Encoding. No memory is taken; the views point into the bytes. */
#ifndef EXAMPLE_HTTP_REQUEST_H
#define EXAMPLE_HTTP_REQUEST_H

#include <dsql/dsql.h>

enum { HTTP_HEAD_MAX = 4096, HTTP_BODY_MAX = 1024, HTTP_REQUEST_MAX = HTTP_HEAD_MAX + HTTP_BODY_MAX };

struct http_request {
  dsql_str method, path, query, body; /* query: behind '?', may be empty */
  bool keep_alive;
  size_t length; /* of the whole; the next request begins there */
};

enum { HTTP_INCOMPLETE = 0, HTTP_WHOLE = 200 };
/* HTTP_INCOMPLETE: more bytes are needed. HTTP_WHOLE: *out is set. Else the status to answer with before closing, as
 * nobody can tell where the next request begins. With HTTP_REQUEST_MAX bytes it is never HTTP_INCOMPLETE. */
int http_request_parse(const char *p, size_t n, struct http_request *out);

struct http_transfer {
  bool has_id;
  dsql_uuid id;
  int64_t from, to, cents;
};
/* {"from": 1, "to": 2, "cents": 250, "id": "<uuid>"}; id may be missing. NULL, or what is wrong with it. */
const char *http_transfer_parse(dsql_str json, struct http_transfer *out);

/* 8-4-4-4-12 hexadecimal digits. */
bool http_uuid_parse(dsql_str text, dsql_uuid *out);
/* Digits with an optional minus, in range. */
bool http_int8_parse(dsql_str text, int64_t *out);

#endif
