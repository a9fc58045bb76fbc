#include "creds/chain.h"

#include <assert.h>
#include <stdio.h>

struct link_of_chain {
  struct creds_source *(*create)(const struct creds_setup *setup);
  bool files; /* AWS's files are read before it */
};

/* The environment needs no files: where its keys are set, a broken file does not matter. */
static const struct link_of_chain default_chain[] = {
    {environment_source_new, false}, {web_identity_source_new, true}, {profile_source_new, true},
    {container_source_new, true},    {imds_source_new, true},
};
static const struct link_of_chain profile_chain[] = {{profile_source_new, true}};

enum state { NEXT, ASKING, FOUND, FAILED };

struct chain {
  struct chain_setup setup;
  struct creds_setup source_setup;
  struct aws_files files;
  bool files_loaded;
  char *profile;
  const struct link_of_chain *links;
  size_t count, at;
  enum state state;
  bool running; /* chain_run() is below us on the stack */
  struct creds_source *source;
  struct credentials credentials;
  struct fault why;
  char tried[FAULT_TEXT_SIZE]; /* a sentence for each source that had nothing */
  size_t tried_len;
  chain_done *done;
  void *owner;
};

/* Cut to an equal share of what is left, so that every source is named even when the reasons are long. */
static void note_nothing(struct chain *c, const char *name, const char *reason) {
  size_t room = (FAULT_TEXT_SIZE - 24 - c->tried_len) / (c->count - c->at + 1), n;
  char *at = c->tried + c->tried_len;

  n = (size_t)snprintf(at, room, "%s%s: %s", c->tried_len ? ". " : "", name, reason);
  if (n >= room) {
    n = room - 1;
    memcpy(at + n - 3, "...", 3);
  }
  c->tried_len += n;
}

static void note_failure(struct chain *c, const char *name, const struct fault *why) {
  int code = why->code == DSQL_ENOMEM || why->code == DSQL_ECANCELED ? why->code : DSQL_ECREDENTIALS;

  c->state = FAILED;
  c->why.os_error = why->os_error;
  (void)fault_set(&c->why, code, "AWS credentials: %s: %s", name, why->text);
}

static void note_found(struct chain *c, const char *name, struct credentials *found) {
  struct fault f = {0};

  if (found->expires_s && found->expires_s <= c->setup.now_s()) {
    (void)fault_set(&f, DSQL_ECREDENTIALS, "they have expired already; get new ones, or set this machine's clock");
    note_failure(c, name, &f);
    return;
  }
  c->state = FOUND;
  credentials_move(&c->credentials, found);
}

static void run(struct chain *c);

static void on_answer(void *owner, struct creds_source *s, struct creds_answer *a) {
  struct chain *c = owner;
  const char *name = s->class->name;

  c->source = NULL;
  switch (a->outcome) {
    case CREDS_FOUND: note_found(c, name, &a->credentials); break;
    case CREDS_FAILED: note_failure(c, name, &a->why); break;
    case CREDS_NOTHING:
      note_nothing(c, name, a->why.text);
      c->state = NEXT;
      break;
  }
  source_free(s);
  run(c);
}

/* Reading two small files blocks the loop for that long, once per fetch. The thread pool would be the alternative, but
 * may not use the allocator's hook; the password file and the service file are read on the loop as well. */
static bool load_files(struct chain *c) {
  struct fault f = {0};

  if (c->files_loaded) return true;
  c->files_loaded = true;
  if (aws_files_load(&c->files, rt_alloc(c->setup.rt), c->setup.env, &f) == 0) return true;
  note_failure(c, "shared files", &f);
  return false;
}

static void no_memory(struct chain *c) {
  c->state = FAILED;
  (void)fault_set(&c->why, DSQL_ENOMEM, "out of memory");
}

static void exhausted(struct chain *c) {
  c->state = FAILED;
  (void)fault_set(&c->why, DSQL_ECREDENTIALS, "no AWS credentials. %s", c->tried);
}

static void ask_next(struct chain *c) {
  const struct link_of_chain *link = &c->links[c->at];

  if (c->at == c->count) {
    exhausted(c);
    return;
  }
  c->at++;
  if (link->files && !load_files(c)) return;
  c->source = link->create(&c->source_setup);
  c->state = ASKING;
  if (c->source)
    source_start(c->source, on_answer, c);
  else
    no_memory(c);
}

static void finish(struct chain *c) {
  struct credentials found = {0};
  struct fault why = c->why;
  bool ok = c->state == FOUND;
  chain_done *done = c->done;
  void *owner = c->owner;

  if (ok) credentials_move(&found, &c->credentials);
  chain_cancel(c);
  done(owner, ok ? &found : NULL, ok ? NULL : &why);
  credentials_deinit(&found);
}

/* A source that answers at once has this function below it on the stack: then it goes on there. */
static void run(struct chain *c) {
  if (c->running) return;
  c->running = true;
  while (c->state == NEXT) ask_next(c);
  c->running = false;
  if (c->state != ASKING) finish(c);
}

struct chain *chain_new(const struct chain_setup *setup, chain_done *done, void *owner) {
  const dsql_alloc *alloc = rt_alloc(setup->rt);
  struct chain *c = mem_zalloc(alloc, sizeof *c);
  bool explicit_name;

  if (!c) return NULL;
  c->setup = *setup;
  c->links = setup->profile ? profile_chain : default_chain;
  c->count = setup->profile ? 1 : sizeof default_chain / sizeof default_chain[0];
  c->done = done;
  c->owner = owner;
  c->files.alloc = alloc;
  c->profile = mem_strdup(alloc, aws_profile_name(setup->profile, setup->env, &explicit_name));
  if (!c->profile) {
    chain_cancel(c);
    return NULL;
  }
  c->source_setup = (struct creds_setup){.rt = setup->rt,
                                         .env = setup->env,
                                         .files = &c->files,
                                         .profile = c->profile,
                                         .profile_explicit = explicit_name,
                                         .region = setup->region,
                                         .now_s = setup->now_s,
                                         .skew = setup->skew};
  return c;
}

void chain_start(struct chain *c) {
  assert(c->state == NEXT && c->at == 0);
  run(c);
}

void chain_cancel(struct chain *c) {
  const dsql_alloc *alloc;

  if (!c) return;
  assert(!c->running);
  alloc = rt_alloc(c->setup.rt);
  source_free(c->source);
  aws_files_deinit(&c->files);
  credentials_deinit(&c->credentials);
  mem_free(alloc, c->profile);
  mem_free_secret(alloc, c, sizeof *c);
}
