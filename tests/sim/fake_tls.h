/* fake_tls.h - takes the place of the TLS library on both ends: records are framed, not encrypted, so that a run stays a
 * function of its seed. What the library's rules are about is kept: a record is there as a whole or not at all, the
 * client's first byte of one tells the network nothing about the rest, and the end of the stream is not the session's.
 *
 *   record: its type, its size in 2 bytes, its contents; an SSLRequest may stand ahead of the first one, as it is */
#ifndef DSQL_TEST_SIM_FAKE_TLS_H
#define DSQL_TEST_SIM_FAKE_TLS_H

#include <stddef.h>

#include "base/buf.h"

enum { RECORD_HEAD = 3, RECORD_MAX = 16 * 1024, RECORD_HELLO = 0x16, RECORD_DATA = 0x17, RECORD_CLOSE = 0x15 };

void record_put(struct buf *out, unsigned char type, const void *p, size_t n);
/* The size of the record, or SSLRequest, that begins at p with n bytes; 0: not to be told yet. */
size_t record_size(const unsigned char *p, size_t n);

#endif
