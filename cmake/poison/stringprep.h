/* Comes first in every layer's include path, so that only the layers that may use libidn can include it. */
#pragma GCC system_header
#ifdef DSQL_MAY_INCLUDE_IDN
#include_next <stringprep.h>
#else
#error "this layer may not include <stringprep.h>: see cmake/DsqlLayer.cmake"
#endif
