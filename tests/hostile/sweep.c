#include "sweep.h"

static bool mark(struct fake_conn *c, enum sweep_mark m) {
  size_t *marks = fake_arg(c);
  if (!fake_flush(c)) return false;
  if (marks) marks[m] = fake_sent(c);
  return true;
}

static bool mark_challenged(struct fake_conn *c) {
  size_t *marks = fake_arg(c);
  if (marks) marks[SWEEP_CHALLENGED] = fake_challenged(c);
  return true;
}
static bool mark_ready(struct fake_conn *c) { return mark(c, SWEEP_READY); }
static bool mark_first(struct fake_conn *c) { return mark(c, SWEEP_FIRST); }
static bool mark_failed(struct fake_conn *c) { return mark(c, SWEEP_FAILED); }
static bool mark_second(struct fake_conn *c) { return mark(c, SWEEP_SECOND); }
static bool mark_third(struct fake_conn *c) { return mark(c, SWEEP_THIRD); }

const struct fake_step sweep_script[] = {
    FAKE_DO(FAKE_STARTUP),
    FAKE_FN(fake_scram),
    FAKE_FN(mark_challenged),
    FAKE_M('S', "server_version\0"
                "18.0\0"),
    FAKE_M('N', "SNOTICE\0VNOTICE\0C00000\0Mhello\0\0"),
    FAKE_M('K', "\0\0\0\7\0\0\0\x9"),
    FAKE_M('Z', "I"),
    FAKE_FN(mark_ready),
    FAKE_A('S'),
    FAKE_INT4_COLUMN,
    FAKE_M('D', "\0\1"
                "\0\0\0\2"
                "42"),
    FAKE_M('D', "\0\1"
                "\xff\xff\xff\xff"),
    FAKE_M('S', "TimeZone\0"
                "UTC\0"),
    FAKE_SELECTED,
    FAKE_FN(mark_first),
    FAKE_A('S'),
    FAKE_M('1', ""),
    FAKE_M('E', "SERROR\0VERROR\0C22012\0Mdivision by zero\0\0"),
    FAKE_FN(mark_failed),
    FAKE_M('Z', "I"),
    FAKE_FN(mark_second),
    FAKE_A('Q'),
    FAKE_M('C', "SET\0"),
    FAKE_M('I', ""),
    FAKE_M('Z', "I"),
    FAKE_FN(mark_third),
    FAKE_DO(FAKE_END),
};

static void note(dsql_future *f, int *code, unsigned *flags, int *os_error) {
  const dsql_error *e;
  *code = dsql_future_run(f);
  e = dsql_future_error(f);
  if (flags) *flags = e ? e->flags : 0;
  if (os_error) *os_error = e ? e->os_error : 0;
  dsql_future_destroy(f);
}

struct sweep_outcome sweep_run(struct sweep *s, const struct fake_plan *plan) {
  struct sweep_outcome o = {0};
  dsql_future *ready, *f[3];
  dsql_conn *c;

  fake_plan_set(s->server, plan);
  c = client_dial(&s->x, "%s password=secret", fake_conninfo(s->server));
  ready = dsql_conn_ready(c);
  f[0] = dsql_query(c, "select x from t", DSQL_NO_PARAMS, NULL);
  f[1] = dsql_query(c, "select 1/0", DSQL_NO_PARAMS, NULL);
  note(ready, &o.ready, NULL, NULL);
  f[2] = dsql_exec(c, "set a = 1; ", NULL);
  for (size_t i = 0; i < 3; i++) note(f[i], &o.code[i], &o.flags[i], &o.os_error[i]);
  dsql_conn_close(c);
  fake_wait_idle(s->server);
  return o;
}

void sweep_open(struct sweep *s, enum fake_transport transport) {
  struct sweep_outcome o;
  *s = (struct sweep){0};
  client_open(&s->x);
  s->server = fake_start(transport);
  o = sweep_run(s, &(struct fake_plan){.steps = sweep_script, .arg = s->marks});
  cr_assert(o.ready == 0 && o.code[0] == 0 && o.code[1] == DSQL_ESERVER && o.code[2] == 0, "%d %d %d %d", o.ready,
            o.code[0], o.code[1], o.code[2]);
}

void sweep_close(struct sweep *s) {
  client_close(&s->x);
  fake_stop(s->server);
}

enum { DOUBT = DSQL_IN_DOUBT | DSQL_NOT_SENT };

/* The first two leave with the answer to the challenge, the third once the session is ready; from then on a lost answer
 * leaves them in doubt. At the byte that lets them go it depends on what the client sees first, its turn to write or the
 * end of stream. */
static bool doubt_fits(const struct sweep *s, size_t sent, int query, unsigned flags) {
  size_t leaves = query < 2 ? s->marks[SWEEP_CHALLENGED] : s->marks[SWEEP_READY];
  size_t surely = query < 2 ? s->marks[SWEEP_CHALLENGED] : s->marks[SWEEP_SECOND];

  flags &= DOUBT;
  if (sent < leaves) return flags == DSQL_NOT_SENT;
  if (sent > surely) return flags == DSQL_IN_DOUBT;
  return flags == DSQL_NOT_SENT || flags == DSQL_IN_DOUBT;
}

static void check_query(const struct sweep *s, size_t sent, const struct sweep_outcome *o, int i) {
  static const enum sweep_mark ends[] = {SWEEP_FIRST, SWEEP_FAILED, SWEEP_THIRD};
  static const int good[] = {0, DSQL_ESERVER, 0};
  bool lost_before = i == 2 && sent < s->marks[SWEEP_READY]; /* called when it was over */
  int want = sent >= s->marks[ends[i]] ? good[i] : lost_before ? DSQL_ECLOSED : DSQL_EIO;
  unsigned flags = o->flags[i];

  cr_assert_eq(o->code[i], want, "cut at %zu: query %d is %s, want %s", sent, i, dsql_error_name(o->code[i]),
               dsql_error_name(want));
  if (want == DSQL_ESERVER)
    cr_assert_eq(flags, sent < s->marks[SWEEP_SECOND] ? DSQL_CONN_LOST : 0, "cut at %zu: query %d flags %u", sent, i,
                 flags);
  if (want == DSQL_ECLOSED) cr_assert_eq(flags, DSQL_NOT_SENT | DSQL_CLIENT_SIDE, "cut at %zu: flags %u", sent, flags);
  if (want != DSQL_EIO) return;
  cr_assert_eq(flags & ~(unsigned)DOUBT, DSQL_CONN_LOST | DSQL_CLIENT_SIDE, "cut at %zu: query %d flags %u", sent, i,
               flags);
  cr_assert(doubt_fits(s, sent, i, flags), "cut at %zu: query %d has flags %u", sent, i, flags);
}

void sweep_check(const struct sweep *s, size_t sent, const struct sweep_outcome *o) {
  cr_assert_eq(o->ready, sent >= s->marks[SWEEP_READY] ? 0 : DSQL_EIO, "cut at %zu: ready is %s", sent,
               dsql_error_name(o->ready));
  for (int i = 0; i < 3; i++) check_query(s, sent, o, i);
}
