/* listener.h - dsql_listener: one connection, its LISTENs and what is told. The states are those of dsql/listen.h; inside
 * one, one script or ping at a time is under way ("flight").
 *
 *   event              CONNECTING           LISTENING            WAITING     ENDED
 *   flight succeeded   LISTENING, announce  announce, reconcile  -           -
 *   flight failed      lost                 lost                 -           -
 *   connection lost    (the flight tells)   lost                 -           -
 *   notification       tell                 tell                 -           -
 *   timer              lost: ETIMEDOUT      lost, or ping        connect     -
 *   task               -                    announce, reconcile  connect     tell ENDED
 *
 * lost: ENDED when waiting won't mend it, else WAITING. While it is paused the timer only keeps the loop, the connection
 * is held, nothing is announced, and nobody connects.
 *
 * The connection has no owner before the first flight has succeeded, so that the LISTENs, which ride with the start-up,
 * go on to the next host when the first one fails. */
#ifndef DSQL_LISTEN_LISTENER_H
#define DSQL_LISTEN_LISTENER_H

#include "conn/conn.h"
#include "listen/channels.h"
#include "rt/future.h"

struct dsql_listener {
  struct dsql_rt *rt;
  struct dsql_target *target;
  struct dsql_conn *conn; /* CONNECTING and LISTENING */
  struct conn_owner owner;
  dsql_future *flight;
  struct rt_timer timer; /* foreground: it keeps the loop */
  struct rt_task task;
  struct rt_closer closer;
  struct dsql_future shell; /* shut: what the runtime's end finds and frees */
  struct channels channels;
  dsql_listen_fn fn;
  void *arg;
  enum dsql_listener_status status;
  unsigned busy; /* depth of our own calls: memory must stay */
  unsigned row;  /* of failures */
  bool closed, shut, paused;
  bool ended_told;
  struct arena error_arena;
  const struct error *error; /* of the last loss */
  uint64_t heard_ms, flight_due_ms, retry_at_ms;
  uint64_t since_ms, lost_ms; /* the session listens; the last one was lost, or, without one, the listener was made */
  uint64_t ping_interval_ms, ping_timeout_ms, connect_limit_ms, backoff_ms, backoff_max_ms;
  uint64_t notifications, sessions, failures;
};

/* Around whatever may call out. */
void listener_enter(struct dsql_listener *l);
void listener_leave(struct dsql_listener *l); /* may free l */
void listener_arm(struct dsql_listener *l);

/* ---- options.c ---- */
int listener_configure(struct dsql_listener *l, const dsql_listen_options *o); /* EINVAL */

/* ---- session.c ---- */
int listener_connect(struct dsql_listener *l); /* ENOMEM: nothing was begun */
void listener_step(struct dsql_listener *l);   /* the task: whatever is due now */
void listener_on_timer(struct rt_timer *t);
void listener_drop(struct dsql_listener *l); /* the connection, without a word */

/* ---- tell.c: these call out ---- */
void listener_on_notify(dsql_conn *c, const dsql_notification *n, void *arg);
void listener_announce(struct dsql_listener *l); /* what is due */
void listener_tell_lost(struct dsql_listener *l, uint32_t retry_ms);
void listener_tell_ended(struct dsql_listener *l);

#endif
