/* conninfo_diff LIBPQ COUNT SEED - every seed and COUNT mutations of them through PQconninfoParse() and through
 * conninfo_parse(): the same strings must be accepted, with the same value of every keyword.
 *
 * Differences on purpose, which are counted and not compared:
 *   - keywords that the loaded libpq is too old to know;
 *   - before 18, libpq kept spaces in URLs. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generate.h"
#include "target/conninfo.h"
#include "test_alloc.h"

/* PQconninfoOption, from libpq-fe.h; part of libpq's ABI since 1998. */
struct option {
  char *keyword, *envvar, *compiled, *val, *label, *dispchar;
  int dispsize;
};

struct libpq {
  struct option *(*parse)(const char *conninfo, char **error);
  void (*free_options)(struct option *options);
  void (*free_memory)(void *p);
  int (*version)(void);
  bool knows[KEYWORD_COUNT];
};

struct counts {
  unsigned long compared, accepted, skipped;
};

/* dlsym() gives an object pointer; ISO C has no conversion to a function pointer, so the bytes are copied. */
static void load(void *handle, const char *name, void *out) {
  void *symbol = dlsym(handle, name);

  if (!symbol) {
    fprintf(stderr, "no %s in this libpq\n", name);
    exit(1);
  }
  memcpy(out, &symbol, sizeof symbol);
}

static void load_libpq(struct libpq *pq, const char *path) {
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  struct option *all;

  if (!handle) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  load(handle, "PQconninfoParse", &pq->parse);
  load(handle, "PQconninfoFree", &pq->free_options);
  load(handle, "PQfreemem", &pq->free_memory);
  load(handle, "PQlibVersion", &pq->version);
  all = pq->parse("", NULL);
  for (struct option *o = all; o->keyword; o++) {
    int k = keyword_find(o->keyword, strlen(o->keyword));
    if (k < 0 || strcmp(o->envvar ? o->envvar : "", keyword_table[k].env ? keyword_table[k].env : "")) {
      fprintf(stderr, "keyword %s (%s) of libpq differs from ours\n", o->keyword, o->envvar);
      exit(1);
    }
    pq->knows[k] = true;
  }
  pq->free_options(all);
}

static void show(const char *text) {
  for (; *text; text++)
    if (*text >= ' ' && *text < 0x7F)
      fputc(*text, stderr);
    else
      fprintf(stderr, "\\x%02x", (unsigned char)*text);
  fputc('\n', stderr);
}

static bool same_values(const struct conninfo *ours, const struct option *theirs) {
  for (; theirs->keyword; theirs++) {
    int k = keyword_find(theirs->keyword, strlen(theirs->keyword));
    const char *a = conninfo_get(ours, (enum keyword)k), *b = theirs->val;
    if ((!a && !b) || (a && b && strcmp(a, b) == 0 && strlen(a) == ours->values[k].len)) continue;
    fprintf(stderr, "%s: ours %s, libpq's %s\n", theirs->keyword, a ? a : "(unset)", b ? b : "(unset)");
    return false;
  }
  return true;
}

static bool too_new(const struct libpq *pq, const struct conninfo *c) {
  for (int k = 0; k < KEYWORD_COUNT; k++)
    if (conninfo_get(c, (enum keyword)k) && !pq->knows[k]) return true;
  return false;
}

static bool compare(const struct libpq *pq, const dsql_alloc *alloc, const char *text, struct counts *n) {
  struct conninfo c;
  struct fault f = {0};
  char *error = NULL;
  struct option *theirs = pq->parse(text, &error);
  bool same;
  int rc;

  conninfo_init(&c, alloc);
  rc = conninfo_parse(&c, text, &f);
  if (too_new(pq, &c) || (pq->version() < 180000 && uri_prefix(text) && strchr(text, ' '))) {
    n->skipped++;
    same = true;
  } else {
    n->compared++;
    n->accepted += rc == 0;
    same = (rc == 0) == (theirs != NULL) && (rc || same_values(&c, theirs)) && rc == f.code && !rc == !f.text[0];
  }
  if (!same) {
    fprintf(stderr, "ours: %d %s\nlibpq: %s\n", rc, f.text, error ? error : "accepted\n");
    show(text);
  }
  conninfo_deinit(&c);
  if (theirs) pq->free_options(theirs);
  if (error) pq->free_memory(error);
  return same;
}

int main(int argc, char **argv) {
  struct libpq pq = {0};
  struct test_alloc heap;
  struct counts n = {0};
  unsigned long count, seed, different = 0;
  char text[GENERATE_MAX];

  if (argc != 4) {
    fprintf(stderr, "usage: conninfo_diff LIBPQ COUNT SEED\n");
    return 2;
  }
  count = strtoul(argv[2], NULL, 10);
  seed = strtoul(argv[3], NULL, 10);
  load_libpq(&pq, argv[1]);
  test_alloc_init(&heap);
  for (size_t i = 0; i < generate_seed_count; i++) different += !compare(&pq, &heap.hook, generate_seeds[i], &n);
  for (unsigned long i = 0; i < count && different < 20; i++) {
    generate_conninfo(seed, i, text);
    different += !compare(&pq, &heap.hook, text, &n);
  }
  test_alloc_assert_empty(&heap);
  printf("libpq %d: %lu compared (%lu accepted by both), %lu skipped as listed, %lu different\n", pq.version(),
         n.compared, n.accepted, n.skipped, different);
  /* Both outcomes must have been met often, or the generator has lost its way. */
  return different || n.accepted < count / 20 || n.compared - n.accepted < count / 20;
}
