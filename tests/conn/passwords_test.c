/* Passwords from a callback: when it is asked, what its answers do, and what a refusal by the server does. */
#include <stdio.h>
#include <time.h>

#include "peer.h"

enum { KEPT = 16 };

static struct peer p;
static dsql_conn *c;
static dsql_auth *auth;

static struct {
  unsigned calls;
  dsql_auth_request *waiting; /* unless one of the next two answers at once */
  const char *answer, *failure;
  int64_t expires;
} source;

static void want(dsql_auth_request *q, void *arg) {
  cr_assert_eq(arg, &source);
  cr_assert_null(source.waiting, "asked twice at a time");
  source.calls++;
  if (source.answer)
    dsql_auth_answer(q, source.answer, source.expires);
  else if (source.failure)
    dsql_auth_fail(q, source.failure);
  else
    source.waiting = q;
}

static void answer(const char *secret, int64_t expires) {
  dsql_auth_request *q = source.waiting;
  source.waiting = NULL;
  dsql_auth_answer(q, secret, expires);
}

static void open_all(void) {
  memset(&source, 0, sizeof source);
  peer_open(&p, "");
  cr_assert_eq(dsql_auth_new(&auth, p.x.rt, want, &source), 0);
  p.config.auth = auth;
}

static void close_all(void) {
  dsql_auth_free(auth);
  peer_close(&p);
}

TestSuite(passwords, .init = open_all, .fini = close_all);

static void expect_password(const char *text) {
  size_t n;
  const uint8_t *body;

  peer_expect(&p, "p");
  body = peer_body(&p, 0, &n);
  cr_assert_eq(n, strlen(text) + 1);
  cr_assert_str_eq((const char *)body, text);
}

/* As far as the request for a password. */
static dsql_future *dial(void) {
  c = peer_dial(&p);
  return dsql_conn_ready(c);
}

static void serve_startup(const char *password) {
  peer_accept(&p, &p.main);
  cr_assert_not(peer_startup(&p, &p.main));
  peer_send(&p, "R3");
  expect_password(password);
}

static void finish(dsql_future *ready) {
  peer_send(&p, "R0 K Z:I");
  peer_succeeds(&p, ready);
  dsql_conn_close(c);
  peer_drop(&p.main);
}

static void refuse(const char *message, const char *hint) {
  char body[512];
  int n = snprintf(body, sizeof body, "SFATAL%cVFATAL%cC28000%cM%s%cH%s%c", 0, 0, 0, message, 0, hint, 0);
  peer_send_message(&p, 'E', body, (size_t)n + 1);
  peer_drop(&p.main);
}

Test(passwords, asked_once_and_kept_while_valid) {
  source.answer = "one";
  source.expires = time(NULL) + 1000;
  for (unsigned i = 0; i < 3; i++) {
    dsql_future *ready = dial();
    serve_startup("one");
    finish(ready);
    cr_assert_eq(source.calls, 1);
  }
}

Test(passwords, good_for_once_is_asked_for_every_time) {
  source.answer = "one";
  for (unsigned i = 0; i < 3; i++) {
    dsql_future *ready = dial();
    serve_startup("one");
    finish(ready);
    cr_assert_eq(source.calls, i + 1);
  }
}

Test(passwords, an_answer_may_come_later_and_serves_all_who_wait) {
  dsql_conn *conns[KEPT];
  dsql_future *ready[KEPT];

  for (size_t i = 0; i < KEPT; i++) {
    conns[i] = peer_dial(&p);
    ready[i] = dsql_conn_ready(conns[i]);
  }
  peer_turn_ms(&p, 30);
  cr_assert_eq(source.calls, 1);
  answer("later", 0);
  for (size_t i = 0; i < KEPT; i++) {
    serve_startup("later");
    peer_send(&p, "R0 K Z:I");
    peer_turn(&p);
    peer_drop(&p.main);
  }
  for (size_t i = 0; i < KEPT; i++) {
    peer_succeeds(&p, ready[i]);
    dsql_conn_close(conns[i]);
  }
  cr_assert_eq(source.calls, 1);
}

Test(passwords, what_the_source_can_get_wrong) {
  static const struct {
    const char *answer, *failure;
    int64_t expires;
    int code;
    const char *text;
  } cases[] = {{NULL, "the vault is sealed", 0, DSQL_ECREDENTIALS, "the vault is sealed"},
               {"", NULL, 0, DSQL_EINVAL, "empty password"},
               {"x", NULL, -5, DSQL_EINVAL, "Unix time"},
               {"x", NULL, INT64_MAX, DSQL_EINVAL, "Unix time"},
               {"x", NULL, 1760000000, DSQL_ECREDENTIALS, "had expired already"}};

  for (size_t i = 0; i < COUNT(cases); i++) {
    dsql_auth *own;
    dsql_future *ready;
    cr_assert_eq(dsql_auth_new(&own, p.x.rt, want, &source), 0);
    p.config.auth = own;
    source.answer = cases[i].answer;
    source.failure = cases[i].failure;
    source.expires = cases[i].expires;
    ready = dial();
    cr_assert_eq(peer_settle(&p, ready), cases[i].code, "%zu: %s", i, client_error_text(ready));
    cr_assert(str_has(dsql_future_error(ready)->message, cases[i].text), "%s", client_error_text(ready));
    dsql_future_destroy(ready);
    dsql_conn_close(c);
    dsql_auth_free(own);
  }
}

Test(passwords, a_failure_holds_for_a_moment) {
  dsql_future *ready;

  source.failure = "not now";
  ready = dial();
  cr_assert_eq(peer_settle(&p, ready), DSQL_ECREDENTIALS);
  dsql_future_destroy(ready);
  dsql_conn_close(c);
  ready = dial();
  cr_assert_eq(peer_settle(&p, ready), DSQL_ECREDENTIALS);
  cr_assert(str_has(dsql_future_error(ready)->message, "not now"));
  dsql_future_destroy(ready);
  dsql_conn_close(c);
  cr_assert_eq(source.calls, 1, "a source that fails is not asked in a tight loop");
}

Test(passwords, an_expired_signature_is_tried_once_more_with_a_fresh_password) {
  dsql_future *ready;

  source.answer = "old";
  source.expires = time(NULL) + 1000;
  ready = dial();
  serve_startup("old");
  source.answer = "new";
  refuse("unable to accept connection, access denied",
         "Signature expired: 20261121T100000Z is now earlier than 20261121T101000Z (20261121T102500Z - 15 min.)");
  serve_startup("new");
  finish(ready);
  cr_assert_eq(source.calls, 2);
}

Test(passwords, refused_again_it_fails) {
  dsql_future *ready;
  unsigned calls;

  source.answer = "old";
  source.expires = time(NULL) + 1000;
  ready = dial();
  for (int i = 0; i < 2; i++) {
    serve_startup("old");
    refuse("unable to accept connection, access denied", "Signature expired: 20200101T000000Z is now earlier than now");
  }
  cr_assert_eq(peer_settle(&p, ready), DSQL_EAUTH);
  cr_assert(str_has(dsql_future_error(ready)->message, "was refused as well"), "%s", client_error_text(ready));
  cr_assert(str_has(dsql_future_error(ready)->hint, "Signature expired"));
  dsql_future_destroy(ready);
  dsql_conn_close(c);
  calls = source.calls;
  cr_assert_eq(calls, 2);
  source.answer = "third";
  ready = dial();
  serve_startup("third");
  finish(ready);
}

Test(passwords, another_refusal_is_final_but_not_kept) {
  dsql_future *ready;

  source.answer = "bad";
  source.expires = time(NULL) + 1000;
  ready = dial();
  serve_startup("bad");
  refuse("unable to accept connection, access denied", "");
  cr_assert_eq(peer_settle(&p, ready), DSQL_EAUTH);
  dsql_future_destroy(ready);
  dsql_conn_close(c);
  source.answer = "good";
  ready = dial();
  serve_startup("good");
  finish(ready);
  cr_assert_eq(source.calls, 2);
}

Test(passwords, a_server_that_lets_nobody_in_has_not_refused_the_password) {
  static const char *const refusals[] = {"F:53300", "F:53400", "F:57P03", "F:57P01", "F:3D000"};

  source.answer = "one";
  source.expires = time(NULL) + 1000;
  for (size_t i = 0; i < COUNT(refusals); i++) {
    dsql_future *ready = dial();
    serve_startup("one");
    peer_send(&p, refusals[i]);
    peer_drop(&p.main);
    cr_assert_eq(peer_settle(&p, ready), DSQL_ESERVER);
    dsql_future_destroy(ready);
    dsql_conn_close(c);
    cr_assert_eq(source.calls, 1, "%s: it was asked for again", refusals[i]);
  }
}

Test(passwords, a_connection_may_have_its_own) {
  dsql_auth *own;
  dsql_conn_options o;
  dsql_target *t;
  dsql_future *ready;

  p.config.auth = NULL;
  p.config.password = "of the target";
  p.config.target = p.conninfo;
  t = client_target_config(&p.x, &p.config);
  cr_assert_eq(dsql_auth_new(&own, p.x.rt, want, &source), 0);
  dsql_conn_options_init(&o);
  o.auth = own;
  source.answer = "of the connection";
  for (int i = 0; i < 2; i++) {
    cr_assert_eq(dsql_conn_open_with(&c, p.x.rt, t, i == 0 ? &o : NULL), 0);
    ready = dsql_conn_ready(c);
    serve_startup(i == 0 ? "of the connection" : "of the target");
    finish(ready);
  }
  dsql_auth_free(own);
  dsql_target_free(t);
}

Test(passwords, the_deadline_holds_while_the_source_thinks) {
  dsql_future *ready;

  p.config.connect_timeout_ms = 60;
  ready = dial();
  cr_assert_eq(peer_settle(&p, ready), DSQL_ETIMEDOUT);
  cr_assert(str_has(dsql_future_error(ready)->message, "password's source"), "%s", client_error_text(ready));
  dsql_future_destroy(ready);
  dsql_conn_close(c);
  answer("too late", 0);
}

/* As far as the password, which c has then sent; the link is kept for the answer. */
static struct peer_link send_password(const char *text) {
  struct peer_link sent;

  serve_startup(text);
  sent = p.main;
  p.main.fd = -1;
  return sent;
}

static void deny(const struct peer_link *sent, dsql_conn *whose, dsql_future *ready) {
  p.main = *sent;
  refuse("unable to accept connection, access denied", "");
  cr_assert_eq(peer_settle(&p, ready), DSQL_EAUTH);
  dsql_future_destroy(ready);
  dsql_conn_close(whose);
}

/* One that was good for once is not kept: its refusal says nothing about the one that is asked for meanwhile. */
Test(passwords, good_for_once_and_refused_while_another_is_asked_for) {
  dsql_future *first = dial(), *second;
  dsql_conn *one = c;
  struct peer_link sent;

  peer_turn(&p);
  answer("one", 0);
  sent = send_password("one");
  second = dial();
  peer_turn(&p);
  cr_assert_eq(source.calls, 2);
  deny(&sent, one, first);
  answer("two", 0);
  serve_startup("two");
  finish(second);
  cr_assert_eq(source.calls, 2);
}

/* What was asked for before a refusal is asked for once more, and then it is taken. */
Test(passwords, refused_while_one_for_once_is_asked_for) {
  dsql_future *ready[3];
  dsql_conn *conns[3];
  struct peer_link sent[2];

  source.answer = "one";
  source.expires = time(NULL) + 1000;
  for (size_t i = 0; i < 2; i++) {
    ready[i] = dial();
    conns[i] = c;
    sent[i] = send_password("one");
  }
  source.answer = NULL;
  deny(&sent[0], conns[0], ready[0]);
  ready[2] = dial();
  peer_turn(&p);
  cr_assert_eq(source.calls, 2);
  deny(&sent[1], conns[1], ready[1]);
  answer("two", 0);
  peer_turn(&p);
  cr_assert_eq(source.calls, 3);
  answer("three", 0);
  peer_turn(&p);
  cr_assert_null(source.waiting, "asked for ever");
  serve_startup("three");
  finish(ready[2]);
}

/* A host's part of the deadline is for the host: while the source is asked once more nothing is dialled, for what was
 * refused is refused by the next host as well, and that would be the end. */
Test(passwords, a_host_does_not_lose_its_turn_while_the_source_is_asked_again) {
  char twice[2 * sizeof p.conninfo];
  size_t n = strcspn(p.conninfo + 5, " ");
  dsql_future *ready;

  cr_assert_lt(snprintf(twice, sizeof twice, "host=%.*s,%s", (int)n, p.conninfo + 5, p.conninfo + 5),
               (int)sizeof twice);
  p.config.target = twice;
  p.config.connect_timeout_ms = 4000;
  source.answer = "old";
  source.expires = time(NULL) + 1000;
  ready = dial();
  serve_startup("old");
  source.answer = NULL;
  refuse("unable to accept connection, access denied", "Signature expired: 20200101T000000Z is now earlier than now");
  peer_turn_ms(&p, 2200);
  cr_assert_not_null(source.waiting);
  answer("new", 0);
  serve_startup("new");
  finish(ready);
}

Test(passwords, closing_while_the_source_thinks) {
  dsql_future *ready = dial();

  peer_turn(&p);
  dsql_conn_close(c);
  cr_assert_eq(dsql_future_code(ready), DSQL_ECLOSED);
  dsql_future_destroy(ready);
  answer("nobody listens", 0);
}

/* Everything of a runtime has to go before its close calls back. */
static void on_end(dsql_future *f, void *code) {
  *(int *)code = dsql_future_code(f);
  dsql_future_destroy(f);
  dsql_conn_close(c);
  answer("nobody listens", 0);
  dsql_auth_free(auth);
  auth = NULL;
}

Test(passwords, the_runtime_closes_while_the_source_thinks) {
  dsql_future *ready = dial();
  int code = 0;

  peer_turn(&p);
  cr_assert_not_null(source.waiting);
  cr_assert_eq(dsql_future_on_ready(ready, on_end, &code), 0);
  client_begin_close(&p.x);
  p.x.rt = NULL;
  while (code == 0) client_turn(&p.x);
  cr_assert_eq(code, DSQL_ECANCELED);
}

Test(passwords, renewed_in_the_background_while_used) {
  dsql_future *ready;

  source.answer = "one";
  source.expires = time(NULL) + 3;
  ready = dial();
  serve_startup("one");
  finish(ready);
  ready = dial(); /* used; and what is pending keeps the loop alive, as a server's own handles would */
  serve_startup("one");
  source.answer = "two";
  source.expires = time(NULL) + 1000;
  for (int i = 0; i < 100 && source.calls == 1; i++) peer_turn_ms(&p, 50);
  cr_assert_eq(source.calls, 2, "nobody had to ask");
  finish(ready);
  ready = dial();
  serve_startup("two");
  finish(ready);
  cr_assert_eq(source.calls, 2);
}

Test(passwords, arguments) {
  dsql_auth *a;
  cr_assert_eq(dsql_auth_new(NULL, p.x.rt, want, NULL), DSQL_EINVAL);
  cr_assert_eq(dsql_auth_new(&a, NULL, want, NULL), DSQL_EINVAL);
  cr_assert_eq(dsql_auth_new(&a, p.x.rt, NULL, NULL), DSQL_EINVAL);
  dsql_auth_free(NULL);
  dsql_auth_answer(NULL, "x", 0);
  dsql_auth_fail(NULL, "x");
}
