/* trace.h - one line per message in the text format of libpq's PQtrace() (PostgreSQL 18, PQTRACE_SUPPRESS_TIMESTAMPS,
 * not PQTRACE_REGRESS_MODE): direction "F" or "B", length without the type byte, message name, fields, tab-separated.
 * Strings stand as they are, newlines included; other bytes that are not printable ASCII as \xNN. Passwords, SASL data,
 * the salt of an md5 request and cancel keys are replaced by "***". */
#ifndef DSQL_WIRE_TRACE_H
#define DSQL_WIRE_TRACE_H

#include "base/buf.h"

/* message: one whole message with its header; the phase of a 'p' message does not matter, its payload is never shown.
 * Appends the line without a newline. A malformed message gives what could be read of it and "malformed message". */
void trace_backend(struct buf *line, const uint8_t *message, size_t n);
void trace_frontend(struct buf *line, const uint8_t *message, size_t n);
/* StartupMessage, SSLRequest, CancelRequest: no type byte. A CancelRequest's key is not shown. */
void trace_startup(struct buf *line, const uint8_t *message, size_t n);
/* The one byte that answers an SSLRequest. */
void trace_ssl_response(struct buf *line, uint8_t reply);

#endif
