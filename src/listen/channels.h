/* channels.h - the channels of a listener, sorted by name: a notification finds its own in O(log n).
 *
 *   state    meaning                                        next
 *   OUT      not listened to in this session                JOINING, when it is wanted; else it is dropped
 *   JOINING  LISTEN is on its way                           ON
 *   ON       listened to                                    LEAVING, when it is not wanted
 *   LEAVING  UNLISTEN is on its way                         OUT
 *   any      the session is lost                            OUT
 *
 * A channel that is wanted is announced once per session, before its first notification. One that is removed and added
 * again starts anew. */
#ifndef DSQL_LISTEN_CHANNELS_H
#define DSQL_LISTEN_CHANNELS_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/list.h"

enum { CHANNEL_NAME_MAX = 63 }; /* NAMEDATALEN - 1: a longer one would be cut, and pg_notify() refuses it */
enum channel_state { CHANNEL_OUT, CHANNEL_JOINING, CHANNEL_ON, CHANNEL_LEAVING };

struct channel {
  struct list due; /* to be announced */
  enum channel_state state;
  bool wanted;
  bool announced; /* in this session */
  bool known;     /* in this session or an earlier one: next time it is a gap */
  uint8_t len;
  char name[CHANNEL_NAME_MAX];
};

struct channels {
  const dsql_alloc *alloc;
  struct channel **list;
  size_t count, cap;
  struct list due;
};

void channels_init(struct channels *all, const dsql_alloc *alloc);
void channels_deinit(struct channels *all);
/* NULL: there is none. */
struct channel *channels_find(const struct channels *all, dsql_str name);
/* Wanted from now on, new or not. EINVAL (the name), ENOMEM. */
int channels_add(struct channels *all, const char *name);
int channels_remove(struct channels *all, const char *name); /* EINVAL: none is wanted by that name */
/* What has to be sent for the wanted to be what is listened to, appended to script; these channels are on their way then.
 * False: nothing. What is neither wanted nor listened to is dropped. */
bool channels_script(struct channels *all, struct buf *script);
void channels_confirmed(struct channels *all); /* the script was run */
void channels_lost(struct channels *all);
void channels_announced(struct channel *ch);

#endif
