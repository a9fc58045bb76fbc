/* http_check.h - what a request may look like, before libcurl sees it. Private to the parts of http_state.h. */
#ifndef DSQL_NET_HTTP_CHECK_H
#define DSQL_NET_HTTP_CHECK_H

#include "net/http.h"

/* EINVAL for a method that is none of GET, PUT and POST, a body with GET, and headers that libcurl would take for
 * something else: without a name or value, with control characters. Texts name the header, never its value. */
int http_check(const struct http_request *q, struct fault *f);
/* Name is compared without case: "content-type". */
bool http_has_header(const struct http_request *q, const char *name);

/* Makes a text that came from outside fit for an error: control characters and non-ASCII become '?'. */
void http_make_printable(char *text);

#endif
