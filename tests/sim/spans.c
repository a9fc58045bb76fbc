#include "spans.h"

#include "sim.h"

struct span {
  struct span *next;
  uint64_t id;
  enum dsql_span_kind kind;
  unsigned ends;
};

static struct span *spans;
static uint64_t last_id;

static void *on_start(const dsql_span *s, void *arg) {
  struct span *to = sim_alloc(sizeof *to);

  (void)arg;
  sim_check(s->id > last_id, "span %llu comes behind %llu", (unsigned long long)s->id, (unsigned long long)last_id);
  last_id = s->id;
  *to = (struct span){.next = spans, .id = s->id, .kind = s->kind};
  spans = to;
  sim_note(s->id + (uint64_t)s->kind);
  return to;
}

static void on_end(const dsql_span *s, void *data, void *arg) {
  struct span *of = data;

  (void)arg;
  sim_check(of->id == s->id && of->kind == s->kind, "the end of span %llu has another one's data",
            (unsigned long long)s->id);
  sim_check(of->ends++ == 0, "span %llu ends twice", (unsigned long long)s->id);
  sim_check(!s->error || s->error->code < 0, "span %llu fails with %d", (unsigned long long)s->id, s->error->code);
  sim_note(s->error ? (uint64_t)-s->error->code : 1);
}

static void on_line(const char *line, size_t len, void *arg) {
  (void)arg;
  sim_check(len > 10 && memcmp(line, "level=warn", 10) == 0, "a line of another kind");
  sim_note(len);
}

void spans_watch(dsql_rt *rt) {
  dsql_hooks h;

  last_id = 0;
  if (sim.seed % 4 == 0) return;
  dsql_hooks_init(&h);
  h.start = on_start;
  h.end = on_end;
  if (sim.seed % 4 == 1) {
    h.log = on_line;
    h.slow_query_ms = 100;
  }
  sim_check(dsql_rt_observe(rt, &h) == 0, "no hooks");
}

void spans_check(void) {
  struct span *s;

  while ((s = spans) != NULL) {
    sim_check(s->ends == 1, "span %llu, of kind %d, has no end", (unsigned long long)s->id, (int)s->kind);
    spans = s->next;
    free(s);
  }
}
