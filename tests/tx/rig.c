#include "rig.h"

struct rig r;

static void observe(const dsql_tx_event *e, void *arg) {
  struct rig *rig = arg;
  rig->events++;
  rig->event = *e;
  rig->event_code = e->error->code;
}

void rig_open(const char *target_options) {
  dsql_target *target;
  memset(&r, 0, sizeof r);
  peer_open(&r.p, target_options);
  target = client_target_config(&r.p.x, &r.p.config);
  r.pool = standin_new(r.p.x.rt, target, 1, NULL);
  dsql_target_free(target);
  dsql_tx_options_init(&r.options);
  r.options.scratch_size = 16;
  r.options.observer = observe;
  r.options.observer_arg = &r;
}

void rig_close(void) {
  if (r.pool) standin_close(r.pool);
  peer_close(&r.p);
}

void rig_accept(void) {
  peer_accept(&r.p, &r.p.main);
  cr_assert_not(peer_startup(&r.p, &r.p.main));
  peer_send(&r.p, "R0 K Z:I");
}

dsql_step rig_body(dsql_tx *tx, const void *in, void *scratch) {
  const struct rig_step *s = &r.steps[dsql_tx_step(tx)];
  unsigned char *bytes = scratch;

  r.bodies++;
  r.last_step = dsql_tx_step(tx);
  r.last_attempt = dsql_tx_attempt(tx);
  r.in_seen = in;
  cr_assert_lt(r.last_step, RIG_STEPS);
  if (r.last_step == 0)
    for (size_t i = 0; i < 16; i++) r.marks += bytes[i] != 0;
  memset(bytes, 0x5a, 16);
  if (s->call) s->call(tx);
  for (int i = 0; i < 4 && s->sql[i]; i++) (void)dsql_tx_query(tx, s->sql[i], DSQL_NO_PARAMS);
  return s->then == DSQL_ABORT ? dsql_tx_abort(tx, s->app_code) : s->then;
}

dsql_future *rig_start(void) {
  dsql_future *f = dsql_run_transaction(r.pool, rig_body, &r, &r.options);
  cr_assert_not_null(f);
  cr_assert_eq(r.bodies, 0, "the body runs inside the call");
  return f;
}

void rig_two_flights(void) {
  r.steps[0] = (struct rig_step){.sql = {"read"}, .then = DSQL_WAIT};
  r.steps[1] = (struct rig_step){.sql = {"write"}, .then = DSQL_COMMIT};
}

void rig_sql_is(size_t n, const char *sql) {
  size_t len;
  const uint8_t *body = peer_body(&r.p, n, &len);
  cr_assert_eq(body[0], 0, "a statement without a name");
  cr_assert_str_eq((const char *)body + 1, sql);
}

void rig_answer_read(void) {
  peer_expect(&r.p, READ_FLIGHT);
  peer_send(&r.p, READ_ANSWER);
}

void rig_answer_rollback(void) {
  peer_expect(&r.p, "PBES");
  rig_sql_is(0, "ROLLBACK");
  peer_send(&r.p, "1 2 C:ROLLBACK Z:I");
}
