/* client_startup.c - the StartupMessage and the password: who is it, and may they come in? */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cursor.h"
#include "local/client.h"
#include "local/token_parse.h"
#include "wire/backend.h"
#include "wire/frontend.h"

enum { TEXT_SIZE = 400 };

static const char denied[] = "unable to accept connection, access denied";

static void deny(struct client *c, const char *hint, const char *reason) {
  client_refuse(c, "28000", denied, hint, reason);
}

static void begin_message(struct buf *out, uint8_t type, size_t body) {
  buf_put_u8(out, type);
  buf_put_be32(out, (uint32_t)body + 4);
}

static void refuse_parameter(struct client *c) {
  struct relay_refusal r;
  relay_refuse_parameter(&r, c->startup.bad, strlen(c->startup.bad));
  client_refuse(c, r.sqlstate, r.message, r.hint, NULL);
}

static bool well_formed(struct client *c, enum startup_verdict verdict) {
  char text[TEXT_SIZE];

  switch (verdict) {
    case STARTUP_OK: return true;
    case STARTUP_INVALID: client_refuse(c, "08P01", "invalid startup packet", NULL, NULL); break;
    case STARTUP_VERSION:
      snprintf(text, sizeof text, "unsupported frontend protocol %u.%u: server supports 3.0 to 3.0",
               c->startup.version >> 16, c->startup.version & 0xffff);
      client_refuse(c, "0A000", text, NULL, NULL);
      break;
    case STARTUP_NO_USER:
      client_refuse(c, "28000", "no PostgreSQL user name specified in startup packet", NULL, NULL);
      break;
    case STARTUP_PARAMETER: refuse_parameter(c); break;
    case STARTUP_OPTIONS:
      snprintf(text, sizeof text, "unsupported startup option \"%s\"", c->startup.bad);
      client_refuse(c, "0A000", text, "Only -c name=value is supported.", NULL);
      break;
    case STARTUP_REPLICATION: client_refuse(c, "0A000", "replication connections not supported", NULL, NULL); break;
    case STARTUP_NO_MEMORY: client_drop(c, "out of memory"); break;
  }
  return false;
}

/* The service finds the cluster by the host name in SNI, or, behind an endpoint of another name, by its id in the
 * start-up options (Aurora DSQL User Guide, "Managing and connecting using AWS PrivateLink"). */
static bool right_cluster(struct client *c) {
  const char *sni = tls_front_sni(&c->tls);
  char text[TEXT_SIZE];

  if (*c->startup.cluster_id) {
    if (strcmp(c->startup.cluster_id, c->front->cluster_id) == 0) return true;
    snprintf(text, sizeof text, "amzn-cluster-id is %s, not %s", c->startup.cluster_id, c->front->cluster_id);
    deny(c, NULL, text);
    return false;
  }
  if (sni && strcasecmp(sni, c->front->expected.host) == 0) return true;
  if (!sni) {
    client_refuse(c, "28000", "unable to accept connection, sni was not received", NULL, NULL);
    return false;
  }
  snprintf(text, sizeof text, "the host name in SNI is %.200s, not %s", sni, c->front->expected.host);
  deny(c, NULL, text);
  return false;
}

static bool right_database(struct client *c) {
  char text[TEXT_SIZE];

  if (strcmp(c->startup.database, "postgres") == 0) return true;
  snprintf(text, sizeof text, "database \"%.63s\" does not exist", c->startup.database);
  client_refuse(c, "3D000", text, NULL, NULL);
  return false;
}

static void refuse_rate(struct client *c, const char *reason) {
  client_refuse(c, "53400", "Unable to accept connection, rate exceeded.", NULL, reason);
}

static void refuse_count(struct client *c, const char *reason) {
  client_refuse(c, "53300", "Unable to accept connection, too many open connections.", NULL, reason);
}

static bool within_limits(struct client *c) {
  struct front *f = c->front;

  if (!rate_bucket_take(&f->bucket, uv_now(f->loop))) {
    refuse_rate(c, "the rate limit");
    return false;
  }
  if (f->session_count >= f->options->connections_max) {
    refuse_count(c, "the limit of connections");
    return false;
  }
  return true;
}

/* Options that this server does not know are listed; the client goes on with 3.0 (Protocol, "Message Formats",
 * NegotiateProtocolVersion). */
static void negotiate_version(struct client *c) {
  struct startup *s = &c->startup;
  struct buf out;

  if ((s->version & 0xffff) == 0 && s->unknown_count == 0) return;
  buf_init(&out, c->front->alloc, SIZE_MAX / 2);
  begin_message(&out, WIRE_NEGOTIATE_PROTOCOL_VERSION, 8 + s->unknown.len);
  buf_put_be32(&out, WIRE_PROTOCOL_3_0);
  buf_put_be32(&out, (uint32_t)s->unknown_count);
  buf_put(&out, s->unknown.data, s->unknown.len);
  client_send(c, out.data, out.len);
  buf_deinit(&out);
}

static void ask_password(struct client *c) {
  static const uint8_t request[] = {WIRE_AUTHENTICATION, 0, 0, 0, 8, 0, 0, 0, WIRE_AUTH_CLEARTEXT_PASSWORD};

  c->phase = CLIENT_PASSWORD;
  negotiate_version(c);
  client_send(c, request, sizeof request);
  flow_flush(&c->net);
  if (c->phase == CLIENT_PASSWORD) client_password(c); /* it may be there already */
}

void client_after_stall(struct client *c) {
  switch (c->hit.kind) {
    case FAULT_WAKING:
      client_refuse(c, "57P03", "unable to accept connection, waking up cluster, please retry later", NULL, "injected");
      break;
    case FAULT_RATE: refuse_rate(c, "injected"); break;
    case FAULT_FULL: refuse_count(c, "injected"); break;
    default: ask_password(c); /* an expired signature is told when the token was seen */
  }
}

static void on_stall_over(uv_timer_t *timer) { client_after_stall(timer->data); }

void client_startup(struct client *c) {
  enum startup_verdict verdict;
  uint32_t total;

  if (c->in.len < 4) return;
  total = load_be32(c->in.data);
  if (total < 8 || total > STARTUP_MESSAGE_MAX) {
    client_refuse(c, "08P01", "invalid length of startup packet", NULL, NULL);
    return;
  }
  if (c->in.len < total) return;
  if (total >= 16 && load_be32(c->in.data + 4) == WIRE_CANCEL_REQUEST_CODE) {
    buf_truncate(&c->in, total);
    client_dial(c);
    return;
  }
  verdict = startup_parse(c->in.data, total, relay_parameter_allowed, c->front->alloc, &c->startup);
  c->startup_parsed = true;
  buf_consume(&c->in, total);
  if (!well_formed(c, verdict) || !right_cluster(c) || !within_limits(c) || !right_database(c)) return;
  c->counted = true;
  c->front->session_count++;
  c->hit = faults_roll(&c->front->world.faults, FAULT_AT_CONNECT);
  c->phase = CLIENT_STALLED;
  if (c->hit.stall_ms)
    uv_timer_start(&c->wake, on_stall_over, c->hit.stall_ms, 0);
  else
    client_after_stall(c);
}

/* ---- the token ---- */

static int64_t unix_now(void) {
  uv_timeval64_t now;
  return uv_gettimeofday(&now) == 0 ? now.tv_sec : 0;
}

static bool role_mapped(const struct client *c) {
  const struct local_options *o = c->front->options;

  if (strcmp(c->startup.user, "admin") == 0) return true;
  for (size_t i = 0; i < o->role_count; i++)
    if (strcmp(o->roles[i], c->startup.user) == 0) return true;
  return false;
}

static void deny_expired(struct client *c, int64_t now_s) {
  char now[SIGV4_DATE_SIZE] = "", then[SIGV4_DATE_SIZE] = "", hint[TEXT_SIZE];

  sigv4_date(now_s, now);
  sigv4_date(now_s - 1, then);
  snprintf(hint, sizeof hint, "Signature expired: %s is now earlier than %s (%s - 0 min.)", then, now, now);
  deny(c, hint, "injected: Signature expired");
}

static void check_token(struct client *c, const char *token, size_t n) {
  struct token_refusal refusal;
  int64_t now_s = unix_now();
  char text[TEXT_SIZE];

  if (!token_verify(&c->front->expected, c->startup.user, token, n, now_s, c->front->alloc, &refusal)) {
    deny(c, *refusal.hint ? refusal.hint : NULL, refusal.reason);
  } else if (c->hit.kind == FAULT_SIGNATURE_EXPIRED) {
    deny_expired(c, now_s);
  } else if (!role_mapped(c)) {
    snprintf(text, sizeof text, "Role %.63s does not exist", c->startup.user);
    deny(c, text, "no such --role");
  } else {
    client_dial(c);
  }
}

void client_password(struct client *c) {
  struct wire_frame frame;
  int cut = wire_frame_cut(c->in.data, c->in.len, TOKEN_SIZE_MAX + 1024, &frame);

  if (cut == 0) return;
  if (cut < 0 || frame.type != 'p' || frame.len == 0 || frame.body[frame.len - 1] != '\0') {
    if (cut == 1 && frame.type == 'X')
      client_finish(c, true);
    else
      client_refuse(c, "08P01", "expected password response", NULL, NULL);
    return;
  }
  check_token(c, (const char *)frame.body, frame.len - 1);
  buf_consume(&c->in, frame.total); /* cleansed */
}
