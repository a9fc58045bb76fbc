/* http.c - a request's life. User code never runs inside libcurl: a transfer that has ended queues a task. libcurl would
 * read the trusted roots on the loop, anew for each request: some 20 ms. So it gets them from http_roots.h, before which
 * no HTTPS request starts. */
#include "net/http.h"

#include <assert.h>
#include <limits.h>

#include "net/http_check.h"
#include "net/http_state.h"

/* ---- the end ---- */

static void free_call(struct http_call *c, const dsql_alloc *a) {
  buf_deinit(&c->answer);
  mem_free_secret(a, c, c->size);
}

/* Out of libcurl and of the list; libcurl closes the connection and tells on_socket. */
static void detach(struct http_call *c) {
  rt_unready(&c->task);
  list_remove(&c->node);
  http_roots_end(&c->roots);
  if (!c->easy) return;
  (void)curl_multi_remove_handle(c->client->multi, c->easy);
  curl_easy_cleanup(c->easy);
  c->easy = NULL;
}

static void run_done(struct rt_task *t) {
  struct http_call *c = LIST_ENTRY(t, struct http_call, task);
  struct dsql_rt *rt = c->client->rt;
  struct http_response r = {.date_s = c->date_s};
  long status = 0;

  if (!c->f.code) (void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
  detach(c);
  r.status = (int)status;
  r.body = (dsql_str){c->answer.len ? (const char *)c->answer.data : "", c->answer.len};
  c->finishing = true;
  c->done(c->owner, c->f.code ? NULL : &r, c->f.code ? &c->f : NULL);
  free_call(c, rt_alloc(rt));
  http_client_release(rt);
}

void http_cancel(struct http_call *c) {
  struct dsql_rt *rt;
  if (!c || c->finishing) return;
  rt = c->client->rt;
  detach(c);
  free_call(c, rt_alloc(rt));
  http_client_release(rt);
}

/* ---- the start ---- */

/* The time for the roots is part of the timeouts; 0 would be none. */
static long left_ms(const struct http_call *c, uint32_t timeout_ms) {
  uint64_t spent_ms = rt_now_ms(c->client->rt) - c->began_ms;
  return spent_ms < timeout_ms ? (long)((timeout_ms - spent_ms) & INT_MAX) : 1;
}

/* 0, ENOMEM. */
static int hand_over(struct http_call *c) {
  CURLcode code = curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, left_ms(c, c->connect_timeout_ms));
  if (code == CURLE_OK) code = curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, left_ms(c, c->timeout_ms));
  return code == CURLE_OK && curl_multi_add_handle(c->client->multi, c->easy) == CURLM_OK ? 0 : DSQL_ENOMEM;
}

static void on_roots(struct http_roots_use *use, const struct fault *f) {
  struct http_call *c = LIST_ENTRY(use, struct http_call, roots);
  if (c->f.code) return; /* it has ended meanwhile */
  if (f->code == DSQL_ETIMEDOUT)
    http_end_timed_out(c);
  else if (f->code || hand_over(c))
    http_end(c, f->code ? f->code : DSQL_ENOMEM, f->code ? f->text : "out of memory");
}

static int wait_for_roots(struct http_call *c, const char *ca_file) {
  int rc;
  c->roots = (struct http_roots_use){.loaded = on_roots, .deadline_ms = c->began_ms + http_no_connection_after_ms(c)};
  rc = http_roots_begin(&c->roots, &c->client->roots, c->client->rt, ca_file);
  return !rc && http_roots_ready(&c->roots) ? hand_over(c) : rc;
}

static int launch(struct http_call *c, const struct http_request *q, struct fault *f) {
  int rc = http_call_set_up(c, q, f);
  if (rc) return rc;
  list_push_back(&c->client->calls, &c->node);
  rc = http_roots_are_ours(c) ? wait_for_roots(c, q->ca_file) : hand_over(c);
  return rc ? fault_set(f, rc, "out of memory") : 0;
}

int http_start(struct http_call **out, struct dsql_rt *rt, const struct http_request *q, http_done *done, void *owner,
               struct fault *f) {
  struct http_client *client;
  struct http_call *c;
  int code;

  assert(q->method && q->url && done && (q->body || !q->body_len));
  *out = NULL;
  if (rt_closing(rt)) return fault_set(f, DSQL_ECANCELED, "the runtime is closing");
  code = http_check(q, f);
  if (code) return code;
  client = http_client_of(rt);
  c = client ? http_call_new(client, q) : NULL;
  if (!c) return fault_set(f, DSQL_ENOMEM, "out of memory");
  c->task.run = run_done;
  c->done = done;
  c->owner = owner;
  code = launch(c, q, f);
  if (code)
    http_cancel(c);
  else
    *out = c;
  return code;
}
