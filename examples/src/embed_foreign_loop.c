/* The library in a program that has an event loop of its own and no use for libuv: here plain epoll and plain sockets,
 * a TCP server that answers lines.
 *
 *   balance 7        ->  7 100000
 *   total            ->  16 accounts, 1600000
 *
 * All of libuv is one file descriptor, uv_backend_fd(), and one time-out, uv_backend_timeout(). The foreign loop watches
 * the descriptor; when it is readable, or the time is up, it lets libuv do what is due: uv_run(UV_RUN_NOWAIT).
 *
 *   embed_foreign_loop [PORT]        on 127.0.0.1; any free port unless given. SIGINT and SIGTERM end it */
#define _GNU_SOURCE 1 /* accept4() */
#include "common.h"
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 128, CLIENTS_MAX = 256, EVENTS = 64 };

struct client {
  struct server *server;
  int fd; /* -1: free */
  char line[LINE_MAX_BYTES];
  size_t len;
  bool end_of_input;
  dsql_future *query; /* under way: the next line waits */
};

struct server {
  dsql_pool *pool;
  int epoll, listener, signals, backend;
  struct client clients[CLIENTS_MAX];
};

/* ---- one client ---- */

static void drop(struct client *c) {
  dsql_future_destroy(c->query); /* cancels it; its callback will not run */
  close(c->fd);                  /* and epoll forgets it */
  c->query = NULL;
  c->fd = -1;
}

/* Reads from the client only while no query is under way, so that it can't queue up work without end. */
static void watch(struct client *c, bool on) {
  struct epoll_event ev = {.events = on ? EPOLLIN : 0, .data.ptr = c};
  if (epoll_ctl(c->server->epoll, EPOLL_CTL_MOD, c->fd, &ev)) drop(c);
}

/* Answers are short and follow one question each: a socket that takes none of it has a client that does not read. */
static bool answer(struct client *c, const char *text) {
  size_t n = strlen(text);
  if (send(c->fd, text, n, MSG_NOSIGNAL) == (ssize_t)n) return true;
  drop(c);
  return false;
}

static void next_line(struct client *c);

/* Every query gives two numbers. */
static void on_answer(dsql_future *f, void *arg) {
  struct client *c = arg;
  const dsql_result *r;
  int64_t first, second;
  char text[LINE_MAX_BYTES];
  int code = dsql_future_result(f, &r);

  if (code == 0 && dsql_result_rows(r) == 0) {
    snprintf(text, sizeof text, "error: no such account\n");
  } else if (code || (code = dsql_get_int8(r, 0, 0, &first)) != 0 || (code = dsql_get_int8(r, 0, 1, &second)) != 0) {
    failed("a query", code, dsql_future_error(f));
    snprintf(text, sizeof text, "error: try again later\n");
  } else {
    snprintf(text, sizeof text,
             dsql_result_col_find(r, "count") == 0 ? "%" PRId64 " accounts, %" PRId64 "\n"
                                                   : "%" PRId64 " %" PRId64 "\n",
             first, second);
  }
  dsql_future_destroy(f);
  c->query = NULL;
  if (answer(c, text)) next_line(c);
}

static void ask(struct client *c, const char *sql, dsql_params params) {
  dsql_call call;

  dsql_call_init(&call);
  call.timeout_ms = 10000;
  call.read_only = true;
  c->query = dsql_pool_query(c->server->pool, sql, params, &call);
  if (dsql_future_on_ready(c->query, on_answer, c)) drop(c);
}

/* False: the client is gone. */
static bool obey(struct client *c, const char *line) {
  char *end;
  long long id;

  if (strcmp(line, "total") == 0) {
    ask(c, "SELECT count(*), sum(cents)::int8 FROM account", DSQL_NO_PARAMS);
  } else if (strncmp(line, "balance ", 8) == 0) {
    errno = 0;
    id = strtoll(line + 8, &end, 10);
    if (errno || end == line + 8 || *end) return answer(c, "error: an account is a number\n");
    ask(c, "SELECT id, cents FROM account WHERE id = $1", DSQL_PARAMS(dsql_int8(id)));
  } else {
    return answer(c, "error: say \"balance ACCOUNT\" or \"total\"\n");
  }
  return c->fd >= 0;
}

/* Takes lines until one starts a query. */
static void next_line(struct client *c) {
  while (!c->query) {
    char line[LINE_MAX_BYTES], *newline = memchr(c->line, '\n', c->len);
    size_t n = newline ? (size_t)(newline - c->line) : 0;

    if (!newline) break;
    memcpy(line, c->line, n);
    line[n > 0 && line[n - 1] == '\r' ? n - 1 : n] = '\0';
    c->len -= n + 1;
    memmove(c->line, newline + 1, c->len);
    if (!obey(c, line)) return;
  }
  if (!c->query && c->len == sizeof c->line && !answer(c, "error: the line is too long\n")) return;
  if (!c->query && (c->end_of_input || c->len == sizeof c->line))
    drop(c);
  else
    watch(c, !c->query);
}

static void on_readable(struct client *c) {
  ssize_t n = recv(c->fd, c->line + c->len, sizeof c->line - c->len, 0);

  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n < 0) {
    drop(c);
    return;
  }
  c->end_of_input = n == 0; /* what came before is answered first */
  c->len += (size_t)n;
  next_line(c);
}

static void on_connection(struct server *s) {
  struct client *c = NULL;
  struct epoll_event ev = {.events = EPOLLIN};
  int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

  if (fd < 0) return;
  for (int i = 0; i < CLIENTS_MAX && !c; i++)
    if (s->clients[i].fd < 0) c = &s->clients[i];
  ev.data.ptr = c;
  if (!c || epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev)) {
    close(fd);
    return;
  }
  *c = (struct client){.server = s, .fd = fd};
}

/* ---- the foreign loop ---- */

static int add(struct server *s, int fd, int *key) {
  struct epoll_event ev = {.events = EPOLLIN, .data.ptr = key};
  return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev);
}

static void serve(struct server *s, uv_loop_t *loop) {
  struct epoll_event events[EVENTS];

  for (;;) {
    bool knock = false;
    int n;

    uv_run(loop, UV_RUN_NOWAIT); /* also sends what this turn has asked for */
    uv_update_time(loop);        /* the time-out counts from now */
    n = epoll_wait(s->epoll, events, EVENTS, uv_backend_timeout(loop));
    for (int i = 0; i < n; i++) {
      void *who = events[i].data.ptr;
      struct client *c = who;
      if (who == &s->signals) return;
      if (who == &s->backend) continue; /* uv_run() above is next */
      if (who == &s->listener)
        knock = true; /* last: a client dropped in this turn may still have events, and its place must stay empty */
      else if (c->fd < 0)
        continue;
      else if (events[i].events & EPOLLIN)
        on_readable(c);
      else
        drop(c); /* EPOLLHUP or EPOLLERR alone */
    }
    if (knock) on_connection(s);
  }
}

static int listen_on(struct server *s, long port, const sigset_t *ends) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  socklen_t len = sizeof a;
  int on = 1;

  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  s->epoll = epoll_create1(EPOLL_CLOEXEC);
  s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  s->signals = signalfd(-1, ends, SFD_NONBLOCK | SFD_CLOEXEC);
  if (s->epoll < 0 || s->listener < 0 || s->signals < 0 ||
      setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
      bind(s->listener, (struct sockaddr *)&a, sizeof a) || listen(s->listener, SOMAXCONN) ||
      getsockname(s->listener, (struct sockaddr *)&a, &len) || add(s, s->listener, &s->listener) ||
      add(s, s->signals, &s->signals) || add(s, s->backend, &s->backend)) {
    perror("embed_foreign_loop");
    return -1;
  }
  printf("listening on 127.0.0.1:%d\n", ntohs(a.sin_port));
  return fflush(stdout);
}

static int run(dsql_pool *pool, uv_loop_t *loop, long port, const sigset_t *ends) {
  static struct server s;
  int rc;

  s = (struct server){.pool = pool, .epoll = -1, .listener = -1, .signals = -1, .backend = uv_backend_fd(loop)};
  for (int i = 0; i < CLIENTS_MAX; i++) s.clients[i].fd = -1;
  rc = listen_on(&s, port, ends);
  if (rc == 0) serve(&s, loop);
  for (int i = 0; i < CLIENTS_MAX; i++)
    if (s.clients[i].fd >= 0) drop(&s.clients[i]);
  close(s.signals);
  close(s.listener);
  close(s.epoll);
  return rc;
}

int main(int argc, char **argv) {
  uv_loop_t loop;
  /* uv_backend_timeout() is 0 while nothing keeps the loop alive, and the library keeps it alive only while work is
   * pending; without this handle the foreign loop would spin while it is idle. */
  uv_async_t awake;
  dsql_rt *rt;
  dsql_target *target;
  dsql_pool *pool;
  sigset_t ends;
  int code = DSQL_EINVAL;

  /* Ahead of everything: libuv's threads inherit it, and a signal must not find one that has not blocked it. */
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  if (pthread_sigmask(SIG_BLOCK, &ends, NULL)) return 1;
  if (uv_loop_init(&loop) || uv_async_init(&loop, &awake, NULL) || dsql_rt_new(&rt, &loop, NULL)) return 1;
  target = cluster_target(rt);
  if (target) {
    code = dsql_pool_new(&pool, rt, target, NULL);
    if (code) failed("the pool", code, NULL);
    if (code == 0) code = open_bank(pool, 16); /* before there is anybody to serve, libuv may run the show */
    if (code == 0) code = run(pool, &loop, argc > 1 ? strtol(argv[1], NULL, 10) : 0, &ends);
    dsql_target_free(target);
  }
  uv_close((uv_handle_t *)&awake, NULL);
  dsql_rt_close(rt, NULL, NULL); /* and the pool with it */
  uv_run(&loop, UV_RUN_DEFAULT);
  return uv_loop_close(&loop) != 0 || code != 0;
}
