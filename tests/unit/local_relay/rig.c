#include "rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static void add_faults(struct rig *rig, const char *specs) {
  char spec[128], error[256];
  while (specs && *specs) {
    size_t n = strcspn(specs, " ");
    snprintf(spec, sizeof spec, "%.*s", (int)n, specs);
    cr_assert_eq(faults_add(&rig->world.faults, spec, error, sizeof error), 0, "%s", error);
    specs += n + (specs[n] == ' ');
  }
}

static void feed_ready(struct rig *rig) {
  words_server(&rig->from_server, "Z:I");
  rig_pump(rig);
  buf_reset(&rig->r.to_client);
}

void rig_init(struct rig *rig, const char *specs, uint64_t seed) {
  struct relay_options options = relay_options_default();
  memset(rig, 0, sizeof *rig);
  test_alloc_init(&rig->heap);
  relay_world_init(&rig->world, seed);
  add_faults(rig, specs);
  relay_init(&rig->r, &rig->heap.hook, &rig->world, &options);
  buf_init(&rig->from_client, &mem_default, SIZE_MAX / 2);
  buf_init(&rig->from_server, &mem_default, SIZE_MAX / 2);
  rig->now_ms = 1000;
  feed_ready(rig);
}

void rig_deinit(struct rig *rig) {
  relay_deinit(&rig->r);
  buf_deinit(&rig->from_client);
  buf_deinit(&rig->from_server);
  test_alloc_assert_empty(&rig->heap);
}

typedef size_t relay_take(struct relay *r, const uint8_t *p, size_t n, uint64_t now_ms);

/* Memory of its own for every part, so that a view that outlives it is seen by the sanitizer. */
static bool give(struct rig *rig, struct buf *from, relay_take *take) {
  size_t n = rig->step && rig->step < from->len ? rig->step : from->len, taken;
  uint8_t *part = malloc(n ? n : 1);
  if (n) memcpy(part, from->data, n);
  taken = take(&rig->r, part, n, rig->now_ms);
  free(part);
  cr_assert_leq(taken, n);
  buf_consume(from, taken);
  return taken > 0;
}

void rig_pump(struct rig *rig) {
  bool moved;
  do {
    moved = give(rig, &rig->from_client, relay_client_bytes);
    if (give(rig, &rig->from_server, relay_server_bytes)) moved = true;
  } while (moved);
}

static bool expect(struct buf *out, const char *words, void (*read)(struct buf *, const uint8_t *, size_t),
                   const char *file, int line, char key) {
  struct buf text;
  bool same;
  buf_init(&text, &mem_default, SIZE_MAX / 2);
  read(&text, out->data, out->len);
  same = strcmp((const char *)text.data, words) == 0;
  if (!same) fprintf(stderr, "%s:%d: expected %c %s\n  got        %s\n", file, line, key, words, (char *)text.data);
  buf_deinit(&text);
  buf_reset(out);
  return same;
}

static bool run_line(struct rig *rig, char key, const char *arg, const char *file, int line) {
  struct relay *r = &rig->r;
  switch (key) {
    case 'c': words_client(&rig->from_client, arg); break;
    case 's': words_server(&rig->from_server, arg); break;
    case 't': rig->now_ms = strtoull(arg, NULL, 10); break;
    case 'o': rig->world.catalog++; return true;
    case '>': return expect(&r->to_server, arg, words_of_client, file, line, key);
    case '<': return expect(&r->to_client, arg, words_of_server, file, line, key);
    case 'i':
      if (relay_idle(r) == (*arg == '1')) return true;
      fprintf(stderr, "%s:%d: idle is not %s\n", file, line, arg);
      return false;
    case '!':
      if (r->close && strcmp(r->why, arg) == 0) return true;
      fprintf(stderr, "%s:%d: expected to close: %s\n  got: %s\n", file, line, arg, r->why ? r->why : "open");
      return false;
    default: fprintf(stderr, "%s:%d: unknown key %c\n", file, line, key); return false;
  }
  rig_pump(rig);
  return true;
}

bool rig_run(struct rig *rig, const char *script, const char *file, int line, bool lenient) {
  bool told = false, ok = true;
  while (*script && (ok || lenient)) {
    char text[8192];
    size_t n = strcspn(script, "\n");
    cr_assert_lt(n, sizeof text);
    memcpy(text, script, n);
    text[n] = '\0';
    script += n + (script[n] == '\n');
    if (n == 0 || (lenient && strchr("<>!i", *text))) continue;
    told = told || *text == '!';
    ok = run_line(rig, *text, n > 2 ? text + 2 : "", file, line);
    if (!ok) fprintf(stderr, "  at: %s\n", text);
  }
  if (lenient) return true;
  if (rig->r.to_server.len || rig->r.to_client.len) {
    ok = expect(&rig->r.to_server, "", words_of_client, file, line, '>') && ok;
    ok = expect(&rig->r.to_client, "", words_of_server, file, line, '<') && ok;
  }
  if (rig->r.close && !told) fprintf(stderr, "%s:%d: closed: %s\n", file, line, rig->r.why);
  return ok && (told || !rig->r.close);
}

static void sweep_memory(const char *specs, uint64_t seed, const char *script, const char *file, int line) {
  for (size_t n = 1;; n++) {
    struct rig rig;
    bool fired;
    rig_init(&rig, specs, seed);
    rig.step = 5;
    test_alloc_arm(&rig.heap, n, n % 2);
    rig_run(&rig, script, file, line, true);
    fired = test_alloc_fired(&rig.heap);
    cr_assert(!fired || rig.r.close, "%s:%d: allocation %zu failed unnoticed", file, line, n);
    rig_deinit(&rig);
    if (!fired) return;
  }
}

void rig_check(const char *specs, uint64_t seed, const char *script, const char *file, int line) {
  static const size_t steps[] = {0, 1, 3, 7};
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    struct rig rig;
    rig_init(&rig, specs, seed);
    rig.step = steps[i];
    cr_assert(rig_run(&rig, script, file, line, false), "%s:%d: in parts of %zu", file, line, steps[i]);
    rig_deinit(&rig);
  }
  sweep_memory(specs, seed, script, file, line);
}
