#include "fake_uv.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>

#include "net.h"
#include "sim.h"

struct entry {
  uv_handle_t *handle; /* NULL: free */
  uv_handle_type type;
  bool active, unreferenced, closing, pending; /* pending: an async was sent */
  uint64_t due_ms;
  union {
    uv_timer_cb timer;
    uv_prepare_cb prepare;
    uv_check_cb check;
    uv_poll_cb poll;
    uv_async_cb async;
  } cb;
  uv_close_cb close_cb;
  int fd, events;
};

enum { HANDLES_MAX = 4096 };

static struct fake {
  uv_loop_t *loop;
  struct entry entries[HANDLES_MAX];
  int used, lookups;
} fake;

struct lookup {
  struct event event;
  uv_getaddrinfo_t *request;
  uv_getaddrinfo_cb cb;
  char node[64], service[8];
  bool canceled;
};

static struct entry *entry_of(const uv_handle_t *h) { return &fake.entries[h->u.fd]; }
static uint64_t now_ms(void) { return sim.now_us / 1000; }

static struct entry *add(uv_loop_t *loop, void *handle, uv_handle_type type) {
  uv_handle_t *h = handle;
  int i = 0;

  sim_check(loop == fake.loop, "a handle on another loop");
  while (i < fake.used && fake.entries[i].handle) i++;
  sim_check(i < HANDLES_MAX, "too many handles");
  if (i == fake.used) fake.used++;
  fake.entries[i] = (struct entry){.handle = h, .type = type};
  h->u.fd = i;
  h->loop = loop;
  return &fake.entries[i];
}

/* ---- the loop ---- */

void fake_uv_init(uv_loop_t *loop) {
  fake.loop = loop;
  fake.used = fake.lookups = 0;
  memset(loop, 0, sizeof *loop);
  loop->time = now_ms();
}

void fake_uv_deinit(void) { fake.loop = NULL; }

static bool run_timers(void) {
  bool any = false;
  for (int i = 0; i < fake.used; i++) {
    struct entry *e = &fake.entries[i];
    if (!e->handle || e->type != UV_TIMER || !e->active || e->due_ms > fake.loop->time) continue;
    e->active = false;
    e->cb.timer((uv_timer_t *)e->handle);
    any = true;
  }
  return any;
}

static void run_prepares(void) {
  for (int i = 0; i < fake.used; i++) {
    struct entry *e = &fake.entries[i];
    if (e->handle && e->type == UV_PREPARE && e->active) e->cb.prepare((uv_prepare_t *)e->handle);
  }
}

static void run_checks(void) {
  for (int i = 0; i < fake.used; i++) {
    struct entry *e = &fake.entries[i];
    if (e->handle && e->type == UV_CHECK && e->active) e->cb.check((uv_check_t *)e->handle);
  }
}

/* In an order that differs from turn to turn. */
static bool run_polls(void) {
  int first = (int)sim_below((uint64_t)fake.used), n = fake.used;
  bool any = false;

  for (int k = 0; k < n; k++) {
    struct entry *e = &fake.entries[(first + k) % n];
    int events;
    if (!e->handle || !e->active || e->closing) continue;
    if (e->type == UV_ASYNC && e->pending) {
      e->pending = false;
      e->cb.async((uv_async_t *)e->handle);
      any = true;
    }
    if (e->type != UV_POLL) continue;
    if (net_error(e->fd)) { /* as uv__poll_io() does it */
      e->active = false;
      e->cb.poll((uv_poll_t *)e->handle, UV_EBADF, 0);
      any = true;
      continue;
    }
    events = net_events(e->fd) & e->events;
    if (!events) continue;
    e->cb.poll((uv_poll_t *)e->handle, 0, events);
    any = true;
  }
  return any;
}

static bool run_closed(void) {
  bool any = false;
  for (int i = 0; i < fake.used; i++) {
    struct entry *e = &fake.entries[i];
    uv_handle_t *h = e->handle;
    if (!h || !e->closing) continue;
    e->handle = NULL;
    if (e->close_cb) e->close_cb(h);
    any = true;
  }
  return any;
}

static bool idle_runs(void) {
  for (int i = 0; i < fake.used; i++)
    if (fake.entries[i].handle && fake.entries[i].type == UV_IDLE && fake.entries[i].active) return true;
  return false;
}

bool fake_uv_turn(void) {
  bool any;
  fake.loop->time = now_ms();
  any = run_timers();
  run_prepares();
  any |= sim_run_due();
  fake.loop->time = now_ms();
  any |= run_polls();
  run_checks();
  any |= run_closed();
  return any || idle_runs();
}

uint64_t fake_uv_next_us(void) {
  uint64_t next = UINT64_MAX;
  for (int i = 0; i < fake.used; i++) {
    const struct entry *e = &fake.entries[i];
    if (e->handle && e->type == UV_TIMER && e->active && e->due_ms * 1000 < next) next = e->due_ms * 1000;
  }
  return next;
}

bool fake_uv_alive(void) {
  if (fake.lookups) return true;
  for (int i = 0; i < fake.used; i++) {
    const struct entry *e = &fake.entries[i];
    if (e->handle && (e->closing || (e->active && !e->unreferenced))) return true;
  }
  return false;
}

unsigned fake_uv_open(void) {
  unsigned n = (unsigned)fake.lookups;
  for (int i = 0; i < fake.used; i++) n += fake.entries[i].handle != NULL;
  return n;
}

/* ---- handles ---- */

void uv_close(uv_handle_t *h, uv_close_cb cb) {
  struct entry *e = entry_of(h);
  sim_check(e->handle == h && !e->closing, "a handle is closed twice");
  e->active = false;
  e->closing = true;
  e->close_cb = cb;
}

void uv_ref(uv_handle_t *h) { entry_of(h)->unreferenced = false; }
void uv_unref(uv_handle_t *h) { entry_of(h)->unreferenced = true; }
int uv_is_active(const uv_handle_t *h) { return entry_of(h)->active; }

int uv_idle_init(uv_loop_t *l, uv_idle_t *h) { return add(l, h, UV_IDLE) ? 0 : UV_EINVAL; }
int uv_prepare_init(uv_loop_t *l, uv_prepare_t *h) { return add(l, h, UV_PREPARE) ? 0 : UV_EINVAL; }
int uv_check_init(uv_loop_t *l, uv_check_t *h) { return add(l, h, UV_CHECK) ? 0 : UV_EINVAL; }
int uv_timer_init(uv_loop_t *l, uv_timer_t *h) { return add(l, h, UV_TIMER) ? 0 : UV_EINVAL; }

static int set_active(const void *handle, bool active) {
  struct entry *e = entry_of(handle);
  sim_check(e->handle == handle && (!e->closing || !active), "a closed handle is started");
  e->active = active;
  return 0;
}

int uv_idle_start(uv_idle_t *h, uv_idle_cb cb) {
  (void)cb; /* ours does nothing but keep the loop from waiting */
  return set_active(h, true);
}
int uv_idle_stop(uv_idle_t *h) { return set_active(h, false); }

int uv_prepare_start(uv_prepare_t *h, uv_prepare_cb cb) {
  entry_of((uv_handle_t *)h)->cb.prepare = cb;
  return set_active(h, true);
}
int uv_prepare_stop(uv_prepare_t *h) { return set_active(h, false); }

int uv_check_start(uv_check_t *h, uv_check_cb cb) {
  entry_of((uv_handle_t *)h)->cb.check = cb;
  return set_active(h, true);
}

int uv_timer_start(uv_timer_t *h, uv_timer_cb cb, uint64_t timeout, uint64_t repeat) {
  struct entry *e = entry_of((uv_handle_t *)h);
  sim_check(repeat == 0, "a repeating timer");
  e->cb.timer = cb;
  e->due_ms = fake.loop->time + timeout;
  return set_active(h, true);
}

int uv_async_init(uv_loop_t *l, uv_async_t *h, uv_async_cb cb) {
  struct entry *e = add(l, h, UV_ASYNC);
  e->cb.async = cb;
  e->active = true;
  return 0;
}
int uv_async_send(uv_async_t *h) {
  entry_of((uv_handle_t *)h)->pending = true;
  return 0;
}

int uv_poll_init(uv_loop_t *l, uv_poll_t *h, int fd) {
  if (sim_chance(sim.faults.memory / 4)) return UV_ENOMEM;
  add(l, h, UV_POLL)->fd = fd;
  return 0;
}
int uv_poll_start(uv_poll_t *h, int events, uv_poll_cb cb) {
  struct entry *e = entry_of((uv_handle_t *)h);
  e->cb.poll = cb;
  e->events = events;
  return set_active(h, events != 0);
}
int uv_poll_stop(uv_poll_t *h) { return set_active(h, false); }

/* ---- clocks, chance, threads ---- */

uint64_t uv_now(const uv_loop_t *l) { return l->time; }
void uv_update_time(uv_loop_t *l) { l->time = now_ms(); }
uint64_t uv_hrtime(void) { return sim.now_us * 1000; }

int uv_gettimeofday(uv_timeval64_t *t) {
  int64_t ms = sim_wall_ms();
  *t = (uv_timeval64_t){.tv_sec = ms / 1000, .tv_usec = (int32_t)(ms % 1000) * 1000};
  return 0;
}

int uv_random(uv_loop_t *l, uv_random_t *request, void *p, size_t n, unsigned flags, uv_random_cb cb) {
  (void)l, (void)request, (void)flags, (void)cb;
  for (size_t i = 0; i < n; i++) ((unsigned char *)p)[i] = (unsigned char)sim_random();
  return 0;
}

uv_thread_t uv_thread_self(void) { return 0; }
int uv_thread_equal(const uv_thread_t *a, const uv_thread_t *b) { return *a == *b; }
int uv_mutex_init(uv_mutex_t *m) {
  (void)m;
  return 0;
}
void uv_mutex_destroy(uv_mutex_t *m) { (void)m; }
void uv_mutex_lock(uv_mutex_t *m) { (void)m; }
void uv_mutex_unlock(uv_mutex_t *m) { (void)m; }

/* ---- errors ---- */

int uv_translate_sys_error(int e) { return -e; }

char *uv_strerror_r(int e, char *out, size_t n) {
  (void)snprintf(out, n, "system error %d", -e);
  return out;
}
const char *uv_strerror(int e) {
  (void)e;
  return "a failure of the simulation's";
}

/* ---- name lookup: one address, sometimes two, of which the first one may be dead ---- */

static struct addrinfo *address(struct addrinfo *next, unsigned port, unsigned last_byte) {
  struct sockaddr_in *in = sim_alloc(sizeof *in);
  struct addrinfo *a = sim_alloc(sizeof *a);
  in->sin_family = AF_INET;
  in->sin_port = htons((uint16_t)port);
  in->sin_addr.s_addr = htonl(0x0a000000u + last_byte);
  *a = (struct addrinfo){.ai_family = AF_INET,
                         .ai_socktype = SOCK_STREAM,
                         .ai_addr = (struct sockaddr *)(void *)in,
                         .ai_addrlen = sizeof *in,
                         .ai_next = next};
  return a;
}

static void looked_up(struct event *e) {
  struct lookup *l = LIST_ENTRY(e, struct lookup, event);
  uv_getaddrinfo_t *request = l->request;
  uv_getaddrinfo_cb cb = l->cb;
  unsigned port = (unsigned)strtoul(l->service, NULL, 10);
  int status = l->canceled ? UV_ECANCELED : sim_chance(sim.faults.refuse / 4) ? UV_EAI_NONAME : 0;
  struct addrinfo *list = status ? NULL : address(NULL, port, 1);

  if (list && sim_chance(200)) list = address(list, port, 2);
  request->reserved[0] = NULL;
  fake.lookups--;
  free(l);
  cb(request, status, list);
}

int uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *request, uv_getaddrinfo_cb cb, const char *node,
                   const char *service, const struct addrinfo *hints) {
  struct lookup *l = sim_alloc(sizeof *l);
  (void)loop, (void)hints;
  l->request = request;
  l->cb = cb;
  (void)snprintf(l->node, sizeof l->node, "%s", node);
  (void)snprintf(l->service, sizeof l->service, "%s", service);
  request->reserved[0] = l;
  fake.lookups++;
  sim_at(&l->event, sim_scaled(sim_chance(sim.faults.stall) ? 5000000 : 20000), looked_up);
  return 0;
}

void uv_freeaddrinfo(struct addrinfo *list) {
  while (list) {
    struct addrinfo *next = list->ai_next;
    free(list->ai_addr);
    free(list);
    list = next;
  }
}

/* Half of the lookups are running already. */
int uv_cancel(uv_req_t *request) {
  struct lookup *l = request->reserved[0];
  if (!l || sim_chance(500)) return UV_EBUSY;
  l->canceled = true;
  sim_at(&l->event, 0, looked_up);
  return 0;
}

/* ---- the thread pool ---- */

struct job {
  struct event event;
  uv_work_t *request;
  uv_work_cb run;
  uv_after_work_cb done;
};

static void job_done(struct event *e) {
  struct job j = *LIST_ENTRY(e, struct job, event);

  free(LIST_ENTRY(e, struct job, event));
  fake.lookups--;
  j.run(j.request);
  j.done(j.request, 0);
}

int uv_queue_work(uv_loop_t *l, uv_work_t *w, uv_work_cb run, uv_after_work_cb done) {
  struct job *j;

  (void)l;
  if (sim_chance(sim.faults.memory / 4)) return UV_ENOMEM;
  j = sim_alloc(sizeof *j);
  *j = (struct job){.request = w, .run = run, .done = done};
  fake.lookups++;
  sim_at(&j->event, sim_scaled(20000), job_done);
  return 0;
}

/* ---- what no simulated run calls: child processes, HTTP ---- */

#define UNREACHED(name) sim_violated("the simulation has no %s()", name)
int uv_run(uv_loop_t *l, uv_run_mode mode) {
  (void)l, (void)mode;
  UNREACHED("uv_run");
}
int uv_spawn(uv_loop_t *l, uv_process_t *p, const uv_process_options_t *o) {
  (void)l, (void)p, (void)o;
  UNREACHED("uv_spawn");
}
int uv_kill(int pid, int signal) {
  (void)pid, (void)signal;
  UNREACHED("uv_kill");
}
int uv_pipe_init(uv_loop_t *l, uv_pipe_t *p, int ipc) {
  (void)l, (void)p, (void)ipc;
  UNREACHED("uv_pipe_init");
}
int uv_read_start(uv_stream_t *s, uv_alloc_cb a, uv_read_cb r) {
  (void)s, (void)a, (void)r;
  UNREACHED("uv_read_start");
}
int uv_read_stop(uv_stream_t *s) {
  (void)s;
  UNREACHED("uv_read_stop");
}
int uv_fileno(const uv_handle_t *h, uv_os_fd_t *fd) {
  (void)h, (void)fd;
  UNREACHED("uv_fileno");
}
uv_buf_t uv_buf_init(char *base, unsigned len) { return (uv_buf_t){.base = base, .len = len}; }
int uv_poll_init_socket(uv_loop_t *l, uv_poll_t *h, uv_os_sock_t s) {
  (void)l, (void)h, (void)s;
  UNREACHED("uv_poll_init_socket");
}
int uv_backend_timeout(const uv_loop_t *l) {
  (void)l;
  UNREACHED("uv_backend_timeout");
}
void uv_once(uv_once_t *guard, void (*fn)(void)) {
  (void)guard, (void)fn;
  UNREACHED("uv_once");
}
