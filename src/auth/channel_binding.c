#include "auth/channel_binding.h"

int channel_binding_check(enum channel_binding policy, enum auth_method method, struct fault *f) {
  if (policy != CHANNEL_BINDING_REQUIRE || method == AUTH_SCRAM_PLUS) return 0;
  if (method == AUTH_NONE)
    return fault_set(f, DSQL_EAUTH,
                     "channel_binding=require, but the server let the client in without channel binding");
  return fault_set(f, DSQL_EAUTH, "channel_binding=require, but the server asks for %s, which has no channel binding",
                   auth_method_describe(method));
}
