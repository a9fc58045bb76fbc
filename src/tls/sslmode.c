#include "tls/sslmode.h"

#include <assert.h>
#include <string.h>

static const char *const names[] = {
    [DSQL_SSL_DEFAULT] = "verify-full",    [DSQL_SSL_DISABLE] = "disable", [DSQL_SSL_ALLOW] = "allow",
    [DSQL_SSL_PREFER] = "prefer",          [DSQL_SSL_REQUIRE] = "require", [DSQL_SSL_VERIFY_CA] = "verify-ca",
    [DSQL_SSL_VERIFY_FULL] = "verify-full"};

bool sslmode_parse(const char *text, enum dsql_sslmode *mode) {
  for (int i = DSQL_SSL_DISABLE; i <= DSQL_SSL_VERIFY_FULL; i++) {
    if (strcmp(text, names[i]) != 0) continue;
    *mode = (enum dsql_sslmode)i;
    return true;
  }
  return false;
}

const char *sslmode_name(enum dsql_sslmode mode) { return names[mode]; }

static int check(const struct sslmode_request *r, enum dsql_sslmode mode, struct fault *f) {
  if (r->roots == SSLMODE_ROOTS_SYSTEM && mode != DSQL_SSL_VERIFY_FULL)
    return fault_set(f, DSQL_EINVAL,
                     "weak sslmode \"%s\" may not be used with sslrootcert=system (use \"verify-full\")", names[mode]);
  if (r->direct && mode < DSQL_SSL_REQUIRE)
    return fault_set(f, DSQL_EINVAL,
                     "weak sslmode \"%s\" may not be used with sslnegotiation=direct (use \"require\", \"verify-ca\", "
                     "or \"verify-full\")",
                     names[mode]);
  return 0;
}

static void plan_attempts(const struct sslmode_request *r, enum dsql_sslmode mode, struct sslmode_plan *out) {
  enum sslmode_transport tls = r->direct ? SSLMODE_DIRECT : SSLMODE_SSLREQUEST;

  if (r->unix_socket || mode == DSQL_SSL_DISABLE) {
    out->attempts[out->n++] = SSLMODE_PLAIN;
    return;
  }
  if (mode == DSQL_SSL_ALLOW) out->attempts[out->n++] = SSLMODE_PLAIN;
  out->attempts[out->n++] = tls;
  if (mode == DSQL_SSL_PREFER) out->attempts[out->n++] = SSLMODE_PLAIN;
  out->plain_on_refusal = mode == DSQL_SSL_PREFER;
  assert(out->n <= 2);
}

/* The weaker modes verify the chain, too, when there is a root file; one that is missing is no error to them. */
static void plan_verification(const struct sslmode_request *r, enum dsql_sslmode mode, struct sslmode_plan *out) {
  bool strict = mode >= DSQL_SSL_VERIFY_CA;

  if (r->roots == SSLMODE_ROOTS_SYSTEM)
    out->roots = SSLMODE_ROOTS_SYSTEM;
  else if (r->root_file_exists || (strict && r->roots == SSLMODE_ROOTS_FILE))
    out->roots = SSLMODE_ROOTS_FILE; /* loading reports a missing one by name */
  else if (strict)
    out->roots = SSLMODE_ROOTS_SYSTEM;
  if (mode == DSQL_SSL_VERIFY_FULL)
    out->verify = TLS_VERIFY_FULL;
  else
    out->verify = out->roots == SSLMODE_ROOTS_UNSET ? TLS_VERIFY_NONE : TLS_VERIFY_CA;
}

int sslmode_plan(const struct sslmode_request *r, struct sslmode_plan *out, struct fault *f) {
  enum dsql_sslmode mode = r->mode == DSQL_SSL_DEFAULT ? DSQL_SSL_VERIFY_FULL : r->mode;

  *out = (struct sslmode_plan){.verify = TLS_VERIFY_NONE};
  if (check(r, mode, f)) return f->code;
  plan_attempts(r, mode, out);
  if (out->n == 1 && out->attempts[0] == SSLMODE_PLAIN) return 0;
  plan_verification(r, mode, out);
  return 0;
}
