#include "local/lines.h"

#include <string.h>

/* A path as it can stand in a URL's query (RFC 3986, 3.4). */
static void put_url_path(struct buf *out, const char *path) {
  static const char hex[] = "0123456789ABCDEF";
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";

  for (; *path; path++) {
    unsigned char c = (unsigned char)*path;
    if (strchr(plain, c)) {
      buf_put_u8(out, c);
    } else {
      buf_put_u8(out, '%');
      buf_put_u8(out, (uint8_t)hex[c >> 4]);
      buf_put_u8(out, (uint8_t)hex[c & 15]);
    }
  }
}

void lines_target(struct buf *out, const struct ready *r) {
  buf_printf(out, "dsql://%s?hostaddr=127.0.0.1&port=%u&sslrootcert=", r->identity->host, r->port);
  put_url_path(out, r->ca);
}

static void put_export(struct buf *out, const char *name, const char *value) {
  buf_printf(out, "export %s='", name);
  for (; *value; value++) {
    if (*value == '\'')
      buf_put_str(out, "'\\''");
    else
      buf_put_u8(out, (uint8_t)*value);
  }
  buf_put_str(out, "'\n");
}

static void put_export_number(struct buf *out, const char *name, long value) {
  buf_printf(out, "export %s='%ld'\n", name, value);
}

void lines_export(struct buf *out, const struct ready *r) {
  const struct identity *i = r->identity;
  struct buf target;

  put_export(out, "AWS_ACCESS_KEY_ID", i->access_key_id);
  put_export(out, "AWS_SECRET_ACCESS_KEY", i->secret_access_key);
  if (*i->session_token)
    put_export(out, "AWS_SESSION_TOKEN", i->session_token);
  else
    buf_put_str(out, "unset AWS_SESSION_TOKEN\n"); /* one of other credentials would be signed along */
  put_export(out, "AWS_REGION", i->region);
  buf_init(&target, out->alloc, SIZE_MAX / 2);
  lines_target(&target, r);
  buf_put_u8(&target, '\0');
  if (buf_ok(&target)) {
    put_export(out, "DSQL_TARGET", (const char *)target.data);
    put_export(out, "CLUSTER_ENDPOINT", (const char *)target.data); /* what programs for Aurora DSQL look for */
  }
  buf_deinit(&target);
  put_export(out, "CLUSTER_USER", "admin");
  put_export(out, "REGION", i->region);
  put_export(out, "DSQL_LOCAL_HOST", i->host);
  put_export_number(out, "DSQL_LOCAL_PORT", r->port);
  put_export(out, "DSQL_LOCAL_CA", r->ca);
  put_export_number(out, "DSQL_LOCAL_PID", r->pid);
}

void lines_for_people(struct buf *out, const struct ready *r) {
  buf_put_str(out, "Connection string:\n\n  ");
  lines_target(out, r);
  buf_printf(out, "\n\nCA certificate:\n\n  %s\n\nCredentials, for the shells and programs that connect:\n\n", r->ca);
  lines_export(out, r);
  buf_put_str(out, "\nThen, for example:\n\n"
                   "  dsql query \"$DSQL_TARGET\" -c 'select 1 as one'\n"
                   "  PGPASSWORD=\"$(dsql token \"$DSQL_TARGET\")\" psql \"host=$DSQL_LOCAL_HOST hostaddr=127.0.0.1 "
                   "port=$DSQL_LOCAL_PORT user=admin dbname=postgres sslmode=verify-full "
                   "sslrootcert=$DSQL_LOCAL_CA\"\n\n");
  buf_printf(out, "Ctrl-C stops it%s.\n", r->data_dir ? "; the data stays" : " and removes everything");
}
