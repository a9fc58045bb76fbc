#include "target/aws_profile.h"

#include <errno.h>
#include <string.h>

#include "target/aws_file.h"
#include "target/show.h"

enum { AWS_FILE_MAX = 4 << 20, PATH_SIZE = 4096 };

const char *aws_setting_name(enum aws_setting s) {
#define X(name) #name,
  static const char *const names[] = {AWS_SETTING_MAP(X)};
#undef X
  return names[s];
}

static int no_memory(struct fault *f) { return fault_set(f, DSQL_ENOMEM, "out of memory"); }

static int in_home(const dsql_alloc *alloc, const struct target_env *env, const char *name, char **out,
                   struct fault *f) {
  const char *home = env->getenv(env->ctx, "HOME");
  char text[PATH_SIZE];
  struct buf path;

  if (!home || !*home) {
    if (env->home_dir(env->ctx, text, sizeof text)) return 0;
    home = text;
  }
  buf_init(&path, alloc, SIZE_MAX / 2);
  buf_put_str(&path, home);
  buf_put_cstr(&path, name);
  if (!buf_ok(&path)) buf_deinit(&path);
  *out = (char *)path.data;
  return *out ? 0 : no_memory(f);
}

/* What the variable says, else the name in the home directory; NULL when that is not known. */
static int find_path(const dsql_alloc *alloc, const struct target_env *env, const char *variable, const char *name,
                     char **out, struct fault *f) {
  const char *given = env->getenv(env->ctx, variable);
  char *path;
  int rc;

  *out = NULL;
  if (!given || !*given) return in_home(alloc, env, name, out, f);
  path = mem_strdup(alloc, given);
  if (!path) return no_memory(f);
  if (path[0] != '~' || (path[1] && path[1] != '/')) {
    *out = path;
    return 0;
  }
  rc = in_home(alloc, env, path + 1, out, f);
  mem_free(alloc, path);
  return rc;
}

static int read_fault(enum aws_file_kind kind, const char *path, int os_error, struct fault *f) {
  return fault_set(f, DSQL_EINVAL, "AWS %s file \"%s\" can't be read: %s",
                   kind == AWS_FILE_CONFIG ? "config" : "credentials", show_text(path, strlen(path)).text,
                   os_error == EFBIG ? "it is larger than 4 MiB" : strerror(os_error));
}

static int load_file(struct aws_files *files, const struct target_env *env, enum aws_file_kind kind, const char *path,
                     bool *found, struct fault *f) {
  struct buf text;
  int rc;

  if (!path) return 0;
  buf_init(&text, files->alloc, AWS_FILE_MAX);
  text.secret = true;
  rc = env->read_file(env->ctx, path, &text);
  *found = rc != ENOENT && rc != ENOTDIR;
  if (text.error == DSQL_ENOMEM)
    rc = no_memory(f);
  else if (rc)
    rc = *found ? read_fault(kind, path, rc, f) : 0;
  else if (text.len)
    rc = aws_file_parse(files, kind, path, (const char *)text.data, text.len, f);
  buf_deinit(&text);
  return rc;
}

int aws_files_load(struct aws_files *files, const dsql_alloc *alloc, const struct target_env *env, struct fault *f) {
  int rc;

  *files = (struct aws_files){.alloc = alloc};
  rc = find_path(alloc, env, "AWS_CONFIG_FILE", "/.aws/config", &files->config_path, f);
  if (rc == 0)
    rc = find_path(alloc, env, "AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials", &files->credentials_path, f);
  if (rc == 0) rc = load_file(files, env, AWS_FILE_CONFIG, files->config_path, &files->config_found, f);
  if (rc == 0) rc = load_file(files, env, AWS_FILE_CREDENTIALS, files->credentials_path, &files->credentials_found, f);
  if (rc) aws_files_deinit(files);
  return rc;
}

void aws_files_deinit(struct aws_files *files) {
  for (size_t i = 0; i < files->count; i++) {
    struct aws_profile *p = &files->profiles[i];
    aws_profile_clear(files, p);
    mem_free(files->alloc, p->name);
  }
  mem_free(files->alloc, files->profiles);
  mem_free(files->alloc, files->config_path);
  mem_free(files->alloc, files->credentials_path);
  *files = (struct aws_files){.alloc = files->alloc};
}

const struct aws_profile *aws_files_find(const struct aws_files *files, enum aws_section section, const char *name) {
  for (size_t i = 0; i < files->count; i++)
    if (files->profiles[i].section == section && strcmp(files->profiles[i].name, name) == 0) return &files->profiles[i];
  return NULL;
}

const char *aws_profile_name(const char *given, const struct target_env *env, bool *explicit_name) {
  const char *name = given && *given ? given : env->getenv(env->ctx, "AWS_PROFILE");

  *explicit_name = name && *name;
  return *explicit_name ? name : "default";
}
