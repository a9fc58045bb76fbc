#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "target/internal.h"
#include "target/values.h"

enum { DRAIN_TIMEOUT_MS = 2000, QUEUE_OPS_MAX = 65536, MESSAGE_BYTES_MAX = 0x3FFFFFFF };

static const size_t queue_bytes_default = (size_t)256 << 20, result_bytes_default = (size_t)1 << 30;

/* size is that of the caller's struct, which may be older and shorter, or newer and longer, than ours. */
static void init_sized(void *object, size_t size) {
  assert(object && size >= sizeof size);
  memset(object, 0, size);
  memcpy(object, &size, sizeof size);
}

void dsql_config_init_sized(dsql_config *c, size_t size) { init_sized(c, size); }

void dsql_call_init_sized(dsql_call *o, size_t size) { init_sized(o, size); }

/* What a newer caller has set behind our struct can't be honoured, and must not be dropped silently. */
static bool tail_is_zero(const dsql_config *c) {
  const unsigned char *bytes = (const unsigned char *)c;
  for (size_t i = sizeof *c; i < c->size; i++)
    if (bytes[i]) return false;
  return true;
}

int config_read(dsql_config *full, const dsql_config *c, struct fault *f) {
  const size_t least = offsetof(dsql_config, target) + sizeof c->target;

  if (!c) return fault_set(f, DSQL_EINVAL, "no dsql_config given");
  if (c->size < least)
    return fault_set(f, DSQL_EINVAL, "dsql_config.size is %zu: initialise the struct with dsql_config_init()", c->size);
  if (!tail_is_zero(c))
    return fault_set(f, DSQL_EUNSUPPORTED, "dsql_config has fields that libdsql " DSQL_VERSION_STRING " does not know");
  *full = (dsql_config){0};
  memcpy(full, c, c->size < sizeof *full ? c->size : sizeof *full);
  return 0;
}

static int apply_sslmode(struct resolver *r, enum dsql_sslmode mode) {
  static const char *const names[] = {
      [DSQL_SSL_DISABLE] = "disable", [DSQL_SSL_ALLOW] = "allow",         [DSQL_SSL_PREFER] = "prefer",
      [DSQL_SSL_REQUIRE] = "require", [DSQL_SSL_VERIFY_CA] = "verify-ca", [DSQL_SSL_VERIFY_FULL] = "verify-full"};
  const size_t count = sizeof names / sizeof names[0];

  if (mode == DSQL_SSL_DEFAULT) return 0;
  if ((size_t)mode >= count)
    return fault_set(r->fault, DSQL_EINVAL, "invalid dsql_config.sslmode %d: must be one of enum dsql_sslmode",
                     (int)mode);
  return conninfo_set(r->info, KEYWORD_sslmode, names[mode], strlen(names[mode]), CONNINFO_CONFIG, r->fault);
}

int config_apply(struct resolver *r, const dsql_config *c) {
  char port[8], duration[16], statements[16];
  const struct {
    enum keyword keyword;
    const char *value;
  } fields[] = {{KEYWORD_host, c->host},
                {KEYWORD_hostaddr, c->hostaddr},
                {KEYWORD_dbname, c->database},
                {KEYWORD_user, c->user},
                {KEYWORD_password, c->password},
                {KEYWORD_application_name, c->application_name},
                {KEYWORD_port, c->port ? port : NULL},
                {KEYWORD_region, c->region},
                {KEYWORD_profile, c->profile},
                {KEYWORD_sign_host, c->sign_host},
                {KEYWORD_connect_host, c->connect_host},
                {KEYWORD_application_name_prefix, c->application_name_prefix},
                {KEYWORD_token_duration_secs, c->token_duration_s ? duration : NULL},
                {KEYWORD_statement_cache_size, c->statement_cache_size ? statements : NULL}};
  int rc = 0;

  (void)snprintf(port, sizeof port, "%u", (unsigned)c->port);
  (void)snprintf(duration, sizeof duration, "%lu", (unsigned long)c->token_duration_s);
  (void)snprintf(statements, sizeof statements, "%lu",
                 c->statement_cache_size == DSQL_NO_STATEMENT_CACHE ? 0 : (unsigned long)c->statement_cache_size);
  for (size_t i = 0; rc == 0 && i < sizeof fields / sizeof fields[0]; i++) {
    const char *v = fields[i].value;
    if (v) rc = conninfo_set(r->info, fields[i].keyword, v, strlen(v), CONNINFO_CONFIG, r->fault);
  }
  return rc ? rc : apply_sslmode(r, c->sslmode);
}

/* Either of them turns it off. */
static int set_fast_connect(struct resolver *r, const dsql_config *c) {
  static const char *const flags[] = {"0", "1", NULL};
  unsigned fast = 1;
  int rc = value_choice(r->info, KEYWORD_fast_connect, flags, &fast, r->fault);

  r->t->wait_to_be_asked = c->no_fast_connect || fast == 0;
  return rc;
}

int config_limits(struct resolver *r, const dsql_config *c) {
  struct target *t = r->t;

  if (c->message_bytes_max > MESSAGE_BYTES_MAX)
    return fault_set(r->fault, DSQL_EINVAL, "invalid dsql_config.message_bytes_max %zu: must be 1 to %d, or 0",
                     c->message_bytes_max, MESSAGE_BYTES_MAX);
  if (c->connect_timeout_ms) t->connect_timeout_ms = c->connect_timeout_ms;
  t->query_timeout_ms = c->query_timeout_ms;
  t->drain_timeout_ms = c->drain_timeout_ms ? c->drain_timeout_ms : DRAIN_TIMEOUT_MS;
  t->queue_ops_max = c->queue_ops_max ? c->queue_ops_max : QUEUE_OPS_MAX;
  t->queue_bytes_max = c->queue_bytes_max ? c->queue_bytes_max : queue_bytes_default;
  t->result_bytes_max = c->result_bytes_max ? c->result_bytes_max : result_bytes_default;
  t->message_bytes_max = c->message_bytes_max ? c->message_bytes_max : MESSAGE_BYTES_MAX;
  t->cleartext_without_tls = c->cleartext_without_tls;
  return set_fast_connect(r, c);
}
