/* target.h - where and how to connect: a dsql_config with its connection string, service file, PG* environment
 * variables and defaults, resolved into typed values. Immutable and reference-counted; used on one thread.
 *
 * A value comes from, in this order: a field of dsql_config, the connection string, the service file (keyword
 * `service`), the environment, the default. An empty field of dsql_config ("") wins too, and means the default.
 *
 * DSQL mode (dsql_mode.c): on for dsql://, for auth=iam, and for a host, from wherever it comes, that is a DSQL cluster's
 * name or id. Then of the environment only PGUSER, PGDATABASE, PGAPPNAME, PGOPTIONS, PGCONNECT_TIMEOUT and PGTZ count
 * (and PGHOST where nothing else names a host, and PGSERVICEFILE for a service that is named), nothing under
 * ~/.postgresql, and TLS can't be weakened.
 *
 * Where this differs from libpq 18, on purpose (docs/configuration.md has it for users):
 *   - sslmode defaults to verify-full, and to disable when all hosts are Unix sockets (TLS is never used on those);
 *   - with verify-ca or verify-full and no sslrootcert, the system's trust store is used when ~/.postgresql/root.crt
 *     does not exist (libpq fails);
 *   - the default host is the socket directory /var/run/postgresql where that exists, else localhost;
 *   - keywords that this library can't honour (GSSAPI, replication) are refused by name;
 *   - client_encoding must be UTF-8, TLS below 1.2 is never negotiated, PGDATESTYLE is ignored (dates are ISO);
 *   - values are judged here, once, and not at the first connection: ports, integers, numeric addresses, path lengths.
 *     sslsni takes 0 and 1 only; a client certificate named in the string must exist. */
#ifndef DSQL_TARGET_TARGET_H
#define DSQL_TARGET_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"
#include "target/conninfo.h"
#include "target/env.h"

#define TARGET_SOCKET_DIR "/var/run/postgresql"

enum { TARGET_PROTOCOL_3_0 = 0x30000, TARGET_PROTOCOL_3_2 = 0x30002, TARGET_PROTOCOL_LATEST = TARGET_PROTOCOL_3_2 };
enum { TARGET_TLS_1_2 = 0x0303, TARGET_TLS_1_3 = 0x0304 };
enum { TARGET_SCRAM_KEY_SIZE = 32 };

enum target_negotiation { TARGET_NEGOTIATE_POSTGRES, TARGET_NEGOTIATE_DIRECT };
enum target_certmode { TARGET_CERT_DISABLE, TARGET_CERT_ALLOW, TARGET_CERT_REQUIRE };
enum target_channel_binding { TARGET_CHANNEL_DISABLE, TARGET_CHANNEL_PREFER, TARGET_CHANNEL_REQUIRE };
enum target_session_attrs {
  TARGET_SESSION_ANY,
  TARGET_SESSION_READ_WRITE,
  TARGET_SESSION_READ_ONLY,
  TARGET_SESSION_PRIMARY,
  TARGET_SESSION_STANDBY,
  TARGET_SESSION_PREFER_STANDBY
};
/* What the server's certificate is checked for, once TLS is used. Not the same as sslmode: as in libpq, a root
 * certificate file that exists turns allow, prefer and require into verification of the chain. */
enum target_verify { TARGET_VERIFY_NONE, TARGET_VERIFY_CA, TARGET_VERIFY_FULL };

/* Strings are NULL when not given, and never empty. */
struct target_host {
  char *host;      /* as given or by default; NULL only when hostaddr is given without it. Verified, sent as SNI */
  char *hostaddr;  /* numeric, to be dialed in place of host */
  char *dial_name; /* to be looked up and dialed in place of host; never together with hostaddr. NULL: host itself */
  uint16_t port;
  bool unix_socket;
  char *socket_path; /* of a Unix socket; '@' first: abstract */
  char *password;    /* from the passfile, for this host; NULL: see target.password */
};

/* Whether prepared statements get names on the server. */
enum target_statement_names {
  TARGET_NAMES_AUTO, /* where each connection has a session of its own: not behind a pooler */
  TARGET_NAMES_ALWAYS,
  TARGET_NAMES_NEVER
};

struct target {
  const char *user, *dbname;    /* never NULL */
  const char *password;         /* wins over the hosts' own */
  const char *application_name; /* what to send; NULL: nothing */
  const char *options;
  const char *client_encoding; /* "UTF8" */
  const char *timezone, *geqo; /* PGTZ, PGGEQO: to be sent in the StartupMessage */

  struct target_host *hosts;
  size_t host_count; /* at least 1 */
  bool load_balance_random;
  enum target_session_attrs session_attrs;

  enum dsql_sslmode sslmode; /* never DEFAULT; not for Unix sockets */
  bool sslmode_explicit;     /* asked for by somebody, be it PGSSLMODE */
  enum target_verify verify;
  enum target_negotiation sslnegotiation;
  const char *sslrootcert; /* a file to verify with; NULL: the system's store, or no verification at all */
  bool sslrootcert_system; /* verification uses the system's store */
  const char *sslcert, *sslkey, *sslpassword; /* sslcert and sslkey both or none; both existed when resolved */
  enum target_certmode sslcertmode;
  const char *sslcrl, *sslcrldir;
  bool sslsni;
  uint16_t ssl_min_version, ssl_max_version; /* TARGET_TLS_*; max 0: none */
  const char *sslkeylogfile;

  const char *requirepeer;  /* Unix sockets only */
  const char *require_auth; /* judged by the session layer */
  enum target_channel_binding channel_binding;
  uint32_t min_protocol, max_protocol; /* TARGET_PROTOCOL_* */
  bool scram_client_key_set, scram_server_key_set;
  uint8_t scram_client_key[TARGET_SCRAM_KEY_SIZE], scram_server_key[TARGET_SCRAM_KEY_SIZE];
  const char *oauth_issuer, *oauth_client_id, *oauth_client_secret,
      *oauth_scope; /* for the source of tokens; or NULL */
  bool cleartext_without_tls;
  bool wait_to_be_asked; /* never send credentials ahead */

  bool keepalives;
  uint32_t keepalives_idle_s, keepalives_interval_s, keepalives_count; /* 0: the system's */
  uint32_t tcp_user_timeout_ms;                                        /* 0: the system's */
  uint32_t connect_timeout_ms, query_timeout_ms;                       /* 0: none */
  uint32_t drain_timeout_ms, queue_ops_max;
  size_t queue_bytes_max, result_bytes_max, message_bytes_max;
  enum target_statement_names statement_names;
  uint32_t statements_max; /* per connection, at least 1: named, or known by their columns */

  bool dsql;                 /* DSQL mode: the rest of this group is set, as far as it is known */
  bool iam;                  /* an IAM token is to be sent as the password; then sign_host and region are set */
  const char *region;        /* may be NULL without iam */
  const char *profile;       /* asked for, by name or by AWS_PROFILE; NULL: nobody did, which is "default" */
  const char *sign_host;     /* what tokens are signed for */
  uint32_t token_duration_s; /* 1 to 604800 */

  const char *passfile;        /* where the hosts' passwords came from, to be named when the server refuses one */
  const char *passfile_notice; /* why the passfile was ignored, to be told when a password is missing; else NULL */

  /* Private. */
  dsql_alloc alloc;
  unsigned refs;
  struct conninfo info;
  char *home; /* NULL: none */
  char *extra[2], *notices[4];
  size_t notice_count;
};

/* env may be NULL: the real process. On success *out has one reference. EINVAL, EUNSUPPORTED, ENOMEM; then *out is
 * NULL and f tells which input is wrong. */
int target_resolve(struct target **out, const dsql_alloc *alloc, const struct target_env *env, const dsql_config *c,
                   struct fault *f);
struct target *target_ref(struct target *t);
void target_unref(struct target *t); /* NULL is allowed; the last one cleanses the secrets */

/* What dsql_target_setting() and dsql_target_notice() show; the views live as long as t. */
bool target_setting(const struct target *t, size_t index, dsql_setting *out);
const char *target_notice(const struct target *t, size_t index);

/* The password for one of its hosts, or NULL. */
static inline const char *target_password(const struct target *t, size_t host) {
  return t->password ? t->password : t->hosts[host].password;
}

#endif
