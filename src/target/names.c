/* names.c - application_name: the user's own, whole; else "[prefix:]libdsql/<version>". Aurora DSQL logs it from the
 * StartupMessage only, and servers keep 63 bytes of it (NAMEDATALEN - 1), so that the prefix is cut to fit. */
#include <stdio.h>
#include <string.h>

#include "target/internal.h"

#define OWN_NAME "libdsql/" DSQL_VERSION_STRING

enum { NAME_MAX_BYTES = 63, PREFIX_MAX_BYTES = NAME_MAX_BYTES - (int)sizeof OWN_NAME };

static dsql_str trimmed(const struct conninfo_value *v) {
  dsql_str s = {v->text, v->text ? v->len : 0};

  while (s.len && conninfo_space(s.ptr[s.len - 1])) s.len--;
  for (; s.len && conninfo_space(*s.ptr); s.len--) s.ptr++;
  return s;
}

static bool continuation(char c) { return ((unsigned char)c & 0xC0) == 0x80; }

static int with_prefix(struct resolver *r, dsql_str prefix) {
  char name[NAME_MAX_BYTES + 1];
  size_t n = prefix.len;
  int rc = 0;

  if (n > PREFIX_MAX_BYTES)
    for (n = PREFIX_MAX_BYTES; n > 0 && continuation(prefix.ptr[n]);) n--;
  if (n < prefix.len)
    rc = notice_add(r, "application_name_prefix was cut from %zu to %zu bytes: an application name has at most %d",
                    prefix.len, n, NAME_MAX_BYTES);
  if (rc) return rc;
  (void)snprintf(name, sizeof name, "%.*s%s" OWN_NAME, (int)n, prefix.ptr, n ? ":" : "");
  return conninfo_set_from(r->info, KEYWORD_application_name, name, CONNINFO_DERIVED, r->fault,
                           "application_name_prefix");
}

static int set_application_name(struct resolver *r) {
  const char *fallback = conninfo_get(r->info, KEYWORD_fallback_application_name);
  dsql_str prefix = trimmed(&r->info->values[KEYWORD_application_name_prefix]);

  if (conninfo_get(r->info, KEYWORD_application_name)) return 0;
  if (prefix.len) return with_prefix(r, prefix);
  if (fallback)
    return conninfo_set_from(r->info, KEYWORD_application_name, fallback, CONNINFO_DERIVED, r->fault,
                             "fallback_application_name");
  return conninfo_set(r->info, KEYWORD_application_name, OWN_NAME, strlen(OWN_NAME), CONNINFO_DEFAULT, r->fault);
}

int names_resolve(struct resolver *r) {
  int rc = set_application_name(r);

  /* An explicitly empty one sends none. */
  r->t->application_name = conninfo_text(r->info, KEYWORD_application_name);
  r->t->options = conninfo_text(r->info, KEYWORD_options);
  r->t->requirepeer = conninfo_text(r->info, KEYWORD_requirepeer);
  r->t->require_auth = conninfo_text(r->info, KEYWORD_require_auth);
  return rc;
}
