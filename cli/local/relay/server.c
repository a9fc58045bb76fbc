/* The server's messages: each is given to the entry that it answers. What fits no entry passes: the private server is
 * no adversary, and an answer too many is the client's to judge. */
#include <string.h>

#include "base/error.h"
#include "internal.h"

static void pop_if(struct relay *r, enum reply type) {
  struct relay_entry *e = queue_head(r);
  if (e && e->type == type) queue_pop(r);
}

/* ParseComplete, BindComplete, CloseComplete: of our own messages they are not passed on. */
static bool on_plain(struct relay *r, enum reply type) {
  struct relay_entry *e = queue_head(r);
  bool swallow = e && e->type == type && e->swallow;
  pop_if(r, type);
  return !swallow;
}

bool relay_on_server_header(struct relay *r, uint8_t type) {
  switch (type) {
    case WIRE_PARSE_COMPLETE: return on_plain(r, REPLY_PARSE);
    case WIRE_BIND_COMPLETE: return on_plain(r, REPLY_BIND);
    case WIRE_CLOSE_COMPLETE: return on_plain(r, REPLY_CLOSE);
    case WIRE_ROW_DESCRIPTION:
    case WIRE_NO_DATA: pop_if(r, REPLY_DESCRIBE); break;
    case WIRE_EMPTY_QUERY_RESPONSE:
    case WIRE_PORTAL_SUSPENDED: pop_if(r, REPLY_EXECUTE); break;
    case WIRE_COPY_IN_RESPONSE: r->copying = !queue_enter_copy(r); break;
    default: break;
  }
  return true;
}

/* ---- the transaction, as the server tells it ---- */

/* Whose DDL it was has seen it, unless there was another's before. */
static void publish_schema(struct relay *r) {
  if (!r->tx_ddl) return;
  if (r->catalog_seen == r->world->catalog) r->catalog_seen++;
  r->world->catalog++;
  r->tx_ddl = false;
}

static bool tag_is(dsql_str tag, const char *s) { return strlen(s) == tag.len && memcmp(tag.ptr, s, tag.len) == 0; }

static bool tag_is_ddl(dsql_str tag) {
  static const char *const first[] = {"CREATE ", "ALTER ", "DROP ", "GRANT", "REVOKE", "COMMENT", "REASSIGN"};
  for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
    size_t n = strlen(first[i]);
    if (tag.len >= n && memcmp(tag.ptr, first[i], n) == 0) return true;
  }
  return false;
}

static void note_tag(struct relay *r, dsql_str tag, unsigned effect, uint64_t now_ms) {
  if (tag_is(tag, "BEGIN") || tag_is(tag, "START TRANSACTION")) {
    if (!r->block) r->block_since_ms = now_ms;
    r->block = true;
  } else if (tag_is(tag, "COMMIT")) {
    publish_schema(r);
    r->block = r->wrote = false;
  } else if (tag_is(tag, "ROLLBACK")) {
    r->block = r->wrote = r->tx_ddl = false;
  } else {
    if (tag_is_ddl(tag) || (effect & EFFECT_DEFINES)) r->tx_ddl = true;
    if (effect & EFFECT_WRITES) r->wrote = true;
  }
}

/* ---- CommandComplete ---- */

/* The statement's end; false when the client is not to see it. */
static bool end_statement(struct relay *r, const struct relay_entry *e) {
  if (e->ending == ENDING_DENY) relay_put_error(&r->to_client, "ERROR", e->refusal);
  if (e->ending == ENDING_CLOSE) {
    publish_schema(r);
    relay_shut(r, "injected fault: close");
  }
  return e->ending != ENDING_DENY && e->ending != ENDING_CLOSE;
}

static void on_complete(struct relay *r, const struct wire_frame *m, uint64_t now_ms) {
  struct relay_entry *e = queue_head(r);
  struct cursor c = cursor_of(m->body, m->len);
  bool seen = true;
  note_tag(r, cursor_cstr(&c), e ? e->effect : 0, now_ms);
  r->copying = false;
  if (e && e->type == REPLY_QUERY) {
    if (e->statement == 0) seen = end_statement(r, e);
    e->statement--; /* wraps where no ending is due any more: no script has so many */
  } else if (e && e->type == REPLY_EXECUTE) {
    seen = end_statement(r, e);
    queue_pop(r);
  }
  if (seen) relay_forward(&r->to_client, m);
}

/* ---- ErrorResponse ---- */

static bool contains(dsql_str text, const char *part) {
  size_t n = strlen(part);
  for (size_t i = 0; i + n <= text.len; i++)
    if (memcmp(text.ptr + i, part, n) == 0) return true;
  return false;
}

static bool is_state(dsql_str state, const char *code) { return state.len == 5 && memcmp(state.ptr, code, 5) == 0; }

/* Writes the error without the fields that tell of texts and objects that are not the client's. */
static void put_stripped(struct buf *out, const struct wire_frame *m) {
  struct cursor c = cursor_of(m->body, m->len);
  size_t start = out->len;
  uint8_t type;
  buf_put_u8(out, m->type);
  buf_put_be32(out, 0);
  while ((type = cursor_u8(&c)) != 0) {
    dsql_str text = cursor_cstr(&c);
    if (strchr("PpqWFLR", type)) continue;
    buf_put_u8(out, type);
    buf_put(out, text.ptr, text.len + 1);
  }
  buf_put_u8(out, 0);
  relay_end_message(out, start);
}

static void pass_error(struct relay *r, const struct wire_frame *m, const struct relay_entry *e) {
  dsql_str state = error_body_field(m->body, m->len, 'C'), message = error_body_field(m->body, m->len, 'M'),
           context = error_body_field(m->body, m->len, 'W');
  struct relay_refusal occ;
  if (e && e->ending == ENDING_POISON && is_state(state, "42703") && contains(message, RELAY_POISON_NAME)) {
    relay_put_error(&r->to_client, "ERROR", e->refusal);
  } else if (is_state(state, "40001") || is_state(state, "40P01") || is_state(state, "55P03")) {
    refusal_occ(&occ);
    relay_put_error(&r->to_client, "ERROR", &occ);
  } else if ((e && (e->effect & EFFECT_REWRITTEN)) || contains(context, "dsql_local.")) {
    put_stripped(&r->to_client, m);
  } else {
    relay_forward(&r->to_client, m);
  }
}

static void on_error(struct relay *r, const struct wire_frame *m) {
  struct relay_entry *e = queue_head(r);
  if (wire_check_error(m->body, m->len)) {
    relay_shut(r, "the server sent a malformed error");
    return;
  }
  pass_error(r, m, e);
  r->tx_ddl = r->wrote = r->copying = false;
  r->group_failed = true;
  if (!e || e->type == REPLY_QUERY) return;
  queue_skip_to_sync(r);
  r->skipping = !r->discarding && !queue_head(r);
}

/* ---- ReadyForQuery ---- */

enum { PORTALS_KEPT = 64 };

static void note_ready(struct relay *r, char status, uint64_t now_ms) {
  bool block = status != 'I';
  if (block && !r->block) r->block_since_ms = now_ms;
  r->block = block;
  r->tx_status = status;
  r->group_failed = false;
  if (block) return;
  publish_schema(r);
  r->wrote = false;
  /* Portals end with their transaction; their names are worth forgetting only when there are many. */
  if (r->portals.count > PORTALS_KEPT && !queue_head(r)) names_clear(&r->portals, r->alloc);
}

static void on_ready(struct relay *r, const struct wire_frame *m, uint64_t now_ms) {
  struct relay_entry *e = queue_head(r);
  enum ending ending = ENDING_PLAIN;
  char status;
  if (wire_decode_ready(m->body, m->len, &status)) {
    relay_shut(r, "the server sent a malformed ReadyForQuery");
    return;
  }
  if (e && (e->type == REPLY_SYNC || e->type == REPLY_QUERY)) {
    if (e->type == REPLY_SYNC && !r->group_failed) ending = e->ending;
    if (ending == ENDING_DENY) relay_put_error(&r->to_client, "ERROR", e->refusal);
    queue_pop(r);
    queue_head(r); /* what needs no answer doesn't stay */
  }
  note_ready(r, status, now_ms);
  if (ending == ENDING_CLOSE) {
    relay_shut(r, "injected fault: close");
  } else {
    relay_forward(&r->to_client, m);
  }
}

void relay_on_server(struct relay *r, const struct wire_frame *m, uint64_t now_ms) {
  if (m->type == WIRE_COMMAND_COMPLETE) {
    on_complete(r, m, now_ms);
  } else if (m->type == WIRE_ERROR_RESPONSE) {
    on_error(r, m);
  } else {
    on_ready(r, m, now_ms);
  }
}
