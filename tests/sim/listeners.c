#include "listeners.h"

#include "cluster.h"
#include "dsql/listen.h"
#include "server.h"

enum { LISTENERS = 2 };

static const char *const channels[SERVER_CHANNELS] = {"sim", "Other \"one\""};

struct listener {
  dsql_listener *l; /* NULL: closed, or never there */
  bool ended, paused;
  bool wanted[SERVER_CHANNELS], announced[SERVER_CHANNELS], known[SERVER_CHANNELS];
  bool synced[SERVER_CHANNELS]; /* the next number is known */
  uint64_t next[SERVER_CHANNELS];
};

static struct listener all[LISTENERS];

static unsigned channel_of(dsql_str name) {
  for (unsigned i = 0; i < SERVER_CHANNELS; i++)
    if (name.len == strlen(channels[i]) && memcmp(name.ptr, channels[i], name.len) == 0) return i;
  sim_violated("an event of an unknown channel");
}

/* ---- what is told ---- */

static void announced(struct listener *me, unsigned c, bool gap) {
  sim_trace("listener %d: channel %u %s", (int)(me - all), c, gap ? "has a gap" : "is started");
  sim_check(me->wanted[c], "a channel that is not wanted is announced");
  sim_check(!me->announced[c], "channel %u is announced twice", c);
  sim_check(gap == me->known[c], "channel %u: %s", c, gap ? "a gap in what has never begun" : "it begins again");
  me->announced[c] = me->known[c] = true;
  me->synced[c] = false;
}

static void notified(struct listener *me, unsigned c, dsql_str payload) {
  uint64_t n = strtoull(payload.ptr, NULL, 10);

  sim_trace("listener %d: channel %u: %llu", (int)(me - all), c, (unsigned long long)n);
  sim_check(me->announced[c], "channel %u tells something ahead of its announcement", c);
  if (me->synced[c])
    sim_check(n == me->next[c], "notification %llu in place of %llu", (unsigned long long)n,
              (unsigned long long)me->next[c]);
  sim_check(n >= me->next[c], "notification %llu comes again", (unsigned long long)n);
  me->synced[c] = true;
  me->next[c] = n + 1;
}

static void close_one(struct listener *me) {
  dsql_listener *l = me->l;
  me->l = NULL;
  work_enter();
  dsql_listener_close(l);
  work_leave();
}

static void on_event(dsql_listener *l, const dsql_listen_event *ev, void *arg) {
  struct listener *me = arg;

  sim_check(work.in_call == 0, "a listener's callback runs inside a call");
  sim_check(me->l == l && !me->ended, "a listener is told of something after its end");
  sim_note((uint64_t)ev->what + 77);
  switch (ev->what) {
    case DSQL_LISTEN_STARTED:
    case DSQL_LISTEN_GAP: announced(me, channel_of(ev->channel), ev->what == DSQL_LISTEN_GAP); break;
    case DSQL_LISTEN_NOTIFY: notified(me, channel_of(ev->channel), ev->payload); break;
    case DSQL_LISTEN_LOST:
      sim_trace("listener %d: lost: %.*s", (int)(me - all), (int)ev->error->message.len, ev->error->message.ptr);
      memset(me->announced, 0, sizeof me->announced);
      break;
    case DSQL_LISTEN_ENDED:
      sim_trace("listener %d: ended: %.*s", (int)(me - all), (int)ev->error->message.len, ev->error->message.ptr);
      me->ended = true;
      break;
  }
  if (sim_chance(5)) close_one(me);
}

/* ---- what is done ---- */

void listeners_plan(uint64_t span_us) {
  uint32_t least_ms = (uint32_t)(span_us / 1000 / 500); /* days are not for pings */
  dsql_listen_options o;

  memset(all, 0, sizeof all);
  if (server.dsql || sim_chance(600)) return;
  for (unsigned i = 0; i < 1 + sim_below(LISTENERS); i++) {
    dsql_listen_options_init(&o);
    if (least_ms > 1000 || sim_chance(300)) o.ping_interval_ms = least_ms + 1000 + (uint32_t)sim_scaled(60000);
    if (least_ms > 1000) o.backoff_max_ms = least_ms + 10000;
    if (sim_chance(300)) o.ping_timeout_ms = 1000 + (uint32_t)sim_scaled(20000);
    if (sim_chance(300)) o.backoff_ms = 1 + (uint32_t)sim_scaled(60000);
    sim_check(dsql_listen(&all[i].l, work.rt, work.target, channels[0], on_event, &all[i], &o, NULL) == 0,
              "no listener");
    all[i].wanted[0] = true;
  }
}

static void change_channel(struct listener *me) {
  unsigned c = (unsigned)sim_below(SERVER_CHANNELS);
  int rc;

  work_enter();
  if (me->wanted[c]) {
    sim_check(dsql_listener_remove(me->l, channels[c]) == 0, "a channel can't be removed");
    me->wanted[c] = me->announced[c] = me->known[c] = false;
  } else {
    rc = dsql_listener_add(me->l, channels[c]);
    sim_check(rc == 0 || (rc == DSQL_ENOMEM && sim.faults.memory) ||
                  (rc == DSQL_ECLOSED && dsql_listener_status(me->l) == DSQL_LISTENER_ENDED),
              "a channel can't be added: %s", dsql_error_name(rc));
    me->wanted[c] = rc == 0;
  }
  work_leave();
}

static void set_paused(struct listener *me, bool pause) {
  me->paused = pause;
  work_enter();
  if (pause)
    dsql_listener_pause(me->l);
  else
    dsql_listener_resume(me->l);
  work_leave();
}

void listeners_act(void) {
  struct listener *me = &all[sim_below(LISTENERS)];

  for (uint64_t n = sim_scaled(20); n; n--) server_notify((unsigned)sim_below(SERVER_CHANNELS));
  if (!me->l) return;
  switch (sim_below(8)) {
    case 0: change_channel(me); break;
    case 1: set_paused(me, true); break;
    case 2:
    case 3: set_paused(me, false); break;
    case 4:
      if (sim_chance(100)) close_one(me);
      break;
    default: break;
  }
}

void listeners_calm(void) {
  for (struct listener *me = all; me < all + LISTENERS; me++)
    if (me->l && me->paused) set_paused(me, false);
}

bool listeners_settled(void) {
  for (const struct listener *me = all; me < all + LISTENERS; me++) {
    if (!me->l || me->ended) continue;
    if (!cluster_finds_primary()) continue; /* a standby knows no LISTEN */
    if (dsql_listener_status(me->l) != DSQL_LISTENER_LISTENING) return false;
    for (unsigned c = 0; c < SERVER_CHANNELS; c++)
      if (me->wanted[c] && !me->announced[c]) return false;
  }
  return true;
}

void listeners_close(void) {
  for (struct listener *me = all; me < all + LISTENERS; me++)
    if (me->l) close_one(me);
}
