/* main.c - the dsql tool: finds the subcommand. */
#include <errno.h>
#include <fcntl.h>
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
    {"query", "run an SQL statement or a script and print its rows", query_main},
    {"conninfo", "print what a target resolves to, and where each value came from", conninfo_main},
    {"token", "print an IAM token for an Aurora DSQL cluster", token_main},
    {"bench", "measure connecting, queries or transactions at an endpoint", bench_main},
    {"local", "run an endpoint like an Aurora DSQL cluster on this machine", local_main}};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void help(FILE *f) {
  fputs("Usage: dsql COMMAND [ARGUMENT]...\n\nCommands:\n", f);
  for (size_t i = 0; i < COMMANDS; i++) fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].summary);
  fputs("\n  -h, --help     this text; 'dsql COMMAND --help' for a command's own\n"
        "  -V, --version  the version\n",
        f);
}

static bool is_option(const char *arg, const char *brief, const char *name) {
  return strcmp(arg, brief) == 0 || strcmp(arg, name) == 0;
}

static int run(int argc, char **argv) {
  if (argc < 2) {
    help(stderr);
    return EXIT_USAGE;
  }
  if (is_option(argv[1], "-h", "--help") || (argc == 2 && strcmp(argv[1], "help") == 0)) {
    help(stdout);
    return EXIT_OK;
  }
  if (is_option(argv[1], "-V", "--version")) {
    printf("dsql %s\n", dsql_version());
    return EXIT_OK;
  }
  if (argc > 2 && strcmp(argv[1], "help") == 0) return run(3, (char *[]){argv[0], argv[2], "--help", NULL});
  for (size_t i = 0; i < COMMANDS; i++)
    if (strcmp(argv[1], commands[i].name) == 0) return commands[i].main(argc - 1, argv + 1);
  diagnostics_say("unknown command '%s'", argv[1]);
  fputs("Try 'dsql --help'.\n", stderr);
  return EXIT_USAGE;
}

/* A standard descriptor that the caller has closed must not become a socket's or a file's number. In its place is one
 * that fails as it would have, with EBADF: opened for the other direction. */
static bool hold_standard_descriptors(void) {
  for (int fd = 0; fd <= 2; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd) return false;
  return true;
}

int main(int argc, char **argv) {
  int code;

  if (!hold_standard_descriptors()) return EXIT_FAILED;
  code = run(argc, argv);
  if (fflush(stdout) != 0 && code == EXIT_OK && errno != EPIPE) {
    diagnostics_say("cannot write to standard output: %s", strerror(errno));
    code = EXIT_FAILED;
  }
  return code;
}
