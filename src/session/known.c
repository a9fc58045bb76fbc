#include "session/known.h"

enum { MISSES_MAX = 10, METHOD_BITS = 8, MISSES_BITS = 4 };

/* method + 1 (0: not known), misses in a row, connections that still wait */
struct parts {
  unsigned method, misses, wait;
};

static struct parts unpack(int known) {
  unsigned v = (unsigned)known;
  return (struct parts){v & ((1u << METHOD_BITS) - 1), v >> METHOD_BITS & ((1u << MISSES_BITS) - 1),
                        v >> (METHOD_BITS + MISSES_BITS)};
}

static int pack(struct parts p) {
  return (int)(p.method | p.misses << METHOD_BITS | p.wait << (METHOD_BITS + MISSES_BITS));
}

static bool can_guess(enum auth_method method) {
  return method == AUTH_NONE || method == AUTH_PASSWORD || method == AUTH_SCRAM || method == AUTH_SCRAM_PLUS;
}

bool known_guess(int *known, enum auth_method preset, enum auth_method *out) {
  struct parts p = unpack(*known);

  *out = p.method ? (enum auth_method)(p.method - 1) : preset;
  if (p.wait) {
    p.wait--;
    *known = pack(p);
    return false;
  }
  return can_guess(*out);
}

void known_missed(int *known, enum auth_method method) {
  struct parts p = unpack(*known);

  p.method = (unsigned)method + 1;
  if (p.misses < MISSES_MAX) p.misses++;
  p.wait = 1u << p.misses;
  *known = pack(p);
}

void known_learn(int *known, enum auth_method method, bool ahead) {
  struct parts p = unpack(*known);

  if (ahead || p.method != (unsigned)method + 1) p = (struct parts){.method = (unsigned)method + 1};
  *known = pack(p);
}
