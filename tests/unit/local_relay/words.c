#include "words.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend_script.h"
#include "base/error.h"
#include "wire/backend.h"
#include "wire/frontend.h"

enum { WORD_MAX = 4096 };

/* The next word, with the bytes that its signs stand for; false at the end. */
static bool next(const char **words, char word[WORD_MAX]) {
  size_t n = 0;
  *words += strspn(*words, " ");
  for (; **words && **words != ' '; ++*words) {
    assert(n + 1 < WORD_MAX);
    word[n++] = **words == '_' ? ' ' : **words == '~' ? '_' : **words == '^' ? '\n' : **words;
  }
  word[n] = '\0';
  return n > 0;
}

static void put_hex(struct buf *out, const char *hex) {
  for (; *hex; hex += 2) {
    unsigned byte = 0;
    if (sscanf(hex, "%2x", &byte) != 1) abort();
    buf_put_u8(out, (uint8_t)byte);
  }
}

static void put_client_word(struct buf *out, char *word) {
  char *arg = word[1] == ':' ? word + 2 : word + 1, *comma = strchr(arg, ',');
  const char *second = comma ? comma + 1 : "";
  if (!strncmp(word, "raw:", 4)) {
    put_hex(out, word + 4);
    return;
  }
  if (comma && strchr("PB", *word)) *comma = '\0';
  switch (*word) {
    case 'Q': wire_query(out, arg, strlen(arg)); break;
    case 'P': wire_parse(out, arg, second, strlen(second), NULL, 0); break;
    case 'B': wire_bind(out, arg, second, (dsql_params){0}, NULL, 0); break;
    case 'D': wire_describe(out, *arg, arg + 1); break;
    case 'E': wire_execute(out, arg, 0); break;
    case 'C': wire_close(out, *arg, arg + 1); break;
    case 'S': wire_sync(out); break;
    case 'H': wire_flush(out); break;
    case 'X': wire_terminate(out); break;
    case 'd': wire_copy_data(out, arg, strlen(arg)); break;
    case 'c': wire_copy_done(out); break;
    case 'f': wire_copy_fail(out, arg); break;
    case 'F': put_hex(out, "460000000e00000001000000000000"); break;
    default: fprintf(stderr, "unknown client word %s\n", word); abort();
  }
}

void words_client(struct buf *out, const char *words) {
  char word[WORD_MAX];
  while (next(&words, word)) put_client_word(out, word);
  assert(buf_ok(out));
}

static void put_error(struct buf *out, const char *state, const char *message, const char *more, size_t more_len) {
  size_t start = out->len;
  buf_put_u8(out, 'E');
  buf_put_be32(out, 0);
  buf_put(out, "SERROR\0VERROR\0C", 15);
  buf_put_cstr(out, state);
  buf_put_u8(out, 'M');
  buf_put_cstr(out, message);
  buf_put(out, more, more_len);
  buf_put_u8(out, 0);
  store_be32(out->data + start + 1, (uint32_t)(out->len - start - 1));
}

void words_server(struct buf *out, const char *words) {
  static struct backend_script script;
  char word[WORD_MAX];
  const char *start = words;
  for (; (start = words + strspn(words, " ")), next(&words, word);) {
    char raw[WORD_MAX];
    if (!strcmp(word, "E!")) {
      put_error(out, "42703", "column \"dsql_local_refused\" does not exist", "P8\0Fa.c\0", 8);
      continue;
    }
    if (!strcmp(word, "E+")) {
      put_error(out, "54000", "transaction row limit exceeded", "P8\0Wfunction dsql_local.add()\0Fpl.c\0", 36);
      continue;
    }
    snprintf(raw, sizeof raw, "%.*s", (int)(words - start), start);
    backend_script_init(&script, raw);
    buf_put(out, script.data, script.len);
  }
  assert(buf_ok(out));
}

/* ---- and back ---- */

static void put_text(struct buf *text, const char *s, size_t n) {
  for (size_t i = 0; i < n; i++) buf_put_u8(text, s[i] == ' ' ? '_' : (uint8_t)s[i]);
}

static void put_cstr(struct buf *text, struct cursor *c) {
  dsql_str s = cursor_cstr(c);
  put_text(text, s.ptr, s.len);
}

static void client_body(struct buf *text, uint8_t type, struct cursor c) {
  if (strchr("SHXcF", type)) return;
  buf_put_u8(text, ':');
  if (type == 'd') {
    put_text(text, (const char *)c.pos, cursor_left(&c));
    return;
  }
  put_cstr(text, &c);
  if (!strchr("PB", type)) return;
  buf_put_u8(text, ',');
  put_cstr(text, &c);
}

static void server_body(struct buf *text, uint8_t type, const uint8_t *body, size_t n) {
  struct cursor c = cursor_of(body, n);
  if (type == 'C') {
    buf_put_u8(text, ':');
    put_cstr(text, &c);
  } else if (type == 'Z') {
    buf_put_u8(text, ':');
    buf_put(text, body, n);
  } else if (type == 'd') {
    buf_put_u8(text, ':');
    put_text(text, (const char *)body, n);
  } else if (type == 'E') {
    dsql_str state = error_body_field(body, n, 'C'), message = error_body_field(body, n, 'M');
    dsql_str detail = error_body_field(body, n, 'D'), position = error_body_field(body, n, 'P');
    buf_put_u8(text, ':');
    buf_put(text, state.ptr, state.len);
    if (error_body_field(body, n, 'F').len == 0 && strcmp(message.ptr, "it went wrong") != 0) { /* ours */
      buf_put_u8(text, ':');
      put_text(text, message.ptr, message.len);
      if (detail.len) buf_put_u8(text, '/');
      put_text(text, detail.ptr, detail.len);
    }
    if (position.len) buf_put_str(text, "@");
  }
}

static void words_of(struct buf *text, const uint8_t *p, size_t n, bool client) {
  struct wire_frame f;
  int rc = 0;
  for (; n && (rc = wire_frame_cut(p, n, WIRE_MESSAGE_MAX, &f)) == 1; p += f.total, n -= f.total) {
    if (text->len) buf_put_u8(text, ' ');
    buf_put_u8(text, f.type);
    if (client) {
      client_body(text, f.type, cursor_of(f.body, f.len));
    } else {
      server_body(text, f.type, f.body, f.len);
    }
  }
  if (n) buf_put_str(text, "...");
  buf_put_u8(text, 0);
  assert(buf_ok(text));
}

void words_of_client(struct buf *text, const uint8_t *p, size_t n) { words_of(text, p, n, true); }
void words_of_server(struct buf *text, const uint8_t *p, size_t n) { words_of(text, p, n, false); }
