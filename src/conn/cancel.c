/* CancelRequest (Protocol, "Canceling Requests in Progress"): a connection of its own to the same address, encrypted the
 * same way, that the server closes when the request was handed on. Its end of stream is awaited, so that the request
 * can't hit what is sent afterwards. */
#include "conn/conn.h"
#include "conn/startup.h"

struct cancel_request {
  struct dsql_rt *rt;
  struct dsql_conn *conn; /* NULL: nobody waits */
  struct rt_closer closer;
  struct dsql_target *target;
  struct tls_context *tls;
  struct transport *transport;
  struct link *link;
  struct rt_timer timer;
  uint8_t key[256];
  size_t key_len;
  uint32_t pid;
};

static void finish(struct cancel_request *r) {
  struct dsql_conn *c = r->conn;

  rt_closer_remove(r->rt, &r->closer);
  rt_timer_stop(r->rt, &r->timer);
  if (r->transport) transport_stop(r->transport);
  if (r->link) link_close(r->link);
  tls_context_unref(r->tls);
  dsql_target_free(r->target);
  mem_free_secret(rt_alloc(r->rt), r, sizeof *r);
  if (!c) return;
  conn_enter(c);
  c->cancel = NULL;
  conn_drain_step(c, false);
  conn_flush_later(c);
  conn_leave(c);
}

static void on_data(void *owner, const uint8_t *p, size_t n) {
  (void)owner; /* the server answers nothing; whatever comes is not looked at */
  (void)p;
  (void)n;
}
static void ignore(void *owner) { (void)owner; }
static bool has_no_more(void *owner) {
  (void)owner;
  return false;
}
static void on_end(void *owner, const struct fault *f) {
  (void)f; /* any end means that the request was delivered or never will be */
  finish(owner);
}

static const struct link_events cancel_events = {on_data, ignore, has_no_more, ignore, on_end};

static void on_transport(void *owner, const struct transport_result *result, const struct fault *f) {
  struct cancel_request *r = owner;

  (void)f;
  r->transport = NULL;
  if (!result->link) {
    finish(r);
    return;
  }
  r->link = result->link;
  link_adopt(r->link, &cancel_events, r);
  wire_cancel_request(link_out(r->link), r->pid, r->key, r->key_len);
  link_flush_later(r->link);
}

static void on_timer(struct rt_timer *t) { finish(LIST_ENTRY(t, struct cancel_request, timer)); }
static void on_close(struct rt_closer *closer) { finish(LIST_ENTRY(closer, struct cancel_request, closer)); }

static void fill_params(const struct dsql_conn *c, struct cancel_request *r, struct transport_params *p) {
  const struct target *t = c->target->target;
  startup_transport_params((struct dsql_conn *)c, &t->hosts[c->connect.order[c->connect.host_at]], p);
  p->dial.address = &c->connect.address;
  p->require_peer = NULL;
  p->out_max = 4096;
  p->kind = !c->connect.over_tls                           ? SSLMODE_PLAIN
            : t->sslnegotiation == TARGET_NEGOTIATE_DIRECT ? SSLMODE_DIRECT
                                                           : SSLMODE_SSLREQUEST;
  p->tls = r->tls;
}

int cancel_send(struct dsql_conn *c) {
  const dsql_alloc *a = rt_alloc(c->rt);
  struct cancel_request *r = mem_zalloc(a, sizeof *r);
  struct transport_params p = {0};

  if (!r) return DSQL_ENOMEM;
  r->rt = c->rt;
  r->pid = c->session.backend_pid;
  r->key_len = c->session.cancel_key_len;
  if (r->key_len) memcpy(r->key, c->session.cancel_key, r->key_len);
  r->target = target_object_ref(c->target);
  r->tls = c->connect.over_tls ? tls_context_ref(c->connect.tls) : NULL;
  fill_params(c, r, &p);
  if (transport_start(&r->transport, c->rt, &p, on_transport, r)) {
    tls_context_unref(r->tls);
    dsql_target_free(r->target);
    mem_free_secret(a, r, sizeof *r);
    return DSQL_ENOMEM;
  }
  r->conn = c;
  r->closer.close = on_close;
  rt_closer_add(c->rt, &r->closer);
  r->timer.fire = on_timer;
  rt_timer_start(c->rt, &r->timer, rt_now_ms(c->rt) + c->target->target->drain_timeout_ms);
  c->cancel = r;
  return 0;
}

void cancel_stop(struct dsql_conn *c) {
  c->cancel->conn = NULL;
  c->cancel = NULL;
}
