/* What can be learned before the first query. */
#include <stdio.h>
#include <string.h>

#include "probe.h"
#include "raw.h"

static struct raw raw;
static struct login login;

static void ask_tls(struct probe *p, const char *question, enum raw_way way) {
  const unsigned char *alpn = NULL;
  unsigned n = 0;

  if (!raw_open(&raw, p->target, way)) {
    if (raw.answer && raw.answer != 'S')
      probe_row(p, question, "no", "the answer is '%c'", raw.answer);
    else
      probe_row(p, question, "no", "%s", raw.why);
    raw_close(&raw);
    return;
  }
  SSL_get0_alpn_selected(raw.ssl, &alpn, &n);
  probe_row(p, question, "yes", "%s, %s, ALPN %.*s", SSL_get_version(raw.ssl), SSL_get_cipher_name(raw.ssl),
            n ? (int)n : 4, n ? (const char *)alpn : "none");
  raw_close(&raw);
}

static const char *auth_name(uint32_t code) {
  switch (code) {
    case WIRE_AUTH_OK: return "none";
    case WIRE_AUTH_CLEARTEXT_PASSWORD: return "cleartext password";
    case WIRE_AUTH_MD5_PASSWORD: return "md5";
    case WIRE_AUTH_SASL: return "SASL";
    default: return "another";
  }
}

static void ask_plain_start(struct probe *p) {
  bool ok = raw_ready(&raw, p->target, &login);

  if (login.asked) probe_row(p, "authentication", auth_name(login.auth), "request %u", login.auth);
  if (!ok) {
    probe_unanswered(p, "ParameterStatus", raw.why);
    probe_unanswered(p, "BackendKeyData", raw.why);
  } else {
    probe_row(p, "ParameterStatus", "yes", "%u: %s", login.parameter_count, login.parameters);
    probe_row(p, "BackendKeyData", login.key_len ? "yes" : "no", "pid %u, key of %zu bytes", login.pid, login.key_len);
  }
  raw_close(&raw);
}

static enum raw_way usual_way(const struct probe *p) {
  return p->target->sslnegotiation == TARGET_NEGOTIATE_DIRECT ? RAW_DIRECT : RAW_SSLREQUEST;
}

static void ask_version(struct probe *p, const char *question, uint32_t protocol, const struct wire_pair *extra) {
  if (!raw_open(&raw, p->target, usual_way(p))) {
    probe_unanswered(p, question, raw.why);
  } else if (!raw_login(&raw, p->target, protocol, extra, &login)) {
    probe_row(p, question, "refused", "%s", login.error);
  } else if (login.negotiated) {
    probe_row(p, question, "negotiated", "NegotiateProtocolVersion: %u.%u, %u unknown options, key of %zu bytes",
              login.version >> 16, login.version & 0xffff, login.unknown_options, login.key_len);
  } else {
    probe_row(p, question, "accepted", "without NegotiateProtocolVersion, key of %zu bytes", login.key_len);
  }
  raw_close(&raw);
}

/* The whole first flight in one write, before the server has asked for the password. */
static void ask_early_flight(struct probe *p) {
  static const char question[] = "password and query sent unasked", sql[] = "SELECT 1";
  char error[RAW_TEXT_SIZE] = "";
  struct buf b;
  bool sent;

  if (!raw_open(&raw, p->target, usual_way(p))) {
    probe_unanswered(p, question, raw.why);
    raw_close(&raw);
    return;
  }
  buf_init(&b, &p->target->alloc, 1 << 20);
  raw_put_startup(&b, p->target, WIRE_PROTOCOL_3_0, NULL);
  raw_put_password(&b, p->target);
  wire_query(&b, sql, sizeof sql - 1);
  sent = raw_send(&raw, &b);
  buf_deinit(&b);
  switch (sent ? raw_until(&raw, "CE", RAW_TIMEOUT_MS, error) : RAW_CLOSED) {
    case RAW_MESSAGE: probe_row(p, question, error[0] ? "refused" : "works", "%s", error); break;
    case RAW_CLOSED: probe_row(p, question, "closed", "%s", error); break;
    case RAW_TIMEOUT: probe_row(p, question, "no answer", "within %d ms", RAW_TIMEOUT_MS); break;
  }
  raw_close(&raw);
}

void probe_startup(struct probe *p) {
  const struct wire_pair unknown_option = {"_pq_.libdsql_probe", "1"};

  ask_tls(p, "direct TLS", RAW_DIRECT);
  ask_tls(p, "TLS after SSLRequest", RAW_SSLREQUEST);
  probe_row(p, "GSSENCRequest", "not sent", "the library never sends one");
  ask_plain_start(p);
  ask_version(p, "protocol 3.2", WIRE_PROTOCOL_3_2, NULL);
  ask_version(p, "an unknown protocol option", WIRE_PROTOCOL_3_0, &unknown_option);
  ask_early_flight(p);
}
