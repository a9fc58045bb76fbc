#include "names.h"

enum { NAMES_CAP_FIRST = 16 };

struct name_slot {
  uint64_t hash; /* 0: free */
  uint32_t effect;
};

static uint64_t hash_of(const char *name, size_t n) {
  uint64_t h = 0xcbf29ce484222325;
  for (size_t i = 0; i < n; i++) h = (h ^ (uint8_t)name[i]) * 0x100000001b3;
  return h ? h : 1;
}

/* The slot of the hash, or the free one where it would be; there always is a free one. */
static size_t find(const struct names *t, uint64_t hash) {
  size_t at = hash & (t->cap - 1);
  while (t->slots[at].hash && t->slots[at].hash != hash) at = (at + 1) & (t->cap - 1);
  return at;
}

static bool grow(struct names *t, const dsql_alloc *alloc) {
  struct names wider = {.cap = t->cap ? t->cap * 2 : NAMES_CAP_FIRST, .count = t->count};
  wider.slots = mem_zalloc(alloc, wider.cap * sizeof *wider.slots);
  if (!wider.slots) return false;
  for (size_t i = 0; i < t->cap; i++)
    if (t->slots[i].hash) wider.slots[find(&wider, t->slots[i].hash)] = t->slots[i];
  mem_free(alloc, t->slots);
  *t = wider;
  return true;
}

/* Closes the gap, so that a search never ends too early: who stands behind it and would rather stand in it moves. */
static void remove_at(struct names *t, size_t gap) {
  size_t at = gap;
  for (;;) {
    size_t home;
    at = (at + 1) & (t->cap - 1);
    if (!t->slots[at].hash) break;
    home = t->slots[at].hash & (t->cap - 1);
    if (((at - home) & (t->cap - 1)) < ((at - gap) & (t->cap - 1))) continue;
    t->slots[gap] = t->slots[at];
    gap = at;
  }
  t->slots[gap].hash = 0;
  t->count--;
}

bool names_set(struct names *t, const dsql_alloc *alloc, const char *name, size_t n, uint32_t effect) {
  uint64_t hash = hash_of(name, n);
  size_t at;
  if (effect && (t->count + 1) * 4 > t->cap * 3 && !grow(t, alloc)) return false;
  if (!t->cap) return true;
  at = find(t, hash);
  if (!effect) {
    if (t->slots[at].hash) remove_at(t, at);
    return true;
  }
  if (!t->slots[at].hash) t->count++;
  t->slots[at] = (struct name_slot){hash, effect};
  return true;
}

uint32_t names_get(const struct names *t, const char *name, size_t n) {
  size_t at;
  if (!t->cap) return 0;
  at = find(t, hash_of(name, n));
  return t->slots[at].hash ? t->slots[at].effect : 0;
}

void names_clear(struct names *t, const dsql_alloc *alloc) {
  mem_free(alloc, t->slots);
  *t = (struct names){NULL, 0, 0};
}
