/* Comes first in every layer's include path, so that only the layers that may use libcrypto can include it. */
#pragma GCC system_header
#ifdef DSQL_MAY_INCLUDE_CRYPTO
#include_next <openssl/params.h>
#else
#error "this layer may not include <openssl/params.h>: see cmake/DsqlLayer.cmake"
#endif
