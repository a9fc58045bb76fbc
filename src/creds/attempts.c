#include "creds/attempts.h"

#include <assert.h>

const struct attempts_policy attempts_standard = {3, 1000, 20000};

/* Names of throttling and transient errors: AWS SDKs' standard mode; IDPCommunicationError is STS's word for a token
 * that it could not check just then (botocore, _retry.json). */
static const char *const transient_codes[] = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "TooManyRequests",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "PriorRequestNotComplete",
    "RequestTimeout",
    "RequestTimeoutException",
    "IDPCommunicationError",
};

static bool is_transient(const char *code) {
  for (size_t i = 0; i < sizeof transient_codes / sizeof transient_codes[0]; i++)
    if (strcmp(code, transient_codes[i]) == 0) return true;
  return false;
}

bool attempts_again(int status, const char *error_code, const struct fault *f) {
  if (status == 0) return f->code == DSQL_EIO || f->code == DSQL_ETIMEDOUT;
  if (status == 429 || status == 408 || status >= 500) return true;
  return status >= 400 && error_code && is_transient(error_code);
}

uint32_t attempts_pause_ms(const struct attempts_policy *p, unsigned made, uint32_t random) {
  unsigned shift = made - 1 < 20 ? made - 1 : 20;
  uint64_t most = (uint64_t)p->base_ms << shift;

  assert(made >= 1);
  if (most > p->max_ms) most = p->max_ms;
  return (uint32_t)((most + 1) * random >> 32);
}

static void note_skew(const struct creds_setup *setup, const struct http_response *r) {
  if (!setup->skew || r->date_s == 0) return;
  *setup->skew = (struct creds_skew){true, r->date_s - setup->now_s()};
}

static bool worth_another(struct attempts *a, const struct http_response *r, const struct fault *f) {
  if (a->made >= a->policy->most || rt_closing(a->setup->rt)) return false;
  return a->again ? a->again(a, r, f) : attempts_again(r ? r->status : 0, NULL, f);
}

static void on_answer(void *owner, const struct http_response *r, const struct fault *f) {
  struct attempts *a = owner;
  struct dsql_rt *rt = a->setup->rt;

  a->call = NULL;
  if (r) note_skew(a->setup, r);
  if (worth_another(a, r, f))
    rt_timer_start(rt, &a->timer, rt_now_ms(rt) + attempts_pause_ms(a->policy, a->made, (uint32_t)rt_random(rt)));
  else
    a->done(a, r, f);
}

int attempts_send(struct attempts *a, const struct http_request *q, struct fault *f) {
  assert(!a->call);
  return http_start(&a->call, a->setup->rt, q, on_answer, a, f);
}

static void on_timer(struct rt_timer *timer) {
  struct attempts *a = LIST_ENTRY(timer, struct attempts, timer);
  struct fault f;

  fault_clear(&f);
  a->made++;
  if (a->send(a, &f)) a->done(a, NULL, &f);
}

int attempts_start(struct attempts *a, struct fault *f) {
  assert(a->send && a->done && a->policy->most >= 1 && !a->made);
  a->timer.fire = on_timer;
  a->made = 1;
  return a->send(a, f);
}

void attempts_stop(struct attempts *a) {
  http_cancel(a->call);
  a->call = NULL;
  rt_timer_stop(a->setup->rt, &a->timer);
}
