#include "target/aws_file.h"

#include <string.h>

#include "target/show.h"

struct parser {
  struct aws_files *files;
  enum aws_file_kind kind;
  const char *path;
  size_t line;
  struct aws_profile *section;  /* NULL: none yet, or one that is skipped */
  bool any_section;             /* skipped ones count */
  bool profile_default;         /* "[profile default]" was there */
  bool in_property, nested;     /* a property can go on; it goes on with settings of its own */
  size_t indent;                /* of its line */
  char **value, **nested_value; /* where it goes; NULL: it is none that we use */
  struct fault *fault;
};

static bool space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static bool comment(char c) { return c == '#' || c == ';'; }
static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

static dsql_str trim(dsql_str s) {
  while (s.len && space(s.ptr[s.len - 1])) s.len--;
  for (; s.len && space(*s.ptr); s.len--) s.ptr++;
  return s;
}

static bool same(dsql_str a, const char *b) { return strlen(b) == a.len && memcmp(a.ptr, b, a.len) == 0; }

static bool same_without_case(dsql_str a, const char *b) {
  size_t i = 0;
  while (i < a.len && b[i] && lower(a.ptr[i]) == b[i]) i++;
  return i == a.len && !b[i];
}

static int no_memory(const struct parser *p) { return fault_set(p->fault, DSQL_ENOMEM, "out of memory"); }

/* The line itself is never shown: it may be a secret. */
static int line_fault(const struct parser *p, const char *problem) {
  return fault_set(p->fault, DSQL_EINVAL, "AWS %s file \"%s\", line %zu: %s",
                   p->kind == AWS_FILE_CONFIG ? "config" : "credentials", show_text(p->path, strlen(p->path)).text,
                   p->line, problem);
}

/* ---- sections ---- */

static bool name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("_-/.%@:+", c));
}

/* Whether it can be one; takes the quotes off. */
static bool section_name(dsql_str *name, bool spaces) {
  dsql_str s = trim(*name);
  bool quoted = s.len >= 2 && (*s.ptr == '"' || *s.ptr == '\'') && s.ptr[s.len - 1] == *s.ptr;

  if (quoted) s = trim((dsql_str){s.ptr + 1, s.len - 2});
  for (size_t i = 0; i < s.len; i++)
    if (!quoted && !name_byte(s.ptr[i]) && !(spaces && s.ptr[i] == ' ')) return false;
  *name = s;
  return s.len > 0;
}

/* "profile NAME" -> the word's index and NAME; -1: no such word. */
static int section_word(dsql_str *s) {
  static const char *const words[] = {[AWS_SECTION_PROFILE] = "profile",
                                      [AWS_SECTION_SSO_SESSION] = "sso-session",
                                      [AWS_SECTION_SERVICES] = "services"};

  for (int i = 0; i < 3; i++) {
    size_t n = strlen(words[i]);
    if (s->len <= n || memcmp(s->ptr, words[i], n) || !(space(s->ptr[n]) || strchr("\"'", s->ptr[n]))) continue;
    *s = (dsql_str){s->ptr + n, s->len - n};
    return i;
  }
  return -1;
}

void aws_profile_clear(const struct aws_files *files, struct aws_profile *s) {
  char **const endpoints[] = {&s->sts_endpoint_url, &s->sso_endpoint_url, &s->sso_oidc_endpoint_url};

  for (size_t i = 0; i < AWS_SETTING_COUNT + 3; i++) {
    char **value = i < AWS_SETTING_COUNT ? &s->values[i] : endpoints[i - AWS_SETTING_COUNT];
    if (*value) mem_free_secret(files->alloc, *value, strlen(*value) + 1);
    *value = NULL;
  }
}

static struct aws_profile *find_section(const struct parser *p, enum aws_section kind, dsql_str name) {
  for (size_t i = 0; i < p->files->count; i++) {
    struct aws_profile *s = &p->files->profiles[i];
    if (s->section == kind && same(name, s->name)) return s;
  }
  return NULL;
}

/* The array doubles at every power of two. */
static int add_section(struct parser *p, enum aws_section kind, dsql_str name) {
  struct aws_files *files = p->files;
  struct aws_profile *grown = files->profiles;

  if ((files->count & (files->count - 1)) == 0)
    grown = mem_realloc(files->alloc, grown, (files->count ? files->count * 2 : 1) * sizeof *grown);
  if (!grown) return no_memory(p);
  files->profiles = grown;
  p->section = &grown[files->count];
  *p->section = (struct aws_profile){.section = kind, .name = mem_strndup(files->alloc, name.ptr, name.len)};
  if (!p->section->name) return no_memory(p);
  files->count++;
  return 0;
}

static int open_section(struct parser *p, int word, dsql_str name) {
  enum aws_section kind = word < 0 ? AWS_SECTION_PROFILE : (enum aws_section)word;

  if (p->kind == AWS_FILE_CONFIG && kind == AWS_SECTION_PROFILE && same(name, "default")) {
    if (word < 0 && p->profile_default) return 0;
    p->section = find_section(p, kind, name);
    if (word >= 0 && p->section && !p->profile_default) aws_profile_clear(p->files, p->section);
    if (word >= 0) p->profile_default = true;
  }
  if (!p->section) p->section = find_section(p, kind, name);
  return p->section ? 0 : add_section(p, kind, name);
}

static int section_line(struct parser *p, dsql_str line) {
  const char *end = memchr(line.ptr, ']', line.len);
  dsql_str name, rest;
  int word;

  if (!end) return line_fault(p, "\"]\" is missing");
  name = trim((dsql_str){line.ptr + 1, (size_t)(end - line.ptr) - 1});
  rest = trim((dsql_str){end + 1, (size_t)(line.ptr + line.len - end) - 1});
  if (rest.len && !comment(*rest.ptr)) return line_fault(p, "nothing but a comment may follow \"]\"");
  p->any_section = true;
  p->in_property = false;
  p->section = NULL;
  word = section_word(&name);
  if (!section_name(&name, p->kind == AWS_FILE_CREDENTIALS)) return 0;
  if (p->kind == AWS_FILE_CREDENTIALS ? word >= 0 : word < 0 && !same(name, "default")) return 0;
  return open_section(p, word, name);
}

/* ---- settings ---- */

static int store(const struct parser *p, char **slot, dsql_str value) {
  char *copy = NULL;

  if (!slot) return 0;
  if (value.len) {
    copy = mem_strndup(p->files->alloc, value.ptr, value.len);
    if (!copy) return no_memory(p);
  }
  if (*slot) mem_free_secret(p->files->alloc, *slot, strlen(*slot) + 1);
  *slot = copy;
  return 0;
}

/* A value that goes on in the next line has a newline there. */
static int append(const struct parser *p, char **slot, dsql_str more) {
  size_t n = slot && *slot ? strlen(*slot) : 0;
  char *joined;

  if (!slot || !*slot) return store(p, slot, more);
  joined = mem_alloc(p->files->alloc, n + more.len + 2);
  if (!joined) return no_memory(p);
  memcpy(joined, *slot, n);
  joined[n] = '\n';
  memcpy(joined + n + 1, more.ptr, more.len);
  joined[n + 1 + more.len] = '\0';
  mem_free_secret(p->files->alloc, *slot, n + 1);
  *slot = joined;
  return 0;
}

static dsql_str without_comment(dsql_str line) {
  for (size_t i = 1; i < line.len; i++)
    if (comment(line.ptr[i]) && space(line.ptr[i - 1])) line.len = i;
  return line;
}

static int split(const struct parser *p, dsql_str line, dsql_str *name, dsql_str *value) {
  const char *equals = memchr(line.ptr, '=', line.len);

  if (!equals) return line_fault(p, "expected \"[section]\" or \"name = value\"");
  *name = trim((dsql_str){line.ptr, (size_t)(equals - line.ptr)});
  *value = trim((dsql_str){equals + 1, (size_t)(line.ptr + line.len - equals) - 1});
  return name->len ? 0 : line_fault(p, "the name before \"=\" is missing");
}

static char **find_setting(struct aws_profile *s, dsql_str name) {
  for (int i = 0; i < AWS_SETTING_COUNT; i++)
    if (same_without_case(name, aws_setting_name((enum aws_setting)i))) return &s->values[i];
  return NULL;
}

static char **find_endpoint(struct aws_profile *s, dsql_str service) {
  if (s->section != AWS_SECTION_SERVICES) return NULL;
  if (same_without_case(service, "sts")) return &s->sts_endpoint_url;
  if (same_without_case(service, "sso")) return &s->sso_endpoint_url;
  return same_without_case(service, "sso_oidc") ? &s->sso_oidc_endpoint_url : NULL;
}

static int property_line(struct parser *p, dsql_str line, size_t indent) {
  dsql_str name = {"", 0}, value = name;
  int rc = split(p, without_comment(line), &name, &value);

  if (rc) return rc;
  p->in_property = true;
  p->nested = value.len == 0;
  p->indent = indent;
  p->value = find_setting(p->section, name);
  p->nested_value = find_endpoint(p->section, name);
  return store(p, p->value, value);
}

static int continuation_line(struct parser *p, dsql_str line) {
  dsql_str name = {"", 0}, value = name;
  int rc;

  if (!p->nested) return append(p, p->value, line);
  rc = split(p, line, &name, &value);
  if (rc || !same_without_case(name, "endpoint_url")) return rc;
  return store(p, p->nested_value, value);
}

static int file_line(struct parser *p, dsql_str line) {
  dsql_str text = trim(line);
  size_t indent = (size_t)(text.ptr - line.ptr);
  bool continues;

  if (memchr(line.ptr, '\0', line.len)) return line_fault(p, "has a NUL byte; the file must be UTF-8 text");
  if (text.len == 0 || comment(*text.ptr)) return 0;
  continues = p->in_property && indent > p->indent;
  if (*text.ptr == '[' && !continues) return section_line(p, text);
  if (!p->any_section) return line_fault(p, "expected a \"[section]\" before the first setting");
  if (!p->section) return 0;
  return continues ? continuation_line(p, text) : property_line(p, text, indent);
}

int aws_file_parse(struct aws_files *files, enum aws_file_kind kind, const char *path, const char *text, size_t n,
                   struct fault *f) {
  struct parser p = {.files = files, .kind = kind, .path = path, .fault = f};
  const char *end = text + n;
  int rc = 0;

  if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) text += 3;
  while (rc == 0 && text < end) {
    const char *newline = memchr(text, '\n', (size_t)(end - text)), *stop = newline ? newline : end;
    p.line++;
    rc = file_line(&p, (dsql_str){text, (size_t)(stop - text)});
    text = newline ? newline + 1 : end;
  }
  return rc;
}
