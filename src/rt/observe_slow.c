/* The log of slow calls: a line each in logfmt, so many per second; what is over that is counted and told. */
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "rt/observer.h"
#include "rt/state.h"

enum { LINE_MAX_BYTES = 1024 * 1024, SECOND_US = 1000000, SECOND_MS = 1000 };

/* ---- logfmt ---- */

static bool is_plain(dsql_str v) {
  static const char marks[] = "_-./:@+$%*";
  for (size_t i = 0; i < v.len; i++) {
    unsigned char c = (unsigned char)v.ptr[i];
    bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!alnum && !memchr(marks, c, sizeof marks - 1)) return false;
  }
  return v.len > 0;
}

/* The bytes of the character at p; 0: it is none. */
static size_t character(const char *p, size_t n) {
  for (size_t len = 1; len <= 4 && len <= n; len++)
    if (utf8_valid(p, len)) return len;
  return 0;
}

/* Control characters, also those behind U+0080, are escaped: a line stays one, and a terminal is not told anything. */
static void put_character(struct buf *b, const char *p, size_t n) {
  unsigned char c = (unsigned char)*p;

  if (n == 0)
    buf_put_str(b, "\\ufffd");
  else if (c == '"' || c == '\\')
    buf_printf(b, "\\%c", c);
  else if (c == '\n' || c == '\r' || c == '\t')
    buf_put_str(b, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
  else if (c < 0x20 || c == 0x7f)
    buf_printf(b, "\\u%04x", c);
  else if (n == 2 && c == 0xc2 && (unsigned char)p[1] < 0xa0)
    buf_printf(b, "\\u%04x", (unsigned char)p[1]);
  else
    buf_put(b, p, n);
}

static void put_text(struct buf *b, dsql_str v, size_t most) {
  const char *end = v.ptr + v.len;

  if (v.len <= most && is_plain(v)) {
    buf_put(b, v.ptr, v.len);
    return;
  }
  buf_put_u8(b, '"');
  for (const char *p = v.ptr; p < end;) {
    size_t n = character(p, (size_t)(end - p));
    if ((size_t)(p - v.ptr) + (n ? n : 1) > most) {
      buf_put_str(b, "...");
      break;
    }
    put_character(b, p, n);
    p += n ? n : 1;
  }
  buf_put_u8(b, '"');
}

static void put_span(struct observer *o, struct buf *b, const dsql_span *s) {
  dsql_attribute list[DSQL_ATTRIBUTES_MAX];
  size_t n = dsql_span_attributes(s, list, DSQL_ATTRIBUTES_MAX);

  buf_printf(b, "level=warn msg=\"slow query\" duration_ms=%llu.%03llu", (unsigned long long)(s->duration_us / 1000),
             (unsigned long long)(s->duration_us % 1000));
  for (size_t i = 0; i < n; i++) {
    buf_printf(b, " %s=", list[i].name);
    if (list[i].text.ptr)
      put_text(b, list[i].text, o->hooks.slow_sql_bytes);
    else
      buf_printf(b, "%lld", (long long)list[i].number);
  }
}

/* s NULL: what was suppressed. Without memory for a line it is suppressed, too. */
static bool write_line(struct observer *o, const dsql_span *s) {
  struct buf b;
  bool ok;

  buf_init(&b, &o->rt->alloc, LINE_MAX_BYTES);
  if (s)
    put_span(o, &b, s);
  else
    buf_printf(&b, "level=warn msg=\"slow queries were not logged\" count=%llu slow_lines_per_s=%u",
               (unsigned long long)o->slow_suppressed, o->hooks.slow_lines_per_s);
  ok = buf_ok(&b);
  if (ok) observe_log(o, (const char *)b.data, b.len);
  buf_deinit(&b);
  return ok;
}

/* ---- so many per second ---- */

void observe_slow_flush(struct observer *o) {
  if (o->slow_suppressed && write_line(o, NULL)) o->slow_suppressed = 0;
}

static void on_second(struct rt_timer *t) { observe_slow_flush(LIST_ENTRY(t, struct observer, slow_timer)); }

void observe_slow_init(struct observer *o) { o->slow_timer = (struct rt_timer){.fire = on_second, .background = true}; }

static void suppress(struct observer *o) {
  o->slow_suppressed++;
  o->stats.slow_suppressed++;
  if (o->slow_timer.node.linked || o->rt->closing) return; /* then its end tells */
  rt_timer_start(o->rt, &o->slow_timer, rt_now_ms(o->rt) + SECOND_MS);
}

void observe_slow(struct observer *o, const dsql_span *s) {
  uint64_t now_us = rt_clock_us();

  if (s->duration_us < (uint64_t)o->hooks.slow_query_ms * 1000) return;
  o->stats.slow++;
  if (now_us - o->slow_since_us >= SECOND_US) {
    o->slow_since_us = now_us;
    o->slow_lines = 0;
  }
  if (o->slow_lines >= o->hooks.slow_lines_per_s || !write_line(o, s))
    suppress(o);
  else
    o->slow_lines++;
}
