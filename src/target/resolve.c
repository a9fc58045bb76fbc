#include <string.h>

#include "target/internal.h"
#include "target/values.h"

enum { NAME_SIZE = 4096 };

int path_join(struct resolver *r, const char *base, const char *name, char **out) {
  size_t n = strlen(base), m = strlen(name);
  char *path = mem_alloc(&r->t->alloc, n + m + 2);

  *out = path;
  if (!path) return out_of_memory(r->fault);
  memcpy(path, base, n);
  path[n] = '/';
  memcpy(path + n + 1, name, m + 1);
  return 0;
}

/* HOME, else the password database's; without either, files in the home directory are as good as missing. */
static int find_home(struct resolver *r) {
  const char *home = r->env->getenv(r->env->ctx, "HOME");
  char text[NAME_SIZE];

  if (!home || !*home) {
    if (r->env->home_dir(r->env->ctx, text, sizeof text)) return 0;
    home = text;
  }
  r->t->home = mem_strdup(&r->t->alloc, home);
  return r->t->home ? 0 : out_of_memory(r->fault);
}

static int set_user(struct resolver *r) {
  char name[NAME_SIZE];
  int rc;

  if (!conninfo_text(r->info, KEYWORD_user)) {
    rc = r->env->user_name(r->env->ctx, name, sizeof name);
    if (rc)
      return fault_set(r->fault, DSQL_EINVAL,
                       "no user given, and the operating system does not tell one (%s): set user", strerror(rc));
    rc = conninfo_set(r->info, KEYWORD_user, name, strlen(name), CONNINFO_DEFAULT, r->fault);
    if (rc) return rc;
  }
  r->t->user = conninfo_text(r->info, KEYWORD_user);
  r->t->dbname = conninfo_text(r->info, KEYWORD_dbname);
  if (!r->t->dbname) r->t->dbname = r->t->user;
  return 0;
}

/* PostgreSQL compares encoding names without case and punctuation. */
static int set_encoding(struct resolver *r) {
  const char *text = conninfo_text(r->info, KEYWORD_client_encoding);
  char name[16];
  size_t n = 0;

  r->t->client_encoding = "UTF8";
  if (!text) return 0;
  for (; *text && n < sizeof name - 1; text++) {
    if (*text >= 'A' && *text <= 'Z') name[n++] = (char)(*text - 'A' + 'a');
    if ((*text >= 'a' && *text <= 'z') || (*text >= '0' && *text <= '9')) name[n++] = *text;
  }
  name[n] = '\0';
  if (strcmp(name, "utf8") == 0 || strcmp(name, "unicode") == 0 || strcmp(name, "auto") == 0) return 0;
  return conninfo_fault(r->info, KEYWORD_client_encoding, "must be UTF8; this library speaks no other encoding",
                        r->fault);
}

static int set_protocol(struct resolver *r) {
  static const char *const words[] = {"3.0", "3.2", "latest", NULL};
  static const uint32_t versions[] = {TARGET_PROTOCOL_3_0, TARGET_PROTOCOL_3_2, TARGET_PROTOCOL_LATEST};
  unsigned least = 0, most = 0;
  int rc = value_choice(r->info, KEYWORD_min_protocol_version, words, &least, r->fault);

  if (rc) return rc;
  /* Asking for more than 3.0 breaks on old poolers, so it is asked for by name only. */
  if (versions[least] > TARGET_PROTOCOL_3_0) most = 2;
  rc = value_choice(r->info, KEYWORD_max_protocol_version, words, &most, r->fault);
  if (rc) return rc;
  r->t->min_protocol = versions[least];
  r->t->max_protocol = versions[most];
  if (r->t->min_protocol <= r->t->max_protocol) return 0;
  return fault_set(r->fault, DSQL_EINVAL, "min_protocol_version %s is greater than max_protocol_version %s",
                   words[least], words[most]);
}

static int set_choices(struct resolver *r) {
  static const char *const attrs[] = {"any", "read-write", "read-only", "primary", "standby", "prefer-standby", NULL};
  static const char *const balance[] = {"disable", "random", NULL};
  static const char *const binding[] = {"disable", "prefer", "require", NULL};
  unsigned session = 0, order = 0, channel = TARGET_CHANNEL_PREFER;
  int rc = value_choice(r->info, KEYWORD_target_session_attrs, attrs, &session, r->fault);

  if (rc == 0) rc = value_choice(r->info, KEYWORD_load_balance_hosts, balance, &order, r->fault);
  if (rc == 0) rc = value_choice(r->info, KEYWORD_channel_binding, binding, &channel, r->fault);
  r->t->session_attrs = (enum target_session_attrs)session;
  r->t->load_balance_random = order == 1;
  r->t->channel_binding = (enum target_channel_binding)channel;
  return rc;
}

static int set_socket_options(struct resolver *r) {
  struct target *t = r->t;
  uint32_t seconds = 0;
  int keepalives = 1, rc;

  rc = value_int(r->info, KEYWORD_keepalives, &keepalives, r->fault);
  t->keepalives = keepalives != 0;
  if (rc == 0) rc = value_count(r->info, KEYWORD_keepalives_idle, &t->keepalives_idle_s, r->fault);
  if (rc == 0) rc = value_count(r->info, KEYWORD_keepalives_interval, &t->keepalives_interval_s, r->fault);
  if (rc == 0) rc = value_count(r->info, KEYWORD_keepalives_count, &t->keepalives_count, r->fault);
  if (rc == 0) rc = value_count(r->info, KEYWORD_tcp_user_timeout, &t->tcp_user_timeout_ms, r->fault);
  if (rc == 0) rc = value_count(r->info, KEYWORD_connect_timeout, &seconds, r->fault);
  t->connect_timeout_ms = seconds > UINT32_MAX / 1000 ? UINT32_MAX : seconds * 1000;
  return rc;
}

static int set_scram_keys(struct resolver *r) {
  struct target *t = r->t;
  int rc = value_key(r->info, KEYWORD_scram_client_key, t->scram_client_key, sizeof t->scram_client_key,
                     &t->scram_client_key_set, r->fault);

  if (rc) return rc;
  return value_key(r->info, KEYWORD_scram_server_key, t->scram_server_key, sizeof t->scram_server_key,
                   &t->scram_server_key_set, r->fault);
}

/* Nothing is judged: what they mean is between the source of tokens and its provider. */
static int set_oauth(struct resolver *r) {
  r->t->oauth_issuer = conninfo_text(r->info, KEYWORD_oauth_issuer);
  r->t->oauth_client_id = conninfo_text(r->info, KEYWORD_oauth_client_id);
  r->t->oauth_client_secret = conninfo_text(r->info, KEYWORD_oauth_client_secret);
  r->t->oauth_scope = conninfo_text(r->info, KEYWORD_oauth_scope);
  return 0;
}

static int set_statements(struct resolver *r) {
  enum { STATEMENTS_DEFAULT = 256, STATEMENTS_MOST = 65536 };
  struct target *t = r->t;
  int n = STATEMENTS_DEFAULT, rc = value_int(r->info, KEYWORD_statement_cache_size, &n, r->fault);

  if (rc) return rc;
  if (n < 0 || n > STATEMENTS_MOST)
    return conninfo_fault(r->info, KEYWORD_statement_cache_size, "must be 0 (none has a name) to 65536", r->fault);
  t->statement_names = !conninfo_text(r->info, KEYWORD_statement_cache_size) ? TARGET_NAMES_AUTO
                       : n == 0                                              ? TARGET_NAMES_NEVER
                                                                             : TARGET_NAMES_ALWAYS;
  t->statements_max = n ? (uint32_t)n : STATEMENTS_DEFAULT;
  return 0;
}

typedef int resolve_step(struct resolver *r);

static int run_steps(struct resolver *r) {
  static resolve_step *const steps[] = {
      mode_decide,      service_load,       mode_finish,    defaults_apply,   defaults_refuse, mode_auth,
      endpoint_resolve, hosts_resolve,      endpoint_dial,  set_user,         set_encoding,    set_protocol,
      set_choices,      set_socket_options, set_scram_keys, set_oauth,        set_statements,  tls_resolve,
      mode_refuse,      passwords_load,     names_resolve,  settings_complete};
  int rc = 0;

  for (size_t i = 0; rc == 0 && i < sizeof steps / sizeof steps[0]; i++) rc = steps[i](r);
  return rc;
}

static int resolve(struct resolver *r, const dsql_config *c) {
  int rc = find_home(r);

  if (rc == 0 && c->target) rc = conninfo_parse(r->info, c->target, r->fault);
  if (rc == 0) rc = config_apply(r, c);
  if (rc == 0) rc = run_steps(r);
  return rc ? rc : config_limits(r, c);
}

int target_resolve(struct target **out, const dsql_alloc *alloc, const struct target_env *env, const dsql_config *c,
                   struct fault *f) {
  dsql_config full;
  struct resolver r = {.env = env ? env : target_env_os(), .fault = f};
  int rc;

  *out = NULL;
  rc = config_read(&full, c, f);
  if (rc) return rc;
  r.t = mem_zalloc(alloc, sizeof *r.t);
  if (!r.t) return out_of_memory(f);
  r.t->alloc = *alloc;
  r.t->refs = 1;
  r.config = &full;
  r.info = &r.t->info;
  conninfo_init(r.info, &r.t->alloc);
  rc = resolve(&r, &full);
  if (rc)
    target_unref(r.t);
  else
    *out = r.t;
  return rc;
}
