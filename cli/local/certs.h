/* certs.h - the endpoint's own certificate authority and its server certificate, as PEM files. */
#ifndef DSQL_CLI_LOCAL_CERTS_H
#define DSQL_CLI_LOCAL_CERTS_H

#include <stdbool.h>

/* In dir: ca.pem and ca.key unless both are there already (10 years), then a new server.pem and server.key for host (1
 * year), all with P-256 keys. Keys are readable by their owner only. False after telling why on standard error. */
bool certs_make(const char *dir, const char *host);

#endif
