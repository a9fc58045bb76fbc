/* attempts.h - one HTTP request, tried again where that may help, as the AWS SDKs' standard retry mode has it (AWS SDKs
 * and Tools Reference Guide, "Retry behavior"): up to `most` attempts, with exponential back-off and full jitter, after
 * 5xx, throttling, connection errors and timeouts. Any other 4xx is final. Notes the clock's skew of every answer.
 *
 * Embedded in a source. Usage:
 *   s->attempts = (struct attempts){.setup = ..., .policy = &attempts_standard, .send = send, .done = done};
 *   rc = attempts_start(&s->attempts, &f);
 *   send() builds an http_request and ends with `return attempts_send(a, &q, f);` - called once per attempt, so that
 *   dates, signatures and token files are fresh. */
#ifndef DSQL_CREDS_ATTEMPTS_H
#define DSQL_CREDS_ATTEMPTS_H

#include "creds/source.h"
#include "net/http.h"

struct attempts_policy {
  unsigned most;            /* attempts in all, at least 1 */
  uint32_t base_ms, max_ms; /* the pause before attempt k + 1 is random in [0, min(max_ms, base_ms * 2^(k-1))] */
};

/* 3 attempts, 1 s, 20 s: the SDKs' standard mode. */
extern const struct attempts_policy attempts_standard;

struct attempts {
  /* ---- set by the owner ---- */
  const struct creds_setup *setup;
  const struct attempts_policy *policy;
  /* Starts one attempt by attempts_send(). Else the code of f: it is final. */
  int (*send)(struct attempts *a, struct fault *f);
  /* NULL: attempts_again() with no error code. True: this answer (r NULL: f) is worth another attempt. */
  bool (*again)(struct attempts *a, const struct http_response *r, const struct fault *f);
  /* Once, from the loop, after the last attempt; as http_done. a may be freed. */
  void (*done)(struct attempts *a, const struct http_response *r, const struct fault *f);
  /* ---- private ---- */
  unsigned made;
  struct http_call *call;
  struct rt_timer timer;
};

/* 0: done will be called, unless stopped before; not inside the call. Else the code of f, and done is not called. */
int attempts_start(struct attempts *a, struct fault *f);
void attempts_stop(struct attempts *a); /* idempotent; allowed when never started or done */
int attempts_send(struct attempts *a, const struct http_request *q, struct fault *f);
/* How many were made so far: for "after 3 attempts" in errors. */
static inline unsigned attempts_made(const struct attempts *a) { return a->made; }

/* ---- pure ---- */
/* The rule. status 0: no answer, f says why; error_code (may be NULL): the service's name for the error, from the body. */
bool attempts_again(int status, const char *error_code, const struct fault *f);
/* made: attempts so far, at least 1; random: any 32 bits. */
uint32_t attempts_pause_ms(const struct attempts_policy *p, unsigned made, uint32_t random);

#endif
