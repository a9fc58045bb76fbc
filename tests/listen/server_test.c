/* A listener, and notifications on ordinary connections, on a real server. */
#include <stdio.h>

#include "heard.h"

static struct client x;
static struct heard h;
static dsql_listener *l;

static void open_all(void) {
  client_open(&x);
  h = (struct heard){0};
}

static void close_all(void) {
  dsql_listener_close(l);
  client_close(&x);
}

TestSuite(server, .init = open_all, .fini = close_all, .timeout = 60);

static void listen_to(const char *channel) {
  dsql_target *t = client_target(&x, "%s", server_conninfo(server_default()));
  cr_assert_eq(dsql_listen(&l, x.rt, t, channel, heard_on_event, &h, NULL, NULL), 0);
  dsql_target_free(t);
}

static void until(const char *words) {
  while (strlen(h.text) < strlen(words)) client_turn(&x);
  cr_assert_str_eq(heard_words(&h), words);
}

Test(server, tells_what_comes) {
  dsql_conn *c = client_connect(&x, "%s", server_conninfo(server_default()));
  dsql_listener_stats s;

  listen_to("server_a");
  cr_assert_eq(dsql_listener_status(l), DSQL_LISTENER_CONNECTING);
  until("+server_a");
  cr_assert_eq(dsql_listener_status(l), DSQL_LISTENER_LISTENING);
  client_exec(c, "notify server_a, 'one'; notify server_b, 'nobody'; notify server_a, 'two'");
  until("server_a=one server_a=two");
  cr_assert_eq(h.pid, dsql_conn_backend_pid(c));
  dsql_listener_stats_get(l, &s, sizeof s);
  cr_assert_eq(s.notifications, 2);
  cr_assert_eq(s.sessions, 1);
  cr_assert_eq(s.channels, 1);
  dsql_conn_close(c);
}

Test(server, names_are_exact) {
  dsql_conn *c = client_connect(&x, "%s", server_conninfo(server_default()));

  listen_to("We\"ird; Name");
  until("+We\"ird; Name");
  client_exec(c, "notify \"We\"\"ird; Name\", 'x'");
  until("We\"ird; Name=x");
  cr_assert_eq(dsql_listener_add(l, "0123456789012345678901234567890123456789012345678901234567890123"), DSQL_EINVAL);
  cr_assert_eq(dsql_listener_add(l, ""), DSQL_EINVAL);
  cr_assert_eq(dsql_listener_add(l, "\xff"), DSQL_EINVAL);
  cr_assert_eq(dsql_listener_add(l, "012345678901234567890123456789012345678901234567890123456789012"), 0);
  until("+012345678901234567890123456789012345678901234567890123456789012");
  dsql_conn_close(c);
}

Test(server, channels_come_and_go) {
  dsql_conn *c = client_connect(&x, "%s", server_conninfo(server_default()));

  listen_to(NULL);
  cr_assert_eq(dsql_listener_add(l, "server_x"), 0);
  cr_assert_eq(dsql_listener_add(l, "server_y"), 0);
  cr_assert_eq(dsql_listener_add(l, "server_y"), 0);
  until("+server_x +server_y");
  cr_assert_eq(dsql_listener_remove(l, "server_x"), 0);
  cr_assert_eq(dsql_listener_remove(l, "server_x"), DSQL_EINVAL);
  cr_assert_eq(dsql_listener_add(l, "server_z"), 0);
  until("+server_z");
  client_exec(c, "notify server_x, '1'; notify server_y, '2'; notify server_z, '3'");
  until("server_y=2 server_z=3");
  dsql_conn_close(c);
}

static unsigned told;
static dsql_conn *told_on;
static void on_notify(dsql_conn *c, const dsql_notification *n, void *arg) {
  cr_assert_eq(n->channel.len, 8);
  cr_assert(memcmp(n->channel.ptr, "server_o", 8) == 0 || memcmp(n->channel.ptr, "server_q", 8) == 0);
  cr_assert_eq(n->payload.len, 7999);
  told++;
  told_on = c;
  if (arg) dsql_conn_close(c);
}

/* The largest payload there is, to oneself, and the callback closes the connection. */
Test(server, on_an_ordinary_connection) {
  dsql_conn *c = client_connect(&x, "%s", server_conninfo(server_default()));
  dsql_conn *d = client_connect(&x, "%s", server_conninfo(server_default()));

  told = 0;
  dsql_conn_on_notify(c, on_notify, NULL);
  dsql_conn_on_notify(d, on_notify, d);
  client_exec(c, "listen server_o");
  client_exec(d, "listen server_o");
  client_exec(c, "select pg_notify('server_o', repeat('x', 7999))");
  while (told < 2) client_exec(c, "select 1"); /* idle, d does not keep the loop alive */
  dsql_conn_on_notify(c, NULL, NULL);
  client_exec(c, "select pg_notify('server_o', 'dropped')");
  cr_assert_eq(told, 2);
  dsql_conn_close(c);
}

/* A pool hands no callback of one borrower on to the next. */
Test(server, a_pool_clears_the_callback) {
  dsql_target *t = client_target(&x, "%s", server_conninfo(server_default()));
  dsql_pool_config config;
  dsql_pool *p;
  dsql_future *f;
  dsql_conn *c;

  told = 0;
  dsql_pool_config_init(&config);
  config.conns_max = 1;
  cr_assert_eq(dsql_pool_new(&p, x.rt, t, &config), 0);
  for (int i = 0; i < 2; i++) {
    f = dsql_pool_acquire(p);
    cr_assert_eq(dsql_future_run(f), 0);
    cr_assert_eq(dsql_future_take_conn(f, &c), 0);
    dsql_future_destroy(f);
    if (i == 0) {
      dsql_conn_on_notify(c, on_notify, NULL);
      client_exec(c, "listen server_q");
    }
    client_exec(c, "select pg_notify('server_q', repeat('x', 7999))");
    cr_assert_eq(told, 1, "run %d", i);
    dsql_pool_release(p, c);
  }
  cr_assert_eq(client_settle(dsql_pool_close(p, 0)), 0);
  dsql_target_free(t);
}

/* Paused, the server keeps it; nothing is lost, and no ping gives the connection up. */
static void pause_at_two(dsql_listener *at, const dsql_listen_event *event, void *arg) {
  (void)arg;
  if (event->what == DSQL_LISTEN_NOTIFY && event->payload.ptr[0] == '2') dsql_listener_pause(at);
}

static void turn_ms(unsigned ms) {
  uint64_t end = uv_hrtime() + (uint64_t)ms * 1000000;
  while (uv_hrtime() < end) {
    (void)uv_run(&x.loop, UV_RUN_NOWAIT);
    uv_sleep(1);
  }
}

Test(server, paused_it_takes_nothing) {
  dsql_conn *c = client_connect(&x, "%s", server_conninfo(server_default()));
  dsql_target *t = client_target(&x, "%s", server_conninfo(server_default()));
  dsql_listen_options o;

  dsql_listen_options_init(&o);
  o.ping_interval_ms = o.ping_timeout_ms = 20;
  h.then = pause_at_two;
  cr_assert_eq(dsql_listen(&l, x.rt, t, "server_p", heard_on_event, &h, &o, NULL), 0);
  dsql_target_free(t);
  until("+server_p");
  client_exec(c, "notify server_p, '1'; notify server_p, '2'; notify server_p, '3'");
  client_exec(c, "notify server_p, '4'");
  turn_ms(150);
  cr_assert_str_eq(heard_words(&h), "server_p=1 server_p=2");
  dsql_listener_resume(l);
  until("server_p=3 server_p=4");
  turn_ms(100);
  cr_assert_str_eq(heard_words(&h), "", "lost: %s", h.why);
  dsql_conn_close(c);
}

/* Refused by name, at once. */
Test(server, not_on_dsql) {
  dsql_config c;
  dsql_target *t;
  const dsql_error *e = NULL;

  dsql_config_init(&c);
  c.target = "dsql://abcdefghijklmnopqrstuvwxyz.dsql.us-east-1.on.aws";
  t = client_target_config(&x, &c);
  cr_assert_eq(dsql_listen(&l, x.rt, t, "a", heard_on_event, &h, NULL, &e), DSQL_EUNSUPPORTED);
  cr_assert(e && str_has(e->message, "Aurora DSQL has no LISTEN"));
  cr_assert_null(l);
  dsql_target_free(t);
}

Test(server, arguments_are_judged) {
  dsql_target *t = client_target(&x, "%s", server_conninfo(server_default()));
  dsql_listen_options o = {0};
  const dsql_error *e = NULL;

  cr_assert_eq(dsql_listen(NULL, x.rt, t, "a", heard_on_event, &h, NULL, NULL), DSQL_EINVAL);
  cr_assert_eq(dsql_listen(&l, x.rt, t, "a", NULL, &h, NULL, NULL), DSQL_EINVAL);
  cr_assert_eq(dsql_listen(&l, x.rt, t, "", heard_on_event, &h, NULL, &e), DSQL_EINVAL);
  cr_assert(str_has(e->message, "0 bytes"));
  cr_assert_eq(dsql_listen(&l, x.rt, t, "\xc3", heard_on_event, &h, NULL, &e), DSQL_EINVAL);
  cr_assert(str_has(e->message, "UTF-8"));
  cr_assert_eq(dsql_listen(&l, x.rt, t, "a", heard_on_event, &h, &o, &e), DSQL_EINVAL);
  cr_assert(str_has(e->message, "dsql_listen_options_init"));
  cr_assert_eq(dsql_listener_add(NULL, "a"), DSQL_EINVAL);
  cr_assert_eq(dsql_listener_remove(NULL, "a"), DSQL_EINVAL);
  dsql_target_free(t);
}
