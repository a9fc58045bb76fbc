#include "conn/transport.h"

#include <stdio.h>
#include <string.h>

#include "wire/frontend.h"

enum transport_state { TRANSPORT_DIAL, TRANSPORT_ANSWER, TRANSPORT_HANDSHAKE };

struct transport {
  struct dsql_rt *rt;
  struct transport_params params;
  transport_fn done;
  void *owner;
  enum transport_state state;
  struct dial *dial;
  struct link *link;
  struct transport_result result;
};

static void finish(struct transport *t, const struct fault *f) {
  transport_fn done = t->done;
  void *owner = t->owner;
  struct transport_result result = t->result;

  if (f->code) {
    if (t->link) link_close(t->link);
  } else {
    result.link = t->link;
  }
  mem_free(rt_alloc(t->rt), t);
  done(owner, &result, f);
}

static void fail(struct transport *t, int code, const char *text) {
  struct fault f = {0};
  fault_set(&f, code, "%s", text);
  finish(t, &f);
}

static void succeed(struct transport *t) {
  struct fault none = {0};
  finish(t, &none);
}

static void start_tls(struct transport *t) {
  struct fault f = {0};
  t->state = TRANSPORT_HANDSHAKE;
  phases_enter(t->params.dial.phases, PHASE_TLS);
  t->result.round_trips++;
  link_read_limit(t->link, 0);
  if (link_start_tls(t->link, t->params.tls, &t->params.tls_params, &f)) finish(t, &f);
}

static void on_data(void *owner, const uint8_t *p, size_t n) {
  struct transport *t = owner;

  if (t->state != TRANSPORT_ANSWER || n != 1) {
    fail(t, DSQL_EPROTO, "protocol violation: the server sent data before it was asked");
    return;
  }
  if (*p == 'S') {
    start_tls(t);
    return;
  }
  t->result.refused = true;
  if (*p == 'N' && t->params.plain_on_refusal) {
    link_read_limit(t->link, 0);
    succeed(t);
  } else if (*p == 'N') {
    fail(t, DSQL_ETLS,
         "the server does not support TLS, but sslmode requires it (sslmode=disable or prefer goes without)");
  } else if (*p == 'E') {
    fail(t, DSQL_EPROTO, "the server answered the SSLRequest with an error, whose text can't be trusted before TLS");
  } else {
    fail(t, DSQL_EPROTO,
         "protocol violation: the answer to the SSLRequest is neither S nor N; is this a PostgreSQL server?");
  }
}

static void on_tls(void *owner) {
  struct transport *t = owner;
  t->result.tls = true;
  if (tls_hello_retried(link_tls(t->link))) t->result.round_trips++;
  succeed(t);
}

static bool on_flush(void *owner) {
  (void)owner;
  return false;
}
static void on_turn(void *owner) { (void)owner; }

static const char *direct_hint(const struct transport *t) {
  if (t->params.kind != SSLMODE_DIRECT) return "";
  return " (direct TLS needs PostgreSQL 17 or newer; else use sslnegotiation=postgres)";
}

static void on_end(void *owner, const struct fault *f) {
  struct transport *t = owner;
  struct fault told = *f;

  if (f->code == DSQL_ECLOSED) {
    told.code = 0;
    fault_set(&told, DSQL_EIO,
              t->state == TRANSPORT_ANSWER ? "the server closed the connection instead of answering the SSLRequest"
                                           : "the server closed the connection during the TLS handshake%s",
              direct_hint(t));
  }
  finish(t, &told);
}

static const struct link_events transport_events = {on_data, on_tls, on_flush, on_turn, on_end};

static bool peer_refused(struct transport *t, int fd, struct fault *f) {
  char user[256];
  if (!t->params.require_peer || !t->params.dial.unix_path) return false;
  if (socket_peer_user(fd, user, sizeof user, f)) return true;
  if (strcmp(user, t->params.require_peer) == 0) return false;
  fault_set(f, DSQL_EAUTH, "requirepeer asks for the user \"%s\", but the server runs as \"%s\"",
            t->params.require_peer, user);
  return true;
}

static void on_dialed(void *owner, struct watch *socket, const struct socket_address *address,
                      const struct fault *fault) {
  struct transport *t = owner;
  struct fault f = {0};

  t->dial = NULL;
  if (!socket) {
    finish(t, fault);
    return;
  }
  t->result.address = *address;
  t->result.dialed = true;
  t->result.round_trips = 1;
  if (peer_refused(t, watch_fd(socket), &f)) {
    watch_close(socket, NULL, NULL);
    finish(t, &f);
    return;
  }
  if (link_open(&t->link, t->rt, socket, &transport_events, t, t->params.out_max)) {
    fail(t, DSQL_ENOMEM, "out of memory");
    return;
  }
  link_ref(t->link, true);
  switch (t->params.kind) {
    case SSLMODE_PLAIN: succeed(t); return;
    case SSLMODE_DIRECT: start_tls(t); return;
    case SSLMODE_SSLREQUEST:
      t->state = TRANSPORT_ANSWER;
      phases_enter(t->params.dial.phases, PHASE_SSLREQUEST);
      t->result.round_trips++;
      /* One byte and no more: what stands behind it was not encrypted by the server (CVE-2021-23222). */
      link_read_limit(t->link, 1);
      wire_ssl_request(link_out(t->link));
      link_flush_later(t->link);
      return;
  }
}

int transport_start(struct transport **out, struct dsql_rt *rt, const struct transport_params *p, transport_fn done,
                    void *owner) {
  struct transport *t = mem_zalloc(rt_alloc(rt), sizeof *t);

  if (!t) return DSQL_ENOMEM;
  t->rt = rt;
  t->params = *p;
  t->done = done;
  t->owner = owner;
  if (dial_start(&t->dial, rt, &p->dial, on_dialed, t)) {
    mem_free(rt_alloc(rt), t);
    return DSQL_ENOMEM;
  }
  *out = t;
  return 0;
}

void transport_stop(struct transport *t) {
  if (t->dial) dial_cancel(t->dial);
  if (t->link) link_close(t->link);
  mem_free(rt_alloc(t->rt), t);
}

void transport_describe(const struct transport *t, char *out, size_t size) {
  switch (t->state) {
    case TRANSPORT_DIAL: dial_describe(t->dial, out, size); return;
    case TRANSPORT_ANSWER: (void)snprintf(out, size, "waiting for the answer to the SSLRequest"); return;
    case TRANSPORT_HANDSHAKE: (void)snprintf(out, size, "in the TLS handshake%s", direct_hint(t)); return;
  }
}
