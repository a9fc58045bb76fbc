/* A signature in the query ("Authenticating Requests: Using Query Parameters"). The session token is signed too. */
#include <stdio.h>

#include "auth/sigv4_steps.h"

struct work {
  struct sigv4_pair *pairs; /* room for the caller's and OWN_MAX of ours */
  size_t count;
  char date[SIGV4_DATE_SIZE], expires[12], signature[SIGV4_HEX_SIZE];
  struct buf credential, canonical;
};

enum { OWN_MAX = 7 };

static void add(struct work *w, const char *name, const char *value) {
  w->pairs[w->count++] = (struct sigv4_pair){name, value};
}

static void add_all(struct work *w, const struct sigv4_presign *p) {
  for (size_t i = 0; i < p->extra_count; i++) w->pairs[w->count++] = p->extra[i];
  add(w, "X-Amz-Algorithm", SIGV4_ALGORITHM);
  add(w, "X-Amz-Credential", (const char *)w->credential.data);
  add(w, "X-Amz-Date", w->date);
  add(w, "X-Amz-Expires", w->expires);
  if (p->keys.session_token && *p->keys.session_token) add(w, "X-Amz-Security-Token", p->keys.session_token);
  add(w, "X-Amz-SignedHeaders", "host");
  sigv4_sort(w->pairs, w->count);
}

static int put_canonical(struct work *w, const struct sigv4_presign *p, const dsql_alloc *alloc, struct fault *f) {
  struct buf query;
  int rc;

  buf_init(&query, alloc, SIGV4_TEXT_MAX);
  query.secret = true;
  sigv4_put_query(&query, w->pairs, w->count);
  rc = buf_ok(&query) ? 0 : sigv4_no_room(&query, f);
  if (!rc) sigv4_put_query_request(&w->canonical, p->host, (const char *)query.data, query.len);
  buf_deinit(&query);
  return rc;
}

static int presign(struct work *w, const struct sigv4_presign *p, const dsql_alloc *alloc, struct buf *out,
                   struct fault *f) {
  size_t len = out->len;
  int rc;

  if (!w->pairs) return fault_set(f, DSQL_ENOMEM, "out of memory");
  buf_put_str(&w->credential, p->keys.access_key_id);
  buf_put_u8(&w->credential, '/');
  sigv4_put_scope(&w->credential, w->date, p->region, p->service);
  buf_put_u8(&w->credential, 0);
  if (!buf_ok(&w->credential)) return sigv4_no_room(&w->credential, f);
  add_all(w, p);
  rc = put_canonical(w, p, alloc, f);
  if (!rc) rc = sigv4_sign_with(&p->keys, w->date, p->region, p->service, &w->canonical, alloc, w->signature, f);
  if (rc) return rc;
  add(w, "X-Amz-Signature", w->signature);
  sigv4_sort(w->pairs, w->count);
  sigv4_put_query(out, w->pairs, w->count);
  if (buf_ok(out)) return 0;
  buf_truncate(out, len);
  return sigv4_no_room(out, f);
}

int sigv4_presign(const struct sigv4_presign *p, const dsql_alloc *alloc, struct buf *out, struct fault *f) {
  struct work w = {0};
  int rc = sigv4_check(&p->keys, p->region, p->service, f);

  if (rc) return rc;
  if (!p->host || !*p->host) return fault_set(f, DSQL_EINVAL, "no host to sign for");
  if (!sigv4_date(p->unix_s, w.date))
    return fault_set(f, DSQL_EINVAL, "the time to sign for (%lld) is not in the years 0 to 9999", (long long)p->unix_s);
  (void)snprintf(w.expires, sizeof w.expires, "%u", (unsigned)p->expires_s);
  buf_init(&w.credential, alloc, SIGV4_TEXT_MAX);
  buf_init(&w.canonical, alloc, SIGV4_TEXT_MAX);
  w.canonical.secret = true;
  w.pairs = mem_alloc(alloc, (p->extra_count + OWN_MAX) * sizeof *w.pairs);
  rc = presign(&w, p, alloc, out, f);
  mem_free(alloc, w.pairs);
  buf_deinit(&w.credential);
  buf_deinit(&w.canonical);
  mem_cleanse(w.signature, sizeof w.signature);
  return rc;
}
