#include "creds/metadata_url.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define DIGITS "0123456789"
#define HEX DIGITS "abcdefABCDEF"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

enum { URL_MAX = 2048, LABEL_MAX = 63 };

static int bad(struct fault *f, const char *why) { return fault_set(f, DSQL_EINVAL, "%s", why); }

/* Characters that no URL has unescaped (RFC 3986), and the fragment, which is never sent. */
static bool is_url_text(const char *s) {
  for (; *s; s++) {
    if (*s <= ' ' || *s >= 0x7F || strchr("\"<>\\^`{|}#", *s)) return false;
    if (*s == '%' && (!s[1] || !strchr(HEX, s[1]) || !s[2] || !strchr(HEX, s[2]))) return false;
  }
  return true;
}

/* Skips "http://" or "https://"; NULL: neither. */
static const char *skip_scheme(const char *text, bool *https) {
  *https = strncasecmp(text, "https://", 8) == 0;
  if (*https) return text + 8;
  return strncasecmp(text, "http://", 7) == 0 ? text + 7 : NULL;
}

static int take_port(const char *s, size_t n, struct fault *f) {
  unsigned port = 0;

  if (n == 0) return 0;
  if (n == 1 || n > 6 || strspn(s + 1, DIGITS) != n - 1) return bad(f, "has a port that is no number");
  for (size_t i = 1; i < n; i++) port = port * 10 + (unsigned)(s[i] - '0');
  return port >= 1 && port <= 65535 ? 0 : bad(f, "has a port that is not in 1..65535");
}

/* Resolvers take "2130706433", "0x7f.1" and "127.1" for addresses: so is every host whose last label is a number. */
static bool looks_numeric(const char *host) {
  const char *dot = strrchr(host, '.'), *last = dot ? dot + 1 : host;
  return last[strspn(last, DIGITS)] == '\0' || strncasecmp(last, "0x", 2) == 0;
}

static bool is_name(const char *host) {
  for (const char *s = host;; s++) {
    size_t n = strspn(s, LETTERS DIGITS "-_");
    if (n == 0 || n > LABEL_MAX) return false;
    s += n;
    if (!*s) return true;
    if (*s != '.') return false;
  }
}

static int check_name(struct metadata_url *u, struct fault *f) {
  struct in_addr v4;

  if (!is_name(u->host)) return bad(f, "has a host that is neither a name nor an address");
  u->literal = looks_numeric(u->host);
  if (u->literal && inet_pton(AF_INET, u->host, &v4) != 1)
    return bad(f, "has a number for its host that is no IPv4 address of four decimal parts");
  return 0;
}

static int copy_host(struct metadata_url *u, const char *host, size_t n, struct fault *f) {
  if (n == 0) return bad(f, "has no host");
  if (n >= sizeof u->host) return bad(f, "has a host that is too long");
  memcpy(u->host, host, n);
  u->host[n] = '\0';
  return 0;
}

/* The authority is what stands between "//" and end. */
static int take_ipv6(struct metadata_url *u, const char *s, const char *end, struct fault *f) {
  const char *close = memchr(s, ']', (size_t)(end - s));
  struct in6_addr v6;
  int rc;

  if (!close) return bad(f, "has a '[' without its ']'");
  rc = copy_host(u, s + 1, (size_t)(close - s - 1), f);
  if (rc) return rc;
  if (inet_pton(AF_INET6, u->host, &v6) != 1) return bad(f, "has no IPv6 address between '[' and ']'");
  if (close + 1 < end && close[1] != ':') return bad(f, "has something behind the ']' that is no port");
  u->literal = true;
  return take_port(close + 1, (size_t)(end - close - 1), f);
}

static int take_authority(struct metadata_url *u, const char *s, const char *end, struct fault *f) {
  const char *colon;
  int rc;

  if (memchr(s, '@', (size_t)(end - s))) return bad(f, "has a user name in it");
  if (*s == '[') return take_ipv6(u, s, end, f);
  colon = memchr(s, ':', (size_t)(end - s));
  rc = copy_host(u, s, (size_t)((colon ? colon : end) - s), f);
  if (rc == 0) rc = check_name(u, f);
  return rc || !colon ? rc : take_port(colon, (size_t)(end - colon), f);
}

int metadata_url_parse(const char *text, struct metadata_url *out, struct fault *f) {
  const char *s = skip_scheme(text, &out->https);

  out->literal = false;
  if (!s) return bad(f, "is not a URL that begins with http:// or https://");
  if (strlen(text) > URL_MAX) return bad(f, "is a URL that is longer than 2048 bytes");
  if (!is_url_text(s)) return bad(f, "has a character that a URL can't have here, or a bad % escape");
  out->path = s + strcspn(s, "/?");
  return take_authority(out, s, out->path, f);
}

static bool is_allowed_v4(const char *host) {
  struct in_addr a;
  uint32_t address;

  if (inet_pton(AF_INET, host, &a) != 1) return false;
  address = ntohl(a.s_addr);
  return address >> 24 == 127 || address == 0xA9FEAA02u || address == 0xA9FEAA17u; /* 169.254.170.2 and .23 */
}

static bool is_allowed_v6(const char *host) {
  static const uint8_t eks[16] = {0xfd, 0x00, 0x0e, 0xc2, [15] = 0x23}, loopback[16] = {[15] = 1};
  struct in6_addr a;

  if (inet_pton(AF_INET6, host, &a) != 1) return false;
  return memcmp(&a, eks, sizeof eks) == 0 || memcmp(&a, loopback, sizeof loopback) == 0;
}

int container_url_check(const char *text, struct fault *f) {
  struct metadata_url u;
  int rc = metadata_url_parse(text, &u, f);

  if (rc || u.https || strcasecmp(u.host, "localhost") == 0) return rc;
  if (u.literal && (is_allowed_v4(u.host) || is_allowed_v6(u.host))) return 0;
  return fault_set(f, DSQL_EINVAL,
                   "has the host \"%s\": without https only 127.0.0.0/8, [::1], localhost, 169.254.170.2, "
                   "169.254.170.23 and [fd00:ec2::23] are allowed",
                   u.host);
}

int container_url_relative(const char *path, struct buf *out, struct fault *f) {
  if (path[0] != '/') return bad(f, "is not a path that begins with '/'");
  if (strlen(path) > URL_MAX) return bad(f, "is longer than 2048 bytes");
  if (!is_url_text(path)) return bad(f, "has a character that a URL can't have, or a bad % escape");
  buf_put_str(out, "http://169.254.170.2");
  buf_put_cstr(out, path);
  return buf_ok(out) ? 0 : fault_set(f, DSQL_ENOMEM, "out of memory");
}

bool metadata_token_valid(const char *s, size_t n) {
  if (n == 0 || n > METADATA_TOKEN_MAX) return false;
  for (size_t i = 0; i < n; i++)
    if (s[i] < ' ' || s[i] > '~') return false;
  return true;
}
