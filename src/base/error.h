/* error.h - errors are values. A `struct fault` is what a pure layer reports: fixed size, no memory. A `struct error`
 * is the public dsql_error with the server's fields behind it, living in an arena. */
#ifndef DSQL_BASE_ERROR_H
#define DSQL_BASE_ERROR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "dsql/dsql.h"

enum { FAULT_TEXT_SIZE = 768 };

struct fault {
  int code; /* 0: none */
  int os_error;
  unsigned flags;
  char sqlstate[6];
  char text[FAULT_TEXT_SIZE]; /* NUL-terminated, cut with "..." when longer */
};

/* Sets the fault unless one is set already (the first cause is the one to report); returns its code. */
int fault_set(struct fault *f, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Only what tells that there is none: the text is not worth clearing on every call. */
static inline void fault_clear(struct fault *f) {
  f->code = f->os_error = 0;
  f->flags = 0;
  memset(f->sqlstate, 0, sizeof f->sqlstate);
  f->text[0] = '\0';
}

/* For an owner that rarely has one, and would carry its text in vain: a copy from the hook, or &fault_nomem when there
 * is no memory, never NULL; both are given back with fault_drop(), which takes NULL, too. */
extern const struct fault fault_nomem;
const struct fault *fault_keep(const dsql_alloc *a, const struct fault *f);
void fault_drop(const dsql_alloc *a, const struct fault *f);

struct error {
  dsql_error pub;        /* first: a dsql_error * of ours is a struct error * */
  const uint8_t *fields; /* body of the ErrorResponse or NoticeResponse, validated; NULL for errors of our own */
  size_t fields_len;
};

extern const struct error error_nomem;

/* These two return &error_nomem when the arena has no memory, never NULL. */
const struct error *error_from_fault(struct arena *a, const struct fault *f);
/* body: the ErrorResponse's (or NoticeResponse's) payload, already checked by wire_check_error(); copied. */
const struct error *error_from_server(struct arena *a, const uint8_t *body, size_t n);
/* A copy in another arena, and an error of our own: both may be changed by the caller. NULL: no memory. */
struct error *error_clone(struct arena *a, const struct error *e);
struct error *error_printf(struct arena *a, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A field of a validated body; empty when absent. */
dsql_str error_body_field(const uint8_t *body, size_t n, char field);

#endif
