#include "round.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../measure.h"

/* ---- the work ---- */

static const char *const type_names[] = {"int4", "int2",  "oid",  "bool",        "char",   "name",
                                         "text", "bytea", "date", "timestamptz", "float8", "int4[]"};
static const char *const kind_names[] = {"query", "batch", "connect", "transfer", "copy"};
static const char *const tls_names[] = {"disable", "postgres", "direct"};

static int index_of(const char *name, const char *const *names, int count) {
  for (int i = 0; i < count; i++)
    if (strcmp(name, names[i]) == 0) return i;
  fprintf(stderr, "%s is not known here\n", name);
  exit(EXIT_CANNOT);
}
#define INDEX_OF(name, names) index_of(name, names, (int)(sizeof(names) / sizeof *(names)))

static const char *variable(const char *name) {
  const char *value = getenv(name);
  if (!value) die("%s is not set: these programs are started by bench/peers/run", name);
  return value;
}

static double positive(const char *s, double max) {
  char *end;
  double v = strtod(s, &end);
  if (*end || !(v > 0 && v <= max)) die("%s is no number between 0 and %g", s, max);
  return v;
}

static char *copy_of(const char *s) {
  char *copy = strdup(s);
  if (!copy) die("out of memory");
  return copy;
}

static void read_columns(struct work *w) {
  char *list = copy_of(variable("BENCH_COLUMNS"));
  for (char *name = strtok_r(list, " ", &list); name; name = strtok_r(NULL, " ", &list)) {
    if (w->columns == COLUMNS_MAX) die("more than %d columns", COLUMNS_MAX);
    w->column[w->columns++] = (enum type)INDEX_OF(name, type_names);
  }
}

static void read_argument(struct argument *a, char *text) {
  char *value = strchr(text, ':');
  if (!value) die("%s is no argument: type:value", text);
  *value++ = '\0';
  a->type = (enum type)INDEX_OF(text, type_names);
  a->text = value;
  a->real = strtod(value, NULL);
  a->integer = a->type == BOOL ? strcmp(value, "true") == 0 : (int32_t)a->real;
}

static void read_arguments(struct work *w) {
  char *list = copy_of(variable("BENCH_ARGS"));
  for (char *text = strtok_r(list, " ", &list); text; text = strtok_r(NULL, " ", &list)) {
    if (w->arguments == ARGS_MAX) die("more than %d arguments", ARGS_MAX);
    read_argument(&w->argument[w->arguments++], text);
  }
}

void work_read(struct work *out, int count, char **arguments) {
  memset(out, 0, sizeof *out);
  if (count != 4) die("usage: PROGRAM [MODE] WORK SECONDS WARM_UP_SECONDS CONNECTIONS");
  out->name = arguments[0];
  out->seconds = positive(arguments[1], 3600);
  out->warm_up_seconds = positive(arguments[2], 3600);
  out->connections = (int)positive(arguments[3], CONNECTIONS_MAX);
  out->kind = (enum kind)INDEX_OF(variable("BENCH_KIND"), kind_names);
  out->tls = (enum tls)INDEX_OF(variable("BENCH_TLS"), tls_names);
  out->sql = variable("BENCH_SQL");
  out->port = variable("BENCH_PORT");
  out->ca = variable("BENCH_CA");
  out->rows = (int)strtol(variable("BENCH_ROWS"), NULL, 10);
  read_columns(out);
  read_arguments(out);
}

void work_accounts(int worker, uint64_t n, int32_t *from, int32_t *to) {
  *from = worker * TRANSFER_SPAN + (int32_t)(n % TRANSFER_SPAN);
  *to = worker * TRANSFER_SPAN + (int32_t)((n + 1) % TRANSFER_SPAN);
}

int64_t text_check(const void *p, uint64_t length) {
  const unsigned char *s = p;
  return (int64_t)length + (length > 0 ? s[0] + s[length - 1] : 0);
}

/* ---- recording ---- */

int64_t now_ns(void) { return measure_wall_ns(); }

/* The five bits behind the leading one choose among the 32 buckets of a power of two. */
static int bucket_of(uint64_t ns) {
  int power, bucket;
  if (ns < 32) return (int)ns;
  power = 63 - __builtin_clzll(ns);
  bucket = (power - 4) * 32 + (int)(ns >> (power - 5) & 31);
  return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static double bucket_us(int bucket) {
  if (bucket < 32) return bucket / 1e3;
  return (double)((uint64_t)(32 + bucket % 32) << (bucket / 32 - 1)) / 1e3;
}

void record(struct recorder *r, int64_t begun_ns, uint64_t rows) {
  r->queries++;
  r->rows += rows;
  r->bucket[bucket_of((uint64_t)(now_ns() - begun_ns))]++;
}

static double percentile_us(const struct recorder *r, double part) {
  uint64_t seen = 0;
  int i = 0;
  for (; i < BUCKETS - 1; i++) {
    seen += r->bucket[i];
    if ((double)seen >= part * (double)r->queries) break;
  }
  return bucket_us(i);
}

/* ---- rounds ---- */

static void merge(struct recorder *out, const struct recorder *recorders, int count) {
  memset(out, 0, sizeof *out);
  for (int i = 0; i < count; i++) {
    out->queries += recorders[i].queries;
    out->rows += recorders[i].rows;
    for (int k = 0; k < BUCKETS; k++) out->bucket[k] += recorders[i].bucket[k];
  }
}

static void print_round(const struct recorder *r, const struct sample *begin, const struct sample *end) {
  printf("{\"queries\":%llu,\"rows\":%llu,\"seconds\":%.6f,\"cpu_s\":%.6f,\"rss_kb\":%ld,\"p50_us\":%.1f,\"p99_us\":%."
         "1f}\n",
         (unsigned long long)r->queries, (unsigned long long)r->rows, (double)(end->wall_ns - begin->wall_ns) / 1e9,
         (double)(end->cpu_us - begin->cpu_us) / 1e6, measure_rss_kb(), percentile_us(r, 0.5), percentile_us(r, 0.99));
  fflush(stdout);
}

static void print_ready(const struct work *w, const char *version, int64_t check) {
  printf("{\"ready\":\"%s\",\"version\":\"%s\",\"check\":", w->name, version);
  if (check == CHECK_NONE)
    printf("null}\n");
  else
    printf("%lld}\n", (long long)check);
  fflush(stdout);
}

void rounds(const struct work *w, const char *version, int64_t check, struct recorder *recorders, int recorders_count,
            round_fn run, void *arg) {
  static struct recorder all;
  struct sample begin, end;
  char line[16];

  run(arg, now_ns() + (int64_t)(w->warm_up_seconds * 1e9));
  print_ready(w, version, check);
  while (fgets(line, sizeof line, stdin)) {
    memset(recorders, 0, sizeof *recorders * (size_t)recorders_count);
    measure_sample(&begin);
    run(arg, begin.wall_ns + (int64_t)(w->seconds * 1e9));
    measure_sample(&end);
    merge(&all, recorders, recorders_count);
    print_round(&all, &begin, &end);
  }
}
