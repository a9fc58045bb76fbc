/* peer_libpq.c - the works of round.h through libpq, as a careful user of it writes them: a thread and a blocking
 * connection for each worker, prepared statements, binary parameters and results.
 *
 *   peer_libpq MODE WORK ...
 *
 *   sync       one PQexecPrepared() after another; a batch between BEGIN and COMMIT
 *   pipeline   pipeline mode: a batch under one Sync, a transfer in two flights
 *   single     single-row mode: queries only
 *   chunked    chunks of 128 rows: queries only */
#include "peer_libpq.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "../measure.h"

static const char *const mode_names[] = {"sync", "pipeline", "single", "chunked"};

_Noreturn void peer_fail(PGconn *c) { die("libpq: %s", PQerrorMessage(c)); }

PGresult *peer_expect(PGconn *c, PGresult *r, ExecStatusType status) {
  if (PQresultStatus(r) != status)
    die("libpq: %s, not %s: %s", PQresStatus(PQresultStatus(r)), PQresStatus(status), PQerrorMessage(c));
  return r;
}

/* ---- the works ---- */

static PGconn *open_connection(const struct work *w) {
  static const char *const options[] = {
      [TLS_DISABLE] = "user=trust_user sslmode=disable",
      [TLS_POSTGRES] = "user=password_user password=secret sslmode=verify-full",
      [TLS_DIRECT] = "user=password_user password=secret sslmode=verify-full sslnegotiation=direct"};
  char target[1024];
  PGconn *c;

  (void)snprintf(target, sizeof target,
                 "host=localhost hostaddr=127.0.0.1 port=%s dbname=postgres gssencmode=disable %s%s%s", w->port,
                 options[w->tls], w->tls ? " sslrootcert=" : "", w->tls ? w->ca : "");
  c = PQconnectdb(target);
  if (PQstatus(c) != CONNECTION_OK) peer_fail(c);
  return c;
}

static uint64_t connect_once(struct worker *w) {
  PGconn *c = open_connection(&w->peer->work);
  PGresult *r = PQexecParams(c, w->peer->work.sql, 0, NULL, NULL, NULL, NULL, 1);
  w->sum += peer_decode(&w->peer->work, peer_expect(c, r, PGRES_TUPLES_OK));
  PQclear(r);
  PQfinish(c);
  return 1;
}

static uint64_t work_once(struct worker *w) {
  bool pipeline = w->peer->mode == PIPELINE;
  switch (w->peer->work.kind) {
    case QUERY: return pipeline ? peer_query_pipeline(w) : w->peer->mode == SYNC ? peer_query(w) : peer_query_rows(w);
    case BATCH: return pipeline ? peer_batch_pipeline(w) : peer_batch(w);
    case COPY: return peer_copy(w);
    case TRANSFER: return pipeline ? peer_transfer_pipeline(w) : peer_transfer(w);
    case CONNECT: break;
  }
  return connect_once(w);
}

static void *work_until(void *arg) {
  struct worker *w = arg;
  do {
    int64_t begun_ns = now_ns();
    uint64_t rows = work_once(w);
    record(w->recorder, begun_ns, rows);
    w->n++;
  } while (now_ns() < w->peer->deadline_ns);
  return NULL;
}

static void run(void *arg, int64_t deadline_ns) {
  struct peer *p = arg;
  pthread_t threads[CONNECTIONS_MAX];

  p->deadline_ns = deadline_ns;
  for (int i = 0; i < p->work.connections; i++)
    if (pthread_create(&threads[i], NULL, work_until, &p->workers[i])) die("no thread");
  for (int i = 0; i < p->work.connections; i++) pthread_join(threads[i], NULL);
}

/* ---- set-up ---- */

static void prepare(PGconn *c, const char *name, const char *sql, int count, const Oid *types) {
  PQclear(peer_expect(c, PQprepare(c, name, sql, count, types), PGRES_COMMAND_OK));
}

static void prepare_all(struct peer *p, PGconn *c) {
  if (p->work.kind == TRANSFER) {
    prepare(c, "begin", TRANSFER_BEGIN, 0, NULL);
    prepare(c, "read", TRANSFER_READ, 0, NULL);
    prepare(c, "update", TRANSFER_UPDATE, 0, NULL);
    prepare(c, "commit", "commit", 0, NULL);
  } else if (p->work.kind != COPY) {
    prepare(c, "work", p->work.sql, p->parameters.count, p->parameters.types);
  }
  if (p->mode == PIPELINE && !PQenterPipelineMode(c)) peer_fail(c);
}

static void make_worker(struct peer *p, int index) {
  struct worker *w = &p->workers[index];
  w->peer = p;
  w->index = index;
  w->recorder = &p->recorders[index];
  if (p->work.kind == CONNECT) return;
  w->conn = open_connection(&p->work);
  prepare_all(p, w->conn);
}

static enum mode mode_of(const char *name) {
  for (int i = 0; i < (int)(sizeof mode_names / sizeof *mode_names); i++)
    if (strcmp(name, mode_names[i]) == 0) return (enum mode)i;
  die("unknown mode %s", name);
}

int main(int argc, char **argv) {
  static struct peer p;
  char version[32];

  if (argc < 2) die("usage: peer_libpq MODE WORK SECONDS WARM_UP_SECONDS CONNECTIONS");
  p.mode = mode_of(argv[1]);
  work_read(&p.work, argc - 2, argv + 2);
  peer_parameters(&p.parameters, &p.work);
  for (int i = 0; i < p.work.connections; i++) make_worker(&p, i);
  (void)work_once(&p.workers[0]);
  (void)snprintf(version, sizeof version, "%d.%d", PQlibVersion() / 10000, PQlibVersion() % 10000);
  rounds(&p.work, version, p.workers[0].sum, p.recorders, p.work.connections, run, &p);
  for (int i = 0; i < p.work.connections; i++) PQfinish(p.workers[i].conn);
  return 0;
}
