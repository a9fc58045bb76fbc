/* Every state of a transaction, and every event that can end it there: what has to come of it is read in the table of
 * docs/transactions.md. */
#include <stdio.h>

#include "docs_table.h"
#include "rig.h"

enum state {
  WAITING,          /* for a connection: another transaction has it */
  BODY,             /* the event comes from inside the body */
  QUEUED,           /* the first flight is queued, nothing of it is written */
  FLIGHT,           /* the first flight is written */
  AWAITING,         /* a future of another connection */
  COMMIT_QUEUED,    /* the last flight is queued, nothing of it is written */
  COMMITTING,       /* the last flight is written */
  COMMITTING_LATER, /* the statements in it have been answered */
  ROLLING_BACK,     /* ROLLBACK is written, on the connection that is kept */
  OBSERVER,         /* the event comes from inside the observer, which is told of a retry */
  DELAY,
  STATES
};

enum event { CANCEL, DEADLINE, RT_CLOSE, DESTROY, EVENTS };

/* As the page calls them. */
static const char *const state_names[STATES] = {[WAITING] = "waiting for a connection",
                                                [BODY] = "inside the body",
                                                [QUEUED] = "queued, not written",
                                                [FLIGHT] = "under way with statements",
                                                [AWAITING] = "waiting for another future",
                                                [COMMIT_QUEUED] = "queued with its COMMIT, not written",
                                                [COMMITTING] = "under way with its COMMIT",
                                                [COMMITTING_LATER] =
                                                    "under way with its COMMIT, the statements before it answered",
                                                [ROLLING_BACK] = "rolling back for the next attempt",
                                                [OBSERVER] = "inside the observer",
                                                [DELAY] = "in a delay"};

/* What a cell of the page promises. */
static struct promise {
  bool impossible, answered; /* cannot happen; the COMMIT's answer is waited for */
  bool in_doubt, perhaps_in_doubt;
  int code;
} promises[STATES][DESTROY];

static enum state state;
static enum event event;
static bool armed;
static dsql_future *f, *other_future, *at_once;
static dsql_conn *other;
static struct peer_link other_link;

static void happen(void) {
  if (!armed) return;
  armed = false;
  switch (event) {
    case CANCEL:
      dsql_future_cancel(f);
      dsql_future_cancel(f);
      break;
    case DESTROY:
      dsql_future_destroy(f);
      f = NULL;
      break;
    case RT_CLOSE:
      standin_close(r.pool);
      r.pool = NULL;
      client_begin_close(&r.p.x);
      break;
    case DEADLINE:
    case EVENTS: break;
  }
}

static struct {
  unsigned calls;
  int code;
  unsigned flags;
  char text[512];
} outcome;

/* The runtime may be gone when the test looks. */
static void on_outcome(dsql_future *done, void *arg) {
  const dsql_error *e = dsql_future_error(done);
  (void)arg;
  outcome.calls++;
  outcome.code = dsql_future_code(done);
  outcome.flags = e ? e->flags : 0;
  (void)snprintf(outcome.text, sizeof outcome.text, "%s", client_error_text(done));
  dsql_future_destroy(done);
  f = NULL;
}

static void await_outcome(void) {
  for (int i = 0; i < 2000 && f; i++) peer_turn_ms(&r.p, 1);
  cr_assert_eq(outcome.calls, 1, "state %d event %d: %u ends", (int)state, (int)event, outcome.calls);
}

static void on_at_once(dsql_future *ready, void *arg) {
  (void)arg;
  dsql_future_destroy(ready);
  happen();
}

/* Between the end of this call of the body and the write of this turn. */
static void happen_soon(dsql_tx *tx) {
  (void)tx;
  at_once = dsql_all(r.p.x.rt, NULL, 0);
  cr_assert_eq(dsql_future_on_ready(at_once, on_at_once, NULL), 0);
}

static void happen_now(dsql_tx *tx) {
  cr_expect_eq(dsql_tx_query(tx, "queued before", DSQL_NO_PARAMS), 0);
  happen();
}

static void await_other(dsql_tx *tx) { cr_expect_eq(dsql_tx_await(tx, other_future), 0); }

static void observe(const dsql_tx_event *e, void *arg) {
  (void)e;
  (void)arg;
  if (state == OBSERVER) happen();
}

static void hide_link(struct peer_link *hidden) {
  *hidden = r.p.main;
  r.p.main.fd = -1;
  r.p.main.len = 0;
}

/* Before the transaction is started. */
static void prepare(void) {
  if (state == WAITING) {
    dsql_future_detach(rig_start());
    peer_expect(&r.p, READ_FLIGHT);
    r.bodies = 0;
  }
  if (state == AWAITING) {
    other = peer_dial(&r.p);
    rig_accept();
    hide_link(&other_link);
    other_future = dsql_query(other, "elsewhere", DSQL_NO_PARAMS, NULL);
    r.steps[0] = (struct rig_step){.call = await_other, .then = DSQL_WAIT};
  }
  if (state == BODY) r.steps[0].call = happen_now;
  if (state == QUEUED) r.steps[0].call = happen_soon;
  if (state == COMMIT_QUEUED) r.steps[1].call = happen_soon;
  if (state == DELAY) r.options.base_delay_ms = r.options.max_delay_ms = 20000;
  r.options.observer = observe;
}

static void answer_commit(const char *words) {
  rig_answer_read();
  peer_expect(&r.p, WRITE_FLIGHT);
  peer_send(&r.p, words);
}

static void reach(void) {
  switch (state) {
    case WAITING:
    case BODY:
    case QUEUED:
    case AWAITING: peer_turn_ms(&r.p, 5); break;
    case FLIGHT: peer_expect(&r.p, READ_FLIGHT); break;
    case COMMIT_QUEUED: rig_answer_read(); break;
    case COMMITTING: answer_commit(""); break;
    case COMMITTING_LATER: answer_commit("1 2 n C:UPDATE_1 Z:T"); break;
    case ROLLING_BACK:
      answer_commit("1 2 n C:UPDATE_1 Z:T 1 2 E:OC001 Z:I");
      peer_expect(&r.p, "PBES");
      break;
    case OBSERVER:
    case DELAY: answer_commit("1 2 n C:UPDATE_1 Z:T 1 2 E:40001 Z:I"); break;
    case STATES: break;
  }
}

static bool is_inside(void) { return state == BODY || state == QUEUED || state == COMMIT_QUEUED || state == OBSERVER; }
static const struct promise *promise(void) { return &promises[state][event == DESTROY ? CANCEL : event]; }

static struct promise read_promise(const char *cell) {
  struct promise p = {.impossible = strcmp(cell, "-") == 0,
                      .answered = strstr(cell, "the answer is waited for") != NULL,
                      .perhaps_in_doubt = strstr(cell, "perhaps DSQL_IN_DOUBT") != NULL};
  p.in_doubt = !p.perhaps_in_doubt && strstr(cell, "DSQL_IN_DOUBT");
  if (strstr(cell, "DSQL_ECANCELED")) p.code = DSQL_ECANCELED;
  if (strstr(cell, "DSQL_ETIMEDOUT")) p.code = DSQL_ETIMEDOUT;
  if (strstr(cell, "the attempt's own error")) p.code = DSQL_ESERVER;
  cr_assert(p.code || p.impossible || p.answered, "no outcome in: %s", cell);
  return p;
}

static void read_page(void) {
  const char *cells[DOCS_CELLS_MAX];
  struct docs_table t;
  unsigned rows = 0;

  docs_open(&t, "transactions.md", "Cancel, deadline, end of the runtime");
  while (docs_row(&t)) {
    unsigned s = 0;
    cr_assert_eq(docs_cells(&t, cells), 1 + DESTROY);
    if (rows++ == 0) continue; /* the columns' names */
    while (s < STATES && strcmp(state_names[s], cells[0]) != 0) s++;
    cr_assert_lt(s, STATES, "the page has a state that no test knows: %s", cells[0]);
    for (int e = 0; e < DESTROY; e++) promises[s][e] = read_promise(cells[1 + e]);
  }
  cr_assert_eq(rows, 1 + STATES, "%u states", rows - 1);
}

static void check_outcome(void) {
  if (event == DESTROY) {
    cr_expect_eq(outcome.calls, 0);
    return;
  }
  if (promise()->answered) {
    peer_turn(&r.p);
    cr_expect_eq(outcome.calls, 0, "the answer is waited for");
    cr_expect_eq(standin_counts().lent, 1);
    peer_send(&r.p, state == COMMITTING ? WRITE_ANSWER : "1 2 C:COMMIT Z:I");
    await_outcome();
    cr_expect_eq(outcome.code, 0, "%s", outcome.text);
    return;
  }
  await_outcome();
  cr_expect_eq(outcome.code, promise()->code, "state %d event %d: %s", (int)state, (int)event, outcome.text);
  if (promise()->perhaps_in_doubt) return;
  cr_expect_eq(!!(outcome.flags & DSQL_IN_DOUBT), promise()->in_doubt, "state %d event %d: %s", (int)state, (int)event,
               outcome.text);
}

static void finish_unobserved(void) {
  if (!promise()->answered || event != DESTROY) return;
  peer_turn(&r.p);
  cr_expect_eq(standin_counts().lent, 1, "it goes on unobserved");
  peer_send(&r.p, state == COMMITTING ? WRITE_ANSWER : "1 2 C:COMMIT Z:I");
  cr_expect_eq(standin_tx_counts().commits, 2, "the one that warmed up, and this");
}

static void clean_up(void) {
  if (other && event != RT_CLOSE) dsql_conn_close(other); /* else it went with its runtime */
  other = NULL;
  peer_drop(&r.p.main);
  peer_drop(&r.p.cancel);
  if (other_link.fd > 0) peer_drop(&other_link);
  other_link.fd = 0;
}

/* A connection that is there, and idle. */
static void warm_up(void) {
  r.steps[0] = (struct rig_step){.then = DSQL_COMMIT};
  f = rig_start();
  rig_accept();
  peer_succeeds(&r.p, f);
  r.bodies = 0;
}

static void one_cell(void) {
  rig_open("");
  warm_up();
  rig_two_flights();
  if (event == DEADLINE) r.options.deadline_ms = 60;
  if (state == WAITING) r.options.deadline_ms = 0;
  prepare();
  if (event == DEADLINE) r.options.deadline_ms = 60;
  armed = true;
  memset(&outcome, 0, sizeof outcome);
  f = rig_start();
  cr_assert_eq(dsql_future_on_ready(f, on_outcome, NULL), 0);
  reach();
  if (!is_inside()) happen();
  if (is_inside() && event != RT_CLOSE) peer_turn_ms(&r.p, 5);
  check_outcome();
  finish_unobserved();
  cr_expect_eq(standin_counts().lent, state == WAITING && event != RT_CLOSE ? 1u : 0u, "state %d event %d", (int)state,
               (int)event);
  if (event == RT_CLOSE) r.p.x.rt = NULL;
  clean_up();
  rig_close();
}

Test(ending, every_event_in_every_state) {
  read_page();
  for (state = 0; state < STATES; state++)
    for (event = 0; event < EVENTS; event++)
      if (!promise()->impossible) one_cell();
}

/* What was queued and not written is never written. */
Test(ending, a_commit_that_was_not_written_is_dropped) {
  rig_open("");
  rig_two_flights();
  state = COMMIT_QUEUED;
  event = CANCEL;
  armed = true;
  r.steps[1].call = happen_soon;
  f = rig_start();
  rig_accept();
  rig_answer_read();
  rig_answer_rollback();
  peer_fails(&r.p, f, DSQL_ECANCELED, DSQL_CLIENT_SIDE);
  rig_close();
}

/* A deadline that passes behind a failed attempt says what that failed with. */
Test(ending, the_last_error_is_told) {
  rig_open("");
  rig_two_flights();
  r.options.deadline_ms = 80;
  r.options.base_delay_ms = 1;
  f = rig_start();
  rig_accept();
  answer_commit("1 2 n C:UPDATE_1 Z:T 1 2 E:OC001 Z:I");
  cr_expect_eq(peer_settle(&r.p, f), DSQL_ETIMEDOUT);
  cr_expect(str_has(dsql_future_error(f)->message, "after 1 attempts"), "%s", client_error_text(f));
  cr_expect_eq(dsql_future_error(f)->attempts, 1);
  dsql_future_destroy(f);
  rig_close();
}
