/* connect.h - from a target to a session that is ready: hosts in turn, encryption attempts in turn on each, one deadline
 * over all.
 *
 *   step        on success            on failure
 *   PASSWORD    TLS_LOAD              the end
 *   TLS_LOAD    TRANSPORT             next attempt of the plan, else next host
 *   TRANSPORT   SESSION               the same; when nothing answered at all: next host
 *   SESSION     ready: done           misled (session.h): the same attempt, without going ahead; ErrorResponse: next attempt of the plan; 57P03 and a wrong kind of server: next
 *                                     host; any other: the end. Broken stream: next attempt, next host; unless
 *                                     operations rode along and may have run: the end, with IN_DOUBT
 *   any         -                     deadline: the end
 *
 * PASSWORD is there for targets with a password source (an IAM token). When the server says that the token is too old,
 * the whole is repeated once with a fresh one. */
#ifndef DSQL_CONN_CONNECT_H
#define DSQL_CONN_CONNECT_H

#include "auth/scram.h"
#include "conn/password.h"
#include "conn/target_object.h"
#include "conn/transport.h"
#include "net/phases.h"
#include "tls/sslmode.h"
#include "tls/tls.h"

struct dsql_conn;
struct derive_work;

struct connect {
  struct transport *transport;
  struct password_waiter password_waiter;
  struct buf password; /* of the source, with its NUL */
  bool password_renewed;
  bool password_fresh; /* it was waited for, so it is not one that was kept */
  struct tls_waiter tls_waiter;
  struct tls_context *tls; /* of this attempt; referenced, also for CancelRequests */
  struct derive_work *derive;
  struct rt_timer timer; /* the earlier of the two deadlines; 0: none */
  uint64_t deadline_ms, host_deadline_ms;
  size_t *order;    /* of the hosts */
  size_t host_at;   /* index into order */
  bool second_pass; /* prefer-standby found none: any will do */
  struct sslmode_plan plan;
  unsigned attempt;
  struct buf report; /* what failed so far */
  int last_code, last_os_error;
  bool over_tls;   /* this attempt's link is encrypted */
  bool was_misled; /* this connection has gone ahead in vain: it does not try again */
  struct socket_address address;
  unsigned round_trips;
  struct phases phases;
  uint8_t binding[TLS_END_POINT_MAX];
};

#endif
