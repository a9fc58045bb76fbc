#include "session/internal.h"

/* Cuts what was appended into messages for the trace. The StartupMessage has no type byte. */
void session_trace_output(struct session *s, size_t from) {
  const uint8_t *p = s->out->data + from, *end = s->out->data + s->out->len;
  if (!s->config.trace) return;
  while (p < end) {
    bool startup = *p == 0;
    size_t total = (size_t)load_be32(p + (startup ? 0 : 1)) + (startup ? 0 : 1);
    s->config.trace(s->config.trace_arg, false, p, total);
    p += total;
  }
}
