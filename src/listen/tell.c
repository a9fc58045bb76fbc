/* What the user is told. His callback may close the listener, so nothing of it is touched afterwards but under busy. */
#include "listen/listener.h"

static void tell(struct dsql_listener *l, const dsql_listen_event *ev) { l->fn(l, ev, l->arg); }

static dsql_str name_of(const struct channel *ch) { return (dsql_str){ch->name, ch->len}; }

static uint32_t short_ms(uint64_t ms) { return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX; }

/* The name is copied: the channel may go in the callback. */
static void announce(struct dsql_listener *l, struct channel *ch) {
  struct channel copy = *ch;
  dsql_listen_event ev = {.what = ch->known ? DSQL_LISTEN_GAP : DSQL_LISTEN_STARTED, .channel = name_of(&copy)};

  if (ch->known) ev.missed_ms = short_ms(rt_now_ms(l->rt) - l->lost_ms);
  channels_announced(ch);
  tell(l, &ev);
}

void listener_announce(struct dsql_listener *l) {
  struct list *node;

  while (!l->closed && !l->paused && (node = list_pop_front(&l->channels.due)) != NULL)
    announce(l, LIST_ENTRY(node, struct channel, due));
}

static struct channel *heard_channel(const struct dsql_listener *l, dsql_str name) {
  struct channel *ch = channels_find(&l->channels, name);
  return ch && ch->wanted && (ch->state == CHANNEL_ON || ch->state == CHANNEL_JOINING) ? ch : NULL;
}

/* One that comes before the answer to its LISTEN proves that this has taken effect. */
void listener_on_notify(dsql_conn *c, const dsql_notification *n, void *arg) {
  struct dsql_listener *l = arg;
  struct channel *ch = heard_channel(l, n->channel);

  l->heard_ms = rt_now_ms(l->rt);
  if (!ch || rt_closing(l->rt)) return;
  listener_enter(l);
  if (!ch->announced) {
    announce(l, ch);
    ch = l->closed || l->conn != c ? NULL : heard_channel(l, n->channel);
  }
  if (ch && ch->announced) {
    dsql_listen_event ev = {
        .what = DSQL_LISTEN_NOTIFY, .channel = n->channel, .payload = n->payload, .backend_pid = n->backend_pid};
    l->notifications++;
    tell(l, &ev);
  }
  listener_leave(l);
}

void listener_tell_lost(struct dsql_listener *l, uint32_t retry_ms) {
  dsql_listen_event ev = {.what = DSQL_LISTEN_LOST, .error = &l->error->pub, .retry_ms = retry_ms};
  tell(l, &ev);
}

void listener_tell_ended(struct dsql_listener *l) {
  dsql_listen_event ev = {.what = DSQL_LISTEN_ENDED, .error = &l->error->pub};

  if (l->ended_told) return;
  l->ended_told = true;
  tell(l, &ev);
}
