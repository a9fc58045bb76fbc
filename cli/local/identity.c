#include "local/identity.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "diagnostics.h"
#include "local/paths.h"

enum { FILE_SIZE = SESSION_TOKEN_SIZE + 2048, ACCESS_KEY_LEN = 20, SECRET_LEN = 40 };

static const char lower[] = "abcdefghijklmnopqrstuvwxyz0123456789";
static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
static const char any[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static bool draw(const char *alphabet, size_t n, char *out) {
  size_t count = strlen(alphabet), fair = 256 - 256 % count;
  unsigned char byte;

  for (size_t i = 0; i < n;) {
    if (RAND_bytes(&byte, 1) != 1) {
      diagnostics_say("local: no random numbers");
      return false;
    }
    if (byte < fair) out[i++] = alphabet[byte % count];
  }
  out[n] = '\0';
  return true;
}

/* ---- the file: name=value lines ---- */

static bool read_line(const char *text, const char *name, char *out, size_t size) {
  size_t n = strlen(name);

  for (; text; text = strchr(text, '\n')) {
    if (*text == '\n') text++;
    if (strncmp(text, name, n) != 0 || text[n] != '=') continue;
    size_t len = strcspn(text + n + 1, "\n");
    if (len >= size) return false;
    memcpy(out, text + n + 1, len);
    out[len] = '\0';
    return true;
  }
  return false;
}

static bool parse(struct identity *out, const char *text) {
  return read_line(text, "cluster_id", out->cluster_id, sizeof out->cluster_id) &&
         local_cluster_id_ok(out->cluster_id) && read_line(text, "region", out->region, sizeof out->region) &&
         read_line(text, "access_key_id", out->access_key_id, sizeof out->access_key_id) &&
         read_line(text, "secret_access_key", out->secret_access_key, sizeof out->secret_access_key) &&
         read_line(text, "session_token", out->session_token, sizeof out->session_token);
}

static bool save(const struct identity *i, const char *path) {
  char text[FILE_SIZE];
  int n = snprintf(text, sizeof text,
                   "cluster_id=%s\nregion=%s\naccess_key_id=%s\nsecret_access_key=%s\nsession_token=%s\n",
                   i->cluster_id, i->region, i->access_key_id, i->secret_access_key, i->session_token);
  bool ok = local_path_write_atomic(path, text, (size_t)n, 0600);

  if (!ok) diagnostics_say("local: cannot write %s: %s", path, strerror(errno));
  OPENSSL_cleanse(text, sizeof text);
  return ok;
}

/* ---- */

static bool set(char *out, size_t size, const char *value, const char *what) {
  if (strlen(value) >= size || strchr(value, '\n')) {
    diagnostics_say("local: the %s is too long, or has a line break inside", what);
    return false;
  }
  snprintf(out, size, "%s", value);
  return true;
}

static bool set_keys(struct identity *out, const struct local_options *o) {
  if (!o->access_key_id) return true;
  return set(out->access_key_id, KEY_SIZE, o->access_key_id, "access key id") &&
         set(out->secret_access_key, KEY_SIZE, o->secret_access_key, "secret access key") &&
         set(out->session_token, SESSION_TOKEN_SIZE, o->session_token ? o->session_token : "", "session token");
}

static bool make(struct identity *out, const struct local_options *o) {
  snprintf(out->region, sizeof out->region, "%s", o->region ? o->region : "us-east-1");
  if (o->cluster_id)
    snprintf(out->cluster_id, sizeof out->cluster_id, "%s", o->cluster_id);
  else if (!draw(lower, CLUSTER_ID_SIZE - 1, out->cluster_id))
    return false;
  memcpy(out->access_key_id, "AKIADSQLLOCAL", 13); /* shows in logs where it comes from */
  return draw(upper, ACCESS_KEY_LEN - 13, out->access_key_id + 13) && draw(any, SECRET_LEN, out->secret_access_key);
}

static bool same_cluster(const struct identity *i, const struct local_options *o, const char *dir) {
  if ((!o->cluster_id || strcmp(o->cluster_id, i->cluster_id) == 0) &&
      (!o->region || strcmp(o->region, i->region) == 0))
    return true;
  diagnostics_say("local: %s is cluster %s in %s: leave out --cluster-id and --region, or choose another --data", dir,
                  i->cluster_id, i->region);
  return false;
}

bool identity_load(struct identity *out, const struct local_options *o, const char *dir) {
  char path[LOCAL_PATH_SIZE], text[FILE_SIZE];
  bool ok;

  *out = (struct identity){.session_token = ""};
  if (!local_path_join(path, dir, "identity")) return false;
  if (!local_path_exists(path)) {
    ok = make(out, o);
  } else {
    ok = local_path_read(path, text, sizeof text) && parse(out, text);
    OPENSSL_cleanse(text, sizeof text);
    if (!ok) diagnostics_say("local: %s can't be read, or is damaged", path);
    ok = ok && same_cluster(out, o, dir);
  }
  snprintf(out->host, sizeof out->host, "%s.dsql.%s.on.aws", out->cluster_id, out->region);
  return ok && set_keys(out, o) && save(out, path);
}

void identity_forget(struct identity *i) { OPENSSL_cleanse(i, sizeof *i); }
