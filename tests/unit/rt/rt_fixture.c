#include "rt_fixture.h"

static const struct error canceled = {.pub = {.code = DSQL_ECANCELED, .message = {"canceled", 8}}};

static struct op *op_of(dsql_future *f) { return (struct op *)(void *)f; }

static void op_cancel(struct dsql_future *f) {
  struct op *o = op_of(f);
  o->cancels++;
  if (o->on_cancel == OP_CANCEL_AT_ONCE) future_complete(f, &canceled);
}

static void op_free(struct dsql_future *f) {
  if (op_of(f)->freed) ++*op_of(f)->freed;
  rt_block_put(f->rt, f);
}

dsql_future *op_new(struct fixture *x, enum op_cancel on_cancel, int *freed) {
  static const struct future_class class = {.cancel = op_cancel, .free = op_free};
  struct op *o = rt_block_get(x->rt);
  cr_assert_not_null(o);
  *o = (struct op){.on_cancel = on_cancel, .freed = freed};
  future_init(&o->future, x->rt, &class);
  return &o->future;
}

void op_complete(dsql_future *f, int code) {
  static struct error errors[32];
  struct error *e = &errors[-code];
  *e = (struct error){.pub = {.code = code, .message = {dsql_strerror(code), strlen(dsql_strerror(code))}}};
  future_complete(f, code ? e : NULL);
}

unsigned op_cancels(dsql_future *f) { return op_of(f)->cancels; }

void on_ready_record(dsql_future *f, void *arg) {
  struct calls *c = arg;
  cr_assert_lt(c->n, 64);
  c->futures[c->n] = f;
  c->codes[c->n++] = dsql_future_code(f);
}
