#include "conninfo.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "query.h"
#include "tool.h"

typedef void (*form_fn)(struct out *o, const dsql_target *t);

struct args {
  const char *target;
  form_fn form; /* NULL: none was asked for */
  bool help;
};

static int usage(const char *message, const char *value) { return tool_usage("conninfo", message, value); }

static int take_form(struct args *a, form_fn form) {
  if (a->form && a->form != form) return usage("--json and --parsed are two forms; one at a time", NULL);
  a->form = form;
  return EXIT_OK;
}

static int take_option(struct args *a, int option) {
  switch (option) {
    case 'j': return take_form(a, conninfo_json);
    case 'p': return take_form(a, conninfo_parsed);
    case 'h': a->help = true; return EXIT_OK;
    default: fputs("Try 'dsql conninfo --help'.\n", stderr); return EXIT_USAGE; /* getopt told what is wrong */
  }
}

static int parse(struct args *a, int argc, char **argv) {
  static const struct option options[] = {
      {"json", no_argument, NULL, 'j'}, {"parsed", no_argument, NULL, 'p'}, {"help", no_argument, NULL, 'h'}, {0}};
  int option, code;

  argv[0] = "dsql conninfo"; /* the name in getopt's messages */
  optind = 1;
  while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1)
    if ((code = take_option(a, option)) != EXIT_OK) return code;
  if (a->help) return EXIT_OK;
  if (optind == argc) return usage("TARGET is missing; an empty one, '', stands for environment and defaults", NULL);
  a->target = argv[optind++];
  /* What is left over may be the rest of an unquoted target with its password: it is not shown. */
  return optind < argc ? usage("one TARGET, please; quote it if it has spaces", NULL) : EXIT_OK;
}

static void help(void) {
  fputs(
      "Usage: dsql conninfo TARGET [--json|--parsed]\n"
      "\n"
      "Prints what a target resolves to and where each value came from. Nothing is connected to, and secrets are\n"
      "shown as ****.\n"
      "\n"
      "  TARGET    as for 'dsql query'; '' is the environment and the defaults alone\n"
      "  --json    one object: {\"host\":{\"value\":\"...\",\"source\":\"...\"},...}\n"
      "  --parsed  only what was given, by TARGET and its service file, one key=value a line; values are quoted as in\n"
      "            a keyword string, so that the lines together are one\n"
      "\n"
      "Warnings are on standard error. Exit status: 0 success, 1 failure, 2 wrong usage.\n",
      stdout);
}

static int print(dsql_target *t, void *arg) {
  static struct out o; /* one per process; its buffer is no thing for the stack */
  const struct args *a = arg;

  out_init(&o, STDOUT_FILENO);
  (a->form ? a->form : conninfo_table)(&o, t);
  return tool_finish_output(&o);
}

int conninfo_main(int argc, char **argv) {
  struct args a = {0};
  dsql_config config;
  int code = parse(&a, argc, argv);

  if (code) return code;
  if (a.help) {
    help();
    return EXIT_OK;
  }
  dsql_config_init(&config);
  config.target = a.target;
  return tool_with_target(&config, print, &a);
}
