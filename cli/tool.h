/* tool.h - what the subcommands that need a target and no session have in common. */
#ifndef DSQL_CLI_TOOL_H
#define DSQL_CLI_TOOL_H

#include <dsql/dsql.h>

#include "out.h"

/* Tells what is wrong with the command line and where help is; returns EXIT_USAGE. value (may be NULL) follows the
 * message in double quotes. */
int tool_usage(const char *command, const char *message, const char *value);

/* Tells why something failed: the error, or where there is none the code. Returns EXIT_FAILED. */
int tool_failed(int code, const dsql_error *error);

/* Digits only: no sign, no blank, no other base. max is far below UINT64_MAX. */
bool tool_parse_number(const char *s, uint64_t min, uint64_t max, uint64_t *out);

/* Seconds with up to three decimals, in the C locale whatever the environment says. 0 and nonsense are refused. */
bool tool_parse_seconds(const char *s, uint32_t *out_ms);

typedef int (*tool_target_fn)(dsql_target *t, void *arg); /* returns the exit code */

/* Makes a loop and a runtime, resolves the target, tells its notices on standard error, calls use, and takes everything
 * down again. Returns what use returned, or EXIT_FAILED after telling why it was not called. */
int tool_with_target(const dsql_config *config, tool_target_fn use, void *arg);

/* Writes out what is left and tells what went wrong with it, a reader that went away excepted. Returns the exit code. */
int tool_finish_output(struct out *o);

#endif
