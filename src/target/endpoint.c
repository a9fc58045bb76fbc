/* endpoint.c - DSQL mode: which host is dialed, verified, sent as SNI and signed for.
 *
 *                                       dialed                          SNI, verified   signed for
 *   public, PrivateLink with            hostaddr, connect_host,         host            sign_host, else host
 *   private DNS                         else host
 *   PrivateLink without private DNS:    hostaddr, else connect_host     connect_host    sign_host, else host; its id goes
 *   sslmode=verify-ca, connect_host                                                     into the option amzn-cluster-id
 *
 * (Aurora DSQL User Guide, "Managing and connecting to Amazon Aurora DSQL clusters using AWS PrivateLink".) */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "target/endpoint_name.h"
#include "target/internal.h"
#include "target/values.h"

enum { TOKEN_DURATION_MAX_S = 604800 };

static dsql_str view(const struct conninfo *c, enum keyword k) {
  return (dsql_str){c->values[k].text, c->values[k].len};
}

static int check_single(struct resolver *r) {
  static const enum keyword keywords[] = {KEYWORD_host, KEYWORD_hostaddr, KEYWORD_port};
  const char *host = conninfo_get(r->info, KEYWORD_host);

  for (size_t i = 0; i < 3; i++) {
    const char *text = conninfo_get(r->info, keywords[i]);
    if (text && strchr(text, ','))
      return fault_set(r->fault, DSQL_EUNSUPPORTED, "%s (%s) is a list: DSQL mode takes one host",
                       keyword_table[keywords[i]].name, conninfo_from(r->info, keywords[i]));
  }
  if (host && *host == '/')
    return fault_set(r->fault, DSQL_EUNSUPPORTED, "host (%s) is a Unix-domain socket: DSQL mode needs a TCP host",
                     conninfo_from(r->info, KEYWORD_host));
  return hosts_check_port(r);
}

/* What stands for a name may be the tail of a password that was cut by an '@' in it. */
static int name_fault(struct resolver *r, enum keyword k) {
  static const char wanted[] = "must be a host name";

  if (!conninfo_text(r->info, KEYWORD_password)) return conninfo_fault(r->info, k, wanted, r->fault);
  return fault_set(r->fault, DSQL_EINVAL, "invalid %s value (not shown, %s): %s", keyword_table[k].name,
                   conninfo_from(r->info, k), wanted);
}

static int normalise(struct resolver *r, enum keyword k) {
  struct conninfo_value *v = &r->info->values[k];
  int rc;

  if (!v->len) return 0;
  rc = hosts_check_name(r, k);
  if (rc) return rc;
  endpoint_normalise(v->text, &v->len);
  return !v->len || endpoint_is_name(view(r->info, k)) ? 0 : name_fault(r, k); /* nothing but dots is nothing */
}

static int need_host(struct resolver *r) {
  const char *sign = conninfo_text(r->info, KEYWORD_sign_host);

  if (conninfo_text(r->info, KEYWORD_host)) return 0;
  if (sign) return conninfo_set_from(r->info, KEYWORD_host, sign, CONNINFO_DERIVED, r->fault, "sign_host");
  return fault_set(r->fault, DSQL_EINVAL,
                   "DSQL mode needs a host: the cluster's host name (<id>.dsql.<region>.on.aws) or its id (26 "
                   "lower-case letters and digits)");
}

static int check_sslmode(struct resolver *r) {
  const char *mode = conninfo_get(r->info, KEYWORD_sslmode);

  if (strcmp(mode, "verify-full") == 0) return 0;
  r->private_link = strcmp(mode, "verify-ca") == 0 && conninfo_text(r->info, KEYWORD_connect_host);
  if (r->private_link) return 0;
  return conninfo_fault(r->info, KEYWORD_sslmode,
                        "DSQL mode takes verify-full only, its default: remove sslmode (verify-ca is for a PrivateLink "
                        "endpoint without private DNS, named by connect_host)",
                        r->fault);
}

static int expand(struct resolver *r, enum keyword k) {
  const char *id = conninfo_text(r->info, k), *region = conninfo_text(r->info, KEYWORD_region);
  enum conninfo_source source = r->info->values[k].source;
  char host[ENDPOINT_ID_SIZE + sizeof ".dsql..on.aws" + 64];

  if (!id || !endpoint_is_cluster_id(view(r->info, k))) return 0;
  assert(region && strlen(region) <= 64); /* region_resolve() has seen to it */
  (void)snprintf(host, sizeof host, "%.26s.dsql.%.64s.on.aws", id, region);
  return conninfo_set_from(r->info, k, host, source, r->fault, "cluster id: %s; region: %s", conninfo_from(r->info, k),
                           conninfo_from(r->info, KEYWORD_region));
}

static int set_sign_host(struct resolver *r) {
  int rc = 0;

  if (!conninfo_text(r->info, KEYWORD_sign_host))
    rc = conninfo_set_from(r->info, KEYWORD_sign_host, conninfo_get(r->info, KEYWORD_host), CONNINFO_DERIVED, r->fault,
                           "host");
  return rc;
}

/* Without private DNS the server can't tell the cluster from SNI, which names the endpoint. */
static int add_cluster_id(struct resolver *r) {
  static const char option[] = "-c amzn-cluster-id=";
  const char *sign = conninfo_get(r->info, KEYWORD_sign_host), *options = conninfo_text(r->info, KEYWORD_options);
  dsql_str id = {sign, strcspn(sign, ".")};
  struct buf text;
  int rc;

  if (!endpoint_is_cluster_id(id))
    return fault_set(
        r->fault, DSQL_EINVAL,
        "sslmode=verify-ca with connect_host (PrivateLink without private DNS) needs the cluster's id: set "
        "sign_host to <id>.dsql.<region>.on.aws");
  if (options && strstr(options, "amzn-cluster-id=")) return 0;
  buf_init(&text, &r->t->alloc, SIZE_MAX / 2);
  if (options) buf_printf(&text, "%s ", options);
  buf_put_str(&text, option);
  buf_put(&text, id.ptr, id.len);
  buf_put_u8(&text, '\0');
  if (!buf_ok(&text))
    rc = out_of_memory(r->fault);
  else
    rc = conninfo_set_from(r->info, KEYWORD_options, (const char *)text.data,
                           options ? r->info->values[KEYWORD_options].source : CONNINFO_DERIVED, r->fault,
                           "%s%ssign_host", options ? conninfo_from(r->info, KEYWORD_options) : "",
                           options ? ", and " : "");
  buf_deinit(&text);
  return rc;
}

static int set_duration(struct resolver *r) {
  int seconds = 0, rc = value_int(r->info, KEYWORD_token_duration_secs, &seconds, r->fault);

  if (rc) return rc;
  if (seconds < 1 || seconds > TOKEN_DURATION_MAX_S)
    return conninfo_fault(r->info, KEYWORD_token_duration_secs, "must be 1 to 604800 seconds (a week)", r->fault);
  r->t->token_duration_s = (uint32_t)seconds;
  return 0;
}

int endpoint_resolve(struct resolver *r) {
  static const enum keyword names[] = {KEYWORD_host, KEYWORD_sign_host, KEYWORD_connect_host};
  int rc;

  if (!r->t->dsql) return 0;
  rc = check_single(r);
  for (size_t i = 0; rc == 0 && i < 3; i++) rc = normalise(r, names[i]);
  if (rc == 0) rc = need_host(r);
  if (rc == 0) rc = check_sslmode(r);
  if (rc == 0) rc = region_resolve(r);
  if (rc == 0) rc = expand(r, KEYWORD_host);
  if (rc == 0) rc = expand(r, KEYWORD_sign_host);
  if (rc == 0) rc = set_sign_host(r);
  if (rc == 0 && r->private_link) rc = add_cluster_id(r);
  r->t->region = conninfo_text(r->info, KEYWORD_region);
  r->t->sign_host = conninfo_text(r->info, KEYWORD_sign_host);
  return rc ? rc : set_duration(r);
}

int endpoint_dial(struct resolver *r) {
  const char *connect = conninfo_text(r->info, KEYWORD_connect_host);
  struct target_host *h = r->t->hosts;
  char *copy;

  if (!connect) return 0;
  if (h->hostaddr && !r->private_link)
    return fault_set(r->fault, DSQL_EINVAL, "connect_host (%s) and hostaddr (%s) both say where to connect: give one",
                     conninfo_from(r->info, KEYWORD_connect_host), conninfo_from(r->info, KEYWORD_hostaddr));
  copy = mem_strdup(&r->t->alloc, connect);
  if (!copy) return out_of_memory(r->fault);
  if (r->private_link) {
    mem_free(&r->t->alloc, h->host);
    h->host = copy;
  } else if (hosts_numeric_address(connect)) {
    h->hostaddr = copy;
  } else {
    h->dial_name = copy;
  }
  return 0;
}
