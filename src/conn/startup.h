/* startup.h - what connect.c asks of the target and the session: parameters in, judgement out. */
#ifndef DSQL_CONN_STARTUP_H
#define DSQL_CONN_STARTUP_H

#include "conn/conn.h"

void startup_host_order(const struct target *t, size_t *order);
void startup_sslmode_request(const struct target *t, const struct target_host *h, struct sslmode_request *out);
void startup_transport_params(struct dsql_conn *c, const struct target_host *h, struct transport_params *out);
/* The link is there: begins the session on it. 0 or the fault's code. */
int startup_begin_session(struct dsql_conn *c, struct fault *f);
/* The host whose turn it is. */
const struct target_host *startup_host(const struct dsql_conn *c);
/* target_session_attrs: false when the server did not report what it takes to judge. f: EIO, another host may do. */
bool startup_judge_reported(struct dsql_conn *c, struct fault *f);
/* 0, or EIO: another host may do. */
int startup_judge(const struct dsql_conn *c, bool standby, bool read_only, struct fault *f);
/* Keeps what was learned about the host: which key share it took. */
void startup_remember(struct dsql_conn *c);
unsigned startup_round_trips(const struct session *s);
void startup_forget_derivation(struct dsql_conn *c);

#endif
