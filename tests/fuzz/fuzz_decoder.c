/* The decoders and the trace on any bytes. The input is a stream as a server sends it; what is not a message by its
 * header is skipped byte by byte, so that one bad length does not end the run. Beyond memory errors it looks for
 * disagreement: a body that wire_check() accepts must be readable to its end by whoever uses the outputs, the fast row
 * loop must accept the rows that the plain one does, and the trace must find every accepted message well-formed. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "wire/backend.h"
#include "wire/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGE_MAX = 1 << 16 };

#define REQUIRE(condition)                                                                                             \
  do {                                                                                                                 \
    if (!(condition)) abort();                                                                                         \
  } while (0)

static void read_row(const uint8_t *body, size_t n, int code) {
  static uint32_t offsets[65535];
  unsigned cols = n < 2 ? 0 : load_be16(body);
  size_t at = 2;

  REQUIRE(wire_index_data_row(body, n, cols, offsets) == code);
  REQUIRE(wire_index_data_row(body, n, cols ^ 1, offsets) == DSQL_EPROTO);
  if (code) return;
  REQUIRE(wire_index_data_row(body, n, cols, offsets) == 0);
  for (unsigned i = 0; i < cols; i++) {
    uint32_t len = load_be32(body + at);
    REQUIRE(offsets[i] == at + 4);
    at += 4 + (len == UINT32_MAX ? 0 : len);
  }
  REQUIRE(at == n);
}

static void read_columns(const uint8_t *body, size_t n) {
  static dsql_column cols[65535];
  unsigned count;

  REQUIRE(wire_check_row_description(body, n, &count) == 0);
  wire_fill_row_description(body, n, cols);
  for (unsigned i = 0; i < count; i++) {
    REQUIRE(cols[i].name.ptr >= (const char *)body && cols[i].name.len < n);
    REQUIRE(cols[i].name.ptr[cols[i].name.len] == '\0' && (cols[i].format & ~1) == 0);
  }
}

static void read_options(const uint8_t *body, size_t n) {
  struct wire_negotiate_version v;
  REQUIRE(wire_decode_negotiate_version(body, n, &v) == 0);
  for (uint32_t i = 0; i < v.option_count; i++) (void)cursor_cstr(&v.options);
  REQUIRE(cursor_done(&v.options));
}

static void read_fields(const uint8_t *body, size_t n) {
  static const char kinds[] = "SVCMDHPpqWstcdnFLR?";
  for (const char *kind = kinds; *kind; kind++) {
    dsql_str value = error_body_field(body, n, *kind);
    REQUIRE(value.len < n && value.ptr[value.len] == '\0');
  }
}

static void read_accepted(uint8_t type, const uint8_t *body, size_t n) {
  const uint8_t *oids;
  unsigned count;
  dsql_str tag;

  REQUIRE(wire_type_known(type));
  if (type == WIRE_ROW_DESCRIPTION) read_columns(body, n);
  if (type == WIRE_NEGOTIATE_PROTOCOL_VERSION) read_options(body, n);
  if (type == WIRE_ERROR_RESPONSE || type == WIRE_NOTICE_RESPONSE) read_fields(body, n);
  if (type == WIRE_PARAMETER_DESCRIPTION) {
    REQUIRE(wire_decode_parameter_description(body, n, &count, &oids) == 0);
    REQUIRE(oids + 4 * (size_t)count == body + n);
  }
  if (type == WIRE_COMMAND_COMPLETE) {
    REQUIRE(wire_decode_command_complete(body, n, &tag) == 0 && tag.len + 1 == n);
    REQUIRE(wire_tag_count(tag) >= -1);
  }
}

static void trace(const struct wire_frame *f, bool accepted) {
  static const char malformed[] = "\tmalformed message";
  const uint8_t *message = f->body - WIRE_HEADER_SIZE;
  char storage[1024];
  struct buf line;

  buf_init_on(&line, &mem_default, (size_t)1 << 24, storage, sizeof storage);
  trace_backend(&line, message, f->total);
  REQUIRE(buf_ok(&line) && line.len > 4);
  REQUIRE(!accepted || line.len < sizeof malformed ||
          memcmp(line.data + line.len - sizeof malformed + 1, malformed, sizeof malformed - 1) != 0);
  trace_frontend(&line, message, f->total);
  trace_startup(&line, message, f->total);
  trace_startup(&line, message + 1, f->total - 1);
  REQUIRE(buf_ok(&line));
  buf_deinit(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  while (size > 0) {
    struct wire_frame f;
    int code = wire_frame_cut(data, size, MESSAGE_MAX, &f);
    size_t step = 1;
    if (code == 1) {
      step = f.total;
      REQUIRE(f.len + WIRE_HEADER_SIZE == f.total && f.body + f.len <= data + size);
      code = wire_check(f.type, f.body, f.len);
      REQUIRE(code == 0 || code == DSQL_EPROTO);
      if (f.type == WIRE_DATA_ROW) read_row(f.body, f.len, code);
      if (code == 0) read_accepted(f.type, f.body, f.len);
      trace(&f, code == 0);
    }
    data += step;
    size -= step;
  }
  return 0;
}
