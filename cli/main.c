/* main.c - the dsql tool: finds the subcommand. */
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "conninfo.h"
#include "diagnostics.h"
#include "local/local.h"
#include "query.h"
#include "token.h"

struct command {
  const char *name, *summary;
  int (*main)(int argc, char **argv); /* argv[0] is the subcommand; returns the exit code */
};

static const struct command commands[] = {
    {"query", "run one SQL statement and print its rows", query_main},
    {"conninfo", "print what a target resolves to, and where each value came from", conninfo_main},
    {"token", "print an IAM token for an Aurora DSQL cluster", token_main},
    {"bench", "measure connecting, queries or transactions at an endpoint", bench_main},
    {"local", "run an endpoint like an Aurora DSQL cluster on this machine", local_main}};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void help(FILE *f) {
  fputs("Usage: dsql COMMAND [ARGUMENT]...\n\nCommands:\n", f);
  for (size_t i = 0; i < COMMANDS; i++) fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].summary);
  fputs("\n  --help     this text; 'dsql COMMAND --help' for a command's own\n"
        "  --version  the version\n",
        f);
}

int main(int argc, char **argv) {
  if (argc < 2) {
    help(stderr);
    return EXIT_USAGE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
    help(stdout);
    return EXIT_OK;
  }
  if (strcmp(argv[1], "--version") == 0) {
    printf("dsql %s\n", dsql_version());
    return EXIT_OK;
  }
  for (size_t i = 0; i < COMMANDS; i++)
    if (strcmp(argv[1], commands[i].name) == 0) return commands[i].main(argc - 1, argv + 1);
  diagnostics_say("unknown command '%s'", argv[1]);
  fputs("Try 'dsql --help'.\n", stderr);
  return EXIT_USAGE;
}
