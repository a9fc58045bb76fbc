/* The client's messages but for Query. What the server will skip is not looked at. */
#include "internal.h"

static dsql_str poison_sql(void) { return (dsql_str){RELAY_POISON, sizeof RELAY_POISON - 1}; }

/* A Parse that fails in place of what is refused; what follows up to the Sync is dropped here, since the server would
 * only skip it. */
static void refuse(struct relay *r, const struct relay_refusal *refusal) {
  struct relay_entry *e = queue_push(r, REPLY_PARSE);
  if (!e || !entry_refuse(r, e, ENDING_POISON, refusal)) return;
  wire_parse(&r->to_server, RELAY_POISON_NAME, poison_sql().ptr, poison_sql().len, NULL, 0);
  r->discarding = true;
}

static void pass(struct relay *r, const struct wire_frame *m, enum reply reply, unsigned effect) {
  struct relay_entry *e = queue_push(r, reply);
  if (!e) return;
  e->effect = effect;
  relay_forward(&r->to_server, m);
}

static void shut_for_fault(struct relay *r) { relay_shut(r, "injected fault: close"); }

static void no_memory(struct relay *r) { relay_shut(r, "out of memory"); }

/* ---- Parse ---- */

static void parse_rewritten(struct relay *r, dsql_str name, const struct statement *s) {
  struct relay_entry *e;
  struct buf text;
  relay_buf_init(r, &text);
  statement_rewrite(s, &text);
  e = buf_ok(&text) ? queue_push(r, REPLY_PARSE) : NULL;
  if (e) {
    e->effect = s->effect;
    wire_parse(&r->to_server, name.ptr, (const char *)text.data, text.len, NULL, 0);
  } else {
    no_memory(r);
  }
  buf_deinit(&text);
}

static bool on_parse(struct relay *r, const struct wire_frame *m, uint64_t now_ms) {
  struct cursor c = cursor_of(m->body, m->len);
  dsql_str name = cursor_cstr(&c), sql = cursor_cstr(&c);
  struct lexer l = {sql.ptr, sql.ptr + sql.len};
  struct statement s;
  struct relay_refusal refusal;
  enum fate fate = FATE_PASS;

  if (c.failed || !statement_next(&l, &s)) { /* malformed or empty: the server's business */
    pass(r, m, REPLY_PARSE, 0);
    return true;
  }
  if (s.refused) {
    refuse(r, &s.refusal);
    return true;
  }
  fate = fate_of_statement(r, s.effect, true, now_ms, &refusal);
  if (fate == FATE_HOLD) return false;
  r->parsed = true;
  if (fate == FATE_FAIL) {
    refuse(r, &refusal);
  } else if (fate != FATE_PASS) {
    shut_for_fault(r);
  } else if (!names_set(&r->statements, r->alloc, name.ptr, name.len, s.effect)) {
    no_memory(r);
  } else if (s.effect & relay_rewrites(r)) {
    parse_rewritten(r, name, &s);
  } else {
    pass(r, m, REPLY_PARSE, s.effect);
  }
  return true;
}

/* ---- Bind, Close ---- */

static bool on_bind(struct relay *r, const struct wire_frame *m, uint64_t now_ms) {
  struct cursor c = cursor_of(m->body, m->len);
  dsql_str portal = cursor_cstr(&c), name = cursor_cstr(&c);
  unsigned effect = c.failed ? 0 : names_get(&r->statements, name.ptr, name.len);
  struct relay_refusal refusal;
  enum fate fate = fate_of_statement(r, effect, !r->parsed, now_ms, &refusal);
  if (fate == FATE_HOLD) return false;
  if (fate == FATE_FAIL) {
    refuse(r, &refusal);
  } else if (fate != FATE_PASS) {
    shut_for_fault(r);
  } else if (!c.failed && !names_set(&r->portals, r->alloc, portal.ptr, portal.len, effect)) {
    no_memory(r);
  } else {
    pass(r, m, REPLY_BIND, effect);
  }
  return true;
}

static void on_close(struct relay *r, const struct wire_frame *m) {
  struct cursor c = cursor_of(m->body, m->len);
  uint8_t kind = cursor_u8(&c);
  dsql_str name = cursor_cstr(&c);
  if (!c.failed) names_set(kind == 'S' ? &r->statements : &r->portals, r->alloc, name.ptr, name.len, 0);
  pass(r, m, REPLY_CLOSE, 0);
}

/* ---- Execute ---- */

static bool push_swallowed(struct relay *r, enum reply reply) {
  struct relay_entry *e = queue_push(r, reply);
  if (e) e->swallow = true;
  return e;
}

/* ROLLBACK in place of COMMIT; the client sees nothing but the refusal, and what follows it up to the Sync is skipped, as
 * behind any error. Without a refusal it sees the tag ROLLBACK. */
static void roll_back(struct relay *r, const struct relay_refusal *refusal) {
  static const char name[] = RELAY_POISON_NAME, sql[] = "ROLLBACK";
  struct relay_entry *e;
  if (!push_swallowed(r, REPLY_PARSE) || !push_swallowed(r, REPLY_BIND)) return;
  e = queue_push(r, REPLY_EXECUTE);
  if (!e || (refusal && !entry_refuse(r, e, ENDING_DENY, refusal)) || !push_swallowed(r, REPLY_CLOSE)) return;
  wire_parse(&r->to_server, name, sql, sizeof sql - 1, NULL, 0);
  wire_bind(&r->to_server, name, name, (dsql_params){0}, NULL, 0);
  wire_execute(&r->to_server, name, 0);
  wire_close(&r->to_server, 'S', name);
  if (refusal) r->discarding = true;
}

static void pass_commit(struct relay *r, const struct wire_frame *m, enum ending ending,
                        const struct relay_refusal *refusal) {
  struct relay_entry *e = queue_push(r, REPLY_EXECUTE);
  if (!e) return;
  e->ending = ending;
  if (ending == ENDING_DENY && !entry_refuse(r, e, ending, refusal)) return;
  relay_forward(&r->to_server, m);
  r->discarding = true;
}

static bool on_commit(struct relay *r, const struct wire_frame *m, uint64_t now_ms) {
  struct relay_refusal refusal;
  if (!fate_may_stop_commit(r, now_ms)) {
    pass(r, m, REPLY_EXECUTE, EFFECT_COMMITS);
    return true;
  }
  if (!fate_drained(r)) return false;
  if (!r->block && !r->wrote) {
    pass(r, m, REPLY_EXECUTE, EFFECT_COMMITS);
    return true;
  }
  switch (fate_of_commit(r, r->block, now_ms, &refusal)) {
    case FATE_HOLD: return false;
    case FATE_PASS: pass(r, m, REPLY_EXECUTE, EFFECT_COMMITS); break;
    case FATE_FAIL: roll_back(r, &refusal); break;
    case FATE_ROLL_BACK: roll_back(r, NULL); break;
    case FATE_DENY: pass_commit(r, m, ENDING_DENY, &refusal); break;
    case FATE_CLOSE_BEFORE: shut_for_fault(r); break;
    case FATE_CLOSE_AFTER: pass_commit(r, m, ENDING_CLOSE, NULL); break;
  }
  return true;
}

static bool on_execute(struct relay *r, const struct wire_frame *m, uint64_t now_ms) {
  struct cursor c = cursor_of(m->body, m->len);
  dsql_str portal = cursor_cstr(&c);
  unsigned effect = c.failed ? 0 : names_get(&r->portals, portal.ptr, portal.len);
  if (effect & EFFECT_COMMITS) return on_commit(r, m, now_ms);
  pass(r, m, REPLY_EXECUTE, effect);
  return true;
}

/* ---- Sync ---- */

static void pass_sync(struct relay *r, const struct wire_frame *m, enum ending ending,
                      const struct relay_refusal *refusal) {
  struct relay_entry *e = queue_push(r, REPLY_SYNC);
  if (!e) return;
  e->ending = ending;
  if (ending == ENDING_DENY && !entry_refuse(r, e, ending, refusal)) return;
  relay_forward(&r->to_server, m);
  r->discarding = r->skipping = r->parsed = false;
}

/* The end of an implicit transaction that wrote is a chance for faults at COMMIT. */
static bool on_sync(struct relay *r, const struct wire_frame *m, uint64_t now_ms) {
  struct relay_refusal refusal;
  enum fate fate = FATE_PASS;
  if (!r->discarding && !r->skipping && faults_at(&r->world->faults, FAULT_AT_COMMIT)) {
    if (!fate_drained(r)) return false;
    if (r->wrote && !r->block && !r->group_failed) fate = fate_of_commit(r, false, now_ms, &refusal);
  }
  switch (fate) {
    case FATE_HOLD: return false;
    case FATE_ROLL_BACK: /* is for a COMMIT */
    case FATE_PASS: pass_sync(r, m, ENDING_PLAIN, NULL); break;
    case FATE_FAIL:
      refuse(r, &refusal);
      pass_sync(r, m, ENDING_PLAIN, NULL);
      break;
    case FATE_DENY: pass_sync(r, m, ENDING_DENY, &refusal); break;
    case FATE_CLOSE_BEFORE: shut_for_fault(r); break;
    case FATE_CLOSE_AFTER: pass_sync(r, m, ENDING_CLOSE, NULL); break;
  }
  return true;
}

/* ---- the others ---- */

static void on_function_call(struct relay *r) {
  struct relay_refusal refusal;
  struct relay_entry *e = queue_push(r, REPLY_QUERY);
  refusal_set(&refusal, "0A000", "function call protocol not supported");
  if (!e || !entry_refuse(r, e, ENDING_POISON, &refusal)) return;
  wire_query(&r->to_server, poison_sql().ptr, poison_sql().len);
}

static void on_copy_end(struct relay *r, const struct wire_frame *m) {
  bool known = r->copying;
  r->copying = false;
  relay_forward(&r->to_server, m);
  if (!known && queue_head(r)) queue_push(r, REPLY_COPY_END);
}

static bool on_message(struct relay *r, const struct wire_frame *m, uint64_t now_ms) {
  switch (m->type) {
    case 'Q': return relay_on_query(r, m, now_ms);
    case 'P': return on_parse(r, m, now_ms);
    case 'B': return on_bind(r, m, now_ms);
    case 'E': return on_execute(r, m, now_ms);
    case 'S': return on_sync(r, m, now_ms);
    case 'C': on_close(r, m); break;
    case 'D': pass(r, m, REPLY_DESCRIBE, 0); break;
    case 'F': on_function_call(r); break;
    case 'c':
    case 'f': on_copy_end(r, m); break;
    case 'H':
    case 'X': relay_forward(&r->to_server, m); break;
    default: relay_shut(r, "the client sent an unknown message");
  }
  return true;
}

bool relay_on_client(struct relay *r, const struct wire_frame *m, uint64_t now_ms) {
  if (m->type != 'S' && m->type != 'X') {
    if (r->discarding) return true;
    if (r->skipping) {
      relay_forward(&r->to_server, m);
      return true;
    }
  }
  if (r->copying && (m->type == 'S' || m->type == 'H')) { /* the server drops it */
    relay_forward(&r->to_server, m);
    return true;
  }
  return on_message(r, m, now_ms);
}
