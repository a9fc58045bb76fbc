/* Statements that are refused, limits of time, schema changes and errors that change, message by message. */
#include <criterion/criterion.h>

#include "rig.h"

#define POISON "SELECT_\"dsql_local_refused\""
#define OC000 "E:40001:change_conflicts_with_another_transaction,_please_retry:_(OC000)"
#define OC001 "E:40001:schema_has_been_updated_by_another_transaction,_please_retry:_(OC001)"

Test(rules, refuses_a_query) {
  check_script(NULL, 1,
               "c Q:LISTEN_x\n"
               "> Q:" POISON "\n"
               "s E! Z:I\n"
               "< E:0A000:unsupported_statement:_Listen Z:I\n");
}

Test(rules, runs_what_stands_before_a_refused_statement) {
  check_script(NULL, 1,
               "c Q:BEGIN;_INSERT_INTO_t_VALUES_(1);_SAVEPOINT_a;_COMMIT\n"
               "> Q:BEGIN;_INSERT_INTO_t_VALUES_(1);_" POISON "\n"
               "s C:BEGIN C:INSERT_0_1 E! Z:E\n"
               "< C:BEGIN C:INSERT_0_1 E:0A000:unsupported_statement:_Transaction Z:E\n");
}

Test(rules, leaves_an_earlier_error_alone) {
  check_script(NULL, 1,
               "c Q:SELECT_nothing;_LISTEN_x\n"
               "> Q:SELECT_nothing;_" POISON "\n"
               "s E:42P01 Z:I\n"
               "< E:42P01 Z:I\n");
}

Test(rules, an_aborted_block_answers_for_itself) {
  check_script(NULL, 1,
               "c Q:LISTEN_x\n"
               "> Q:" POISON "\n"
               "s E:25P02 Z:E\n"
               "< E:25P02 Z:E\n");
}

Test(rules, refuses_a_parse_and_drops_what_follows) {
  check_script(NULL, 1,
               "c P:a,LISTEN_x D:Sa H B:,a E: S Q:SELECT_1\n"
               "> P:dsql_local_refused," POISON " S Q:SELECT_1\n"
               "s E! Z:I T:a C:SELECT_0 Z:I\n"
               "< E:0A000:unsupported_statement:_Listen Z:I T C:SELECT_0 Z:I\n");
}

Test(rules, refuses_in_the_middle_of_a_pipeline) {
  check_script(NULL, 1,
               "c P:,INSERT_INTO_t_VALUES_(1) B:, E: P:,LOCK_t B:, E: S P:,SELECT_1 B:, E: S\n"
               "> P:,INSERT_INTO_t_VALUES_(1) B:, E: P:dsql_local_refused," POISON " S P:,SELECT_1 B:, E: S\n"
               "s 1 2 C:INSERT_0_1 E! Z:I 1 2 D:x C:SELECT_1 Z:I\n"
               "< 1 2 C:INSERT_0_1 E:0A000:unsupported_statement:_Lock Z:I 1 2 D C:SELECT_1 Z:I\n"
               "i 1\n");
}

Test(rules, refuses_function_calls) {
  check_script(NULL, 1,
               "c F\n"
               "> Q:" POISON "\n"
               "s E! Z:I\n"
               "< E:0A000:function_call_protocol_not_supported Z:I\n");
}

Test(rules, rewrites_an_index) {
  check_script(NULL, 1,
               "c Q:SELECT_1;_CREATE_INDEX_ASYNC_i_ON_\"it's\"(c);_SELECT_2\n"
               "> Q:SELECT_1;_SELECT_job_id_FROM_dsql_local.run_async('CREATE_INDEX__i_ON_\"it''s\"(c)');_SELECT_2\n"
               "s T:a C:SELECT_1 T:job_id D:x C:SELECT_1 E+ Z:I\n"
               "< T C:SELECT_1 T D C:SELECT_1 E:54000:transaction_row_limit_exceeded Z:I\n"
               "c P:s,CREATE_UNIQUE_INDEX_ASYNC_i_ON_t(c) B:,s E: S\n"
               "> P:s,SELECT_job_id_FROM_dsql_local.run_async('CREATE_UNIQUE_INDEX__i_ON_t(c)') B:,s E: S\n"
               "s 1 2 D:x C:SELECT_1 Z:I\n"
               "< 1 2 D C:SELECT_1 Z:I\n");
}

Test(rules, an_error_of_the_servers_objects_tells_nothing_of_them) {
  check_script(NULL, 1, "c Q:SELECT_1\n> Q:SELECT_1\ns E+ Z:I\n< E:54000:transaction_row_limit_exceeded Z:I\n");
}

Test(rules, conflicts_have_the_services_text) {
  check_script(NULL, 1,
               "c Q:BEGIN Q:UPDATE_t_SET_a=1 Q:ROLLBACK Q:UPDATE_t_SET_a=1 Q:SELECT_2\n"
               "> Q:BEGIN Q:UPDATE_t_SET_a=1 Q:ROLLBACK Q:UPDATE_t_SET_a=1 Q:SELECT_2\n"
               "s C:BEGIN Z:T E:40001 Z:E C:ROLLBACK Z:I E:40P01 Z:I E:55P03 Z:I\n"
               "< C:BEGIN Z:T " OC000 " Z:E C:ROLLBACK Z:I " OC000 " Z:I " OC000 " Z:I\n");
}

/* ---- time ---- */

#define AGED "E:54000:transaction_age_limit_of_300s_exceeded/Current_transaction_age_301s_exceeds_300s"

Test(rules, an_old_block_fails_at_its_next_statement) {
  check_script(NULL, 1,
               "c Q:BEGIN\n> Q:BEGIN\ns C:BEGIN Z:T\n< C:BEGIN Z:T\n"
               "t 301000\n"
               "c Q:SELECT_1\n> Q:SELECT_1\ns T:a C:SELECT_0 Z:T\n< T C:SELECT_0 Z:T\n"
               "t 302000\n"
               "c Q:SELECT_1\n> Q:" POISON "\ns E! Z:E\n< " AGED " Z:E\n"
               "c Q:ROLLBACK\n> Q:ROLLBACK\ns C:ROLLBACK Z:I\n< C:ROLLBACK Z:I\n"
               "c Q:SELECT_1\n> Q:SELECT_1\ns T:a C:SELECT_0 Z:I\n< T C:SELECT_0 Z:I\n");
}

Test(rules, an_old_block_is_rolled_back_at_its_commit) {
  check_script(NULL, 1,
               "c Q:BEGIN\n> Q:BEGIN\ns C:BEGIN Z:T\n< C:BEGIN Z:T\n"
               "t 302000\n"
               "c Q:COMMIT;_SELECT_1\n> Q:ROLLBACK\ns C:ROLLBACK Z:I\n< " AGED " Z:I\n");
}

Test(rules, an_old_block_may_roll_back) {
  check_script(NULL, 1,
               "c Q:BEGIN\n> Q:BEGIN\ns C:BEGIN Z:T\n< C:BEGIN Z:T\n"
               "t 302000\n"
               "c Q:ROLLBACK\n> Q:ROLLBACK\ns C:ROLLBACK Z:I\n< C:ROLLBACK Z:I\n");
}

Test(rules, an_old_block_fails_in_the_extended_protocol) {
  check_script(NULL, 1,
               "c P:s,INSERT_INTO_t_VALUES_(1) S P:,BEGIN B:, E: S\n"
               "> P:s,INSERT_INTO_t_VALUES_(1) S P:,BEGIN B:, E: S\n"
               "s 1 Z:I 1 2 C:BEGIN Z:T\n< 1 Z:I 1 2 C:BEGIN Z:T\n"
               "t 302000\n"
               "c B:,s E: S\n> P:dsql_local_refused," POISON " S\ns E! Z:E\n< " AGED " Z:E\n");
}

/* ---- schema changes ---- */

Test(rules, a_schema_change_of_another_session_fails_one_statement) {
  check_script(NULL, 1,
               "o\n"
               "c Q:SET_TimeZone=1\n> Q:SET_TimeZone=1\ns C:SET Z:I\n< C:SET Z:I\n"
               "c Q:SHOW_TimeZone\n> Q:SHOW_TimeZone\ns T:a C:SHOW Z:I\n< T C:SHOW Z:I\n"
               "c Q:ROLLBACK\n> Q:ROLLBACK\ns C:ROLLBACK Z:I\n< C:ROLLBACK Z:I\n"
               "c Q:BEGIN_READ_ONLY\n> Q:" POISON "\ns E! Z:I\n< " OC001 " Z:I\n"
               "c Q:BEGIN_READ_ONLY\n> Q:BEGIN_READ_ONLY\ns C:BEGIN Z:T\n< C:BEGIN Z:T\n"
               "o\n"
               "c P:,SELECT_1 B:, E: S\n> P:dsql_local_refused," POISON " S\ns E! Z:E\n< " OC001 " Z:E\n");
}

Test(rules, a_schema_change_fails_a_prepared_statement) {
  check_script(NULL, 1,
               "c P:s,SELECT_1 S\n> P:s,SELECT_1 S\ns 1 Z:I\n< 1 Z:I\n"
               "o\n"
               "c B:,s D:P E: S\n> P:dsql_local_refused," POISON " S\ns E! Z:I\n< " OC001 " Z:I\n"
               "c B:,s D:P E: S\n> B:,s D:P E: S\ns 2 T:a D:1 C:SELECT_1 Z:I\n< 2 T D C:SELECT_1 Z:I\n");
}

Test(rules, a_schema_change_fails_a_commit) {
  check_script(NULL, 1,
               "c Q:BEGIN\n> Q:BEGIN\ns C:BEGIN Z:T\n< C:BEGIN Z:T\n"
               "o\n"
               "c Q:COMMIT\n> Q:ROLLBACK\ns C:ROLLBACK Z:I\n< " OC001 " Z:I\n"
               "c Q:BEGIN\n> Q:BEGIN\ns C:BEGIN Z:T\n< C:BEGIN Z:T\n"
               "o\n"
               "c P:,COMMIT B:, E: S\n"
               "> P:,COMMIT B:, H\n"
               "s 1 2\n"
               "> P:dsql_local_refused,ROLLBACK B:dsql_local_refused,dsql_local_refused E:dsql_local_refused "
               "C:Sdsql_local_refused S\n"
               "s 1 2 C:ROLLBACK 3 Z:I\n"
               "< 1 2 " OC001 " Z:I\n");
}

/* The catalog's counter after what the server answers. */
static void check_catalog(const char *client, const char *server, uint64_t catalog) {
  struct rig rig;
  rig_init(&rig, NULL, 1);
  words_client(&rig.from_client, client);
  rig_pump(&rig);
  words_server(&rig.from_server, server);
  rig_pump(&rig);
  cr_assert_eq(rig.world.catalog, catalog, "%s / %s: %d", client, server, (int)rig.world.catalog);
  cr_assert_eq(rig.r.catalog_seen, catalog);
  rig_deinit(&rig);
}

Test(rules, counts_committed_schema_changes) {
  check_catalog("Q:CREATE_TABLE_t()", "C:CREATE_TABLE Z:I", 1);
  check_catalog("Q:CREATE_TABLE_t()", "E:42P07 Z:I", 0);
  check_catalog("Q:BEGIN Q:DROP_TABLE_t", "C:BEGIN Z:T C:DROP_TABLE Z:T", 0);
  check_catalog("Q:BEGIN Q:DROP_TABLE_t Q:COMMIT", "C:BEGIN Z:T C:DROP_TABLE Z:T C:COMMIT Z:I", 1);
  check_catalog("Q:BEGIN Q:DROP_TABLE_t Q:ROLLBACK", "C:BEGIN Z:T C:DROP_TABLE Z:T C:ROLLBACK Z:I", 0);
  check_catalog("Q:BEGIN Q:DROP_TABLE_t Q:x Q:COMMIT", "C:BEGIN Z:T C:DROP_TABLE Z:T E:42601 Z:E C:ROLLBACK Z:I", 0);
  check_catalog("Q:GRANT_SELECT_ON_t_TO_r", "C:GRANT Z:I", 1);
  check_catalog("Q:INSERT_INTO_t_VALUES_(1)", "C:INSERT_0_1 Z:I", 0);
  check_catalog("Q:CREATE_TABLE_t_AS_SELECT_1", "C:SELECT_1 Z:I", 1);
  check_catalog("Q:CREATE_INDEX_ASYNC_ON_t(a)", "T:job_id D:x C:SELECT_1 Z:I", 1);
  check_catalog("P:,CREATE_INDEX_ASYNC_ON_t(a) B:, E: S", "1 2 D:x C:SELECT_1 Z:I", 1);
  check_catalog("P:,CREATE_TABLE_t() B:, E: P:,SELECT_1/0 B:, E: S", "1 2 C:CREATE_TABLE 1 2 E:22012 Z:I", 0);
}

Test(rules, a_serializable_server_keeps_its_level) {
  struct rig rig;
  rig_init(&rig, NULL, 1);
  rig.r.options.serializable = true;
  cr_assert(rig_run(&rig,
                    "c Q:SELECT_1;BEGIN_ISOLATION_LEVEL_REPEATABLE_READ,_READ_ONLY;_SELECT_2\n"
                    "> Q:SELECT_1;BEGIN_ISOLATION_LEVEL_SERIALIZABLE,_READ_ONLY;_SELECT_2\n"
                    "c P:,BEGIN_ISOLATION_LEVEL_REPEATABLE_READ S\n"
                    "> P:,BEGIN_ISOLATION_LEVEL_SERIALIZABLE S\n",
                    __FILE__, __LINE__, false));
  rig_deinit(&rig);
}
