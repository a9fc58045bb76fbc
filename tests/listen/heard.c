#include "heard.h"

#include <stdio.h>

static void add(struct heard *h, const char *mark, dsql_str a, const char *between, dsql_str b) {
  size_t n = strlen(h->text);
  int shown = b.len > 20 ? 20 : (int)b.len;
  (void)snprintf(h->text + n, sizeof h->text - n, "%s%s%.*s%s%.*s", n ? " " : "", mark, (int)a.len, a.ptr, between,
                 shown, b.ptr);
}

static void keep_error(struct heard *h, const dsql_error *e) {
  h->error = e->code;
  (void)snprintf(h->why, sizeof h->why, "%.*s", (int)e->message.len, e->message.ptr);
  (void)snprintf(h->sqlstate, sizeof h->sqlstate, "%s", e->sqlstate);
}

void heard_on_event(dsql_listener *l, const dsql_listen_event *event, void *arg) {
  static const dsql_str none = {"", 0};
  struct heard *h = arg;

  h->events++;
  switch (event->what) {
    case DSQL_LISTEN_STARTED: add(h, "+", event->channel, "", none); break;
    case DSQL_LISTEN_GAP:
      add(h, "~", event->channel, "", none);
      h->missed_ms = event->missed_ms;
      break;
    case DSQL_LISTEN_NOTIFY:
      add(h, "", event->channel, "=", event->payload);
      h->pid = event->backend_pid;
      break;
    case DSQL_LISTEN_LOST:
      add(h, "-", none, "", none);
      h->lost++;
      h->retry_ms = event->retry_ms;
      keep_error(h, event->error);
      break;
    case DSQL_LISTEN_ENDED:
      add(h, "!", none, "", none);
      keep_error(h, event->error);
      break;
  }
  if (h->then) h->then(l, event, h->arg);
}

const char *heard_words(struct heard *h) {
  static char words[sizeof h->text];
  (void)snprintf(words, sizeof words, "%s", h->text);
  h->text[0] = '\0';
  return words;
}
