/* oauth_validator.c - a validator of OAuth tokens for the test servers (PostgreSQL 18 documentation, "OAuth Validator
 * Modules"). The server package has no headers, so what of the ABI is needed is declared here: the magic block of
 * PostgreSQL 18 (fmgr.h) and the callbacks (libpq/oauth.h).
 *
 *   a token that begins with "good"        is of whoever wants to log in
 *   one that is the path of a file         the same, as long as the file is there: so it can be withdrawn
 *   one that begins with "other"           is valid, and somebody else's
 *   "broken"                               the validator itself fails
 *   any other                              is refused */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

struct abi_fields {
  int version, func_args_max, index_keys_max, name_data_len, float8_by_value;
  char extra[32];
};

struct magic {
  int size;
  struct abi_fields abi;
  const char *name, *version;
};

enum { SERVER = 1800 /* 18 */, CALLBACKS = 0x20250220 };

struct state;
struct verdict {
  bool authorized;
  char *user; /* palloc'ed */
};

struct callbacks {
  uint32_t magic;
  void (*startup)(struct state *s);
  void (*shutdown)(struct state *s);
  bool (*validate)(const struct state *s, const char *token, const char *role, struct verdict *out);
};

EXPORT const struct magic *Pg_magic_func(void);
EXPORT const struct callbacks *_PG_oauth_validator_module_init(void);
char *pstrdup(const char *s); /* the server's */

const struct magic *Pg_magic_func(void) {
  static const struct magic magic = {sizeof magic, {SERVER, 100, 32, 64, true, "PostgreSQL"}, NULL, NULL};
  return &magic;
}

static bool begins(const char *token, const char *with) { return strncmp(token, with, strlen(with)) == 0; }

static bool validate(const struct state *s, const char *token, const char *role, struct verdict *out) {
  (void)s;
  out->authorized = begins(token, "good") || begins(token, "other") || (token[0] == '/' && access(token, F_OK) == 0);
  out->user = pstrdup(begins(token, "other") ? "somebody_else" : role);
  return !begins(token, "broken");
}

const struct callbacks *_PG_oauth_validator_module_init(void) {
  static const struct callbacks callbacks = {CALLBACKS, NULL, NULL, validate};
  return &callbacks;
}
