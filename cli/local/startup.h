/* startup.h - what a client says first (Protocol, "Message Formats": SSLRequest, GSSENCRequest, CancelRequest,
 * StartupMessage), and what of it goes on to the private server. Pure. */
#ifndef DSQL_CLI_LOCAL_STARTUP_H
#define DSQL_CLI_LOCAL_STARTUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum first_kind {
  FIRST_MORE, /* bytes are missing */
  FIRST_TLS,  /* a TLS ClientHello: direct TLS */
  FIRST_SSL_REQUEST,
  FIRST_GSS_REQUEST,
  FIRST_CANCEL,
  FIRST_STARTUP,
  FIRST_GARBAGE
};

enum {
  STARTUP_MESSAGE_MAX = 10000, /* PostgreSQL's MAX_STARTUP_PACKET_LENGTH */
  STARTUP_NAME_MAX = 63,       /* of a user or database: PostgreSQL's NAMEDATALEN - 1 */
  GSS_REQUEST_CODE = 80877104
};

/* Looks at what has arrived. *total is the length of the whole packet, for all but TLS and FIRST_MORE. */
enum first_kind startup_first(const uint8_t *p, size_t n, size_t *total);

enum startup_verdict {
  STARTUP_OK,
  STARTUP_INVALID,   /* no well-formed message */
  STARTUP_VERSION,   /* a major version other than 3 */
  STARTUP_NO_USER,   /* or an empty one */
  STARTUP_PARAMETER, /* `bad` may not be set */
  STARTUP_OPTIONS,   /* the `options` parameter holds `bad`, which is no -c name=value */
  STARTUP_REPLICATION,
  STARTUP_NO_MEMORY
};

struct startup {
  uint32_t version;
  char user[256], database[256]; /* cut when longer: then no role or database has that name */
  char cluster_id[64];           /* amzn-cluster-id, "" when absent */
  char bad[64];
  struct buf unknown; /* names of the _pq_. options, each with its NUL */
  size_t unknown_count;
  struct buf forward; /* the StartupMessage for the private server, protocol 3.0 */
};

/* allowed says which settings may be given. startup_deinit() in any case. */
enum startup_verdict startup_parse(const uint8_t *p, size_t n, bool (*allowed)(const char *name, size_t n),
                                   const dsql_alloc *alloc, struct startup *out);
void startup_deinit(struct startup *s);

#endif
