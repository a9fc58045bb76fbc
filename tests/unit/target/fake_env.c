#include "fake_env.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *fake_getenv(void *ctx, const char *name) {
  struct fake_env *e = ctx;
  size_t n = strlen(name);

  for (const char *line = e->vars; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
    size_t len = strcspn(line, "\n");
    if (strncmp(line, name, n) || line[n] != '=') continue;
    snprintf(e->value, sizeof e->value, "%.*s", (int)(len - n - 1), line + n + 1);
    return e->value;
  }
  return NULL;
}

static const struct fake_file *find(const struct fake_env *e, const char *path) {
  for (const struct fake_file *f = e->files; f && f->path; f++)
    if (strcmp(f->path, path) == 0) return f;
  return NULL;
}

static int fake_stat(void *ctx, const char *path, struct target_file *out) {
  const struct fake_file *f = find(ctx, path);

  if (!f) return ENOENT;
  *out = (struct target_file){!f->directory, f->directory, f->root, f->mode ? f->mode : 0600};
  return 0;
}

static int fake_read_file(void *ctx, const char *path, struct buf *out) {
  const struct fake_file *f = find(ctx, path);

  if (!f) return ENOENT;
  if (f->directory) return EISDIR;
  if (!f->text) return EACCES;
  buf_put_str(out, f->text);
  return buf_ok(out) ? 0 : out->error == DSQL_ENOMEM ? ENOMEM : EFBIG;
}

static int copy_name(const char *name, char *out, size_t size) {
  if (!name) return ENOENT;
  snprintf(out, size, "%s", name);
  return 0;
}

static int fake_home_dir(void *ctx, char *out, size_t size) {
  return copy_name(((struct fake_env *)ctx)->home, out, size);
}

static int fake_user_name(void *ctx, char *out, size_t size) {
  return copy_name(((struct fake_env *)ctx)->user, out, size);
}

void fake_env_init(struct fake_env *e) {
  *e = (struct fake_env){.home = "/home/os", .user = "os"};
  e->env = (struct target_env){e, fake_getenv, fake_stat, fake_read_file, fake_home_dir, fake_user_name};
  test_alloc_init(&e->heap);
}

struct target *fake_resolve_config(struct fake_env *e, const dsql_config *c) {
  struct target *t = (struct target *)1;
  int rc;

  fault_clear(&e->fault);
  rc = target_resolve(&t, &e->heap.hook, &e->env, c, &e->fault);
  cr_assert_eq(rc, e->fault.code);
  cr_assert_eq(!rc, t != NULL);
  cr_assert_eq(!rc, e->fault.text[0] == '\0');
  cr_assert_null(strstr(e->fault.text, "hunter"), "a secret leaked: %s", e->fault.text);
  return t;
}

struct target *fake_resolve(struct fake_env *e, const char *conninfo) {
  dsql_config c;

  dsql_config_init(&c);
  c.target = conninfo;
  return fake_resolve_config(e, &c);
}

static const char *or_dash(const char *s) { return s ? s : "-"; }

static const char *host_field(const struct target *t, const char *name) {
  static char text[32];
  size_t i = (size_t)(name[6] - '0');
  const struct target_host *h = &t->hosts[i];

  cr_assert_lt(i, t->host_count);
  name += strlen("hosts[0].");
  if (strcmp(name, "host") == 0) return or_dash(h->host);
  if (strcmp(name, "hostaddr") == 0) return or_dash(h->hostaddr);
  if (strcmp(name, "dial_name") == 0) return or_dash(h->dial_name);
  if (strcmp(name, "socket_path") == 0) return or_dash(h->socket_path);
  if (strcmp(name, "password") == 0) return or_dash(target_password(t, i));
  if (strcmp(name, "unix") == 0) return h->unix_socket ? "1" : "0";
  cr_assert_str_eq(name, "port");
  snprintf(text, sizeof text, "%u", (unsigned)h->port);
  return text;
}

static bool text_field(const struct target *t, const char *name, const char **out) {
  const struct {
    const char *name, *value;
  } fields[] = {{"user", t->user},
                {"dbname", t->dbname},
                {"password", t->password},
                {"application_name", t->application_name},
                {"options", t->options},
                {"client_encoding", t->client_encoding},
                {"timezone", t->timezone},
                {"geqo", t->geqo},
                {"sslrootcert", t->sslrootcert},
                {"sslcert", t->sslcert},
                {"sslkey", t->sslkey},
                {"sslpassword", t->sslpassword},
                {"sslcrl", t->sslcrl},
                {"sslcrldir", t->sslcrldir},
                {"sslkeylogfile", t->sslkeylogfile},
                {"requirepeer", t->requirepeer},
                {"require_auth", t->require_auth},
                {"region", t->region},
                {"profile", t->profile},
                {"sign_host", t->sign_host},
                {"notice", target_notice(t, 0)},
                {"notice 2", target_notice(t, 1)},
                {"passfile", t->passfile},
                {"passfile_notice", t->passfile_notice}};

  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    if (strcmp(fields[i].name, name)) continue;
    *out = or_dash(fields[i].value);
    return true;
  }
  return false;
}

static uint64_t number_field(const struct target *t, const char *name) {
  const struct {
    const char *name;
    uint64_t value;
  } fields[] = {{"host_count", t->host_count},
                {"dsql", t->dsql},
                {"iam", t->iam},
                {"token_duration", t->token_duration_s},
                {"load_balance", t->load_balance_random},
                {"session_attrs", (uint64_t)t->session_attrs},
                {"sslmode", (uint64_t)t->sslmode},
                {"explicit", t->sslmode_explicit},
                {"verify", (uint64_t)t->verify},
                {"negotiation", (uint64_t)t->sslnegotiation},
                {"system", t->sslrootcert_system},
                {"certmode", (uint64_t)t->sslcertmode},
                {"sni", t->sslsni},
                {"waits to be asked", t->wait_to_be_asked},
                {"min_version", t->ssl_min_version},
                {"max_version", t->ssl_max_version},
                {"channel_binding", (uint64_t)t->channel_binding},
                {"min_protocol", t->min_protocol},
                {"max_protocol", t->max_protocol},
                {"client_key", t->scram_client_key_set},
                {"client_key_last", t->scram_client_key[31]},
                {"server_key", t->scram_server_key_set},
                {"keepalives", t->keepalives},
                {"idle", t->keepalives_idle_s},
                {"interval", t->keepalives_interval_s},
                {"count", t->keepalives_count},
                {"user_timeout", t->tcp_user_timeout_ms},
                {"connect_timeout", t->connect_timeout_ms}};

  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
    if (strcmp(fields[i].name, name) == 0) return fields[i].value;
  cr_assert_fail("no field %s", name);
  return 0;
}

/* "=user" is the value shown, "@user" where it came from, "?user" whether it was given. */
static const char *setting(const struct target *t, const char *name) {
  static char text[300];
  dsql_setting s;

  for (size_t i = 0; target_setting(t, i, &s); i++) {
    if (strcmp(s.name, name + 1)) continue;
    if (*name == '?') return s.given ? "1" : "0";
    if (*name == '@') return s.source;
    snprintf(text, sizeof text, "%.*s", (int)s.value.len, s.value.ptr);
    return s.value.len ? text : "-";
  }
  cr_assert_fail("no setting %s", name);
  return NULL;
}

const char *fake_field(const struct target *t, const char *name) {
  static char text[32];
  const char *found;

  if (strchr("=@?", *name)) return setting(t, name);
  if (strncmp(name, "hosts[", 6) == 0) return host_field(t, name);
  if (text_field(t, name, &found)) return found;
  snprintf(text, sizeof text, "%llu", (unsigned long long)number_field(t, name));
  return text;
}

static void run_case(struct fake_env *e, size_t i, const struct fake_case *c) {
  struct target *t;

  e->vars = c->vars;
  t = fake_resolve(e, c->conninfo);
  if (!c->field) {
    cr_assert_null(t, "case %zu: %s: accepted", i, c->conninfo);
    cr_assert(strstr(e->fault.text, c->expected), "case %zu: %s: %s", i, c->conninfo, e->fault.text);
  } else {
    cr_assert(t, "case %zu: %s: %s", i, c->conninfo, e->fault.text);
    cr_assert_str_eq(fake_field(t, c->field), c->expected, "case %zu: %s: %s is %s", i, c->conninfo, c->field,
                     fake_field(t, c->field));
  }
  target_unref(t);
  test_alloc_assert_empty(&e->heap);
}

void fake_run(struct fake_env *e, const struct fake_case *cases, size_t n) {
  for (size_t i = 0; i < n; i++) run_case(e, i, &cases[i]);
}
