#include "creds/source.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

void source_start(struct creds_source *s, creds_done *done, void *owner) {
  assert(!s->done && done);
  s->done = done;
  s->owner = owner;
  s->class->start(s);
}

void source_free(struct creds_source *s) {
  if (s) s->class->free(s);
}

void source_answer(struct creds_source *s, struct creds_answer *a) {
  assert(s->done);
  assert((a->outcome == CREDS_FOUND) == !credentials_empty(&a->credentials));
  s->done(s->owner, s, a); /* s may be gone */
  credentials_deinit(&a->credentials);
}

static void answer_why(struct creds_source *s, enum creds_outcome outcome, int code, const char *format, va_list args) {
  struct creds_answer a = {.outcome = outcome};
  char text[FAULT_TEXT_SIZE];

  (void)vsnprintf(text, sizeof text, format, args);
  (void)fault_set(&a.why, code, "%s", text);
  source_answer(s, &a);
}

void source_nothing(struct creds_source *s, const char *format, ...) {
  va_list args;

  va_start(args, format);
  answer_why(s, CREDS_NOTHING, DSQL_ECREDENTIALS, format, args);
  va_end(args);
}

void source_failed(struct creds_source *s, int code, const char *format, ...) {
  va_list args;

  va_start(args, format);
  answer_why(s, CREDS_FAILED, code, format, args);
  va_end(args);
}
