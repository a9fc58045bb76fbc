/* backend.h - a fake server's session from the inside: server.c reads messages, execute.c carries statements out. */
#ifndef DSQL_TEST_SIM_BACKEND_H
#define DSQL_TEST_SIM_BACKEND_H

#include "server.h"

enum backend_phase { BACKEND_STARTUP, BACKEND_PASSWORD, BACKEND_READY };

/* Of VERB_ROWS: any other is executed at once. */
struct server_portal {
  char name[NAME_SIZE];
  int64_t next, total;
  bool used, binary;
};

enum { SERVER_PORTALS = 16 };

struct backend {
  struct list node;
  struct net_conn *conn;
  unsigned host;
  bool told_standby;
  bool unsuitable, unlooked, unhooked; /* not what the target wants; not asked what it is; not asked by the hook */
  bool told;                           /* that it is ready for the first time */
  bool encrypted;                      /* with TLS: the handshake is over */
  unsigned method;                     /* enum method, that a password was asked by */
  struct buf raw;                      /* what has come of a record */
  enum backend_phase phase;
  uint32_t pid, key;
  uint8_t *in;
  size_t in_len, in_cap;
  struct buf out;
  struct prepared_table prepared;
  struct bind portal; /* its statement's name is in portal_name */
  struct command portal_command;
  char portal_name[NAME_SIZE];
  char status;   /* 'I', 'T', 'E': of the block */
  bool implicit; /* a transaction of its own up to the Sync */
  bool skipping, ended;
  struct store_tx tx;
  unsigned savepoint; /* writes ahead of it */
  struct event busy, age;
  bool is_busy, in_script;
  bool listens[SERVER_CHANNELS];
  bool copying; /* from STDIN, in a script */
  struct copy_reader copied;
  int64_t lines;
  struct server_portal portals[SERVER_PORTALS];
  bool deaf; /* it has said FATAL, and stays */
};

/* ---- replies ---- */
void reply(struct backend *s, char type, const void *body, size_t n);
void reply_error(struct backend *s, const char *severity, const char *state, const char *text);
void reply_ready(struct backend *s);
void backend_flush(struct backend *s);
/* FATAL, and the end. */
void backend_fatal(struct backend *s, const char *state, const char *text);
/* FATAL, and no end: nothing is done any more. */
void backend_fatal_stays(struct backend *s, const char *state, const char *text);
void backend_end(struct backend *s, bool reset);

/* ---- execute.c ---- */
struct statement {
  struct command command;
  struct statement_args args;
  bool binary;
  struct server_portal *portal; /* NULL: none that may be left half-way */
  int64_t limit;                /* rows; 0: none */
};
/* False: it failed, the error was told; or it is asleep, or the session has ended. */
bool backend_execute(struct backend *s, const struct statement *st);
/* The Sync, or the end of a script: what was implicit is committed. False: the session has ended. */
bool backend_sync(struct backend *s);
bool backend_is_listen(const char *sql);
/* LISTEN and UNLISTEN in a script of nothing else, or an empty one. */
void backend_listen(struct backend *s, const char *sql);
/* Of a COPY: 'd', 'c' or 'f'. True: it is over, and so is the script. */
bool backend_copy(struct backend *s, uint8_t type, const uint8_t *body, size_t n);
void backend_describe(struct backend *s, enum verb verb, bool binary);
void backend_failed(struct backend *s, const char *state, const char *text);

#endif
