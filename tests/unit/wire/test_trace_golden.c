/* Whole conversations recorded by data/record.py: our lines are those that libpq's own PQtrace() wrote. */
#include <stdio.h>

#include "base/buf.h"
#include "bytes.h"
#include "test_alloc.h"
#include "wire/backend.h"
#include "wire/trace.h"

struct file {
  uint8_t bytes[8192];
  size_t len, pos;
};

static void read_file(const char *name, const char *extension, struct file *out) {
  char path[128];
  FILE *f;
  snprintf(path, sizeof path, "data/%s.%s", name, extension);
  f = fopen(path, "rb");
  cr_assert_not_null(f, "%s", path);
  out->len = fread(out->bytes, 1, sizeof out->bytes - 1, f);
  out->bytes[out->len] = 0;
  out->pos = 0;
  cr_assert(out->len > 0 && out->len < sizeof out->bytes - 1, "%s", path);
  fclose(f);
}

/* The line of the next message in `stream`; AuthenticationOk is passed over, as libpq does not trace it. */
static void trace_next(struct buf *line, struct file *stream, char direction, bool startup) {
  const uint8_t *p = stream->bytes + stream->pos;
  size_t left = stream->len - stream->pos, n = startup ? 0 : 1;

  cr_assert_geq(left, n + 4);
  n += load_be32(p + n);
  cr_assert_leq(n, left);
  stream->pos += n;
  buf_reset(line);
  if (direction == 'B' && p[0] == 'R' && n == 9 && load_be32(p + 5) == WIRE_AUTH_OK) {
    trace_next(line, stream, direction, false);
    return;
  }
  if (startup)
    trace_startup(line, p, n);
  else if (direction == 'F')
    trace_frontend(line, p, n);
  else
    trace_backend(line, p, n);
  buf_put_u8(line, 0);
  cr_assert(buf_ok(line));
}

/* What libpq shows and we don't: the start of its line, our end of it, and whether the names are the same. */
static const struct {
  const char *theirs, *ours;
} secrets[] = {
    {"\tBackendKeyData\t", "\tBackendKeyData\t"},
    {"\tAuthenticationMD5Password", "\tAuthenticationMD5Password\t ***"},
    {"\tAuthenticationSASLContinue\t", "\tAuthenticationSASLContinue\t ***"},
    {"\tAuthenticationSASLFinal\t", "\tAuthenticationSASLFinal\t ***"},
    {"\tPasswordMessage\t", "\tAuthenticationResponse\t ***"},
    {"\tSASLInitialResponse\t", "\tAuthenticationResponse\t ***"},
    {"\tSASLResponse\t", "\tAuthenticationResponse\t ***"},
};

/* libpq's line with its secrets left out. */
static void expected_line(const char *line, char *out, size_t size) {
  snprintf(out, size, "%s", line);
  for (size_t i = 0; i < COUNT(secrets); i++) {
    const char *at = strstr(line, secrets[i].theirs);
    int pid = 0;
    if (!at || at - line > 6) continue; /* not the message's name */
    snprintf(out, size, "%.*s%s", (int)(at - line), line, secrets[i].ours);
    if (i > 0) continue;
    cr_assert_eq(sscanf(at + strlen(secrets[i].theirs), " %d", &pid), 1);
    snprintf(out + strlen(out), size - strlen(out), " %d ***", pid);
  }
}

static size_t compare(const char *name) {
  static struct file frontend, backend, trace;
  static char want[8192];
  struct test_alloc heap;
  struct buf line;
  size_t lines = 0;

  read_file(name, "frontend", &frontend);
  read_file(name, "backend", &backend);
  read_file(name, "trace", &trace);
  test_alloc_init(&heap);
  buf_init(&line, &heap.hook, 1 << 20);
  for (char *next = (char *)trace.bytes, *at; (at = strsep(&next, "\n")) && *at;) {
    if (strncmp(at, "mismatched message length", 25) == 0) continue; /* libpq does not print what it knows not */
    cr_assert(at[0] == 'F' || at[0] == 'B');
    trace_next(&line, at[0] == 'F' ? &frontend : &backend, at[0], at[0] == 'F' && frontend.pos == 0);
    expected_line(at, want, sizeof want);
    cr_assert_str_eq((char *)line.data, want, "%s: \"%s\", want \"%s\"", name, (char *)line.data, want);
    lines++;
  }
  cr_assert_eq(frontend.pos, frontend.len, "%s: messages of the client are left", name);
  cr_assert_eq(backend.pos, backend.len, "%s: messages of the server are left", name);
  buf_deinit(&line);
  test_alloc_assert_empty(&heap);
  return lines;
}

Test(trace_golden, queries) { cr_assert_gt(compare("queries"), 50); }
Test(trace_golden, extended) { cr_assert_gt(compare("extended"), 100); }
Test(trace_golden, copy) { cr_assert_gt(compare("copy"), 40); }
Test(trace_golden, login_password) { cr_assert_gt(compare("login_password"), 18); }
Test(trace_golden, login_md5) { cr_assert_gt(compare("login_md5"), 18); }
Test(trace_golden, login_scram) { cr_assert_gt(compare("login_scram"), 18); }
Test(trace_golden, login_refused) { cr_assert_eq(compare("login_refused"), 6); }
