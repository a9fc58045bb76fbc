/* Sessions through the relay to real servers, whose objects are those of relay_setup_sql. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "relay.h"
#include "wire/backend.h"
#include "wire/frontend.h"
#include "words.h"

struct peer {
  struct test_alloc heap;
  struct relay r;
  struct buf from_client, from_server;
  int fd;
};

static int dial(int port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
  return fd;
}

static void drain(struct buf *out, int fd) {
  while (out->len) {
    ssize_t n = write(fd, out->data, out->len);
    cr_assert_gt(n, 0);
    buf_consume(out, (size_t)n);
  }
}

/* Waits for the server's next bytes; false: it has closed. */
static bool read_some(struct peer *p) {
  uint8_t bytes[65536];
  struct pollfd poller = {.fd = p->fd, .events = POLLIN};
  ssize_t n;
  cr_assert_eq(poll(&poller, 1, 20000), 1, "the server does not answer: %d entries wait", (int)p->r.queue.count);
  n = read(p->fd, bytes, sizeof bytes);
  if (n <= 0) return false;
  buf_put(&p->from_server, bytes, (size_t)n);
  return true;
}

/* What has come beyond all that was waited for. */
static void read_surplus(struct peer *p) {
  struct pollfd poller = {.fd = p->fd, .events = POLLIN};
  while (poll(&poller, 1, 5) == 1 && read_some(p)) {}
}

static void pump(struct peer *p) {
  size_t moved;
  do {
    moved = relay_client_bytes(&p->r, p->from_client.data, p->from_client.len, 1000);
    buf_consume(&p->from_client, moved);
    size_t answered = relay_server_bytes(&p->r, p->from_server.data, p->from_server.len, 1000);
    buf_consume(&p->from_server, answered);
    moved += answered + p->r.to_server.len;
    drain(&p->r.to_server, p->fd);
  } while (moved);
}

static bool settled(const struct peer *p) {
  return p->r.close || (!p->r.starting && p->r.queue.count == 0 && p->from_client.len == 0 && p->from_server.len == 0);
}

static void settle(struct peer *p) {
  for (pump(p); !settled(p); pump(p)) cr_assert(read_some(p), "the server closed");
}

static void peer_open(struct peer *p, struct relay_world *world, int port, const char *database, const char *options) {
  struct wire_pair pairs[] = {{"user", "trust_user"}, {"database", database}, {"options", options ? options : ""}};
  struct relay_options defaults = relay_options_default();
  struct buf startup;
  memset(p, 0, sizeof *p);
  test_alloc_init(&p->heap);
  relay_init(&p->r, &p->heap.hook, world, &defaults);
  buf_init(&p->from_client, &mem_default, SIZE_MAX / 2);
  buf_init(&p->from_server, &mem_default, SIZE_MAX / 2);
  buf_init(&startup, &mem_default, 4096);
  p->fd = dial(port);
  wire_startup(&startup, WIRE_PROTOCOL_3_0, pairs, options ? 3 : 2);
  drain(&startup, p->fd);
  buf_deinit(&startup);
  settle(p);
  buf_reset(&p->r.to_client);
}

static void peer_close(struct peer *p) {
  close(p->fd);
  relay_deinit(&p->r);
  buf_deinit(&p->from_client);
  buf_deinit(&p->from_server);
  test_alloc_assert_empty(&p->heap);
}

/* ---- any order of messages, straight and through the relay ---- */

static uint32_t draw(uint64_t *state, uint32_t below) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*state >> 33) % below;
}

/* Nothing that a rule touches. The COPYs make the server drop some Syncs and not others. */
static const char *const words[] = {"Q:SELECT_1",
                                    "Q:SELECT_1;SELECT_2",
                                    "Q:BEGIN",
                                    "Q:COMMIT",
                                    "Q:ROLLBACK",
                                    "Q:x",
                                    "Q:",
                                    "Q:SELECT_1/0;SELECT_2",
                                    "P:,SELECT_1 B:, D:P E: S",
                                    "P:,SELECT_1 B:, E:",
                                    "S",
                                    "S",
                                    "H",
                                    "P:,x",
                                    "B:,nothing",
                                    "E:nothing",
                                    "D:Snothing",
                                    "P:s,SELECT_7 S",
                                    "B:p,s E:p C:Pp",
                                    "C:Ss",
                                    "P:,BEGIN B:, E:",
                                    "P:,COMMIT B:, E:",
                                    "P:, B:, E: D:S",
                                    "Q:COPY_(SELECT_5)_TO_STDOUT",
                                    "P:,COPY_(SELECT_6)_TO_STDOUT B:, E:",
                                    "Q:COPY_t_FROM_STDIN",
                                    "c",
                                    "d:1^",
                                    "f:no",
                                    "P:,COPY_t_FROM_STDIN B:, E: S",
                                    "P:,COPY_t_FROM_STDIN B:, E:",
                                    "d:x^",
                                    "c S"};

static void put_random(struct buf *out, uint64_t seed) {
  for (uint32_t n = 3 + draw(&seed, 12); n; n--) words_client(out, words[draw(&seed, COUNT(words))]);
  words_client(out, "S c S f:end S Q:SELECT_9");
}

static void run_random(struct peer *straight, struct peer *relayed, uint64_t seed, unsigned *ended) {
  struct buf text, expected;
  bool open = true; /* the server ends a session on some messages inside COPY */
  buf_init(&text, &mem_default, SIZE_MAX / 2);
  buf_init(&expected, &mem_default, SIZE_MAX / 2);
  put_random(&straight->from_client, seed);
  drain(&straight->from_client, straight->fd);
  put_random(&relayed->from_client, seed);
  for (pump(relayed); open && !settled(relayed); pump(relayed)) open = read_some(relayed);
  while (straight->from_server.len < relayed->r.to_client.len && read_some(straight)) {}
  read_surplus(straight);
  read_surplus(relayed);
  pump(relayed);
  words_of_server(&expected, straight->from_server.data, straight->from_server.len);
  words_of_server(&text, relayed->r.to_client.data, relayed->r.to_client.len);
  cr_assert_str_eq((char *)text.data, (char *)expected.data, "seed %d:\n  %s\n  %s", (int)seed, (char *)text.data,
                   (char *)expected.data);
  cr_assert_eq(relayed->r.to_client.len, straight->from_server.len);
  cr_assert_arr_eq(relayed->r.to_client.data, straight->from_server.data, relayed->r.to_client.len);
  *ended += !open;
  buf_reset(&straight->from_server);
  buf_reset(&relayed->r.to_client);
  buf_deinit(&text);
  buf_deinit(&expected);
}

struct step {
  char peer; /* 'a' or 'b'; 0 at the end */
  const char *client, *server;
};

static void check_step(struct peer *p, const struct step *s, const char *where) {
  struct buf text;
  buf_init(&text, &mem_default, SIZE_MAX / 2);
  words_client(&p->from_client, s->client);
  settle(p);
  words_of_server(&text, p->r.to_client.data, p->r.to_client.len);
  cr_expect_str_eq((char *)text.data, s->server, "%s: %c %s\n  expected %s\n  got      %s", where, s->peer, s->client,
                   s->server, (char *)text.data);
  buf_reset(&p->r.to_client);
  buf_deinit(&text);
}

/* A database of its own for each run, prepared as the front does it. */
static void prepare(const struct server *s, const char *database) {
  struct client x;
  dsql_conn *c;
  char sql[256];
  client_open(&x);
  c = client_connect(&x, "hostaddr=127.0.0.1 port=%d dbname=postgres user=postgres sslmode=disable", s->port);
  snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS %s", database);
  client_exec(c, sql);
  snprintf(sql, sizeof sql, "CREATE DATABASE %s", database);
  client_exec(c, sql);
  snprintf(sql, sizeof sql, "ALTER DATABASE %s SET default_transaction_isolation = 'repeatable read'", database);
  client_exec(c, sql);
  client_close(&x);
  client_open(&x);
  c = client_connect(&x, "hostaddr=127.0.0.1 port=%d dbname=%s user=postgres sslmode=disable", s->port, database);
  client_exec(c, relay_setup_sql);
  client_exec(c, relay_setup_sql); /* again is harmless */
  client_exec(c, "GRANT ALL ON SCHEMA public TO trust_user");
  snprintf(sql, sizeof sql, "GRANT CREATE ON DATABASE %s TO trust_user", database);
  client_exec(c, sql);
  client_close(&x);
}

static void run_on(const char *version, const char *database, const char *faults, const char *options,
                   const struct step *steps) {
  struct server s;
  struct relay_world world;
  struct peer a, b;
  char error[200], name[64];
  cr_assert(server_find(version, &s), "no server %s", version);
  snprintf(name, sizeof name, "relay_%s", database);
  prepare(&s, name);
  relay_world_init(&world, 1);
  if (faults) cr_assert_eq(faults_add(&world.faults, faults, error, sizeof error), 0, "%s", error);
  peer_open(&a, &world, s.port, name, options);
  peer_open(&b, &world, s.port, name, options);
  for (; steps->peer; steps++) check_step(steps->peer == 'a' ? &a : &b, steps, version);
  peer_close(&a);
  peer_close(&b);
}

/* Each in a session of its own: a script may leave one in any state. */
static void run_random_on(const char *version) {
  static const struct step table = {'a', "Q:CREATE_TABLE_t(a_int)", "C:CREATE_TABLE Z:I"};
  struct server s;
  struct relay_world world;
  unsigned ended = 0;
  cr_assert(server_find(version, &s), "no server %s", version);
  prepare(&s, "relay_random");
  relay_world_init(&world, 1);
  for (uint64_t seed = 1; seed <= 60; seed++) {
    struct peer straight, relayed;
    peer_open(&straight, &world, s.port, "relay_random", NULL);
    peer_open(&relayed, &world, s.port, "relay_random", NULL);
    if (seed == 1) check_step(&straight, &table, version);
    relayed.r.catalog_seen = world.catalog;
    run_random(&straight, &relayed, seed, &ended);
    peer_close(&straight);
    peer_close(&relayed);
  }
  cr_assert_lt(ended, 30, "too many sessions are ended by the server to prove much: %u of 60", ended);
}

Test(local_relay, any_order_of_messages_as_without_a_relay, .timeout = 100) {
  run_random_on("18");
  run_random_on("debian15");
}

/* With faults nothing is the same, but all that was asked is answered: no message waits for ever. */
Test(local_relay, any_order_of_messages_with_faults, .timeout = 100) {
  static const char *const specs[] = {"occ@commit:p=0.5", "unavailable@commit", "schema@statement:p=0.2"};
  struct server s;
  struct relay_world world;
  char error[200];
  cr_assert(server_find("18", &s));
  prepare(&s, "relay_faulty");
  relay_world_init(&world, 1);
  for (size_t i = 0; i < COUNT(specs); i++) cr_assert_eq(faults_add(&world.faults, specs[i], error, sizeof error), 0);
  for (uint64_t seed = 1; seed <= 400; seed++) {
    struct peer p;
    bool open = true;
    peer_open(&p, &world, s.port, "relay_faulty", NULL);
    put_random(&p.from_client, seed);
    for (pump(&p); open && !settled(&p); pump(&p)) open = read_some(&p);
    cr_assert(!p.r.close, "%s", p.r.why);
    peer_close(&p);
  }
  for (size_t i = 0; i < COUNT(specs); i++) cr_assert_gt(world.faults.specs[i].injected, 5, "%s", specs[i]);
}

static void run(const char *database, const char *faults, const char *options, const struct step *steps) {
  run_on("18", database, faults, options, steps);
  run_on("debian15", database, faults, options, steps);
}

#define MULTIPLE "E:0A000:multiple_ddl_statements_not_supported_in_a_transaction"
#define MIXED "E:0A000:ddl_and_dml_are_not_supported_in_the_same_transaction"
#define ROWS "E:54000:transaction_row_limit_exceeded"
#define OC000 "E:40001:change_conflicts_with_another_transaction,_please_retry:_(OC000)"
#define OC001 "E:40001:schema_has_been_updated_by_another_transaction,_please_retry:_(OC001)"
#define TABLE                                                                                                          \
  { 'a', "Q:CREATE_TABLE_t(a_int_PRIMARY_KEY,b_text)", "C:CREATE_TABLE Z:I" }
#define COUNT_IS(n) "Q:SELECT_1_WHERE_(SELECT_count(*)_FROM_t)=" #n
#define IT_IS "T D C:SELECT_1 Z:I"

Test(local_relay, ddl) {
  static const struct step steps[] = {
      TABLE,
      {'a', "Q:BEGIN Q:CREATE_TABLE_u() Q:CREATE_TABLE_v() Q:COMMIT",
       "C:BEGIN Z:T C:CREATE_TABLE Z:T " MULTIPLE " Z:E C:ROLLBACK Z:I"},
      {'a', "Q:CREATE_TABLE_u();CREATE_TABLE_v()", "C:CREATE_TABLE " MULTIPLE " Z:I"},
      {'a', "P:,CREATE_TABLE_u() B:, E: P:,CREATE_TABLE_v() B:, E: S", "1 2 C:CREATE_TABLE 1 2 " MULTIPLE " Z:I"},
      {'a', "Q:BEGIN Q:INSERT_INTO_t_VALUES_(1) Q:CREATE_TABLE_u() Q:ROLLBACK",
       "C:BEGIN Z:T C:INSERT_0_1 Z:T " MIXED " Z:E C:ROLLBACK Z:I"},
      {'a', "Q:BEGIN Q:CREATE_TABLE_u() Q:INSERT_INTO_t_VALUES_(1) Q:ROLLBACK",
       "C:BEGIN Z:T C:CREATE_TABLE Z:T " MIXED " Z:E C:ROLLBACK Z:I"},
      {'a', "Q:BEGIN Q:GRANT_SELECT_ON_t_TO_md5~user Q:REVOKE_SELECT_ON_t_FROM_md5~user Q:ROLLBACK",
       "C:BEGIN Z:T C:GRANT Z:T " MULTIPLE " Z:E C:ROLLBACK Z:I"},
      {'a', "Q:CREATE_TABLE_u() Q:CREATE_TABLE_v() Q:INSERT_INTO_t_VALUES_(1) Q:ALTER_TABLE_t_ADD_c_int",
       "C:CREATE_TABLE Z:I C:CREATE_TABLE Z:I C:INSERT_0_1 Z:I C:ALTER_TABLE Z:I"},
      {'a', "Q:CREATE_TABLE_w_AS_SELECT_1_AS_a Q:BEGIN Q:INSERT_INTO_w_VALUES_(2) Q:DROP_TABLE_u Q:ROLLBACK",
       "C:SELECT_1 Z:I C:BEGIN Z:T C:INSERT_0_1 Z:T " MIXED " Z:E C:ROLLBACK Z:I"},
      {0}};
  run("ddl", NULL, NULL, steps);
}

Test(local_relay, ddl_of_all_kinds) {
  static const struct step steps[] = {
      TABLE,
      {'a', "Q:CREATE_TABLE_IF_NOT_EXISTS_t(a_int)", "N C:CREATE_TABLE Z:I"},
      {'a', "Q:SELECT_1_FROM_pg~trigger_WHERE_tgrelid='t'::regclass_AND_NOT_tgisinternal", "T C:SELECT_0 Z:I"},
      {'a', "Q:CREATE_VIEW_v_AS_SELECT_1_AS_a Q:CREATE_SEQUENCE_q_CACHE_1 Q:CREATE_SCHEMA_\"S_x\"",
       "C:CREATE_VIEW Z:I C:CREATE_SEQUENCE Z:I C:CREATE_SCHEMA Z:I"},
      {'a', "Q:CREATE_FUNCTION_f()_RETURNS_int_BEGIN_ATOMIC_SELECT_1;_SELECT_2;_END;_SELECT_f()",
       "C:CREATE_FUNCTION T D C:SELECT_1 Z:I"},
      {'a', "Q:CREATE_TABLE_\"S_x\".\"T'y\"(a_bigint_GENERATED_BY_DEFAULT_AS_IDENTITY_(CACHE_1)_PRIMARY_KEY)",
       "C:CREATE_TABLE Z:I"},
      {'a', "Q:INSERT_INTO_\"S_x\".\"T'y\"_SELECT_generate~series(1,3001)", ROWS " Z:I"},
      {'a', "Q:ALTER_TABLE_t_RENAME_TO_u Q:INSERT_INTO_u_SELECT_generate~series(1,3001)",
       "C:ALTER_TABLE Z:I " ROWS " Z:I"},
      {'a', "Q:DROP_SCHEMA_\"S_x\"_CASCADE Q:DROP_VIEW_v Q:DROP_FUNCTION_f Q:DROP_TABLE_u",
       "N C:DROP_SCHEMA Z:I C:DROP_VIEW Z:I C:DROP_FUNCTION Z:I C:DROP_TABLE Z:I"},
      {0}};
  run("kinds", NULL, NULL, steps);
}

Test(local_relay, rows) {
  static const struct step steps[] = {
      TABLE,
      {'a', "Q:INSERT_INTO_t_SELECT_generate~series(1,3001)", ROWS " Z:I"},
      {'a', "Q:INSERT_INTO_t_SELECT_generate~series(1,3000)", "C:INSERT_0_3000 Z:I"},
      {'a', "Q:BEGIN Q:UPDATE_t_SET_b='x'_WHERE_a<=2000 Q:DELETE_FROM_t_WHERE_a<=1000 Q:DELETE_FROM_t_WHERE_a=1001",
       "C:BEGIN Z:T C:UPDATE_2000 Z:T C:DELETE_1000 Z:T " ROWS " Z:E"},
      {'a', "Q:COMMIT " COUNT_IS(3000), "C:ROLLBACK Z:I " IT_IS},
      {'a', "Q:UPDATE_t_SET_b='y'", "C:UPDATE_3000 Z:I"},
      {'a', "P:,DELETE_FROM_t B:, E: S", "1 2 C:DELETE_3000 Z:I"},
      {'a', "Q:INSERT_INTO_t_VALUES_(1)_ON_CONFLICT_(a)_DO_UPDATE_SET_b='z'", "C:INSERT_0_1 Z:I"},
      {'a', "Q:CREATE_TABLE_u(b_int_REFERENCES_t_ON_DELETE_CASCADE)", "C:CREATE_TABLE Z:I"},
      {'a', "Q:INSERT_INTO_u_SELECT_1_FROM_generate~series(1,3000) Q:DELETE_FROM_t",
       "C:INSERT_0_3000 Z:I " ROWS " Z:I"},
      {'a', "Q:MERGE_INTO_t_USING_generate~series(1,3001)_g_ON_a=g_WHEN_NOT_MATCHED_THEN_INSERT_VALUES_(g)",
       "C:MERGE_3000 Z:I"},
      {'a', "Q:MERGE_INTO_t_USING_generate~series(1,3001)_g_ON_a=g_WHEN_MATCHED_THEN_UPDATE_SET_b='m'", ROWS " Z:I"},
      {0}};
  run("rows", NULL, NULL, steps);
}

Test(local_relay, copied_rows_count) {
  static const struct step steps[] = {
      TABLE,
      {'a', "Q:COPY_t_FROM_STDIN_(FORMAT_csv) d:1,x^2,x^ d:3,x^4,x^ c", "G " ROWS " Z:I"},
      {'a', "Q:COPY_t_FROM_STDIN_(FORMAT_csv) d:1,x^2,x^ d:3,x^ c", "G C:COPY_3 Z:I"},
      {'a', "Q:BEGIN Q:INSERT_INTO_t_VALUES_(9) Q:COPY_t_FROM_STDIN_(FORMAT_csv) d:5,x^6,x^7,x^ c Q:ROLLBACK",
       "C:BEGIN Z:T C:INSERT_0_1 Z:T G " ROWS " Z:E C:ROLLBACK Z:I"},
      {'a', "P:,COPY_t_FROM_STDIN_(FORMAT_csv) B:, E: S d:5,x^ c S", "1 2 G C:COPY_1 Z:I"},
      {'a', "Q:COPY_t_TO_STDOUT_(FORMAT_csv)", "H d:1,x\n d:2,x\n d:3,x\n d:5,x\n c C:COPY_4 Z:I"},
      {'a', "Q:COPY_t_FROM_STDIN d:1 f:no " COUNT_IS(4), "G E:57014 Z:I " IT_IS},
      {0}};
  run("copy", NULL, "-c dsql_local.row_limit=3", steps);
}

#define BIG "repeat('x',1000000)"
#define SIZE "E:54000:transaction_size_limit_10mb_exceeded/Current_transaction_size_11mb_>_10mb"

Test(local_relay, size) {
  static const struct step steps[] = {
      TABLE,
      {'a', "Q:BEGIN Q:INSERT_INTO_t_SELECT_g," BIG "_FROM_generate~series(1,5)_g Q:COMMIT",
       "C:BEGIN Z:T C:INSERT_0_5 Z:T C:COMMIT Z:I"},
      {'a', "Q:BEGIN Q:UPDATE_t_SET_b=b||'x' Q:INSERT_INTO_t_SELECT_g," BIG "_FROM_generate~series(11,16)_g",
       "C:BEGIN Z:T C:UPDATE_5 Z:T C:INSERT_0_6 Z:T"},
      {'a', "Q:COMMIT", SIZE " Z:I"},
      {'a', "Q:INSERT_INTO_t_SELECT_g," BIG "_FROM_generate~series(11,21)_g", SIZE " Z:I"},
      {'a', "P:,INSERT_INTO_t_SELECT_g," BIG "_FROM_generate~series(11,21)_g B:, E: S",
       "1 2 C:INSERT_0_11 " SIZE " Z:I"},
      {'a', "Q:BEGIN Q:INSERT_INTO_t_SELECT_g," BIG "_FROM_generate~series(11,21)_g Q:ROLLBACK " COUNT_IS(5),
       "C:BEGIN Z:T C:INSERT_0_11 Z:T C:ROLLBACK Z:I " IT_IS},
      {0}};
  run("size", NULL, NULL, steps);
}

Test(local_relay, refusals) {
  static const struct step steps[] = {
      TABLE,
      {'a', "Q:BEGIN Q:LISTEN_x Q:SELECT_1 Q:SAVEPOINT_a Q:COMMIT",
       "C:BEGIN Z:T E:0A000:unsupported_statement:_Listen Z:E E:25P02 Z:E E:25P02 Z:E C:ROLLBACK Z:I"},
      {'a', "Q:BEGIN P:,LOCK_t B:, E: S P:,LOCK_t B:, E: S Q:ROLLBACK",
       "C:BEGIN Z:T E:0A000:unsupported_statement:_Lock Z:E E:25P02 Z:E C:ROLLBACK Z:I"},
      {'a', "Q:INSERT_INTO_t_VALUES_(1);_LISTEN_x " COUNT_IS(0),
       "C:INSERT_0_1 E:0A000:unsupported_statement:_Listen Z:I " IT_IS},
      {'a', "P:s,SELECT_1 B:,s E: P:,LOCK_t S B:,s E: C:Ss S F",
       "1 2 D C:SELECT_1 E:0A000:unsupported_statement:_Lock Z:I 2 D C:SELECT_1 3 Z:I "
       "E:0A000:function_call_protocol_not_supported Z:I"},
      {'a', "Q:SHOW_default~transaction~isolation Q:BEGIN_ISOLATION_LEVEL_REPEATABLE_READ_READ_ONLY Q:COMMIT",
       "T D C:SHOW Z:I C:BEGIN Z:T C:COMMIT Z:I"},
      {0}};
  run("refusals", NULL, NULL, steps);
}

Test(local_relay, conflicts_and_schema_changes) {
  static const struct step steps[] = {TABLE,
                                      {'b', "Q:SELECT_1", OC001 " Z:I"},
                                      {'b', "Q:INSERT_INTO_t_VALUES_(1)", "C:INSERT_0_1 Z:I"},
                                      {'a', "Q:BEGIN Q:SELECT_*_FROM_t", "C:BEGIN Z:T T D C:SELECT_1 Z:T"},
                                      {'b', "Q:UPDATE_t_SET_b='b'", "C:UPDATE_1 Z:I"},
                                      {'a', "Q:UPDATE_t_SET_b='a' Q:ROLLBACK", OC000 " Z:E C:ROLLBACK Z:I"},
                                      {'a', "Q:BEGIN Q:SELECT_*_FROM_t", "C:BEGIN Z:T T D C:SELECT_1 Z:T"},
                                      {'b', "Q:CREATE_TABLE_u()", "C:CREATE_TABLE Z:I"},
                                      {'a', "Q:COMMIT Q:BEGIN Q:COMMIT", OC001 " Z:I C:BEGIN Z:T C:COMMIT Z:I"},
                                      {'a', "P:s,SELECT_1 S", "1 Z:I"},
                                      {'b', "Q:DROP_TABLE_u", "C:DROP_TABLE Z:I"},
                                      {'a', "B:,s E: S B:,s E: S", OC001 " Z:I 2 D C:SELECT_1 Z:I"},
                                      {0}};
  run("conflicts", NULL, NULL, steps);
}

Test(local_relay, indexes) {
  static const struct step steps[] = {
      TABLE,
      {'a', "Q:CREATE_INDEX_ASYNC_i_ON_t(b)", "T D C:SELECT_1 Z:I"},
      {'a', "P:,CREATE_UNIQUE_INDEX_ASYNC_\"it's\"_ON_t(b,a) D:S B:, E: S", "1 t T 2 D C:SELECT_1 Z:I"},
      {'a', "Q:SELECT_1_FROM_pg~indexes_WHERE_tablename='t'_AND_indexname_IN_('i','it''s')", "T D D C:SELECT_2 Z:I"},
      {'a',
       "Q:SELECT_1_FROM_sys.jobs_WHERE_length(job~id)=26_AND_status='completed'_AND_object~name_IN_('public.i','public."
       "\"it''s\"')",
       "T D D C:SELECT_2 Z:I"},
      {'a', "Q:CREATE_INDEX_ASYNC_j_ON_nothing(b)", "T E:42P01:relation_\"nothing\"_does_not_exist Z:I"},
      {'a', "Q:BEGIN Q:CREATE_INDEX_ASYNC_k_ON_t(b) Q:DROP_TABLE_t Q:ROLLBACK",
       "C:BEGIN Z:T T D C:SELECT_1 Z:T " MULTIPLE " Z:E C:ROLLBACK Z:I"},
      {'a', "Q:CALL_sys.wait~for~job('x')", "E:42704 Z:I"},
      {'a', "Q:ALTER_TABLE_t_ADD_CONSTRAINT_c_CHECK_(a>0)_NOT_VALID Q:ALTER_TABLE_ASYNC_t_VALIDATE_CONSTRAINT_c",
       "C:ALTER_TABLE Z:I T D C:SELECT_1 Z:I"},
      {0}};
  run("indexes", NULL, NULL, steps);
}

Test(local_relay, faults_at_commit) {
  static const struct step steps[] = {
      TABLE, /* is a chance as well: skipped */
      {'a', "Q:BEGIN Q:INSERT_INTO_t_VALUES_(1) Q:COMMIT", "C:BEGIN Z:T C:INSERT_0_1 Z:T " OC000 " Z:I"},
      {'a', "Q:INSERT_INTO_t_VALUES_(1)", OC000 " Z:I"},
      {'a', "P:,INSERT_INTO_t_VALUES_(1) B:, E: S", "1 2 C:INSERT_0_1 " OC000 " Z:I"},
      {'a', "P:,BEGIN B:, E: P:,INSERT_INTO_t_VALUES_(1) B:, E: P:,COMMIT B:, E: P:,SELECT_1 B:, E: S",
       "1 2 C:BEGIN 1 2 C:INSERT_0_1 1 2 " OC000 " Z:I"},
      {'a', "Q:BEGIN;_INSERT_INTO_t_VALUES_(1);_COMMIT;_SELECT_1", "C:BEGIN C:INSERT_0_1 " OC000 " Z:I"},
      {'a', COUNT_IS(0), IT_IS},
      {'a', "Q:BEGIN P:c,COMMIT B:,c E: S Q:BEGIN B:,c E: S",
       "C:BEGIN Z:T 1 2 " OC000 " Z:I C:BEGIN Z:T 2 " OC000 " Z:I"},
      {0}};
  run("occ", "occ@commit:skip=1", NULL, steps);
}

Test(local_relay, commits_that_are_denied) {
  static const struct step steps[] = {
      TABLE,
      {'a', "Q:BEGIN Q:INSERT_INTO_t_VALUES_(1) Q:COMMIT",
       "C:BEGIN Z:T C:INSERT_0_1 Z:T E:XX000:server_unavailable Z:I"},
      {'a', "Q:INSERT_INTO_t_VALUES_(2)", "E:XX000:server_unavailable Z:I"},
      {'a', "P:,INSERT_INTO_t_VALUES_(3) B:, E: S", "1 2 C:INSERT_0_1 E:XX000:server_unavailable Z:I"},
      {'a', "P:,BEGIN B:, E: P:,INSERT_INTO_t_VALUES_(4) B:, E: P:,COMMIT B:, E: S",
       "1 2 C:BEGIN 1 2 C:INSERT_0_1 1 2 E:XX000:server_unavailable Z:I"},
      {'a', COUNT_IS(4), IT_IS},
      {'a', "Q:INSERT_INTO_t_VALUES_(4)", "E:23505 Z:I"},
      {0}};
  run("denied", "unavailable@commit:skip=1:after", NULL, steps);
}
