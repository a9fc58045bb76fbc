/* Faults in sessions, by fixed seeds. */
#include <criterion/criterion.h>

#include "rig.h"

#define POISON "SELECT_\"dsql_local_refused\""
#define OC000 "E:40001:change_conflicts_with_another_transaction,_please_retry:_(OC000)"
#define OC001 "E:40001:schema_has_been_updated_by_another_transaction,_please_retry:_(OC001)"
#define AWAY "E:XX000:server_unavailable"
#define BEGIN "c Q:BEGIN\n> Q:BEGIN\ns C:BEGIN Z:T\n< C:BEGIN Z:T\n"
#define ROLLBACK_PLAN                                                                                                  \
  "P:dsql_local_refused,ROLLBACK B:dsql_local_refused,dsql_local_refused E:dsql_local_refused C:Sdsql_local_refused"

Test(faults, occ_at_commit) {
  check_script("occ@commit", 1, BEGIN "c Q:COMMIT\n> Q:ROLLBACK\ns C:ROLLBACK Z:I\n< " OC000 " Z:I\n");
}

Test(faults, occ_at_commit_in_a_script) {
  check_script("occ@commit", 1,
               "c Q:BEGIN;_INSERT_INTO_t_VALUES_(1);_END;_SELECT_1\n"
               "> Q:BEGIN;_INSERT_INTO_t_VALUES_(1);_ROLLBACK\n"
               "s C:BEGIN C:INSERT_0_1 C:ROLLBACK Z:I\n"
               "< C:BEGIN C:INSERT_0_1 " OC000 " Z:I\n");
}

Test(faults, occ_at_commit_counts) {
  check_script("occ@commit:count=1:skip=1", 1,
               BEGIN "c Q:COMMIT\n> Q:COMMIT\ns C:COMMIT Z:I\n< C:COMMIT Z:I\n" BEGIN
                     "c Q:COMMIT\n> Q:ROLLBACK\ns C:ROLLBACK Z:I\n< " OC000 " Z:I\n" BEGIN
                     "c Q:COMMIT\n> Q:COMMIT\ns C:COMMIT Z:I\n< C:COMMIT Z:I\n");
}

Test(faults, none_for_a_commit_that_rolls_back) {
  check_script("occ@commit", 1,
               BEGIN "c Q:x Q:COMMIT\n> Q:x\ns E:42601 Z:E\n< E:42601 Z:E\n> Q:COMMIT\n"
                     "s C:ROLLBACK Z:I\n< C:ROLLBACK Z:I\n"
                     "c Q:COMMIT\n> Q:COMMIT\ns N:none C:COMMIT Z:I\n< N C:COMMIT Z:I\n");
}

Test(faults, occ_at_the_end_of_a_query) {
  check_script("occ@commit", 1,
               "c Q:SELECT_1\n> Q:SELECT_1\ns T:a C:SELECT_0 Z:I\n< T C:SELECT_0 Z:I\n"
               "c Q:INSERT_INTO_t_VALUES_(1)\n> Q:" POISON "\ns E! Z:I\n< " OC000 " Z:I\n"
               "c Q:DELETE_FROM_t;_INSERT_INTO_t_VALUES_(1)\n> Q:DELETE_FROM_t;_" POISON "\n"
               "s C:DELETE_0 E! Z:I\n< C:DELETE_0 " OC000 " Z:I\n");
}

Test(faults, occ_at_a_sync) {
  check_script("occ@commit", 1,
               "c P:,INSERT_INTO_t_VALUES_(1) B:, E: S\n"
               "> P:,INSERT_INTO_t_VALUES_(1) B:, E: H\n"
               "s 1 2 C:INSERT_0_1\n< 1 2 C:INSERT_0_1\n"
               "> P:dsql_local_refused," POISON " S\n"
               "s E! Z:I\n< " OC000 " Z:I\ni 1\n"
               "c P:,SELECT_1 B:, E: S\n> P:,SELECT_1 B:, E: H\ns 1 2 C:SELECT_0\n> S\n"
               "s Z:I\n< 1 2 C:SELECT_0 Z:I\n"
               "c P:,x B:, E: S\n> P:,x B:, E: H\ns E:42601\n> S\ns Z:I\n< E:42601 Z:I\n");
}

/* A CopyDone that means nothing hides no message that wants a Flush. */
Test(faults, what_waits_is_flushed) {
  check_script("occ@commit", 1, "c C:Ss c S\n> C:Ss c H\ns 3\n> S\ns Z:I\n< 3 Z:I\n");
}

Test(faults, occ_at_an_executed_commit) {
  check_script("occ@commit", 1,
               "c P:,BEGIN B:, E: S\n> P:,BEGIN B:, E: H\ns 1 2 C:BEGIN\n> S\ns Z:T\n< 1 2 C:BEGIN Z:T\n"
               "c P:c,COMMIT B:,c E: P:,SELECT_1 B:, E: S\n"
               "> P:c,COMMIT B:,c H\ns 1 2\n> " ROLLBACK_PLAN " S\n"
               "s 1 2 C:ROLLBACK 3 Z:I\n< 1 2 " OC000 " Z:I\ni 1\n");
}

/* No error, only the tag: what a client has to look at. What follows runs, and only a block has such a COMMIT. */
Test(faults, rollback_at_commit) {
  check_script("rollback@commit:count=1", 1, BEGIN "c Q:COMMIT\n> Q:ROLLBACK\ns C:ROLLBACK Z:I\n< C:ROLLBACK Z:I\n");
  check_script("rollback@commit:count=1", 1,
               "c P:,BEGIN B:, E: S\n> P:,BEGIN B:, E: H\ns 1 2 C:BEGIN\n> S\ns Z:T\n< 1 2 C:BEGIN Z:T\n"
               "c P:c,COMMIT B:,c E: P:,SELECT_1 B:, E: S\n"
               "> P:c,COMMIT B:,c H\ns 1 2\n> " ROLLBACK_PLAN " P:,SELECT_1 B:, E: H\n"
               "s 1 2 C:ROLLBACK 3 1 2 C:SELECT_1\n> S\ns Z:I\n< 1 2 C:ROLLBACK 1 2 C:SELECT_1 Z:I\ni 1\n");
  check_script("rollback@commit", 1,
               "c Q:INSERT_INTO_t_VALUES_(1)\n> Q:INSERT_INTO_t_VALUES_(1)\ns C:INSERT_0_1 Z:I\n< C:INSERT_0_1 Z:I\n");
}

Test(faults, occ_in_one_group) {
  check_script("occ@commit", 1,
               "c P:,BEGIN B:, E: P:,INSERT_INTO_t_VALUES_(1) B:, E: P:,COMMIT B:, E: S\n"
               "> P:,BEGIN B:, E: P:,INSERT_INTO_t_VALUES_(1) B:, E: P:,COMMIT B:, H\n"
               "s 1 2 C:BEGIN 1 2 C:INSERT_0_1 1 2\n"
               "> " ROLLBACK_PLAN " S\n"
               "s 1 2 C:ROLLBACK 3 Z:I\n"
               "< 1 2 C:BEGIN 1 2 C:INSERT_0_1 1 2 " OC000 " Z:I\n");
}

Test(faults, schema_and_occ_at_a_statement) {
  check_script("schema@statement:count=1 occ@statement:count=1", 1,
               "c Q:SELECT_1 Q:COMMIT\n> Q:" POISON " Q:COMMIT\ns E! Z:I C:COMMIT Z:I\n< " OC001 " Z:I C:COMMIT Z:I\n"
               "c P:,SELECT_1 B:, E: S\n> P:dsql_local_refused," POISON " S\ns E! Z:I\n< " OC000 " Z:I\n"
               "c P:,SELECT_1 B:, E: S\n> P:,SELECT_1 B:, E: S\ns 1 2 C:SELECT_0 Z:I\n< 1 2 C:SELECT_0 Z:I\n");
}

Test(faults, unavailable_at_a_statement) {
  check_script("unavailable@statement:count=1", 1,
               "c Q:INSERT_INTO_t_VALUES_(1)\n> Q:" POISON "\ns E! Z:I\n< " AWAY " Z:I\n");
}

Test(faults, unavailable_before_commit) {
  check_script("unavailable@commit:before", 1, BEGIN "c Q:COMMIT\n> Q:ROLLBACK\ns C:ROLLBACK Z:I\n< " AWAY " Z:I\n");
}

Test(faults, unavailable_but_committed) {
  check_script("unavailable@commit:after", 1,
               BEGIN "c Q:COMMIT;_SELECT_1\n> Q:COMMIT\ns C:COMMIT Z:I\n< " AWAY " Z:I\n"
                     "c Q:INSERT_INTO_t_VALUES_(1)\n> Q:INSERT_INTO_t_VALUES_(1)\ns C:INSERT_0_1 Z:I\n< " AWAY " Z:I\n"
                     "c P:,INSERT_INTO_t_VALUES_(1) B:, E: S\n> P:,INSERT_INTO_t_VALUES_(1) B:, E: H\n"
                     "s 1 2 C:INSERT_0_1\n> S\ns Z:I\n< 1 2 C:INSERT_0_1 " AWAY " Z:I\n"
                     "c P:,BEGIN B:, E: P:,COMMIT B:, E: S\n> P:,BEGIN B:, E: P:,COMMIT B:, H\n"
                     "s 1 2 C:BEGIN 1 2\n> E: S\ns C:COMMIT Z:I\n< 1 2 C:BEGIN 1 2 " AWAY " Z:I\n");
}

Test(faults, unavailable_after_an_error_is_that_error) {
  check_script("unavailable@commit:after", 1,
               "c Q:INSERT_INTO_t_VALUES_(1)\n> Q:INSERT_INTO_t_VALUES_(1)\ns E:23505 Z:I\n< E:23505 Z:I\n");
}

Test(faults, close_before_commit) {
  check_script("close@commit:before", 1, BEGIN "c Q:COMMIT\n! injected fault: close\n");
  check_script("close@commit:before", 1, "c Q:INSERT_INTO_t_VALUES_(1)\n! injected fault: close\n");
  check_script("close@statement", 1, "c Q:SELECT_1\n! injected fault: close\n");
}

Test(faults, close_after_commit) {
  check_script("close@commit:after", 1, BEGIN "c Q:COMMIT\n> Q:COMMIT\ns C:COMMIT Z:I\n! injected fault: close\n");
  check_script("close@commit:after", 1,
               "c P:,INSERT_INTO_t_VALUES_(1) B:, E: S\n> P:,INSERT_INTO_t_VALUES_(1) B:, E: H\n"
               "s 1 2 C:INSERT_0_1\n> S\n< 1 2 C:INSERT_0_1\ns Z:I\n! injected fault: close\n");
}

Test(faults, stall) {
  check_script("stall@statement:ms=500:count=1", 1,
               "c Q:SELECT_1 Q:SELECT_2\nt 1499\n> \nt 1500\n> Q:SELECT_1 Q:SELECT_2\n"
               "s T:a C:SELECT_0 Z:I T:a C:SELECT_0 Z:I\n< T C:SELECT_0 Z:I T C:SELECT_0 Z:I\n");
}

Test(faults, stall_then_fail) {
  check_script("stall@commit:ms=500 occ@commit", 1,
               BEGIN "c Q:COMMIT\nt 1499\n> \nt 1500\n> Q:ROLLBACK\ns C:ROLLBACK Z:I\n< " OC000 " Z:I\n");
}

Test(faults, a_stall_wakes) {
  struct rig rig;
  rig_init(&rig, "stall@statement:ms=500", 1);
  cr_assert_eq(relay_wake_ms(&rig.r), UINT64_MAX);
  words_client(&rig.from_client, "Q:SELECT_1");
  rig_pump(&rig);
  cr_assert_eq(relay_wake_ms(&rig.r), 1500);
  rig.now_ms = 1500;
  rig_pump(&rig);
  cr_assert_eq(relay_wake_ms(&rig.r), UINT64_MAX);
  rig_deinit(&rig);
}

/* The same seed, the same commits fail. */
Test(faults, a_seed_reproduces) {
  char seen[2][101] = {{0}};
  unsigned failures = 0;
  for (int run = 0; run < 2; run++) {
    struct rig rig;
    rig_init(&rig, "occ@commit:p=0.25", 42);
    for (int i = 0; i < 100; i++) {
      words_client(&rig.from_client, "Q:INSERT_INTO_t_VALUES_(1)");
      rig_pump(&rig);
      seen[run][i] = strstr((const char *)rig.r.to_server.data + 5, "refused") ? 'x' : '.';
      words_server(&rig.from_server, seen[run][i] == 'x' ? "E! Z:I" : "C:INSERT_0_1 Z:I");
      rig_pump(&rig);
      buf_reset(&rig.r.to_server);
      buf_reset(&rig.r.to_client);
    }
    rig_deinit(&rig);
  }
  cr_assert_str_eq(seen[0], seen[1]);
  for (const char *p = seen[0]; *p; p++) failures += *p == 'x';
  cr_assert_eq(failures, 28, "%u: %s", failures, seen[0]);
}
