#include "net/http_check.h"

#include <strings.h>

static bool is_name_byte(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static size_t name_length(const char *header) {
  size_t n = 0;
  while (is_name_byte((unsigned char)header[n])) n++;
  return n;
}

static bool has_control(const char *s) {
  for (; *s; s++)
    if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f) return true;
  return false;
}

static int check_header(const char *header, struct fault *f) {
  size_t n = name_length(header);
  int shown = n > 100 ? 100 : (int)n;
  const char *value = header + n + 1;

  if (n == 0 || header[n] != ':') return fault_set(f, DSQL_EINVAL, "an HTTP header must be \"name: value\"");
  if (value[strspn(value, " \t")] == '\0')
    return fault_set(f, DSQL_EINVAL, "the HTTP header \"%.*s\" has no value", shown, header);
  if (has_control(value))
    return fault_set(f, DSQL_EINVAL, "the value of HTTP header \"%.*s\" contains a control character", shown, header);
  return 0;
}

int http_check(const struct http_request *q, struct fault *f) {
  int code = 0;
  if (strcmp(q->method, "GET") != 0 && strcmp(q->method, "PUT") != 0 && strcmp(q->method, "POST") != 0)
    return fault_set(f, DSQL_EINVAL, "an HTTP method must be GET, PUT or POST");
  if (q->body_len && q->method[0] == 'G') return fault_set(f, DSQL_EINVAL, "an HTTP GET has no body");
  for (size_t i = 0; i < q->header_count && code == 0; i++) code = check_header(q->headers[i], f);
  return code;
}

bool http_has_header(const struct http_request *q, const char *name) {
  size_t n = strlen(name);
  for (size_t i = 0; i < q->header_count; i++)
    if (strncasecmp(q->headers[i], name, n) == 0 && q->headers[i][n] == ':') return true;
  return false;
}

void http_make_printable(char *text) {
  for (; *text; text++)
    if (*text < 0x20 || *text > 0x7e) *text = '?';
}
