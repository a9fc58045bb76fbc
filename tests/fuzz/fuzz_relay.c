/* One session of `dsql local` between a hostile client and a hostile server. Byte 0 is the allocation that fails (0:
 * none), byte 1 sets options and faults, byte 2 their seed; then operations of one byte, low four bits what, high four
 * bits how long:
 *
 *   0  raw bytes of the client     4  a message of the client: its type, its text up to a NUL
 *   1  raw bytes of the server     5  a message of the server, the same
 *   2  time passes                 6  a statement, by number, as Query, or as Parse ... Sync
 *   3  another session's DDL       7  the server answers all that it has, as PostgreSQL would
 *   8  offer the relay what is left
 *
 * Outputs stay bounded, whatever is forwarded is made of whole messages, a closed relay takes nothing, and one that is
 * idle owes nothing. */
#include <string.h>

#include "fuzz_check.h"
#include "relay.h"
#include "test_alloc.h"
#include "wire/backend.h"
#include "wire/frontend.h"

enum { HIGH_WATER = 600, MESSAGE_MAX = 1200, PENDING_MAX = 4096, PUT_IN_PLACE_MAX = 16384 };

struct play {
  struct test_alloc heap;
  struct relay_world world;
  struct relay r;
  struct buf from_client, from_server; /* not yet taken */
  struct buf seen_by_server;           /* not yet answered */
  size_t client_owed;                  /* what is left of a message that streams to the client */
  bool in_block, skipping;
  uint64_t now_ms;
};

static const char *const statements[] = {"SELECT 1",
                                         "BEGIN",
                                         "INSERT INTO t VALUES (1)",
                                         "COMMIT",
                                         "ROLLBACK",
                                         "CREATE INDEX ASYNC i ON t (a)",
                                         "VACUUM",
                                         "BEGIN ISOLATION LEVEL REPEATABLE READ",
                                         "SELECT 1; UPDATE t SET a=1; COMMIT",
                                         "CREATE TABLE t (a int)",
                                         "COPY t FROM STDIN",
                                         "DEALLOCATE ALL",
                                         "SET a = 1; TRUNCATE t",
                                         "",
                                         "SELECT $$x;",
                                         "START TRANSACTION; DROP TABLE t"};

/* ---- the two ends ---- */

static void put_message(struct buf *out, uint8_t type, const void *body, size_t n) {
  buf_put_u8(out, type);
  buf_put_be32(out, (uint32_t)n + 4);
  buf_put(out, body, n);
}

static void put_error(struct buf *out, const char *code, const char *message) {
  char body[256];
  int n = snprintf(body, sizeof body, "SERROR%cVERROR%cC%s%cM%s%cPp%c%c", 0, 0, code, 0, message, 0, 0, 0);
  put_message(out, WIRE_ERROR_RESPONSE, body, (size_t)n);
}

static void put_ready(struct play *p) {
  put_message(&p->from_server, WIRE_READY_FOR_QUERY, p->in_block ? "T" : "I", 1);
  p->skipping = false;
}

static void put_complete(struct play *p, const char *sql, size_t n) {
  char tag[32];
  size_t word = 0;

  while (word < n && word < sizeof tag - 1 && sql[word] != ' ' && sql[word] != ';' && sql[word]) word++;
  memcpy(tag, sql, word);
  tag[word] = '\0';
  if (strcmp(tag, "BEGIN") == 0 || strcmp(tag, "START") == 0) p->in_block = true;
  if (strcmp(tag, "COMMIT") == 0 || strcmp(tag, "ROLLBACK") == 0) p->in_block = false;
  put_message(&p->from_server, WIRE_COMMAND_COMPLETE, tag, word + 1);
}

static bool has_text(const struct wire_frame *m, const char *text) {
  return m->len && memmem(m->body, m->len, text, strlen(text)) != NULL;
}

static void answer_query(struct play *p, const struct wire_frame *m) {
  const char *sql = (const char *)m->body;
  size_t n = m->len ? m->len - 1 : 0;

  for (size_t at = 0; at < n; at++) {
    size_t end = at;
    while (end < n && sql[end] != ';') end++;
    while (at < end && sql[at] == ' ') at++;
    if (at < end && end - at > 60 && p->from_server.len > PENDING_MAX) break;
    if (memmem(sql + at, end - at, "dsql_local_refused", 18)) {
      put_error(&p->from_server, "42703", "column \"dsql_local_refused\" does not exist");
      break;
    }
    put_complete(p, sql + at, end - at);
    at = end;
  }
  put_ready(p);
}

static void answer(struct play *p, const struct wire_frame *m) {
  struct buf *out = &p->from_server;

  if (p->skipping && m->type != 'S') return;
  if (strchr("PBE", m->type) && has_text(m, "dsql_local_refused")) {
    put_error(out, "42703", "column \"dsql_local_refused\" does not exist");
    p->skipping = true;
    return;
  }
  switch (m->type) {
    case 'Q': answer_query(p, m); break;
    case 'P': put_message(out, WIRE_PARSE_COMPLETE, "", 0); break;
    case 'B': put_message(out, WIRE_BIND_COMPLETE, "", 0); break;
    case 'C': put_message(out, WIRE_CLOSE_COMPLETE, "", 0); break;
    case 'D': put_message(out, WIRE_NO_DATA, "", 0); break;
    case 'E': put_complete(p, "INSERT 0 1", 10); break;
    case 'S': put_ready(p); break;
    default: break;
  }
}

/* ---- the outputs ---- */

/* All that was forwarded is whole messages, and the beginning of one. */
static void drain_to_server(struct play *p) {
  struct buf *b = &p->seen_by_server;
  struct wire_frame m;

  buf_put(b, p->r.to_server.data, p->r.to_server.len);
  buf_consume(&p->r.to_server, p->r.to_server.len);
  CHECK(buf_ok(b));
  for (int cut; (cut = wire_frame_cut(b->data, b->len, WIRE_MESSAGE_MAX, &m)) != 0;) {
    CHECK(cut == 1);
    answer(p, &m);
    buf_consume(b, m.total);
  }
}

static void drain_to_client(struct play *p) {
  struct buf *b = &p->r.to_client;

  while (b->len) {
    struct wire_frame m;
    size_t n = p->client_owed < b->len ? p->client_owed : b->len;
    buf_consume(b, n);
    p->client_owed -= n;
    if (b->len == 0) return;
    CHECK(b->len >= WIRE_HEADER_SIZE && wire_type_known(b->data[0]));
    CHECK(wire_frame_cut(b->data, b->len, SIZE_MAX, &m) >= 0);
    p->client_owed = m.total;
  }
}

static void check(const struct play *p, size_t n) {
  const struct relay *r = &p->r;

  CHECK(r->close == (r->why != NULL));
  CHECK(!relay_idle(r) || (!r->close && r->queue.count == 0));
  CHECK(r->to_server.len <= HIGH_WATER + PUT_IN_PLACE_MAX + n);
  CHECK(r->to_client.len <= HIGH_WATER + PUT_IN_PLACE_MAX + n);
  CHECK(r->client_part.len <= MESSAGE_MAX);
  CHECK(!r->close || relay_wake_ms(r) == UINT64_MAX);
}

typedef size_t relay_take(struct relay *r, const uint8_t *p, size_t n, uint64_t now_ms);

/* A block of its own, so that a view that outlives it is found. */
static void offer(struct play *p, struct buf *from, relay_take *take) {
  bool closed = p->r.close;
  size_t n = from->len, taken;
  uint8_t *bytes = malloc(n ? n : 1);

  CHECK(bytes);
  if (n) memcpy(bytes, from->data, n);
  taken = take(&p->r, bytes, n, p->now_ms);
  free(bytes);
  CHECK(taken <= n && (!closed || taken == 0));
  buf_consume(from, taken);
  check(p, n);
}

static void offer_all(struct play *p) {
  offer(p, &p->from_client, relay_client_bytes);
  offer(p, &p->from_server, relay_server_bytes);
}

/* ---- operations ---- */

struct script {
  const uint8_t *at, *end;
};

static uint8_t next(struct script *s) { return s->at < s->end ? *s->at++ : 0; }

static void raw(struct script *s, struct buf *out, size_t n) {
  if (n > (size_t)(s->end - s->at)) n = (size_t)(s->end - s->at);
  if (out->len < PENDING_MAX) buf_put(out, s->at, n);
  s->at += n;
}

/* Its text, and NULs, as many as the length says. */
static void message(struct script *s, struct buf *out, size_t nuls) {
  static const uint8_t zeros[16] = {0};
  uint8_t type = next(s), body[600];
  const uint8_t *nul = s->at < s->end ? memchr(s->at, 0, (size_t)(s->end - s->at)) : NULL;
  size_t n = (size_t)((nul ? nul : s->end) - s->at);

  if (n > sizeof body - sizeof zeros) n = sizeof body - sizeof zeros;
  if (n) memcpy(body, s->at, n);
  memcpy(body + n, zeros, nuls);
  s->at += n + (s->at + n < s->end && s->at[n] == 0);
  if (out->len < PENDING_MAX) put_message(out, type, body, n + nuls);
}

static void statement(struct buf *out, uint8_t which, bool extended) {
  const char *sql = statements[which % 16];

  if (out->len >= PENDING_MAX) return;
  if (!extended) {
    put_message(out, 'Q', sql, strlen(sql) + 1);
    return;
  }
  if (!(which & 16)) wire_parse(out, which & 32 ? "s" : "", sql, strlen(sql), NULL, 0);
  put_message(out, 'B', which & 32 ? "\0s\0\0\0\0\0\0" : "\0\0\0\0\0\0\0", which & 32 ? 9 : 8);
  wire_execute(out, "", 0);
  if (which & 64) wire_flush(out);
  if (!(which & 128)) wire_sync(out);
}

static void step(struct play *p, struct script *s) {
  uint8_t op = next(s);
  size_t n = op >> 4;

  switch (op & 15) {
    case 0: raw(s, &p->from_client, n + 1); break;
    case 1: raw(s, &p->from_server, n + 1); break;
    case 2: p->now_ms += (uint64_t)1 << n << (n > 9 ? 3 : 0); break;
    case 3: p->world.catalog++; break;
    case 4: message(s, &p->from_client, n); break;
    case 5: message(s, &p->from_server, n); break;
    case 6: statement(&p->from_client, next(s), n & 1); break;
    case 7:
      offer_all(p);
      drain_to_server(p);
      drain_to_client(p);
      offer_all(p);
      break;
    default: offer_all(p); break;
  }
  if ((op & 15) < 7 && !(n & 8)) offer_all(p);
}

static void add_faults(struct faults *f, uint8_t bits) {
  static const char *const specs[] = {"occ@commit:p=0.5",
                                      "schema@statement:skip=1:count=1",
                                      "close@commit",
                                      "unavailable@commit:p=0.5",
                                      "stall@statement:ms=100",
                                      "close@statement:skip=3",
                                      "unavailable@statement:count=2"};
  char error[128];

  for (int i = 0; i < 7; i++)
    if (bits >> i & 1) CHECK(faults_add(f, specs[i], error, sizeof error) == 0);
}

/* A specification from the input: it is added, or refused with a text. */
static void fault_text(const uint8_t *data, size_t size) {
  char text[200], error[80];
  struct faults f;
  int rc;

  snprintf(text, sizeof text, "%.*s", (int)(size < sizeof text ? size : sizeof text - 1), (const char *)data);
  faults_init(&f, 1);
  rc = faults_add(&f, text, error, sizeof error);
  CHECK(strlen(error) < sizeof error && (rc == 0 ? f.count == 1 : rc == DSQL_EINVAL && *error && f.count == 0));
  rc = faults_add_occ_rate(&f, text, error, sizeof error);
  CHECK(strlen(error) < sizeof error && (rc == 0 || *error));
}

static void play(const uint8_t *data, size_t size) {
  struct relay_options options = {1000, MESSAGE_MAX, HIGH_WATER, data[2] & 1};
  struct script s = {data + 3, data + size};
  struct play p = {.now_ms = 1000};

  test_alloc_init(&p.heap);
  test_alloc_arm(&p.heap, data[0], data[2] & 2);
  relay_world_init(&p.world, data[2]);
  add_faults(&p.world.faults, data[1] & 127);
  relay_init(&p.r, &p.heap.hook, &p.world, &options);
  buf_init(&p.from_client, &mem_default, SIZE_MAX / 2);
  buf_init(&p.from_server, &mem_default, SIZE_MAX / 2);
  buf_init(&p.seen_by_server, &mem_default, SIZE_MAX / 2);
  if (!(data[2] & 4)) put_ready(&p);
  while (s.at < s.end) step(&p, &s);
  relay_deinit(&p.r);
  buf_deinit(&p.from_client);
  buf_deinit(&p.from_server);
  buf_deinit(&p.seen_by_server);
  test_alloc_assert_empty(&p.heap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > 3 && data[1] & 128)
    fault_text(data + 3, size - 3);
  else if (size > 3)
    play(data, size);
  return 0;
}
