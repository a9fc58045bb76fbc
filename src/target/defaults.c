/* defaults.c - the environment and the defaults, and then the keywords that can't be honoured. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "target/internal.h"

static int from_env(struct resolver *r, enum keyword k) {
  const char *name = mode_honours_env(r, k) ? keyword_table[k].env : NULL;
  const char *value = name ? r->env->getenv(r->env->ctx, name) : NULL;

  if (!value) return 0;
  return conninfo_set_from(r->info, k, value, CONNINFO_ENV, r->fault, "environment variable %s", name);
}

/* PGREQUIRESSL=1 is an old spelling of PGSSLMODE=require. */
static int old_requiressl(struct resolver *r) {
  const char *value = r->env->getenv(r->env->ctx, "PGREQUIRESSL");

  if (conninfo_get(r->info, KEYWORD_sslmode) || !value || *value != '1') return 0;
  return conninfo_set_from(r->info, KEYWORD_sslmode, "require", CONNINFO_ENV, r->fault,
                           "environment variable PGREQUIRESSL");
}

/* Variables that are no keywords: settings of the session, sent in the StartupMessage. "default" means none. */
static int session_settings(struct resolver *r) {
  static const char *const names[] = {"PGTZ", "PGGEQO"};
  struct target *t = r->t;

  for (size_t i = 0; i < (t->dsql ? 1 : 2); i++) { /* Aurora DSQL has no geqo */
    const char *value = r->env->getenv(r->env->ctx, names[i]);
    if (!value || !*value || strcasecmp(value, "default") == 0) continue;
    t->extra[i] = mem_strdup(&t->alloc, value);
    if (!t->extra[i]) return out_of_memory(r->fault);
  }
  t->timezone = t->extra[0];
  t->geqo = t->extra[1];
  return 0;
}

static int apply(struct resolver *r, enum keyword k) {
  const char *mode = mode_default(r, k), *fallback = mode ? mode : keyword_table[k].fallback;
  bool empty_is_unset = mode && (k == KEYWORD_user || k == KEYWORD_dbname);
  int rc = conninfo_get(r->info, k) ? 0 : from_env(r, k);

  if (rc || !fallback || (empty_is_unset ? conninfo_text(r->info, k) : conninfo_get(r->info, k))) return rc;
  return conninfo_set(r->info, k, fallback, strlen(fallback), mode ? CONNINFO_MODE : CONNINFO_DEFAULT, r->fault);
}

int defaults_apply(struct resolver *r) {
  int rc = 0;

  for (int i = 0; rc == 0 && i < KEYWORD_COUNT; i++) rc = apply(r, (enum keyword)i);
  if (rc == 0) rc = old_requiressl(r);
  return rc ? rc : session_settings(r);
}

struct refusal {
  enum keyword keyword;
  const char *harmless; /* space-separated values that ask for what happens anyway */
  const char *reason;
};

static bool in_list(const char *list, const char *word) {
  size_t n = strlen(word), m;

  for (; *list; list += m + (list[m] == ' ')) {
    m = strcspn(list, " ");
    if (m == n && memcmp(list, word, n) == 0) return true;
  }
  return n == 0;
}

int defaults_refuse(struct resolver *r) {
  static const char no_gss[] = "GSSAPI (Kerberos) is not supported";
  static const struct refusal refusals[] = {
      {KEYWORD_gssencmode, "disable prefer", no_gss},
      {KEYWORD_krbsrvname, "postgres", no_gss},
      {KEYWORD_gsslib, "", no_gss},
      {KEYWORD_gssdelegation, "0", no_gss},
      {KEYWORD_replication, "false off no 0", "the replication protocol is not supported"},
  };

  for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
    enum keyword k = refusals[i].keyword;
    const char *value = conninfo_get(r->info, k);
    /* In the environment the Kerberos settings are other programs'; only gssencmode demands something of us. */
    bool others = r->info->values[k].source == CONNINFO_ENV && k != KEYWORD_gssencmode;
    if (!value || others || in_list(refusals[i].harmless, value)) continue;
    if (conninfo_hidden(r->info, k))
      return fault_set(r->fault, DSQL_EUNSUPPORTED, "%s (%s): %s", keyword_table[k].name, conninfo_from(r->info, k),
                       refusals[i].reason);
    return fault_set(r->fault, DSQL_EUNSUPPORTED, "%s=%s (%s): %s", keyword_table[k].name,
                     show_text(value, strlen(value)).text, conninfo_from(r->info, k), refusals[i].reason);
  }
  return 0;
}
