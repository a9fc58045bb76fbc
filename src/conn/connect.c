#include "conn/connect.h"

#include <stdio.h>
#include <string.h>

#include "conn/ahead.h"
#include "conn/conn.h"
#include "conn/observe.h"
#include "conn/startup.h"

enum { REPORT_MAX = 8192, OUT_MAX = 0x7fffffff };

static void start_host(struct dsql_conn *c);
static void start_attempt(struct dsql_conn *c);

/* ---- failures ---- */

/* The end: everything that waits fails with all that was tried. The server's last error keeps its fields. */
static void give_up(struct dsql_conn *c, int code) {
  struct connect *k = &c->connect;
  const struct error *e;
  struct error *told = NULL;
  char *text;

  if (c->server_error && (code == DSQL_ESERVER || code == DSQL_EAUTH)) {
    told = error_clone(&c->error_arena, c->server_error);
    if (told) told->pub.code = code;
  } else {
    told = error_printf(&c->error_arena, code, "%s", "");
  }
  text = told ? arena_strndup(&c->error_arena, (const char *)k->report.data, k->report.len) : NULL;
  if (text) told->pub.message = (dsql_str){text, k->report.len};
  e = text ? told : &error_nomem;
  if (text) told->pub.flags |= DSQL_CONN_LOST;
  if (text) told->pub.os_error = k->last_os_error;
  conn_fail(c, e);
}

static void report(struct dsql_conn *c, const struct fault *f) {
  struct connect *k = &c->connect;
  const struct target_host *h = startup_host(c);
  const char *name = h->unix_socket ? h->socket_path : h->host ? h->host : h->hostaddr;

  k->last_code = f->code;
  k->last_os_error = f->os_error;
  if (k->report.len) buf_put_str(&k->report, "; ");
  if (h->unix_socket)
    buf_printf(&k->report, "connection to socket \"%s\" failed: %s", name, f->text);
  else
    buf_printf(&k->report, "connection to \"%s\" port %u failed: %s", name, h->port, f->text);
}

void conn_connect_failed(struct dsql_conn *c, const struct fault *f) {
  struct connect *k = &c->connect;

  if (k->report.len) buf_put_str(&k->report, "; ");
  buf_put_str(&k->report, f->text);
  k->last_os_error = f->os_error;
  give_up(c, f->code);
}

static void next_host(struct dsql_conn *c) {
  struct connect *k = &c->connect;
  const struct target *t = c->target->target;

  if (k->host_at + 1 < t->host_count) {
    k->host_at++;
    start_host(c);
  } else if (t->session_attrs == TARGET_SESSION_PREFER_STANDBY && !k->second_pass) {
    k->second_pass = true;
    k->host_at = 0;
    start_host(c);
  } else {
    give_up(c, k->last_code);
  }
}

/* answered: something on the other end was reached, so that another way of encryption may help. */
static void attempt_failed(struct dsql_conn *c, const struct fault *f, bool answered, bool final) {
  struct connect *k = &c->connect;

  report(c, f);
  if (answered && k->attempt + 1 < k->plan.n) {
    k->attempt++;
    start_attempt(c);
  } else if (final) {
    give_up(c, f->code);
  } else {
    next_host(c);
  }
}

static void on_deadline(struct rt_timer *timer) {
  struct dsql_conn *c = LIST_ENTRY(timer, struct dsql_conn, connect.timer);
  struct connect *k = &c->connect;
  bool last = k->host_deadline_ms == k->deadline_ms;
  char where[300] = "waiting for the trust store";
  struct fault f = {0};

  conn_enter(c);
  if (list_linked(&k->password_waiter.node)) (void)snprintf(where, sizeof where, "waiting for the password's source");
  if (k->transport) transport_describe(k->transport, where, sizeof where);
  if (c->session_live)
    (void)snprintf(where, sizeof where, "%s", c->preparing ? "preparing the session" : "authenticating");
  fault_set(&f, DSQL_ETIMEDOUT, "the connect timeout of %u ms passed%s, %s", c->target->target->connect_timeout_ms,
            last ? "" : " in part for this host", where);
  if (c->session_live && c->session.ahead_open) ahead_missed(c);
  if (c->preparing == PREPARING_HOOK) {
    conn_lose(c, &f);
  } else if (c->session_live && session_ride_in_doubt(&c->session)) {
    conn_abandon_ride(c, &f);
  } else {
    conn_connect_reset(c);
    report(c, &f);
    if (last)
      give_up(c, DSQL_ETIMEDOUT);
    else
      next_host(c);
  }
  conn_leave(c);
}

/* ---- an attempt ---- */

static void begin_session(struct dsql_conn *c) {
  struct fault f = {0};
  int rc;

  phases_enter(&c->connect.phases, PHASE_AUTH);
  rc = conn_password_current(c, &f);

  if (rc == 0) rc = startup_begin_session(c, &f);
  if (rc == 0) conn_tell_owner(c);
  if (rc) conn_connect_reset(c);
  if (rc < 0) attempt_failed(c, &f, false, true);
}

static void on_transport(void *owner, const struct transport_result *r, const struct fault *f) {
  struct dsql_conn *c = owner;
  struct connect *k = &c->connect;

  k->transport = NULL;
  conn_enter(c);
  if (!r->link) {
    attempt_failed(c, f, r->dialed, false);
  } else {
    c->link = r->link;
    k->address = r->address;
    k->over_tls = r->tls;
    k->round_trips += r->round_trips;
    begin_session(c);
  }
  conn_leave(c);
}

static void dial_host(struct dsql_conn *c) {
  struct connect *k = &c->connect;
  struct transport_params p = {0};
  struct fault f = {0};

  startup_transport_params(c, startup_host(c), &p);
  p.dial.phases = &k->phases;
  p.kind = k->plan.attempts[k->attempt];
  p.plain_on_refusal = k->plan.plain_on_refusal;
  p.tls = k->tls;
  p.out_max = OUT_MAX;
  if (transport_start(&k->transport, c->rt, &p, on_transport, c) == 0) return;
  fault_set(&f, DSQL_ENOMEM, "out of memory");
  attempt_failed(c, &f, false, true);
}

static void on_tls_loaded(struct tls_waiter *w, struct tls_context *ctx, const struct fault *f) {
  struct dsql_conn *c = LIST_ENTRY(w, struct dsql_conn, connect.tls_waiter);

  conn_enter(c);
  if (ctx) {
    c->connect.tls = tls_context_ref(ctx);
    dial_host(c);
  } else {
    attempt_failed(c, f, true, true);
  }
  conn_leave(c);
}

static void start_attempt(struct dsql_conn *c) {
  struct connect *k = &c->connect;
  struct tls_context *ctx;
  struct fault f = {0};

  conn_connect_reset(c);
  phases_enter(&k->phases, PHASE_PREPARE);
  if (k->plan.attempts[k->attempt] == SSLMODE_PLAIN) {
    dial_host(c);
    return;
  }
  k->tls_waiter.loaded = on_tls_loaded;
  if (target_object_tls(c->target, &k->tls_waiter, &ctx)) {
    fault_set(&f, DSQL_ENOMEM, "out of memory for the TLS configuration");
    attempt_failed(c, &f, false, true);
  } else if (ctx) {
    k->tls = tls_context_ref(ctx);
    dial_host(c);
  }
}

void conn_connect_wait(struct dsql_conn *c) {
  struct connect *k = &c->connect;

  if (k->deadline_ms == 0) return;
  k->host_deadline_ms = k->deadline_ms;
  rt_timer_start(c->rt, &k->timer, k->deadline_ms);
}

/* This host's part of what is left for all. */
static void arm_timer(struct dsql_conn *c) {
  struct connect *k = &c->connect;
  uint64_t now = rt_now_ms(c->rt), left;
  size_t hosts = c->target->target->host_count - k->host_at;

  if (k->deadline_ms == 0) return;
  left = k->deadline_ms > now ? k->deadline_ms - now : 0;
  k->host_deadline_ms = hosts > 1 ? now + left / hosts : k->deadline_ms;
  rt_timer_start(c->rt, &k->timer, k->host_deadline_ms);
}

static void start_host(struct dsql_conn *c) {
  struct connect *k = &c->connect;
  struct sslmode_request r;
  struct fault f = {0};

  arm_timer(c);
  startup_sslmode_request(c->target->target, startup_host(c), &r);
  k->attempt = 0;
  if (sslmode_plan(&r, &k->plan, &f)) {
    attempt_failed(c, &f, false, true);
    return;
  }
  start_attempt(c);
}

/* ---- the session's part ---- */

/* A pooler or an ancient server may have no words for a version that it does not know, and takes it for garbage. */
static void explain_version(const struct session *s, const char *sqlstate, struct fault *f) {
  size_t n = strlen(f->text);

  if (s->config.protocol == WIRE_PROTOCOL_3_0 || s->negotiated || s->saw_auth_request) return;
  if (strcmp(sqlstate, "08P01") != 0 && strcmp(sqlstate, "0A000") != 0) return;
  (void)snprintf(f->text + n, sizeof f->text - n,
                 "; max_protocol_version asks for protocol %u.%u, which this server or pooler may not know: use 3.0",
                 s->config.protocol >> 16, s->config.protocol & 0xffff);
}

static void session_refusal(struct dsql_conn *c, struct fault *out) {
  const struct fault *own = session_fault(&c->session);
  const struct error *e = c->server_error;

  *out = (struct fault){0};
  if (c->session.refused && e) {
    fault_set(out, own->code, "%.*s: %.*s (SQLSTATE %s)", (int)dsql_error_field(&e->pub, 'S').len,
              dsql_error_field(&e->pub, 'S').ptr, (int)e->pub.message.len, e->pub.message.ptr, e->pub.sqlstate);
    memcpy(out->sqlstate, e->pub.sqlstate, sizeof out->sqlstate);
    explain_version(&c->session, e->pub.sqlstate, out);
  } else if (own->code == DSQL_ECLOSED) {
    fault_set(out, DSQL_EIO, "the server closed the connection during the start-up");
  } else {
    *out = *own;
  }
}

void conn_abandon_ride(struct dsql_conn *c, const struct fault *f) {
  report(c, f);
  session_end(&c->session, f);
  session_surrender(&c->session);
  c->status = DSQL_CONN_READY; /* from here on it is lost like any other */
  conn_lose(c, f);
}

void conn_attempt_session_failed(struct dsql_conn *c) {
  struct fault f;
  bool refused = c->session.refused, misled = c->session.misled;

  if (c->preparing == PREPARING_PROBE) conn_prepare_stop(c);
  session_refusal(c, &f);
  if (misled) ahead_missed(c);
  if (session_ride_in_doubt(&c->session)) {
    conn_abandon_ride(c, &f);
    return;
  }
  if (misled) {
    c->connect.round_trips++;
    start_attempt(c);
    return;
  }
  if (conn_password_refused(c, &f)) {
    if (password_source_is_oauth(c->password_source)) report(c, &f); /* the user may fail to give another one */
    conn_connect_reset(c);
    conn_password_ask(c);
    return;
  }
  conn_connect_reset(c);
  attempt_failed(c, &f, refused || f.code == DSQL_EIO || f.code == DSQL_ETLS,
                 f.code != DSQL_EIO && strcmp(f.sqlstate, "57P03") != 0);
}

void conn_session_ready(struct dsql_conn *c) {
  struct fault f = {0};

  c->connect.round_trips += startup_round_trips(&c->session);
  if (startup_judge_reported(c, &f))
    conn_session_judged(c, &f);
  else
    conn_prepare_probe(c);
}

void conn_session_judged(struct dsql_conn *c, const struct fault *f) {
  struct fault told = *f;

  if (f->code) {
    conn_connect_reset(c);
    attempt_failed(c, &told, false, f->code != DSQL_EIO);
    return;
  }
  startup_remember(c);
  ahead_learn(c);
  conn_learn_session(c);
  c->server_error = NULL;
  arena_deinit(&c->error_arena);
  buf_deinit(&c->connect.report);
  buf_deinit(&c->connect.password);
  c->status = DSQL_CONN_READY;
  conn_prepare_hook(c);
}

void conn_session_open(struct dsql_conn *c) {
  struct connect *k = &c->connect;

  rt_timer_stop(c->rt, &k->timer);
  op_queue_put_before(&c->queue, &c->prepare_queue);
  c->session.queue = &c->queue;
  phases_enter(&k->phases, PHASE_AUTH);
  c->connect_us = (uint32_t)(k->phases.since_us - c->opened_us);
  c->connect_round_trips = k->round_trips;
  if (c->connect_span) conn_observe_end(c, NULL);
  for (struct list *node; (node = list_pop_front(&c->ready_futures)) != NULL;) conn_ready_complete(node, NULL);
  session_release(&c->session);
  if (c->session.abandoned) conn_drain_step(c, false);
  conn_flush_later(c);
  conn_update(c);
}

/* ---- start and stop ---- */

int conn_connect_start(struct dsql_conn *c) {
  const struct target *t = c->target->target;
  struct connect *k = &c->connect;

  k->phases = (struct phases){.now = PHASE_PREPARE, .since_us = c->opened_us};
  buf_init(&k->report, rt_alloc(c->rt), REPORT_MAX);
  buf_init(&k->password, rt_alloc(c->rt), OUT_MAX);
  k->password.secret = true;
  list_init(&k->password_waiter.node);
  list_init(&k->tls_waiter.node);
  k->order = mem_alloc(rt_alloc(c->rt), t->host_count * sizeof *k->order);
  if (!k->order) return DSQL_ENOMEM;
  startup_host_order(t, k->order);
  conn_expect_session(c);
  k->timer.fire = on_deadline;
  if (t->connect_timeout_ms) k->deadline_ms = rt_after_ms(c->rt, t->connect_timeout_ms);
  conn_connect_wait(c);
  conn_password_ask(c);
  return 0;
}

void conn_connect_hosts(struct dsql_conn *c) { start_host(c); }

void conn_connect_reset(struct dsql_conn *c) {
  struct connect *k = &c->connect;
  struct list dropped, *node;

  list_init(&dropped);
  if (list_linked(&k->tls_waiter.node)) list_remove(&k->tls_waiter.node);
  if (k->transport) transport_stop(k->transport);
  k->transport = NULL;
  startup_forget_derivation(c);
  if (c->session_live) {
    session_take_back(&c->session, &dropped);
    conn_drop_session(c);
  }
  while ((node = list_pop_front(&dropped)) != NULL) query_on_done(query_of_op(LIST_ENTRY(node, struct op, node)));
  if (c->preparing == PREPARING_PROBE) conn_prepare_stop(c); /* this host's; the next one is asked anew */
  if (c->owner && c->status == DSQL_CONN_CONNECTING) {
    query_put_off_all(c);
    conn_tell_owner(c);
  }
  if (c->link) link_close(c->link);
  c->link = NULL;
  tls_context_unref(k->tls);
  k->tls = NULL;
}

void conn_connect_stop(struct dsql_conn *c) {
  struct connect *k = &c->connect;

  conn_prepare_stop(c);
  conn_connect_reset(c);
  conn_password_stop(c);
  rt_timer_stop(c->rt, &k->timer);
  buf_deinit(&k->report);
  buf_deinit(&k->password);
  mem_free(rt_alloc(c->rt), k->order);
  k->order = NULL;
}
