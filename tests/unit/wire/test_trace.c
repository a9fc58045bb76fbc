#include "base/buf.h"
#include "bytes.h"
#include "test_alloc.h"
#include "wire/trace.h"

typedef void (*trace_fn)(struct buf *line, const uint8_t *message, size_t n);

/* What the recorded conversations don't have. */
static const struct {
  trace_fn trace;
  const char *message;
  size_t len;
  const char *line;
} cases[] = {
    {trace_frontend, BYTES("S\0\0\0\4"), "F\t4\tSync"},
    {trace_frontend, BYTES("f\0\0\0\10why\0"), "F\t8\tCopyFail\t \"why\""},
    {trace_frontend, BYTES("F\0\0\0\16\0\0\0\1\0\0\0\0\0\1"), "F\t14\tFunctionCall\t 1 0 0 1"},
    {trace_frontend, BYTES("p\0\0\0\13secret\0"), "F\t11\tAuthenticationResponse\t ***"},
    {trace_frontend, BYTES("p\0\0\0\4"), "F\t4\tAuthenticationResponse\t ***"},
    {trace_frontend, BYTES("\x7f\0\0\0\4"), "F\t4\tUnknown message: 7f"},
    {trace_frontend, BYTES("Q\0\0\0\10SELE"), "F\t8\tQuery\t\tmalformed message"},
    {trace_frontend, BYTES("S\0\0\0\5x"), "F\t5\tSync\tmalformed message"},
    {trace_frontend, BYTES("S\0\0\0\5"), "F\t4\tmalformed message"},
    {trace_frontend, BYTES("S\0\0"), "F\t2\tmalformed message"},
    {trace_frontend, BYTES(""), "F\t0\tmalformed message"},
    {trace_frontend, BYTES("B\0\0\0\20\0\0\0\0\377\377\377\377\377\377\0\0"),
     "F\t16\tBind\t \"\" \"\" 0 65535 -1\tmalformed message"},
    {trace_backend, BYTES("Z\0\0\0\5T"), "B\t5\tReadyForQuery\t T"},
    {trace_backend, BYTES("Z\0\0\0\5\1"), "B\t5\tReadyForQuery\t \\x01"},
    {trace_backend, BYTES("s\0\0\0\4"), "B\t4\tPortalSuspended"},
    {trace_backend, BYTES("3\0\0\0\4"), "B\t4\tCloseComplete"},
    {trace_backend, BYTES("R\0\0\0\10\0\0\0\0"), "B\t8\tAuthenticationOk"},
    {trace_backend, BYTES("R\0\0\0\10\0\0\0\7"), "B\t8\tAuthenticationGSS"},
    {trace_backend, BYTES("R\0\0\0\14\0\0\0\10data"), "B\t12\tAuthenticationGSSContinue\t ***"},
    {trace_backend, BYTES("R\0\0\0\10\0\0\0\11"), "B\t8\tAuthenticationSSPI"},
    {trace_backend, BYTES("R\0\0\0\11\0\0\0\15x"), "B\t9\tUnknown authentication message 13"},
    {trace_backend, BYTES("R\0\0\0\6\0\0"), "B\t6\tUnknown message: 52"},
    {trace_backend, BYTES("R\0\0\0\14\0\0\0\12X\0Y\0"), "B\t12\tAuthenticationSASL\t \"X\" \"Y\"\tmalformed message"},
    {trace_backend, BYTES("K\0\0\0\14\377\377\377\377key!"), "B\t12\tBackendKeyData\t -1 ***"},
    {trace_backend, BYTES("v\0\0\0\22\0\3\0\0\0\0\0\1_pq_.\0"), "B\t18\tNegotiateProtocolVersion\t 196608 1 \"_pq_.\""},
    {trace_backend, BYTES("v\0\0\0\14\0\3\0\0\377\377\377\377"),
     "B\t12\tNegotiateProtocolVersion\t 196608 -1\tmalformed message"},
    {trace_backend, BYTES("W\0\0\0\11\1\0\1\0\1"), "B\t9\tCopyBothResponse\t \\x01 1 1"},
    {trace_backend, BYTES("V\0\0\0\10\377\377\377\377"), "B\t8\tFunctionCallResponse\t -1"},
    {trace_backend, BYTES("D\0\0\0\21\0\1\0\0\0\7a'\\\t\176\177\200"), "B\t17\tDataRow\t 1 7 'a'\\\\x09~\\x7f\\x80'"},
    {trace_backend, BYTES("D\0\0\0\12\0\1\377\377\377\376"), "B\t10\tDataRow\t 1 -2\tmalformed message"},
    {trace_backend, BYTES("D\0\0\0\12\0\1\0\0\0\1"), "B\t10\tDataRow\t 1 1\tmalformed message"},
    {trace_backend, BYTES("E\0\0\0\7Mx\0"), "B\t7\tErrorResponse\t M \"x\"\tmalformed message"},
    {trace_backend, BYTES("B\0\0\0\4"), "B\t4\tUnknown message: 42"},
    {trace_startup, BYTES("\0\0\0\10\4\322\026\057"), "F\t8\tSSLRequest\t 1234 5679"},
    {trace_startup, BYTES("\0\0\0\20\4\322\026\056\0\0\1\2\1\2\3\4"), "F\t16\tCancelRequest\t 1234 5678 258 ***"},
    {trace_startup, BYTES("\0\0\0\11\0\3\0\2\0"), "F\t9\tStartupMessage\t 3 2"},
    {trace_startup, BYTES("\0\0\0\20\0\3\0\2user\0x\0"), "F\t15\tmalformed message"},
    {trace_startup, BYTES("\0\0\0\17\0\3\0\2user\0x\0"),
     "F\t15\tStartupMessage\t 3 2 \"user\" \"x\"\tmalformed message"},
    {trace_startup, BYTES("\0\0\0\10"), "F\t4\tmalformed message"},
};

static void trace_copy(size_t i, struct buf *line) {
  uint8_t *copy = exact_copy(cases[i].message, cases[i].len);
  cases[i].trace(line, copy, cases[i].len);
  free(copy);
}

Test(trace, lines) {
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct test_alloc heap;
    struct buf line;
    test_alloc_init(&heap);
    buf_init(&line, &heap.hook, 4096);
    buf_put_str(&line, "> ");
    trace_copy(i, &line);
    buf_put_u8(&line, 0);
    cr_assert(buf_ok(&line));
    cr_assert_str_eq((char *)line.data + 2, cases[i].line, "\"%s\", want \"%s\"", (char *)line.data + 2, cases[i].line);
    buf_deinit(&line);
    test_alloc_assert_empty(&heap);
  }
}

Test(trace, ssl_responses) {
  static const struct {
    uint8_t reply;
    const char *line;
  } replies[] = {{'S', "B\t1\tSSLResponse\t S"}, {'N', "B\t1\tSSLResponse\t N"}, {0x80, "B\t1\tSSLResponse\t \\x80"}};
  for (size_t i = 0; i < COUNT(replies); i++) {
    char storage[64];
    struct buf line;
    buf_init_on(&line, &mem_default, sizeof storage, storage, sizeof storage);
    trace_ssl_response(&line, replies[i].reply);
    assert_bytes(line.data, line.len, replies[i].line, strlen(replies[i].line), "reply");
  }
}

Test(trace, no_memory_fails_the_line) {
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct test_alloc heap;
    struct buf line;
    test_alloc_init(&heap);
    test_alloc_arm(&heap, 1, true);
    buf_init(&line, &heap.hook, 4096);
    trace_copy(i, &line);
    cr_assert_eq(line.error, DSQL_ENOMEM, "%s", cases[i].line);
    buf_deinit(&line);
    test_alloc_assert_empty(&heap);
  }
}

/* Every cut of a message is a line that says so, or a message of its own. */
Test(trace, cut_messages) {
  for (size_t i = 0; i < COUNT(cases); i++)
    for (size_t n = 0; n < cases[i].len; n++) {
      static const char end[] = "malformed message";
      char storage[512];
      struct buf line;
      uint8_t *copy = exact_copy(cases[i].message, n);
      buf_init_on(&line, &mem_default, sizeof storage, storage, sizeof storage);
      cases[i].trace(&line, copy, n);
      cr_assert(buf_ok(&line) && line.len > strlen(end));
      cr_assert_eq(memcmp(line.data + line.len - strlen(end), end, strlen(end)), 0, "%s cut at %zu", cases[i].line, n);
      free(copy);
    }
}
