/* dsql_target_token(): the token that a connection would send. */
#include "conn/target_object.h"
#include "dsql/token_source.h"
#include "rt/future.h"

enum { TEXT_MAX = 1 << 20 };

struct token_future {
  struct dsql_future future; /* first */
  struct token_source *source;
  struct password_waiter waiter;
  struct creds_waiter creds_waiter;
  struct rt_closer closer;
  struct rt_task task; /* what is known at once is told from the loop */
  int64_t at_unix_s;
  struct buf text;
  struct arena arena;
};

static struct token_future *of_future(struct dsql_future *f) { return (struct token_future *)(void *)f; }

static void let_go(struct token_future *t) {
  if (list_linked(&t->waiter.node)) list_remove(&t->waiter.node);
  if (list_linked(&t->creds_waiter.node)) list_remove(&t->creds_waiter.node);
  rt_unready(&t->task);
  rt_closer_remove(t->future.rt, &t->closer);
}

static void finish(struct token_future *t, const struct fault *f) {
  let_go(t);
  future_complete(&t->future, f ? error_from_fault(&t->arena, f) : NULL);
}

static void take(struct token_future *t, const char *p, size_t n) {
  struct fault f = {0};

  buf_put(&t->text, p, n);
  if (buf_ok(&t->text)) {
    finish(t, NULL);
    return;
  }
  fault_set(&f, DSQL_ENOMEM, "out of memory for a token");
  finish(t, &f);
}

/* ---- the cached one ---- */

static void ask_cache(struct token_future *t) {
  struct password_source *s = token_source_password(t->source);
  struct fault f = {0};
  dsql_str token;
  int rc = s->class->get(s, &t->waiter, &token, &f);

  if (rc == 0)
    take(t, token.ptr, token.len);
  else if (rc < 0)
    finish(t, &f);
}

static void on_password(struct password_waiter *w, const struct fault *f) {
  struct token_future *t = LIST_ENTRY(w, struct token_future, waiter);

  if (f)
    finish(t, f);
  else
    ask_cache(t);
}

/* ---- one for another time ---- */

static void sign_at(struct token_future *t, const struct credentials *c) {
  struct fault f = {0};
  finish(t, token_source_sign_at(t->source, c, t->at_unix_s, &t->text, &f) ? &f : NULL);
}

static void on_credentials(struct creds_waiter *w, const struct credentials *c, const struct fault *f) {
  struct token_future *t = LIST_ENTRY(w, struct token_future, creds_waiter);

  if (c)
    sign_at(t, c);
  else
    finish(t, f);
}

static void ask_credentials(struct token_future *t) {
  const struct credentials *c;
  struct fault f = {0};
  int rc = creds_get(token_source_creds(t->source), false, &t->creds_waiter, &c, &f);

  if (rc == 0)
    sign_at(t, c);
  else if (rc < 0)
    finish(t, &f);
}

static void start(struct rt_task *task) {
  struct token_future *t = LIST_ENTRY(task, struct token_future, task);

  if (t->at_unix_s)
    ask_credentials(t);
  else
    ask_cache(t);
}

/* ---- the future ---- */

static void cancel(struct dsql_future *f) {
  struct fault fault = {0};
  fault_set(&fault, DSQL_ECANCELED, "canceled by the caller");
  finish(of_future(f), &fault);
}

static void free_future(struct dsql_future *f) {
  struct token_future *t = of_future(f);
  struct dsql_rt *rt = f->rt;

  buf_deinit(&t->text);
  arena_deinit(&t->arena);
  password_source_unref(token_source_password(t->source));
  mem_free(rt_alloc(rt), t);
}

static const struct future_class token_class = {cancel, free_future, NULL, NULL};

static void on_rt_close(struct rt_closer *closer) {
  struct fault f = {0};
  fault_set(&f, DSQL_ECANCELED, "the runtime is closing");
  finish(LIST_ENTRY(closer, struct token_future, closer), &f);
}

dsql_future *dsql_target_token(const dsql_target *target, int64_t at_unix_s) {
  struct token_source *source;
  struct token_future *t;
  struct fault f = {0};

  if (!target) return NULL;
  source = token_source_of(target->password_source);
  if (!source || rt_closing(target->rt)) {
    if (!source)
      fault_set(
          &f, DSQL_EINVAL,
          "no token is made for this target: it is not in DSQL mode (add auth=iam, or use dsql://), or has a password");
    else
      fault_set(&f, DSQL_ECLOSED, "the runtime is closing");
    return future_failed(target->rt, &f);
  }
  t = mem_zalloc(rt_alloc(target->rt), sizeof *t);
  if (!t) return NULL;
  future_init(&t->future, target->rt, &token_class);
  t->source = source;
  password_source_ref(token_source_password(source));
  t->at_unix_s = at_unix_s;
  buf_init(&t->text, rt_alloc(target->rt), TEXT_MAX);
  t->text.secret = true;
  arena_init(&t->arena, rt_chunks(target->rt));
  list_init(&t->waiter.node);
  t->waiter.done = on_password;
  list_init(&t->creds_waiter.node);
  t->creds_waiter.done = on_credentials;
  list_init(&t->task.node);
  t->task.run = start;
  t->closer.close = on_rt_close;
  rt_closer_add(target->rt, &t->closer);
  rt_ready(target->rt, &t->task);
  return &t->future;
}

int dsql_future_text(dsql_future *f, dsql_str *out) {
  int code = dsql_future_code(f);

  if (code) return code;
  if (f->class != &token_class || !out) return f->class != &token_class ? DSQL_ETYPE : DSQL_EINVAL;
  *out = (dsql_str){(const char *)of_future(f)->text.data, of_future(f)->text.len};
  return 0;
}
