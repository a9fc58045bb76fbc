#include "backend_script.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

struct body {
  uint8_t data[8192];
  size_t len;
};

static void put(struct body *b, const void *p, size_t n) {
  if (n > sizeof b->data - b->len) abort();
  memcpy(b->data + b->len, p, n);
  b->len += n;
}

static void put_str(struct body *b, const char *s) { put(b, s, strlen(s) + 1); }
static void put_u8(struct body *b, unsigned v) { put(b, &(uint8_t){(uint8_t)v}, 1); }

static void put_u16(struct body *b, unsigned v) {
  uint8_t p[2];
  store_be16(p, (uint16_t)v);
  put(b, p, sizeof p);
}

static void put_u32(struct body *b, uint32_t v) {
  uint8_t p[4];
  store_be32(p, v);
  put(b, p, sizeof p);
}

void backend_script_message(struct backend_script *b, char type, const void *body, size_t n) {
  if (n > BACKEND_SCRIPT_MAX - b->len - 5 || b->count == BACKEND_SCRIPT_MESSAGES) abort();
  b->data[b->len] = (uint8_t)type;
  store_be32(b->data + b->len + 1, (uint32_t)n + 4);
  if (n) memcpy(b->data + b->len + 5, body, n);
  b->len += n + 5;
  b->ends[b->count++] = b->len;
}

/* Calls fn for each part of a comma-separated text; returns how many there are. */
static unsigned each_part(const char *text, void (*fn)(struct body *b, const char *part), struct body *b) {
  char part[512];
  unsigned count = 0;
  while (*text) {
    size_t n = strcspn(text, ",");
    (void)snprintf(part, sizeof part, "%.*s", (int)n, text);
    if (fn) fn(b, part);
    count++;
    text += n + (text[n] == ',');
  }
  return count;
}

static void column(struct body *b, const char *name) {
  put_str(b, name);
  put_u32(b, 0);
  put_u16(b, 0);
  put_u32(b, 25);
  put_u16(b, 0xffff);
  put_u32(b, UINT32_MAX);
  put_u16(b, 0);
}

static void field(struct body *b, const char *value) {
  if (!strcmp(value, "-")) {
    put_u32(b, UINT32_MAX);
    return;
  }
  put_u32(b, (uint32_t)strlen(value));
  put(b, value, strlen(value));
}

static void oid(struct body *b, const char *text) { put_u32(b, (uint32_t)strtoul(text, NULL, 10)); }

static void counted(struct body *b, const char *text, void (*fn)(struct body *b, const char *part)) {
  put_u16(b, each_part(text, NULL, NULL));
  (void)each_part(text, fn, b);
}

/* text: the SQLSTATE, and perhaps a colon and the routine. */
static void error(struct body *b, const char *severity, const char *text, bool from_server) {
  const char *routine = strchr(text, ':');
  char state[6], name[64];
  const struct {
    char code;
    const char *value;
  } fields[] = {{'S', severity},
                {'V', from_server ? severity : NULL},
                {'C', state},
                {'M', "it went wrong"},
                {'R', from_server ? name : NULL}};
  (void)snprintf(state, sizeof state, "%s", text);
  (void)snprintf(name, sizeof name, "%s", routine ? routine + 1 : "exec_it");
  for (char *p = name; *p; p++) /* which were underscores */
    if (*p == ' ') *p = '_';
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    if (!fields[i].value) continue;
    put_u8(b, (uint8_t)fields[i].code);
    put_str(b, fields[i].value);
  }
  put_u8(b, 0);
}

static void authentication(struct body *b, const char *word, const char *text) {
  unsigned code = (unsigned)strtoul(word + 1, NULL, 10);
  put_u32(b, code);
  if (code == 5 && !*text) text = "\1\2\3\4";
  put(b, text, strlen(text));
}

static void hex(struct backend_script *b, const char *text) {
  for (; text[0] && text[1]; text += 2) {
    char digits[3] = {text[0], text[1], 0};
    b->data[b->len++] = (uint8_t)strtoul(digits, NULL, 16);
  }
  b->ends[b->count++] = b->len;
}

static void sasl(struct body *b, const char *text) {
  put_u32(b, 10);
  (void)each_part(text, put_str, b);
  put_u8(b, 0);
}

static void key(struct body *b, const char *word) {
  unsigned n = word[1] ? (unsigned)strtoul(word + 1, NULL, 10) : 4;
  put_u32(b, 7);
  for (unsigned i = 0; i < n; i++) put_u8(b, i + 1);
}

static void parameter(struct body *b, const char *text) {
  char name[256];
  size_t n = strcspn(text, "=");
  (void)snprintf(name, sizeof name, "%.*s", (int)n, text);
  put_str(b, name);
  put_str(b, text + n + (text[n] == '='));
}

/* The type of the message. */
static char fill(struct body *b, const char *word, const char *text) {
  switch (word[0]) {
    case 'R': authentication(b, word, text); break;
    case 'K': key(b, word); break;
    case 'S': parameter(b, text); break;
    case 'v':
      put_u32(b, (uint32_t)strtoul(text, NULL, 16));
      text += strcspn(text, ",") + (strchr(text, ',') != NULL);
      put_u32(b, each_part(text, NULL, NULL));
      (void)each_part(text, put_str, b);
      break;
    case 'Z': put(b, text, 1); break;
    case 't': counted(b, text, oid); break;
    case 'T': counted(b, text, column); break;
    case 'D': counted(b, text, field); break;
    case 'C': put_str(b, text); break;
    case 'E': error(b, "ERROR", text, true); break;
    case 'F': error(b, "FATAL", text, true); return 'E';
    case 'P': error(b, "FATAL", text, false); return 'E';
    case 'N': error(b, "NOTICE", text, true); break;
    case 'A':
      put_u32(b, 9);
      put_str(b, text);
      put_str(b, "payload");
      break;
    case 'G':
    case 'H':
    case 'W':
      put_u8(b, 0);
      put_u16(b, 1);
      put_u16(b, 0);
      break;
    case 'd': put(b, text, strlen(text)); break;
    case '1':
    case '2':
    case '3':
    case 'n':
    case 'I':
    case 's':
    case 'c': break;
    default: fprintf(stderr, "backend_script: %s?\n", word); abort();
  }
  return word[0];
}

static void add_word(struct backend_script *b, char *word) {
  static const char sasl_prefix[] = "SASL:", raw_prefix[] = "raw:";
  struct body body = {.len = 0};
  char *colon = strchr(word, ':');
  const char *text = colon ? colon + 1 : "";
  char type = 'R';

  for (char *p = word; *p; p++)
    if (*p == '_') *p = ' ';
  if (!strncmp(word, raw_prefix, sizeof raw_prefix - 1)) {
    hex(b, text);
    return;
  }
  if (!strncmp(word, sasl_prefix, sizeof sasl_prefix - 1)) {
    sasl(&body, text);
  } else {
    if (colon) *colon = '\0';
    type = fill(&body, word, text);
  }
  backend_script_message(b, type, body.data, body.len);
}

void backend_script_add(struct backend_script *b, const char *words) {
  while (*words) {
    char word[2048];
    size_t n;
    words += strspn(words, " \n");
    n = strcspn(words, " \n");
    if (n >= sizeof word) abort();
    if (n == 0) return;
    memcpy(word, words, n);
    word[n] = '\0';
    add_word(b, word);
    words += n;
  }
}

void backend_script_init(struct backend_script *b, const char *words) {
  b->len = b->count = 0;
  backend_script_add(b, words);
}
