#include "bench/args.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "diagnostics.h"
#include "query.h"
#include "tool.h"

enum kind { FLAG, NUMBER, SECONDS, TEXT, CHOICE };
enum { ALL = WORK_CONNECT | WORK_QUERY | WORK_TXN, RULE_FIRST = 256 };

struct rule {
  const char *name;
  unsigned works; /* that have it */
  enum kind kind;
  size_t offset; /* in struct bench_args */
  uint64_t min, max;
  const char *choices[3]; /* values 1, 2, 3 */
};

#define AT(member) offsetof(struct bench_args, member)

static const struct rule rules[] = {{"tls", WORK_CONNECT, CHOICE, AT(tls), 0, 0, {"direct", "postgres", "both"}},
                                    {"speculate", WORK_CONNECT, CHOICE, AT(speculate), 0, 0, {"on", "off", "both"}},
                                    {"concurrency", WORK_CONNECT, NUMBER, AT(concurrency), 1, 10000, {0}},
                                    {"connections", WORK_QUERY, NUMBER, AT(concurrency), 1, 10000, {0}},
                                    {"workers", WORK_TXN, NUMBER, AT(concurrency), 1, 10000, {0}},
                                    {"rate", ALL, NUMBER, AT(rate_per_s), 1, 1000000, {0}},
                                    {"duration", ALL, SECONDS, AT(duration_ms), 0, 0, {0}},
                                    {"count", ALL, NUMBER, AT(count), 1, 1000000000, {0}},
                                    {"reuse-token", WORK_CONNECT, FLAG, AT(reuse_token), 0, 0, {0}},
                                    {"fresh-token", WORK_CONNECT, FLAG, AT(fresh_token), 0, 0, {0}},
                                    {"first-query", WORK_CONNECT, TEXT, AT(first_query), 0, 0, {0}},
                                    {"exceed-limits", WORK_CONNECT, FLAG, AT(exceed_limits), 0, 0, {0}},
                                    {"command", WORK_QUERY, TEXT, AT(sql), 0, 0, {0}},
                                    {"pipeline", WORK_QUERY, NUMBER, AT(pipeline), 1, 10000, {0}},
                                    {"prepared", WORK_QUERY, FLAG, AT(prepared), 0, 0, {0}},
                                    {"unnamed", WORK_QUERY, FLAG, AT(unnamed), 0, 0, {0}},
                                    {"accounts", WORK_TXN, NUMBER, AT(accounts), 2, 1000000, {0}},
                                    {"style", WORK_TXN, CHOICE, AT(style), 0, 0, {"step", "batch", NULL}},
                                    {"table", WORK_TXN, TEXT, AT(table), 0, 0, {0}},
                                    {"keep", WORK_TXN, FLAG, AT(keep), 0, 0, {0}},
                                    {"json", ALL, FLAG, AT(json), 0, 0, {0}},
                                    {"html", ALL, TEXT, AT(html), 0, 0, {0}},
                                    {"help", ALL, FLAG, AT(help), 0, 0, {0}}};
enum { RULES = sizeof rules / sizeof *rules };

static int usage(const char *message, const char *value) { return tool_usage("bench", message, value); }

static int take_number(const struct rule *r, uint64_t *to) {
  char message[96];

  if (tool_parse_number(optarg, r->min, r->max, to)) return EXIT_OK;
  (void)snprintf(message, sizeof message, "--%s is a whole number from %llu to %llu", r->name,
                 (unsigned long long)r->min, (unsigned long long)r->max);
  return usage(message, optarg);
}

static int take_seconds(const struct rule *r, uint64_t *to) {
  char message[96];
  uint32_t ms;

  if (tool_parse_seconds(optarg, &ms)) {
    *to = ms;
    return EXIT_OK;
  }
  (void)snprintf(message, sizeof message, "--%s is a number of seconds above 0, such as 2.5", r->name);
  return usage(message, optarg);
}

static int take_choice(const struct rule *r, uint64_t *to) {
  char message[96];

  for (size_t i = 0; i < 3 && r->choices[i]; i++) {
    if (strcmp(optarg, r->choices[i]) != 0) continue;
    *to = i + 1;
    return EXIT_OK;
  }
  (void)snprintf(message, sizeof message, "--%s is %s%s%s or %s", r->name, r->choices[0], r->choices[2] ? ", " : "",
                 r->choices[2] ? r->choices[1] : "", r->choices[2] ? r->choices[2] : r->choices[1]);
  return usage(message, optarg);
}

static int take_text(const struct rule *r, const char **to) {
  char message[96];

  if (*optarg) {
    *to = optarg;
    return EXIT_OK;
  }
  (void)snprintf(message, sizeof message, "--%s has no value", r->name);
  return usage(message, NULL);
}

static int take(struct bench_args *args, const struct rule *r) {
  char message[96];
  char *to = (char *)args + r->offset;

  if (!(r->works & args->work)) {
    (void)snprintf(message, sizeof message, "--%s is for other work, see the help", r->name);
    return usage(message, NULL);
  }
  switch (r->kind) {
    case FLAG: *(bool *)(void *)to = true; return EXIT_OK;
    case NUMBER: return take_number(r, (uint64_t *)(void *)to);
    case SECONDS: return take_seconds(r, (uint64_t *)(void *)to);
    case TEXT: return take_text(r, (const char **)(void *)to);
    case CHOICE: return take_choice(r, (uint64_t *)(void *)to);
  }
  return EXIT_USAGE;
}

static void fill_defaults(struct bench_args *args) {
  if (!args->concurrency) args->concurrency = args->work == WORK_TXN ? 8 : 1;
  if (!args->pipeline) args->pipeline = 1;
  if (!args->accounts) args->accounts = 1000;
  if (!args->first_query) args->first_query = "select 1";
  if (!args->table) args->table = "dsql_bench_account";
  if (!args->style) args->style = STYLE_STEP;
  if (!args->count && !args->duration_ms) args->duration_ms = BENCH_DURATION_MS;
}

static int check(struct bench_args *args) {
  if (!args->target) return usage("TARGET is missing: a URL, a cluster's host name, or \"host=... user=...\"", NULL);
  if (args->work == WORK_QUERY && !args->sql) return usage("query: -c SQL is missing", NULL);
  if (args->count && args->duration_ms) return usage("give --count or --duration, not both", NULL);
  if (args->reuse_token && args->fresh_token) return usage("give --reuse-token or --fresh-token, not both", NULL);
  if (args->prepared && args->unnamed) return usage("give --prepared or --unnamed, not both", NULL);
  if (args->concurrency * args->pipeline > 1000000)
    return usage("--connections times --pipeline is 1000000 at most", NULL);
  fill_defaults(args);
  return EXIT_OK;
}

static int parse_work(struct bench_args *args, int argc, char **argv) {
  static const struct {
    const char *name;
    enum bench_work work;
  } works[] = {{"connect", WORK_CONNECT}, {"query", WORK_QUERY}, {"txn", WORK_TXN}};
  const char *name = argc > 1 ? argv[1] : NULL;

  if (!name) return usage("what is missing: connect, query or txn", NULL);
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
    args->help = true;
    return EXIT_OK;
  }
  for (size_t i = 0; i < sizeof works / sizeof *works; i++)
    if (strcmp(name, works[i].name) == 0) args->work = works[i].work;
  return args->work ? EXIT_OK : usage("the work is connect, query or txn", name);
}

static int parse_options(struct bench_args *args, int argc, char **argv) {
  struct option options[RULES + 1] = {0};
  int option, code;

  for (int i = 0; i < RULES; i++)
    options[i] =
        (struct option){rules[i].name, rules[i].kind == FLAG ? no_argument : required_argument, NULL, RULE_FIRST + i};
  while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
    if (option == 'c' || option == 'h') {
      const char *name = option == 'c' ? "command" : "help";
      for (int i = 0; i < RULES; i++)
        if (strcmp(rules[i].name, name) == 0) option = RULE_FIRST + i;
    }
    if (option < RULE_FIRST) { /* getopt told what is wrong */
      fputs("Try 'dsql bench --help'.\n", stderr);
      return EXIT_USAGE;
    }
    code = take(args, &rules[option - RULE_FIRST]);
    if (code) return code;
  }
  return EXIT_OK;
}

int bench_args_parse(struct bench_args *args, int argc, char **argv) {
  int code;

  *args = (struct bench_args){0};
  code = parse_work(args, argc, argv);
  if (code || args->help) return code;
  argv[1] = "dsql bench"; /* the name in getopt's messages */
  optind = 1;
  code = parse_options(args, argc - 1, argv + 1);
  if (code || args->help) return code;
  argc--;
  argv++;
  if (optind < argc) args->target = argv[optind++];
  /* What is left over may be the rest of an unquoted target with its password: it is not shown. */
  if (optind < argc) return usage("one TARGET, please; quote it if it has spaces", NULL);
  return check(args);
}
