/* server.h - the private PostgreSQL: made, started, prepared and stopped, all from the loop. It listens on a Unix socket
 * only, in a directory that nobody else can enter.
 *
 *   NEW -> INITDB -> STARTING (asked every few milliseconds) -> PREPARING (roles, the relay's objects) -> READY
 *   any of them -> STOPPING -> STOPPED */
#ifndef DSQL_CLI_LOCAL_SERVER_H
#define DSQL_CLI_LOCAL_SERVER_H

#include <uv.h>

#include <dsql/dsql.h>

#include "local/options.h"
#include "local/paths.h"

enum { SERVER_PORT = 5432, SERVER_SOCKET_SIZE = 108 }; /* the port only names the socket; 108: sun_path */

enum server_state {
  SERVER_NEW,
  SERVER_INITDB,
  SERVER_STARTING,
  SERVER_PREPARING,
  SERVER_READY,
  SERVER_STOPPING,
  SERVER_STOPPED
};

struct server {
  uv_loop_t *loop;
  dsql_rt *rt;
  const struct local_options *options;
  enum server_state state;
  char bin[LOCAL_PATH_SIZE], dir[LOCAL_PATH_SIZE]; /* of the programs; of the instance */
  char data[LOCAL_PATH_SIZE], log[LOCAL_PATH_SIZE];
  char socket_dir[SERVER_SOCKET_SIZE], socket[SERVER_SOCKET_SIZE];
  bool temporary_socket_dir; /* dir is too long a path for a socket's */
  bool keep;                 /* the data outlives us: stop it properly */
  bool drop;                 /* run as uid, gid */
  uv_uid_t uid;
  uv_gid_t gid;
  char user[64];
  uv_process_t process, watchdog;
  uv_pipe_t leash; /* the watchdog ends the server when this closes without a word */
  uv_write_t leash_write;
  uv_timer_t timer;
  bool in_initdb; /* the process is that */
  bool process_open, watchdog_open, timer_open, leash_open;
  unsigned stop_step;
  uint64_t deadline_ms;
  dsql_target *target;
  dsql_conn *conn;
  dsql_future *future;
  size_t step; /* of preparing */
  void (*on_ready)(struct server *s);
  void (*on_stopped)(struct server *s, bool failed); /* once; also when it never started */
  bool failed;
  void *owner;
};

/* dir exists. False after telling why on standard error; nothing is left then. */
bool server_init(struct server *s, uv_loop_t *loop, dsql_rt *rt, const struct local_options *o, const char *dir);
/* Ends with on_ready, or on_stopped(failed). */
void server_start(struct server *s);
/* Ends with on_stopped. Safe in any state, more than once. */
void server_stop(struct server *s);

/* server_user.c: who it runs as. False after telling why. */
bool server_choose_user(struct server *s);
/* Makes and owns its directories. */
bool server_make_dirs(struct server *s);
/* server_spawn.c */
bool server_spawn(struct server *s, char **argv, uv_exit_cb on_exit);
bool server_spawn_watchdog(struct server *s);
void server_release_watchdog(struct server *s);
/* server_prepare.c: the next statement of the set-up; NULL when all are done. The text lives until the next call. */
const char *server_setup_statement(struct server *s);
/* Shows the end of the server's log on standard error. */
void server_show_log(const struct server *s);

#endif
