/* SCRAM with many iterations: the key derivation runs in the thread pool. The work may outlive the connection. */
#include "conn/conn.h"
#include "conn/startup.h"

struct derive_work {
  struct rt_work work;
  struct dsql_rt *rt;
  struct dsql_conn *conn; /* NULL: nobody waits */
  struct scram_derivation derivation;
};

static void derive_run(struct rt_work *w) { scram_derive(&LIST_ENTRY(w, struct derive_work, work)->derivation); }

static void derive_done(struct rt_work *w) {
  struct derive_work *d = LIST_ENTRY(w, struct derive_work, work);
  struct dsql_conn *c = d->conn;

  if (c) {
    conn_enter(c);
    c->connect.derive = NULL;
    session_derived(&c->session, &d->derivation);
    conn_flush_later(c);
    conn_pump(c);
  }
  scram_derivation_deinit(&d->derivation);
  mem_free(rt_alloc(d->rt), d);
  if (c) conn_leave(c);
}

void conn_derive(struct dsql_conn *c) {
  struct derive_work *d = mem_zalloc(rt_alloc(c->rt), sizeof *d);
  struct fault f = {0};

  if (d && session_derivation_init(&c->session, &d->derivation) == 0) {
    d->work = (struct rt_work){.run = derive_run, .done = derive_done};
    d->rt = c->rt;
    d->conn = c;
    if (rt_work_start(c->rt, &d->work) == 0) {
      c->connect.derive = d;
      return;
    }
    scram_derivation_deinit(&d->derivation);
  }
  mem_free(rt_alloc(c->rt), d);
  fault_set(&f, DSQL_ENOMEM, "out of memory while authenticating");
  session_end(&c->session, &f);
}

void startup_forget_derivation(struct dsql_conn *c) {
  if (c->connect.derive) c->connect.derive->conn = NULL;
  c->connect.derive = NULL;
}
