/* Comes first in every layer's include path, so that only the layers that may use libuv can include it. */
#pragma GCC system_header
#ifdef DSQL_MAY_INCLUDE_UV
#include_next <uv.h>
#else
#error "this layer may not include <uv.h>: see cmake/DsqlLayer.cmake"
#endif
