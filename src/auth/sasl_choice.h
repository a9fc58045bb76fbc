/* sasl_choice.h - which SASL mechanism answers an AuthenticationSASL (Protocol, "SASL Authentication"). */
#ifndef DSQL_AUTH_SASL_CHOICE_H
#define DSQL_AUTH_SASL_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/channel_binding.h"
#include "auth/scram.h"

struct sasl_offer {
  const void *list; /* the message's names, each with a NUL, and the empty name that ends them */
  size_t list_len;
  bool tls;               /* the connection is encrypted by TLS */
  bool binding_available; /* tls-server-end-point is defined for the server's certificate */
  enum channel_binding policy;
  uint32_t require_auth; /* of require_auth_parse() */
  bool have_password;    /* or SCRAM keys */
  bool have_token;       /* an OAuth token, or somewhere to get one */
};

struct sasl_choice {
  enum scram_mechanism mechanism;
  bool binding_supported; /* for struct scram_params */
  bool oauth;             /* OAUTHBEARER in place of SCRAM */
};

/* SCRAM before OAUTHBEARER, if there is a password for it and require_auth lets it; libpq goes by the server's order.
 * EPROTO: the list is malformed. EAUTH: nothing acceptable is offered, or SCRAM-SHA-256-PLUS without TLS, which means
 * that something between here and the server took the encryption off. */
int sasl_choose(const struct sasl_offer *o, struct sasl_choice *out, struct fault *f);

/* "SCRAM-SHA-256-PLUS": for SASLInitialResponse. */
const char *sasl_mechanism_name(enum scram_mechanism mechanism);

#endif
