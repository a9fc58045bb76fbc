/* common.h - what the examples share: where the cluster is, how a failure is shown, and the tables.
 *
 *   CLUSTER_ENDPOINT   the cluster's host name, or a connection string such as `dsql local` prints
 *   CLUSTER_USER       admin unless set. admin works in the schema public, everybody else in myschema
 *   REGION             not needed where the endpoint's name has it
 *
 * AWS credentials come from where the AWS SDKs look for them. */
#ifndef EXAMPLE_COMMON_H
#define EXAMPLE_COMMON_H

#include <dsql/dsql.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* Says what failed and why; returns the code. */
static inline int failed(const char *what, int code, const dsql_error *e) {
  fprintf(stderr, "%s: %s", what, dsql_error_name(code));
  if (e) fprintf(stderr, ": %.*s", (int)e->message.len, e->message.ptr);
  if (e && e->hint.len) fprintf(stderr, " (%.*s)", (int)e->hint.len, e->hint.ptr);
  fprintf(stderr, "\n");
  return code;
}

/* Waits, for what a program does before it serves anybody. 0, or the code of a failure that has been shown. */
static inline int finish(const char *what, dsql_future *f) {
  int code = dsql_future_run(f);
  if (code) failed(what, code, dsql_future_error(f));
  dsql_future_destroy(f);
  return code;
}

/* Runs on every new session, ahead of everything else. */
static inline dsql_future *use_own_schema(dsql_conn *c, void *arg) {
  (void)arg;
  return dsql_exec(c, "SET search_path = myschema", NULL);
}

/* NULL: the failure has been shown. */
static inline dsql_target *cluster_target(dsql_rt *rt) {
  const char *user = getenv("CLUSTER_USER");
  const dsql_error *error = NULL;
  dsql_target *target;
  dsql_config config;
  int code;

  dsql_config_init(&config);
  config.target = getenv("CLUSTER_ENDPOINT");
  config.user = user && *user ? user : "admin";
  config.region = getenv("REGION");
  if (strcmp(config.user, "admin") != 0) config.after_connect = use_own_schema;
  if (!config.target || !*config.target) {
    fprintf(stderr, "set CLUSTER_ENDPOINT to the cluster's host name, or: eval \"$(dsql local --print-env)\"\n");
    return NULL;
  }
  code = dsql_target_new(&target, rt, &config, &error);
  if (code) failed("CLUSTER_ENDPOINT", code, error);
  return code ? NULL : target;
}

/* ---- the bank: accounts, and a row for every transfer that was made ---- */

enum { OPENING_CENTS = 100000 };

static inline int set_up(dsql_pool *pool, const char *sql, dsql_params params) {
  dsql_tx_options options;
  dsql_tx_options_init(&options);
  options.retries_max = 20;
  options.idempotent = true; /* each of the statements below may run twice */
  return finish(sql, dsql_retry_statement(pool, sql, params, &options));
}

/* Accounts 1 to `accounts`; what is there already stays. Each DDL statement is a transaction of its own, as Aurora DSQL
 * wants it. 0 or a code. */
static inline int open_bank(dsql_pool *pool, int64_t accounts) {
  int code =
      set_up(pool, "CREATE TABLE IF NOT EXISTS account (id int8 PRIMARY KEY, cents int8 NOT NULL)", DSQL_NO_PARAMS);

  if (code == 0)
    code = set_up(pool,
                  "CREATE TABLE IF NOT EXISTS transfer (id uuid PRIMARY KEY, payer int8 NOT NULL, "
                  "payee int8 NOT NULL, cents int8 NOT NULL)",
                  DSQL_NO_PARAMS);
  if (code == 0)
    code = set_up(pool, "INSERT INTO account SELECT id, $2 FROM generate_series(1, $1::int8) id ON CONFLICT DO NOTHING",
                  DSQL_PARAMS(dsql_int8(accounts), dsql_int8(OPENING_CENTS)));
  return code;
}

/* A random UUID, version 4. */
static inline int new_id(dsql_uuid *out) {
  int rc = uv_random(NULL, NULL, out->bytes, sizeof out->bytes, 0, NULL);
  out->bytes[6] = (uint8_t)((out->bytes[6] & 0x0f) | 0x40);
  out->bytes[8] = (uint8_t)((out->bytes[8] & 0x3f) | 0x80);
  return rc;
}

#endif
