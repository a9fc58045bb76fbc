/* client.h - what every test of the whole library begins and ends with: a loop, a counting hook, a runtime. At the end
 * the runtime is closed, no block may be live and no handle open. */
#ifndef DSQL_TEST_CLIENT_H
#define DSQL_TEST_CLIENT_H

#include <criterion/criterion.h>
#include <string.h>
#include <uv.h>

#include "dsql/dsql.h"
#include "test_alloc.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct client {
  uv_loop_t loop;
  struct test_alloc heap;
  dsql_rt *rt;
  bool closed;
};

void client_open(struct client *x);
void client_close(struct client *x);
/* The two halves of client_close(), for tests that close the runtime themselves. */
void client_begin_close(struct client *x);
void client_finish(struct client *x);

/* A target from printf arguments; the test fails when it is refused. */
dsql_target *client_target(struct client *x, const char *format, ...) __attribute__((format(printf, 2, 3)));
dsql_target *client_target_config(struct client *x, const dsql_config *c);
/* Open, not waited for. The target is let go of: the connection keeps it. */
dsql_conn *client_dial(struct client *x, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Ready, or the test fails with the error's text. */
dsql_conn *client_connect(struct client *x, const char *format, ...) __attribute__((format(printf, 2, 3)));
dsql_conn *client_connect_config(struct client *x, const dsql_config *c);

/* Runs until ready; returns the code. Destroys f. */
int client_settle(dsql_future *f);
/* Runs f, which must succeed, and gives its first result, alive until the caller destroys f. */
const dsql_result *client_rows(dsql_future *f);
/* Runs a query that must succeed and gives row 0, column 0 as text (a ring of static buffers). "(null)", "(none)". */
const char *client_value(dsql_conn *c, const char *sql);
/* Runs a script that must succeed. */
void client_exec(dsql_conn *c, const char *script);
/* One turn of the loop that blocks until something happens. */
void client_turn(struct client *x);

/* "DSQL_EIO: message" for assertion texts. */
const char *client_error_text(const dsql_future *f);
bool str_has(dsql_str s, const char *part);

/* Fails the test unless f, once run, failed with this code, these flags (exactly) and this text in its message. f is
 * destroyed. */
#define assert_fails(f, code, flags, part) client_assert_fails((f), (code), (flags), (part), __FILE__, __LINE__)
void client_assert_fails(dsql_future *f, int code, unsigned flags, const char *part, const char *file, int line);

/* ---- real servers: scripts/pg's env file ---- */
struct server {
  char name[16], version[16], socket_dir[128], ca[256], cert[256], key[256];
  int major, port, bouncer_port;
};
/* False when it does not run. */
bool server_find(const char *version, struct server *out);
/* The one that a test works with by default: 18. The test fails when it does not run. */
const struct server *server_default(void);
/* "hostaddr=127.0.0.1 host=localhost port=... dbname=postgres user=trust_user sslmode=disable". */
const char *server_conninfo(const struct server *s);

#endif
