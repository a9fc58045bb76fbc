#include "local/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diagnostics.h"

enum option_id {
  OPT_PORT = 256,
  OPT_DATA,
  OPT_PG_BIN,
  OPT_CLUSTER_ID,
  OPT_REGION,
  OPT_ROLE,
  OPT_RUN_AS,
  OPT_CONFLICTS,
  OPT_OCC_RATE,
  OPT_FAULT,
  OPT_SEED,
  OPT_CONNECTION_AGE,
  OPT_CONNECTIONS,
  OPT_CONNECT_RATE,
  OPT_CONNECT_BURST,
  OPT_ROWS,
  OPT_TRANSACTION_BYTES,
  OPT_TRANSACTION_AGE,
  OPT_MESSAGE_BYTES,
  OPT_ACCESS_KEY,
  OPT_SECRET_KEY,
  OPT_SESSION_TOKEN,
  OPT_KEYS_FROM_ENV,
  OPT_READY_FILE,
  OPT_PRINT_ENV,
  OPT_STOP,
  OPT_HELP
};

static const struct option long_options[] = {{"port", required_argument, NULL, OPT_PORT},
                                             {"data", required_argument, NULL, OPT_DATA},
                                             {"pg-bin", required_argument, NULL, OPT_PG_BIN},
                                             {"cluster-id", required_argument, NULL, OPT_CLUSTER_ID},
                                             {"region", required_argument, NULL, OPT_REGION},
                                             {"role", required_argument, NULL, OPT_ROLE},
                                             {"run-as", required_argument, NULL, OPT_RUN_AS},
                                             {"conflicts", required_argument, NULL, OPT_CONFLICTS},
                                             {"occ-rate", required_argument, NULL, OPT_OCC_RATE},
                                             {"fault", required_argument, NULL, OPT_FAULT},
                                             {"seed", required_argument, NULL, OPT_SEED},
                                             {"max-connection-age", required_argument, NULL, OPT_CONNECTION_AGE},
                                             {"max-connections", required_argument, NULL, OPT_CONNECTIONS},
                                             {"connect-rate", required_argument, NULL, OPT_CONNECT_RATE},
                                             {"connect-burst", required_argument, NULL, OPT_CONNECT_BURST},
                                             {"max-rows", required_argument, NULL, OPT_ROWS},
                                             {"max-transaction-bytes", required_argument, NULL, OPT_TRANSACTION_BYTES},
                                             {"max-transaction-age", required_argument, NULL, OPT_TRANSACTION_AGE},
                                             {"max-message-bytes", required_argument, NULL, OPT_MESSAGE_BYTES},
                                             {"access-key-id", required_argument, NULL, OPT_ACCESS_KEY},
                                             {"secret-access-key", required_argument, NULL, OPT_SECRET_KEY},
                                             {"session-token", required_argument, NULL, OPT_SESSION_TOKEN},
                                             {"keys-from-env", no_argument, NULL, OPT_KEYS_FROM_ENV},
                                             {"ready-file", required_argument, NULL, OPT_READY_FILE},
                                             {"print-env", no_argument, NULL, OPT_PRINT_ENV},
                                             {"stop", no_argument, NULL, OPT_STOP},
                                             {"help", no_argument, NULL, OPT_HELP},
                                             {NULL, 0, NULL, 0}};

static int usage(const char *message, const char *value) {
  diagnostics_say("local: %s%s", message, value);
  fputs("Try 'dsql local --help'.\n", stderr);
  return LOCAL_EXIT_USAGE;
}

/* Digits only: no sign, no blank, no other base, whatever the locale says. */
static bool parse_number(const char *s, uint64_t max, uint64_t *out) {
  uint64_t n = 0;

  if (!*s) return false;
  for (; *s; s++) {
    unsigned digit = (unsigned)(*s - '0');
    if (digit > 9 || n > (max - digit) / 10) return false;
    n = n * 10 + digit;
  }
  *out = n;
  return true;
}

static int take_number(const char *name, uint64_t min, uint64_t max, uint64_t *out) {
  if (parse_number(optarg, max, out) && *out >= min) return LOCAL_EXIT_OK;
  diagnostics_say("local: --%s is a number from %llu to %llu, not '%s'", name, (unsigned long long)min,
                  (unsigned long long)max, optarg);
  return LOCAL_EXIT_USAGE;
}

static int take_number32(const char *name, uint32_t min, uint32_t max, uint32_t *out) {
  uint64_t n;
  int code = take_number(name, min, max, &n);
  if (code == LOCAL_EXIT_OK) *out = (uint32_t)n;
  return code;
}

bool local_cluster_id_ok(const char *s) {
  return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789") == CLUSTER_ID_SIZE - 1 && !s[CLUSTER_ID_SIZE - 1];
}

/* What a host name's label can be, so that it can stand in the certificate and in shell lines as it is. */
static bool region_ok(const char *s) {
  size_t n = strlen(s);
  return n > 0 && n < 64 && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == n && *s != '-' && s[n - 1] != '-';
}

static int take_conflicts(struct local_options *o) {
  if (strcmp(optarg, "statement") && strcmp(optarg, "commit"))
    return usage("--conflicts is 'statement' or 'commit', not ", optarg);
  o->conflicts_at_commit = *optarg == 'c';
  return LOCAL_EXIT_OK;
}

static int take_role(struct local_options *o) {
  if (!*optarg || strlen(optarg) > 63) return usage("--role takes a name of 1 to 63 bytes, not ", optarg);
  if (strcmp(optarg, "admin") == 0) return usage("--role: admin is there already", "");
  if (strncmp(optarg, "pg_", 3) == 0 || strncmp(optarg, "dsql_local", 10) == 0)
    return usage("--role: names that begin with pg_ or dsql_local are reserved: ", optarg);
  o->roles[o->role_count++] = optarg;
  return LOCAL_EXIT_OK;
}

static int take_limit(struct local_options *o, int option) {
  switch (option) {
    case OPT_CONNECTION_AGE: return take_number32("max-connection-age", 1, 86400 * 30, &o->connection_age_s);
    case OPT_CONNECTIONS: return take_number32("max-connections", 1, 10000, &o->connections_max);
    case OPT_CONNECT_RATE: return take_number32("connect-rate", 1, 1000000, &o->connect_rate);
    case OPT_CONNECT_BURST: return take_number32("connect-burst", 1, 1000000, &o->connect_burst);
    case OPT_ROWS: return take_number32("max-rows", 1, UINT32_MAX, &o->rows_max);
    case OPT_TRANSACTION_BYTES:
      return take_number("max-transaction-bytes", 1, UINT64_C(1) << 40, &o->transaction_bytes_max);
    case OPT_TRANSACTION_AGE: return take_number32("max-transaction-age", 1, 86400, &o->transaction_age_s);
    case OPT_MESSAGE_BYTES: return take_number("max-message-bytes", 1024, 1 << 30, &o->message_bytes_max);
    default: return LOCAL_EXIT_USAGE;
  }
}

static int take_identity(struct local_options *o, int option) {
  switch (option) {
    case OPT_CLUSTER_ID:
      o->cluster_id = optarg;
      return local_cluster_id_ok(optarg) ? LOCAL_EXIT_OK
                                         : usage("--cluster-id is 26 lower-case letters and digits, not ", optarg);
    case OPT_REGION:
      o->region = optarg;
      return region_ok(optarg) ? LOCAL_EXIT_OK : usage("--region is a name such as us-east-1, not ", optarg);
    case OPT_ACCESS_KEY: o->access_key_id = optarg; return LOCAL_EXIT_OK;
    case OPT_SECRET_KEY: o->secret_access_key = optarg; return LOCAL_EXIT_OK;
    case OPT_SESSION_TOKEN: o->session_token = optarg; return LOCAL_EXIT_OK;
    default: break;
  }
  o->access_key_id = getenv("AWS_ACCESS_KEY_ID");
  o->secret_access_key = getenv("AWS_SECRET_ACCESS_KEY");
  o->session_token = getenv("AWS_SESSION_TOKEN");
  if (o->access_key_id && o->secret_access_key) return LOCAL_EXIT_OK;
  return usage("--keys-from-env: AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set", "");
}

static int take_option(struct local_options *o, int option) {
  switch (option) {
    case OPT_PORT: return take_number32("port", 0, 65535, &o->port);
    case OPT_DATA: o->data_dir = optarg; return *optarg ? LOCAL_EXIT_OK : usage("--data is empty", "");
    case OPT_PG_BIN: o->pg_bin = optarg; return LOCAL_EXIT_OK;
    case OPT_RUN_AS: o->run_as = optarg; return LOCAL_EXIT_OK;
    case OPT_ROLE: return take_role(o);
    case OPT_CONFLICTS: return take_conflicts(o);
    case OPT_OCC_RATE: o->occ_rate = optarg; return LOCAL_EXIT_OK;
    case OPT_FAULT: o->faults[o->fault_count++] = optarg; return LOCAL_EXIT_OK;
    case OPT_SEED: o->seed_given = true; return take_number("seed", 0, UINT64_MAX, &o->seed);
    case OPT_READY_FILE: o->ready_file = optarg; return LOCAL_EXIT_OK;
    case OPT_PRINT_ENV: o->print_env = true; return LOCAL_EXIT_OK;
    case OPT_STOP: o->stop = true; return LOCAL_EXIT_OK;
    case OPT_HELP: o->help = true; return LOCAL_EXIT_OK;
    case '?': fputs("Try 'dsql local --help'.\n", stderr); return LOCAL_EXIT_USAGE; /* getopt told what is wrong */
    default: break;
  }
  if (option >= OPT_CONNECTION_AGE && option <= OPT_MESSAGE_BYTES) return take_limit(o, option);
  return take_identity(o, option);
}

static int check(const struct local_options *o, int argc, char **argv) {
  if (o->help) return LOCAL_EXIT_OK;
  if (optind < argc) return usage("unexpected argument ", argv[optind]);
  if (!o->access_key_id != !o->secret_access_key)
    return usage("--access-key-id and --secret-access-key belong together: one of them is missing", "");
  if (o->session_token && *o->session_token && !o->access_key_id)
    return usage("--session-token needs --access-key-id and --secret-access-key", "");
  if (o->access_key_id && (!*o->access_key_id || !*o->secret_access_key)) return usage("an access key is empty", "");
  return LOCAL_EXIT_OK;
}

int local_options_parse(struct local_options *o, int argc, char **argv) {
  int option, code;

  *o = (struct local_options){.region = NULL,
                              .connections_max = 10000,
                              .connect_rate = 100,
                              .connect_burst = 1000,
                              .rows_max = 3000,
                              .transaction_bytes_max = 10485760,
                              .message_bytes_max = 10485760,
                              .transaction_age_s = 300,
                              .connection_age_s = 3600};
  o->roles = calloc((size_t)argc, sizeof *o->roles);
  o->faults = calloc((size_t)argc, sizeof *o->faults);
  if (!o->roles || !o->faults) return usage("out of memory", "");
  argv[0] = "dsql local"; /* the name in getopt's messages */
  optind = 1;
  while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
    if ((code = take_option(o, option)) != LOCAL_EXIT_OK) return code;
  return check(o, argc, argv);
}

void local_options_free(struct local_options *o) {
  free(o->roles);
  free(o->faults);
}
