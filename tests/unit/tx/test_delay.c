/* Both families of delays, by their formulae. */
#include <criterion/criterion.h>
#include <float.h>

#include "tx/retry.h"

static bool near(double a, double b) { return a - b < 1e-9 && b - a < 1e-9; }

Test(delay, exponential) {
  struct tx_policy p = {.base_delay_ms = 1, .max_delay_ms = 100, .jitter = 0.25};
  static const double nominal[] = {1, 2, 4, 8, 16, 32, 64, 100, 100};

  for (unsigned n = 1; n <= 9; n++) {
    cr_expect(near(retry_delay_ms(&p, n, 0), nominal[n - 1]), "n = %u", n);
    cr_expect(near(retry_delay_ms(&p, n, 0.5), nominal[n - 1] * 1.125), "n = %u", n);
    cr_expect(near(retry_delay_ms(&p, n, 1), nominal[n - 1] * 1.25), "n = %u: jitter is added above the cap", n);
  }
  p.jitter = 0;
  cr_expect(near(retry_delay_ms(&p, 3, 0.9), 4));
}

Test(delay, full_jitter) {
  struct tx_policy p = {.base_delay_ms = 10, .max_delay_ms = 60, .jitter = 0.25, .full_jitter = true};
  cr_expect(near(retry_delay_ms(&p, 1, 0), 0));
  cr_expect(near(retry_delay_ms(&p, 1, 0.5), 5));
  cr_expect(near(retry_delay_ms(&p, 3, 0.5), 20));
  cr_expect(near(retry_delay_ms(&p, 4, 0.5), 30));
}

/* The doublings stop at 31, and a delay fits its type. */
Test(delay, far_out) {
  struct tx_policy p = {.base_delay_ms = 1, .max_delay_ms = 4e9, .jitter = 1};
  cr_expect(near(retry_delay_ms(&p, 32, 0), 2147483648.0));
  cr_expect(near(retry_delay_ms(&p, 33, 0), 2147483648.0));
  cr_expect(near(retry_delay_ms(&p, 1000000, 0), 2147483648.0));
  cr_expect(near(retry_delay_ms(&p, 0, 0), 1), "there is no retry 0; it is taken for the first");
  p.base_delay_ms = 4e9;
  cr_expect_eq(retry_delay_rounded_ms(&p, 1, UINT64_MAX), UINT32_MAX);
}

/* 1 ms and a jitter of 25 % on a clock of milliseconds: the mean is 1.125 ms, not 1 and not 2. */
Test(delay, rounding_keeps_the_mean) {
  struct tx_policy p = {.base_delay_ms = 1, .max_delay_ms = 100, .jitter = 0.25};
  uint64_t x = 88172645463325252u;
  uint32_t sum = 0;
  enum { ROUNDS = 200000 };

  for (int i = 0; i < ROUNDS; i++) {
    uint32_t ms;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    ms = retry_delay_rounded_ms(&p, 1, x);
    cr_assert(ms == 1 || ms == 2);
    sum += ms;
  }
  cr_expect(sum > 1.115 * ROUNDS && sum < 1.135 * ROUNDS, "mean %f", (double)sum / ROUNDS);
}
