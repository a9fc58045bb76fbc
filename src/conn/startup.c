#include "conn/startup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "auth/require_auth.h"
#include "conn/ahead.h"

/* getrandom(2) blocks only before the kernel's pool is first filled, and is whole for sizes up to 256. False: the kernel
 * has no such call, or a sandbox forbids it. */
static bool random_bytes(void *out, size_t n) {
  ssize_t got;
  do {
    got = getrandom(out, n, 0);
  } while (got < 0 && errno == EINTR);
  return got == (ssize_t)n;
}

void startup_host_order(const struct target *t, size_t *order) {
  for (size_t i = 0; i < t->host_count; i++) order[i] = i;
  if (!t->load_balance_random) return;
  for (size_t i = t->host_count; i > 1; i--) {
    uint64_t r;
    size_t j, swap = order[i - 1];
    if (!random_bytes(&r, sizeof r)) return; /* in order is as good an order as any */
    j = (size_t)(r % i);
    order[i - 1] = order[j];
    order[j] = swap;
  }
}

void startup_sslmode_request(const struct target *t, const struct target_host *h, struct sslmode_request *out) {
  *out = (struct sslmode_request){.mode = t->sslmode,
                                  .direct = t->sslnegotiation == TARGET_NEGOTIATE_DIRECT,
                                  .unix_socket = h->unix_socket,
                                  .roots = SSLMODE_ROOTS_UNSET};
  if (t->sslrootcert_system) {
    /* As a default the system's store goes with any mode; given by name it forces verify-full, which the target has
     * seen to already. */
    out->roots = t->sslmode == DSQL_SSL_VERIFY_FULL ? SSLMODE_ROOTS_SYSTEM : SSLMODE_ROOTS_UNSET;
  } else if (t->sslrootcert) {
    out->roots = SSLMODE_ROOTS_FILE;
    out->root_file_exists = true;
  }
}

static int option(uint32_t value) { return value ? (int)value : -1; }

static const char *host_name(const struct target_host *h) { return h->host ? h->host : h->hostaddr; }

void startup_transport_params(struct dsql_conn *c, const struct target_host *h, struct transport_params *out) {
  const struct target *t = c->target->target;
  uint64_t seed = 0;

  if (t->load_balance_random && !random_bytes(&seed, sizeof seed)) seed = 0;
  out->dial = (struct dial_params){.host = h->dial_name ? h->dial_name : h->host,
                                   .hostaddr = h->hostaddr,
                                   .unix_path = h->unix_socket ? h->socket_path : NULL,
                                   .port = h->port,
                                   .shuffle = t->load_balance_random,
                                   .random = seed,
                                   .options = {.keepalive = t->keepalives,
                                               .keepalive_idle_s = option(t->keepalives_idle_s),
                                               .keepalive_interval_s = option(t->keepalives_interval_s),
                                               .keepalive_count = option(t->keepalives_count),
                                               .tcp_user_timeout_ms = option(t->tcp_user_timeout_ms)}};
  out->tls_params = (struct tls_session_params){
      .sni_host = t->sslsni ? h->host : NULL,
      .verify_host = host_name(h),
      .require_alpn = t->sslnegotiation == TARGET_NEGOTIATE_DIRECT,
      .first_group = h->unix_socket ? TLS_GROUP_UNKNOWN : (enum tls_group)rt_hint_get(c->rt, host_name(h), h->port)};
  out->require_peer = t->requirepeer;
}

const struct target_host *startup_host(const struct dsql_conn *c) {
  return &c->target->target->hosts[c->connect.order[c->connect.host_at]];
}

enum { PAIRS_MAX = 8 };

static size_t startup_pairs(const struct target *t, struct wire_pair pairs[PAIRS_MAX]) {
  size_t n = 0;
  const struct wire_pair optional[] = {
      {"options", t->options}, {"application_name", t->application_name}, {"TimeZone", t->timezone}, {"geqo", t->geqo}};
  pairs[n++] = (struct wire_pair){"user", t->user};
  pairs[n++] = (struct wire_pair){"database", t->dbname};
  pairs[n++] = (struct wire_pair){"client_encoding", t->client_encoding ? t->client_encoding : "UTF8"};
  /* The text codecs read ISO dates, whatever a role or a database has for its default. Poolers know this parameter. */
  pairs[n++] = (struct wire_pair){"DateStyle", "ISO"};
  for (size_t i = 0; i < sizeof optional / sizeof optional[0]; i++)
    if (optional[i].value) pairs[n++] = optional[i];
  return n;
}

static void find_binding(void *conn, const uint8_t **data, size_t *len) {
  struct dsql_conn *c = conn;
  struct connect *k = &c->connect;
  struct fault ignored = {0}; /* no binding: the policy decides whether that matters */

  *data = k->binding;
  *len = 0;
  if (!k->over_tls || c->target->target->channel_binding == TARGET_CHANNEL_DISABLE) return;
  if (tls_server_end_point(link_tls(c->link), k->binding, len, &ignored)) *len = 0;
}

/* A cache lives with its password: a source that is this connection's alone has none. */
static struct scram_cache *scram_cache(struct dsql_conn *c) {
  struct scram_cache *cache = &c->target->scram_cache;
  uint8_t random[SCRAM_CACHE_SECRET_SIZE];

  if (c->password_source != c->target->password_source) return NULL;
  if (!cache->enabled && random_bytes(random, sizeof random)) {
    scram_cache_enable(cache, random);
    mem_cleanse(random, sizeof random);
  }
  return cache;
}

int startup_begin_session(struct dsql_conn *c, struct fault *f) {
  static const enum channel_binding bindings[] = {CHANNEL_BINDING_DISABLE, CHANNEL_BINDING_PREFER,
                                                  CHANNEL_BINDING_REQUIRE};
  const struct target *t = c->target->target;
  const struct target_host *h = startup_host(c);
  const char *sourced = c->password_source ? (const char *)c->connect.password.data : NULL;
  bool oauth = password_source_is_oauth(c->password_source);
  const char *password = sourced && !oauth ? sourced : target_password(t, c->connect.order[c->connect.host_at]);
  struct wire_pair pairs[PAIRS_MAX];
  struct session_config config = {.alloc = rt_alloc(c->rt),
                                  .protocol = t->max_protocol,
                                  .protocol_min = t->min_protocol,
                                  .startup = pairs,
                                  .startup_count = startup_pairs(t, pairs),
                                  .user = t->user,
                                  .password = password,
                                  .token = oauth ? sourced : NULL,
                                  .tls = c->connect.over_tls,
                                  .local = h->unix_socket,
                                  .cleartext_without_tls = t->cleartext_without_tls,
                                  .require_auth = REQUIRE_AUTH_ANY,
                                  .channel_binding = bindings[t->channel_binding],
                                  .find_binding = find_binding,
                                  .find_binding_arg = c,
                                  .scram_client_key = t->scram_client_key_set ? t->scram_client_key : NULL,
                                  .scram_server_key = t->scram_server_key_set ? t->scram_server_key : NULL,
                                  .scram_cache = scram_cache(c),
                                  .message_max = t->message_bytes_max,
                                  .hold = t->session_attrs != TARGET_SESSION_ANY || c->target->after_connect,
                                  .trace = c->trace_fn ? conn_trace : NULL,
                                  .trace_arg = c};

  if (t->require_auth) {
    dsql_str methods = {t->require_auth, strlen(t->require_auth)};
    if (require_auth_parse(methods, &config.require_auth, f)) return f->code;
  }
  if (!random_bytes(config.nonce, sizeof config.nonce))
    return fault_set(f, DSQL_EUNSUPPORTED, "no random bytes for the authentication: getrandom(2) failed");
  config.ahead = ahead_guess(c, &config.ahead_method);
  link_adopt(c->link, &conn_link_events, c);
  c->stream_base = link_appended(c->link);
  c->server_error = NULL;
  arena_deinit(&c->error_arena);
  if (session_init(&c->session, &config, &c->queue, link_out(c->link)))
    return fault_set(f, DSQL_ENOMEM, "out of memory for the start-up");
  c->session_live = true;
  link_flush_later(c->link);
  return 0;
}

/* ---- judging the session ---- */

static bool parameter_is(const struct session *s, const char *name, const char *value) {
  dsql_str v = parameters_get(&s->parameters, name);
  return v.ptr && v.len == strlen(value) && memcmp(v.ptr, value, v.len) == 0;
}

int startup_judge(const struct dsql_conn *c, bool standby, bool read_only, struct fault *f) {
  switch (c->target->target->session_attrs) {
    case TARGET_SESSION_READ_WRITE: return read_only ? fault_set(f, DSQL_EIO, "the session is read-only") : 0;
    case TARGET_SESSION_READ_ONLY: return read_only ? 0 : fault_set(f, DSQL_EIO, "the session is not read-only");
    case TARGET_SESSION_PRIMARY: return standby ? fault_set(f, DSQL_EIO, "the server is in hot standby mode") : 0;
    case TARGET_SESSION_STANDBY:
    case TARGET_SESSION_PREFER_STANDBY:
      return standby || c->connect.second_pass ? 0 : fault_set(f, DSQL_EIO, "the server is not in hot standby mode");
    case TARGET_SESSION_ANY: break;
  }
  return 0;
}

bool startup_judge_reported(struct dsql_conn *c, struct fault *f) {
  const struct session *s = &c->session;
  bool standby = parameter_is(s, "in_hot_standby", "on");
  bool read_only = standby || parameter_is(s, "default_transaction_read_only", "on");
  enum target_session_attrs want = c->target->target->session_attrs;

  if (want == TARGET_SESSION_ANY || (want == TARGET_SESSION_PREFER_STANDBY && c->connect.second_pass)) return true;
  if (!parameters_get(&s->parameters, "in_hot_standby").ptr) return false;
  (void)startup_judge(c, standby, read_only, f);
  return true;
}

void startup_remember(struct dsql_conn *c) {
  const struct target_host *h = startup_host(c);
  if (c->connect.over_tls) rt_hint_set(c->rt, host_name(h), h->port, (int)tls_negotiated_group(link_tls(c->link)));
}

unsigned startup_round_trips(const struct session *s) {
  switch (s->method) {
    case AUTH_NONE: return 1;
    case AUTH_SCRAM:
    case AUTH_SCRAM_PLUS: return s->ahead_used ? 2 : 3;
    default: return s->ahead_used ? 1 : 2;
  }
}
