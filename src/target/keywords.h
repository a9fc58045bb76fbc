/* table */
/* keywords.h - the connection keywords of libpq 18, all fifty, in its order (PostgreSQL 18 documentation, "Parameter
 * Key Words" and "Environment Variables"), and behind them our own. */
#ifndef DSQL_TARGET_KEYWORDS_H
#define DSQL_TARGET_KEYWORDS_H

#include <stdbool.h>
#include <stddef.h>

enum keyword_class {
  KEYWORD_SUPPORTED,
  KEYWORD_IGNORED, /* accepted, without effect */
  KEYWORD_REFUSED  /* an error that says why, unless the value asks for what happens anyway (see refuse.c) */
};

/* X(name, environment variable, default, class, secret). A default here is a string that stands in for a missing
 * value; defaults that depend on something else (sslmode, host, user, dbname ...) are worked out in resolve.c. */
#define KEYWORD_LIBPQ_MAP(X)                                                                                           \
  X(service, "PGSERVICE", NULL, SUPPORTED, false)                                                                      \
  X(user, "PGUSER", NULL, SUPPORTED, false)                                                                            \
  X(password, "PGPASSWORD", NULL, SUPPORTED, true)                                                                     \
  X(passfile, "PGPASSFILE", NULL, SUPPORTED, false)                                                                    \
  X(channel_binding, "PGCHANNELBINDING", "prefer", SUPPORTED, false)                                                   \
  X(connect_timeout, "PGCONNECT_TIMEOUT", NULL, SUPPORTED, false)                                                      \
  X(dbname, "PGDATABASE", NULL, SUPPORTED, false)                                                                      \
  X(host, "PGHOST", NULL, SUPPORTED, false)                                                                            \
  X(hostaddr, "PGHOSTADDR", NULL, SUPPORTED, false)                                                                    \
  X(port, "PGPORT", "5432", SUPPORTED, false)                                                                          \
  X(client_encoding, "PGCLIENTENCODING", NULL, SUPPORTED, false)                                                       \
  X(options, "PGOPTIONS", NULL, SUPPORTED, false)                                                                      \
  X(application_name, "PGAPPNAME", NULL, SUPPORTED, false)                                                             \
  X(fallback_application_name, NULL, NULL, SUPPORTED, false)                                                           \
  X(keepalives, NULL, "1", SUPPORTED, false)                                                                           \
  X(keepalives_idle, NULL, NULL, SUPPORTED, false)                                                                     \
  X(keepalives_interval, NULL, NULL, SUPPORTED, false)                                                                 \
  X(keepalives_count, NULL, NULL, SUPPORTED, false)                                                                    \
  X(tcp_user_timeout, NULL, NULL, SUPPORTED, false)                                                                    \
  X(sslmode, "PGSSLMODE", NULL, SUPPORTED, false)                                                                      \
  X(sslnegotiation, "PGSSLNEGOTIATION", "postgres", SUPPORTED, false)                                                  \
  X(sslcompression, "PGSSLCOMPRESSION", NULL, IGNORED, false)                                                          \
  X(sslcert, "PGSSLCERT", NULL, SUPPORTED, false)                                                                      \
  X(sslkey, "PGSSLKEY", NULL, SUPPORTED, false)                                                                        \
  X(sslcertmode, "PGSSLCERTMODE", "allow", SUPPORTED, false)                                                           \
  X(sslpassword, NULL, NULL, SUPPORTED, true)                                                                          \
  X(sslrootcert, "PGSSLROOTCERT", NULL, SUPPORTED, false)                                                              \
  X(sslcrl, "PGSSLCRL", NULL, SUPPORTED, false)                                                                        \
  X(sslcrldir, "PGSSLCRLDIR", NULL, SUPPORTED, false)                                                                  \
  X(sslsni, "PGSSLSNI", "1", SUPPORTED, false)                                                                         \
  X(requirepeer, "PGREQUIREPEER", NULL, SUPPORTED, false)                                                              \
  X(require_auth, "PGREQUIREAUTH", NULL, SUPPORTED, false)                                                             \
  X(min_protocol_version, "PGMINPROTOCOLVERSION", NULL, SUPPORTED, false)                                              \
  X(max_protocol_version, "PGMAXPROTOCOLVERSION", NULL, SUPPORTED, false)                                              \
  X(ssl_min_protocol_version, "PGSSLMINPROTOCOLVERSION", NULL, SUPPORTED, false)                                       \
  X(ssl_max_protocol_version, "PGSSLMAXPROTOCOLVERSION", NULL, SUPPORTED, false)                                       \
  X(gssencmode, "PGGSSENCMODE", NULL, REFUSED, false)                                                                  \
  X(krbsrvname, "PGKRBSRVNAME", NULL, REFUSED, false)                                                                  \
  X(gsslib, "PGGSSLIB", NULL, REFUSED, false)                                                                          \
  X(gssdelegation, "PGGSSDELEGATION", NULL, REFUSED, false)                                                            \
  X(replication, NULL, NULL, REFUSED, false)                                                                           \
  X(target_session_attrs, "PGTARGETSESSIONATTRS", "any", SUPPORTED, false)                                             \
  X(load_balance_hosts, "PGLOADBALANCEHOSTS", "disable", SUPPORTED, false)                                             \
  X(scram_client_key, NULL, NULL, SUPPORTED, true)                                                                     \
  X(scram_server_key, NULL, NULL, SUPPORTED, true)                                                                     \
  X(oauth_issuer, NULL, NULL, SUPPORTED, false)                                                                        \
  X(oauth_client_id, NULL, NULL, SUPPORTED, false)                                                                     \
  X(oauth_client_secret, NULL, NULL, SUPPORTED, true)                                                                  \
  X(oauth_scope, NULL, NULL, SUPPORTED, false)                                                                         \
  X(sslkeylogfile, NULL, NULL, SUPPORTED, false)

/* Ours; defaults and environment: see dsql_mode.c and region.c. All but the first and the last three need DSQL mode. */
#define KEYWORD_OWN_MAP(X)                                                                                             \
  X(auth, NULL, "password", SUPPORTED, false)                                                                          \
  X(region, NULL, NULL, SUPPORTED, false)                                                                              \
  X(profile, NULL, NULL, SUPPORTED, false)                                                                             \
  X(token_duration_secs, NULL, NULL, SUPPORTED, false)                                                                 \
  X(sign_host, NULL, NULL, SUPPORTED, false)                                                                           \
  X(connect_host, NULL, NULL, SUPPORTED, false)                                                                        \
  X(application_name_prefix, NULL, NULL, SUPPORTED, false)                                                             \
  X(fast_connect, NULL, "1", SUPPORTED, false)                                                                         \
  X(statement_cache_size, NULL, NULL, SUPPORTED, false)

#define KEYWORD_MAP(X) KEYWORD_LIBPQ_MAP(X) KEYWORD_OWN_MAP(X)

#define X(name, env, fallback, class, secret) KEYWORD_##name,
enum keyword { KEYWORD_MAP(X) KEYWORD_COUNT };
#undef X

/* libpq's come first. */
enum { KEYWORD_LIBPQ_COUNT = KEYWORD_auth };

struct keyword_info {
  const char *name;
  const char *env;      /* NULL: none */
  const char *fallback; /* NULL: none, or worked out */
  enum keyword_class class;
  bool secret; /* the value never appears in an error */
};

extern const struct keyword_info keyword_table[KEYWORD_COUNT];

/* The keyword of exactly that name, or -1. "tokenDurationSecs", as other connectors spell it, is one too. */
int keyword_find(const char *name, size_t n);
/* The keyword that the writer of an unknown name may have meant, or NULL. */
const char *keyword_suggest(const char *name, size_t n);

#endif
