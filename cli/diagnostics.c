#include "diagnostics.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "caret.h"
#include "out.h"
#include "text.h"

#define TAB "    "

/* A server can send anything: escapes keep it from driving the terminal. Line ends stay, they are meant. */
static void put_lines(struct out *o, dsql_str s) {
  bool more = true;
  dsql_str line;
  while (text_next_line(&s, &more, &line)) {
    text_show(o, line, TAB);
    out_char(o, '\n');
  }
}

static void put_field(struct out *o, const char *label, dsql_str text) {
  if (text.len == 0) return;
  out_string(o, label);
  put_lines(o, text);
}

static size_t position(dsql_str digits) {
  size_t n = 0;
  for (size_t i = 0; i < digits.len; i++) {
    if (digits.ptr[i] < '0' || digits.ptr[i] > '9' || n > SIZE_MAX / 10 - 9) return 0;
    n = n * 10 + (size_t)(digits.ptr[i] - '0');
  }
  return n;
}

/* What connecting failed with quotes the server, severity and SQLSTATE included. */
static bool quotes_the_server(const dsql_error *e) {
  char quoted[sizeof "(SQLSTATE )" + sizeof e->sqlstate];

  (void)snprintf(quoted, sizeof quoted, "(SQLSTATE %s)", e->sqlstate);
  return e->sqlstate[0] && memmem(e->message.ptr, e->message.len, quoted, strlen(quoted)) != NULL;
}

static void put_head(struct out *o, const dsql_error *e) {
  dsql_str severity = dsql_error_field(e, DSQL_FIELD_SEVERITY);
  bool quotes = quotes_the_server(e);

  if (severity.len == 0) severity = dsql_error_field(e, DSQL_FIELD_SEVERITY_LOCAL);
  if (severity.len > 0 && !quotes)
    text_show(o, severity, TAB);
  else
    out_string(o, "ERROR");
  out_string(o, ": ");
  if (strcmp(e->sqlstate, "00000") != 0 && !quotes) {
    out_string(o, e->sqlstate[0] ? e->sqlstate : dsql_error_name(e->code));
    out_string(o, ": ");
  }
  put_lines(o, e->message);
}

static void put_place(struct out *o, const dsql_error *e, const char *sql) {
  dsql_str internal = dsql_error_field(e, DSQL_FIELD_INTERNAL_QUERY);

  if (sql) caret_print(o, (dsql_str){sql, strlen(sql)}, position(dsql_error_field(e, DSQL_FIELD_POSITION)));
  put_field(o, "QUERY: ", internal);
  if (internal.len > 0) caret_print(o, internal, position(dsql_error_field(e, DSQL_FIELD_INTERNAL_POSITION)));
}

static void put_diagnostic(struct out *o, const dsql_error *e, const char *sql) {
  put_head(o, e);
  put_place(o, e, sql);
  put_field(o, "DETAIL: ", e->detail);
  put_field(o, "HINT: ", e->hint);
}

void diagnostics_error(const dsql_error *e, const char *sql) {
  struct out o;

  out_init(&o, STDERR_FILENO);
  put_diagnostic(&o, e, sql);
  put_field(&o, "CONTEXT: ", dsql_error_field(e, DSQL_FIELD_CONTEXT));
  if (e->flags & DSQL_IN_DOUBT)
    out_string(&o, "NOTE: the answer was never read: it is not known whether the statement took effect.\n");
  out_flush(&o);
}

void diagnostics_notice(const dsql_error *e) {
  struct out o;

  out_init(&o, STDERR_FILENO);
  put_diagnostic(&o, e, NULL);
  out_flush(&o);
}

void diagnostics_say(const char *format, ...) {
  va_list arguments;

  fputs("dsql: ", stderr);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
}
