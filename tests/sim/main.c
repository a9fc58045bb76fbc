/* Runs seeds, one after the other; the first one that violates something ends the program.
 *
 *   test_sim --seeds FIRST COUNT     quietly
 *   test_sim --seed N [--verbose]    one
 *
 * Every hundredth seed is run twice, and must go the same way. */
#include "cluster.h"
#include "fake_uv.h"
#include "listeners.h"
#include "net.h"
#include "server.h"
#include "sniffer.h"
#include "work.h"

enum { TURNS_AT_ONE_TIME_MAX = 100000 };
static const uint64_t CALM_MAX_US = UINT64_C(3600) * 1000000, CLOSE_MAX_US = UINT64_C(600) * 1000000;

#ifdef __SANITIZE_ADDRESS__
/* Called by the sanitizer ahead of its report. */
void __asan_on_error(void); /* NOLINT(bugprone-reserved-identifier) */
void __asan_on_error(void) { (void)fprintf(stderr, "seed %llu:\n", (unsigned long long)sim.seed); }
#endif

static bool all_started(void) { return work.to_start == 0; }

static bool all_done(void) {
  for (unsigned i = 0; i < work.op_count; i++) {
    const struct op *op = work.ops[i];
    if (op->state == OP_PENDING || op->state == OP_IDLE || (op->kind == OP_ACQUIRE && op->conn)) return false;
  }
  return work.to_start == 0;
}

static bool all_settled(void) {
  dsql_pool_stats s;
  if (!all_done()) return false;
  if (work.rt_closing) return true;
  if (!listeners_settled()) return false;
  if (work.pool_closed) return true;
  dsql_pool_stats_get(work.pool, &s, sizeof s);
  return s.in_use == 0 && s.waiters == 0 && s.returning == 0 && s.connecting == 0;
}

static bool is_closed(void) { return work.rt_closed; }
static bool never(void) { return false; }

/* Whoever waits keeps the loop alive, unless what it waits for is with the program. */
static void check_alive(void) {
  if (work.rt_closing || fake_uv_alive() || secrets_asked()) return;
  for (unsigned i = 0; i < work.op_count; i++) {
    const struct op *op = work.ops[i];
    bool paused = op_pauses(op) && op->hold.node.linked; /* by the program, which will resume it */
    sim_check(op->state != OP_PENDING || paused, "op %u is pending, and nothing keeps the loop alive", op->id);
  }
}

/* Turns the world until then; false: the time is up, or nothing is to come. */
static bool run_until(bool (*then)(void), uint64_t at_most_us) {
  uint64_t end_us = at_most_us == UINT64_MAX ? UINT64_MAX : sim.now_us + at_most_us, next;
  unsigned turns = 0;

  for (;;) {
    bool busy = work.rt_closed ? sim_run_due() : fake_uv_turn();
    checks_turn();
    if (then()) return true;
    if (busy) {
      sim_check(++turns < TURNS_AT_ONE_TIME_MAX, "the loop spins");
      sim.now_us += sim_below(20);
      continue;
    }
    turns = 0;
    check_alive();
    next = work.rt_closed || fake_uv_next_us() > sim_next_us() ? sim_next_us() : fake_uv_next_us();
    if (next == UINT64_MAX || next > end_us) return false;
    if (next > sim.now_us) sim.now_us = next;
  }
}

static void who_hangs(const char *where) {
  for (unsigned i = 0; i < work.op_count; i++)
    if (work.ops[i]->state == OP_PENDING || work.ops[i]->state == OP_IDLE)
      sim_violated("%s: op %u (%s) hangs", where, work.ops[i]->id, op_name(work.ops[i]));
  dsql_pool_stats s;
  dsql_pool_stats_get(work.pool, &s, sizeof s);
  sim_violated("%s: of %u connections %u are lent, %u cleaned, %u connecting, and %u wait", where, (unsigned)s.size,
               (unsigned)s.in_use, (unsigned)s.returning, (unsigned)s.connecting, (unsigned)s.waiters);
}

static void calm_down(void) {
  sim_trace("calm");
  sim.faults = (struct faults){0};
  cluster_calm();
  server_calm();
  test_alloc_arm(&work.heap, 0, false);
  if (!work.rt_closing) listeners_calm();
}

static uint64_t run_seed(uint64_t seed, bool verbose) {
  sim_init(seed, verbose);
  store_init();
  sniffer_init();
  memset(&work, 0, sizeof work);
  work.next_id = 1;
  work_open();
  if (!run_until(all_started, UINT64_MAX)) who_hangs("starting");
  calm_down();
  if (!run_until(all_settled, CALM_MAX_US)) who_hangs("in a calm world");
  if (!work.rt_closing) listeners_close();
  while (fake_uv_turn()) {} /* what was given back just now may have to go */
  if (all_settled() && !work.rt_closing && !work.pool_closed) checks_calm();
  if (!work.rt_closing && !work.pool_closed && sim_chance(500)) {
    work_close_pool();
    if (work.close_op && !run_until(all_done, CLOSE_MAX_US)) who_hangs("the pool's end");
  }
  work_close_runtime();
  if (!run_until(is_closed, CLOSE_MAX_US)) who_hangs("the runtime's end");
  (void)run_until(never, CLOSE_MAX_US); /* what is still on the wire */
  checks_end();
  net_deinit();
  fake_uv_deinit();
  for (unsigned i = 0; i < work.op_count; i++) free(work.ops[i]);
  return sim.hash;
}

int main(int argc, char **argv) {
  uint64_t first = 1, count = 1;
  bool verbose = argc > 3 && strcmp(argv[3], "--verbose") == 0;

  if (verbose) (void)setvbuf(stdout, NULL, _IOLBF, 0); /* what led to a crash is to be seen */
  if (argc > 2 && strcmp(argv[1], "--seed") == 0) {
    first = strtoull(argv[2], NULL, 10);
  } else if (argc == 4 && strcmp(argv[1], "--seeds") == 0) {
    first = strtoull(argv[2], NULL, 10);
    count = strtoull(argv[3], NULL, 10);
    verbose = false;
  } else {
    (void)fprintf(stderr, "usage: test_sim --seeds FIRST COUNT | --seed N [--verbose]\n");
    return 2;
  }
  for (uint64_t seed = first; seed < first + count; seed++) {
    uint64_t hash = run_seed(seed, verbose);
    if (seed % 100 == 0 && run_seed(seed, false) != hash) sim_violated("the same seed goes another way");
  }
  (void)printf("%llu seeds from %llu: nothing violated\n", (unsigned long long)count, (unsigned long long)first);
  return 0;
}
