#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct error error_nomem = {.pub = {.code = DSQL_ENOMEM,
                                          .flags = DSQL_CLIENT_SIDE,
                                          .attempts = 1,
                                          .cause_index = -1,
                                          .message = {"out of memory", 13}}};

const char *dsql_strerror(int code) {
  switch (code) {
#define X(name, value, text)                                                                                           \
  case value: return text;
    DSQL_ERROR_MAP(X)
#undef X
    case DSQL_OK: return "success";
    default: return "unknown error code";
  }
}

const char *dsql_error_name(int code) {
  switch (code) {
#define X(name, value, text)                                                                                           \
  case value: return "DSQL_" #name;
    DSQL_ERROR_MAP(X)
#undef X
    case DSQL_OK: return "DSQL_OK";
    default: return "DSQL_UNKNOWN";
  }
}

const char *dsql_version(void) { return DSQL_VERSION_STRING; }

static void format_cut(char *out, size_t size, const char *format, va_list args) {
  int n = vsnprintf(out, size, format, args);
  size_t at = size - 4;

  if (n < 0 || (size_t)n < size) return;
  while (at > 0 && ((unsigned char)out[at] & 0xC0) == 0x80) at--; /* not inside a UTF-8 sequence */
  memcpy(out + at, "...", 4);
}

const struct fault fault_nomem = {.code = DSQL_ENOMEM, .text = "out of memory"};

const struct fault *fault_keep(const dsql_alloc *a, const struct fault *f) {
  struct fault *copy = mem_alloc(a, sizeof *copy);
  if (!copy) return &fault_nomem;
  *copy = *f;
  return copy;
}

void fault_drop(const dsql_alloc *a, const struct fault *f) {
  if (f != &fault_nomem) mem_free(a, (struct fault *)f);
}

int fault_set(struct fault *f, int code, const char *format, ...) {
  va_list args;

  if (f->code) return f->code;
  f->code = code;
  va_start(args, format);
  format_cut(f->text, sizeof f->text, format, args);
  va_end(args);
  return code;
}

dsql_str error_body_field(const uint8_t *body, size_t n, char field) {
  size_t i = 0;
  while (i < n && body[i] != 0) {
    const uint8_t *value = body + i + 1, *nul = memchr(value, 0, n - i - 1);
    if (!nul) break;
    if (body[i] == (uint8_t)field) return (dsql_str){(const char *)value, (size_t)(nul - value)};
    i = (size_t)(nul - body) + 1;
  }
  return (dsql_str){"", 0};
}

dsql_str dsql_error_field(const dsql_error *e, char field) {
  const struct error *full = (const struct error *)(const void *)e;
  if (!e || !full->fields) return (dsql_str){"", 0};
  return error_body_field(full->fields, full->fields_len, field);
}

static struct error *new_error(struct arena *a, int code) {
  struct error *e = arena_alloc(a, sizeof *e);
  if (!e) return NULL;
  *e = (struct error){.pub = {.code = code, .flags = DSQL_CLIENT_SIDE, .attempts = 1, .cause_index = -1}};
  e->pub.message = e->pub.detail = e->pub.hint = (dsql_str){"", 0};
  return e;
}

const struct error *error_from_fault(struct arena *a, const struct fault *f) {
  struct error *e = new_error(a, f->code);
  size_t n = strlen(f->text);
  char *text = e ? arena_strndup(a, f->text, n) : NULL;
  if (!text) return &error_nomem;
  e->pub.os_error = f->os_error;
  e->pub.flags |= f->flags;
  memcpy(e->pub.sqlstate, f->sqlstate, sizeof e->pub.sqlstate);
  e->pub.message = (dsql_str){text, n};
  return e;
}

/* Class 40 that a rerun of the whole transaction can cure. */
static bool retryable(const char *sqlstate) {
  static const char states[][6] = {"40001", "40P01", "OC000", "OC001"};
  for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
    if (memcmp(sqlstate, states[i], 5) == 0) return true;
  return false;
}

/* Digits and upper-case letters (SQL:2023, 24.1). Anything else could drive a terminal, or break a line of a log. */
static bool is_sqlstate(dsql_str s) {
  for (size_t i = 0; i < s.len; i++)
    if (!(s.ptr[i] >= '0' && s.ptr[i] <= '9') && !(s.ptr[i] >= 'A' && s.ptr[i] <= 'Z')) return false;
  return s.len == 5;
}

const struct error *error_from_server(struct arena *a, const uint8_t *body, size_t n) {
  struct error *e = new_error(a, DSQL_ESERVER);
  uint8_t *copy = e ? arena_alloc(a, n) : NULL;
  dsql_str state;

  if (!copy) return &error_nomem;
  if (n) memcpy(copy, body, n);
  e->fields = copy;
  e->fields_len = n;
  e->pub.flags = 0;
  state = error_body_field(copy, n, 'C');
  if (is_sqlstate(state)) {
    memcpy(e->pub.sqlstate, state.ptr, 5);
    if (retryable(e->pub.sqlstate)) e->pub.flags |= DSQL_RETRYABLE;
  }
  e->pub.message = error_body_field(copy, n, 'M');
  e->pub.detail = error_body_field(copy, n, 'D');
  e->pub.hint = error_body_field(copy, n, 'H');
  return e;
}

/* A server's error may have been given another text: that of a whole connect attempt. */
static bool has_own_message(const struct error *e) {
  dsql_str server = e->fields ? error_body_field(e->fields, e->fields_len, 'M') : (dsql_str){NULL, 0};
  return !e->fields || e->pub.message.ptr != server.ptr;
}

struct error *error_clone(struct arena *a, const struct error *e) {
  struct error *copy = new_error(a, e->pub.code);
  if (!copy) return NULL;
  if (e->fields) {
    const struct error *server = error_from_server(a, e->fields, e->fields_len);
    if (server == &error_nomem) return NULL;
    copy->fields = server->fields;
    copy->fields_len = server->fields_len;
    copy->pub.message = server->pub.message;
    copy->pub.detail = server->pub.detail;
    copy->pub.hint = server->pub.hint;
  }
  if (has_own_message(e)) {
    char *text = arena_strndup(a, e->pub.message.ptr, e->pub.message.len);
    if (!text) return NULL;
    copy->pub.message = (dsql_str){text, e->pub.message.len};
  }
  copy->pub.os_error = e->pub.os_error;
  copy->pub.app_code = e->pub.app_code;
  copy->pub.flags = e->pub.flags;
  copy->pub.attempts = e->pub.attempts;
  copy->pub.cause_index = e->pub.cause_index;
  memcpy(copy->pub.sqlstate, e->pub.sqlstate, sizeof copy->pub.sqlstate);
  return copy;
}

struct error *error_printf(struct arena *a, int code, const char *format, ...) {
  struct error *e = new_error(a, code);
  char *text = e ? arena_alloc(a, FAULT_TEXT_SIZE) : NULL;
  va_list args;

  if (!text) return NULL;
  va_start(args, format);
  format_cut(text, FAULT_TEXT_SIZE, format, args);
  va_end(args);
  e->pub.message = (dsql_str){text, strlen(text)};
  return e;
}
