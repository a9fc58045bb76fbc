#include <getopt.h>
#include <stdio.h>

#include "query.h"
#include "token.h"
#include "tool.h"

enum { EXPIRES_MAX_S = 604800 };

static int usage(const char *message, const char *value) { return tool_usage("token", message, value); }

static bool parse_expires(const char *s, uint32_t *out) {
  uint32_t v = 0;

  if (!*s) return false;
  for (; *s; s++) {
    if (*s < '0' || *s > '9') return false;
    v = v * 10 + (uint32_t)(*s - '0');
    if (v > EXPIRES_MAX_S) return false;
  }
  *out = v;
  return v > 0;
}

/* An empty value would stand for the default, and is most likely a variable that is not set. */
static int take_text(const char **out, const char *message) {
  if (!*optarg) return usage(message, "");
  *out = optarg;
  return EXIT_OK;
}

static int take_option(struct token_args *args, int option) {
  switch (option) {
    case 'H': return take_text(&args->host, "--host is a cluster's host name");
    case 'r': return take_text(&args->region, "--region is an AWS region, such as us-east-1");
    case 'u': return take_text(&args->user, "--user is a database role, such as admin");
    case 'p': return take_text(&args->profile, "--profile is one of the AWS configuration files");
    case 's': return take_text(&args->sign_host, "--sign-host is the host name that the token is for");
    case 'e':
      if (parse_expires(optarg, &args->expires_s)) return EXIT_OK;
      return usage("--expires is a number of seconds from 1 to 604800", optarg);
    case 'a':
      if (token_time_parse(optarg, &args->at_unix_s)) return EXIT_OK;
      return usage("--at is a time in UTC after 1970, such as 2015-08-30T12:36:00Z", optarg);
    case 'h': args->help = true; return EXIT_OK;
    default: fputs("Try 'dsql token --help'.\n", stderr); return EXIT_USAGE; /* getopt told what is wrong */
  }
}

int token_args_parse(struct token_args *args, int argc, char **argv) {
  static const struct option options[] = {{"host", required_argument, NULL, 'H'},
                                          {"region", required_argument, NULL, 'r'},
                                          {"user", required_argument, NULL, 'u'},
                                          {"profile", required_argument, NULL, 'p'},
                                          {"expires", required_argument, NULL, 'e'},
                                          {"sign-host", required_argument, NULL, 's'},
                                          {"at", required_argument, NULL, 'a'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  int option, code;

  *args = (struct token_args){0};
  argv[0] = "dsql token"; /* the name in getopt's messages */
  optind = 1;
  while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1)
    if ((code = take_option(args, option)) != EXIT_OK) return code;
  if (args->help) return EXIT_OK;
  if (optind < argc) args->target = argv[optind++];
  /* What is left over may be the rest of an unquoted target with its password: it is not shown. */
  if (optind < argc) return usage("one TARGET, please; quote it if it has spaces", NULL);
  if (args->target && args->host) return usage("give TARGET or --host, not both", NULL);
  if (!args->target && !args->host) return usage("TARGET or --host is missing", NULL);
  return EXIT_OK;
}
