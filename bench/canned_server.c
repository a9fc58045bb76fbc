/* canned_server.c - a server that costs the client the same instructions in every run: to the statements of work.h it
 * gives made answers, and it sends them in one piece, when it has read all that the client had to say.
 *
 *   canned_server     prints the port it listens on, and serves until it is killed; plain TCP, everybody is trusted */
#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"
#include "work.h"

enum {
  OID_BOOL = 16,
  OID_INT8 = 20,
  OID_INT4 = 23,
  OID_TEXT = 25,
  OID_FLOAT8 = 701,
  OID_TIMESTAMPTZ = 1184,
  OID_INT4_ARRAY = 1007
};

/* ---- output ---- */

static struct {
  uint8_t *data;
  size_t len, cap, begin; /* begin: of the message being written */
} out;

static void put(const void *p, size_t n) {
  if (out.cap - out.len < n) {
    out.cap = 2 * (out.cap + n);
    out.data = realloc(out.data, out.cap);
    if (!out.data) die("canned: no memory");
  }
  memcpy(out.data + out.len, p, n);
  out.len += n;
}

static void put_int(uint64_t v, size_t width) {
  v = htobe64(v);
  put((const uint8_t *)&v + 8 - width, width);
}

static void begin(char type) {
  out.begin = out.len;
  put(&type, 1);
  put_int(0, 4);
}

static void end(void) {
  uint32_t length = htobe32((uint32_t)(out.len - out.begin - 1));
  memcpy(out.data + out.begin + 1, &length, 4);
}

static void put_empty(char type) {
  begin(type);
  end();
}

static char status = 'I';

static void put_ready(void) {
  begin('Z');
  put(&status, 1);
  end();
}

static void put_tag(const char *tag) {
  begin('C');
  put(tag, strlen(tag) + 1);
  end();
}

/* ---- statements ---- */

struct statement {
  const char *sql;
  uint32_t params[7], columns[6]; /* type OIDs */
};

static const struct statement statements[] = {
    {SQL_INT8, {OID_INT8}, {OID_INT8}},
    {SQL_ROWS_INT4, {OID_INT8}, {OID_INT4}},
    {SQL_ROWS_SIX, {OID_INT8}, {OID_INT4, OID_INT8, OID_FLOAT8, OID_TEXT, OID_TIMESTAMPTZ, OID_BOOL}},
    {SQL_ROWS_ARRAY, {OID_INT8}, {OID_INT4_ARRAY}},
    {SQL_INSERT, {OID_INT4, OID_INT4, OID_INT4, OID_TEXT, OID_FLOAT8, OID_INT4, OID_TEXT}, {0}},
    {SQL_INSERT_TABLE, {0}, {0}},
    {SQL_COPY_TRUNCATE, {0}, {0}},
    {SQL_COPIED_SUM, {0}, {OID_INT8}}};

/* However they go on. */
static const struct statement begin_block = {"BEGIN", {0}, {0}}, end_block = {"COMMIT", {0}, {0}};

static size_t count_of(const uint32_t *oids, size_t max) {
  size_t n = 0;
  while (n < max && oids[n]) n++;
  return n;
}

static void describe_params(const struct statement *s) {
  size_t n = count_of(s->params, 7);
  begin('t');
  put_int(n, 2);
  for (size_t i = 0; i < n; i++) put_int(s->params[i], 4);
  end();
}

static void describe_columns(const struct statement *s) {
  size_t n = count_of(s->columns, 6);
  if (n == 0) {
    put_empty('n');
    return;
  }
  begin('T');
  put_int(n, 2);
  for (size_t i = 0; i < n; i++) {
    put("c\0\0\0\0\0\0\0", 8);
    put_int(s->columns[i], 4);
    put("\0\4\377\377\377\377\0\0", 8);
  }
  end();
}

static void put_text(const char *text) {
  put_int(strlen(text), 4);
  put(text, strlen(text));
}

static void put_array(bool binary) {
  char text[2 * ARRAY_ELEMENTS + 2];

  if (!binary) {
    for (size_t i = 0; i < ARRAY_ELEMENTS; i++) memcpy(text + 2 * i, i ? ",1" : "{1", 2);
    memcpy(text + (size_t)2 * ARRAY_ELEMENTS, "}", 2);
    put_text(text);
    return;
  }
  put_int(20 + 8 * ARRAY_ELEMENTS, 4);
  put_int(1, 4); /* dimension, no NULLs */
  put_int(0, 4);
  put_int(OID_INT4, 4);
  put_int(ARRAY_ELEMENTS, 4);
  put_int(1, 4);
  for (uint64_t i = 0; i < ARRAY_ELEMENTS; i++) put_int((uint64_t)4 << 32 | i, 8);
}

static void put_field(uint32_t oid, uint64_t row, bool binary) {
  char text[32];
  if (oid == OID_INT4_ARRAY) {
    put_array(binary);
  } else if (oid == OID_TEXT) {
    (void)snprintf(text, sizeof text, "row number %u", (unsigned)row);
    put_text(text);
  } else if (!binary) {
    (void)snprintf(text, sizeof text, "%u", (unsigned)row);
    put_text(oid == OID_BOOL ? "t" : oid == OID_TIMESTAMPTZ ? "2000-01-01 00:00:00+00" : text);
  } else if (oid == OID_BOOL || oid == OID_INT4) {
    put_int(oid == OID_BOOL ? 1 : 4, 4);
    put_int(oid == OID_BOOL ? row % 2 : row, oid == OID_BOOL ? 1 : 4);
  } else {
    put_int(8, 4);
    put_int(oid == OID_FLOAT8 ? UINT64_C(0x3ff8000000000000) : row, 8);
  }
}

/* rows: what the one parameter says; SQL_INT8 gives it back in its one row, and what has none has one row of 0. */
static void put_answer(const struct statement *s, uint64_t value, bool binary) {
  bool rows = s->params[0] && s->sql != statements[0].sql;
  size_t n = count_of(s->columns, 6);

  if (s == &begin_block || s == &end_block) {
    status = s == &begin_block ? 'T' : 'I';
    put_tag(s->sql);
    return;
  }
  for (uint64_t row = rows ? 1 : value; n && row <= value; row++) {
    begin('D');
    put_int(n, 2);
    for (size_t i = 0; i < n; i++) put_field(s->columns[i], row, binary);
    end();
  }
  put_tag(n ? "SELECT 1" : s->params[0] ? "INSERT 0 1" : "CREATE TABLE");
}

/* ---- COPY ---- */

static void put_copy_response(char type, size_t columns, bool binary) {
  begin(type);
  put_int(binary, 1);
  put_int(columns, 2);
  for (size_t i = 0; i < columns; i++) put_int(binary, 2);
  end();
}

static void put_copy_rows(uint64_t count, bool binary) {
  static const char line[] = "1\t1000000007\t0.25\trow number 1\t2026-01-31 12:00:01+00\tf\n";
  const struct statement *s = &statements[2];

  for (uint64_t row = 1; row <= count; row++) {
    begin('d');
    if (binary) {
      if (row == 1) put("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
      put_int(6, 2);
      for (size_t i = 0; i < 6; i++) put_field(s->columns[i], row, true);
    } else {
      put(line, sizeof line - 1);
    }
    end();
  }
  if (!binary) return;
  begin('d');
  put_int(UINT16_MAX, 2);
  end();
}

/* In: the end of the data is answered. Out: all of them at once. */
static void take_copy(const char *sql) {
  const char *series = strstr(sql, "generate_series(1, ");
  bool binary = strstr(sql, "binary") != NULL;

  if (!series) {
    put_copy_response('G', 7, binary);
    return;
  }
  put_copy_response('H', 6, binary);
  put_copy_rows(strtoull(series + strlen("generate_series(1, "), NULL, 10), binary);
  put_empty('c');
  put_tag("COPY 1");
  put_ready();
}

/* ---- input ---- */

static struct {
  uint8_t data[1 << 20];
  size_t len;
  const struct statement *named, *unnamed, *bound;
  uint64_t value;
  bool binary;
} in;

static const struct statement *find(const char *sql) {
  for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
    if (strcmp(sql, statements[i].sql) == 0) return &statements[i];
  if (strncmp(sql, begin_block.sql, strlen(begin_block.sql)) == 0) return &begin_block;
  if (strcmp(sql, end_block.sql) == 0) return &end_block;
  die("canned: no such statement: %s", sql);
}

static size_t int2_at(const uint8_t *p) { return (size_t)(p[0] << 8 | p[1]); }

/* Behind the portal's name, which is empty. The value is the first parameter, where it has 8 bytes. One result format
 * stands for all; none is text. */
static void take_bind(const uint8_t *p) {
  size_t n;
  in.bound = *p ? in.named : in.unnamed;
  p += strlen((const char *)p) + 1;
  p += 2 + 2 * int2_at(p);
  n = int2_at(p);
  p += 2;
  in.value = 0;
  for (size_t i = 0; i < n; i++) {
    size_t len = int2_at(p + 2);
    if (i == 0 && len == 8) memcpy(&in.value, p + 4, 8);
    p += 4 + len;
  }
  in.value = be64toh(in.value);
  in.binary = int2_at(p) > 0 && int2_at(p + 2) == 1;
}

static void take(uint8_t type, const uint8_t *body) {
  const char *name = (const char *)body;
  switch (type) {
    case 'P':
      *(*name ? &in.named : &in.unnamed) = find(name + strlen(name) + 1);
      put_empty('1');
      return;
    case 'B':
      take_bind(body + 1);
      put_empty('2');
      return;
    case 'D':
      if (*body == 'S') describe_params(in.named);
      describe_columns(*body == 'S' ? in.named : in.bound);
      return;
    case 'E': put_answer(in.bound, in.value, in.binary); return;
    case 'C': put_empty('3'); return;
    case 'S': put_ready(); return;
    case 'Q': take_copy(name); return;
    case 'd': return;
    case 'c':
      put_tag("COPY 1");
      put_ready();
      return;
    default: die("canned: a message of type %c", type);
  }
}

static void say_hello(void) {
  begin('R');
  put_int(0, 4);
  end();
  begin('K');
  put_int(7, 4);
  put_int(7, 4);
  end();
  put_ready();
}

/* Answers what is whole; false: Terminate. */
static bool take_all(bool *started) {
  size_t at = 0;
  for (;;) {
    uint32_t length;
    if (in.len - at < 4 + (size_t)*started) break;
    memcpy(&length, in.data + at + *started, 4);
    length = be32toh(length) + *started;
    if (length > sizeof in.data) die("canned: a message of %u bytes", length);
    if (in.len - at < length) break;
    if (!*started)
      say_hello();
    else if (in.data[at] == 'X')
      return false;
    else
      take(in.data[at], in.data + at + 5);
    *started = true;
    at += length;
  }
  in.len -= at;
  memmove(in.data, in.data + at, in.len);
  return true;
}

static void serve(int fd) {
  bool started = false;
  int one = 1, size = 4 << 20;

  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  for (in.len = 0;;) {
    ssize_t n = recv(fd, in.data + in.len, sizeof in.data - in.len, 0);
    if (n <= 0) break;
    in.len += (size_t)n;
    if (!take_all(&started)) break;
    /* A group whose Sync is still to come is answered with the rest. */
    if (in.len || (out.len && !strchr("ZG", out.data[out.begin]))) continue;
    if (out.len && send(fd, out.data, out.len, MSG_NOSIGNAL) != (ssize_t)out.len) break;
    out.len = 0;
  }
  out.len = 0;
  close(fd);
}

int main(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (listener < 0 || bind(listener, (struct sockaddr *)&address, n) || listen(listener, 16) ||
      getsockname(listener, (struct sockaddr *)&address, &n))
    die("canned: can't listen");
  printf("%u\n", ntohs(address.sin_port));
  (void)fflush(stdout);
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) serve(fd);
  }
}
