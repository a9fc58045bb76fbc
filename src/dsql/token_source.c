/* A renewal: credentials from the cache; when the token would end with them, fresh ones first, unless somebody waits; then
 * the signature, which takes no network. */
#include "dsql/token_source.h"

#include <string.h>

#include "auth/token.h"
#include "dsql/clock_hint.h"

enum { TOKEN_MAX = 64 * 1024 };

struct token_source {
  struct leased leased;          /* first */
  struct list node;              /* in the runtime's list */
  char *host, *region, *profile; /* profile NULL: whichever applies */
  bool admin, chain;             /* chain: creds are the default chain's, of that profile */
  uint32_t duration_s;
  struct dsql_credentials *creds;
  struct creds_waiter waiter;
  char *key_id; /* of the credentials that signed the token */
  bool forced;  /* this renewal has asked for fresh credentials */
  bool doubted; /* the server refused what they signed: the next renewal fetches anew */
};

static struct token_source *of_leased(struct leased *l) { return (struct token_source *)(void *)l; }

static struct token_request request(const struct token_source *s, const struct credentials *c, int64_t unix_s) {
  return (struct token_request){.keys = credentials_keys(c),
                                .keys_expire_s = c->expires_s,
                                .host = s->host,
                                .region = s->region,
                                .admin = s->admin,
                                .duration_s = s->duration_s,
                                .unix_s = unix_s};
}

int token_source_sign_at(struct token_source *s, const struct credentials *c, int64_t unix_s, struct buf *out,
                         struct fault *f) {
  struct token_request q = request(s, c, unix_s);
  return token_sign(&q, rt_alloc(s->leased.rt), out, NULL, f);
}

/* ---- renewing ---- */

static void with_credentials(struct token_source *s, const struct credentials *c);
static void without_credentials(struct token_source *s, const struct fault *why);

static void ask(struct token_source *s, bool fresh) {
  const struct credentials *c;
  struct fault f = {0};
  int rc = creds_get(s->creds, fresh, &s->waiter, &c, &f);

  if (rc == 0)
    with_credentials(s, c);
  else if (rc < 0)
    without_credentials(s, &f);
}

/* Fresh ones could not be had: those that are left are better than none. */
static void without_credentials(struct token_source *s, const struct fault *why) {
  const struct credentials *c;
  struct fault ignored = {0};

  if (s->forced && creds_get(s->creds, false, &s->waiter, &c, &ignored) == 0) {
    with_credentials(s, c);
    return;
  }
  if (list_linked(&s->waiter.node)) list_remove(&s->waiter.node);
  leased_failed(&s->leased, why);
}

static void on_credentials(struct creds_waiter *w, const struct credentials *c, const struct fault *f) {
  struct token_source *s = LIST_ENTRY(w, struct token_source, waiter);

  if (c)
    with_credentials(s, c);
  else
    without_credentials(s, f);
}

static bool remember_key(struct token_source *s, const char *key_id) {
  const dsql_alloc *a = rt_alloc(s->leased.rt);

  if (s->key_id && strcmp(s->key_id, key_id) == 0) return true;
  mem_free(a, s->key_id);
  s->key_id = mem_strdup(a, key_id);
  return s->key_id != NULL;
}

static void sign(struct token_source *s, const struct token_request *q) {
  const dsql_alloc *a = rt_alloc(s->leased.rt);
  struct token_made made;
  struct fault f = {0};
  struct buf token;

  buf_init(&token, a, TOKEN_MAX);
  token.secret = true;
  if (!remember_key(s, q->keys.access_key_id)) fault_set(&f, DSQL_ENOMEM, "out of memory for a token");
  if (f.code || token_sign(q, a, &token, &made, &f))
    leased_failed(&s->leased, &f);
  else
    leased_gave(&s->leased, (const char *)token.data, token.len, q->unix_s * 1000, made.expires_s * 1000);
  buf_deinit(&token);
}

static void with_credentials(struct token_source *s, const struct credentials *c) {
  struct token_request q = request(s, c, leased_now(s->leased.rt).wall_ms / 1000);

  bool serving = lease_left_ms(&s->leased.lease, leased_now(s->leased.rt)) > 0;

  /* While a token serves there is time to ask for newer keys; without one, whoever waits is better off with a short
   * token than with a fetch. */
  if (!s->forced && (serving ? token_wants_fresh_keys(&q) : token_needs_fresh_keys(&q))) {
    s->forced = true;
    ask(s, true);
    return;
  }
  sign(s, &q);
}

static void renew(struct leased *l) {
  struct token_source *s = of_leased(l);

  s->forced = s->doubted;
  s->doubted = false;
  ask(s, s->forced);
}

static void stop(struct leased *l) {
  struct token_source *s = of_leased(l);
  if (list_linked(&s->waiter.node)) list_remove(&s->waiter.node);
}

/* ---- as a source of passwords ---- */

/* A token of keys that have been replaced may be refused any time. */
static int get(struct password_source *source, struct password_waiter *w, dsql_str *out, struct fault *f) {
  struct token_source *s = (struct token_source *)(void *)source;
  const char *now = creds_key_id(s->creds);

  if (s->key_id && now && strcmp(s->key_id, now) != 0 && !s->leased.lease.renewing) lease_invalidate(&s->leased.lease);
  return leased_get(source, w, out, f);
}

static bool refused(struct password_source *source, const dsql_error *e, dsql_str password) {
  struct token_source *s = (struct token_source *)(void *)source;

  if (leased_is(&s->leased, password)) lease_invalidate(&s->leased.lease);
  if (clock_hint_is_expiry(e)) return true;
  s->doubted = true; /* rotated or deleted keys look like this */
  return false;
}

static void explain(struct password_source *source, const dsql_error *e, struct buf *out) {
  struct token_source *s = (struct token_source *)(void *)source;
  int64_t skew_s = 0, now_s = leased_now(s->leased.rt).wall_ms / 1000;

  if (!clock_hint_is_expiry(e)) return;
  if (clock_hint_server_time(e, &skew_s))
    skew_s -= now_s;
  else if (!creds_clock_skew(s->creds, &skew_s))
    skew_s = 0;
  clock_hint_explain(skew_s, out);
}

static void free_strings(struct token_source *s) {
  const dsql_alloc *a = rt_alloc(s->leased.rt);
  mem_free(a, s->host);
  mem_free(a, s->region);
  mem_free(a, s->profile);
  mem_free(a, s->key_id);
}

static void source_free_token(struct password_source *source) {
  struct token_source *s = (struct token_source *)(void *)source;
  struct dsql_rt *rt = s->leased.rt;
  void **slot = rt_slot(rt, RT_SLOT_TOKENS);

  leased_deinit(&s->leased);
  list_remove(&s->node);
  if (list_empty(*slot)) {
    mem_free(rt_alloc(rt), *slot);
    *slot = NULL;
  }
  creds_unref(s->creds);
  free_strings(s);
  mem_free(rt_alloc(rt), s);
}

static const struct password_class password_class = {get, leased_still_good, refused, explain, source_free_token, false,
                                                     NULL};
static const struct leased_class leased_class = {renew, stop};

struct password_source *token_source_password(struct token_source *s) {
  return &s->leased.source;
}

struct token_source *token_source_of(struct password_source *s) {
  return s && s->class == &password_class ? (struct token_source *)(void *)s : NULL;
}

struct dsql_credentials *token_source_creds(const struct token_source *s) {
  return s->creds;
}

void token_source_stats(const struct token_source *s, dsql_token_stats *out) {
  struct lease_time now = leased_now(s->leased.rt);
  int64_t left_ms = lease_left_ms(&s->leased.lease, now);
  struct lease_stats fetches;

  creds_stats(s->creds, &fetches);
  out->hits = s->leased.hits;
  out->waits = s->leased.waits;
  out->signings = s->leased.given;
  out->failures = s->leased.failures;
  out->credential_fetches = fetches.renewals + fetches.failures;
  out->credential_failures = fetches.failures;
  out->age_s = left_ms ? lease_age_ms(&s->leased.lease, now) / 1000 : -1;
  out->expires_in_s = left_ms ? left_ms / 1000 : -1;
}

/* ---- sharing ---- */

/* AWS_PROFILE is for the chain to look at: only a profile that was asked for here is all there is. */
static const char *profile_of(const struct target *t) {
  return t->info.values[KEYWORD_profile].source == CONNINFO_ENV ? NULL : t->profile;
}

static bool same(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }

static bool serves(const struct token_source *s, const struct target *t, const struct dsql_credentials *creds) {
  return same(s->host, t->sign_host) && same(s->region, t->region) && s->admin == token_user_is_admin(t->user) &&
         s->duration_s == t->token_duration_s &&
         (creds ? s->creds == creds && !s->chain : s->chain && same(s->profile, profile_of(t)));
}

/* Of another source that has the same chain. */
static int chain_for(struct list *sources, struct dsql_rt *rt, const struct target *t, struct dsql_credentials **out,
                     struct fault *f) {
  for (struct list *n = sources->next; n != sources; n = n->next) {
    struct token_source *s = LIST_ENTRY(n, struct token_source, node);
    if (!s->chain || !same(s->profile, profile_of(t)) || !same(s->region, t->region)) continue;
    *out = creds_ref(s->creds);
    return 0;
  }
  return creds_new_chain(out, rt, NULL, profile_of(t), t->region, f);
}

static char *copy(struct dsql_rt *rt, const char *s, bool *failed) {
  char *out = s ? mem_strdup(rt_alloc(rt), s) : NULL;
  *failed = *failed || (s && !out);
  return out;
}

static int make(struct token_source **out, struct list *sources, struct dsql_rt *rt, const struct target *t,
                struct dsql_credentials *creds, struct fault *f) {
  struct token_source *s = mem_zalloc(rt_alloc(rt), sizeof *s);
  bool failed = false;

  if (!s) return fault_set(f, DSQL_ENOMEM, "out of memory");
  leased_init(&s->leased, rt, &password_class, &leased_class);
  list_init(&s->waiter.node);
  s->waiter.done = on_credentials;
  s->host = copy(rt, t->sign_host, &failed);
  s->region = copy(rt, t->region, &failed);
  s->profile = copy(rt, profile_of(t), &failed);
  s->admin = token_user_is_admin(t->user);
  s->duration_s = t->token_duration_s;
  s->chain = !creds;
  list_init(&s->node);
  if (failed)
    fault_set(f, DSQL_ENOMEM, "out of memory");
  else if (creds)
    s->creds = creds_ref(creds);
  else
    (void)chain_for(sources, rt, t, &s->creds, f);
  list_push_back(sources, &s->node);
  if (!s->creds) {
    password_source_unref(&s->leased.source);
    return f->code;
  }
  *out = s;
  return 0;
}

int token_source_for(struct token_source **out, struct dsql_rt *rt, const struct target *t,
                     struct dsql_credentials *creds, struct fault *f) {
  void **slot = rt_slot(rt, RT_SLOT_TOKENS);
  struct list *sources = *slot;

  if (!sources) {
    sources = *slot = mem_alloc(rt_alloc(rt), sizeof *sources);
    if (!sources) return fault_set(f, DSQL_ENOMEM, "out of memory");
    list_init(sources);
  }
  for (struct list *n = sources->next; n != sources; n = n->next) {
    struct token_source *s = LIST_ENTRY(n, struct token_source, node);
    if (!serves(s, t, creds)) continue;
    password_source_ref(&s->leased.source);
    *out = s;
    return 0;
  }
  return make(out, sources, rt, t, creds, f);
}
