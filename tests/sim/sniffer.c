#include "sniffer.h"

#include "base/cursor.h"
#include "store.h"

/* By the newest attempt, by any. */
static bool sent[STORE_ROWS_MAX], ever[STORE_ROWS_MAX];

void sniffer_init(void) {
  memset(sent, 0, sizeof sent);
  memset(ever, 0, sizeof ever);
}

bool sniffer_commit_sent(int64_t id, bool by_any_attempt) { return by_any_attempt ? ever[id] : sent[id]; }

static void mark(const struct sniffer *s) {
  for (unsigned i = 0; i < s->n; i++) sent[s->ids[i]] = ever[s->ids[i]] = true;
}

/* The library does not look into a COMMIT: its first byte counts as its last. What was taken of a Parse may be one. */
static bool may_be_commit(const uint8_t *p, size_t n) {
  static const char commit[] = "COMMIT";
  size_t begin = 6; /* the type, the length, no name */

  if (n == 0 || *p != 'P') return false;
  return n <= begin || memcmp(p + begin, commit, n - begin < sizeof commit ? n - begin : sizeof commit) == 0;
}

/* The type alone tells, before the rest has been taken. */
static void look_at_type(struct sniffer *s, uint8_t type) {
  if (type == 'E' && s->portal == VERB_COMMIT) mark(s);
  if (type == 'S' && !s->in_block) mark(s);
  if (type == 'c' && s->copying && !s->in_block) mark(s);
}

static void expect_row(struct sniffer *s, int64_t id) {
  sim_check(s->n < SNIFFER_IDS_MAX, "more rows under way than anybody has asked for");
  s->ids[s->n] = id;
  sent[s->ids[s->n++]] = false;
}

static void bound(struct sniffer *s, const uint8_t *body, size_t n) {
  struct bind b = bind_parse(body, n);
  struct prepared *p = prepared_find(s->prepared, b.statement);

  s->portal = p ? p->command.verb : VERB_UNKNOWN;
  if (s->portal != VERB_PUT) return;
  expect_row(s, command_bind(&p->command, &b.params).v[0]);
}

/* A script's rows are marked when all of it was taken, which is late; scripts are not judged by it. */
static void script(struct sniffer *s, const char *sql) {
  if (strncmp(sql, "LISTEN", 6) == 0 || strncmp(sql, "UNLISTEN", 8) == 0) return;
  while (sql) {
    struct command c = command_parse(sql, &sql);
    if (c.verb == VERB_COPY_IN) {
      s->copying = true;
      s->copied = (struct copy_reader){0};
    }
    if (c.verb == VERB_PUT) sent[c.args.v[0]] = true;
    if (c.verb == VERB_BEGIN) s->in_block = true;
    if (c.verb == VERB_COMMIT || c.verb == VERB_ROLLBACK) s->in_block = false;
  }
}

static void copied(struct sniffer *s, const uint8_t *p, size_t n) {
  int64_t id;
  while (copy_read(&s->copied, &p, &n, &id)) expect_row(s, id);
}

static void copy_over(struct sniffer *s) {
  if (s->copying && !s->in_block) s->n = 0;
  s->copying = false;
}

static void executed(struct sniffer *s) {
  if (s->portal == VERB_BEGIN) s->in_block = true;
  if (s->portal != VERB_COMMIT && s->portal != VERB_ROLLBACK) return;
  s->in_block = false;
  s->n = 0;
}

static void look_at(struct sniffer *s, uint8_t type, const uint8_t *body, size_t n) {
  const char *text = (const char *)body;
  switch (type) {
    case 'P':
      if (prepared_set(s->prepared, text, text + strlen(text) + 1)->command.verb == VERB_COMMIT) mark(s);
      break;
    case 'B': bound(s, body, n); break;
    case 'E': executed(s); break;
    case 'Q': script(s, text); break;
    case 'd': copied(s, body, n); break;
    case 'c':
    case 'f': copy_over(s); break;
    case 'S':
      if (!s->in_block) s->n = 0;
      break;
    default: break;
  }
}

static void trace(const uint8_t *p, bool started) {
  const char *text = (const char *)p + 5;

  if (!started || !sim.verbose) return;
  if (*p == 'P') text += strlen(text) + 1;
  sim_trace("    > %c %s", *p, *p == 'P' || *p == 'Q' ? text : "");
}

/* True when a whole message was there; the StartupMessage has no type. */
static bool take_one(struct sniffer *s, size_t *at) {
  size_t head = s->started ? 1 : 0, left = s->len - *at, n;

  if (s->started && left && !s->first_byte_seen) {
    s->first_byte_seen = true;
    look_at_type(s, s->data[*at]);
  }
  if (left < head + 4) return false;
  n = load_be32(s->data + *at + head);
  if (left < head + n) return false;
  trace(s->data + *at, s->started);
  if (s->started) look_at(s, s->data[*at], s->data + *at + 5, n - 4);
  s->started = true;
  s->first_byte_seen = false;
  *at += head + n;
  return true;
}

void sniffer_take(struct sniffer *s, const void *p, size_t n) {
  size_t at = 0;

  if (!s->prepared) s->prepared = sim_alloc(sizeof *s->prepared);
  if (s->len + n > s->cap) {
    s->cap = 2 * (s->len + n);
    s->data = realloc(s->data, s->cap);
    if (!s->data) abort();
  }
  memcpy(s->data + s->len, p, n);
  s->len += n;
  while (take_one(s, &at)) {}
  memmove(s->data, s->data + at, s->len - at);
  s->len -= at;
  if (s->started && may_be_commit(s->data, s->len)) mark(s);
}

void sniffer_deinit(struct sniffer *s) {
  free(s->data);
  free(s->prepared);
}
