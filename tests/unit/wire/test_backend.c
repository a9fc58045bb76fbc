/* Every message of a server: whole, cut at every byte, with a byte too many, and with hostile contents. */
#include "bytes.h"
#include "wire/backend.h"

static const struct {
  const char *name;
  uint8_t type;
  const char *body;
  size_t len;
  size_t open_from; /* any length from here on is well-formed too; 0: only this one is */
} valid[] = {
    {"AuthenticationOk", 'R', BYTES("\0\0\0\0"), 0},
    {"AuthenticationKerberosV5", 'R', BYTES("\0\0\0\2"), 0},
    {"AuthenticationCleartextPassword", 'R', BYTES("\0\0\0\3"), 0},
    {"AuthenticationMD5Password", 'R', BYTES("\0\0\0\5\1\2\3\4"), 0},
    {"AuthenticationSCMCredential", 'R', BYTES("\0\0\0\6"), 0},
    {"AuthenticationGSS", 'R', BYTES("\0\0\0\7"), 0},
    {"AuthenticationGSSContinue", 'R', BYTES("\0\0\0\10data"), 4},
    {"AuthenticationSSPI", 'R', BYTES("\0\0\0\11"), 0},
    {"AuthenticationSASL", 'R', BYTES("\0\0\0\12SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"), 0},
    {"AuthenticationSASL without a mechanism", 'R', BYTES("\0\0\0\12\0"), 0},
    {"AuthenticationSASLContinue", 'R', BYTES("\0\0\0\13r=x,s=y,i=1"), 4},
    {"AuthenticationSASLFinal", 'R', BYTES("\0\0\0\14v=x"), 4},
    {"an unknown authentication", 'R', BYTES("\0\0\0\15abc"), 4},
    {"BackendKeyData", 'K', BYTES("\0\0\1\2key!"), 8},
    {"BindComplete", '2', BYTES(""), 0},
    {"CloseComplete", '3', BYTES(""), 0},
    {"CommandComplete", 'C', BYTES("SELECT 1\0"), 0},
    {"CopyData", 'd', BYTES("a\0b"), SIZE_MAX},
    {"CopyDone", 'c', BYTES(""), 0},
    {"CopyInResponse", 'G', BYTES("\0\0\2\0\0\0\0"), 0},
    {"CopyOutResponse", 'H', BYTES("\1\0\2\0\1\0\0"), 0},
    {"CopyBothResponse", 'W', BYTES("\0\0\0"), 0},
    {"DataRow", 'D', BYTES("\0\3\0\0\0\2ab\xff\xff\xff\xff\0\0\0\0"), 0},
    {"DataRow of no column", 'D', BYTES("\0\0"), 0},
    {"EmptyQueryResponse", 'I', BYTES(""), 0},
    {"ErrorResponse", 'E', BYTES("SERROR\0VERROR\0C42601\0Mbad\0\0"), 0},
    {"ErrorResponse without a field", 'E', BYTES("\0"), 0},
    {"NoticeResponse with an unknown field", 'N', BYTES("M\0?x\0\0"), 0},
    {"FunctionCallResponse", 'V', BYTES("\0\0\0\3abc"), 0},
    {"FunctionCallResponse NULL", 'V', BYTES("\xff\xff\xff\xff"), 0},
    {"NegotiateProtocolVersion", 'v', BYTES("\0\3\0\0\0\0\0\2_pq_.a\0_pq_.b\0"), 0},
    {"NegotiateProtocolVersion, no option", 'v', BYTES("\0\3\0\0\0\0\0\0"), 0},
    {"NoData", 'n', BYTES(""), 0},
    {"NotificationResponse", 'A', BYTES("\0\0\0\7channel\0payload\0"), 0},
    {"NotificationResponse, empty payload", 'A', BYTES("\0\0\0\7c\0\0"), 0},
    {"ParameterDescription", 't', BYTES("\0\2\0\0\0\x14\0\0\0\x19"), 0},
    {"ParameterDescription of nothing", 't', BYTES("\0\0"), 0},
    {"ParameterStatus", 'S', BYTES("TimeZone\0UTC\0"), 0},
    {"ParseComplete", '1', BYTES(""), 0},
    {"PortalSuspended", 's', BYTES(""), 0},
    {"ReadyForQuery", 'Z', BYTES("I"), 0},
    {"RowDescription", 'T',
     BYTES("\0\2a\0\0\0\1\2\0\3\0\0\0\x14\0\10\xff\xff\xff\xff\0\1\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\0\0\0\7\0\0"), 0},
    {"RowDescription of no column", 'T', BYTES("\0\0"), 0},
};

static int check_copy(uint8_t type, const void *body, size_t n) {
  uint8_t *copy = exact_copy(body, n);
  int code = wire_check(type, copy, n);
  free(copy);
  return code;
}

static bool open_at(size_t i, size_t len) {
  return valid[i].open_from == SIZE_MAX || (valid[i].open_from && len >= valid[i].open_from);
}

Test(backend, well_formed_messages) {
  for (size_t i = 0; i < COUNT(valid); i++) {
    cr_assert(wire_type_known(valid[i].type), "%s", valid[i].name);
    cr_assert_eq(check_copy(valid[i].type, valid[i].body, valid[i].len), 0, "%s", valid[i].name);
  }
}

Test(backend, every_truncation_is_refused) {
  size_t cases = 0;
  for (size_t i = 0; i < COUNT(valid); i++)
    for (size_t n = 0; n < valid[i].len; n++, cases++)
      cr_assert_eq(check_copy(valid[i].type, valid[i].body, n), open_at(i, n) ? 0 : DSQL_EPROTO, "%s cut at %zu",
                   valid[i].name, n);
  cr_assert_gt(cases, 300, "%zu cases", cases);
}

Test(backend, every_trailing_byte_is_refused) {
  for (size_t i = 0; i < COUNT(valid); i++)
    for (int byte = 0; byte < 256; byte++) {
      uint8_t body[128];
      memcpy(body, valid[i].body, valid[i].len);
      body[valid[i].len] = (uint8_t)byte;
      cr_assert_eq(check_copy(valid[i].type, body, valid[i].len + 1), open_at(i, valid[i].len + 1) ? 0 : DSQL_EPROTO,
                   "%s with a trailing %02x", valid[i].name, byte);
    }
}

Test(backend, hostile_bodies) {
  static const struct {
    const char *name;
    uint8_t type;
    const char *body;
    size_t len;
  } cases[] = {
      {"md5 salt of 3 bytes", 'R', BYTES("\0\0\0\5\1\2\3")},
      {"mechanism list without its end", 'R', BYTES("\0\0\0\12SCRAM-SHA-256\0")},
      {"mechanism without its NUL", 'R', BYTES("\0\0\0\12SCRAM-SHA-256")},
      {"mechanism list going on behind its end", 'R', BYTES("\0\0\0\12\0SCRAM-SHA-256\0\0")},
      {"data behind AuthenticationOk", 'R', BYTES("\0\0\0\0x")},
      {"key of no byte", 'K', BYTES("\0\0\1\2")},
      {"key of 3 bytes", 'K', BYTES("\0\0\1\2key")},
      {"tag without its NUL", 'C', BYTES("SELECT 1")},
      {"tag with a NUL inside", 'C', BYTES("SEL\0ECT\0")},
      {"overall format 2", 'G', BYTES("\2\0\0")},
      {"overall format -1", 'G', BYTES("\xff\0\0")},
      {"binary column in a textual COPY", 'H', BYTES("\0\0\1\0\1")},
      {"column format 2", 'H', BYTES("\1\0\1\0\2")},
      {"column format -1", 'W', BYTES("\1\0\1\xff\xff")},
      {"COPY of 65535 columns that are not there", 'G', BYTES("\0\xff\xff\0\0")},
      {"field of length -2", 'D', BYTES("\0\1\xff\xff\xff\xfe")},
      {"field of length INT32_MIN", 'D', BYTES("\0\1\x80\0\0\0")},
      {"field longer than the body", 'D', BYTES("\0\1\0\0\0\3ab")},
      {"field of INT32_MAX", 'D', BYTES("\0\1\x7f\xff\xff\xff")},
      {"row of 65535 fields that are not there", 'D', BYTES("\xff\xff\xff\xff\xff\xff")},
      {"error field without its NUL", 'E', BYTES("Mbad")},
      {"error without its end", 'E', BYTES("Mbad\0")},
      {"error of no byte", 'E', BYTES("")},
      {"error going on behind its end", 'E', BYTES("\0Mbad\0\0")},
      {"function result of length -2", 'V', BYTES("\xff\xff\xff\xfe")},
      {"function result past the end", 'V', BYTES("\0\0\0\4abc")},
      {"option count -1", 'v', BYTES("\0\3\0\0\xff\xff\xff\xff")},
      {"option count 1 of none", 'v', BYTES("\0\3\0\0\0\0\0\1")},
      {"option without its NUL", 'v', BYTES("\0\3\0\0\0\0\0\1a")},
      {"more options than counted", 'v', BYTES("\0\3\0\0\0\0\0\1a\0b\0")},
      {"notification without a payload", 'A', BYTES("\0\0\0\7channel\0")},
      {"notification payload without its NUL", 'A', BYTES("\0\0\0\7channel\0payload")},
      {"65535 parameters that are not there", 't', BYTES("\xff\xff\0\0\0\x14")},
      {"parameter status without a value", 'S', BYTES("TimeZone\0")},
      {"parameter status without a NUL", 'S', BYTES("TimeZone\0UTC")},
      {"transaction status 'X'", 'Z', BYTES("X")},
      {"transaction status NUL", 'Z', BYTES("\0")},
      {"no transaction status", 'Z', BYTES("")},
      {"column name without its NUL", 'T', BYTES("\0\1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")},
      {"column format 2 in a description", 'T', BYTES("\0\1a\0\0\0\1\2\0\3\0\0\0\x14\0\10\xff\xff\xff\xff\0\2")},
      {"65535 columns that are not there", 'T',
       BYTES("\xff\xff"
             "a\0\0\0\1\2\0\3\0\0\0\x14\0\10\xff\xff\xff\xff\0\1")},
  };
  for (size_t i = 0; i < COUNT(cases); i++)
    cr_assert_eq(check_copy(cases[i].type, cases[i].body, cases[i].len), DSQL_EPROTO, "%s", cases[i].name);
}

Test(backend, types) {
  static const char known[] = "RK23CdcGHWDIEVvnNAtS1sZT", empty[] = "123cIns";
  for (int type = 0; type < 256; type++) {
    bool is_known = type && strchr(known, type), is_empty = type && strchr(empty, type);
    cr_assert_eq(wire_type_known((uint8_t)type), is_known, "%02x", type);
    cr_assert_eq(wire_type_is_empty((uint8_t)type), is_empty, "%02x", type);
    if (!is_known) cr_assert_eq(wire_check((uint8_t)type, (const uint8_t *)"", 0), DSQL_EPROTO, "%02x", type);
  }
}

Test(backend, frames) {
  static const struct {
    const char *name, *bytes;
    size_t len, max;
    int code;
    size_t total;
  } cases[] = {
      {"nothing", BYTES(""), 100, 0, 0},
      {"part of a header", BYTES("Z\0\0\0"), 100, 0, 0},
      {"length 0", BYTES("Z\0\0\0\0"), 100, DSQL_EPROTO, 0},
      {"length 3", BYTES("Z\0\0\0\3"), 100, DSQL_EPROTO, 0},
      {"length -1", BYTES("Z\xff\xff\xff\xff"), SIZE_MAX, DSQL_EPROTO, 0},
      {"length INT32_MIN", BYTES("Z\x80\0\0\0"), SIZE_MAX, DSQL_EPROTO, 0},
      {"length INT32_MAX", BYTES("Z\x7f\xff\xff\xff"), SIZE_MAX, 0, (size_t)INT32_MAX + 1},
      {"a whole empty message", BYTES("1\0\0\0\4"), 5, 1, 5},
      {"a whole message and more", BYTES("Z\0\0\0\5I1\0"), 6, 1, 6},
      {"a header alone", BYTES("Z\0\0\0\5"), 6, 0, 6},
      {"as large as the maximum", BYTES("d\0\0\0\7abc"), 8, 1, 8},
      {"one byte past the maximum", BYTES("d\0\0\0\7abc"), 7, DSQL_ETOOBIG, 8},
      {"past the maximum by its header", BYTES("d\0\0\1\0"), 256, DSQL_ETOOBIG, 257},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct wire_frame f = {0};
    uint8_t *copy = exact_copy(cases[i].bytes, cases[i].len);
    cr_assert_eq(wire_frame_cut(copy, cases[i].len, cases[i].max, &f), cases[i].code, "%s", cases[i].name);
    cr_assert_eq(f.total, cases[i].total, "%s", cases[i].name);
    if (cases[i].code == 1) {
      cr_assert_eq(f.type, cases[i].bytes[0]);
      cr_assert_eq(f.body, copy + 5);
      cr_assert_eq(f.len, cases[i].total - 5);
    }
    free(copy);
  }
}
