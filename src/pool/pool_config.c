#include <assert.h>
#include <string.h>

#include "dsql/dsql.h"

void dsql_pool_config_init_sized(dsql_pool_config *c, size_t size) {
  assert(c && size >= sizeof size);
  memset(c, 0, size);
  memcpy(c, &size, sizeof size);
}
