/* listen.h - LISTEN and NOTIFY (PostgreSQL 18 documentation, "LISTEN"; Protocol, "Asynchronous Operations"). Aurora DSQL
 * has neither: dsql_listen() refuses its targets by name.
 *
 * A server keeps no notifications for somebody who is not there. A listener therefore says when it has been away: each
 * channel gets one DSQL_LISTEN_STARTED, and after every lost connection one DSQL_LISTEN_GAP, once its LISTEN has been
 * confirmed (anew). From that event on nothing is missed, so it is the time to read (again) what the channel tells about.
 * Within one session notifications come in the server's order, each once.
 *
 *   status      event                                 next
 *   CONNECTING  every LISTEN was confirmed            LISTENING; STARTED or GAP for each channel
 *               a failure that waiting won't mend     ENDED; DSQL_LISTEN_ENDED. Only before the first session, or when
 *                                                     the server knows no LISTEN (0A000)
 *               any other failure                     WAITING; DSQL_LISTEN_LOST
 *   LISTENING   a channel is added or removed         LISTENING; LISTEN or UNLISTEN is sent; STARTED when confirmed
 *               a notification                        LISTENING; DSQL_LISTEN_NOTIFY
 *               lost, or no answer to a ping          WAITING; DSQL_LISTEN_LOST
 *   WAITING     the pause has passed                  CONNECTING, unless it is paused: when it is resumed
 *   any         the runtime closes                    ENDED; DSQL_LISTEN_ENDED (ECANCELED)
 *               dsql_listener_close()                 gone; no further event
 *
 * One attempt to connect is made at a time. Before the nth in a row there is a pause of backoff_ms * 2^(n-1), at most
 * backoff_max_ms, less up to half of it at random; a session shorter than backoff_max_ms does not end the row. */
#ifndef DSQL_LISTEN_H
#define DSQL_LISTEN_H

#include "dsql/dsql.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- on a connection of one's own ------------------------------------------------------------------------------- */

/* Views, until the callback returns. */
typedef struct dsql_notification {
  dsql_str channel, payload;
  int32_t backend_pid; /* of the session that sent it: dsql_conn_backend_pid() for those of one's own */
} dsql_notification;

/* Called from the loop for every NotificationResponse; may start work and close things. */
typedef void (*dsql_notify_fn)(dsql_conn *c, const dsql_notification *n, void *arg);
/* Without a callback (fn NULL) notifications are dropped. LISTEN and UNLISTEN are statements like others. They last as
 * long as the session, nobody listens again when it is lost, and an idle connection does not keep the loop alive: see
 * dsql_listen(). While a row callback has paused the connection none are read. A pool clears the callback when the
 * connection comes back, and the UNLISTEN is the borrower's business (or reset_sql's). */
DSQL_API void dsql_conn_on_notify(dsql_conn *c, dsql_notify_fn fn, void *arg);

/* ---- a listener: a connection for nothing else, made anew whenever it is lost ------------------------------------- */

typedef struct dsql_listener dsql_listener;

enum dsql_listen_what {
  DSQL_LISTEN_STARTED, /* channel: every notification that is committed from now on is told */
  DSQL_LISTEN_GAP,     /* channel: the same, again; those of the last missed_ms may be missing */
  DSQL_LISTEN_NOTIFY,  /* channel, payload, backend_pid */
  DSQL_LISTEN_LOST,    /* error, retry_ms: there is no connection; the next attempt follows */
  DSQL_LISTEN_ENDED    /* error: the last event. The listener is still to be closed */
};

/* Views, until the callback returns. What an event does not have is zero. */
typedef struct dsql_listen_event {
  enum dsql_listen_what what;
  dsql_str channel, payload;
  int32_t backend_pid;
  uint32_t missed_ms;
  uint32_t retry_ms;
  const dsql_error *error;
} dsql_listen_event;

/* Called from the loop. May add and remove channels, pause, and close the listener, or the runtime. */
typedef void (*dsql_listen_fn)(dsql_listener *l, const dsql_listen_event *event, void *arg);

/* Zero means: the default named here. */
typedef struct dsql_listen_options {
  size_t size;
  uint32_t ping_interval_ms; /* 30,000 without a sign of life, then an empty query is sent; DSQL_NO_LIMIT: never */
  uint32_t ping_timeout_ms;  /* 10,000: for the answer to it, and to a LISTEN; then the connection is lost */
  uint32_t backoff_ms;       /* 100 */
  uint32_t backoff_max_ms;   /* 10,000, or backoff_ms when that is more */
} dsql_listen_options;
DSQL_API void dsql_listen_options_init_sized(dsql_listen_options *o, size_t size);
#define dsql_listen_options_init(o) dsql_listen_options_init_sized((o), sizeof *(o))

/* channel (may be NULL: none yet) is the exact name, 1 to 63 bytes: NOTIFY News, unquoted, goes to "news". o may be NULL.
 * The target's server must be one that accepts LISTEN: a primary, and no pooler that shares sessions. With several hosts,
 * target_session_attrs finds it. The listener keeps the loop alive until it has ended or is closed; every listener must be
 * closed before the runtime has. On failure *error (if asked for) tells why; it lives until the next call on this runtime.
 * EINVAL, EUNSUPPORTED (Aurora DSQL), ENOMEM, ECLOSED (runtime closing). */
DSQL_API DSQL_NODISCARD int dsql_listen(dsql_listener **out, dsql_rt *rt, const dsql_target *t, const char *channel,
                                        dsql_listen_fn fn, void *arg, const dsql_listen_options *o,
                                        const dsql_error **error);
/* One that is there already is left alone. EINVAL (the name), ENOMEM, ECLOSED (it has ended). */
DSQL_API DSQL_NODISCARD int dsql_listener_add(dsql_listener *l, const char *channel);
/* Nothing of it is told any more, at once. EINVAL: there is no such channel. */
DSQL_API DSQL_NODISCARD int dsql_listener_remove(dsql_listener *l, const char *channel);
/* Back-pressure: nothing more is read, so that TCP and then the server hold what comes, until it is resumed; one event
 * that was begun may still be told. A server keeps notifications for its slowest listener, and refuses new ones when its
 * queue is full (8 GB): pause for seconds, not for hours. A connection lost meanwhile is found out at the resumption. */
DSQL_API void dsql_listener_pause(dsql_listener *l);
DSQL_API void dsql_listener_resume(dsql_listener *l);
/* NULL is allowed. l is invalid when the call returns. */
DSQL_API void dsql_listener_close(dsql_listener *l);

enum dsql_listener_status {
  DSQL_LISTENER_CONNECTING,
  DSQL_LISTENER_LISTENING,
  DSQL_LISTENER_WAITING,
  DSQL_LISTENER_ENDED
};
DSQL_API enum dsql_listener_status dsql_listener_status(const dsql_listener *l);

typedef struct dsql_listener_stats {
  size_t size;
  uint64_t notifications; /* told */
  uint64_t sessions;      /* that were listening */
  uint64_t failures;      /* sessions lost, and attempts that gave none */
  uint32_t channels;
  int32_t backend_pid; /* 0 while there is no session */
} dsql_listener_stats;
DSQL_API void dsql_listener_stats_get(const dsql_listener *l, dsql_listener_stats *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
