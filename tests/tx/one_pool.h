/* one_pool.h - for suites whose every test begins with a pool on the default server, or on the target of $DSQL_TX_TARGET,
 * which fails by design: `dsql local` with conflicts and closes injected. Included once, by the test itself. */
#ifndef DSQL_TEST_ONE_POOL_H
#define DSQL_TEST_ONE_POOL_H

#include <stdlib.h>

#include "client.h"

static struct client x;
static dsql_pool *pool;
static dsql_tx_options options; /* of the pool's transactions */
static unsigned failed_attempts;

static void count_failed(const dsql_tx_event *e, void *arg) {
  (void)e, (void)arg;
  failed_attempts++;
}

static bool is_local(void) { return getenv("DSQL_TX_TARGET") != NULL; }

static void open_pool(uint32_t conns_max, int retries_max, size_t scratch_size) {
  const char *given = getenv("DSQL_TX_TARGET");
  dsql_pool_config c;
  dsql_target *t;

  client_open(&x);
  t = client_target(&x, "%s", given ? given : server_conninfo(server_default()));
  dsql_pool_config_init(&c);
  dsql_tx_options_init(&options);
  options.observer = count_failed;
  options.retries_max = retries_max;
  options.max_delay_ms = 20;
  options.scratch_size = scratch_size;
  c.conns_max = conns_max;
  c.connects_per_s = 10000;
  c.tx = &options;
  failed_attempts = 0;
  cr_assert_eq(dsql_pool_new(&pool, x.rt, t, &c), 0);
  dsql_target_free(t);
}

static void close_pool(void) {
  cr_expect_eq(client_settle(dsql_pool_close(pool, 1000)), 0);
  client_close(&x);
}

#endif
