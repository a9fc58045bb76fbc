/* conninfo_forms.c - the settings of a target as a table, as JSON and as a keyword string. */
#include <string.h>

#include "conninfo.h"
#include "json.h"
#include "text.h"

#define TAB "    "

enum { COLUMNS = 3 };

static dsql_str view(const char *s) { return (dsql_str){s, strlen(s)}; }

bool conninfo_next(const dsql_target *t, size_t *index, dsql_setting *out) {
  while (dsql_target_setting(t, (*index)++, out))
    if (out->value.len > 0 || out->given) return true;
  return false;
}

/* ---- table ---- */

static void widen(size_t *width, dsql_str s) {
  size_t w = text_width(s, TAB);
  if (w > *width) *width = w;
}

static void put_row(struct out *o, const size_t widths[COLUMNS], const dsql_str cells[COLUMNS]) {
  for (size_t i = 0; i < COLUMNS; i++) {
    out_string(o, i ? " | " : " ");
    text_show(o, cells[i], TAB);
    if (i + 1 < COLUMNS) out_repeat(o, ' ', widths[i] - text_width(cells[i], TAB));
  }
  out_char(o, '\n');
}

static void put_head(struct out *o, const size_t widths[COLUMNS], const dsql_str heads[COLUMNS]) {
  put_row(o, widths, heads);
  for (size_t i = 0; i < COLUMNS; i++) {
    if (i) out_char(o, '+');
    out_repeat(o, '-', widths[i] + 2);
  }
  out_char(o, '\n');
}

void conninfo_table(struct out *o, const dsql_target *t) {
  const dsql_str heads[COLUMNS] = {view("setting"), view("value"), view("source")};
  size_t widths[COLUMNS] = {heads[0].len, heads[1].len, heads[2].len};
  dsql_setting s;

  for (size_t i = 0; conninfo_next(t, &i, &s);) {
    widen(&widths[0], view(s.name));
    widen(&widths[1], s.value);
    widen(&widths[2], view(s.source));
  }
  put_head(o, widths, heads);
  for (size_t i = 0; conninfo_next(t, &i, &s);)
    put_row(o, widths, (const dsql_str[COLUMNS]){view(s.name), s.value, view(s.source)});
}

/* ---- JSON ---- */

void conninfo_json(struct out *o, const dsql_target *t) {
  const char *before = "{";
  dsql_setting s;

  for (size_t i = 0; conninfo_next(t, &i, &s); before = ",") {
    out_string(o, before);
    json_string(o, view(s.name));
    out_string(o, ":{\"value\":");
    json_string(o, s.value);
    out_string(o, ",\"source\":");
    json_string(o, view(s.source));
    out_char(o, '}');
  }
  if (*before == '{') out_char(o, '{');
  out_string(o, "}\n");
}

/* ---- keyword string ---- */

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static bool needs_quotes(dsql_str s) {
  for (size_t i = 0; i < s.len; i++)
    if (is_space(s.ptr[i]) || s.ptr[i] == '\'' || s.ptr[i] == '\\') return true;
  return s.len == 0;
}

static void put_value(struct out *o, dsql_str s) {
  bool quotes = needs_quotes(s);

  if (quotes) out_char(o, '\'');
  for (size_t i = 0; i < s.len; i++) {
    if (s.ptr[i] == '\'' || s.ptr[i] == '\\') out_char(o, '\\');
    out_char(o, s.ptr[i]);
  }
  if (quotes) out_char(o, '\'');
}

void conninfo_parsed(struct out *o, const dsql_target *t) {
  dsql_setting s;

  for (size_t i = 0; conninfo_next(t, &i, &s);) {
    if (!s.given) continue;
    out_string(o, s.name);
    out_char(o, '=');
    put_value(o, s.value);
    out_char(o, '\n');
  }
}
