/* The simple protocol: a script of statements in one message, in one implicit transaction where no block is open. */
#include "internal.h"

struct plan {
  enum {
    PLAN_PASS,
    PLAN_POISON,
    PLAN_ROLLBACK,
    PLAN_PLAIN_ROLLBACK,
    PLAN_DENY,
    PLAN_CLOSE_BEFORE,
    PLAN_CLOSE_AFTER,
    PLAN_HOLD
  } what;
  struct relay_refusal refusal;
  const char
      *at; /* PLAN_POISON, PLAN_ROLLBACK, PLAN_PLAIN_ROLLBACK: the statement that is replaced, with all behind it */
  const char *end; /* PLAN_DENY, PLAN_CLOSE_AFTER: of the last statement that runs */
  uint32_t index;  /* of that statement */
  unsigned effect; /* of all statements together */
  bool deallocates_all;
};

/* The script as far as it was looked at, as it will run. */
struct walk {
  bool in_block, wrote, had_chance;
  uint32_t index;
  struct statement s;
};

static void plan_commit(struct plan *p, enum fate fate, bool explicit) {
  switch (fate) {
    case FATE_PASS: break;
    case FATE_HOLD: p->what = PLAN_HOLD; break;
    case FATE_FAIL: p->what = explicit ? PLAN_ROLLBACK : PLAN_POISON; break;
    case FATE_ROLL_BACK: p->what = PLAN_PLAIN_ROLLBACK; break;
    case FATE_DENY: p->what = PLAN_DENY; break;
    case FATE_CLOSE_BEFORE: p->what = PLAN_CLOSE_BEFORE; break;
    case FATE_CLOSE_AFTER: p->what = PLAN_CLOSE_AFTER; break;
  }
}

static void plan_statement(struct relay *r, struct plan *p, struct walk *w, uint64_t now_ms) {
  bool chance = !w->had_chance && !(w->s.effect & (EFFECT_COMMITS | EFFECT_ROLLS_BACK));
  enum fate fate;
  if (w->s.refused) {
    p->what = PLAN_POISON;
    p->refusal = w->s.refusal;
    return;
  }
  if (w->s.effect & EFFECT_COMMITS) {
    if (w->in_block || w->wrote) plan_commit(p, fate_of_commit(r, w->in_block, now_ms, &p->refusal), true);
    return;
  }
  fate = fate_of_statement(r, w->s.effect, chance, now_ms, &p->refusal);
  w->had_chance = w->had_chance || chance;
  plan_commit(p, fate, false);
}

static void step(struct walk *w) {
  if (w->s.effect & EFFECT_BEGINS) w->in_block = true;
  if (w->s.effect & EFFECT_WRITES) w->wrote = true;
  if (w->s.effect & (EFFECT_COMMITS | EFFECT_ROLLS_BACK)) w->in_block = w->wrote = false;
}

static void make_plan(struct relay *r, struct lexer l, uint64_t now_ms, struct plan *p) {
  struct walk w = {.in_block = r->block};
  bool any = false;
  while (statement_next(&l, &w.s)) {
    w.index = any ? w.index + 1 : 0;
    any = true;
    p->at = w.s.start;
    p->end = w.s.end;
    p->index = w.index;
    p->effect |= w.s.effect;
    p->deallocates_all = p->deallocates_all || w.s.deallocates_all;
    plan_statement(r, p, &w, now_ms);
    if (p->what != PLAN_PASS) return;
    step(&w);
  }
  if (any && w.wrote && !w.in_block) plan_commit(p, fate_of_commit(r, false, now_ms, &p->refusal), false);
}

static bool replaces(const struct plan *p) {
  return p->what == PLAN_POISON || p->what == PLAN_ROLLBACK || p->what == PLAN_PLAIN_ROLLBACK;
}

/* The script with its statements rewritten, and cut where the plan says so. */
static void put_script(const struct relay *r, struct buf *out, dsql_str sql, const struct plan *p) {
  struct lexer l = {sql.ptr, sql.ptr + sql.len};
  const char *done = sql.ptr, *end = p->what == PLAN_PASS ? l.end : replaces(p) ? p->at : p->end;
  struct statement s;
  while (statement_next(&l, &s) && s.start < end) {
    if (!(s.effect & relay_rewrites(r))) continue;
    buf_put(out, done, (size_t)(s.start - done));
    statement_rewrite(&s, out);
    done = s.end;
  }
  buf_put(out, done, (size_t)(end - done));
  if (p->what == PLAN_POISON) buf_put_str(out, RELAY_POISON);
  if (p->what == PLAN_ROLLBACK || p->what == PLAN_PLAIN_ROLLBACK) buf_put_str(out, "ROLLBACK");
}

static enum ending ending_of(const struct plan *p) {
  switch (p->what) {
    case PLAN_POISON: return ENDING_POISON;
    case PLAN_ROLLBACK:
    case PLAN_DENY: return ENDING_DENY;
    case PLAN_CLOSE_AFTER: return ENDING_CLOSE;
    default: return ENDING_PLAIN;
  }
}

static bool push(struct relay *r, const struct plan *p) {
  struct relay_entry *e = queue_push(r, REPLY_QUERY);
  if (!e) return false;
  e->effect = p->effect;
  e->statement = p->index;
  e->ending = ending_of(p);
  return (e->ending != ENDING_POISON && e->ending != ENDING_DENY) || entry_refuse(r, e, e->ending, &p->refusal);
}

static void send_changed(struct relay *r, dsql_str sql, const struct plan *p) {
  struct buf text;
  relay_buf_init(r, &text);
  put_script(r, &text, sql, p);
  if (buf_ok(&text) && push(r, p)) {
    wire_query(&r->to_server, text.len ? (const char *)text.data : "", text.len);
  } else {
    relay_shut(r, "out of memory");
  }
  buf_deinit(&text);
}

bool relay_on_query(struct relay *r, const struct wire_frame *m, uint64_t now_ms) {
  struct cursor c = cursor_of(m->body, m->len);
  dsql_str sql = cursor_cstr(&c);
  struct plan p = {.what = PLAN_PASS};

  if (!r->copying && fate_may_stop_commit(r, now_ms) && !fate_drained(r)) return false;
  if (!c.failed) make_plan(r, (struct lexer){sql.ptr, sql.ptr + sql.len}, now_ms, &p);
  if (p.what == PLAN_HOLD) return false;
  if (p.what == PLAN_CLOSE_BEFORE) {
    relay_shut(r, "injected fault: close");
    return true;
  }
  if (p.deallocates_all) names_clear(&r->statements, r->alloc);
  if (p.what != PLAN_PASS || (p.effect & relay_rewrites(r))) {
    send_changed(r, sql, &p);
  } else if (push(r, &p)) {
    relay_forward(&r->to_server, m);
  }
  return true;
}
