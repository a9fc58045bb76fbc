/* Whether the server still is what target_session_attrs asks for, without a round trip: since PostgreSQL 14 it reports
 * in_hot_standby and default_transaction_read_only, when they have changed together with the next ReadyForQuery; an older
 * one, or a pooler, is found out by what it answers to a write (25006). One that says FATAL is on its way out (57P01). */
#include "conn/conn.h"
#include "conn/startup.h"

static void unfit(struct dsql_conn *c) {
  if (c->unfit) return;
  c->unfit = true;
  conn_tell_owner(c);
}

void conn_judge_parameters(struct dsql_conn *c) {
  struct fault f = {0};

  c->session.retold = false;
  if (c->status == DSQL_CONN_READY && c->session_live && startup_judge_reported(c, &f) && f.code) unfit(c);
}

void conn_judge_error(struct dsql_conn *c, const uint8_t *body, size_t n) {
  enum target_session_attrs want = c->target->target->session_attrs;
  dsql_str state;

  if (c->status != DSQL_CONN_READY) return;
  if (c->session.fatal_seen) unfit(c);
  if (want != TARGET_SESSION_READ_WRITE && want != TARGET_SESSION_PRIMARY) return;
  state = error_body_field(body, n, 'C');
  if (state.len == 5 && memcmp(state.ptr, "25006", 5) == 0) unfit(c);
}

bool conn_alone_unfit(const struct dsql_conn *c) {
  enum target_session_attrs want = c->target->target->session_attrs;
  dsql_str standby = dsql_conn_parameter(c, "in_hot_standby");

  if (c->session.fatal_seen) return true; /* each hears its own */
  if (want != TARGET_SESSION_READ_WRITE && want != TARGET_SESSION_PRIMARY) return false;
  return standby.len == 3 && memcmp(standby.ptr, "off", 3) == 0;
}
