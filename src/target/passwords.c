/* passwords.c - when no password is given, each host's is looked up in the passfile. A file that can't be used is
 * ignored, as in libpq; what is wrong with it is kept, to be told when the server asks for a password. */
#include <stdio.h>
#include <string.h>

#include "target/internal.h"
#include "target/passfile.h"

enum { PASSFILE_MAX = 1 << 20 };

static int keep_notice(struct resolver *r, const char *path, const char *problem) {
  int rc = notice_add(r, "password file \"%s\" was ignored: %s", show_text(path, strlen(path)).text, problem);

  if (rc == 0) r->t->passfile_notice = r->t->notices[r->t->notice_count - 1];
  return rc;
}

/* The socket directory's lines are written under "localhost". */
static const char *lookup_name(const struct target_host *h) {
  if (!h->host) return h->hostaddr;
  return strcmp(h->host, TARGET_SOCKET_DIR) == 0 ? "localhost" : h->host;
}

static int find_password(struct resolver *r, const struct buf *file, struct target_host *h) {
  char port[8];
  const struct passfile_key key = {lookup_name(h), port, r->t->dbname, r->t->user};
  struct buf password;
  int rc = 0;

  (void)snprintf(port, sizeof port, "%u", (unsigned)h->port);
  buf_init(&password, &r->t->alloc, PASSFILE_MAX);
  password.secret = true;
  if (passfile_find((const char *)file->data, file->len, &key, &password) && password.len)
    h->password = mem_strndup(&r->t->alloc, (const char *)password.data, password.len);
  if (!buf_ok(&password) || (password.len && !h->password)) rc = out_of_memory(r->fault);
  buf_deinit(&password);
  return rc;
}

static int read_passfile(struct resolver *r, const char *path) {
  struct buf file;
  int rc;

  buf_init(&file, &r->t->alloc, PASSFILE_MAX);
  file.secret = true;
  rc = r->env->read_file(r->env->ctx, path, &file);
  if (file.error == DSQL_ENOMEM)
    rc = out_of_memory(r->fault);
  else if (rc)
    rc = keep_notice(r, path, strerror(rc));
  else
    for (size_t i = 0; rc == 0 && file.len && i < r->t->host_count; i++) rc = find_password(r, &file, &r->t->hosts[i]);
  buf_deinit(&file);
  return rc;
}

int passwords_load(struct resolver *r) {
  const char *path;
  struct target_file info;
  int rc;

  r->t->password = conninfo_text(r->info, KEYWORD_password);
  if (r->t->password || r->t->iam || (r->t->dsql && r->config->auth)) return 0;
  if (!conninfo_text(r->info, KEYWORD_passfile) && r->t->home) {
    char *joined;
    rc = path_join(r, r->t->home, ".pgpass", &joined);
    if (rc == 0) rc = conninfo_set(r->info, KEYWORD_passfile, joined, strlen(joined), CONNINFO_DEFAULT, r->fault);
    mem_free(&r->t->alloc, joined);
    if (rc) return rc;
  }
  path = r->t->passfile = conninfo_text(r->info, KEYWORD_passfile);
  if (!path || r->env->stat(r->env->ctx, path, &info)) return 0;
  if (!info.regular) return keep_notice(r, path, "it is not a plain file");
  if (info.mode & 077)
    return keep_notice(r, path, "it has group or world access; permissions should be u=rw (0600) or less");
  return read_passfile(r, path);
}
