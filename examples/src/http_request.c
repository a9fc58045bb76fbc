#define _GNU_SOURCE 1 /* memmem() */
#include "http_request.h"

#include <string.h>
#include <strings.h>

static bool is(dsql_str s, const char *text) { return s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0; }
static bool is_nocase(dsql_str s, const char *text) {
  return s.len == strlen(text) && strncasecmp(s.ptr, text, s.len) == 0;
}

/* ---- small values ---- */

bool http_int8_parse(dsql_str text, int64_t *out) {
  bool minus = text.len > 0 && text.ptr[0] == '-';
  int64_t v = 0;

  if (text.len == (size_t)minus) return false;
  for (size_t i = minus; i < text.len; i++) {
    if (text.ptr[i] < '0' || text.ptr[i] > '9') return false;
    if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, text.ptr[i] - '0', &v)) return false;
  }
  if (!minus && v == INT64_MIN) return false;
  *out = minus ? v : -v;
  return true;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool http_uuid_parse(dsql_str text, dsql_uuid *out) {
  size_t digits = 0;

  if (text.len != 36) return false;
  memset(out, 0, sizeof *out);
  for (size_t i = 0; i < text.len; i++) {
    int d = hex_digit(text.ptr[i]);
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (text.ptr[i] != '-') return false;
      continue;
    }
    if (d < 0) return false;
    out->bytes[digits / 2] = (uint8_t)(out->bytes[digits / 2] << 4 | d);
    digits++;
  }
  return true;
}

/* ---- the body: a flat JSON object of known keys ---- */

struct json {
  const char *p, *end;
};

static void skip_blanks(struct json *j) {
  while (j->p < j->end && strchr(" \t\r\n", *j->p) && *j->p) j->p++;
}

static bool take(struct json *j, char c) {
  skip_blanks(j);
  if (j->p == j->end || *j->p != c) return false;
  j->p++;
  return true;
}

/* No key and no value of ours needs an escape. */
static bool take_string(struct json *j, dsql_str *out) {
  if (!take(j, '"')) return false;
  out->ptr = j->p;
  while (j->p < j->end && *j->p != '"' && *j->p != '\\' && (unsigned char)*j->p >= ' ') j->p++;
  out->len = (size_t)(j->p - out->ptr);
  return j->p < j->end && *j->p++ == '"';
}

static bool take_int8(struct json *j, int64_t *out) {
  dsql_str s;

  skip_blanks(j);
  s.ptr = j->p;
  while (j->p < j->end && (*j->p == '-' || (*j->p >= '0' && *j->p <= '9'))) j->p++;
  s.len = (size_t)(j->p - s.ptr);
  return http_int8_parse(s, out);
}

static const char *take_member(struct json *j, struct http_transfer *t, unsigned *seen) {
  static const char *const names[] = {"from", "to", "cents", "id"};
  int64_t *const numbers[] = {&t->from, &t->to, &t->cents};
  dsql_str key, text;

  if (!take_string(j, &key) || !take(j, ':')) return "not a JSON object of numbers and an id";
  for (unsigned i = 0; i < 4; i++) {
    if (!is(key, names[i])) continue;
    if (*seen & 1u << i) return "a key is there twice";
    *seen |= 1u << i;
    if (i < 3) return take_int8(j, numbers[i]) ? NULL : "from, to and cents are whole numbers";
    t->has_id = true;
    return take_string(j, &text) && http_uuid_parse(text, &t->id) ? NULL : "the id is not a UUID";
  }
  return "the keys are from, to, cents and id";
}

const char *http_transfer_parse(dsql_str json, struct http_transfer *out) {
  struct json j = {json.ptr, json.ptr + json.len};
  unsigned seen = 0;
  const char *why;

  *out = (struct http_transfer){.has_id = false};
  if (!take(&j, '{')) return "a JSON object is wanted";
  do {
    why = take_member(&j, out, &seen);
    if (why) return why;
  } while (take(&j, ','));
  if (!take(&j, '}')) return "not a JSON object of numbers and an id";
  skip_blanks(&j);
  if (j.p != j.end) return "something follows the JSON object";
  if ((seen & 7) != 7) return "from, to and cents are needed";
  if (out->cents <= 0) return "cents must be more than 0";
  return out->from == out->to ? "from and to must differ" : NULL;
}

/* ---- the head ---- */

struct head {
  size_t body_len;
  bool has_length, has_host, close, keep_alive;
};

static bool is_token(dsql_str s) {
  for (size_t i = 0; i < s.len; i++) {
    char c = s.ptr[i];
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
          (c && strchr("!#$%&'*+-.^_`|~", c))))
      return false;
  }
  return s.len > 0;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static dsql_str trim(dsql_str s) {
  while (s.len && is_blank(*s.ptr)) s.ptr++, s.len--;
  while (s.len && is_blank(s.ptr[s.len - 1])) s.len--;
  return s;
}

static int read_length(struct head *h, dsql_str value) {
  int64_t v;

  if (h->has_length || value.len == 0 || value.ptr[0] == '-' || !http_int8_parse(value, &v)) return 400;
  if (v > HTTP_BODY_MAX) return 413;
  h->has_length = true;
  h->body_len = (size_t)v;
  return 0;
}

/* A list of tokens. */
static void read_connection(struct head *h, dsql_str list) {
  while (list.len) {
    const char *comma = memchr(list.ptr, ',', list.len);
    size_t n = comma ? (size_t)(comma - list.ptr) : list.len;
    dsql_str one = trim((dsql_str){list.ptr, n});
    h->close |= is_nocase(one, "close");
    h->keep_alive |= is_nocase(one, "keep-alive");
    n += comma != NULL;
    list = (dsql_str){list.ptr + n, list.len - n};
  }
}

/* 0, or a status. */
static int read_field(struct head *h, dsql_str line) {
  const char *colon = memchr(line.ptr, ':', line.len);
  dsql_str name, value;

  if (!colon) return 400;
  name = (dsql_str){line.ptr, (size_t)(colon - line.ptr)};
  value = trim((dsql_str){colon + 1, line.len - name.len - 1});
  if (!is_token(name)) return 400; /* a blank in front of the colon, or a folded line, too */
  if (is_nocase(name, "content-length")) return read_length(h, value);
  if (is_nocase(name, "transfer-encoding")) return 501;
  if (is_nocase(name, "expect")) return 417;
  if (is_nocase(name, "host")) {
    if (h->has_host) return 400;
    h->has_host = true;
  }
  if (is_nocase(name, "connection")) read_connection(h, value);
  return 0;
}

/* METHOD SP /path?query SP HTTP/1.x. 0, or a status; *minor is the x. */
static int read_request_line(dsql_str line, struct http_request *out, int *minor) {
  const char *one = memchr(line.ptr, ' ', line.len), *two, *question;
  dsql_str version;

  if (!one) return 400;
  out->method = (dsql_str){line.ptr, (size_t)(one - line.ptr)};
  out->path.ptr = one + 1;
  two = memchr(out->path.ptr, ' ', line.len - out->method.len - 1);
  if (!two || !is_token(out->method)) return 400;
  out->path.len = (size_t)(two - out->path.ptr);
  version = (dsql_str){two + 1, line.len - out->method.len - out->path.len - 2};
  if (version.len != 8 || memcmp(version.ptr, "HTTP/", 5) != 0) return 400;
  if (!is(version, "HTTP/1.0") && !is(version, "HTTP/1.1")) return 505;
  *minor = version.ptr[7] - '0';
  if (out->path.len == 0 || *out->path.ptr != '/') return 400;
  question = memchr(out->path.ptr, '?', out->path.len);
  out->query = (dsql_str){out->path.ptr + out->path.len, 0};
  if (question) {
    out->query = (dsql_str){question + 1, out->path.len - (size_t)(question - out->path.ptr) - 1};
    out->path.len = (size_t)(question - out->path.ptr);
  }
  return 0;
}

/* A control character, a CR or LF of its own among them, stands in no line. */
static bool is_plain(dsql_str line) {
  for (size_t i = 0; i < line.len; i++)
    if (((unsigned char)line.ptr[i] < ' ' && line.ptr[i] != '\t') || line.ptr[i] == 127) return false;
  return true;
}

static int read_head(dsql_str text, struct http_request *out, struct head *h) {
  int minor = 0, status = 0;

  for (bool first = true; text.len && status == 0; first = false) {
    const char *end = memmem(text.ptr, text.len, "\r\n", 2);
    dsql_str line = {text.ptr, (size_t)(end - text.ptr)};
    if (!is_plain(line)) return 400;
    status = first ? read_request_line(line, out, &minor) : read_field(h, line);
    text.ptr += line.len + 2;
    text.len -= line.len + 2;
  }
  if (status == 0 && minor == 1 && !h->has_host) status = 400;
  out->keep_alive = !h->close && (minor == 1 || h->keep_alive);
  return status;
}

int http_request_parse(const char *p, size_t n, struct http_request *out) {
  const char *blank = memmem(p, n < HTTP_HEAD_MAX ? n : HTTP_HEAD_MAX, "\r\n\r\n", 4);
  struct head h = {.body_len = 0};
  size_t head_len;
  int status;

  if (!blank) return n < HTTP_HEAD_MAX ? HTTP_INCOMPLETE : 431;
  head_len = (size_t)(blank - p) + 4;
  *out = (struct http_request){.keep_alive = false};
  status = read_head((dsql_str){p, head_len - 2}, out, &h);
  if (status) return status;
  out->length = head_len + h.body_len;
  out->body = (dsql_str){p + head_len, h.body_len};
  return n < out->length ? HTTP_INCOMPLETE : HTTP_WHOLE;
}
