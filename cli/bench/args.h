/* args.h - the command line of `dsql bench`. */
#ifndef DSQL_CLI_BENCH_ARGS_H
#define DSQL_CLI_BENCH_ARGS_H

#include <stdbool.h>
#include <stdint.h>

enum bench_work { WORK_CONNECT = 1, WORK_QUERY = 2, WORK_TXN = 4 };
enum bench_tls { TLS_AS_TARGET, TLS_DIRECT, TLS_POSTGRES, TLS_BOTH };
enum bench_speculate { SPECULATE_DEFAULT, SPECULATE_ON, SPECULATE_OFF, SPECULATE_BOTH };
enum bench_style { STYLE_DEFAULT, STYLE_STEP, STYLE_BATCH };

enum { BENCH_DURATION_MS = 10000 }; /* when neither a count nor a duration is given */

struct bench_args {
  enum bench_work work;
  const char *target, *sql, *first_query, *html, *table;
  uint64_t tls, speculate, style; /* the enums above */
  uint64_t concurrency;           /* connects at a time; connections; workers */
  uint64_t pipeline, accounts;
  uint64_t rate_per_s;         /* 0: a closed loop */
  uint64_t count, duration_ms; /* one of them is 0 */
  bool reuse_token, fresh_token, prepared, unnamed, json, keep, exceed_limits, help;
};

/* Returns EXIT_OK, or EXIT_USAGE after telling what is wrong. argv[0] is the subcommand, argv[1] the work. */
int bench_args_parse(struct bench_args *args, int argc, char **argv);
void bench_help(void); /* on standard output */

#endif
