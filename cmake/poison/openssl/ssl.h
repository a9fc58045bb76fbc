/* Comes first in every layer's include path, so that only the layers that may use TLS sessions can include it. */
#pragma GCC system_header
#ifdef DSQL_MAY_INCLUDE_SSL
#include_next <openssl/ssl.h>
#else
#error "this layer may not include <openssl/ssl.h>: see cmake/DsqlLayer.cmake"
#endif
