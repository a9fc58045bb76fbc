/* heard.h - what a listener has told, as words: "+a" STARTED, "~a" GAP, "a=payload", "-" LOST, "!" ENDED. */
#ifndef DSQL_TEST_HEARD_H
#define DSQL_TEST_HEARD_H

#include "client.h"
#include "dsql/listen.h"

struct heard {
  char text[4096];
  unsigned events, lost;
  int error;      /* of the last LOST or ENDED */
  char why[1024]; /* its message */
  char sqlstate[6];
  uint32_t retry_ms, missed_ms;
  int32_t pid;
  void (*then)(dsql_listener *l, const dsql_listen_event *event, void *arg); /* called with every event, last */
  void *arg;
};

/* A dsql_listen_fn; arg is a struct heard. */
void heard_on_event(dsql_listener *l, const dsql_listen_event *event, void *arg);
/* The words since the last call. */
const char *heard_words(struct heard *h);

#endif
