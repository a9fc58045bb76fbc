/* Every answer finds its message: pipelines, errors in their middle, COPY. Nothing here is changed by the relay. */
#include <criterion/criterion.h>

#include "rig.h"

/* Byte-exact both ways: what goes in comes out. */
#define SAME(client, server) "c " client "\n> " client "\ns " server "\n< "

Test(replies, startup_passes) {
  struct rig rig;
  static const char words[] = "R0 S:client_encoding=UTF8 K Z:I";
  struct relay_options options = relay_options_default();
  struct buf expected;
  memset(&rig, 0, sizeof rig);
  test_alloc_init(&rig.heap);
  relay_world_init(&rig.world, 1);
  relay_init(&rig.r, &rig.heap.hook, &rig.world, &options);
  buf_init(&rig.from_client, &mem_default, SIZE_MAX / 2);
  buf_init(&rig.from_server, &mem_default, SIZE_MAX / 2);
  buf_init(&expected, &mem_default, SIZE_MAX / 2);
  words_server(&expected, words);
  words_client(&rig.from_client, "Q:SELECT_1");
  rig_pump(&rig);
  cr_assert_eq(rig.r.to_server.len, 0, "nothing before the server is ready");
  cr_assert(!relay_idle(&rig.r));
  words_server(&rig.from_server, words);
  rig_pump(&rig);
  cr_assert_eq(rig.r.to_client.len, expected.len);
  cr_assert_arr_eq(rig.r.to_client.data, expected.data, expected.len);
  cr_assert_gt(rig.r.to_server.len, 0);
  buf_deinit(&expected);
  rig_deinit(&rig);
}

Test(replies, a_simple_query) {
  check_script(
      NULL, 1,
      "i 1\n" SAME("Q:SELECT_1;;SELECT_2",
                   "T:a D:1 C:SELECT_1 T:a D:2 C:SELECT_1 Z:I") "T D C:SELECT_1 T D C:SELECT_1 "
                                                                "Z:I\ni 1\n" SAME("Q:", "I Z:I") "I Z:I\ni 1\n" SAME(
                                                                    "Q:SELECT_x", "E:42703 Z:I") "E:42703 "
                                                                                                 "Z:I\ni "
                                                                                                 "1\n");
}

Test(replies, a_pipeline_with_an_error_in_the_middle) {
  check_script(NULL, 1,
               "c P:a,SELECT_1 B:,a D:P E: P:,x B:, E: S B:,a E: C:Sa S\ni 0\n"
               "> P:a,SELECT_1 B:,a D:P E: P:,x B:, E: S B:,a E: C:Sa S\n"
               "s 1 2 T:a D:1 C:SELECT_1 E:42601 Z:I 2 D:1 C:SELECT_1 3\ni 0\n"
               "s Z:I\ni 1\n"
               "< 1 2 T D C:SELECT_1 E:42601 Z:I 2 D C:SELECT_1 3 Z:I\n");
}

Test(replies, an_error_before_its_sync) {
  check_script(NULL, 1,
               "c P:,x H\n> P:,x H\ns E:42601\n< E:42601\n"
               "c B:, E: P:,LISTEN_x Q:LISTEN_x\n"
               "> B:, E: P:,LISTEN_x Q:LISTEN_x\n" /* the server skips them all */
               "c S\n> S\ns Z:I\n< Z:I\ni 1\n"
               "c Q:LISTEN_x\n> Q:SELECT_\"dsql_local_refused\"\ns E! Z:I\n"
               "< E:0A000:unsupported_statement:_Listen Z:I\n");
}

Test(replies, descriptions_and_portals) {
  check_script(NULL, 1,
               SAME("P:a,UPDATE_t_SET_a=1 D:Sa S", "1 t:23 n Z:I") "1 t n Z:I\n" SAME(
                   "B:p,a E:p E:p C:Pp S",
                   "2 s D:1 C:SELECT_1 3 Z:I") "2 s D C:SELECT_1 3 Z:I\ni 1\n" SAME("P:, B:, E: S",
                                                                                    "1 2 I Z:I") "1 2 I Z:I\ni 1\n");
}

Test(replies, what_comes_by_itself) {
  check_script(NULL, 1, "s N:hello S:a=b A:c\n< N S A\nc X\n> X\ns F:57P01\n< E:57P01\n");
}

/* ---- COPY ---- */

Test(replies, copy_in_by_query) {
  check_script(NULL, 1,
               "c Q:COPY_t_FROM_STDIN\n> Q:COPY_t_FROM_STDIN\ns G\n< G\n"
               "c d:1 d:2 S H d: c\n> d:1 d:2 S H d: c\n" /* a Sync in it has no answer */
               "s C:COPY_3 Z:I\n< C:COPY_3 Z:I\ni 1\n"
               "c Q:COPY_t_FROM_STDIN\n> Q:COPY_t_FROM_STDIN\ns G\n< G\n"
               "c f:no\n> f:no\ns E:57014 Z:I\n< E:57014 Z:I\ni 1\n");
}

Test(replies, copy_in_that_was_sent_ahead) {
  check_script(NULL, 1,
               "c Q:COPY_t_FROM_STDIN d:1 c Q:SELECT_1\n> Q:COPY_t_FROM_STDIN d:1 c Q:SELECT_1\n"
               "s G C:COPY_1 Z:I T:a D:1 C:SELECT_1 Z:I\n< G C:COPY_1 Z:I T D C:SELECT_1 Z:I\ni 1\n");
}

Test(replies, copy_in_that_is_refused_while_data_is_under_way) {
  check_script(NULL, 1,
               "c Q:COPY_x_FROM_STDIN d:1 c\n> Q:COPY_x_FROM_STDIN d:1 c\n"
               "s E:42P01 Z:I\n< E:42P01 Z:I\ni 1\n");
}

Test(replies, copy_in_extended_as_libpq_does_it) {
  check_script(NULL, 1,
               "c P:,COPY_t_FROM_STDIN B:, D:P E: S\n> P:,COPY_t_FROM_STDIN B:, D:P E: S\n"
               "s 1 2 n G\n< 1 2 n G\n"
               "c d:1 c S\n> d:1 c S\n"
               "s C:COPY_1 Z:I\n< C:COPY_1 Z:I\ni 1\n");
}

Test(replies, copy_in_extended_that_fails) {
  check_script(NULL, 1,
               "c P:,COPY_t_FROM_STDIN B:, E: S\n> P:,COPY_t_FROM_STDIN B:, E: S\n"
               "s 1 2 G\n< 1 2 G\n"
               "c d:x\n> d:x\ns E:22P02\n< E:22P02\n"
               "c d:y c S\n> d:y c S\ns Z:I\n< Z:I\ni 1\n");
}

Test(replies, copy_out) {
  check_script(NULL, 1,
               SAME("Q:COPY_t_TO_STDOUT", "H d:one d:two c C:COPY_2 Z:I") "H d:one d:two c C:COPY_2 Z:I\ni 1\n" SAME(
                   "P:,COPY_t_TO_STDOUT B:, E: S", "1 2 H d:one c C:COPY_1 Z:I") "1 2 H d:one c C:COPY_1 Z:I\ni 1\n");
}

Test(replies, data_behind_a_refusal_goes_nowhere) {
  check_script(NULL, 1,
               "c P:,COPY_t_FROM_'f' B:, E: d:1 d:2 c S\n"
               "> P:dsql_local_refused,SELECT_\"dsql_local_refused\" S\n"
               "s E! Z:I\n< E:0A000:COPY_is_only_supported_with_STDIN_and_STDOUT Z:I\ni 1\n");
}
