#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"
#include "tool.h"

static int usage(const char *message, const char *value) { return tool_usage("query", message, value); }

static int take_option(struct query_args *args, int option) {
  switch (option) {
    case 'c':
      if (args->sql) return usage("-c is given twice; one statement per call", NULL);
      args->sql = optarg;
      return EXIT_OK;
    case 'f':
      if (args->file) return usage("-f is given twice; one script per call", NULL);
      args->file = optarg;
      return EXIT_OK;
    case 'p': args->params[args->params_n++] = dsql_text(optarg); return EXIT_OK;
    case 'i':
    case 'o':
      if (args->copy) return usage("--copy-from and --copy-to: one of them, once", NULL);
      args->copy = optarg;
      args->copy_in = option == 'i';
      return EXIT_OK;
    case 'F':
      args->format = format_find(optarg);
      args->format_given = true;
      return args->format ? EXIT_OK : usage("--format is table, csv or json", optarg);
    case 't':
      if (tool_parse_seconds(optarg, &args->timeout_ms)) return EXIT_OK;
      return usage("--timeout is a number of seconds above 0, such as 2.5", optarg);
    case 'r':
      if (tool_parse_number(optarg, 1, INT32_MAX, &args->fetch_rows)) return EXIT_OK;
      return usage("--fetch-rows is a whole number from 1 to 2147483647", optarg);
    case 'h': args->help = true; return EXIT_OK;
    default: fputs("Try 'dsql query --help'.\n", stderr); return EXIT_USAGE; /* getopt told what is wrong */
  }
}

static int check_script(const struct query_args *args) {
  if (args->sql) return usage("-c and -f: one of them", NULL);
  if (args->params_n) return usage("a script takes no -p", NULL);
  if (args->copy) return usage("--copy-from and --copy-to go with -c", NULL);
  if (args->fetch_rows) return usage("--fetch-rows goes with -c", NULL);
  return EXIT_OK;
}

static int check(const struct query_args *args, int argc) {
  if (args->help) return EXIT_OK;
  if (!args->target) return usage("TARGET is missing: postgres://user@host/database, or \"host=... user=...\"", NULL);
  if (optind < argc) return usage("one TARGET, please; quote it if it has spaces", NULL);
  if (args->file) return check_script(args);
  if (!args->sql) return usage("-c SQL is missing, or -f FILE with a script", NULL);
  if (args->copy && args->params_n) return usage("a COPY takes no -p", NULL);
  if (args->copy && args->format_given) return usage("the format of a COPY is in its SQL, not in --format", NULL);
  if (args->fetch_rows && (args->copy || args->format->row))
    return usage("--fetch-rows is for tables; everything else is printed as it arrives", NULL);
  return EXIT_OK;
}

int query_args_parse(struct query_args *args, int argc, char **argv) {
  static const struct option options[] = {{"command", required_argument, NULL, 'c'},
                                          {"param", required_argument, NULL, 'p'},
                                          {"format", required_argument, NULL, 'F'},
                                          {"file", required_argument, NULL, 'f'},
                                          {"timeout", required_argument, NULL, 't'},
                                          {"fetch-rows", required_argument, NULL, 'r'},
                                          {"copy-from", required_argument, NULL, 'i'},
                                          {"copy-to", required_argument, NULL, 'o'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  int option;

  *args = (struct query_args){.format = &format_table, .params = calloc((size_t)argc, sizeof(dsql_param))};
  if (!args->params) return usage("out of memory", NULL);
  argv[0] = "dsql query"; /* the name in getopt's messages */
  optind = 1;
  while ((option = getopt_long(argc, argv, "c:f:p:h", options, NULL)) != -1) {
    int code = take_option(args, option);
    if (code) return code;
  }
  if (optind < argc) args->target = argv[optind++];
  return check(args, argc);
}

void query_args_free(struct query_args *args) { free(args->params); }

void query_help(void) {
  fputs(
      "Usage: dsql query TARGET -c SQL [-p VALUE]... [--format table|csv|json] [--timeout SEC]\n"
      "       dsql query TARGET -f FILE [--format table|csv|json] [--timeout SEC]\n"
      "       dsql query TARGET -c 'COPY ... FROM STDIN ...' --copy-from FILE [--timeout SEC]\n"
      "       dsql query TARGET -c 'COPY ... TO STDOUT ...' --copy-to FILE [--timeout SEC]\n"
      "\n"
      "Runs one SQL statement, or a script, and prints the rows.\n"
      "\n"
      "  TARGET            a URL, postgres://user:password@host:port/database?sslmode=...,\n"
      "                    a keyword string, \"host=... dbname=... user=... sslmode=...\",\n"
      "                    or an Aurora DSQL cluster's host name or id\n"
      "  -c, --command SQL the statement, with $1, $2, ... where the values go\n"
      "  -p, --param VALUE the next value, as text; the server infers its type\n"
      "  -f, --file FILE   a script of statements without values, - is standard input. They are one transaction, "
      "unless\n"
      "                    it has a BEGIN or COMMIT of its own; results are printed when all have succeeded\n"
      "  --format FORMAT   table (default); csv: RFC 4180 with a head line; json: one object per row and line\n"
      "  --fetch-rows N    of a table: rows that are read and aligned at a time; 10000. Later ones may widen columns\n"
      "  --copy-from FILE  what a COPY ... FROM STDIN reads; - is standard input\n"
      "  --copy-to FILE    what a COPY ... TO STDOUT writes, in place of what is there; - is standard output\n"
      "  --timeout SEC     of connecting and the statement together (of a table: until the first rows, and again\n"
      "                    for those that follow); then the server is asked to cancel it\n"
      "\n"
      "The server's certificate is verified (sslmode=verify-full) except on Unix sockets; the TARGET can ask for\n"
      "another sslmode. Results of any size take little memory: csv and json print each row as it arrives, a\n"
      "table so many rows at a time, and nothing is read while nobody takes the output. Ctrl-C cancels the statement.\n"
      "\n"
      "Exit status: 0 success, 1 failure, 2 wrong usage, 130 canceled by Ctrl-C.\n",
      stdout);
}
