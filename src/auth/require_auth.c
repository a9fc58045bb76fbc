#include "auth/require_auth.h"

#include <string.h>

#include "auth/printable.h"

static const struct method_name {
  const char *name;
  enum auth_method method;
} names[] = {
    {"password", AUTH_PASSWORD},   {"md5", AUTH_MD5},     {"gss", AUTH_GSS},   {"sspi", AUTH_SSPI},
    {"scram-sha-256", AUTH_SCRAM}, {"oauth", AUTH_OAUTH}, {"none", AUTH_NONE},
};

enum { NAME_COUNT = sizeof names / sizeof names[0] };

static uint32_t bit_of(enum auth_method method) {
  return UINT32_C(1) << (method == AUTH_SCRAM_PLUS ? AUTH_SCRAM : method);
}

static const struct method_name *find_name(dsql_str name) {
  for (size_t i = 0; i < NAME_COUNT; i++)
    if (strlen(names[i].name) == name.len && memcmp(names[i].name, name.ptr, name.len) == 0) return &names[i];
  return NULL;
}

/* One element, the first of which has set *negated and the mask to start from. */
static int add_element(dsql_str element, bool negated, uint32_t *mask, struct fault *f) {
  struct printable shown = printable_of(element.ptr, element.len);
  bool negative = element.len > 0 && element.ptr[0] == '!';
  const struct method_name *found;
  uint32_t bit;

  if (negative && !negated)
    return fault_set(f, DSQL_EINVAL, "negative require_auth method \"%s\" cannot be mixed with non-negative methods",
                     shown.text);
  if (!negative && negated)
    return fault_set(f, DSQL_EINVAL, "require_auth method \"%s\" cannot be mixed with negative methods", shown.text);
  found = find_name((dsql_str){element.ptr + negative, element.len - negative});
  if (!found)
    return fault_set(
        f, DSQL_EINVAL,
        "invalid require_auth value: \"%s\"; give a comma-separated list, without spaces, of password, md5, "
        "gss, sspi, scram-sha-256, oauth and none, or of these with a \"!\" each",
        shown.text);
  bit = bit_of(found->method);
  if (negated == !(*mask & bit))
    return fault_set(f, DSQL_EINVAL, "require_auth method \"%s\" is specified more than once", shown.text);
  *mask ^= bit;
  return 0;
}

int require_auth_parse(dsql_str value, uint32_t *mask, struct fault *f) {
  bool negated = value.len > 0 && value.ptr[0] == '!';
  uint32_t set = negated ? REQUIRE_AUTH_ANY : 0;

  *mask = REQUIRE_AUTH_ANY;
  if (value.len == 0) return 0;
  for (size_t start = 0; start <= value.len;) {
    const char *comma = memchr(value.ptr + start, ',', value.len - start);
    size_t end = comma ? (size_t)(comma - value.ptr) : value.len;
    int rc = add_element((dsql_str){value.ptr + start, end - start}, negated, &set, f);
    if (rc) return rc;
    start = end + 1;
  }
  *mask = set;
  return 0;
}

bool require_auth_allows(uint32_t mask, enum auth_method method) { return (mask & bit_of(method)) != 0; }

const char *auth_method_describe(enum auth_method method) {
  switch (method) {
    case AUTH_NONE: return "no authentication";
    case AUTH_PASSWORD: return "a cleartext password";
    case AUTH_MD5: return "an md5 password";
    case AUTH_GSS: return "GSSAPI authentication";
    case AUTH_SSPI: return "SSPI authentication";
    case AUTH_OAUTH: return "OAuth authentication";
    case AUTH_SCRAM: return "SCRAM-SHA-256 authentication";
    case AUTH_SCRAM_PLUS: return "SCRAM-SHA-256-PLUS authentication";
    case AUTH_UNKNOWN: break;
  }
  return "an unknown kind of authentication";
}

static void list_allowed(uint32_t mask, char *out, size_t size) {
  size_t n = 0;
  out[0] = '\0';
  for (size_t i = 0; i < NAME_COUNT; i++) {
    size_t len = strlen(names[i].name);
    if (!(mask & bit_of(names[i].method)) || n + len + 3 > size) continue;
    if (n) out[n++] = ',';
    memcpy(out + n, names[i].name, len + 1);
    n += len;
  }
}

int require_auth_check(uint32_t mask, enum auth_method method, struct fault *f) {
  char allowed[64];

  if (require_auth_allows(mask, method)) return 0;
  list_allowed(mask, allowed, sizeof allowed);
  return fault_set(f, DSQL_EAUTH, "the server asks for %s, and require_auth allows only \"%s\"",
                   auth_method_describe(method), allowed);
}
