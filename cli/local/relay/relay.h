/* relay.h - one session of `dsql local` behind its authentication: the bytes between a client and a private
 * PostgreSQL, with Aurora DSQL's rules applied to what passes. Sans-I/O: no sockets, no clock; bytes and the time are
 * arguments, what is to be sent is in two buffers. Not thread-safe; a world and its sessions belong to one thread.
 *
 * The front authenticates the client itself, connects to the server, answers the server's authentication and sends
 * AuthenticationOk to the client. The relay begins behind that: the first server bytes it gets are the ParameterStatus
 * messages, BackendKeyData and ReadyForQuery of the start-up (a further AuthenticationOk would pass as it is).
 *
 * Rules of driving it
 *   - relay_client_bytes() and relay_server_bytes() return how many bytes they took, less than n when they hold back:
 *     the other side's buffer is over the high-water mark, a fault stalls, or a message must wait for the answers to
 *     those before it. Offer the rest again, and call relay_client_bytes() also with n = 0: after relay_server_bytes(),
 *     after to_server was drained below the mark, and at relay_wake_ms(). It is always safe to call too often.
 *   - Send to_server and to_client from their fronts: buf_consume() what was sent, or swap the whole struct buf with an
 *     empty one of relay_buf_init(). Stop reading from a socket while the rest of its last bytes is not taken.
 *   - When r->close is set (look after every call): send what is in to_client, then close the client's socket without
 *     another word, and the server's at once. r->why is for the log. Both functions take nothing from then on.
 *   - The client's end, or the server's: flush the other direction, close both, relay_deinit(). (A Terminate of the
 *     client passes to the server, which closes.)
 *   - Out of memory, or bytes that are no protocol, from either side, end in r->close as well.
 *
 * The client is not heard before the server's first ReadyForQuery.
 *
 * What is looked at
 *   Client: every message is taken whole except CopyData, which streams. Server: CommandComplete, ErrorResponse and
 *   ReadyForQuery are taken whole, all else streams. What no rule touches leaves as it came, byte for byte.
 *
 * The reply queue mirrors what was forwarded, so that every answer is known to belong to a message:
 *   Parse '1' | Bind '2' | Describe ['t'] 'T'/'n' | Execute 'C'/'I'/'s' | Close '3' | Sync 'Z' | Query ... 'Z'
 *   An ErrorResponse to any but a Query drops the entries up to the next Sync, as the server skips their messages. A
 *   Sync inside COPY FROM STDIN is dropped, as the server drops it; CopyDone and CopyFail outside of it are ignored.
 *
 * How a statement is refused: the server's transaction state stays the authority. The statement's text in a Query
 * (together with what follows it) becomes RELAY_POISON, which fails in the server's analysis; a Parse, Bind or Execute
 * becomes a Parse of it. The ErrorResponse that names the poison is replaced by ours. So what stands before runs, a
 * block is aborted, a pipeline is skipped to its Sync, and in an aborted block the server's own 25P02 is the answer.
 *
 * How a COMMIT fails: the server gets ROLLBACK in its place, and its CommandComplete becomes the ErrorResponse: the
 * session ends idle. An implicit transaction gets the poison in place of its last statement (Query) or before its Sync.
 * A commit that was applied but is denied: the CommandComplete becomes the ErrorResponse (implicit in a group of
 * extended messages: the ErrorResponse stands before the ReadyForQuery).
 *
 * What the server enforces itself, by the objects of relay_setup_sql (schema dsql_local): one DDL statement per
 * transaction, no DDL with DML, rows and bytes per transaction. Its error texts are DSQL's already.
 *
 * Errors of the server that change: 40001, 40P01 and 55P03 (a lock_timeout that the front sets, so that a writer does
 * not wait for long) become 40001 "change conflicts with another transaction, please retry: (OC000)".
 *
 * Schema changes: world->catalog counts committed transactions with DDL. A session that has not yet seen the last
 * one gets 40001 (OC001) for its next statement, once; ROLLBACK, SET, SHOW, RESET and DEALLOCATE ALL are exempt; a
 * COMMIT is rolled back.
 *
 * Time: a block older than its limit gets 54000 for its next statement, or for its COMMIT, which is rolled back. The
 * age counts from the answer to BEGIN. */
#ifndef DSQL_LOCAL_RELAY_H
#define DSQL_LOCAL_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "fault.h"
#include "names.h"

/* ---- what the front gives the server ---- */

/* Statements for a superuser, run once in the database after initdb (psql -f, or one simple Query); running them again
 * is harmless. They need no parameters and nothing but PostgreSQL 15 or newer. Roles that connect need no grants: the
 * script gives PUBLIC what it needs. */
extern const char relay_setup_sql[];

/* Limits that the server enforces: settings for its command line or configuration (-c dsql_local.row_limit=100), or of
 * a role or database. 0: none. Unset: DSQL's. */
#define RELAY_ROW_LIMIT_SETTING "dsql_local.row_limit"   /* rows per transaction, 3000 */
#define RELAY_SIZE_LIMIT_SETTING "dsql_local.size_limit" /* bytes per transaction, 10485760 */

/* Sessions for which the rules of the server don't hold: the front's own, for its set-up ("1"). */
#define RELAY_EXEMPT_SETTING "dsql_local.exempt"

/* ---- a session ---- */

enum {
  RELAY_MESSAGE_MAX = 10 * 1024 * 1024,
  RELAY_HIGH_WATER = 256 * 1024,
  RELAY_TX_AGE_LIMIT_MS = 300 * 1000,
};

/* Shared by the sessions of one `dsql local`; outlives them. */
struct relay_world {
  uint64_t catalog; /* how many transactions with DDL were committed */
  struct faults faults;
};

void relay_world_init(struct relay_world *w, uint64_t seed);

struct relay_options {
  uint64_t tx_age_limit_ms; /* 0: none */
  size_t message_max;       /* a client's longer message closes the socket without an error; 0: PostgreSQL's 1 GiB */
  size_t high_water;        /* of both output buffers */
  bool serializable;        /* the server's default is SERIALIZABLE: a client's REPEATABLE READ becomes that as well */
};

struct relay_options relay_options_default(void);

/* An error of ours, and a value: copied freely. */
struct relay_refusal {
  char sqlstate[6];
  char message[160];
  char detail[80];  /* "" none */
  const char *hint; /* static text, NULL none */
};

struct relay_queue { /* a ring of entries */
  struct relay_entry *entries;
  size_t cap, first, count;
};

/* The fields are the machine's own but for to_server, to_client, close and why. */
struct relay {
  const dsql_alloc *alloc;
  struct relay_world *world;
  struct relay_options options;
  struct buf to_server, to_client;
  bool close;
  const char *why; /* static text, NULL while open */

  struct relay_queue queue;
  struct names statements, portals; /* what prepared statements and portals do */
  uint64_t catalog_seen;

  struct buf client_part, server_part; /* a message that is not yet whole */
  size_t client_stream, server_stream; /* bytes left of a message that streams */
  bool client_drop, server_drop;       /* it goes nowhere */
  bool starting;                       /* before the first ReadyForQuery: the client is not heard */
  char tx_status;                      /* of the last ReadyForQuery */
  bool block;                          /* inside BEGIN ... COMMIT, as far as was answered */
  uint64_t block_since_ms;             /* when its BEGIN was answered */
  bool tx_ddl;                         /* the open transaction has completed a DDL statement */
  bool wrote;                          /* the open transaction has completed a statement that writes */
  bool group_failed;                   /* an ErrorResponse since the last ReadyForQuery */
  bool parsed;                         /* as forwarded: the group has a Parse */
  bool skipping;                       /* the server skips to a Sync that was not yet forwarded */
  bool discarding;                     /* so will it, or would it have: what the client sends goes nowhere */
  bool copying;                        /* COPY FROM STDIN, and the client has not ended it */
  bool rolled[3];                      /* by fault_point: the waiting message has had its chance */
  struct fault_hit hit[3];             /* what came of it */
  bool flushed;                        /* the waiting message has had a Flush put before it */
  uint64_t stall_until_ms;             /* 0: no stall */
};

/* The options are copied. Takes no memory. */
void relay_init(struct relay *r, const dsql_alloc *alloc, struct relay_world *world, const struct relay_options *o);
void relay_deinit(struct relay *r);
/* An output buffer as the relay wants it, for swapping. */
void relay_buf_init(const struct relay *r, struct buf *b);

/* now_ms: a monotonic clock, the same for all calls. */
size_t relay_client_bytes(struct relay *r, const uint8_t *p, size_t n, uint64_t now_ms);
size_t relay_server_bytes(struct relay *r, const uint8_t *p, size_t n, uint64_t now_ms);
/* When relay_client_bytes() is to be called again though nothing arrived; UINT64_MAX: never. */
uint64_t relay_wake_ms(const struct relay *r);
/* No block is open and no answer is outstanding: a connection that has reached its age may be closed now. */
bool relay_idle(const struct relay *r);

/* ---- for the front: what a StartupMessage and its options may set ---- */

bool relay_parameter_allowed(const char *name, size_t n);
/* The refusal of any other parameter. */
void relay_refuse_parameter(struct relay_refusal *out, const char *name, size_t n);
/* Appends an ErrorResponse; severity is "ERROR" or "FATAL". */
void relay_put_error(struct buf *out, const char *severity, const struct relay_refusal *refusal);

#endif
