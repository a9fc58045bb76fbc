/* Reading a connection's state, and its callbacks. */
#include <stdlib.h>
#include <string.h>

#include "conn/conn.h"
#include "wire/trace.h"

enum dsql_conn_status dsql_conn_status(const dsql_conn *c) {
  if (c->status == DSQL_CONN_READY && c->preparing) return DSQL_CONN_CONNECTING;
  if (c->status == DSQL_CONN_READY && conn_draining(c)) return DSQL_CONN_DRAINING;
  return c->status;
}

enum dsql_tx_status dsql_conn_tx_status(const dsql_conn *c) {
  if (!c->session_live || c->status != DSQL_CONN_READY) return DSQL_TX_UNKNOWN;
  return (enum dsql_tx_status)c->session.tx_status;
}

dsql_str dsql_conn_parameter(const dsql_conn *c, const char *name) {
  dsql_str v = c->session_live && name ? parameters_get(&c->session.parameters, name) : (dsql_str){NULL, 0};
  return v.ptr ? v : (dsql_str){"", 0};
}

int32_t dsql_conn_backend_pid(const dsql_conn *c) { return c->session_live ? (int32_t)c->session.backend_pid : 0; }

/* "18.4 (Debian ...)" is 180004, "9.6.24" 90624: as server_version_num has it. */
unsigned dsql_conn_server_version(const dsql_conn *c) {
  dsql_str v = dsql_conn_parameter(c, "server_version");
  unsigned part[3] = {0}, n = 0;

  for (size_t i = 0; i < v.len && n < 3; i++) {
    if (v.ptr[i] >= '0' && v.ptr[i] <= '9' && part[n] < 10000)
      part[n] = part[n] * 10 + (unsigned)(v.ptr[i] - '0');
    else if (v.ptr[i] == '.')
      n++;
    else
      break;
  }
  return part[0] >= 10 ? part[0] * 10000 + part[1] : part[0] * 10000 + part[1] * 100 + part[2];
}

bool dsql_conn_tls(const dsql_conn *c) { return c->link && c->session_live && c->connect.over_tls; }

const dsql_error *dsql_conn_error(const dsql_conn *c) {
  return c->status == DSQL_CONN_FAILED && c->error ? &c->error->pub : NULL;
}

dsql_rt *dsql_conn_rt(const dsql_conn *c) { return c->rt; }
void dsql_conn_set_user_data(dsql_conn *c, void *data) { c->user_data = data; }
void *dsql_conn_user_data(const dsql_conn *c) { return c->user_data; }

void dsql_conn_stats_get(const dsql_conn *c, dsql_conn_stats *out, size_t size) {
  const uint64_t *us = c->connect.phases.us;
  dsql_conn_stats full = {.connect_round_trips = c->connect_round_trips,
                          .connect_us = c->connect_us,
                          .prepare_us = (uint32_t)us[PHASE_PREPARE],
                          .dns_us = (uint32_t)us[PHASE_DNS],
                          .socket_us = (uint32_t)us[PHASE_SOCKET],
                          .sslrequest_us = (uint32_t)us[PHASE_SSLREQUEST],
                          .tls_us = (uint32_t)us[PHASE_TLS],
                          .auth_us = (uint32_t)us[PHASE_AUTH]};
  struct link_stats link = {0};

  if (size > sizeof full) size = sizeof full;
  full.size = size;
  if (c->link) link_stats_get(c->link, &link);
  full.bytes_sent = link.bytes_sent;
  full.bytes_received = link.bytes_received;
  full.writes = link.writes;
  full.reads = link.reads;
  memcpy(out, &full, size);
}

void dsql_conn_on_notice(dsql_conn *c, dsql_notice_fn fn, void *arg) {
  c->notice_fn = fn;
  c->notice_arg = arg;
}

/* ---- trace ---- */

enum { TRACE_LINE_MAX = 1024 * 1024 };

void conn_trace(void *arg, bool from_server, const uint8_t *message, size_t n) {
  struct dsql_conn *c = arg;
  struct buf line;

  if (!c->trace_fn) return;
  buf_init(&line, rt_alloc(c->rt), TRACE_LINE_MAX);
  if (from_server)
    trace_backend(&line, message, n);
  else if (n && message[0] == 0) /* the length's first byte: no type */
    trace_startup(&line, message, n);
  else
    trace_frontend(&line, message, n);
  /* Out of memory or a monster: what fits is shown. */
  if (line.len) c->trace_fn((const char *)line.data, line.len, c->trace_arg);
  buf_deinit(&line);
}

void dsql_conn_on_trace(dsql_conn *c, dsql_trace_fn fn, void *arg) {
  c->trace_fn = fn;
  c->trace_arg = arg;
  if (!c->session_live) return;
  c->session.config.trace = fn ? conn_trace : NULL;
  c->session.config.trace_arg = c;
}
