#include <criterion/criterion.h>
#include <string.h>

#include "tls/sslmode.h"

#define P SSLMODE_PLAIN
#define S SSLMODE_SSLREQUEST
#define D SSLMODE_DIRECT
#define NO TLS_VERIFY_NONE
#define CA TLS_VERIFY_CA
#define FULL TLS_VERIFY_FULL
#define UNSET SSLMODE_ROOTS_UNSET
#define SYSTEM SSLMODE_ROOTS_SYSTEM
#define NAMED SSLMODE_ROOTS_FILE

static const char *const modes[] = {NULL, "disable", "allow", "prefer", "require", "verify-ca", "verify-full"};

struct row {
  const char *mode; /* NULL: not given */
  bool direct, unix_socket;
  enum sslmode_roots roots;
  bool exists;
  /* expected; n 0: refused */
  unsigned n;
  enum sslmode_transport attempts[2];
  bool plain_on_refusal;
  enum tls_verify verify;
  enum sslmode_roots plan_roots;
};

/* Every mode x sslnegotiation x socket kind x sslrootcert x existence follows one of these; the sweep below counts. */
static const struct row rows[] = {
    /* No root file: nothing is verified below verify-ca. */
    {"disable", 0, 0, UNSET, 0, 1, {P}, 0, NO, UNSET},
    {"allow", 0, 0, UNSET, 0, 2, {P, S}, 0, NO, UNSET},
    {"prefer", 0, 0, UNSET, 0, 2, {S, P}, 1, NO, UNSET},
    {"require", 0, 0, UNSET, 0, 1, {S}, 0, NO, UNSET},
    {"verify-ca", 0, 0, UNSET, 0, 1, {S}, 0, CA, SYSTEM},
    {"verify-full", 0, 0, UNSET, 0, 1, {S}, 0, FULL, SYSTEM},
    {NULL, 0, 0, UNSET, 0, 1, {S}, 0, FULL, SYSTEM},
    /* The default root file is there: every mode that uses TLS verifies the chain. */
    {"disable", 0, 0, UNSET, 1, 1, {P}, 0, NO, UNSET},
    {"allow", 0, 0, UNSET, 1, 2, {P, S}, 0, CA, NAMED},
    {"prefer", 0, 0, UNSET, 1, 2, {S, P}, 1, CA, NAMED},
    {"require", 0, 0, UNSET, 1, 1, {S}, 0, CA, NAMED},
    {"verify-ca", 0, 0, UNSET, 1, 1, {S}, 0, CA, NAMED},
    {"verify-full", 0, 0, UNSET, 1, 1, {S}, 0, FULL, NAMED},
    {NULL, 0, 0, UNSET, 1, 1, {S}, 0, FULL, NAMED},
    /* sslrootcert names a file that exists. */
    {"disable", 0, 0, NAMED, 1, 1, {P}, 0, NO, UNSET},
    {"allow", 0, 0, NAMED, 1, 2, {P, S}, 0, CA, NAMED},
    {"prefer", 0, 0, NAMED, 1, 2, {S, P}, 1, CA, NAMED},
    {"require", 0, 0, NAMED, 1, 1, {S}, 0, CA, NAMED},
    {"verify-ca", 0, 0, NAMED, 1, 1, {S}, 0, CA, NAMED},
    {"verify-full", 0, 0, NAMED, 1, 1, {S}, 0, FULL, NAMED},
    {NULL, 0, 0, NAMED, 1, 1, {S}, 0, FULL, NAMED},
    /* One that doesn't: only verify-* asks for it, and then loading fails with its name. */
    {"disable", 0, 0, NAMED, 0, 1, {P}, 0, NO, UNSET},
    {"allow", 0, 0, NAMED, 0, 2, {P, S}, 0, NO, UNSET},
    {"prefer", 0, 0, NAMED, 0, 2, {S, P}, 1, NO, UNSET},
    {"require", 0, 0, NAMED, 0, 1, {S}, 0, NO, UNSET},
    {"verify-ca", 0, 0, NAMED, 0, 1, {S}, 0, CA, NAMED},
    {"verify-full", 0, 0, NAMED, 0, 1, {S}, 0, FULL, NAMED},
    {NULL, 0, 0, NAMED, 0, 1, {S}, 0, FULL, NAMED},
    /* sslrootcert=system wants verify-full. */
    {"disable", 0, 0, SYSTEM, 0, 0, {P}, 0, NO, UNSET},
    {"allow", 0, 0, SYSTEM, 0, 0, {P}, 0, NO, UNSET},
    {"prefer", 0, 0, SYSTEM, 0, 0, {P}, 0, NO, UNSET},
    {"require", 0, 0, SYSTEM, 0, 0, {P}, 0, NO, UNSET},
    {"verify-ca", 0, 0, SYSTEM, 0, 0, {P}, 0, NO, UNSET},
    {"verify-full", 0, 0, SYSTEM, 0, 1, {S}, 0, FULL, SYSTEM},
    {NULL, 0, 0, SYSTEM, 0, 1, {S}, 0, FULL, SYSTEM},
    {"verify-full", 0, 0, SYSTEM, 1, 1, {S}, 0, FULL, SYSTEM},
    /* sslnegotiation=direct wants at least require. */
    {"disable", 1, 0, UNSET, 0, 0, {P}, 0, NO, UNSET},
    {"allow", 1, 0, UNSET, 0, 0, {P}, 0, NO, UNSET},
    {"prefer", 1, 0, UNSET, 0, 0, {P}, 0, NO, UNSET},
    {"require", 1, 0, UNSET, 0, 1, {D}, 0, NO, UNSET},
    {"require", 1, 0, UNSET, 1, 1, {D}, 0, CA, NAMED},
    {"require", 1, 0, NAMED, 0, 1, {D}, 0, NO, UNSET},
    {"verify-ca", 1, 0, UNSET, 0, 1, {D}, 0, CA, SYSTEM},
    {"verify-ca", 1, 0, NAMED, 1, 1, {D}, 0, CA, NAMED},
    {"verify-full", 1, 0, UNSET, 0, 1, {D}, 0, FULL, SYSTEM},
    {"verify-full", 1, 0, SYSTEM, 0, 1, {D}, 0, FULL, SYSTEM},
    {"verify-full", 1, 0, NAMED, 0, 1, {D}, 0, FULL, NAMED},
    {NULL, 1, 0, UNSET, 0, 1, {D}, 0, FULL, SYSTEM},
    /* Unix sockets are never encrypted, but a contradiction in the options stays one. */
    {"disable", 0, 1, UNSET, 0, 1, {P}, 0, NO, UNSET},
    {"allow", 0, 1, UNSET, 1, 1, {P}, 0, NO, UNSET},
    {"prefer", 0, 1, UNSET, 1, 1, {P}, 0, NO, UNSET},
    {"require", 0, 1, UNSET, 1, 1, {P}, 0, NO, UNSET},
    {"verify-ca", 0, 1, NAMED, 0, 1, {P}, 0, NO, UNSET},
    {"verify-full", 0, 1, SYSTEM, 0, 1, {P}, 0, NO, UNSET},
    {"verify-full", 1, 1, UNSET, 0, 1, {P}, 0, NO, UNSET},
    {NULL, 0, 1, UNSET, 0, 1, {P}, 0, NO, UNSET},
    {"require", 0, 1, SYSTEM, 0, 0, {P}, 0, NO, UNSET},
    {"prefer", 1, 1, UNSET, 0, 0, {P}, 0, NO, UNSET},
};

Test(sslmode, table) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const struct row *r = &rows[i];
    struct sslmode_request request = {
        .direct = r->direct, .unix_socket = r->unix_socket, .roots = r->roots, .root_file_exists = r->exists};
    struct sslmode_plan plan;
    struct fault f = {0};

    if (r->mode) cr_assert(sslmode_parse(r->mode, &request.mode));
    cr_assert(sslmode_plan(&request, &plan, &f) == (r->n ? 0 : DSQL_EINVAL), "row %zu: %s", i, f.text);
    if (!r->n) {
      cr_assert(strstr(f.text, "weak sslmode \"") && strstr(f.text, r->mode), "row %zu: %s", i, f.text);
      continue;
    }
    cr_assert(plan.n == r->n && memcmp(plan.attempts, r->attempts, r->n * sizeof plan.attempts[0]) == 0, "row %zu", i);
    cr_assert(plan.plain_on_refusal == r->plain_on_refusal, "row %zu", i);
    cr_assert(plan.verify == r->verify && plan.roots == r->plan_roots, "row %zu: %d %d", i, plan.verify, plan.roots);
  }
}

/* What must hold for all 7 x 2 x 2 x 3 x 2 requests. */
static void check_invariants(const struct sslmode_request *r) {
  struct sslmode_plan plan;
  struct fault f = {0};
  bool tls = false, plain = false;

  if (sslmode_plan(r, &plan, &f)) return;
  for (unsigned i = 0; i < plan.n; i++) {
    tls |= plan.attempts[i] != SSLMODE_PLAIN;
    plain |= plan.attempts[i] == SSLMODE_PLAIN;
    cr_assert(plan.attempts[i] != SSLMODE_DIRECT || r->direct);
    cr_assert(plan.attempts[i] != SSLMODE_SSLREQUEST || !r->direct);
  }
  cr_assert(plan.n >= 1 && tls == (!r->unix_socket && r->mode != DSQL_SSL_DISABLE));
  if (!r->unix_socket && (r->mode >= DSQL_SSL_REQUIRE || r->mode == DSQL_SSL_DEFAULT)) cr_assert(!plain);
  if (tls && (r->mode == DSQL_SSL_DEFAULT || r->mode == DSQL_SSL_VERIFY_FULL)) cr_assert(plan.verify == FULL);
  if (tls && r->mode == DSQL_SSL_VERIFY_CA) cr_assert(plan.verify == CA);
  cr_assert((plan.verify == NO) == (plan.roots == UNSET));
}

Test(sslmode, sweep) {
  unsigned n = 0;
  for (unsigned i = 0; i < 7 * 2 * 2 * 3 * 2; i++, n++) {
    struct sslmode_request r = {.mode = (enum dsql_sslmode)(i % 7),
                                .direct = i / 7 % 2,
                                .unix_socket = i / 14 % 2,
                                .roots = (enum sslmode_roots)(i / 28 % 3),
                                .root_file_exists = i / 84 % 2};
    check_invariants(&r);
  }
  cr_assert(n == 168);
}

Test(sslmode, names) {
  static const char *const wrong[] = {"", "Require", "verify_full", "verify-ful", "on", "disabled", " require"};
  enum dsql_sslmode mode;

  for (int i = DSQL_SSL_DISABLE; i <= DSQL_SSL_VERIFY_FULL; i++) {
    cr_assert(sslmode_parse(modes[i], &mode) && (int)mode == i);
    cr_assert(strcmp(sslmode_name(mode), modes[i]) == 0);
  }
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) cr_assert(!sslmode_parse(wrong[i], &mode));
}
