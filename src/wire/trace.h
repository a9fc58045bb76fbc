/* trace.h - one line per message in the text format of libpq's PQtrace() (PQTRACE_SUPPRESS_TIMESTAMPS |
 * PQTRACE_REGRESS_MODE off): direction "F" or "B", length, message name, fields, tab-separated. Passwords and SASL data
 * are replaced by "***". */
#ifndef DSQL_WIRE_TRACE_H
#define DSQL_WIRE_TRACE_H

#include "base/buf.h"

/* message: one whole message with its header; phase of a 'p' message does not matter, its payload is never shown.
 * Appends the line without a newline. Malformed messages give a line that says so. */
void trace_backend(struct buf *line, const uint8_t *message, size_t n);
void trace_frontend(struct buf *line, const uint8_t *message, size_t n);
/* StartupMessage, SSLRequest, CancelRequest: no type byte. A CancelRequest's key is not shown. */
void trace_startup(struct buf *line, const uint8_t *message, size_t n);

#endif
