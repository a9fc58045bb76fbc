#include "token.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "diagnostics.h"
#include "query.h"
#include "tool.h"

static void help(void) {
  fputs(
      "Usage: dsql token TARGET [OPTION]...\n"
      "       dsql token --host HOST [OPTION]...\n"
      "\n"
      "Prints an IAM token for an Aurora DSQL cluster, the password of a connection, and nothing else:\n"
      "\n"
      "  PGPASSWORD=\"$(dsql token --host HOST)\" psql \"host=HOST user=admin dbname=postgres sslmode=verify-full "
      "...\"\n"
      "\n"
      "  TARGET            as for 'dsql query': a cluster's host name or id, dsql://host/..., or with auth=iam\n"
      "  --host HOST       the cluster's host name, or any other together with --region\n"
      "  --region REGION   else the host's, AWS_REGION, AWS_DEFAULT_REGION, the profile's\n"
      "  --user USER       the database role; admin\n"
      "  --expires SEC     how long new connections may use it, 1 to 604800; 900\n"
      "  --at TIME         when it begins, in UTC, such as 2015-08-30T12:36:00Z; now\n"
      "  --profile NAME    of the AWS configuration files; AWS_PROFILE, else default\n"
      "  --sign-host HOST  the host that the token is for, where another one is connected to\n"
      "\n"
      "Credentials come from where the AWS SDKs look: the environment, the AWS configuration files, the container or\n"
      "the machine. A token is a secret, and never outlives the credentials that signed it.\n"
      "\n"
      "Exit status: 0 success, 1 failure, 2 wrong usage.\n",
      stdout);
}

/* The copies of the token that are this program's own are wiped; the kernel's pipe has one by then. */
static int put_token(dsql_str token) {
  static struct out o; /* one per process; its buffer is no thing for the stack */
  int exit_code;

  out_init(&o, STDOUT_FILENO);
  out_view(&o, token);
  out_char(&o, '\n');
  exit_code = tool_finish_output(&o);
  explicit_bzero(o.buffer, sizeof o.buffer);
  return exit_code;
}

static int print(dsql_target *t, void *arg) {
  const struct token_args *args = arg;
  dsql_future *f = dsql_target_token(t, args->at_unix_s);
  dsql_str token;
  int code = dsql_future_run(f), exit_code;

  if (code == 0) code = dsql_future_text(f, &token);
  exit_code = code ? tool_failed(code, dsql_future_error(f)) : put_token(token);
  dsql_future_destroy(f);
  return exit_code;
}

int token_main(int argc, char **argv) {
  struct token_args args;
  dsql_config config;
  int code = token_args_parse(&args, argc, argv);

  if (code) return code;
  if (args.help) {
    help();
    return EXIT_OK;
  }
  dsql_config_init(&config);
  config.target = args.target ? args.target : "auth=iam";
  config.host = args.host;
  config.region = args.region;
  config.user = args.user;
  config.profile = args.profile;
  config.sign_host = args.sign_host;
  config.token_duration_s = args.expires_s;
  return tool_with_target(&config, print, &args);
}
