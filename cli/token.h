/* token.h - `dsql token`: an IAM token on standard output, for programs that take it as a password. */
#ifndef DSQL_CLI_TOKEN_H
#define DSQL_CLI_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

struct token_args {
  const char *target, *host; /* one of them */
  const char *region, *user, *profile, *sign_host;
  uint32_t expires_s; /* 0: not given */
  int64_t at_unix_s;  /* 0: now */
  bool help;
};

/* Returns EXIT_OK, or EXIT_USAGE after telling what is wrong. argv[0] is the subcommand. */
int token_args_parse(struct token_args *args, int argc, char **argv);

/* RFC 3339 or the basic form of ISO 8601, in UTC ("Z"), after 1970-01-01T00:00:00Z: "2015-08-30T12:36:00Z",
 * "20150830T123600Z". Fractions of a second are dropped. */
bool token_time_parse(const char *text, int64_t *out_unix_s);

int token_main(int argc, char **argv);

#endif
