/* settings.c - what a target resolved to, to be shown to people. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "target/internal.h"

enum { NOTICE_SIZE = 512 };

int notice_add(struct resolver *r, const char *format, ...) {
  const size_t max = sizeof r->t->notices / sizeof r->t->notices[0];
  char text[NOTICE_SIZE], *copy;
  va_list args;

  if (r->t->notice_count == max) return 0;
  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  copy = mem_strdup(&r->t->alloc, text);
  if (!copy) return out_of_memory(r->fault);
  r->t->notices[r->t->notice_count++] = copy;
  return 0;
}

const char *target_notice(const struct target *t, size_t index) {
  return index < t->notice_count ? t->notices[index] : NULL;
}

static int show(struct resolver *r, enum keyword k, const char *value) {
  enum conninfo_source source = r->t->dsql ? CONNINFO_MODE : CONNINFO_DEFAULT;

  if (!value || conninfo_text(r->info, k)) return 0;
  return conninfo_set(r->info, k, value, strlen(value), source, r->fault);
}

static int show_connect_timeout(struct resolver *r) {
  uint32_t ms = r->config->connect_timeout_ms;
  char text[24];
  int n;

  if (!ms) return 0;
  n = snprintf(text, sizeof text, "%u", (unsigned)(ms / 1000));
  if (ms % 1000) n += snprintf(text + n, sizeof text - (size_t)n, ".%03u", (unsigned)(ms % 1000));
  return conninfo_set(r->info, KEYWORD_connect_timeout, text, (size_t)n, CONNINFO_CONFIG, r->fault);
}

/* Defaults that depend on other values. */
int settings_complete(struct resolver *r) {
  static const char *const modes[] = {
      [DSQL_SSL_DISABLE] = "disable", [DSQL_SSL_ALLOW] = "allow",         [DSQL_SSL_PREFER] = "prefer",
      [DSQL_SSL_REQUIRE] = "require", [DSQL_SSL_VERIFY_CA] = "verify-ca", [DSQL_SSL_VERIFY_FULL] = "verify-full"};
  const struct target *t = r->t;
  int rc = show(r, KEYWORD_dbname, t->dbname);

  if (rc == 0) rc = show(r, KEYWORD_host, t->hosts[0].hostaddr ? NULL : t->hosts[0].host);
  if (rc == 0) rc = show(r, KEYWORD_sslmode, modes[t->sslmode]);
  if (rc == 0 && t->sslrootcert_system) rc = show(r, KEYWORD_sslrootcert, "system");
  if (rc == 0) rc = show(r, KEYWORD_client_encoding, t->client_encoding);
  return rc ? rc : show_connect_timeout(r);
}

bool target_setting(const struct target *t, size_t index, dsql_setting *out) {
  static const char hidden[] = "****";
  enum keyword k = (enum keyword)index;
  const struct conninfo_value *v;

  if (index >= KEYWORD_COUNT) return false;
  v = &t->info.values[k];
  *out = (dsql_setting){.name = keyword_table[k].name,
                        .value = {v->text ? v->text : "", v->len},
                        .source = conninfo_from(&t->info, k),
                        .given = conninfo_given(&t->info, k)};
  if (k == KEYWORD_password && !v->len && t->hosts[0].password) {
    out->source = "password file";
    out->value = (dsql_str){hidden, 4};
  }
  if (v->len && conninfo_hidden(&t->info, k)) out->value = (dsql_str){hidden, 4};
  return true;
}
