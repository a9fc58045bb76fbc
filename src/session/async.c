/* Messages that may arrive at any time (Protocol, "Asynchronous Operations"). */
#include "session/internal.h"

static enum handled parameter_status(struct session *s, const struct wire_frame *m) {
  struct wire_parameter_status status;
  int rc;

  if (wire_decode_parameter_status(m->body, m->len, &status)) return session_fail_malformed(s, m->type);
  rc = parameters_set(&s->parameters, status.name, status.value);
  s->retold = true;
  if (rc == 0) return HANDLED;
  return session_fail(s, rc == DSQL_ENOMEM ? DSQL_ENOMEM : DSQL_EPROTO,
                      rc == DSQL_ENOMEM ? "out of memory for the server's parameters"
                                        : "protocol violation: the server reports more than 64 KiB of parameters");
}

enum handled async_message(struct session *s, const struct wire_frame *m, struct session_event *ev) {
  struct wire_notification notification;

  switch (m->type) {
    case WIRE_PARAMETER_STATUS: return parameter_status(s, m);
    case WIRE_NOTICE_RESPONSE:
      if (wire_check_error(m->body, m->len)) return session_fail_malformed(s, m->type);
      *ev = (struct session_event){.type = EVENT_NOTICE, .body = m->body, .len = m->len};
      return HANDLED_EVENT;
    case WIRE_NOTIFICATION_RESPONSE:
      if (wire_decode_notification(m->body, m->len, &notification)) return session_fail_malformed(s, m->type);
      *ev = (struct session_event){.type = EVENT_NOTIFY, .body = m->body, .len = m->len};
      return HANDLED_EVENT;
    default: return session_fail_unexpected(s, m->type);
  }
}
