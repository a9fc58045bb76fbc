#include "bench/pacer.h"

enum { FAILURE_PAUSE_NS = 20000000 };

static bool over(const struct pacer *p, uint64_t at_ns) {
  return (p->count && p->begun >= p->count) || (p->duration_ns && at_ns >= p->begin_ns + p->duration_ns);
}

enum pacer_answer pacer_next(struct pacer *p, uint64_t now_ns, uint64_t *at_ns) {
  uint64_t due = p->open ? p->begin_ns + p->begun * p->interval_ns : p->not_before_ns;

  if (over(p, now_ns) || over(p, due)) return PACER_END;
  if (due > now_ns) {
    *at_ns = due;
    return PACER_WAIT;
  }
  *at_ns = p->open ? due : now_ns;
  p->begun++;
  p->not_before_ns = now_ns + p->interval_ns;
  return PACER_START;
}

void pacer_failed(struct pacer *p, uint64_t now_ns) {
  if (p->not_before_ns < now_ns + FAILURE_PAUSE_NS) p->not_before_ns = now_ns + FAILURE_PAUSE_NS;
}

uint64_t pacer_missed(const struct pacer *p, uint64_t end_ns) {
  uint64_t due;

  if (!p->open) return 0;
  if (p->duration_ns && end_ns > p->begin_ns + p->duration_ns) end_ns = p->begin_ns + p->duration_ns;
  due = (end_ns - p->begin_ns + p->interval_ns - 1) / p->interval_ns;
  if (p->count && due > p->count) due = p->count;
  return due > p->begun ? due - p->begun : 0;
}
