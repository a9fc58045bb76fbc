#include "dsql/oauth.h"

#include <string.h>

#include "auth/oauth.h"
#include "auth/printable.h"
#include "dsql/oauth_source.h"

struct oauth_source {
  struct dsql_auth auth; /* first */
  dsql_oauth_fn want;
  void *arg;
  struct target *target; /* NULL: a pattern */
  struct buf said;       /* what document has its views into */
  struct oauth_document document;
  bool refused;
  bool stranger; /* the document names another issuer than the target does */
};

static struct oauth_source *of(void *first) { return first; }

static dsql_str text(const char *s) { return s ? (dsql_str){s, strlen(s)} : (dsql_str){"", 0}; }

static void ask(dsql_auth_request *q, void *arg) {
  struct oauth_source *o = arg;
  const struct target *t = o->target;
  dsql_oauth_info info = {.size = sizeof info,
                          .issuer = text(t->oauth_issuer),
                          .client_id = text(t->oauth_client_id),
                          .client_secret = text(t->oauth_client_secret),
                          .scope = text(t->oauth_scope),
                          .server_discovery_url = o->document.discovery_url,
                          .server_scope = o->document.scope,
                          .refused = o->refused};

  o->refused = false;
  o->want(q, &info, o->arg);
}

/* A document that is not to be trusted is good for the error's text alone: explain() comes next. */
static void told(struct password_source *s, dsql_str document) {
  struct oauth_source *o = of(s);
  const char *issuer = o->target->oauth_issuer;

  oauth_document_read(document, &o->said, &o->document);
  o->stranger = issuer && o->document.discovery_url.len && !oauth_same_issuer(text(issuer), o->document.discovery_url);
}

static bool refused(struct password_source *s, const dsql_error *e, dsql_str token) {
  struct oauth_source *o = of(s);

  (void)e;
  if (token.len) o->refused = true;
  if (leased_is(&o->auth.leased, token)) lease_invalidate(&o->auth.leased.lease);
  return !o->stranger;
}

static void explain(struct password_source *s, const dsql_error *e, struct buf *out) {
  struct oauth_source *o = of(s);
  const struct oauth_document *d = &o->document;

  (void)e;
  if (d->status.len) buf_printf(out, "it says \"%s\"", printable_of(d->status.ptr, d->status.len).text);
  if (d->discovery_url.len)
    buf_printf(out, "%swants a token of %.*s", out->len ? " and " : "it ",
               d->discovery_url.len < 200 ? (int)d->discovery_url.len : 200, d->discovery_url.ptr);
  if (d->scope.len) buf_printf(out, ", scope \"%s\"", printable_of(d->scope.ptr, d->scope.len).text);
  if (o->stranger) {
    buf_put_str(out, ", which is not the target's oauth_issuer: no token is asked for there");
    o->document = (struct oauth_document){{"", 0}, {"", 0}, {"", 0}};
  }
}

static void free_source(struct password_source *s) {
  struct oauth_source *o = of(s);
  struct dsql_rt *rt = o->auth.leased.rt;

  leased_deinit(&o->auth.leased);
  target_unref(o->target);
  buf_deinit(&o->said);
  mem_free(rt_alloc(rt), o);
}

static const struct password_class class = {.get = leased_get,
                                            .still_good = leased_still_good,
                                            .refused = refused,
                                            .explain = explain,
                                            .free = free_source,
                                            .oauth = true,
                                            .told = told};

static struct oauth_source *make(struct dsql_rt *rt, dsql_oauth_fn want, void *arg) {
  struct oauth_source *o = mem_zalloc(rt_alloc(rt), sizeof *o);

  if (!o) return NULL;
  auth_init(&o->auth, rt, &class, "token", ask, o);
  o->auth.check = oauth_token_check;
  o->want = want;
  o->arg = arg;
  o->document = (struct oauth_document){{"", 0}, {"", 0}, {"", 0}};
  buf_init(&o->said, rt_alloc(rt), 2 * (size_t)OAUTH_DOCUMENT_MAX);
  return o;
}

bool oauth_source_is(const dsql_auth *a) { return a->leased.source.class == &class; }

int oauth_source_for(struct password_source **out, const dsql_auth *pattern, const struct target *t, struct fault *f) {
  const struct oauth_source *p = (const struct oauth_source *)(const void *)pattern;
  struct oauth_source *o = make(pattern->leased.rt, p->want, p->arg);

  *out = NULL;
  if (!o) return fault_set(f, DSQL_ENOMEM, "out of memory");
  o->target = target_ref((struct target *)(uintptr_t)t); /* its count is not its value */
  *out = &o->auth.leased.source;
  return 0;
}

int dsql_oauth_new(dsql_auth **out, dsql_rt *rt, dsql_oauth_fn want, void *arg) {
  struct oauth_source *o;

  if (!out || !rt || !want) return DSQL_EINVAL;
  *out = NULL;
  if (rt_closing(rt)) return DSQL_ECLOSED;
  o = make(rt, want, arg);
  if (!o) return DSQL_ENOMEM;
  *out = &o->auth;
  return 0;
}

/* An empty token is the question. */
void dsql_oauth_discover(dsql_auth_request *q) {
  struct dsql_auth *a = q ? auth_take(q) : NULL;
  if (a) leased_gave(&a->leased, "", 0, leased_now(a->leased.rt).wall_ms, 0);
}
