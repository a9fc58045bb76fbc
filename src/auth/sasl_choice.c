#include "auth/sasl_choice.h"

#include <string.h>

#include "auth/oauth.h"
#include "auth/printable.h"
#include "base/cursor.h"

struct offered {
  bool plain, plus, oauth;
};

const char *sasl_mechanism_name(enum scram_mechanism mechanism) {
  return mechanism == SCRAM_SHA_256_PLUS ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256";
}

static bool equals(dsql_str s, const char *name) { return s.len == strlen(name) && memcmp(s.ptr, name, s.len) == 0; }

static int read_list(const struct sasl_offer *o, struct offered *out, struct fault *f) {
  struct cursor c = cursor_of(o->list, o->list_len);
  dsql_str name;

  *out = (struct offered){0};
  while ((name = cursor_cstr(&c)).len > 0) {
    if (equals(name, sasl_mechanism_name(SCRAM_SHA_256))) out->plain = true;
    if (equals(name, sasl_mechanism_name(SCRAM_SHA_256_PLUS))) out->plus = true;
    if (equals(name, OAUTH_MECHANISM)) out->oauth = true;
  }
  return cursor_done(&c) ? 0 : fault_set(f, DSQL_EPROTO, "malformed list of SASL mechanisms in AuthenticationSASL");
}

/* The list's NULs become "?": a name between two of them, which is clear enough. */
static int none_usable(const struct sasl_offer *o, struct fault *f) {
  size_t shown = o->list_len > 2 ? o->list_len - 2 : 0;
  return fault_set(f, DSQL_EAUTH,
                   "none of the server's SASL mechanisms is supported here; it offers \"%s\", and this client can do "
                   "SCRAM-SHA-256, OAUTHBEARER and, unless channel_binding=disable, SCRAM-SHA-256-PLUS",
                   printable_of(o->list, shown).text);
}

/* `require` and PLUS was not possible: says why. */
static int binding_refused(const struct offered *offered, struct fault *f) {
  if (!offered->plus)
    return fault_set(f, DSQL_EAUTH,
                     "channel_binding=require, but the server offers no authentication method with channel binding");
  return fault_set(f, DSQL_EAUTH,
                   "channel_binding=require, but tls-server-end-point is not defined for the server's certificate: its "
                   "signature algorithm names no hash (Ed25519); use an RSA or ECDSA certificate");
}

static int choose_oauth(const struct sasl_offer *o, struct sasl_choice *out, struct fault *f) {
  int rc = require_auth_check(o->require_auth, AUTH_OAUTH, f);

  if (rc == 0) rc = channel_binding_check(o->policy, AUTH_OAUTH, f);
  if (rc) return rc;
  if (!o->have_token)
    return fault_set(
        f, DSQL_EAUTH,
        "the server asks for an OAuth token (OAUTHBEARER), and there is no source of tokens: give the target "
        "one by dsql_oauth_new() of dsql/oauth.h; this library itself does not log in at an OAuth provider");
  *out = (struct sasl_choice){.oauth = true};
  return 0;
}

/* Where both are offered. */
static bool prefer_oauth(const struct sasl_offer *o) {
  bool scram = o->have_password && require_auth_allows(o->require_auth, AUTH_SCRAM);
  return o->have_token && !scram && require_auth_allows(o->require_auth, AUTH_OAUTH);
}

int sasl_choose(const struct sasl_offer *o, struct sasl_choice *out, struct fault *f) {
  bool can_bind = o->tls && o->binding_available && o->policy != CHANNEL_BINDING_DISABLE;
  struct offered offered;
  int rc;

  if (o->policy == CHANNEL_BINDING_REQUIRE && !o->tls)
    return fault_set(f, DSQL_EAUTH, "channel_binding=require, but the connection does not use TLS; set sslmode");
  rc = read_list(o, &offered, f);
  if (rc) return rc;
  if (offered.oauth && ((!offered.plain && !offered.plus) || prefer_oauth(o))) return choose_oauth(o, out, f);
  if (!offered.plain && !offered.plus) return none_usable(o, f);
  rc = require_auth_check(o->require_auth, AUTH_SCRAM, f);
  if (rc) return rc;
  /* An error even with channel_binding=disable, as in libpq: the server takes the client's "n" or "y" for a downgrade. */
  if (offered.plus && !o->tls)
    return fault_set(f, DSQL_EAUTH,
                     "the server offers SCRAM-SHA-256-PLUS over a connection without TLS: something in between has "
                     "taken the encryption off");
  if (offered.plus && can_bind) {
    *out = (struct sasl_choice){SCRAM_SHA_256_PLUS, true, false};
    return 0;
  }
  if (o->policy == CHANNEL_BINDING_REQUIRE) return binding_refused(&offered, f);
  if (!offered.plain) return none_usable(o, f);
  *out = (struct sasl_choice){SCRAM_SHA_256, can_bind, false};
  return 0;
}
