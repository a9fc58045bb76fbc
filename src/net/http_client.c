/* http_client.c - libcurl's multi interface in the runtime's loop. One struct http_client per runtime holds the multi
 * handle, from the first request to the runtime's close, so that resolved names are kept for the next one. libcurl tells
 * which sockets to watch (on_socket) and when to call it again (on_timeout); it is called only from our libuv callbacks. */
#include <uv.h>

#include "net/http_poll.h"
#include "net/http_state.h"

/* ---- libcurl as a whole ---- */

static uv_once_t once = UV_ONCE_INIT;
static CURLcode global_code;

static void global_init(void) { global_code = curl_global_init(CURL_GLOBAL_DEFAULT); }

/* Never undone: other users of libcurl in this process could not know. */
static bool libcurl_ready(void) {
  uv_once(&once, global_init);
  return global_code == CURLE_OK;
}

/* ---- what libcurl has finished ---- */

static struct http_call *call_of(CURL *easy) {
  char *call = NULL;
  (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
  return (struct http_call *)(void *)call;
}

static void take_messages(struct http_client *client) {
  const CURLMsg *m;
  int left;

  while ((m = curl_multi_info_read(client->multi, &left))) {
    struct http_call *c = m->msg == CURLMSG_DONE ? call_of(m->easy_handle) : NULL;
    if (!c) continue;
    if (m->data.result == CURLE_OPERATION_TIMEDOUT)
      http_end_timed_out(c);
    else if (m->data.result != CURLE_OK)
      http_end_failed(c, m->data.result);
    else
      rt_ready(client->rt, &c->task);
  }
}

static void end_all(struct http_client *client, int code, const char *why) {
  for (struct list *n = client->calls.next; n != &client->calls; n = n->next)
    http_end(LIST_ENTRY(n, struct http_call, node), code, why);
}

static void act(struct http_client *client, curl_socket_t fd, int events) {
  int running;
  CURLMcode code = curl_multi_socket_action(client->multi, fd, events, &running);
  take_messages(client);
  if (code != CURLM_OK)
    end_all(client, code == CURLM_OUT_OF_MEMORY ? DSQL_ENOMEM : DSQL_EIO, curl_multi_strerror(code));
}

/* ---- sockets ---- */

static void on_event(void *owner, int fd, int events) {
  int action = 0;
  if (events & HTTP_POLL_IN) action |= CURL_CSELECT_IN;
  if (events & HTTP_POLL_OUT) action |= CURL_CSELECT_OUT;
  if (events & HTTP_POLL_ERR) action |= CURL_CSELECT_ERR;
  act(owner, fd, action);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned) {
  struct http_client *client = arg;
  struct http_poll *p = assigned;
  struct http_call *c = call_of(easy);
  int events = 0;

  if (what == CURL_POLL_REMOVE) {
    (void)curl_multi_assign(client->multi, fd, NULL);
    http_poll_close(p);
    return 0;
  }
  if (what & CURL_POLL_IN) events |= HTTP_POLL_IN;
  if (what & CURL_POLL_OUT) events |= HTTP_POLL_OUT;
  if (!p) p = http_poll_new(client->rt, fd, on_event, client);
  (void)curl_multi_assign(client->multi, fd, p);
  /* Not -1, on which libcurl would give up every other transfer as well. */
  if ((!p || http_poll_set(p, events)) && c) http_end(c, DSQL_ENOMEM, "no memory to watch its socket with");
  return 0;
}

/* ---- time ---- */

static void on_timer(struct rt_timer *t) { act(LIST_ENTRY(t, struct http_client, timer), CURL_SOCKET_TIMEOUT, 0); }

static int on_timeout(CURLM *multi, long timeout_ms, void *arg) {
  struct http_client *client = arg;
  (void)multi;
  if (timeout_ms < 0)
    rt_timer_stop(client->rt, &client->timer);
  else
    rt_timer_start(client->rt, &client->timer, rt_now_ms(client->rt) + (uint64_t)timeout_ms);
  return 0;
}

/* ---- the client ---- */

/* Once it is closing and nobody uses it. The slot is asked, because a callback may have brought its end already. */
void http_client_release(struct dsql_rt *rt) {
  struct http_client *client = *rt_slot(rt, RT_SLOT_HTTP);
  if (!client || !client->closing || !list_empty(&client->calls)) return;
  (void)curl_multi_cleanup(client->multi);
  http_roots_clear(&client->roots);
  rt_timer_stop(rt, &client->timer);
  rt_closer_remove(rt, &client->closer);
  *rt_slot(rt, RT_SLOT_HTTP) = NULL;
  mem_free(rt_alloc(rt), client);
}

static void on_close(struct rt_closer *closer) {
  struct http_client *client = LIST_ENTRY(closer, struct http_client, closer);
  struct dsql_rt *rt = client->rt;
  client->closing = true;
  end_all(client, DSQL_ECANCELED, "canceled, because the runtime closes");
  http_client_release(rt);
}

static CURLM *new_multi(struct http_client *client) {
  CURLM *multi = libcurl_ready() ? curl_multi_init() : NULL;
  if (!multi) return NULL;
  (void)curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  (void)curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client);
  (void)curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout);
  (void)curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client);
  (void)curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
  return multi;
}

struct http_client *http_client_of(struct dsql_rt *rt) {
  struct http_client *client = *rt_slot(rt, RT_SLOT_HTTP);

  if (client) return client;
  client = mem_zalloc(rt_alloc(rt), sizeof *client);
  if (!client) return NULL;
  *client = (struct http_client){.closer.close = on_close, .rt = rt, .timer.fire = on_timer};
  list_init(&client->calls);
  client->multi = new_multi(client);
  if (!client->multi) {
    mem_free(rt_alloc(rt), client);
    return NULL;
  }
  rt_closer_add(rt, &client->closer);
  *rt_slot(rt, RT_SLOT_HTTP) = client;
  return client;
}
