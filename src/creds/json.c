/* json.c - jansson's values, looked at and cleansed. Its error texts quote the input, so only their position is used. */
#include "creds/json.h"

#include <jansson.h>

static void cleanse_string(const json_t *string) {
  size_t n = json_string_length(string);
  char *text = (char *)json_string_value(string); /* heap memory of jansson's, about to be freed */
  if (n) mem_cleanse(text, n);
}

/* jansson bounds the depth of what it parses (2048), and so this recursion. */
static void cleanse(json_t *value) {
  const char *key;
  json_t *member;
  size_t i;

  if (json_is_string(value)) cleanse_string(value);
  json_object_foreach(value, key, member) cleanse(member);
  json_array_foreach(value, i, member) cleanse(member);
}

static void drop(json_t *root) {
  if (!root) return;
  cleanse(root);
  json_decref(root);
}

static json_t *load(const char *text, size_t n, json_error_t *e) {
  return json_loadb(text, n, JSON_REJECT_DUPLICATES, e);
}

static int no_json(const json_error_t *e, struct fault *f) {
  if (json_error_code(e) == json_error_out_of_memory) return fault_set(f, DSQL_ENOMEM, "out of memory");
  return fault_set(f, DSQL_EPROTO, "it is not valid JSON (line %d, column %d)", e->line, e->column);
}

/* A member that may be missing or null: *out is NULL then. */
static int optional_text(const json_t *object, const char *name, const char **out, struct fault *f) {
  const json_t *value = name ? json_object_get(object, name) : NULL;

  *out = NULL;
  if (!value || json_is_null(value)) return 0;
  if (!json_is_string(value)) return fault_set(f, DSQL_EPROTO, "\"%s\" is not a string", name);
  *out = json_string_value(value);
  return 0;
}

static int text_of(const json_t *object, const char *name, const char **out, struct fault *f) {
  int rc = optional_text(object, name, out, f);

  if (rc) return rc;
  if (!*out) return fault_set(f, DSQL_EPROTO, "\"%s\" is missing", name);
  return **out ? 0 : fault_set(f, DSQL_EPROTO, "\"%s\" is empty", name);
}

static int expiration_of(const json_t *object, const struct json_names *names, int64_t *out, struct fault *f) {
  const json_t *value = names->expiration ? json_object_get(object, names->expiration) : NULL;

  *out = 0;
  if (!value || json_is_null(value)) return 0;
  if (names->expiration_ms) {
    if (!json_is_integer(value) || json_integer_value(value) <= 0)
      return fault_set(f, DSQL_EPROTO, "\"%s\" is not a number of milliseconds since 1970", names->expiration);
    *out = json_integer_value(value) < 1000 ? 1 : json_integer_value(value) / 1000; /* 0 means never */
    return 0;
  }
  if (!json_is_string(value) || !json_time(json_string_value(value), json_string_length(value), out))
    return fault_set(f, DSQL_EPROTO, "\"%s\" is not a time like 2026-11-21T10:00:00Z", names->expiration);
  return 0;
}

static int check_version(const json_t *root, struct fault *f) {
  const json_t *version = json_object_get(root, "Version");

  if (!version) return fault_set(f, DSQL_EPROTO, "\"Version\" is missing; it must be 1");
  if (!json_is_integer(version) || json_integer_value(version) != 1)
    return fault_set(f, DSQL_EPROTO, "\"Version\" is not 1, the only version there is");
  return 0;
}

static int read_credentials(const json_t *root, const struct json_names *names, const dsql_alloc *alloc,
                            struct credentials *out, struct fault *f) {
  const json_t *object = names->object ? json_object_get(root, names->object) : root;
  const char *id, *secret, *token;
  int64_t expires_s;
  int rc = json_is_object(root) ? 0 : fault_set(f, DSQL_EPROTO, "it is not a JSON object");

  if (rc == 0 && names->version_1) rc = check_version(root, f);
  if (rc == 0 && !json_is_object(object)) rc = fault_set(f, DSQL_EPROTO, "\"%s\" is not an object", names->object);
  if (rc == 0) rc = text_of(object, names->access_key_id, &id, f);
  if (rc == 0) rc = text_of(object, names->secret_access_key, &secret, f);
  if (rc == 0) rc = optional_text(object, names->session_token, &token, f);
  if (rc == 0) rc = expiration_of(object, names, &expires_s, f);
  return rc ? rc : credentials_set(out, alloc, id, secret, token, expires_s, f);
}

int json_credentials(const char *text, size_t n, const struct json_names *names, const dsql_alloc *alloc,
                     struct credentials *out, struct fault *f) {
  json_error_t e;
  json_t *root = load(text, n, &e);
  int rc = root ? read_credentials(root, names, alloc, out, f) : no_json(&e, f);

  drop(root);
  mem_cleanse(&e, sizeof e); /* its text may quote a value */
  return rc;
}

bool json_text_member(const char *text, size_t n, const char *member, struct buf *out) {
  json_error_t e;
  json_t *root = load(text, n, &e);
  const json_t *value = json_object_get(root, member);
  bool found = json_is_string(value);

  if (found) buf_put_cstr(out, json_string_value(value));
  drop(root);
  mem_cleanse(&e, sizeof e);
  return found && buf_ok(out);
}

bool json_integer_member(const char *text, size_t n, const char *member, int64_t *out) {
  json_error_t e;
  json_t *root = load(text, n, &e);
  const json_t *value = json_object_get(root, member);
  bool found = json_is_integer(value);

  if (found) *out = json_integer_value(value);
  drop(root);
  mem_cleanse(&e, sizeof e);
  return found;
}
