/* cluster_probe - asks an Aurora DSQL cluster what its documentation leaves open, and prints a table.
 *
 *   cluster_probe [--long] ENDPOINT
 *
 *   ENDPOINT       the cluster's host name; or a connection string, for any server that takes a cleartext password
 *   --long         also wait for the server's idle timeout; so does CLUSTER_LONG=1
 *   CLUSTER_TOKEN  the password: an IAM token; else PGPASSWORD, else what the connection string has
 *   CLUSTER_USER   "admin" unless set (with a host name)
 *   CLUSTER_IDLE_S how long --long waits: 3900 unless set
 *
 * It only reads, and harms no session but its own. Exits 0 when every question could be asked, whatever the answers;
 * 1 when one could not; 2 for wrong usage. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"

enum { LINE_SIZE = 2048 };

/* Servers are not trusted with the terminal. */
static void make_printable(char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < 0x20 || *text == 0x7f) *text = ' ';
}

void probe_row(struct probe *p, const char *question, const char *answer, const char *format, ...) {
  char detail[LINE_SIZE];
  va_list args;

  va_start(args, format);
  (void)vsnprintf(detail, sizeof detail, format, args);
  va_end(args);
  make_printable(detail);
  p->asked++;
  printf("%-31s | %-18s | %s\n", question, answer, detail);
  (void)fflush(stdout);
}

void probe_unanswered(struct probe *p, const char *question, const char *why) {
  p->unanswered++;
  probe_row(p, question, "NOT ASKED", "%s", why);
}

static bool is_conninfo(const char *endpoint) { return strchr(endpoint, '=') || strstr(endpoint, "://"); }

static const char *conninfo_of(const char *endpoint, char *out, size_t size) {
  const char *user = getenv("CLUSTER_USER");

  if (is_conninfo(endpoint)) return endpoint;
  (void)snprintf(out, size,
                 "host=%s port=5432 dbname=postgres user=%s sslmode=verify-full sslrootcert=system "
                 "sslnegotiation=direct",
                 endpoint, user && *user ? user : "admin");
  return out;
}

static const char *password_of_environment(void) {
  const char *token = getenv("CLUSTER_TOKEN");
  if (!token || !*token) token = getenv("PGPASSWORD");
  return token && *token ? token : NULL;
}

static int resolve(struct probe *p, struct target **out) {
  struct fault f = {0};
  dsql_config config;

  dsql_config_init(&config);
  config.target = p->conninfo;
  config.password = p->password;
  if (target_resolve(out, &mem_default, NULL, &config, &f)) {
    fprintf(stderr, "cluster_probe: %s\n", f.text);
    return 2;
  }
  p->target = *out;
  if (!target_password(*out, 0))
    fprintf(stderr, "cluster_probe: no password is given: set CLUSTER_TOKEN, for example to the output of\n"
                    "  aws dsql generate-db-connect-admin-auth-token --hostname ENDPOINT --region REGION\n");
  else if ((*out)->hosts[0].unix_socket || (*out)->sslmode == DSQL_SSL_DISABLE)
    fprintf(stderr, "cluster_probe: it speaks TLS only: give a host, and sslmode=require or stronger\n");
  else
    return 0;
  return 2;
}

static void ask_all(struct probe *p) {
  printf("%-31s | %-18s | %s\n", "question", "answer", "detail");
  printf("--------------------------------+--------------------+-------------------------------\n");
  probe_startup(p);
  probe_statements(p);
  probe_library(p);
  printf("(%u questions, %u of them could not be asked)\n", p->asked, p->unanswered);
}

int main(int argc, char **argv) {
  const char *wait = getenv("CLUSTER_IDLE_S"), *waiting = getenv("CLUSTER_LONG");
  struct probe p = {.password = password_of_environment(), .idle_s = 3900};
  struct target *target = NULL;
  char text[LINE_SIZE];
  int at = 1, rc;

  p.long_run = waiting && strcmp(waiting, "1") == 0;
  if (at < argc && strcmp(argv[at], "--long") == 0) {
    p.long_run = true;
    at++;
  }
  if (at + 1 != argc || argv[at][0] == '-' || !argv[at][0]) {
    fprintf(stderr, "Usage: cluster_probe [--long] ENDPOINT\n");
    return 2;
  }
  if (wait && strtoul(wait, NULL, 10) - 1 < 86400) p.idle_s = (unsigned)strtoul(wait, NULL, 10);
  p.conninfo = conninfo_of(argv[at], text, sizeof text);
  (void)signal(SIGPIPE, SIG_IGN); /* OpenSSL writes to the socket by itself here */
  rc = resolve(&p, &target);
  if (rc == 0) ask_all(&p);
  target_unref(target);
  return rc ? rc : p.unanswered != 0;
}
