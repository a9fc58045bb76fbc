/* internal.h - between the files of this layer. */
#ifndef DSQL_SESSION_INTERNAL_H
#define DSQL_SESSION_INTERNAL_H

#include "session/session.h"

/* What a message handler did. */
enum handled {
  HANDLED,       /* consumed, nothing to report */
  HANDLED_EVENT, /* consumed, ev is filled */
  HANDLED_ROWS,  /* ev is filled; the rows stay until session_rows_done() */
  HANDLED_LATER, /* ev is filled; the message is for the next phase, which now is the session's */
  HANDLED_FAIL   /* the session's fault is set */
};

/* Handlers by phase. */
enum handled startup_message(struct session *s, const struct wire_frame *m, struct session_event *ev);
enum handled query_message(struct session *s, const struct wire_frame *m, struct session_event *ev);

/* startup.c, for ahead.c as well. */
struct sasl_choice;
typedef enum handled (*auth_handler)(struct session *s, const struct wire_authentication *a);
enum auth_kind { KIND_OK, KIND_CLEARTEXT, KIND_MD5, KIND_SASL, KIND_CONTINUE, KIND_FINAL, KIND_OTHER, KINDS };
enum handled startup_authentication(struct session *s, const struct wire_authentication *a);
bool startup_allowed(struct session *s, enum auth_method method); /* else the session has failed */
enum handled startup_ok(struct session *s, const struct wire_authentication *a);
enum handled startup_impossible(struct session *s, const struct wire_authentication *a);
int startup_choose(struct session *s, const struct wire_authentication *a, struct sasl_choice *out, struct fault *f);
const struct session_config *startup_find_binding(struct session *s);
/* Output of one message, from out's byte `from` on: checked, accounted for; when it was the last one, operations ride. */
enum handled startup_sent(struct session *s, size_t from, enum session_phase next, bool last);
/* Appends SASLInitialResponse. */
enum handled startup_begin_scram(struct session *s, const struct sasl_choice *choice);
void startup_end_scram(struct session *s); /* cleansed and given back, if it was begun */
void startup_forget_key(struct session *s);
enum handled startup_become_ready(struct session *s, struct session_event *ev);

/* oauth.c: the server asks for config.token, takes it, or refuses it. */
enum handled oauth_begin(struct session *s);
enum handled oauth_ok(struct session *s, const struct wire_authentication *a);
enum handled oauth_refused(struct session *s, const struct wire_authentication *a);
void oauth_forget_document(struct session *s);

/* fast.c. True: ev is filled. False: the messages from s->view on are for the handlers. Asked in phase READY, with
 * nothing carried, no trace and no group finishing. */
bool next_fast(struct session *s, struct session_event *ev);

/* ahead.c. Begins as config.ahead says; what can't be sent is not. ENOMEM, or out's failure. */
int ahead_begin(struct session *s);
extern const auth_handler ahead_handlers[SESSION_AUTHENTICATE][KINDS];
/* An ErrorResponse, or the end of the stream, before the session is up. */
void ahead_learn_error(struct session *s, const uint8_t *body, size_t n);
void ahead_learn_end(struct session *s, int code);
/* ReadyForQuery was read behind an AuthenticationOk that nobody had to ask for. */
enum handled ahead_unasked(struct session *s);
enum handled ahead_unasked_message(struct session *s, const struct wire_frame *m, struct session_event *ev);
/* May the queue's first group still leave? */
bool ahead_has_room(const struct session *s);

bool severity_is_fatal(const uint8_t *body, size_t n);
/* Notices, parameters and notifications, which may come at any time. */
enum handled async_message(struct session *s, const struct wire_frame *m, struct session_event *ev);

/* Is this step the next one of the current operation? */
static inline bool session_expects(const struct session *s, enum op_step step) {
  return s->at && !s->group_failed && op_next_step(s->at) == (unsigned)step;
}
static inline bool session_expects_result(const struct session *s) {
  return session_expects(s, STEP_EXECUTE) || session_expects(s, STEP_SCRIPT);
}

/* The end of the run of whole messages of one type at p, the first of which is known to be whole. */
const uint8_t *query_run_end(const uint8_t *at, const uint8_t *end, size_t max);
void query_trace_run(struct session *s, const uint8_t *at, const uint8_t *end);
/* A DataRow at p, left bytes behind it included: the run of whole rows for the current operation. */
enum handled query_rows(struct session *s, const uint8_t *p, size_t left, struct session_event *ev);

/* copy.c: CopyInResponse or CopyOutResponse, a run of CopyData like query_rows(), CopyDone. */
enum handled copy_begin(struct session *s, const struct wire_frame *m, struct session_event *ev);
enum handled copy_data(struct session *s, const uint8_t *p, size_t left, struct session_event *ev);
enum handled copy_end(struct session *s, const struct wire_frame *m);

/* ReadyForQuery was read: decides about the group, whose members are reported next. */
void ops_begin_finish(struct session *s, char tx_status);
/* Reports the next operation of a finished group, or of a lost session. */
void ops_report_finished(struct session *s, struct session_event *ev);
bool ops_report_lost(struct session *s, struct session_event *ev);
/* Moves `at` to the next operation when nothing more is expected of this one. */
void ops_advance(struct session *s);

/* doubt.c: an ErrorResponse of the oldest group in flight was read; culprit NULL: at its Sync. Before group_failed is
 * set. */
void doubt_learn(struct session *s, const struct op *culprit, bool fatal, const uint8_t *body, size_t n);
/* False for what has no lasting effect, and for what is known to have been committed or rolled back. */
bool doubt_is_possible(const struct op *op);
/* Sets in_doubt of the members of the oldest group, which has failed. */
void doubt_judge_failed_group(struct session *s);

void session_forget_fault(struct session *s);
enum handled session_fail(struct session *s, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
enum handled session_fail_unexpected(struct session *s, uint8_t type);
/* A mistake of the server in a message that was told by its type. */
enum handled session_fail_malformed(struct session *s, uint8_t type);
void session_trace_output(struct session *s, size_t from); /* out's bytes behind `from` */

static inline struct op *op_of(struct list *node) { return LIST_ENTRY(node, struct op, node); }

#endif
