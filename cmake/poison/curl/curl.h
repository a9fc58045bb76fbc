/* Comes first in every layer's include path, so that only the layers that may use libcurl can include it. */
#pragma GCC system_header
#ifdef DSQL_MAY_INCLUDE_CURL
#include_next <curl/curl.h>
#else
#error "this layer may not include <curl/curl.h>: see cmake/DsqlLayer.cmake"
#endif
