/* values_diff LIBPQ DIFFERENCES COUNT SEED - what a connection string says, judged by libpq 18 and by us: the groups of
 * grid.c in all their combinations, and COUNT random ones, every second of them through PG* variables. A value that
 * libpq refuses we refuse too, and the reverse, but for what differences.txt lists; and libpq's defaults are ours but
 * for those listed.
 *
 * libpq judges when it connects, most values in PQconnectStart(), integers and ports while it dials, connect_timeout
 * when it begins to wait; so PQconnectdb() is asked, about a port of the loopback network that is bound and not listened
 * to, and about Unix sockets that do not exist. That nobody answers there is no error in a value. We judge in
 * target_resolve(), and require_auth with require_auth_parse(), which it leaves to the session. */
#include <arpa/inet.h>
#include <fnmatch.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/require_auth.h"
#include "differences.h"
#include "grid.h"
#include "libpq.h"
#include "target/target.h"
#include "test_alloc.h"

enum { SETTINGS_MAX = 8, VALUE_SIZE = 256, TEXT_SIZE = 4096, REPORTS_MAX = 40 };

struct setting {
  const char *keyword;
  char value[VALUE_SIZE];
  bool base;            /* there only so that no default is asked */
  const char *variable; /* of the environment, which says it instead of the connection string; NULL: none */
};

struct combination {
  struct setting list[SETTINGS_MAX];
  size_t count;
};

struct run {
  struct libpq pq;
  struct differences differences;
  struct test_alloc heap;
  char port[8];
  unsigned long compared, accepted, refused, listed, unlisted;
};

/* ---- combinations ---- */

static const struct setting *find(const struct combination *c, const char *keyword) {
  for (size_t i = 0; i < c->count; i++)
    if (strcmp(c->list[i].keyword, keyword) == 0) return &c->list[i];
  return NULL;
}

/* Every "%P" of the text is replaced by the port. */
static void expand(const struct run *r, const char *text, char out[VALUE_SIZE]) {
  size_t n = 0;

  while (*text && n < VALUE_SIZE - sizeof r->port) {
    if (text[0] == '%' && text[1] == 'P') {
      n += (size_t)snprintf(out + n, VALUE_SIZE - n, "%s", r->port);
      text += 2;
    } else {
      out[n++] = *text++;
    }
  }
  out[n] = '\0';
}

static void set(const struct run *r, struct combination *c, const char *keyword, const char *value, bool base) {
  struct setting *s = (struct setting *)find(c, keyword);

  if (!s) s = &c->list[c->count++];
  s->keyword = keyword;
  s->base = base;
  s->variable = NULL;
  expand(r, value, s->value);
}

static void begin(const struct run *r, struct combination *c, bool local) {
  c->count = 0;
  set(r, c, local ? "host" : "hostaddr", local ? "/nonexistent" : "127.0.13.77", true);
  set(r, c, "port", "%P", true);
}

static void append(char *text, size_t *n, char ch) {
  if (*n + 1 < TEXT_SIZE) text[(*n)++] = ch;
  text[*n] = '\0';
}

static void write_text(const struct combination *c, char text[TEXT_SIZE]) {
  size_t n = 0;

  text[0] = '\0';
  for (size_t i = 0; i < c->count; i++) {
    if (c->list[i].variable) continue;
    for (const char *p = c->list[i].keyword; *p; p++) append(text, &n, *p);
    append(text, &n, '=');
    append(text, &n, '\'');
    for (const char *p = c->list[i].value; *p; p++) {
      if (*p == '\'' || *p == '\\') append(text, &n, '\\');
      append(text, &n, *p);
    }
    append(text, &n, '\'');
    append(text, &n, ' ');
  }
}

static void write_environment(const struct combination *c, bool there) {
  for (size_t i = 0; i < c->count; i++) {
    const char *variable = c->list[i].variable;
    if (!variable) continue;
    if (there)
      setenv(variable, c->list[i].value, 1);
    else
      unsetenv(variable);
  }
}

/* ---- what must not be asked ---- */

/* The index-th element of a list; empty past its end. */
static void element(const char *list, size_t index, char out[VALUE_SIZE]) {
  for (; index > 0 && *list; index--) {
    list += strcspn(list, ",");
    if (*list) list++;
  }
  (void)snprintf(out, VALUE_SIZE, "%.*s", (int)strcspn(list, ","), list);
}

/* A name that libpq would look up, and wait for. */
static bool is_name(const char *host) {
  unsigned char bytes[16];

  return *host && *host != '/' && *host != '@' && strcmp(host, "localhost") != 0 &&
         inet_pton(AF_INET, host, bytes) != 1 && inet_pton(AF_INET6, host, bytes) != 1;
}

static bool asks_the_resolver(const struct combination *c) {
  const struct setting *host = find(c, "host"), *address = find(c, "hostaddr");
  char name[VALUE_SIZE], numeric[VALUE_SIZE];

  for (size_t i = 0; host && i < 4; i++) {
    element(host->value, i, name);
    element(address ? address->value : "", i, numeric);
    if (is_name(name) && !*numeric) return true;
  }
  return false;
}

/* libpq looks at connect_timeout only when the first host did not fail at once, as a missing socket does. */
static bool wont_see_timeout(const struct combination *c) {
  const struct setting *host = find(c, "host");
  return find(c, "connect_timeout") && (!find(c, "hostaddr") || (host && strchr(host->value, '/')));
}

/* ---- the two judges ---- */

/* A line of libpq's error message that speaks of the network or of the other side. */
static bool of_the_network(const char *line) {
  static const char *const parts[] = {
      "Connection refused",     "No such file or directory",       "Is the server running",
      "Network is unreachable", "Cannot assign requested address", "FATAL: "};

  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
    if (strstr(line, parts[i])) return true;
  return *line == '\0';
}

static bool libpq_accepts(struct run *r, const char *text, char why[TEXT_SIZE]) {
  void *conn = r->pq.connect(text);
  char message[TEXT_SIZE], *rest = message;
  bool fine = true;

  (void)snprintf(message, sizeof message, "%s", r->pq.error_message(conn));
  (void)snprintf(why, TEXT_SIZE, "%s", message);
  while (rest && fine) fine = of_the_network(strsep(&rest, "\n"));
  r->pq.finish(conn);
  return fine;
}

/* The default host, here and everywhere: the socket directory. */
static int socket_dir_exists(void *ctx, const char *path, struct target_file *out) {
  if (strcmp(path, TARGET_SOCKET_DIR) != 0) return target_env_os()->stat(ctx, path, out);
  *out = (struct target_file){.directory = true, .owned_by_root = true, .mode = 0755};
  return 0;
}

static bool we_accept(struct run *r, const char *text, struct fault *f) {
  struct target *t;
  struct target_env env = *target_env_os();
  dsql_config config;
  uint32_t mask;
  int rc;

  dsql_config_init(&config);
  config.target = text;
  env.stat = socket_dir_exists;
  rc = target_resolve(&t, &r->heap.hook, &env, &config, f);
  if (rc) return false;
  if (t->require_auth) rc = require_auth_parse((dsql_str){t->require_auth, strlen(t->require_auth)}, &mask, f);
  target_unref(t);
  return rc == 0;
}

/* ---- the list ---- */

/* A host to be reached by TCP is among them. Without any the default is a Unix socket, see socket_dir_exists(). */
static bool uses_tcp(const struct combination *c) {
  const struct setting *host = find(c, "host"), *address = find(c, "hostaddr");
  char name[VALUE_SIZE];

  if (address && address->value[0]) return true;
  for (size_t i = 0; host && i < 4; i++) {
    element(host->value, i, name);
    if (*name && *name != '/' && *name != '@') return true;
  }
  return false;
}

static bool uses_environment(const struct combination *c) {
  for (size_t i = 0; i < c->count; i++)
    if (c->list[i].variable) return true;
  return false;
}

/* A term of a condition: "tcp" or "unix"; "string", when nothing comes from the environment; "KEYWORD=PATTERN"; "KEYWORD~PATTERN", which holds for a keyword that is not
 * set, too; "-KEYWORD", which holds only for such. *named counts the settings under test that it speaks of. */
static bool holds(const struct combination *c, const char *term, size_t *named) {
  char keyword[64];
  size_t n = strcspn(term, "=~");
  const struct setting *s;

  if (strcmp(term, "tcp") == 0) return uses_tcp(c);
  if (strcmp(term, "unix") == 0) return !uses_tcp(c);
  if (strcmp(term, "string") == 0) return !uses_environment(c);
  if (*term == '-') return !find(c, term + 1);
  (void)snprintf(keyword, sizeof keyword, "%.*s", (int)n, term);
  s = find(c, keyword);
  if (!s) return term[n] == '~';
  if (!term[n] || fnmatch(term + n + 1, s->value, FNM_EXTMATCH | FNM_NOESCAPE)) return false;
  *named += !s->base;
  return true;
}

/* All terms hold. *alone: they name everything that is under test, so that nothing else can decide the answer. */
static bool matches(const struct combination *c, const char *condition, bool *alone) {
  char text[512], *rest = text;
  size_t named = 0, tested = 0;

  (void)snprintf(text, sizeof text, "%s", condition);
  while (rest) {
    const char *term = strsep(&rest, " ");
    if (*term && !holds(c, term, &named)) return false;
  }
  for (size_t i = 0; i < c->count; i++) tested += !c->list[i].base;
  *alone = named == tested;
  return true;
}

static const char *verdict(bool accepted) { return accepted ? "accepted" : "refused"; }

/* A difference needs a line; and a line that names all that is under test must be true. */
static bool as_listed(struct run *r, const struct combination *c, bool theirs, bool ours) {
  bool explained = theirs == ours, contradicted = false;

  for (size_t i = 0; i < r->differences.count; i++) {
    struct difference *d = &r->differences.list[i];
    bool alone, same;
    if (strcmp(d->kind, "value") != 0 || !matches(c, d->what, &alone)) continue;
    same = strcmp(d->libpq, verdict(theirs)) == 0 && strcmp(d->ours, verdict(ours)) == 0;
    d->seen += same;
    explained |= same;
    if (alone && !same) {
      fprintf(stderr, "differences.txt:%u does not hold for:\n", d->line);
      contradicted = true;
    }
  }
  return explained && !contradicted;
}

/* ---- the comparison ---- */

static void compare(struct run *r, const struct combination *c) {
  char text[TEXT_SIZE], why[TEXT_SIZE];
  struct fault f = {0};
  bool theirs, ours;

  if (asks_the_resolver(c) || wont_see_timeout(c)) return;
  write_text(c, text);
  write_environment(c, true);
  theirs = libpq_accepts(r, text, why);
  ours = we_accept(r, text, &f);
  write_environment(c, false);
  r->compared++;
  r->accepted += theirs && ours;
  r->refused += !theirs && !ours;
  r->listed += theirs != ours;
  if (as_listed(r, c, theirs, ours)) return;
  if (r->unlisted++ >= REPORTS_MAX) return;
  for (size_t i = 0; i < c->count; i++)
    if (c->list[i].variable) fprintf(stderr, "%s='%s' ", c->list[i].variable, c->list[i].value);
  fprintf(stderr, "%s\n  libpq: %s %s  ours: %s %s\n", text, verdict(theirs), why, verdict(ours), f.text);
}

static void compare_from(struct run *r, const struct combination *c, const struct group *g, size_t axis) {
  if (axis == GRID_AXES_MAX || !g->axes[axis].keyword) {
    compare(r, c);
    return;
  }
  compare_from(r, c, g, axis + 1);
  for (size_t i = 0; g->axes[axis].values[i]; i++) {
    struct combination next = *c;
    set(r, &next, g->axes[axis].keyword, g->axes[axis].values[i], false);
    compare_from(r, &next, g, axis + 1);
  }
}

static void compare_grid(struct run *r) {
  struct combination c;

  for (unsigned local = 0; local < 2; local++) {
    begin(r, &c, local);
    for (size_t i = 0; i < grid_group_count; i++) compare_from(r, &c, &grid_groups[i], 0);
    for (size_t i = 0; i < grid_axis_count; i++) compare_from(r, &c, &(struct group){{grid_axes[i]}}, 0);
  }
}

static size_t below(uint64_t *state, size_t n) { /* splitmix64 */
  uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
  return (size_t)((z ^ (z >> 31)) % n);
}

/* What is under test, as far as there are variables for it. */
static void move_to_environment(struct combination *c) {
  for (size_t i = 0; i < c->count; i++) {
    struct setting *s = &c->list[i];
    int k = keyword_find(s->keyword, strlen(s->keyword));
    if (!s->base && k >= 0) s->variable = keyword_table[k].env;
  }
}

static void compare_random(struct run *r, unsigned long count, uint64_t state) {
  for (unsigned long i = 0; i < count; i++) {
    struct combination c;
    size_t n = 2 + below(&state, 3);
    begin(r, &c, below(&state, 2));
    for (; n > 0; n--) {
      const struct axis *axis = &grid_axes[below(&state, grid_axis_count)];
      size_t values = 0;
      while (axis->values[values]) values++;
      set(r, &c, axis->keyword, axis->values[below(&state, values)], false);
    }
    if (i % 2) move_to_environment(&c);
    compare(r, &c);
  }
}

/* ---- defaults, and what only we have ---- */

static const char *or_none(const char *text) { return text && *text ? text : "(none)"; }

static void compare_default(struct run *r, const char *keyword, const char *theirs, const char *ours) {
  for (size_t i = 0; i < r->differences.count; i++) {
    struct difference *d = &r->differences.list[i];
    if (strcmp(d->kind, "default") != 0 || strcmp(d->what, keyword) != 0) continue;
    d->seen++;
    if (strcmp(d->libpq, theirs) == 0 && strcmp(d->ours, ours) == 0) return;
  }
  if (strcmp(theirs, ours) == 0) return;
  fprintf(stderr, "default of %s: libpq's %s, ours %s\n", keyword, theirs, ours);
  r->unlisted++;
}

/* The values that take part in resolving, where a keyword is left out; sslmode's is worked out from the host. */
static void compare_defaults(struct run *r) {
  struct libpq_option *all = r->pq.defaults();

  for (struct libpq_option *o = all; o->keyword; o++) {
    int k = keyword_find(o->keyword, strlen(o->keyword));
    const char *ours = k == KEYWORD_sslmode ? "verify-full" : k < 0 ? "(unknown)" : keyword_table[k].fallback;
    if (k == KEYWORD_user) continue; /* both ask the operating system */
    compare_default(r, o->keyword, or_none(o->val), or_none(ours));
  }
  r->pq.free_options(all);
}

/* Whole connection strings that libpq has no notion of. */
static void compare_own(struct run *r) {
  for (size_t i = 0; i < r->differences.count; i++) {
    struct difference *d = &r->differences.list[i];
    struct fault f = {0};
    struct libpq_option *theirs;
    if (strcmp(d->kind, "own") != 0) continue;
    theirs = r->pq.parse(d->what, NULL);
    d->seen = !theirs && we_accept(r, d->what, &f);
    if (!d->seen) fprintf(stderr, "%s: libpq %s, ours %s\n", d->what, verdict(theirs), f.code ? f.text : "accepted");
    if (theirs) r->pq.free_options(theirs);
  }
}

/* Each keyword that libpq does not know is in one of those strings. */
static void check_own_keywords(struct run *r) {
  struct libpq_option *all = r->pq.defaults();

  for (int k = 0; k < KEYWORD_COUNT; k++) {
    char term[64];
    bool known = false;
    for (struct libpq_option *o = all; o->keyword; o++) known |= strcmp(o->keyword, keyword_table[k].name) == 0;
    (void)snprintf(term, sizeof term, "%s=", keyword_table[k].name);
    for (size_t i = 0; i < r->differences.count; i++)
      known |= strcmp(r->differences.list[i].kind, "own") == 0 && strstr(r->differences.list[i].what, term);
    if (known) continue;
    fprintf(stderr, "libpq does not know %s, and differences.txt does not list it\n", keyword_table[k].name);
    r->unlisted++;
  }
  r->pq.free_options(all);
}

/* ---- */

/* Binds a port on every address and does not listen: nobody else can, and who connects is refused. */
static int occupy_port(char text[8]) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) ||
      getsockname(fd, (struct sockaddr *)&address, &size)) {
    perror("no port to be had");
    exit(1);
  }
  (void)snprintf(text, 8, "%u", (unsigned)ntohs(address.sin_port));
  return fd;
}

int main(int argc, char **argv) {
  static const char *const kinds[] = {"value", "default", "own"};
  static struct run r;
  const char *build_dir = getenv("DSQL_BUILD_DIR");
  unsigned long seed;
  unsigned unseen = 0;
  int fd;

  if (argc != 5 || !build_dir) {
    fprintf(stderr, "usage: DSQL_BUILD_DIR=... values_diff LIBPQ DIFFERENCES COUNT SEED\n");
    return 2;
  }
  seed = strtoul(argv[4], NULL, 10);
  differences_load(&r.differences, argv[2]);
  libpq_isolate(build_dir);
  setenv("AWS_REGION", "us-east-1", 1); /* for a cluster id on its own; libpq does not look at it */
  libpq_load(&r.pq, argv[1]);
  test_alloc_init(&r.heap);
  fd = occupy_port(r.port);
  compare_defaults(&r);
  compare_own(&r);
  check_own_keywords(&r);
  compare_grid(&r);
  compare_random(&r, strtoul(argv[3], NULL, 10), seed);
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) unseen += differences_unseen(&r.differences, kinds[i]);
  close(fd);
  test_alloc_assert_empty(&r.heap);
  printf(
      "libpq %d: %lu combinations compared: %lu accepted by both, %lu refused by both, %lu differ (%lu not as listed), "
      "%u listed differences not seen\n",
      r.pq.version(), r.compared, r.accepted, r.refused, r.listed, r.unlisted, unseen);
  differences_free(&r.differences);
  return r.unlisted || unseen || r.accepted < 1000 || r.refused < 1000;
}
