/* Whole sessions, cut at every byte, ended at every byte, and with every allocation failing in turn. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "../auth/scram_peer.h"
#include "rig.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A session in acts: operations, then what the server sends. */
struct play {
  const char *password;
  bool sasl; /* the first act is a SCRAM exchange */
  bool ahead;
  enum auth_method method; /* that is sent ahead */
  struct {
    const char *ops, *server;
  } acts[6];
};

static const struct play plays[] = {
    {.acts = {{"x:SELECT| s:A;B", "R0 S:server_version=18.4 N:00000 K Z:I"},
              {"", "1 2 T:a,b D:x,yyyyyyyyyyyyyyyyyyyy D:-,y C:SELECT_2 Z:I T:a D:x C:SELECT_1 C:INSERT_0_1 Z:I"},
              {"r:A b:B b:C|", "3 1 t:23,25 T:abc 2 D:x D:y C:A A:chan 2 C:B S:a=b 2 E:23505 Z:I"},
              {"b:INSERT|", "2 C:INSERT_0_1 E:23505 Z:I"},
              {"b:BEGIN x:UPDATE| b:COMMIT|", "2 C:BEGIN 1 2 n C:UPDATE_1 Z:T 2 C:COMMIT Z:I"},
              {"", "F:57P01"}}},
    {.acts = {{"w:BEGIN l:SELECT|", "R0 K Z:I"},
              {"", "1 2 C:BEGIN 1 2 T:a D:x D:y s Z:T"},
              {"m:SELECT| b:A|", "D:x N:00000 D:y S:a=b s A:c Z:T 2 C:A Z:T"},
              {"m:SELECT m:SELECT| c|", "D:x C:SELECT_1 C:SELECT_0 Z:T 3 Z:T"},
              {"m:SELECT|", "D:x E:22012 Z:E"},
              {"b:ROLLBACK|", "2 C:ROLLBACK Z:I"}}},
    {.password = "secret",
     .acts = {{"b:BEGIN b:SELECT|", "R5 R0 K Z:I"},
              {"b:UPDATE b:UPDATE| b:COMMIT|", "2 C:BEGIN 2 D:x D:yy D:zzz C:SELECT_3 Z:T 2 C:U 2 E:40001 Z:E"},
              {"", "2 C:ROLLBACK Z:I"},
              {"s:COPY_t_FROM_STDIN", "G E:57014 Z:I"},
              {"x:COPY_t_TO_STDOUT|", "1 2 n H d:abc d: c C:COPY_2 Z:I"},
              {"p:SELECT! c y|", "1 t: n 2 I 3 Z:I"}}},
    {.password = "secret",
     .sasl = true,
     .acts = {{"x:SELECT|", "R0 K S:a=b Z:I 1 2 T:a D:x C:SELECT_1 Z:I"}, {"s:CALL_p()", "C:CALL Z:I"}}},
    {.password = "secret",
     .ahead = true,
     .method = AUTH_PASSWORD,
     .acts = {{"x:SELECT| b:A|", "v:30000 R3 R0 K Z:I 1 2 T:a D:x C:SELECT_1 Z:I 2 C:A Z:I"}, {"b:A|", "2 C:A Z:I"}}},
    {.password = "secret", /* which nobody asks for */
     .ahead = true,
     .method = AUTH_PASSWORD,
     .acts = {{"x:SELECT|", "R0 K Z:I N:00000 S:a=b 1 2 T:a D:x C:SELECT_1 Z:I"}, {"b:A|", "2 C:A Z:I"}}},
    {.ahead = true,
     .method = AUTH_NONE,
     .acts = {{"x:SELECT|", "R0 K Z:I 1 2 T:a D:x C:SELECT_1 Z:I"}, {"b:A|", "2 C:A Z:I"}}},
    {.password = "secret",
     .sasl = true,
     .ahead = true,
     .method = AUTH_SCRAM,
     .acts = {{"x:SELECT|", "R0 K Z:I 1 2 T:a D:x C:SELECT_1 Z:I"}, {"b:A|", "2 C:A Z:I"}}},
};

static void begin(struct rig *r, const struct play *p) {
  rig_init(r);
  r->config.password = p->password;
  r->config.protocol = p->ahead ? WIRE_PROTOCOL_3_2 : WIRE_PROTOCOL_3_0;
  r->config.tls = p->ahead;
  r->config.ahead = p->ahead;
  r->config.ahead_method = p->method;
}

static void sasl_message(struct backend_script *b, uint32_t code, const char *text) {
  uint8_t body[PEER_MESSAGE_MAX + 4];
  store_be32(body, code);
  memcpy(body + 4, text, strlen(text));
  backend_script_message(b, 'R', body, 4 + strlen(text));
}

/* The two messages of the SCRAM server, computed with what the client sends; false when it failed before. */
static bool sasl_next(struct rig *r, struct peer *peer, int round, struct backend_script *b) {
  const uint8_t *m = r->out.data;
  if (r->s.phase == SESSION_FAILED || r->out.len < 9 || m[0] != 'p') return false;
  if (round == 0) {
    struct cursor c = cursor_of(m + 5, (size_t)load_be32(m + 1) - 4);
    (void)cursor_cstr(&c);
    (void)cursor_u32(&c);
    if (!peer_first(peer, c.pos, cursor_left(&c))) return false;
    sasl_message(b, 11, peer->server_first);
  } else {
    if (!peer_final(peer, m + 5, (size_t)load_be32(m + 1) - 4)) return false;
    sasl_message(b, 12, peer->server_final);
  }
  return true;
}

/* How the bytes arrive: at once, in equal parts, or with one cut; and where the stream ends. */
struct delivery {
  size_t step, cut, end; /* cut and end count from the first byte of the whole session; SIZE_MAX: nowhere */
  size_t at;
};

static bool deliver(struct rig *r, struct delivery *d, const uint8_t *p, size_t n) {
  size_t left = n, here;
  while (left > 0) {
    here = left;
    if (d->at >= d->end) return false;
    if (d->at < d->cut && here > d->cut - d->at) here = d->cut - d->at;
    if (here > d->end - d->at) here = d->end - d->at;
    rig_feed_bytes(r, p + (n - left), here, d->step);
    d->at += here;
    left -= here;
  }
  return true;
}

static bool play_sasl(struct rig *r, struct delivery *d) {
  struct peer *peer = calloc(1, sizeof *peer);
  struct backend_script *b = calloc(1, sizeof *b);
  bool ok = true;

  cr_assert(peer && b);
  *peer = (struct peer){.password = {"secret", 6}, .salt = "salt", .salt_len = 4, .iterations = 16, .nonce = "server"};
  buf_consume(&r->out, load_be32(r->out.data)); /* the StartupMessage; a client-first may stand behind it */
  backend_script_init(b, "SASL:SCRAM-SHA-256");
  for (int round = 0; round < 3 && ok; round++) {
    ok = deliver(r, d, b->data, b->len);
    b->len = b->count = 0;
    if (ok && round < 2) ok = sasl_next(r, peer, round, b);
    buf_reset(&r->out);
  }
  free(peer);
  free(b);
  return ok;
}

/* Plays until the end, or until the stream or the session ends. Gathers only between acts, so that the order of all
 * events is the same however the bytes come. */
static void play(struct rig *r, const struct play *p, struct delivery *d) {
  struct backend_script *b = calloc(1, sizeof *b);
  bool ok = true;

  cr_assert_not_null(b);
  if (p->sasl) ok = play_sasl(r, d);
  for (size_t i = 0; i < COUNT(p->acts) && p->acts[i].server && ok; i++) {
    rig_submit(r, p->acts[i].ops);
    (void)session_gather(&r->s);
    session_sent(&r->s, r->s.appended);
    backend_script_init(b, p->acts[i].server);
    ok = deliver(r, d, b->data, b->len);
    (void)session_gather(&r->s);
    session_sent(&r->s, r->s.appended);
    buf_reset(&r->out);
  }
  free(b);
}

static struct delivery whole(void) { return (struct delivery){0, SIZE_MAX, SIZE_MAX, 0}; }

static char *log_of(const struct play *p, struct delivery *d) {
  struct rig *r = calloc(1, sizeof *r);
  char *log;
  cr_assert_not_null(r);
  begin(r, p);
  cr_assert_eq(rig_start(r), 0);
  play(r, p, d);
  rig_eof(r);
  log = strdup(rig_take_log(r));
  cr_assert_not_null(log);
  rig_deinit(r);
  free(r);
  return log;
}

Test(sweep, plays_go_through) {
  for (size_t i = 0; i < COUNT(plays); i++) {
    struct delivery d = whole();
    char *log = log_of(&plays[i], &d);
    cr_assert_not_null(strstr(log, "ready I\n"), "%s", log);
    cr_assert_null(strstr(log, "lost"), "%s", log);
    cr_assert_null(strstr(log, "EPROTO"), "%s", log);
    cr_assert_gt(strlen(log), 100);
    free(log);
  }
}

Test(sweep, cut_at_every_byte) {
  size_t cases = 0;
  for (size_t i = 0; i < COUNT(plays); i++) {
    struct delivery d = whole();
    char *expected = log_of(&plays[i], &d);
    size_t n = d.at;
    for (size_t cut = 0; cut <= n; cut++) {
      struct delivery here = whole();
      char *log;
      here.cut = cut;
      log = log_of(&plays[i], &here);
      cr_assert_str_eq(log, expected, "play %zu cut at %zu:\n%s", i, cut, log);
      free(log);
      cases++;
    }
    for (size_t step = 1; step <= 40; step++) {
      struct delivery here = whole();
      char *log;
      here.step = step;
      log = log_of(&plays[i], &here);
      cr_assert_str_eq(log, expected, "play %zu in parts of %zu:\n%s", i, step, log);
      free(log);
      cases++;
    }
    free(expected);
  }
  printf("%zu deliveries\n", cases);
  cr_assert_eq(cases, 2784);
}

/* The stream ends at every byte: what was told before is the same, every operation is reported once, the session fails
 * with the cause that was given. */
Test(sweep, end_at_every_byte) {
  size_t cases = 0;
  for (size_t i = 0; i < COUNT(plays); i++) {
    struct delivery d = whole();
    char *expected = log_of(&plays[i], &d);
    size_t n = d.at;
    for (size_t end = 0; end < n; end++) {
      struct delivery here = whole();
      char *log, *failed;
      size_t same = 0;
      here.end = end;
      log = log_of(&plays[i], &here);
      cr_assert_eq(here.at, end);
      while (log[same] && log[same] == expected[same]) same++;
      while (same > 0 && log[same - 1] != '\n') same--;
      /* Behind the common beginning only losses, the session's own fault last. */
      for (char *line = log + same; *line; line = strchr(line, '\n') + 1)
        cr_assert(!strncmp(line, "done ", 5) || !strncmp(line, "failed DSQL_ECLOSED", 19), "%s", line);
      failed = strstr(log, "failed DSQL_ECLOSED\n");
      cr_assert_not_null(failed, "%s", log);
      cr_assert_eq(strlen(failed), 20, "nothing follows");
      free(log);
      cases++;
    }
    free(expected);
  }
  printf("%zu ends\n", cases);
  cr_assert_eq(cases, 2456);
}

/* Allocations of the session and of its output; operations are encoded before. */
Test(sweep, every_allocation_fails_in_turn) {
  size_t cases = 0;
  for (int all_after = 0; all_after < 2; all_after++)
    for (size_t i = 0; i < COUNT(plays); i++)
      for (size_t step = 0; step <= 7; step += 7)
        for (size_t nth = 1;; nth++) {
          struct rig *r = calloc(1, sizeof *r);
          struct delivery d = whole();
          bool fired;
          cr_assert_not_null(r);
          d.step = step;
          begin(r, &plays[i]);
          buf_deinit(&r->out);
          buf_init(&r->out, &r->heap.hook, 1 << 20);
          test_alloc_arm(&r->heap, nth, all_after);
          if (rig_start(r) == 0) {
            /* The rig's own operations must not be what fails: a failed one is not submitted in real life either. */
            size_t act = 0;
            bool ok = true;
            struct backend_script *b = calloc(1, sizeof *b);
            cr_assert_not_null(b);
            if (plays[i].sasl) ok = play_sasl(r, &d);
            for (; ok && act < COUNT(plays[i].acts) && plays[i].acts[act].server; act++) {
              size_t calls = r->heap.calls, fail_at = r->heap.fail_at;
              bool after = r->heap.fail_all_after;
              r->heap.fail_at = 0;
              rig_submit(r, plays[i].acts[act].ops);
              r->heap.calls = calls;
              r->heap.fail_at = fail_at;
              r->heap.fail_all_after = after;
              (void)session_gather(&r->s);
              session_sent(&r->s, r->s.appended);
              backend_script_init(b, plays[i].acts[act].server);
              ok = deliver(r, &d, b->data, b->len);
              (void)session_gather(&r->s);
            }
            free(b);
            fired = test_alloc_fired(&r->heap);
            if (fired) {
              cr_assert_eq(r->s.phase, SESSION_FAILED, "allocation %zu of play %zu", nth, i);
              cr_assert_eq(session_fault(&r->s)->code, DSQL_ENOMEM, "%s", session_fault(&r->s)->text);
            }
            test_alloc_arm(&r->heap, 0, false);
          } else {
            fired = true;
            test_alloc_arm(&r->heap, 0, false);
          }
          rig_deinit(r);
          free(r);
          cases++;
          if (!fired) break;
        }
  printf("%zu allocations\n", cases);
  cr_assert_gt(cases, 60);
}
