/* internal.h - between the files of this layer. */
#ifndef DSQL_SESSION_INTERNAL_H
#define DSQL_SESSION_INTERNAL_H

#include "session/session.h"

/* What a message handler did. */
enum handled {
  HANDLED,       /* consumed, nothing to report */
  HANDLED_EVENT, /* consumed, ev is filled */
  HANDLED_ROWS,  /* ev is filled; the rows stay until session_rows_done() */
  HANDLED_FAIL   /* the session's fault is set */
};

/* Handlers by phase. */
enum handled startup_message(struct session *s, const struct wire_frame *m, struct session_event *ev);
enum handled query_message(struct session *s, const struct wire_frame *m, struct session_event *ev);
/* Notices, parameters and notifications, which may come at any time. */
enum handled async_message(struct session *s, const struct wire_frame *m, struct session_event *ev);

/* A DataRow at p, left bytes behind it included: the run of whole rows for the current operation. */
enum handled query_rows(struct session *s, const uint8_t *p, size_t left, struct session_event *ev);

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

enum handled session_fail(struct session *s, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
enum handled session_fail_unexpected(struct session *s, uint8_t type);
/* A mistake of the server in a message that was told by its type. */
enum handled session_fail_malformed(struct session *s, uint8_t type);
void session_trace_output(struct session *s, size_t from); /* out's bytes behind `from` */

static inline struct op *op_of(struct list *node) { return LIST_ENTRY(node, struct op, node); }

#endif
