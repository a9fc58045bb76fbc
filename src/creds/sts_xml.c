#include "creds/sts_xml.h"

#include <expat.h>

enum { FIELD_MAX = 32 * 1024 };

struct element {
  const char *parent, *name;
};

static const struct element elements[STS_FIELD_COUNT] = {
    [STS_ACCESS_KEY_ID] = {"Credentials", "AccessKeyId"},
    [STS_SECRET_ACCESS_KEY] = {"Credentials", "SecretAccessKey"},
    [STS_SESSION_TOKEN] = {"Credentials", "SessionToken"},
    [STS_EXPIRATION] = {"Credentials", "Expiration"},
    [STS_CODE] = {"Error", "Code"},
    [STS_MESSAGE] = {"Error", "Message"},
};

struct reader {
  XML_Parser parser;
  struct sts_answer *out;
  struct fault *fault;
  const char *group; /* "Credentials" or "Error": the element that is open */
  int depth, group_depth;
  struct buf *field; /* that is being read */
};

/* ---- expat's memory: no hook can be given to it, but its blocks can be cleansed. The size stands in front. ---- */
enum { HEADER = 16 };

static void *xml_alloc(size_t n) {
  char *block = n <= SIZE_MAX - HEADER ? mem_alloc(&mem_default, n + HEADER) : NULL;
  if (!block) return NULL;
  memcpy(block, &n, sizeof n);
  return block + HEADER;
}

static size_t xml_size(const void *p) {
  size_t n;
  memcpy(&n, (const char *)p - HEADER, sizeof n);
  return n;
}

static void xml_free(void *p) {
  if (p) mem_free_secret(&mem_default, (char *)p - HEADER, xml_size(p) + HEADER);
}

static void *xml_realloc(void *p, size_t n) {
  void *larger = xml_alloc(n);
  if (!larger || !p) return larger;
  memcpy(larger, p, n < xml_size(p) ? n : xml_size(p));
  xml_free(p);
  return larger;
}

/* ---- events ---- */
static void refuse(struct reader *r, const char *what) {
  (void)fault_set(r->fault, DSQL_EPROTO, "the answer %s", what);
  (void)XML_StopParser(r->parser, XML_FALSE);
}

static void on_doctype(void *user, const XML_Char *name, const XML_Char *system, const XML_Char *public, int internal) {
  (void)name, (void)system, (void)public, (void)internal;
  refuse(user, "has a document type declaration");
}

static struct buf *field_of(const struct reader *r, const char *name) {
  for (size_t i = 0; r->group && i < STS_FIELD_COUNT; i++)
    if (strcmp(elements[i].parent, r->group) == 0 && strcmp(elements[i].name, name) == 0) return &r->out->fields[i];
  return NULL;
}

/* Only these two groups have fields of ours, at whatever depth: <X><XResult><Credentials>, <ErrorResponse><Error>. */
static const char *group_of(const char *name) {
  if (strcmp(name, "Credentials") == 0) return "Credentials";
  return strcmp(name, "Error") == 0 ? "Error" : NULL;
}

static void on_start(void *user, const XML_Char *name, const XML_Char **attributes) {
  struct reader *r = user;

  (void)attributes;
  r->depth++;
  if (r->field) {
    refuse(r, "has elements inside a text");
  } else if (!r->group) {
    r->group = group_of(name);
    r->group_depth = r->depth;
  } else if (r->depth == r->group_depth + 1) {
    r->field = field_of(r, name);
    if (r->field && r->field->len) refuse(r, "says the same thing twice");
  }
}

static void on_text(void *user, const XML_Char *text, int n) {
  struct reader *r = user;

  if (!r->field) return;
  buf_put(r->field, text, (size_t)n);
  if (!buf_ok(r->field)) refuse(r, "has a text that is too long");
}

static void on_end(void *user, const XML_Char *name) {
  struct reader *r = user;

  (void)name;
  if (r->field) buf_put_u8(r->field, 0);
  if (r->group && r->depth == r->group_depth) r->group = NULL;
  r->field = NULL;
  r->depth--;
}

static int failure(struct reader *r) {
  for (size_t i = 0; i < STS_FIELD_COUNT; i++)
    if (r->out->fields[i].error == DSQL_ENOMEM) {
      fault_clear(r->fault);
      return fault_set(r->fault, DSQL_ENOMEM, "out of memory");
    }
  if (r->fault->code) return r->fault->code;
  if (XML_GetErrorCode(r->parser) == XML_ERROR_NO_MEMORY) return fault_set(r->fault, DSQL_ENOMEM, "out of memory");
  return fault_set(r->fault, DSQL_EPROTO, "the answer is not XML (line %lu): %s",
                   (unsigned long)XML_GetCurrentLineNumber(r->parser), XML_ErrorString(XML_GetErrorCode(r->parser)));
}

int sts_answer_parse(struct sts_answer *out, const dsql_alloc *alloc, const char *xml, size_t n, struct fault *f) {
  static const XML_Memory_Handling_Suite memory = {xml_alloc, xml_realloc, xml_free};
  struct reader r = {.out = out, .fault = f};
  int rc = 0;

  for (size_t i = 0; i < STS_FIELD_COUNT; i++) {
    buf_init(&out->fields[i], alloc, FIELD_MAX);
    out->fields[i].secret = true;
  }
  if (n > INT32_MAX) return fault_set(f, DSQL_EPROTO, "the answer is too long");
  r.parser = XML_ParserCreate_MM(NULL, &memory, NULL);
  if (!r.parser) return fault_set(f, DSQL_ENOMEM, "out of memory");
  XML_SetUserData(r.parser, &r);
  XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
  XML_SetElementHandler(r.parser, on_start, on_end);
  XML_SetCharacterDataHandler(r.parser, on_text);
  if (XML_Parse(r.parser, xml, (int)n, 1) != XML_STATUS_OK) rc = failure(&r);
  XML_ParserFree(r.parser);
  return rc;
}

void sts_answer_deinit(struct sts_answer *a) {
  for (size_t i = 0; i < STS_FIELD_COUNT; i++) buf_deinit(&a->fields[i]);
}
