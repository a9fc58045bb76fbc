/* world.h - what a credential source lives in, all of the test's making: a loop and a runtime on a counting hook, an
 * environment, files, an HTTP server. Every secret that the tests use has "hunter" in it, early and late; every error
 * text that comes by is searched for it. */
#ifndef DSQL_TEST_CREDS_WORLD_H
#define DSQL_TEST_CREDS_WORLD_H

#include "creds/source.h"
#include "fake_http.h"
#include "unit/rt/rt_fixture.h"

enum { WORLD_NOW_S = 1700000000 }; /* 2023-11-14T22:13:20Z */
#define WORLD_ID "AKIAhunter1"
#define WORLD_SECRET "hunter/secret+key/of+forty/bytes+at/least/hunter"
#define WORLD_TOKEN "hunter-session-token-hunter"

struct world_file {
  const char *path, *text; /* text NULL: may not be read */
};

struct world {
  struct fixture x;
  struct fake_http http;
  bool http_used;
  struct target_env env;
  char vars[8192]; /* "NAME=value" lines */
  char value[8192];
  const struct world_file *files; /* up to one without path */
  unsigned file_reads;
  struct aws_files loaded;
  struct creds_skew skew;
  struct creds_setup setup;
  /* the answer */
  int answers;
  enum creds_outcome outcome;
  struct credentials got;
  struct fault why;
};

void world_open(struct world *w);
void world_http(struct world *w); /* starts the server */
void world_close(struct world *w);
/* Replaces the variables; every "@URL" in them, and in what world_text() gives, is the server's. */
void world_vars(struct world *w, const char *vars);
/* A copy of text in a ring of static buffers. */
const char *world_text(struct world *w, const char *text);
/* Loads the AWS files with the environment as it is now. */
void world_load(struct world *w);
/* Starts s, waits for its answer, frees s. NULL (no memory) is a failure with ENOMEM. */
enum creds_outcome world_ask(struct world *w, struct creds_source *s);
void world_forget(struct world *w); /* the answer */
/* No secret is in it. */
void world_check_text(const char *text);
void world_expect(struct world *w, enum creds_outcome outcome, const char *text);

/* Turns until *done, or fails the test after 30 s. */
#define world_until(w, done)                                                                                           \
  do {                                                                                                                 \
    uint64_t begin_ns_ = uv_hrtime();                                                                                  \
    while (!(done)) {                                                                                                  \
      if (!uv_run(&(w)->x.loop, UV_RUN_NOWAIT)) uv_sleep(1);                                                           \
      cr_assert(uv_hrtime() - begin_ns_ < UINT64_C(30000000000), "waited 30 s for " #done);                            \
    }                                                                                                                  \
  } while (0)

#endif
