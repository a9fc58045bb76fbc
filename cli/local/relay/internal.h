/* internal.h - what the files of the relay share. */
#ifndef DSQL_LOCAL_INTERNAL_H
#define DSQL_LOCAL_INTERNAL_H

#include "relay.h"
#include "statement.h"
#include "wire/backend.h"
#include "wire/frontend.h"

/* Text that the server's parser takes and its analysis refuses, with 42703 and this name in the message: not a syntax
 * error, so that an aborted block answers with its own 25P02. Also the name of statements and portals of ours. */
#define RELAY_POISON_NAME "dsql_local_refused"
#define RELAY_POISON "SELECT \"" RELAY_POISON_NAME "\""

/* ---- the reply queue ---- */

enum reply {
  REPLY_PARSE,
  REPLY_BIND,
  REPLY_DESCRIBE,
  REPLY_EXECUTE,
  REPLY_CLOSE,
  REPLY_SYNC,
  REPLY_QUERY,
  REPLY_COPY_END /* CopyDone or CopyFail outside of a COPY that is known to run: has no answer */
};

enum ending {
  ENDING_PLAIN,
  ENDING_POISON, /* the ErrorResponse that names the poison becomes the refusal */
  ENDING_DENY,   /* the CommandComplete (at a Sync: what stands before the ReadyForQuery) becomes the refusal */
  ENDING_CLOSE   /* there, the session closes */
};

struct relay_entry {
  enum reply type;
  enum ending ending;
  uint32_t statement; /* of a Query: how many CommandCompletes come before the one that `ending` means */
  unsigned effect;
  bool swallow;                  /* of our own making: its answer isn't for the client */
  struct relay_refusal *refusal; /* owned; NULL when there is none */
};

/* NULL: no memory, and the relay is closed. Valid until the next push. */
struct relay_entry *queue_push(struct relay *r, enum reply type);
/* The entry that the next answer belongs to, NULL when no answer is due. */
struct relay_entry *queue_head(struct relay *r);
void queue_pop(struct relay *r);
/* After an ErrorResponse to an extended message: what the server skips. */
void queue_skip_to_sync(struct relay *r);
/* The head is in COPY FROM STDIN: drops the Syncs that the server will drop. True: the client has ended it already. */
bool queue_enter_copy(struct relay *r);
/* The server answers all of it without being asked. */
bool queue_ends_group(const struct relay *r);
void queue_free(struct relay *r);
/* Copies the refusal into the entry. False: no memory, closed. */
bool entry_refuse(struct relay *r, struct relay_entry *e, enum ending ending, const struct relay_refusal *refusal);

/* ---- what becomes of a statement or a COMMIT ---- */

enum fate {
  FATE_PASS,
  FATE_HOLD,      /* nothing yet: look again later */
  FATE_FAIL,      /* not applied, and refused */
  FATE_DENY,      /* applied, and refused */
  FATE_ROLL_BACK, /* of a COMMIT: not applied, and its tag says so; no error */
  FATE_CLOSE_BEFORE,
  FATE_CLOSE_AFTER
};

/* chance: one for faults at statements too. */
enum fate fate_of_statement(struct relay *r, unsigned effect, bool chance, uint64_t now_ms, struct relay_refusal *out);
/* in_block: a COMMIT; else the end of an implicit transaction that wrote. Asks for fate_drained() before, if
 * fate_may_stop_commit(). */
enum fate fate_of_commit(struct relay *r, bool in_block, uint64_t now_ms, struct relay_refusal *out);
bool fate_may_stop_commit(const struct relay *r, uint64_t now_ms);
/* True when all that was forwarded is answered. Otherwise has the server send what it has. */
bool fate_drained(struct relay *r);
/* Closes: what was sent is answered no more. */
void relay_shut(struct relay *r, const char *why);

/* ---- texts ---- */

void refusal_set(struct relay_refusal *out, const char *sqlstate, const char *message);
void refusal_occ(struct relay_refusal *out);    /* OC000 */
void refusal_schema(struct relay_refusal *out); /* OC001 */
void refusal_unavailable(struct relay_refusal *out);
void refusal_age(struct relay_refusal *out, uint64_t age_ms, uint64_t limit_ms);

/* ---- messages ---- */

/* Writes the length of the message that began at start; without memory for all of it, none of it is left. */
void relay_end_message(struct buf *out, size_t start);

enum { RELAY_WHOLE_MAX = 16 * 1024 * 1024 }; /* of a server's message that is taken whole */

/* False: held back, nothing was done. The message is whole and within its limit. */
bool relay_on_client(struct relay *r, const struct wire_frame *m, uint64_t now_ms);
bool relay_on_query(struct relay *r, const struct wire_frame *m, uint64_t now_ms);
/* Of a message that streams: false when it isn't for the client. */
bool relay_on_server_header(struct relay *r, uint8_t type);
/* CommandComplete, ErrorResponse, ReadyForQuery. */
void relay_on_server(struct relay *r, const struct wire_frame *m, uint64_t now_ms);

/* The effects whose statements have another text on the server. */
static inline unsigned relay_rewrites(const struct relay *r) {
  return EFFECT_REWRITTEN | (r->options.serializable ? (unsigned)EFFECT_ISOLATES : 0);
}

static inline void relay_forward(struct buf *out, const struct wire_frame *m) {
  buf_put(out, m->body - WIRE_HEADER_SIZE, m->total);
}

#endif
