/* saslprep.h - SASLprep (RFC 4013) of a password, in the form in which PostgreSQL stores it: the server hashes with its
 * own src/common/saslprep.c, so that file's deviations are followed where they change the result. */
#ifndef DSQL_AUTH_SASLPREP_H
#define DSQL_AUTH_SASLPREP_H

#include "base/buf.h"

enum saslprep_verdict {
  SASLPREP_PREPARED,
  SASLPREP_RAW /* not valid UTF-8, prohibited or unassigned (Unicode 3.2) characters, or nothing left: bytes as given */
};

/* Appends the password's form to out, which should be a secret buffer. verdict may be NULL. 0, ENOMEM, ETOOBIG (out's
 * maximum; 12 times the input suffices). libidn normalises non-ASCII text in memory of its own that it frees without
 * overwriting it. */
int saslprep_password(dsql_str password, struct buf *out, enum saslprep_verdict *verdict);

#endif
