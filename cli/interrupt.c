#include "interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static _Atomic(struct interrupt *) armed;

static void on_signal(int number) {
  struct interrupt *i = atomic_load(&armed);
  (void)number;
  if (i) uv_async_send(&i->async); /* async-signal-safe */
}

static void on_async(uv_async_t *handle) {
  struct interrupt *i = handle->data;
  i->came = true;
  if (i->future) dsql_future_cancel(i->future);
}

int interrupt_arm(struct interrupt *i, uv_loop_t *loop) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
  int status = uv_async_init(loop, &i->async, on_async);

  if (status) return status;
  i->async.data = i;
  i->future = NULL;
  i->came = false;
  uv_unref((uv_handle_t *)&i->async);
  atomic_store(&armed, i);
  sigemptyset(&action.sa_mask);
  (void)sigaction(SIGINT, &action, NULL);
  return 0;
}

void interrupt_disarm(struct interrupt *i) {
  struct sigaction action = {.sa_handler = SIG_DFL};

  sigemptyset(&action.sa_mask);
  (void)sigaction(SIGINT, &action, NULL);
  atomic_store(&armed, NULL);
  i->future = NULL;
  uv_close((uv_handle_t *)&i->async, NULL);
}
