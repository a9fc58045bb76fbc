/* Random bytes, and random messages of random types, from both sides: the relay closes, or goes on, and no more. */
#include <criterion/criterion.h>

#include "rig.h"

static uint64_t state;

static uint32_t draw(uint32_t below) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 33) % below;
}

static void put_noise(struct buf *out, const char *types, uint32_t body_max) {
  uint32_t n = draw(body_max);
  buf_put_u8(out, draw(50) ? (uint8_t)types[draw((uint32_t)strlen(types))] : (uint8_t)draw(256));
  buf_put_be32(out, draw(50) ? n + 4 : draw(UINT32_MAX));
  for (uint32_t i = 0; i < n; i++)
    buf_put_u8(out, (uint8_t)(draw(4) ? (uint32_t) "COMITselect;'\"$-/*()E"[draw(21)] : draw(256)));
}

static const char *const client_words[] = {"Q:BEGIN",
                                           "Q:COMMIT",
                                           "Q:INSERT_INTO_t_VALUES_(1)",
                                           "P:a,COMMIT",
                                           "P:,SELECT_1",
                                           "B:,a",
                                           "E:",
                                           "S",
                                           "H",
                                           "Q:LISTEN_x",
                                           "c",
                                           "d:1",
                                           "f:x",
                                           "D:Sa",
                                           "C:Sa",
                                           "Q:CREATE_INDEX_ASYNC_i_ON_t(a)",
                                           "P:,CREATE_INDEX_ASYNC_i_ON_t(a)",
                                           "F",
                                           "Q:DEALLOCATE_ALL",
                                           "Q:COPY_t_FROM_STDIN",
                                           "P:b,LOCK_t"};
static const char *const server_words[] = {
    "1",  "2", "3", "n",   "T:a", "C:BEGIN", "C:COMMIT", "C:ROLLBACK",     "Z:I", "Z:T",   "Z:E",     "E:42601", "E!",
    "E+", "G", "H", "d:x", "c",   "s",       "I",        "C:CREATE_TABLE", "N:x", "S:a=b", "E:40001", "t:23",    "D:x"};

#define PICK(words) (words)[draw(sizeof(words) / sizeof(words)[0])]

static void one_session(uint64_t seed, bool noise) {
  struct rig rig;
  rig_init(&rig,
           "occ@commit:p=0.3 unavailable@commit:p=0.3 close@commit:p=0.02 stall@statement:p=0.1:ms=3 "
           "schema@statement:p=0.1",
           seed);
  state = seed;
  for (int i = 0; i < 60 && !rig.r.close; i++) {
    rig.step = draw(3) ? 0 : 1 + draw(9);
    rig.now_ms += draw(10) ? draw(5) : 400000;
    if (!draw(40)) rig.world.catalog++;
    if (draw(2)) {
      if (noise && !draw(4)) {
        put_noise(&rig.from_client, "QPBESDCHdcfXF", 40);
      } else {
        words_client(&rig.from_client, PICK(client_words));
      }
    } else if (noise && !draw(4)) {
      put_noise(&rig.from_server, "123nTCZEGHdcsItDNSA", 40);
    } else {
      words_server(&rig.from_server, PICK(server_words));
    }
    rig_pump(&rig);
    if (draw(3)) buf_reset(&rig.r.to_server);
    if (draw(3)) buf_reset(&rig.r.to_client);
  }
  cr_assert(!rig.r.close || rig.r.why);
  rig_deinit(&rig);
}

Test(hostile, any_order_of_messages) {
  for (uint64_t seed = 1; seed <= 4000; seed++) one_session(seed, false);
}

Test(hostile, noise) {
  for (uint64_t seed = 1; seed <= 4000; seed++) one_session(seed, true);
}

Test(hostile, broken_messages_of_the_server_close) {
  check_script(NULL, 1, "s raw:45000000054d\n! the server sent a malformed error\n");
  check_script(NULL, 1, "s raw:5a0000000551\n! the server sent a malformed ReadyForQuery\n");
  check_script(NULL, 1, "s raw:0000000004\n! the server sent bytes that are no message\n");
  check_script(NULL, 1, "s raw:4400000003\n! the server sent bytes that are no message\n");
  check_script(NULL, 1, "s raw:45ffffffff\n! the server sent bytes that are no message\n");
}

/* A Query without a NUL is the server's to refuse; a message that no client sends is ours. */
Test(hostile, broken_messages_of_the_client) {
  struct rig rig;
  rig_init(&rig, NULL, 1);
  buf_put(&rig.from_client, "Q\0\0\0\5A", 6);
  rig_pump(&rig);
  cr_assert_eq(rig.r.to_server.len, 6);
  cr_assert(!rig.r.close);
  buf_put(&rig.from_client, "p\0\0\0\5", 6);
  rig_pump(&rig);
  cr_assert(rig.r.close);
  rig_deinit(&rig);
}
