/* round.h - what every C program of bench/peers does alike: its command line, its rounds, its figures.
 *
 *   PROGRAM [MODE] WORK SECONDS WARM_UP_SECONDS CONNECTIONS
 *
 * WORK is a name of works.py. What it consists of comes in the environment, so that it is written in one place only:
 *
 *   BENCH_KIND      query: one prepared statement after another on each connection, every field of every row decoded
 *                   batch: BENCH_ROWS executions of one statement with the same arguments as one transaction
 *                   connect: connect, select 1, disconnect
 *                   copy: COPY FROM STDIN of BENCH_ROWS rows, each with the same arguments
 *                   transfer: BEGIN REPEATABLE READ, read a balance, check it here, two updates, COMMIT
 *   BENCH_SQL       of query, batch and copy
 *   BENCH_ARGS      type:value, separated by spaces; the types are int4 bool float8 text
 *   BENCH_COLUMNS   types of the result's columns: int4 int2 oid bool char name text bytea date timestamptz int4[]
 *   BENCH_TLS       disable, postgres or direct: verify-full with password_user; disable: trust_user
 *   BENCH_PORT      on 127.0.0.1, name localhost
 *   BENCH_CA        a file of certificates to trust
 *
 * A program connects, runs the work once, checks the result (sum of all fields, printed as "check": all programs must
 * agree), warms up, and prints a line {"ready":...}. From then on it measures one round of SECONDS for every line that it
 * reads, and prints a line {"queries":...}. At the end of its input it ends. A work that it cannot do: exit status 3.
 *
 * A field counts in the sum as: integers, bool and char their value; texts and bytea length + first byte + last byte;
 * date the days and timestamptz the seconds since 2000-01-01; an array as its elements. */
#ifndef BENCH_ROUND_H
#define BENCH_ROUND_H

#include <stdbool.h>
#include <stdint.h>

#define CHECK_NONE INT64_MIN /* printed as null */
enum { COLUMNS_MAX = 16, ARGS_MAX = 8, CONNECTIONS_MAX = 64, EXIT_CANNOT = 3, TRANSFER_SPAN = 100 };

enum type { INT4, INT2, OID, BOOL, CHAR, NAME, TEXT, BYTEA, DATE, TIMESTAMPTZ, FLOAT8, INT4_ARRAY };
enum kind { QUERY, BATCH, CONNECT, TRANSFER, COPY };
enum tls { TLS_DISABLE, TLS_POSTGRES, TLS_DIRECT };

struct argument {
  enum type type;
  int32_t integer; /* int4 and bool */
  double real;
  const char *text;
};

struct work {
  const char *name, *sql, *port, *ca;
  enum kind kind;
  enum tls tls;
  double seconds, warm_up_seconds;
  int connections;
  int rows; /* of a batch or a copy */
  int columns, arguments;
  enum type column[COLUMNS_MAX];
  struct argument argument[ARGS_MAX];
};

/* Latencies in buckets of 1/32 of a power of two of nanoseconds: 3 % at most off. One recorder per thread. */
enum { BUCKETS = 40 * 32 };
struct recorder {
  uint64_t queries, rows;
  uint64_t bucket[BUCKETS];
};

#define TRANSFER_BEGIN "begin isolation level repeatable read"
#define TRANSFER_READ "select balance from accounts where id = $1"
#define TRANSFER_UPDATE "update accounts set balance = balance + $2 where id = $1"

/* Parses arguments and environment; ends the program when they are wrong. arguments begin with WORK. */
void work_read(struct work *out, int count, char **arguments);
/* Worker w's n-th transfer goes between these accounts: nobody else's, so that nothing ever conflicts. */
void work_accounts(int worker, uint64_t n, int32_t *from, int32_t *to);

/* run(arg, deadline_ns) works until the deadline and records in recorders; it is called for the warm-up and every round. */
typedef void (*round_fn)(void *arg, int64_t deadline_ns);
/* The whole of a program's life behind the check: ready line, warm-up, rounds. version: of the client. */
void rounds(const struct work *w, const char *version, int64_t check, struct recorder *recorders, int recorders_count,
            round_fn run, void *arg);

int64_t now_ns(void);
void record(struct recorder *r, int64_t begun_ns, uint64_t rows);

/* What a text adds to the check, see above. */
int64_t text_check(const void *p, uint64_t length);

#endif
