/* trust_store.h - trusted roots by themselves, for another user of OpenSSL in this process: libcurl. Parsing the
 * system's takes OpenSSL 3 some 20 ms, so that it is meant for a worker thread and happens once.
 *
 *   loop:   trust_store_new()     memory from the hook
 *   worker: trust_store_load()    reads files; never calls the hook, which need not be thread-safe
 *   loop:   trust_store_install() any number of times; trust_store_free()
 *
 * The owner hands the store over to the worker and takes it back; it is never used by both at once. */
#ifndef DSQL_TLS_TRUST_STORE_H
#define DSQL_TLS_TRUST_STORE_H

#include <stdbool.h>

#include "base/alloc.h"
#include "base/error.h"

struct trust_store;

/* Whether a library that calls its TLS ssl_version ("OpenSSL/3.0.2") uses this very OpenSSL, so that it can be given
 * its structures. */
bool trust_store_fits(const char *ssl_version);

/* ca_file: PEM, copied; NULL: the system's roots, where SSL_CERT_FILE and SSL_CERT_DIR count. a must outlive it. NULL:
 * no memory. */
struct trust_store *trust_store_new(const dsql_alloc *a, const char *ca_file);
/* Any thread; blocks on files. Once per store. EINVAL (a bad file, named together with the mending), ENOMEM, ETLS.
 * After a failure the store can only be freed. */
int trust_store_load(struct trust_store *s, struct fault *f);
bool trust_store_is_of(const struct trust_store *s, const char *ca_file);
/* Whether the files are others than at the load: the time to load anew. Only stat(2), some microseconds. */
bool trust_store_changed(const struct trust_store *s);
/* Takes the place of the roots of ssl_ctx, an SSL_CTX *, which shares them: it may outlive s. Whether and how a peer is
 * verified is not touched, but that a root need not be self-signed, as everywhere with libcurl. */
void trust_store_install(const struct trust_store *s, void *ssl_ctx);
void trust_store_free(struct trust_store *s); /* NULL is allowed */

#endif
