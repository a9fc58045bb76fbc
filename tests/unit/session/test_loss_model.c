/* The flags of a lost connection against a model of the server: every short sequence of statements, in every grouping,
 * from every state of the block, sent up to every boundary, with every statement failing or not, and the replies read up
 * to every message. What the model committed must be in doubt or reported as success; and what no run of the model that
 * looks the same from here has committed must not be in doubt, but for a few cases that are counted. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

enum { LEN_MAX = 3, KINDS = 9, RUNS_MAX = 512, REPLIES_MAX = 32 };

/* Statements by what the model does with them; the last three are simple queries. */
static const struct {
  const char *word;
  unsigned ways; /* 0 it succeeds, 1 it fails; more for those that can fail after the fact */
} kinds[KINDS] = {{"b:UPDATE", 2},   {"b:BEGIN", 2},         {"b:COMMIT", 3},
                  {"b:ROLLBACK", 3}, {"b:ROLLBACK_TO_a", 2}, {"b:CALL_p()", 3},
                  {"s:UPDATE", 2},   {"s:COMMIT", 3},        {"s:UPDATE;COMMIT;UPDATE", 3}};
enum { UPDATE, BEGIN, COMMIT, ROLLBACK, ROLLBACK_TO, CALL, QUERY, QUERY_COMMIT, SCRIPT };

struct scenario {
  unsigned n;
  unsigned kind[LEN_MAX];
  bool sync[LEN_MAX];
  char tx_status;
};

/* One run of the model, as seen from here and as it was. */
struct run {
  char replies[REPLIES_MAX][16];
  unsigned count;
  unsigned committed; /* bit for each statement */
};

struct server {
  char block;       /* I, T or E */
  bool skip;        /* to the next Sync */
  unsigned pending; /* not committed yet */
  struct run *run;
};

static void reply(struct server *s, const char *words) {
  cr_assert_lt(s->run->count, REPLIES_MAX);
  (void)snprintf(s->run->replies[s->run->count++], sizeof s->run->replies[0], "%s", words);
}

static void fail(struct server *s) {
  reply(s, "E:1");
  s->skip = true;
  if (s->block == 'I')
    s->pending = 0;
  else
    s->block = 'E'; /* the work is kept: a savepoint may bring it back */
}

static void commit(struct server *s) {
  s->run->committed |= s->pending;
  s->pending = 0;
}

static void end_block(struct server *s, unsigned bit, unsigned way, bool rollback) {
  if (way == 1) {
    fail(s);
  } else if (way == 2) { /* at its very end, as a conflict found at COMMIT does */
    reply(s, "E:1");
    s->skip = true;
    s->pending = 0;
    s->block = 'I';
  } else {
    bool undone = rollback || s->block == 'E';
    if (undone)
      s->pending = 0;
    else
      s->pending |= bit;
    commit(s);
    s->block = 'I';
    reply(s, undone ? "C:ROLLBACK" : "C:COMMIT");
  }
}

static void call(struct server *s, unsigned bit, unsigned way) {
  if (way == 1 || (way == 2 && s->block != 'I')) {
    fail(s);
    return;
  }
  if (s->block != 'I') { /* one that controls no transaction */
    s->pending |= bit;
    reply(s, "C:CALL");
    return;
  }
  if (way == 0) s->pending |= bit;
  commit(s);
  if (way == 2)
    fail(s);
  else
    reply(s, "C:CALL");
}

static void execute(struct server *s, unsigned kind, unsigned bit, unsigned way) {
  bool allowed_in_failed = kind == COMMIT || kind == QUERY_COMMIT || kind == ROLLBACK || kind == ROLLBACK_TO;
  if (s->block == 'E' && !allowed_in_failed) {
    fail(s);
    return;
  }
  switch (kind) {
    case COMMIT:
    case QUERY_COMMIT: end_block(s, bit, way, false); return;
    case ROLLBACK: end_block(s, bit, way, true); return;
    case CALL: call(s, bit, way); return;
    case SCRIPT: /* the first statement in the block, if there is one; the last one outside */
      s->pending |= bit;
      if (way == 1) {
        s->pending &= ~bit;
        fail(s);
        return;
      }
      reply(s, "C:UPDATE");
      commit(s);
      s->block = 'I';
      reply(s, "C:COMMIT");
      if (way == 2)
        fail(s);
      else
        reply(s, "C:UPDATE");
      return;
    default: break;
  }
  if (way == 1 || (kind == ROLLBACK_TO && s->block == 'I')) {
    fail(s);
    return;
  }
  if (kind == BEGIN || kind == ROLLBACK_TO) s->block = 'T';
  if (kind == UPDATE || kind == QUERY) s->pending |= bit;
  reply(s, kind == BEGIN ? "C:BEGIN" : kind == ROLLBACK_TO ? "C:ROLLBACK" : "C:UPDATE");
}

static void sync_group(struct server *s, bool fails) {
  char ready[] = "Z:I";
  if (!s->skip && s->block == 'I') {
    if (fails) { /* a deferred constraint */
      if (s->pending) reply(s, "E:1");
      s->pending = 0;
    }
    commit(s);
  }
  s->skip = false;
  ready[2] = s->block;
  reply(s, ready);
}

/* sent: in halves of statements; an odd one is without its Sync. */
static void simulate(const struct scenario *c, unsigned sent, const unsigned *ways, unsigned sync_fails,
                     struct run *run) {
  struct server s = {.block = c->tx_status, .run = run};
  run->count = 0;
  run->committed = 0;
  for (unsigned i = 0; i < c->n && 2 * i < sent; i++) {
    bool simple = c->kind[i] >= QUERY;
    if (!s.skip) {
      if (!simple) reply(&s, "2");
      execute(&s, c->kind[i], 1u << i, ways[i]);
    }
    if (simple || (c->sync[i] && 2 * i + 1 < sent)) sync_group(&s, (sync_fails >> i) & 1);
  }
}

static bool same_replies(const struct run *a, const struct run *b, unsigned count) {
  if (a->count < count || b->count < count) return false;
  for (unsigned i = 0; i < count; i++)
    if (strcmp(a->replies[i], b->replies[i]) != 0) return false;
  return true;
}

static bool known(const struct run *runs, unsigned n, const struct run *r) {
  for (unsigned i = 0; i < n; i++)
    if (runs[i].count == r->count && runs[i].committed == r->committed && same_replies(&runs[i], r, r->count))
      return true;
  return false;
}

/* Every way in which the statements can go; runs that are the same count once. */
static unsigned all_runs(const struct scenario *c, unsigned sent, struct run *runs) {
  unsigned n = 0, ways[LEN_MAX] = {0}, i;
  do {
    for (unsigned sync_fails = 0; sync_fails < 1u << c->n; sync_fails++) {
      simulate(c, sent, ways, sync_fails, &runs[n]);
      if (!known(runs, n, &runs[n])) n++;
      cr_assert_lt(n, RUNS_MAX);
    }
    for (i = 0; i < c->n && ++ways[i] == kinds[c->kind[i]].ways; i++) ways[i] = 0;
  } while (i < c->n);
  return n;
}

/* The session: once it is set up for the scenario, then lost with so many replies read. Returns what it says of each
 * statement: bits of those in doubt, bits of those that succeeded, bits not sent. */
struct verdict {
  unsigned doubt, succeeded, unsent;
};

static struct rig *rig;
static size_t sessions;

static uint64_t sent_position(unsigned sent) {
  const struct op *op = &rig->ops[(sent - (sent > 0)) / 2];
  if (sent == 0) return op->begin;
  if (sent % 2 == 0 || op->first_steps == STEP_SCRIPT) return op->end;
  return op->sync ? op->end - 5 : op->end;
}

static void judge(const struct scenario *c, const struct op *op, struct verdict *v) {
  size_t i = (size_t)(op - rig->ops);
  unsigned bit = 1u << i;

  rig->done[i]++;
  if (op->flags & DSQL_IN_DOUBT) v->doubt |= bit;
  if (op->outcome == OP_SUCCEEDED) v->succeeded |= bit;
  if (op->flags & DSQL_NOT_SENT) v->unsent |= bit;
  /* A script that failed says so, and no more: its statements before that may be lasting. */
  if (c->kind[i] == SCRIPT && op->outcome == OP_FAILED) v->succeeded |= bit;
}

static struct verdict ask(const struct scenario *c, unsigned sent, const struct run *run, unsigned read) {
  struct verdict v = {0};
  struct session_event ev;
  struct fault f = {0};
  struct backend_script *b = malloc(sizeof *b);
  char words[128] = "";

  cr_assert_not_null(b);
  rig_init_ready(rig, c->tx_status);
  for (unsigned i = 0; i < c->n; i++) {
    (void)snprintf(words, sizeof words, "%s%s", kinds[c->kind[i]].word, c->sync[i] && c->kind[i] < QUERY ? "|" : "");
    rig_submit(rig, words);
  }
  cr_assert(session_gather(&rig->s));
  session_sent(&rig->s, sent_position(sent));
  backend_script_init(b, "");
  for (unsigned i = 0; i < read; i++) backend_script_add(b, run->replies[i]);
  if (b->len) cr_assert_eq(session_feed(&rig->s, b->data, b->len), b->len);
  for (bool ended = false;;) {
    if (!session_next(&rig->s, &ev)) {
      if (ended) break;
      cr_assert_neq(rig->s.phase, SESSION_FAILED);
      fault_set(&f, DSQL_ECLOSED, "end");
      session_end(&rig->s, &f);
      ended = true;
      continue;
    }
    if (ev.type == EVENT_OP_DONE) judge(c, ev.op, &v);
    if (ev.type == EVENT_GROUP_OK)
      for (struct op *op; (op = session_take_ended(&rig->s)) != NULL;) judge(c, op, &v);
  }
  rig_deinit(rig);
  free(b);
  sessions++;
  return v;
}

static void show(const struct scenario *c, unsigned sent, const struct run *run, unsigned read, char *out,
                 size_t size) {
  int n = snprintf(out, size, "%c:", c->tx_status);
  for (unsigned i = 0; i < c->n; i++)
    n += snprintf(out + n, size - (size_t)n, " %s%s", kinds[c->kind[i]].word, c->sync[i] ? "|" : "");
  n += snprintf(out + n, size - (size_t)n, " sent %u read", sent);
  for (unsigned i = 0; i < read; i++) n += snprintf(out + n, size - (size_t)n, " %s", run->replies[i]);
}

struct totals {
  size_t scenarios, views, over_claims, unexplained;
};

/* One statement is in doubt although no run that looks like this one has committed it. Deliberate caution: where a BEGIN
 * stands behind it in its group, because what the server makes of that is a matter of its version; where somebody uses
 * ROLLBACK TO; in a block that is known to have failed, that anything but its end fails; and what a simple query does is
 * not looked at closer. */
static bool explained(const struct scenario *c, unsigned op) {
  for (unsigned i = 0; i < c->n; i++)
    if (c->kind[i] == ROLLBACK_TO || c->kind[i] == SCRIPT || c->kind[i] == QUERY_COMMIT) return true;
  if (c->tx_status == 'E') return true;
  for (unsigned i = op; i < c->n && !c->sync[i]; i++)
    if (c->kind[i + 1] == BEGIN) return true;
  return false;
}

static void check_view(const struct scenario *c, unsigned sent, const struct run *runs, unsigned n, unsigned at,
                       unsigned read, struct totals *t) {
  unsigned possible = 0;
  struct verdict v;
  char text[512];

  for (unsigned i = 0; i < at; i++)
    if (same_replies(&runs[i], &runs[at], read)) return; /* this view was looked at */
  for (unsigned i = at; i < n; i++)
    if (same_replies(&runs[i], &runs[at], read)) possible |= runs[i].committed;
  v = ask(c, sent, &runs[at], read);
  t->views++;
  show(c, sent, &runs[at], read, text, sizeof text);
  cr_assert_eq(possible & ~(v.doubt | v.succeeded), 0, "%s: may be committed %x, in doubt %x, succeeded %x", text,
               possible, v.doubt, v.succeeded);
  cr_assert_eq(possible & v.unsent, 0, "%s: committed, but said not to be sent", text);
  for (unsigned op = 0; op < c->n; op++) {
    if (!(v.doubt & ~possible & (1u << op))) continue;
    t->over_claims++;
    if (explained(c, op)) continue;
    if (t->unexplained++ < 5) fprintf(stderr, "in doubt without need: %s: statement %u\n", text, op);
  }
}

static void check_scenario(const struct scenario *c, struct run *runs, struct totals *t) {
  t->scenarios++;
  for (unsigned sent = 0; sent <= 2 * c->n; sent++) {
    unsigned n;
    if (sent % 2 == 1 && (c->kind[sent / 2] >= QUERY || !c->sync[sent / 2])) continue;
    n = all_runs(c, sent, runs);
    for (unsigned i = 0; i < n; i++)
      for (unsigned read = 0; read <= runs[i].count; read++) check_view(c, sent, runs, n, i, read, t);
  }
}

/* Groupings: the last statement and every simple query end a group; a simple query stands alone. */
static bool set_grouping(struct scenario *c, unsigned mask) {
  for (unsigned i = 0; i < c->n; i++) {
    bool last = i + 1 == c->n;
    bool must = last || c->kind[i] >= QUERY || c->kind[i + 1] >= QUERY;
    bool wants = last || (mask >> i) & 1;
    if (must && !wants) return false;
    c->sync[i] = must || wants;
  }
  return true;
}

static void check_length(unsigned n, struct totals *t) {
  static const char states[] = "ITE";
  struct run *runs = calloc(RUNS_MAX + 1, sizeof *runs);
  unsigned sequences = 1;
  cr_assert_not_null(runs);
  for (unsigned i = 0; i < n; i++) sequences *= KINDS;
  for (unsigned sequence = 0; sequence < sequences; sequence++)
    for (unsigned mask = 0; mask < 1u << (n - 1); mask++)
      for (unsigned state = 0; state < 3; state++) {
        struct scenario c = {.n = n, .tx_status = states[state]};
        for (unsigned i = 0, rest = sequence; i < n; i++, rest /= KINDS) c.kind[i] = rest % KINDS;
        if (set_grouping(&c, mask)) check_scenario(&c, runs, t);
      }
  free(runs);
}

static void check(unsigned n, size_t scenarios, size_t views) {
  struct totals t = {0};
  rig = calloc(1, sizeof *rig);
  cr_assert_not_null(rig);
  check_length(n, &t);
  free(rig);
  printf("%zu scenarios, %zu views, %zu in doubt without need, %zu of them without a reason\n", t.scenarios, t.views,
         t.over_claims, t.unexplained);
  cr_assert_eq(t.unexplained, 0);
  cr_assert_eq(t.scenarios, scenarios);
  cr_assert_eq(t.views, views);
}

Test(loss_model, one_statement) { check(1, 27, 254); }
Test(loss_model, two_statements) { check(2, 351, 10325); }
Test(loss_model, three_statements, .timeout = 150) { check(3, 4779, 332778); }
