#include "local/startup.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cursor.h"
#include "wire/frontend.h"

enum { TLS_HANDSHAKE_RECORD = 0x16, HEADER_SIZE = 8, CANCEL_MIN = 16, CANCEL_MAX = 12 + WIRE_CANCEL_KEY_MAX };
enum { VERSION_MAJOR = 3 };

enum first_kind startup_first(const uint8_t *p, size_t n, size_t *total) {
  uint32_t length, code;

  *total = 0;
  if (n == 0) return FIRST_MORE;
  if (p[0] == TLS_HANDSHAKE_RECORD) return FIRST_TLS;
  if (n < 4) return FIRST_MORE;
  length = load_be32(p);
  if (length < HEADER_SIZE || length > STARTUP_MESSAGE_MAX) return FIRST_GARBAGE;
  if (n < HEADER_SIZE) return FIRST_MORE;
  code = load_be32(p + 4);
  *total = length;
  if (code == WIRE_SSL_REQUEST_CODE) return length == HEADER_SIZE ? FIRST_SSL_REQUEST : FIRST_GARBAGE;
  if (code == GSS_REQUEST_CODE) return length == HEADER_SIZE ? FIRST_GSS_REQUEST : FIRST_GARBAGE;
  if (n < length) return FIRST_MORE;
  if (code == WIRE_CANCEL_REQUEST_CODE)
    return length >= CANCEL_MIN && length <= CANCEL_MAX ? FIRST_CANCEL : FIRST_GARBAGE;
  return FIRST_STARTUP;
}

/* ---- the `options` parameter ---- */

struct options {
  struct startup *out;
  bool (*allowed)(const char *name, size_t n);
  struct buf kept; /* what goes on, escaped anew */
};

static enum startup_verdict bad(struct startup *out, enum startup_verdict verdict, const char *what, size_t n) {
  snprintf(out->bad, sizeof out->bad, "%.*s", (int)(n < sizeof out->bad ? n : sizeof out->bad - 1), what);
  return verdict;
}

/* PostgreSQL cuts options at blanks; a backslash takes the next character as it is (pg_split_opts). */
static void keep_word(struct buf *b, const char *word) {
  if (b->len) buf_put_u8(b, ' ');
  for (; *word; word++) {
    if (*word == '\\' || isspace((unsigned char)*word)) buf_put_u8(b, '\\');
    buf_put_u8(b, (uint8_t)*word);
  }
}

/* The next word, unescaped, into word of at least strlen(s) + 1 bytes; NULL at the end. */
static const char *next_word(const char *s, char *word) {
  while (isspace((unsigned char)*s)) s++;
  if (!*s) return NULL;
  for (; *s && !isspace((unsigned char)*s); s++) {
    if (*s == '\\' && s[1]) s++;
    *word++ = *s;
  }
  *word = '\0';
  return s;
}

/* Ours to know and nobody else's: DSQL's own settings, which PostgreSQL has never heard of. */
static bool is_clusters_own(const char *name, size_t n) {
  return n == strlen("disable_sync_create_index") && strncasecmp(name, "disable_sync_create_index", n) == 0;
}

static bool is_cluster_id(const char *name, size_t n) {
  return n == strlen("amzn-cluster-id") &&
         (strncasecmp(name, "amzn-cluster-id", n) == 0 || strncasecmp(name, "amzn_cluster_id", n) == 0);
}

/* setting: "name=value" behind -c or --. In names - means _ (ParseLongOption). */
static enum startup_verdict take_setting(struct options *o, char *setting) {
  char *equals = strchr(setting, '=');
  size_t n = equals ? (size_t)(equals - setting) : strlen(setting);

  if (!equals || n == 0) return bad(o->out, STARTUP_OPTIONS, setting, strlen(setting));
  if (is_cluster_id(setting, n)) {
    snprintf(o->out->cluster_id, sizeof o->out->cluster_id, "%s", equals + 1);
    return STARTUP_OK;
  }
  for (size_t i = 0; i < n; i++)
    if (setting[i] == '-') setting[i] = '_';
  if (is_clusters_own(setting, n)) return STARTUP_OK;
  if (!o->allowed(setting, n)) return bad(o->out, STARTUP_PARAMETER, setting, n);
  keep_word(&o->kept, "-c");
  keep_word(&o->kept, setting);
  return STARTUP_OK;
}

static enum startup_verdict take_words(struct options *o, const char *s, char *word) {
  enum startup_verdict verdict = STARTUP_OK;

  while (verdict == STARTUP_OK && (s = next_word(s, word)) != NULL) {
    if (strcmp(word, "-c") == 0) { /* its setting is the next word */
      s = next_word(s, word);
      if (!s) return bad(o->out, STARTUP_OPTIONS, "-c", 2);
      verdict = take_setting(o, word);
    } else if (strncmp(word, "-c", 2) == 0 || strncmp(word, "--", 2) == 0) {
      verdict = take_setting(o, word + 2);
    } else {
      verdict = bad(o->out, STARTUP_OPTIONS, word, strlen(word));
    }
  }
  return verdict;
}

static enum startup_verdict take_options(struct startup *out, bool (*allowed)(const char *, size_t), dsql_str value) {
  char word[STARTUP_MESSAGE_MAX];
  struct options o = {.out = out, .allowed = allowed};
  enum startup_verdict verdict;

  buf_init(&o.kept, out->forward.alloc, 4 * (size_t)STARTUP_MESSAGE_MAX);
  verdict = take_words(&o, value.ptr, word);
  if (verdict == STARTUP_OK && !buf_ok(&o.kept)) verdict = STARTUP_NO_MEMORY;
  if (verdict == STARTUP_OK && o.kept.len) {
    buf_put_u8(&o.kept, '\0');
    buf_put_cstr(&out->forward, "options");
    buf_put(&out->forward, o.kept.data, o.kept.len);
  }
  buf_deinit(&o.kept);
  return verdict;
}

/* ---- the message ---- */

static bool is(dsql_str name, const char *other) { return strcmp(name.ptr, other) == 0; }

static void forward(struct startup *out, dsql_str name, dsql_str value) {
  buf_put(&out->forward, name.ptr, name.len + 1);
  buf_put(&out->forward, value.ptr, value.len + 1);
}

static enum startup_verdict take_pair(struct startup *out, bool (*allowed)(const char *, size_t), dsql_str name,
                                      dsql_str value) {
  if (strncmp(name.ptr, "_pq_.", 5) == 0) {
    buf_put(&out->unknown, name.ptr, name.len + 1);
    out->unknown_count++;
  } else if (is(name, "user")) {
    snprintf(out->user, sizeof out->user, "%s", value.ptr);
    forward(out, name, value);
  } else if (is(name, "database")) {
    snprintf(out->database, sizeof out->database, "%s", value.ptr);
  } else if (is(name, "replication")) {
    static const char *const off[] = {"false", "off", "no", "0"};
    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
      if (is(value, off[i])) return STARTUP_OK;
    return STARTUP_REPLICATION;
  } else if (is(name, "options")) {
    return take_options(out, allowed, value);
  } else if (!is_clusters_own(name.ptr, name.len)) {
    if (!allowed(name.ptr, name.len)) return bad(out, STARTUP_PARAMETER, name.ptr, name.len);
    forward(out, name, value);
  }
  return STARTUP_OK;
}

static enum startup_verdict take_pairs(struct startup *out, bool (*allowed)(const char *, size_t), struct cursor c) {
  enum startup_verdict verdict = STARTUP_OK;

  while (verdict == STARTUP_OK) {
    dsql_str name = cursor_cstr(&c), value;
    if (c.failed) return STARTUP_INVALID;
    if (name.len == 0) return cursor_done(&c) ? STARTUP_OK : STARTUP_INVALID;
    value = cursor_cstr(&c);
    verdict = c.failed ? STARTUP_INVALID : take_pair(out, allowed, name, value);
  }
  return verdict;
}

enum startup_verdict startup_parse(const uint8_t *p, size_t n, bool (*allowed)(const char *name, size_t n),
                                   const dsql_alloc *alloc, struct startup *out) {
  struct cursor c = cursor_of(p, n);
  enum startup_verdict verdict;

  *out = (struct startup){.version = 0};
  buf_init(&out->unknown, alloc, STARTUP_MESSAGE_MAX);
  buf_init(&out->forward, alloc, 8 * (size_t)STARTUP_MESSAGE_MAX);
  if (n < HEADER_SIZE || cursor_u32(&c) != n) return STARTUP_INVALID;
  out->version = cursor_u32(&c);
  if (out->version >> 16 != VERSION_MAJOR) return STARTUP_VERSION;
  buf_put_be32(&out->forward, 0);
  buf_put_be32(&out->forward, WIRE_PROTOCOL_3_0);
  verdict = take_pairs(out, allowed, c);
  if (verdict != STARTUP_OK) return verdict;
  if (!*out->user) return STARTUP_NO_USER;
  if (!*out->database) snprintf(out->database, sizeof out->database, "%s", out->user);
  buf_put_cstr(&out->forward, "database");
  buf_put_cstr(&out->forward, "postgres");
  buf_put_u8(&out->forward, '\0');
  if (!buf_ok(&out->forward) || !buf_ok(&out->unknown)) return STARTUP_NO_MEMORY;
  store_be32(out->forward.data, (uint32_t)out->forward.len);
  return STARTUP_OK;
}

void startup_deinit(struct startup *s) {
  buf_deinit(&s->unknown);
  buf_deinit(&s->forward);
}
