/* channel_binding.h - the policy `channel_binding=disable|prefer|require` (libpq documentation, "Connection Control
 * Functions"). */
#ifndef DSQL_AUTH_CHANNEL_BINDING_H
#define DSQL_AUTH_CHANNEL_BINDING_H

#include "auth/require_auth.h"
#include "base/error.h"

enum channel_binding { CHANNEL_BINDING_PREFER, CHANNEL_BINDING_DISABLE, CHANNEL_BINDING_REQUIRE };

/* To be asked at each authentication request with the method that it starts, and at AuthenticationOk with the method
 * that was completed: `require` holds only when that was AUTH_SCRAM_PLUS (CVE-2025-49146). 0, EAUTH. */
int channel_binding_check(enum channel_binding policy, enum auth_method method, struct fault *f);

#endif
