#include <criterion/criterion.h>
#include <string.h>

#include "relay.h"

Test(parameters, the_allow_list) {
  static const char *const yes[] = {"application_name",
                                    "APPLICATION_NAME",
                                    "client_encoding",
                                    "DateStyle",
                                    "extra_float_digits",
                                    "IntervalStyle",
                                    "TimeZone",
                                    "search_path",
                                    "role",
                                    "enable_seqscan",
                                    "disable_sync_create_index"};
  static const char *const no[] = {
      "",         "enable_",         "statement_timeout", "lock_timeout",         "client_min_messages",
      "work_mem", "application_nam", "application_name2", "dsql_local.row_limit", "amzn-cluster-id"};
  for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
    cr_assert(relay_parameter_allowed(yes[i], strlen(yes[i])), "%s", yes[i]);
  for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
    cr_assert(!relay_parameter_allowed(no[i], strlen(no[i])), "%s", no[i]);
}

Test(parameters, the_refusal) {
  struct relay_refusal r;
  relay_refuse_parameter(&r, "statement_timeout", 17);
  cr_assert_str_eq(r.sqlstate, "0A000");
  cr_assert_str_eq(r.message, "setting configuration parameter \"statement_timeout\" not supported");
  cr_assert(!r.hint && !*r.detail);
}
