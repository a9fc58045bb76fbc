/* options.h - the command line of `dsql local`. */
#ifndef DSQL_CLI_LOCAL_OPTIONS_H
#define DSQL_CLI_LOCAL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOCAL_EXIT_OK = 0, LOCAL_EXIT_FAILED = 1, LOCAL_EXIT_USAGE = 2 };

enum { CLUSTER_ID_SIZE = 27 }; /* 26 characters and a NUL */

/* Strings are views of argv or of the environment. NULL and 0: not given, see the defaults. */
struct local_options {
  const char *data_dir, *pg_bin, *cluster_id, *region, *run_as, *ready_file;
  const char *access_key_id, *secret_access_key, *session_token;
  const char **roles, **faults; /* owned arrays */
  size_t role_count, fault_count;
  uint32_t port; /* 0: any free one */
  uint64_t seed;
  bool seed_given;
  bool conflicts_at_commit;
  const char *occ_rate;
  /* Limits, at DSQL's values by default. */
  uint32_t connections_max, connect_rate, connect_burst, rows_max;
  uint64_t transaction_bytes_max, message_bytes_max;
  uint32_t transaction_age_s, connection_age_s;
  bool print_env, stop, help;
};

/* Returns LOCAL_EXIT_OK, or LOCAL_EXIT_USAGE after telling what is wrong on standard error. Free in both cases. argv[0]
 * is the subcommand. */
int local_options_parse(struct local_options *o, int argc, char **argv);
void local_options_free(struct local_options *o);
void local_options_help(void); /* on standard output */

/* 26 lower-case letters and digits, as DSQL's are. */
bool local_cluster_id_ok(const char *s);

#endif
