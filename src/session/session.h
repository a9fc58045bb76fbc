/* session.h - one PostgreSQL session as a pull-style machine: bytes are fed, events are pulled, output is appended.
 * It knows no socket, clock or loop (Protocol, "Message Flow").
 *
 * Phases and what is accepted in each (anything else fails the session with EPROTO; NoticeResponse is accepted everywhere,
 * ParameterStatus from STARTING on, NotificationResponse in READY):
 *
 *   phase          message                       next
 *   AUTHENTICATE   R Ok                          STARTING (if policy allows no authentication)
 *                  R Cleartext, MD5              AUTH_RESULT, password sent
 *                  R SASL                        SASL_CONTINUE, client-first sent
 *                  R SASL (OAUTHBEARER)          OAUTH_SENT, token sent
 *                  v                             AUTHENTICATE (protocol negotiated down)
 *                  E                             FAILED
 *   OAUTH_SENT     R Ok                          STARTING
 *                  R SASLContinue                OAUTH_REFUSED, acknowledged
 *   OAUTH_REFUSED  E                             FAILED
 *   SASL_CONTINUE  R SASLContinue                SASL_DERIVE or SASL_FINAL, client-final sent
 *   SASL_DERIVE    (session_derived)             SASL_FINAL, client-final sent
 *   SASL_FINAL     R SASLFinal                   AUTH_RESULT, server signature verified
 *   AUTH_RESULT    R Ok                          STARTING
 *   STARTING       S K N                         STARTING
 *                  Z                             READY
 *   READY          replies, see op.h             READY
 *   FAILED         -                             -
 *
 * With config.ahead the server's question is not waited for (ahead.c). Until its answers have shown that what was sent
 * is what it asks for, the session is "misled" when they show otherwise, and when an error or the end of the stream
 * comes instead:
 *
 *   AHEAD_NOTHING  R Ok                          STARTING
 *                  R Cleartext, MD5, SASL        FAILED, misled; as in AUTHENTICATE while no operation has left
 *   AHEAD_PASSWORD R Cleartext                   AUTH_RESULT
 *                  R Ok                          STARTING, and from there to UNASKED in place of READY
 *                  R MD5, SASL                   FAILED, misled
 *   AHEAD_SASL     R SASL, the same mechanism    SASL_CONTINUE
 *                  R any other                   FAILED, misled
 *   these three    v, E                          as in AUTHENTICATE
 *   UNASKED        E FATAL 08P01                 FAILED, misled: the server stumbled over the password
 *                  S N A                         UNASKED
 *                  any other                     READY, and it is read there
 *
 * Operations ride: from the final authentication message on (password, MD5 digest, client-final, or AuthenticationOk
 * when nothing was asked) session_gather() moves them to the output, unless the owner wants to look at the session
 * first. None of them runs when the authentication fails. With config.ahead and a password, or nothing, to be sent that
 * is from the first byte on, up to SESSION_AHEAD_MAX bytes. */
#ifndef DSQL_SESSION_SESSION_H
#define DSQL_SESSION_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/channel_binding.h"
#include "auth/scram.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/list.h"
#include "session/op.h"
#include "session/parameters.h"
#include "wire/backend.h"
#include "wire/frontend.h"

/* Everything is borrowed and must live until session_deinit(). */
struct session_config {
  const dsql_alloc *alloc;
  uint32_t protocol; /* WIRE_PROTOCOL_3_0 or _3_2 */
  uint32_t protocol_min;
  const struct wire_pair *startup; /* user, database, ... */
  size_t startup_count;
  const char *user;
  const char *password; /* NULL: none */
  const char *token;    /* OAuth's; NULL: there is none to be had; "": ask the server where tokens come from */
  bool tls;             /* the bytes travel through TLS */
  bool local;           /* a Unix socket: a cleartext password or token does not leave the machine */
  bool cleartext_without_tls;
  uint32_t require_auth; /* mask of require_auth_parse() */
  enum channel_binding channel_binding;
  const uint8_t *binding_data; /* tls-server-end-point; length 0: not available */
  size_t binding_len;
  /* Finds these two when the server offers SASL, because it takes a hash of the certificate; NULL: they are there. */
  void (*find_binding)(void *arg, const uint8_t **data, size_t *len);
  void *find_binding_arg;
  const uint8_t *scram_client_key, *scram_server_key; /* 32 bytes each, or NULL */
  struct scram_cache *scram_cache;                    /* keys of earlier sessions; NULL: none */
  uint8_t nonce[18];                                  /* fresh random bytes */
  size_t message_max;
  bool hold; /* operations do not ride: they wait until session_release() */
  /* Send what this method takes before the server has asked: only over TLS whose peer is who it should be. */
  bool ahead;
  enum auth_method ahead_method; /* AUTH_NONE, AUTH_PASSWORD, AUTH_SCRAM or AUTH_SCRAM_PLUS */
  void (*trace)(void *arg, bool from_server, const uint8_t *message, size_t n); /* NULL: no trace */
  void *trace_arg;
};

enum session_phase {
  SESSION_AHEAD_NOTHING,
  SESSION_AHEAD_PASSWORD,
  SESSION_AHEAD_SASL,
  SESSION_AUTHENTICATE,
  SESSION_OAUTH_SENT,
  SESSION_OAUTH_REFUSED,
  SESSION_SASL_CONTINUE,
  SESSION_SASL_DERIVE,
  SESSION_SASL_FINAL,
  SESSION_AUTH_RESULT,
  SESSION_STARTING,
  SESSION_UNASKED,
  SESSION_READY,
  SESSION_FAILED,
  SESSION_PHASES
};

enum session_event_type {
  EVENT_NONE,
  EVENT_DERIVE,       /* session_derivation_init(), scram_derive() where it may block, then session_derived() */
  EVENT_READY,        /* the session is up */
  EVENT_COLUMNS,      /* op: RowDescription body; len 0 and body NULL for NoData */
  EVENT_STMT_COLUMNS, /* op: the same, of the statement */
  EVENT_STMT_PARAMS,  /* op: body is the big-endian array of its parameters' type OIDs */
  EVENT_PARSED,       /* op: its statement now exists on the server */
  EVENT_ROWS,         /* op: a run of whole DataRow messages, headers included; see session_rows_done() */
  EVENT_COPY,         /* op: the COPY that was planned begins; body of CopyInResponse or CopyOutResponse, checked */
  EVENT_COPY_DATA,    /* op: a run of whole CopyData messages, headers included; see session_rows_done() */
  EVENT_ANSWER,  /* op, which is `whole`: such a run, empty at times, and the EVENT_RESULT behind it; it is consumed */
  EVENT_RESULT,  /* op: a result ended; body is the command tag, empty for EmptyQueryResponse and PortalSuspended */
  EVENT_ERROR,   /* op or NULL: ErrorResponse body, checked */
  EVENT_NOTICE,  /* NoticeResponse body, checked */
  EVENT_NOTIFY,  /* NotificationResponse body, checked */
  EVENT_OP_DONE, /* op: outcome and flags are final; the session has forgotten it */
  EVENT_GROUP_DONE, /* ReadyForQuery was read and all its members were reported */
  EVENT_GROUP_OK,   /* EVENT_GROUP_DONE, and before it an OP_SUCCEEDED for each: session_take_ended() gives them */
  EVENT_FAILED      /* last event: session_fault() tells why */
};

struct session_event {
  enum session_event_type type;
  struct op *op;
  const uint8_t *body;
  size_t len;
  dsql_str tag; /* EVENT_ANSWER */
};

struct session {
  struct session_config config;
  struct buf *out;
  enum session_phase phase;
  const struct fault *fault; /* NULL: none */

  /* Input: what was lent by session_feed() and, before it, bytes kept from earlier (an incomplete message). */
  const uint8_t *view, *view_end;
  struct buf carry;
  size_t carry_pos;
  size_t rows_len;    /* of the run that EVENT_ROWS has shown and that is not consumed yet */
  size_t rows_traced; /* of the next run: shown before, and given back */

  /* Output accounting: positions in the stream of all bytes ever appended to out. */
  uint64_t appended, sent;

  /* Operations: queue -> (gathered) -> inflight -> (ReadyForQuery) -> done */
  struct op_queue *queue; /* the owner's */
  struct list inflight;
  struct list ended; /* members of the group of EVENT_GROUP_OK */
  struct op *at;     /* whose replies are being read; NULL: none in flight, or the group waits for ReadyForQuery */
  int at_index;
  unsigned abandoned; /* groups in flight that nobody waits for: nothing new is written meanwhile */
  unsigned barriers;  /* operations in flight behind which nothing may be sent */
  bool may_send;
  bool group_failed;
  bool group_failed_at_sync;
  bool error_is_proof;                  /* the group's error proves that nothing of it was committed */
  bool error_unknown;                   /* its SQLSTATE says that whether it was committed is not known */
  bool group_unsure;                    /* and neither does the group's end tell */
  bool fatal_seen;                      /* an ErrorResponse of severity FATAL or PANIC: an end of stream follows */
  bool fatal_last;                      /* and it came from the server itself: nothing behind it is run */
  bool finishing;                       /* reporting the members of the group that ReadyForQuery ended */
  bool group_reported, group_abandoned; /* the last member was reported; nobody waited for it */
  bool loss_marked;
  bool reported_failure;
  bool judged;          /* op->in_doubt of all in flight is up to date, */
  uint64_t judged_upto; /* as if this were sent */
  int cause_index;

  /* What the server told. */
  char tx_status;
  uint32_t backend_pid;
  uint8_t *cancel_key; /* secret; from the hook, 0 bytes: none */
  size_t cancel_key_len;
  uint32_t protocol;
  struct parameters parameters;
  bool retold; /* one of them has come; the owner's to clear */

  uint8_t *oauth_document; /* why a token was refused; from the hook, NULL: none */
  size_t oauth_document_len;

  struct scram *scram; /* while it is under way; NULL: not begun, or over */
  bool saw_auth_request, negotiated;
  bool was_ready;          /* EVENT_READY was given */
  bool refused;            /* an ErrorResponse answered the start-up: nothing that rode along was run */
  bool ahead_open;         /* what was sent ahead is not confirmed yet */
  bool ahead_used;         /* it was what the server asked for */
  bool misled;             /* config.ahead was, or may have been, wrong: another attempt should go without */
  bool ride_refused;       /* the answers prove that nothing that rode along was run */
  enum auth_method method; /* that is under way or completed */
};

/* Appends the StartupMessage to out; out may already hold bytes that precede it. 0, ENOMEM, ETOOBIG. */
int session_init(struct session *s, const struct session_config *c, struct op_queue *queue, struct buf *out);
/* None may be in flight: session_take() or session_end() came before. Cleanses what is secret. */
void session_deinit(struct session *s);

/* ---- input ---- */
/* Lends bytes; returns how many were taken (all, or less while an incomplete message is completed first). Pull events
 * until EVENT_NONE, then feed the rest. The bytes must stay until then, or until session_park(). */
size_t session_feed(struct session *s, const uint8_t *p, size_t n);
/* Copies what is lent and not consumed, so that the slab can go (the owner stops pulling: a paused consumer).
 * 0 or ENOMEM, which fails the session. */
int session_park(struct session *s);
/* What may be kept besides one message: the rest of a read. */
enum { SESSION_STORE_MAX = 1024 * 1024 };
/* The largest message before AuthenticationOk, whoever the other end is. */
enum { SESSION_STRANGER_MESSAGE_MAX = 64 * 1024 };
/* True while whole messages may be waiting in the session itself. */
bool session_has_input(const struct session *s);
/* The stream ended (or the owner gives up): every operation, queued ones too, is reported with OP_LOST, then
 * EVENT_FAILED. A fault that the session has already wins. Before EVENT_READY only EVENT_FAILED comes: the owner may
 * session_take_back() the operations for another attempt, or session_surrender() to have them reported as well. */
void session_end(struct session *s, const struct fault *f);
/* Fills ev and returns true, or false when more input is needed. */
bool session_next(struct session *s, struct session_event *ev);
void session_surrender(struct session *s);
/* True when something in flight may have been run although the session never became ready: it must not be repeated. */
bool session_ride_in_doubt(struct session *s);
/* Keeps bytes for later (up to SESSION_STORE_MAX with those lent): the owner's consumer paused before they could be fed.
 * 0 or ENOMEM, which fails the session. */
int session_store(struct session *s, const uint8_t *p, size_t n);
/* Behind EVENT_ROWS and EVENT_COPY_DATA: n bytes of the run were consumed (whole messages); the rest comes in the next
 * one. */
void session_rows_done(struct session *s, size_t n);

/* Behind EVENT_GROUP_OK, until NULL: the members, in order, forgotten by the session. */
struct op *session_take_ended(struct session *s);

/* ---- authentication ---- */
/* The derivation is the caller's: it may outlive the session in another thread. 0, ENOMEM. */
int session_derivation_init(struct session *s, struct scram_derivation *d);
void session_derived(struct session *s, const struct scram_derivation *d); /* appends client-final; may fail */
const struct fault *session_fault(const struct session *s);
/* What the server said about the token that it refused: untrusted, JSON (RFC 7628, section 3.2.2); empty: nothing. */
dsql_str session_oauth_document(const struct session *s);
/* Lets operations go after config.hold. */
void session_release(struct session *s);

/* ---- operations ---- */
/* Moves what may leave to out, up to a soft limit. False when out has failed, and so has the session. */
bool session_gather(struct session *s);
enum { SESSION_GATHER_SOFT_MAX = 64 * 1024 };
/* The first flight, when it goes ahead: within one TLS record, so that a server that refuses it has read it to the end,
 * and no reset takes its words away; and within TCP's first window. */
enum { SESSION_AHEAD_MAX = 12 * 1024 };
bool session_can_gather(const struct session *s);
/* The owner's transport took everything up to this position of the stream. */
static inline void session_sent(struct session *s, uint64_t sent) { s->sent = sent; }
/* Nobody waits for op's group any more. True: it was never sent and is now out of the session, all its members with
 * it, in `dropped`, in order. False: replies are swallowed and EVENT_OP_DONE comes for each. */
bool session_abandon(struct session *s, struct op *op, struct list *dropped);
/* True when op's group is the oldest in flight and nothing was gathered behind it: a CancelRequest hits it or nothing. */
bool session_cancelable(const struct session *s, const struct op *op);
/* Puts what is in flight back to the front of the queue, as it was pushed; only before any reply was read. What was
 * abandoned is not repeated: it goes to `dropped`, with OP_LOST. */
void session_take_back(struct session *s, struct list *dropped);
/* What losing the connection now would leave of op: DSQL_NOT_SENT, DSQL_IN_DOUBT or 0. */
unsigned session_loss_flags(struct session *s, const struct op *op);
/* What no longer waiting for op would leave: what was gathered is sent all the same. To be asked before
 * session_abandon(). */
unsigned session_abandon_flags(struct session *s, const struct op *op);
/* For what is given up although its COMMIT's tag was read: whoever is told of a failure must not take it for undone. */
unsigned session_settled_flags(const struct op *op);
/* ---- COPY FROM STDIN, while op->copy is COPY_SENDING ---- */
/* Opens a CopyData message; the owner appends its payload to out, then closes it at the position that was given. One
 * without payload is taken back. These three return false when out has failed. */
size_t session_copy_open(struct session *s);
bool session_copy_close(struct session *s, size_t from);
bool session_copy_done(struct session *s, struct op *op);
bool session_copy_fail(struct session *s, struct op *op, const char *reason);

void session_terminate(struct session *s); /* appends Terminate when the phase allows one */

#endif
