#include "dsql/clock_hint.h"

#include <inttypes.h>
#include <strings.h>

#include "auth/sigv4.h"

static bool contains(dsql_str text, const char *part) {
  size_t n = strlen(part);

  for (size_t i = 0; i + n <= text.len; i++)
    if (strncasecmp(text.ptr + i, part, n) == 0) return true;
  return false;
}

bool clock_hint_is_expiry(const dsql_error *e) {
  const dsql_str places[] = {e->hint, e->detail, e->message};

  for (size_t i = 0; i < 3; i++)
    if (contains(places[i], "signature expired") || contains(places[i], "signature not yet current")) return true;
  return false;
}

bool clock_hint_server_time(const dsql_error *e, int64_t *unix_s) {
  const size_t n = SIGV4_DATE_SIZE - 1;
  dsql_str text = e->hint.len ? e->hint : e->detail;
  unsigned found = 0;
  int64_t t;

  for (size_t i = 0; i + n <= text.len; i++) {
    if (!sigv4_parse_date(text.ptr + i, n, &t)) continue;
    *unix_s = t;
    found++;
    i += n - 1;
  }
  return found >= 2; /* the first is the signature's own */
}

void clock_hint_explain(int64_t skew_s, struct buf *out) {
  int64_t off = skew_s < 0 ? -skew_s : skew_s;

  if (off < 2)
    buf_put_str(out, "a fresh token was refused as well: check this machine's clock");
  else
    buf_printf(out, "a fresh token was refused as well: this machine's clock is %" PRId64 " s %s the server's", off,
               skew_s > 0 ? "behind" : "ahead of");
}
