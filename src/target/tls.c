/* tls.c - sslmode and its companions. libpq's rules (fe-connect.c, fe-secure-openssl.c), with the differences that
 * target.h lists. */
#include <string.h>
#include <strings.h>

#include "target/internal.h"
#include "target/values.h"

static bool all_unix(const struct target *t) {
  for (size_t i = 0; i < t->host_count; i++)
    if (!t->hosts[i].unix_socket) return false;
  return true;
}

static bool needs_tls(const struct target *t) { return t->sslmode != DSQL_SSL_DISABLE && !all_unix(t); }

static bool exists(struct resolver *r, const char *path) {
  struct target_file info;
  return r->env->stat(r->env->ctx, path, &info) == 0;
}

/* Gives an unset keyword the path of a file under ~/.postgresql, when that file exists; it is for other servers than
 * DSQL's. */
static int default_file(struct resolver *r, enum keyword k, const char *name) {
  char *path;
  int rc;

  if (conninfo_text(r->info, k) || !r->t->home || r->t->dsql) return 0;
  rc = path_join(r, r->t->home, name, &path);
  if (rc) return rc;
  if (exists(r, path)) rc = conninfo_set(r->info, k, path, strlen(path), CONNINFO_DEFAULT, r->fault);
  mem_free(&r->t->alloc, path);
  return rc;
}

static int set_mode(struct resolver *r) {
  static const char *const modes[] = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full", NULL};
  const char *root = conninfo_text(r->info, KEYWORD_sslrootcert), *mode = conninfo_get(r->info, KEYWORD_sslmode);
  struct target *t = r->t;
  unsigned index = all_unix(t) ? DSQL_SSL_DISABLE - 1 : DSQL_SSL_VERIFY_FULL - 1;
  int rc = value_choice(r->info, KEYWORD_sslmode, modes, &index, r->fault);

  if (rc) return rc;
  t->sslmode_explicit = mode != NULL;
  t->sslmode = (enum dsql_sslmode)(index + 1);
  if (t->sslmode_explicit && t->sslmode != DSQL_SSL_VERIFY_FULL && root && strcmp(root, "system") == 0)
    return fault_set(r->fault, DSQL_EINVAL,
                     "weak sslmode \"%s\" (%s) may not be used with sslrootcert=system (use \"verify-full\")", mode,
                     conninfo_from(r->info, KEYWORD_sslmode));
  return 0;
}

static int set_negotiation(struct resolver *r) {
  static const char *const words[] = {"postgres", "direct", NULL};
  unsigned index = 0;
  int rc = value_choice(r->info, KEYWORD_sslnegotiation, words, &index, r->fault);

  if (rc) return rc;
  r->t->sslnegotiation = (enum target_negotiation)index;
  if (index == TARGET_NEGOTIATE_DIRECT && r->t->sslmode_explicit && r->t->sslmode < DSQL_SSL_REQUIRE)
    return fault_set(r->fault, DSQL_EINVAL,
                     "weak sslmode \"%s\" (%s) may not be used with sslnegotiation=direct (use \"require\", "
                     "\"verify-ca\", or \"verify-full\")",
                     conninfo_get(r->info, KEYWORD_sslmode), conninfo_from(r->info, KEYWORD_sslmode));
  return 0;
}

static int missing_root(struct resolver *r, const char *path) {
  return fault_set(r->fault, DSQL_EINVAL,
                   "root certificate file \"%s\" (%s) does not exist: provide the file, use the system's trusted roots "
                   "with sslrootcert=system, or change sslmode to disable server certificate verification",
                   conninfo_hidden(r->info, KEYWORD_sslrootcert) ? "(not shown)" : show_text(path, strlen(path)).text,
                   conninfo_from(r->info, KEYWORD_sslrootcert));
}

static int set_root(struct resolver *r) {
  struct target *t = r->t;
  bool demanded = t->sslmode >= DSQL_SSL_VERIFY_CA;
  const char *path;
  int rc = default_file(r, KEYWORD_sslrootcert, ".postgresql/root.crt");

  if (rc) return rc;
  path = conninfo_text(r->info, KEYWORD_sslrootcert);
  if (path && strcmp(path, "system") != 0) {
    if (exists(r, path))
      t->sslrootcert = path;
    else if (demanded)
      return missing_root(r, path);
  } else {
    t->sslrootcert_system = path || demanded;
  }
  if (t->sslmode == DSQL_SSL_VERIFY_FULL)
    t->verify = TARGET_VERIFY_FULL;
  else
    t->verify = t->sslrootcert || t->sslrootcert_system ? TARGET_VERIFY_CA : TARGET_VERIFY_NONE;
  return 0;
}

static int set_crl(struct resolver *r) {
  int rc = 0;

  if (r->t->verify == TARGET_VERIFY_NONE) return 0;
  if (!conninfo_text(r->info, KEYWORD_sslcrldir) && r->t->sslrootcert)
    rc = default_file(r, KEYWORD_sslcrl, ".postgresql/root.crl");
  r->t->sslcrl = conninfo_text(r->info, KEYWORD_sslcrl);
  r->t->sslcrldir = conninfo_text(r->info, KEYWORD_sslcrldir);
  return rc;
}

static int file_fault(struct resolver *r, enum keyword k, const char *problem) {
  const char *path = conninfo_text(r->info, k);

  if (!path)
    return fault_set(r->fault, DSQL_EINVAL, "certificate present, but not private key file: set %s",
                     keyword_table[k].name);
  return fault_set(r->fault, DSQL_EINVAL, "%s file \"%s\" (%s) %s", keyword_table[k].name,
                   conninfo_hidden(r->info, k) ? "(not shown)" : show_text(path, strlen(path)).text,
                   conninfo_from(r->info, k), problem);
}

static int check_key(struct resolver *r) {
  const char *path = conninfo_text(r->info, KEYWORD_sslkey);
  struct target_file info;

  if (!path || r->env->stat(r->env->ctx, path, &info))
    return file_fault(r, KEYWORD_sslkey, "does not exist, but the client certificate does");
  if (!info.regular) return file_fault(r, KEYWORD_sslkey, "is not a regular file");
  if (info.mode & (info.owned_by_root ? 037u : 077u))
    return file_fault(r, KEYWORD_sslkey,
                      "has group or world access; it must have permissions u=rw (0600) or less if owned by the "
                      "current user, or permissions u=rw,g=r (0640) or less if owned by root");
  r->t->sslkey = path;
  return 0;
}

static int set_client_certificate(struct resolver *r) {
  const char *path;
  int rc = default_file(r, KEYWORD_sslcert, ".postgresql/postgresql.crt");

  if (rc) return rc;
  path = conninfo_text(r->info, KEYWORD_sslcert);
  if (!path) return 0;
  if (!exists(r, path)) {
    /* PGSSLCERT=/nonexistent is a known way to say "none". */
    if (r->info->values[KEYWORD_sslcert].source == CONNINFO_ENV) return 0;
    return file_fault(r, KEYWORD_sslcert, "does not exist; sslcertmode=disable stands for none");
  }
  r->t->sslcert = path;
  r->t->sslpassword = conninfo_text(r->info, KEYWORD_sslpassword);
  rc = default_file(r, KEYWORD_sslkey, ".postgresql/postgresql.key");
  return rc ? rc : check_key(r);
}

/* TLS 1.0 and 1.1 are never spoken: as a minimum they are met by 1.2, as a maximum they leave nothing. */
static int set_version(struct resolver *r, enum keyword k, uint16_t *out) {
  static const char *const names[] = {"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"};
  const char *text = conninfo_text(r->info, k);
  int index = -1;

  if (!text) return 0;
  for (int i = 0; i < 4; i++)
    if (strcasecmp(names[i], text) == 0) index = i;
  if (index < 0) return conninfo_fault(r->info, k, "must be TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3", r->fault);
  if (index < 2 && k == KEYWORD_ssl_max_protocol_version)
    return conninfo_fault(r->info, k, "must be TLSv1.2 or TLSv1.3; older versions are not secure", r->fault);
  *out = index == 3 ? TARGET_TLS_1_3 : TARGET_TLS_1_2;
  return 0;
}

static int set_versions(struct resolver *r) {
  struct target *t = r->t;
  int rc;

  t->ssl_min_version = TARGET_TLS_1_2;
  rc = set_version(r, KEYWORD_ssl_min_protocol_version, &t->ssl_min_version);
  if (rc == 0) rc = set_version(r, KEYWORD_ssl_max_protocol_version, &t->ssl_max_version);
  if (rc == 0 && t->ssl_max_version && t->ssl_min_version > t->ssl_max_version)
    rc = fault_set(r->fault, DSQL_EINVAL,
                   "invalid SSL protocol version range: ssl_min_protocol_version is above ssl_max_protocol_version");
  return rc;
}

static int set_options(struct resolver *r) {
  static const char *const certmodes[] = {"disable", "allow", "require", NULL}, *const flags[] = {"0", "1", NULL};
  unsigned certmode = TARGET_CERT_ALLOW, sni = 1;
  int rc = value_choice(r->info, KEYWORD_sslcertmode, certmodes, &certmode, r->fault);

  if (rc == 0) rc = value_choice(r->info, KEYWORD_sslsni, flags, &sni, r->fault);
  r->t->sslcertmode = (enum target_certmode)certmode;
  r->t->sslsni = sni == 1;
  r->t->sslkeylogfile = conninfo_text(r->info, KEYWORD_sslkeylogfile);
  return rc ? rc : set_versions(r);
}

int tls_resolve(struct resolver *r) {
  int rc = set_mode(r);

  if (rc == 0) rc = set_negotiation(r);
  if (rc == 0) rc = set_options(r);
  /* Files that will not be used need not be there. */
  if (rc || !needs_tls(r->t)) return rc;
  rc = set_root(r);
  if (rc == 0) rc = set_crl(r);
  if (rc == 0 && r->t->sslcertmode != TARGET_CERT_DISABLE) rc = set_client_certificate(r);
  return rc;
}
