/* link_bulk.c - fewer and larger reads while the server streams a lot. PostgreSQL sends 8 KiB at a time, and each of
 * them would wake the loop: waking costs more than reading does. So, once a stream is long enough, the kernel is told
 * to report the socket readable from LINK_BULK_BYTES on (SO_RCVLOWAT, socket(7)), and what is less is fetched
 * LINK_BULK_MS after the last read. Whatever is sent ends it, for an answer must not wait.
 *
 *   state     | event                                                 | action                            | next
 *   EACH READ | LINK_BULK_AFTER bytes came since anything was sent    | low water LINK_BULK_BYTES; timer  | BULK
 *   BULK      | readable, or the timer, and bytes came                | timer again                       | BULK
 *   BULK      | the timer, and nothing came                           | low water 1; count anew           | EACH READ
 *   BULK      | bytes were sent                                       | low water 1; count anew; no timer | EACH READ
 *   BULK      | pause                                                 | no timer                          | BULK
 *   BULK      | resume                                                | reads, as the timer does          | BULK
 *   any       | end, close                                            | no timer                          | -
 *
 * End of stream and errors are reported at any low water. A socket that knows none (a Unix one) is read as before. */
#include "net/link_state.h"

static void each_read(struct link *l) {
  l->bulk = false;
  l->bulk_from = l->stats.bytes_received;
  rt_timer_stop(l->rt, &l->bulk_timer);
  socket_low_water(l->fd, 1);
}

static void on_timer(struct rt_timer *t) {
  struct link *l = LIST_ENTRY(t, struct link, bulk_timer);
  uint64_t before = l->stats.bytes_received;

  if (!link_reading(l)) return;
  link_read(l, false);
  if (link_gone(l)) return;
  if (l->bulk && l->stats.bytes_received == before) each_read(l);
  link_poll_update(l);
  l->events->on_turn(l->owner);
}

void link_bulk_read(struct link *l) {
  if (!l->bulk) {
    if (l->stats.bytes_received - l->bulk_from < LINK_BULK_AFTER) return;
    l->bulk = true;
    l->bulk_timer = (struct rt_timer){.fire = on_timer, .background = true};
    socket_low_water(l->fd, LINK_BULK_BYTES);
  }
  if (link_reading(l))
    rt_timer_start(l->rt, &l->bulk_timer, rt_now_ms(l->rt) + LINK_BULK_MS);
  else
    rt_timer_stop(l->rt, &l->bulk_timer);
}

void link_bulk_sent(struct link *l) {
  l->bulk_from = l->stats.bytes_received;
  if (l->bulk) each_read(l);
}

void link_bulk_stop(struct link *l) {
  if (l->bulk) rt_timer_stop(l->rt, &l->bulk_timer);
}
