/* conninfo_diff LIBPQ COUNT SEED - every seed and COUNT mutations of them through libpq 18's PQconninfoParse() and
 * through conninfo_parse(): the same strings must be accepted, with the same value of every keyword. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generate.h"
#include "libpq.h"
#include "target/conninfo.h"
#include "test_alloc.h"

struct counts {
  unsigned long compared, accepted, own;
};

/* Every keyword of libpq's is ours, with the same environment variable. */
static bool knows_all(const struct libpq *pq, bool theirs[KEYWORD_COUNT]) {
  struct libpq_option *all = pq->parse("", NULL);
  bool same = true;

  for (struct libpq_option *o = all; o->keyword; o++) {
    int k = keyword_find(o->keyword, strlen(o->keyword));
    if (k >= 0) theirs[k] = true;
    if (k >= 0 && strcmp(o->envvar ? o->envvar : "", keyword_table[k].env ? keyword_table[k].env : "") == 0) continue;
    fprintf(stderr, "keyword %s (%s) of libpq differs from ours\n", o->keyword, o->envvar);
    same = false;
  }
  pq->free_options(all);
  return same;
}

static void show(const char *text) {
  for (; *text; text++)
    if (*text >= ' ' && *text < 0x7F)
      fputc(*text, stderr);
    else
      fprintf(stderr, "\\x%02x", (unsigned char)*text);
  fputc('\n', stderr);
}

static bool same_values(const struct conninfo *ours, const struct libpq_option *theirs) {
  for (; theirs->keyword; theirs++) {
    int k = keyword_find(theirs->keyword, strlen(theirs->keyword));
    const char *a = conninfo_get(ours, (enum keyword)k), *b = theirs->val;
    if ((!a && !b) || (a && b && strcmp(a, b) == 0 && strlen(a) == ours->values[k].len)) continue;
    fprintf(stderr, "%s: ours %s, libpq's %s\n", theirs->keyword, a ? a : "(unset)", b ? b : "(unset)");
    return false;
  }
  return true;
}

/* Keywords that only we have: libpq refuses them all. The generator can make one by taking the head off a longer one. */
static bool has_own(const struct conninfo *c, const bool theirs[KEYWORD_COUNT]) {
  for (int k = 0; k < KEYWORD_COUNT; k++)
    if (conninfo_get(c, (enum keyword)k) && !theirs[k]) return true;
  return false;
}

struct run {
  struct libpq pq;
  struct test_alloc heap;
  bool theirs[KEYWORD_COUNT];
  struct counts n;
};

static bool same_answer(struct run *r, const struct conninfo *c, int rc, const struct fault *f,
                        const struct libpq_option *theirs) {
  if (has_own(c, r->theirs)) {
    r->n.own++;
    return !theirs;
  }
  r->n.compared++;
  r->n.accepted += rc == 0;
  return (rc == 0) == (theirs != NULL) && (rc || same_values(c, theirs)) && rc == f->code && !rc == !f->text[0];
}

static bool compare(struct run *r, const char *text) {
  struct conninfo c;
  struct fault f = {0};
  char *error = NULL;
  struct libpq_option *theirs = r->pq.parse(text, &error);
  bool same;
  int rc;

  conninfo_init(&c, &r->heap.hook);
  rc = conninfo_parse(&c, text, &f);
  same = same_answer(r, &c, rc, &f, theirs);
  if (!same) {
    fprintf(stderr, "ours: %d %s\nlibpq: %s\n", rc, f.text, error ? error : "accepted\n");
    show(text);
  }
  conninfo_deinit(&c);
  if (theirs) r->pq.free_options(theirs);
  if (error) r->pq.free_memory(error);
  return same;
}

int main(int argc, char **argv) {
  static struct run r;
  unsigned long count, seed, different = 0;
  char text[GENERATE_MAX];

  if (argc != 4) {
    fprintf(stderr, "usage: conninfo_diff LIBPQ COUNT SEED\n");
    return 2;
  }
  count = strtoul(argv[2], NULL, 10);
  seed = strtoul(argv[3], NULL, 10);
  libpq_load(&r.pq, argv[1]);
  test_alloc_init(&r.heap);
  if (!knows_all(&r.pq, r.theirs)) return 1;
  for (size_t i = 0; i < generate_seed_count; i++) different += !compare(&r, generate_seeds[i]);
  for (unsigned long i = 0; i < count && different < 20; i++) {
    generate_conninfo(seed, i, text);
    different += !compare(&r, text);
  }
  test_alloc_assert_empty(&r.heap);
  printf("libpq %d: %lu compared (%lu accepted by both), %lu with keywords of our own, %lu different\n", r.pq.version(),
         r.n.compared, r.n.accepted, r.n.own, different);
  /* Both outcomes must have been met often, or the generator has lost its way. */
  return different || r.n.accepted < count / 20 || r.n.compared - r.n.accepted < count / 20 || r.n.own > count / 100;
}
