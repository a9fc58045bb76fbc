#include "fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dsql/dsql.h"

/* ---- randomness ---- */

static uint64_t next_random(struct faults *f) {
  uint64_t z = f->random += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/* 0 <= x < 1, of 53 bits. */
static double next_uniform(struct faults *f) { return (double)(next_random(f) >> 11) * 0x1p-53; }

void faults_init(struct faults *f, uint64_t seed) {
  memset(f, 0, sizeof *f);
  f->random = seed;
}

/* ---- specifications ---- */

enum { AT_CONNECT = 1 << FAULT_AT_CONNECT, AT_STATEMENT = 1 << FAULT_AT_STATEMENT, AT_COMMIT = 1 << FAULT_AT_COMMIT };

static const struct {
  const char *name;
  enum fault_kind kind;
  unsigned points;
} kinds[] = {
    {"occ", FAULT_OCC, AT_STATEMENT | AT_COMMIT},
    {"schema", FAULT_SCHEMA, AT_STATEMENT | AT_COMMIT},
    {"unavailable", FAULT_UNAVAILABLE, AT_STATEMENT | AT_COMMIT},
    {"rollback", FAULT_ROLLBACK, AT_COMMIT},
    {"close", FAULT_CLOSE, AT_STATEMENT | AT_COMMIT},
    {"stall", FAULT_STALL, AT_CONNECT | AT_STATEMENT | AT_COMMIT},
    {"waking", FAULT_WAKING, AT_CONNECT},
    {"signature-expired", FAULT_SIGNATURE_EXPIRED, AT_CONNECT},
    {"rate", FAULT_RATE, AT_CONNECT},
    {"full", FAULT_FULL, AT_CONNECT},
};

static const char *const points[] = {"connect", "statement", "commit"};

struct word {
  const char *text;
  size_t len;
};

static bool word_is(struct word w, const char *s) { return strlen(s) == w.len && memcmp(w.text, s, w.len) == 0; }

/* The value behind "key="; false when it is another option. */
static bool word_value(struct word w, const char *key, struct word *value) {
  size_t n = strlen(key);
  if (w.len <= n || memcmp(w.text, key, n) != 0 || w.text[n] != '=') return false;
  *value = (struct word){w.text + n + 1, w.len - n - 1};
  return true;
}

static int complain(char *error, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int complain(char *error, size_t size, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(error, size, format, args);
  va_end(args);
  return DSQL_EINVAL;
}

static bool parse_count(struct word w, uint64_t max, uint64_t *out) {
  uint64_t v = 0;
  if (w.len == 0 || w.len > 18) return false;
  for (size_t i = 0; i < w.len; i++) {
    if (w.text[i] < '0' || w.text[i] > '9') return false;
    v = v * 10 + (uint64_t)(w.text[i] - '0');
  }
  *out = v;
  return v <= max;
}

/* Digits with at most one point, 0..1; no exponent, no locale. */
static bool parse_probability(struct word w, double *out) {
  double value = 0, unit = 1;
  size_t digits = 0;
  bool fraction = false;
  if (w.len > 20) return false;
  for (size_t i = 0; i < w.len; i++) {
    if (w.text[i] == '.' && !fraction) {
      fraction = true;
      continue;
    }
    if (w.text[i] < '0' || w.text[i] > '9') return false;
    digits++;
    value = value * 10 + (w.text[i] - '0');
    if (fraction) unit *= 10;
  }
  *out = value / unit;
  return digits > 0 && *out <= 1;
}

static const char *kind_name(enum fault_kind kind) {
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    if (kinds[i].kind == kind) return kinds[i].name;
  return "";
}

static int parse_side(struct fault_spec *s, struct word w, char *error, size_t size) {
  if (s->point != FAULT_AT_COMMIT || (s->kind != FAULT_CLOSE && s->kind != FAULT_UNAVAILABLE))
    return complain(error, size, "fault \"%s@%s\": before and after are for close@commit and unavailable@commit",
                    kind_name(s->kind), points[s->point]);
  s->side = word_is(w, "before") ? FAULT_BEFORE : FAULT_AFTER;
  return 0;
}

static int parse_option(struct fault_spec *s, struct word w, char *error, size_t size) {
  struct word value;
  uint64_t ms;
  int n = (int)(w.len < 40 ? w.len : 40);
  if (word_is(w, "before") || word_is(w, "after")) return parse_side(s, w, error, size);
  if (word_value(w, "p", &value)) {
    if (parse_probability(value, &s->probability)) return 0;
    return complain(error, size, "fault option \"%.*s\": a probability is a number from 0 to 1, such as p=0.25", n,
                    w.text);
  }
  if (word_value(w, "count", &value) || word_value(w, "skip", &value)) {
    if (parse_count(value, UINT64_MAX - 1, *w.text == 'c' ? &s->left : &s->skip)) return 0;
    return complain(error, size, "fault option \"%.*s\": a count is a whole number, such as count=3", n, w.text);
  }
  if (word_value(w, "ms", &value)) {
    if (s->kind != FAULT_STALL) return complain(error, size, "fault option \"%.*s\" is for stall only", n, w.text);
    if (!parse_count(value, FAULT_STALL_MAX_MS, &ms) || ms == 0)
      return complain(error, size, "fault option \"%.*s\": milliseconds from 1 to %d", n, w.text, FAULT_STALL_MAX_MS);
    s->stall_ms = (uint32_t)ms;
    return 0;
  }
  return complain(error, size, "fault option \"%.*s\" is unknown: p=, count=, skip=, ms=, before, after", n, w.text);
}

static int parse_head(struct fault_spec *s, struct word w, char *error, size_t size) {
  const char *at = memchr(w.text, '@', w.len);
  struct word kind = {w.text, at ? (size_t)(at - w.text) : w.len}, point;
  unsigned allowed = 0;
  int n = (int)(w.len < 60 ? w.len : 60);

  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    if (!word_is(kind, kinds[i].name)) continue;
    s->kind = kinds[i].kind;
    allowed = kinds[i].points;
  }
  if (s->kind == FAULT_NONE)
    return complain(error, size,
                    "fault \"%.*s\": the kind is none of occ, schema, unavailable, rollback, close, stall, "
                    "waking, signature-expired, rate, full",
                    n, w.text);
  if (!at) return complain(error, size, "fault \"%.*s\" does not say where: KIND@POINT, such as occ@commit", n, w.text);
  point = (struct word){at + 1, w.len - kind.len - 1};
  for (unsigned i = 0; i < sizeof points / sizeof points[0]; i++) {
    if (!word_is(point, points[i])) continue;
    if (!(allowed & 1u << i))
      return complain(error, size, "fault \"%.*s\": %s does not happen at %s", n, w.text, kind_name(s->kind),
                      points[i]);
    s->point = (enum fault_point)i;
    return 0;
  }
  return complain(error, size, "fault \"%.*s\": the point is none of connect, statement, commit", n, w.text);
}

static struct word next_word(const char **spec) {
  struct word w = {*spec, strcspn(*spec, ":")};
  *spec += w.len;
  return w;
}

int faults_add(struct faults *f, const char *spec, char *error, size_t error_size) {
  struct fault_spec s = {.probability = 1, .left = UINT64_MAX, .text = spec};
  int rc;
  if (error_size) *error = '\0';
  if (f->count == FAULT_SPECS_MAX) return complain(error, error_size, "there are more than %d faults", FAULT_SPECS_MAX);
  rc = parse_head(&s, next_word(&spec), error, error_size);
  while (rc == 0 && *spec == ':') {
    spec++;
    rc = parse_option(&s, next_word(&spec), error, error_size);
  }
  if (rc) return rc;
  if (s.kind == FAULT_STALL && !s.stall_ms) s.stall_ms = FAULT_STALL_DEFAULT_MS;
  f->specs[f->count++] = s;
  return 0;
}

int faults_add_occ_rate(struct faults *f, const char *rate, char *error, size_t error_size) {
  struct word w = {rate, strlen(rate)};
  double probability;
  if (!parse_probability(w, &probability))
    return complain(error, error_size, "\"%.40s\" is no rate: a number from 0 to 1, such as 0.1", rate);
  if (faults_add(f, "occ@commit", error, error_size)) return DSQL_EINVAL;
  f->specs[f->count - 1].probability = probability;
  return 0;
}

/* ---- chances ---- */

bool faults_at(const struct faults *f, enum fault_point point) {
  for (size_t i = 0; i < f->count; i++)
    if (f->specs[i].point == point) return true;
  return false;
}

static bool hits(struct faults *f, struct fault_spec *s) {
  if (s->left == 0) return false;
  if (s->skip) {
    s->skip--;
    return false;
  }
  if (s->probability <= 0) return false;
  if (s->probability < 1 && next_uniform(f) >= s->probability) return false;
  if (s->left != UINT64_MAX) s->left--;
  s->injected++;
  return true;
}

static bool is_applied(struct faults *f, const struct fault_spec *s) {
  if (s->point != FAULT_AT_COMMIT || (s->kind != FAULT_CLOSE && s->kind != FAULT_UNAVAILABLE)) return false;
  return s->side == FAULT_BY_SEED ? next_random(f) >> 63 : s->side == FAULT_AFTER;
}

static struct fault_hit roll(struct faults *f, enum fault_point point, bool in_block) {
  struct fault_hit hit = {FAULT_NONE, false, 0};
  for (size_t i = 0; i < f->count && hit.kind == FAULT_NONE; i++) {
    struct fault_spec *s = &f->specs[i];
    if (s->point != point || (s->kind == FAULT_ROLLBACK && !in_block) || !hits(f, s)) continue;
    if (s->kind == FAULT_STALL) {
      hit.stall_ms += s->stall_ms;
      continue;
    }
    hit.kind = s->kind;
    hit.applied = is_applied(f, s);
    s->applied += hit.applied;
  }
  return hit;
}

struct fault_hit faults_roll(struct faults *f, enum fault_point point) {
  return roll(f, point, true);
}
struct fault_hit faults_roll_implicit(struct faults *f) {
  return roll(f, FAULT_AT_COMMIT, false);
}
