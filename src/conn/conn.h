/* conn.h - one connection: the target's hosts tried in turn (connect.c), then a link below and a session above it,
 * joined by dispatch.c. Loop-affine.
 *
 *   CONNECTING --session ready--> (prepare.c) --> READY --end of stream, failure, drain timeout--> FAILED
 *        \--every host failed--> FAILED                  any --dsql_conn_close()--> closed */
#ifndef DSQL_CONN_CONN_H
#define DSQL_CONN_CONN_H

#include "conn/connect.h"
#include "conn/password.h"
#include "conn/query.h"
#include "conn/stmt.h"
#include "conn/target_object.h"
#include "dsql/listen.h"
#include "net/link.h"
#include "session/session.h"

struct cancel_request;
struct observe_span;

enum conn_preparing {
  PREPARING_NOTHING,
  PREPARING_PROBE, /* what kind of server is it? status is CONNECTING: another host may do */
  PREPARING_HOOK   /* after_connect. status is READY inside, and still CONNECTING to the user */
};

/* Who lends the connection out: its task is queued, while it watches, when the connection is lost, and when a group or a
 * drain has ended, so that it may be quiet now; before it is ready, when conn_takes_riders() may have changed. What was
 * called before that is not taken to another attempt: it fails, DSQL_NOT_SENT and DSQL_CONN_LOST, unless it is in doubt. */
struct conn_owner {
  struct rt_task task;
  bool watching;
};

struct dsql_conn {
  struct dsql_rt *rt;
  struct conn_owner *owner; /* NULL: the user */
  struct dsql_target *target;
  struct rt_closer closer;
  enum dsql_conn_status status; /* CONNECTING, READY or FAILED; draining is asked of the session */
  struct op_queue queue;
  struct connect connect;
  struct password_source *password_source; /* NULL: the target has the password */

  enum conn_preparing preparing;
  struct op_queue prepare_queue; /* what runs ahead of the user's calls: the session is on it meanwhile */
  dsql_future *prepare_future;
  bool in_prepare_call; /* calls made now go to prepare_queue */

  struct link *link;
  struct session session;
  bool session_live;
  struct rt_task pump_task; /* a paused consumer was resumed */
  bool closing;             /* dsql_conn_close() was called inside one of our own calls: finish at its end */
  bool unfit;               /* its server is not (any more) what was asked for, or goes: nobody is to get it next */
  bool shut;                /* by the end of the runtime; the memory is there until the user closes it, too */
  struct dsql_future shell; /* then: what the runtime's end finds and frees */
  int close_code;           /* what its operations end with */
  unsigned busy;            /* depth of calls into the session or of user callbacks: memory must stay */
  uint64_t stream_base;     /* bytes of link_out() before the session's first */

  struct list ready_futures;
  struct arena error_arena;  /* error, group_error */
  const struct error *error; /* why it was lost */
  struct arena group_arena;
  const struct error *group_error;  /* of the group whose members are being reported */
  const struct error *server_error; /* the last ErrorResponse without an operation: explains the end of stream */

  struct query *paused;  /* whose consumer paused: nothing is read */
  bool held;             /* by conn_hold(): the same */
  struct query *copying; /* whose source of data is asked at every flush; or a run of a portal that has paused */
  bool grouping;         /* between pipeline begin and end */
  bool group_broken;     /* a member was canceled: the rest is refused until pipeline end */
  uint64_t group_number;

  struct list portals; /* that are open, of the user's and of a transaction's */
  uint32_t portal_number;
  struct list statements;
  struct statement **statement_table; /* the same, by their dsql_stmt: see stmt.c */
  size_t statement_slots;             /* of the table, a power of two; 0: none yet */
  size_t statements_live;
  unsigned statements_closing; /* whose user is gone, or which had to go */
  bool named;                  /* statements have names: it is a session of our own, as far as is known */
  bool pooled;                 /* the other end is a pooler, which lends us its sessions */
  unsigned surprises;          /* statements that were not there, or there already: signs of an unseen pooler */

  struct rt_timer drain_timer;
  struct rt_timer idle_timer; /* gives OpenSSL's record buffers back */
  uint64_t active_ms;
  struct cancel_request *cancel; /* under way: nothing new is written before its end of stream */
  bool canceled_group;           /* the oldest group in flight got its CancelRequest */
  struct rt_timer cancel_timer;  /* until the next one for the same group */
  unsigned cancel_tries;
  unsigned cancels_sent, cancels_hit; /* of this drain */

  dsql_notice_fn notice_fn;
  void *notice_arg;
  dsql_notify_fn notify_fn;
  void *notify_arg;
  dsql_trace_fn trace_fn;
  void *trace_arg;
  void *user_data;
  struct observe_span *connect_span; /* NULL: it is not connecting, or not observed */
  uint64_t lender_id;                /* the span that its calls are a part of; 0: none */
  uint64_t opened_us;
  uint32_t connect_us, connect_round_trips;
};

/* Has this statement a name on the connection? */
static inline bool conn_names(const struct dsql_conn *c, const struct dsql_stmt *s) {
  return c->named && !(s->nameless && c->pooled);
}

/* ---- dispatch.c: between link and session ---- */
extern const struct link_events conn_link_events;
/* Pulls every event; returns when input runs out or the consumer pauses. */
void conn_pump(struct dsql_conn *c);
void conn_flush_later(struct dsql_conn *c);
/* Decides whether the loop is kept alive and which timers run. */
void conn_update(struct dsql_conn *c);
void conn_enter(struct dsql_conn *c);
void conn_leave(struct dsql_conn *c); /* may free c */
void conn_finish_close(struct dsql_conn *c);
void conn_ready_complete(struct list *node, const struct error *e); /* one of ready_futures */

/* ---- connect.c ---- */
int conn_connect_start(struct dsql_conn *c);
void conn_connect_stop(struct dsql_conn *c);
void conn_attempt_session_failed(struct dsql_conn *c);
void conn_session_ready(struct dsql_conn *c);
/* Back to before the attempt: operations in the queue, no session, no link. */
void conn_connect_reset(struct dsql_conn *c);
/* Operations that rode along may have been run: they are reported, in doubt, and the connection is lost. */
void conn_abandon_ride(struct dsql_conn *c, const struct fault *f);
void conn_derive(struct dsql_conn *c); /* SCRAM's key derivation, in the thread pool */

/* A password is waited for, and no host meanwhile: there is only the deadline of all. */
void conn_connect_wait(struct dsql_conn *c);
/* The password is there: the first host's turn, or that of the one that has refused another. */
void conn_connect_hosts(struct dsql_conn *c);
/* Whichever host it would be: this will not do. */
void conn_connect_failed(struct dsql_conn *c, const struct fault *f);
/* Whether statements may have names: as far as is known before the session is there, and then from what it tells. */
void conn_expect_session(struct dsql_conn *c);
void conn_learn_session(struct dsql_conn *c);
/* The session was judged, and what had to run ahead of the user's calls has run. */
void conn_session_judged(struct dsql_conn *c, const struct fault *f);
void conn_session_open(struct dsql_conn *c);

/* ---- password.c ---- */
/* Goes on with conn_connect_hosts() or conn_connect_failed(), now or later. */
void conn_password_ask(struct dsql_conn *c);
void conn_password_stop(struct dsql_conn *c);
/* For the session that begins: 0. 1: it has expired since, and a new one is asked for as at first. Else the code of f. */
int conn_password_current(struct dsql_conn *c, struct fault *f);
/* The server refused it. True: it was too old, and a fresh one is asked for, once. Else f may get an explanation. */
bool conn_password_refused(struct dsql_conn *c, struct fault *f);

/* ---- prepare.c: between ReadyForQuery and the user's first call ---- */
void conn_prepare_probe(struct dsql_conn *c); /* ends in conn_session_judged(), unless the connection is lost */
void conn_prepare_hook(struct dsql_conn *c);  /* ends in conn_session_open(), unless the connection is lost */
void conn_prepare_stop(struct dsql_conn *c);

/* True when it is ready and nothing is queued, in flight or swallowed. */
static inline bool conn_quiet(const struct dsql_conn *c) {
  return c->session_live && c->status == DSQL_CONN_READY && !c->preparing && c->queue.ops == 0 &&
         !c->session.abandoned && !c->cancel;
}
/* True while it is coming up, what is called at it now leaves with the start-up, and nothing else was called. */
static inline bool conn_takes_riders(const struct dsql_conn *c) {
  return c->session_live && c->status == DSQL_CONN_CONNECTING && c->session.may_send && !c->closing && !c->grouping &&
         c->session.phase != SESSION_FAILED && c->queue.ops == 0;
}
void conn_tell_owner(struct dsql_conn *c);

/* ---- drain.c: swallowing the answers of what was given up ---- */
void conn_start_draining(struct dsql_conn *c);
/* The server has said FATAL: the end of the stream has drain_timeout_ms to come. */
void conn_await_end(struct dsql_conn *c);
/* A group, a CancelRequest or the start-up ended: is the drain over, or can a CancelRequest go out now? */
void conn_drain_step(struct dsql_conn *c, bool group_ended);
bool conn_draining(const struct dsql_conn *c);

/* ---- fitness.c: both may set c->unfit, and then tell the owner ---- */
void conn_judge_parameters(struct dsql_conn *c); /* the server has told some anew */
void conn_judge_error(struct dsql_conn *c, const uint8_t *body, size_t n);
/* Of an unfit one: it may be this session's own doing (SET, BEGIN READ ONLY); else the server has another role by now. */
bool conn_alone_unfit(const struct dsql_conn *c);

/* ---- notify.c ---- */
void conn_on_notify(struct dsql_conn *c, const uint8_t *body, size_t n);
/* Nothing more is read, from the next message on, until conn_unhold(), which goes on from the loop. */
void conn_hold(struct dsql_conn *c);
void conn_unhold(struct dsql_conn *c);

/* ---- lost.c ---- */
/* Why a session that was ready is lost; reports every operation and moves to FAILED. */
void conn_lose(struct dsql_conn *c, const struct fault *f);
/* The same, whatever it is doing: c->error becomes f. For its owner; c stays valid, as a failed one. */
void conn_cut(struct dsql_conn *c, const struct fault *f);
/* The session's EVENT_FAILED: what was lost is reported, now c is FAILED. */
void conn_session_failed(struct dsql_conn *c);
/* c->error is set: fails everything that waits and moves to FAILED. */
void conn_fail(struct dsql_conn *c, const struct error *e);
void conn_drop_session(struct dsql_conn *c);
/* The error that an operation ends with when the connection goes under it. */
const struct error *conn_lost_error(struct dsql_conn *c, struct query *q);

/* ---- open.c, status.c ---- */
/* dsql_conn_open() with the target's, or another, source of passwords (NULL: the target has the password). */
int conn_open(dsql_conn **out, dsql_rt *rt, struct dsql_target *t, struct password_source *password);
void conn_arm_idle(struct dsql_conn *c);
void conn_trace(void *conn, bool from_server, const uint8_t *message, size_t n);

/* ---- cancel.c ---- */
int cancel_send(struct dsql_conn *c);
void cancel_stop(struct dsql_conn *c); /* nobody waits for it any more; it ends by itself */

#endif
