#include "secrets.h"

#include "auth/sigv4.h"
#include "conn/target_object.h"
#include "sim.h"

enum { PASSWORDS_MAX = 100000, GAP_US = 999000 /* by a clock of whole milliseconds */ };

static const char CLUSTER[] = "abcdefghijklmnopqrstuvwxyz.dsql.us-east-1.on.aws";

static struct secrets {
  enum secret_kind kind;
  dsql_auth *auth;
  dsql_credentials *credentials;
  dsql_target *cluster; /* in DSQL mode, for its tokens */
  dsql_auth_request *auth_request;
  dsql_credentials_request *credentials_request;
  struct event answer;
  bool stopped, excused;
  unsigned excuses; /* for early questions: the server has refused an answer */
  bool invalidated; /* the token, since it came */
  uint64_t asked_us;
  unsigned asked, serial;
  /* of the tokens: what was seen last */
  uint64_t waits, hits, signings;
  bool used;
} secrets;

static bool well(void) {
  return !sim.faults.secret && !sim.faults.slow_secret && !sim.faults.password && !sim.faults.memory &&
         !secrets.excused;
}

bool secrets_asked(void) { return secrets.auth_request || secrets.credentials_request; }
/* One question for a password, and one for credentials behind it that are newer than it. */
void secrets_refused(void) {
  if (secrets.excuses < 4) secrets.excuses += 2;
  secrets.invalidated = true;
}

void secrets_excuse(void) { secrets.excused = true; }

/* ---- answers ---- */

static void answer_auth(bool fail) {
  dsql_auth_request *q = secrets.auth_request;
  int64_t expires_s = sim_chance(100) ? 0 : sim_wall_ms() / 1000 + (int64_t)sim_between(60, 3600);
  char password[64];

  secrets.auth_request = NULL;
  if (expires_s == 0) secrets_refused(); /* good for once */
  (void)snprintf(password, sizeof password, "pw %u %lld", ++secrets.serial, (long long)expires_s);
  if (fail)
    dsql_auth_fail(q, "the source is out of order");
  else
    dsql_auth_answer(q, password, expires_s);
}

static void answer_credentials(bool fail) {
  dsql_credentials_request *q = secrets.credentials_request;
  int64_t expires_s = sim_chance(300) ? 0 : sim_wall_ms() / 1000 + (int64_t)sim_between(1800, 7200);
  char key[32];

  secrets.credentials_request = NULL;
  if (sim_chance(300)) secrets.serial++;
  (void)snprintf(key, sizeof key, "AKIA%08u", secrets.serial);
  if (fail)
    dsql_credentials_fail(q, "the source is out of order");
  else
    dsql_credentials_answer(q, key, "not a secret", NULL, expires_s);
}

static void answer(bool fail) {
  sim_trace("the source of secrets %s", fail ? "fails" : "answers");
  if (secrets.auth_request) answer_auth(fail);
  if (secrets.credentials_request) answer_credentials(fail);
}

static void on_answer(struct event *e) {
  (void)e;
  answer(sim_chance(sim.faults.secret));
}

static void on_asked(void) {
  bool early = secrets.asked && sim.now_us - secrets.asked_us < GAP_US;

  sim_check(!early || secrets.excuses || secrets.excused, "the source of secrets is asked twice within a second");
  if (early && secrets.excuses) secrets.excuses--;
  sim_trace("the source of secrets is asked");
  secrets.asked++;
  secrets.asked_us = sim.now_us;
  if (secrets.stopped || sim_chance(200))
    on_answer(NULL);
  else
    sim_at(&secrets.answer, sim_scaled(sim_chance(sim.faults.slow_secret) ? 20000000 : 50000), on_answer);
}

static void want_password(dsql_auth_request *q, void *arg) {
  (void)arg;
  sim_check(!secrets.auth_request, "the source of passwords is asked twice at a time");
  secrets.auth_request = q;
  on_asked();
}

static void want_credentials(dsql_credentials_request *q, void *arg) {
  (void)arg;
  sim_check(!secrets.credentials_request, "the source of credentials is asked twice at a time");
  secrets.credentials_request = q;
  on_asked();
}

/* ---- what the server thinks of them ---- */

static const char *judge_static(const char *password) {
  return strcmp(password, "static") == 0 ? NULL : "the password is wrong";
}

static const char *judge_auth(const char *password) {
  unsigned serial = 0;
  long long expires_s = -1;
  sim_check(sscanf(password, "pw %u %lld", &serial, &expires_s) == 2, "an odd password: %s", password);
  sim_check(serial <= secrets.serial, "a password that was never given");
  return expires_s == 0 || expires_s * 1000 > sim_wall_ms() ? NULL : "Signature expired: it is later than that";
}

static const char *judge_token(const char *token) {
  const char *date = strstr(token, "X-Amz-Date="), *duration = strstr(token, "X-Amz-Expires=");
  int64_t signed_s;

  sim_check(date && duration && strlen(date) > 27 && sigv4_parse_date(date + 11, 16, &signed_s), "an odd token");
  return (signed_s + strtoll(duration + 14, NULL, 10)) * 1000 > sim_wall_ms() ? NULL : "Signature expired: too old";
}

static const char *judge(const char *password) {
  const char *why = secrets.kind == SECRET_STATIC ? judge_static(password)
                    : secrets.kind == SECRET_AUTH ? judge_auth(password)
                                                  : judge_token(password);
  if (!why && sim_chance(sim.faults.password)) why = sim_chance(500) ? "Signature expired" : "access denied";
  if (why) secrets_refused();
  return why;
}

const char *(*secrets_judge(enum secret_kind kind))(const char *password) { return kind == SECRET_NONE ? NULL : judge; }

/* ---- what must hold ---- */

/* A token that nobody has used is not renewed; so only a used one gives a right to its successor. */
static void check_tokens(void) {
  dsql_token_stats now;

  dsql_token_stats_get(secrets.cluster, &now, sizeof now);
  if (now.waits > secrets.waits && now.signings == secrets.signings)
    sim_check(!well() || !secrets.used || secrets.invalidated || !now.signings,
              "a connect waits although the last token was in use");
  /* In the turn of a signing it is not known which of the two tokens was used. */
  if (now.signings > secrets.signings)
    secrets.used = secrets.invalidated = false;
  else if (now.hits > secrets.hits)
    secrets.used = true;
  secrets.waits = now.waits;
  secrets.hits = now.hits;
  secrets.signings = now.signings;
}

void secrets_check(void) {
  if (secrets.kind == SECRET_TOKEN && secrets.cluster) check_tokens();
}

/* ---- from beginning to end ---- */

static dsql_target *target_of(dsql_rt *rt, const dsql_config *c) {
  const dsql_error *e = NULL;
  dsql_target *t = NULL;
  int rc = dsql_target_new(&t, rt, c, &e);
  sim_check(rc == 0, "no target: %.*s", e ? (int)e->message.len : 0, e ? e->message.ptr : "");
  return t;
}

static dsql_target *with_tokens(dsql_rt *rt, dsql_config *c) {
  dsql_config cluster;
  dsql_target *t = target_of(rt, c);

  dsql_config_init(&cluster);
  sim_check(dsql_credentials_new(&secrets.credentials, rt, want_credentials, NULL) == 0, "no credentials");
  cluster.target = CLUSTER;
  cluster.credentials = secrets.credentials;
  cluster.token_duration_s = (uint32_t)sim_between(60, 3600);
  secrets.cluster = target_of(rt, &cluster);
  t->password_source = secrets.cluster->password_source;
  password_source_ref(t->password_source);
  t->target->dsql = t->target->iam = true;
  return t;
}

dsql_target *secrets_open(dsql_rt *rt, enum secret_kind kind, dsql_config *c) {
  secrets = (struct secrets){.kind = kind};
  c->cleartext_without_tls = true;
  if (kind == SECRET_TOKEN) return with_tokens(rt, c);
  if (kind == SECRET_STATIC) c->password = "static";
  if (kind == SECRET_AUTH) {
    sim_check(dsql_auth_new(&secrets.auth, rt, want_password, NULL) == 0, "no source of passwords");
    c->auth = secrets.auth;
  }
  return target_of(rt, c);
}

void secrets_stop(void) {
  secrets.stopped = true;
  sim_stop(&secrets.answer);
  if (secrets_asked()) answer(sim_chance(500));
}

void secrets_free(void) {
  dsql_target_free(secrets.cluster);
  dsql_auth_free(secrets.auth);
  dsql_credentials_free(secrets.credentials);
  secrets.cluster = NULL;
}
