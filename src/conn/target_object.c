#include "conn/target_object.h"

#include <assert.h>

/* One load in the thread pool; it holds the target until it ends. */
struct tls_load {
  struct rt_work work;
  struct dsql_target *target;
  struct tls_context *context;
  struct tls_config config;
  struct fault fault;
  struct list waiters;
};

/* Files are looked at again at most once a second: a connect storm shall not become a stat storm. */
enum { CHECK_INTERVAL_MS = 1000 };

int target_object_new(struct dsql_target **out, struct dsql_rt *rt, struct target *target, struct fault *f) {
  struct dsql_target *t = mem_zalloc(rt_alloc(rt), sizeof *t);

  *out = t;
  if (!t) return fault_set(f, DSQL_ENOMEM, "out of memory");
  t->rt = rt;
  t->refs = 1;
  t->target = target;
  return 0;
}

struct dsql_target *target_object_ref(struct dsql_target *t) {
  t->refs++;
  return t;
}

void dsql_target_free(dsql_target *t) {
  if (!t || --t->refs) return;
  assert(!t->loading);
  password_source_unref(t->password_source);
  scram_cache_clear(&t->scram_cache);
  tls_context_unref(t->tls);
  target_unref(t->target);
  mem_free(rt_alloc(t->rt), t);
}

static const char *version_name(uint16_t version) {
  if (version == TARGET_TLS_1_2) return "TLSv1.2";
  return version == TARGET_TLS_1_3 ? "TLSv1.3" : NULL;
}

static void describe_config(const struct target *t, struct tls_config *c) {
  static const enum tls_verify verify[] = {TLS_VERIFY_NONE, TLS_VERIFY_CA, TLS_VERIFY_FULL};
  static const enum tls_cert_mode modes[] = {TLS_CERT_DISABLE, TLS_CERT_ALLOW, TLS_CERT_REQUIRE};

  *c = (struct tls_config){.verify = verify[t->verify],
                           .cert_mode = modes[t->sslcertmode],
                           .ca_file = t->sslrootcert,
                           .crl_file = t->sslcrl,
                           .crl_dir = t->sslcrldir,
                           .cert_file = t->sslcert,
                           .key_file = t->sslkey,
                           .key_password = t->sslpassword,
                           .min_version = version_name(t->ssl_min_version),
                           .max_version = version_name(t->ssl_max_version),
                           .key_log_file = t->sslkeylogfile};
}

static void load_run(struct rt_work *w) {
  struct tls_load *load = LIST_ENTRY(w, struct tls_load, work);
  (void)tls_context_load(load->context, &load->config, &load->fault);
}

static void load_done(struct rt_work *w) {
  struct tls_load *load = LIST_ENTRY(w, struct tls_load, work);
  struct dsql_target *t = load->target;
  struct list *node;

  t->loading = NULL;
  if (load->fault.code) {
    tls_context_unref(load->context);
    load->context = NULL;
  } else {
    tls_context_unref(t->tls);
    t->tls = load->context;
  }
  while ((node = list_pop_front(&load->waiters)) != NULL) {
    struct tls_waiter *waiter = LIST_ENTRY(node, struct tls_waiter, node);
    waiter->loaded(waiter, load->context, &load->fault);
  }
  mem_free(rt_alloc(t->rt), load);
  dsql_target_free(t);
}

static int load_start(struct dsql_target *t) {
  const dsql_alloc *a = rt_alloc(t->rt);
  struct tls_load *load = mem_zalloc(a, sizeof *load);

  if (!load) return DSQL_ENOMEM;
  list_init(&load->waiters);
  load->work = (struct rt_work){.run = load_run, .done = load_done};
  load->target = t;
  describe_config(t->target, &load->config);
  if (tls_context_new(&load->context, a) || rt_work_start(t->rt, &load->work)) {
    tls_context_unref(load->context);
    mem_free(a, load);
    return DSQL_ENOMEM;
  }
  t->loading = load;
  target_object_ref(t);
  return 0;
}

static bool current(struct dsql_target *t) {
  struct tls_config c;
  uint64_t now = rt_now_ms(t->rt);

  if (!t->tls) return false;
  if (now - t->checked_ms < CHECK_INTERVAL_MS) return true;
  describe_config(t->target, &c);
  if (tls_context_files_changed(t->tls, &c)) return false;
  t->checked_ms = now;
  return true;
}

int target_object_tls(struct dsql_target *t, struct tls_waiter *w, struct tls_context **out) {
  *out = NULL;
  if (!t->loading) {
    if (current(t)) {
      *out = t->tls;
      return 0;
    }
    t->checked_ms = rt_now_ms(t->rt);
    if (load_start(t)) return DSQL_ENOMEM;
  }
  list_push_back(&t->loading->waiters, &w->node);
  return 0;
}
