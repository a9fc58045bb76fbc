/* dsql.h - an asynchronous PostgreSQL client for libuv, with what Amazon Aurora DSQL needs built in.
 *
 * THREADS    An object belongs to the uv loop it was made on; use it on that loop's thread only.
 *            dsql_rt_post() is the one call allowed from elsewhere, and not after dsql_rt_close().
 * CALLBACKS  Run from the loop, never inside the call that caused them; at most once; exactly once unless the
 *            future is destroyed first. After destroy returns it will not run. What a callback may do is stated
 *            at its type; destroying its own future, starting work and closing things are always allowed.
 * OWNERSHIP  A returned dsql_future is the caller's to destroy. dsql_all() takes its children over. What was made on a
 *            runtime must be gone before its dsql_rt_close() calls back. What frees, closes, releases or destroys takes
 *            NULL, and then does nothing.
 * VIEWS      Rows, strings and errors read from a future live until that future is destroyed.
 * INPUTS     SQL, parameters and configs are copied before a call returns. Callback args are not.
 * SUCCESS    An operation has succeeded when its Sync group ended well (ReadyForQuery), never earlier.
 * FAILURE    A call that starts work reports every failure through its future. NULL means no memory, and every
 *            function takes a NULL future: its code is DSQL_ENOMEM.
 * ENCODING   All text is UTF-8; client_encoding is set so in the StartupMessage.
 *
 * "Protocol" below is the chapter "Frontend/Backend Protocol" of the PostgreSQL 18 documentation. */
#ifndef DSQL_H
#define DSQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dsql/export.h"  /* generated: DSQL_API, DSQL_NODISCARD */
#include "dsql/version.h" /* generated: DSQL_VERSION_STRING and its numbers */

#ifdef __cplusplus
extern "C" {
#endif

struct uv_loop_s; /* uv_loop_t; this header includes neither uv.h nor OpenSSL's headers */

typedef struct dsql_rt dsql_rt;                   /* one per uv_loop_t */
typedef struct dsql_target dsql_target;           /* where and how to connect, resolved; immutable, reusable */
typedef struct dsql_auth dsql_auth;               /* a source of passwords or tokens */
typedef struct dsql_credentials dsql_credentials; /* a source of AWS credentials */
typedef struct dsql_conn dsql_conn;               /* one session */
typedef struct dsql_pool dsql_pool;               /* sessions to one target, lent out */
typedef struct dsql_stmt dsql_stmt;               /* SQL text + types; prepared lazily on each session */
typedef struct dsql_tx dsql_tx;                   /* one attempt of a transaction */
typedef struct dsql_batch dsql_batch;             /* statements declared up front */
typedef struct dsql_future dsql_future;           /* one started operation */
typedef struct dsql_result dsql_result;           /* rows, owned by a future */

/* A view: not NUL-terminated, owned by what it was read from. */
typedef struct dsql_str {
  const char *ptr;
  size_t len;
} dsql_str;

/* The library's version, "major.minor.patch"; DSQL_VERSION_STRING is that of the header. */
DSQL_API const char *dsql_version(void);

/* ---- errors: 0 or a negative code; never errno, never a thread-local ---------------------------------------- */

/* clang-format off */
#define DSQL_ERROR_MAP(X)                                                                                              \
  X(ENOMEM, -1, "out of memory")                                                                                       \
  X(EINVAL, -2, "invalid argument")                                                                                    \
  X(ECANCELED, -3, "canceled")                                                                                         \
  X(ETIMEDOUT, -4, "deadline passed")                                                                                  \
  X(ECLOSED, -5, "connection closed")                                                                                  \
  X(EIO, -6, "socket error, see os_error")                                                                             \
  X(ETLS, -7, "TLS failure")                                                                                           \
  X(EAUTH, -8, "authentication failed")                                                                                \
  X(EPROTO, -9, "protocol violation")                                                                                  \
  X(ESERVER, -10, "server error, see sqlstate")                                                                        \
  X(EBUSY, -11, "queue full")                                                                                          \
  X(ENOTREADY, -12, "future not ready")                                                                                \
  X(ETYPE, -13, "wrong type")                                                                                          \
  X(ENULL, -14, "value is NULL")                                                                                       \
  X(EABORT, -15, "stopped by the caller, see app_code")                                                                \
  X(ESKIPPED, -16, "not run or undone: its group failed")                                                              \
  X(ETOOBIG, -17, "over a size limit")                                                                                 \
  X(ECREDENTIALS, -18, "no usable credentials")                                                                        \
  X(ERANGE, -19, "value out of range")                                                                                 \
  X(EROLLBACK, -20, "COMMIT was answered with ROLLBACK")                                                               \
  X(EUNSUPPORTED, -21, "not supported")
/* clang-format on */

#define X(name, value, text) DSQL_##name = value,
enum dsql_code { DSQL_OK = 0, DSQL_ERROR_MAP(X) DSQL_CODE_MIN = -99 };
#undef X

enum dsql_error_flag {
  DSQL_RETRYABLE = 1u,    /* 40001, 40P01: run the whole transaction again */
  DSQL_CONN_LOST = 2u,    /* the connection is unusable */
  DSQL_IN_DOUBT = 4u,     /* may have committed: the answer to the commit was never read */
  DSQL_NOT_SENT = 8u,     /* no byte of it reached the socket */
  DSQL_ROLLED_BACK = 16u, /* its statement ran, then its group failed and undid it */
  DSQL_CLIENT_SIDE = 32u  /* raised by this library, not by the server */
};

/* Lives as long as the future it was read from. */
typedef struct dsql_error {
  int code;              /* enum dsql_code */
  int os_error;          /* errno of a failed socket call, else 0 */
  int app_code;          /* of EABORT: what the callback, body or batch of the caller's stopped the work with */
  unsigned flags;        /* enum dsql_error_flag */
  unsigned attempts;     /* how often the work was tried; 1 unless something retries */
  int cause_index;       /* index in its group of the statement that failed; -1: none (a failure at Sync, a socket) */
  char sqlstate[6];      /* of the server, five digits and upper-case letters; else "" */
  dsql_str message;      /* one sentence or more, for people; never contains a secret */
  dsql_str detail, hint; /* of the server, may be empty */
} dsql_error;

DSQL_API const char *dsql_strerror(int code);
DSQL_API const char *dsql_error_name(int code); /* "DSQL_ETIMEDOUT" */
/* Type bytes of the ErrorResponse's fields (Protocol, "Error and Notice Message Fields"). */
enum dsql_error_field_type {
  DSQL_FIELD_SEVERITY = 'V',       /* ERROR, FATAL, PANIC; of a notice WARNING, NOTICE, DEBUG, INFO, LOG */
  DSQL_FIELD_SEVERITY_LOCAL = 'S', /* the same in the server's language */
  DSQL_FIELD_SQLSTATE = 'C',
  DSQL_FIELD_MESSAGE = 'M', /* the server's alone; dsql_error.message may say more */
  DSQL_FIELD_DETAIL = 'D',
  DSQL_FIELD_HINT = 'H',
  DSQL_FIELD_POSITION = 'P',          /* in the statement: characters from 1, in decimal */
  DSQL_FIELD_INTERNAL_POSITION = 'p', /* the same, in the internal query */
  DSQL_FIELD_INTERNAL_QUERY = 'q',
  DSQL_FIELD_CONTEXT = 'W', /* a line for each call that the error came through */
  DSQL_FIELD_SCHEMA = 's',
  DSQL_FIELD_TABLE = 't',
  DSQL_FIELD_COLUMN = 'c',
  DSQL_FIELD_DATA_TYPE = 'd',
  DSQL_FIELD_CONSTRAINT = 'n',
  DSQL_FIELD_SOURCE_FILE = 'F', /* of the server: where it was raised */
  DSQL_FIELD_SOURCE_LINE = 'L',
  DSQL_FIELD_SOURCE_ROUTINE = 'R'
};
/* Empty when the server sent none. Lives as long as e; NULL has none. */
DSQL_API dsql_str dsql_error_field(const dsql_error *e, char field);

/* ---- runtime: embedded in the caller's loop, which the caller runs -------------------------------------------- */

/* Every allocation of the library's own goes through this hook (OpenSSL, libuv and the resolver have theirs).
 * size 0 frees and returns NULL; a NULL return is out of memory, an ordinary error on every path. */
typedef struct dsql_alloc {
  void *(*realloc)(void *ctx, void *ptr, size_t size);
  void *ctx;
} dsql_alloc;

typedef void (*dsql_cb)(void *arg);

/* alloc may be NULL and is copied. The loop must outlive the runtime, which never stops or closes it. The runtime's
 * handles keep the loop alive only while a future is pending. EINVAL, ENOMEM, EIO. */
DSQL_API DSQL_NODISCARD int dsql_rt_new(dsql_rt **out, struct uv_loop_s *loop, const dsql_alloc *alloc);
/* Any thread: fn(arg) runs on the loop's thread, in the order of the calls. Its queue entry is the C library's malloc,
 * because the hook belongs to the loop's thread; posts alone do not keep the loop alive. ENOMEM, ECLOSED. */
DSQL_API DSQL_NODISCARD int dsql_rt_post(dsql_rt *rt, dsql_cb fn, void *arg);
/* Cancels all work (a COMMIT in flight ends ECANCELED | IN_DOUBT), closes every connection and handle; cb (may be
 * NULL) runs last, on the loop, then rt is gone. Futures stay readable and still must be destroyed - before cb runs,
 * because their memory is the runtime's; those left are freed with it. Connections stay valid, as failed ones, until
 * dsql_conn_close() or until cb runs. */
DSQL_API void dsql_rt_close(dsql_rt *rt, dsql_cb cb, void *arg);

/* ---- futures -------------------------------------------------------------------------------------------------- */

/* Runs on the loop. May destroy f, start work, close the connection or the runtime. */
typedef void (*dsql_future_cb)(dsql_future *f, void *arg);

/* One callback per future: a second registration is EINVAL. When f is ready already, cb runs at the next drain. */
DSQL_API DSQL_NODISCARD int dsql_future_on_ready(dsql_future *f, dsql_future_cb cb, void *arg);
DSQL_API bool dsql_future_ready(const dsql_future *f);
DSQL_API int dsql_future_code(const dsql_future *f);                /* 0, the failure, or ENOTREADY */
DSQL_API const dsql_error *dsql_future_error(const dsql_future *f); /* NULL unless it failed */
/* The result of a query (its first, when a script gave several). ENOTREADY, the failure's code, ETYPE. */
DSQL_API DSQL_NODISCARD int dsql_future_result(dsql_future *f, const dsql_result **out);
/* Asks: the future then completes, with ECANCELED or, when the work was faster, with its outcome. A query that was sent
 * completes at once and its answers are swallowed; the server is asked to cancel it as soon as that can hit nothing
 * else, which is never while other queries are on the wire behind it. Meanwhile nothing new is sent, and after
 * drain_timeout_ms the connection is given up; at once, when a pooler was asked and the query ended by itself. A COMMIT on
 * its way is waited for. */
DSQL_API void dsql_future_cancel(dsql_future *f);
/* Cancels when pending, forgets always; safe in its own callback. */
DSQL_API void dsql_future_destroy(dsql_future *f);
/* Lets the work finish unobserved, then frees it. */
DSQL_API void dsql_future_detach(dsql_future *f);
/* Ready when all n are, or at the first failure, which is its own; the others are canceled then. Takes the futures
 * over, also when it fails: destroying it destroys them. Their results are read through the pointers in fs until then. */
DSQL_API DSQL_NODISCARD dsql_future *dsql_all(dsql_rt *rt, dsql_future *const *fs, size_t n);
/* For tools and tests: runs the loop until f is ready and returns its code; ENOTREADY when nothing alive can complete
 * it. Not inside a uv callback (asserted in debug builds). */
DSQL_API DSQL_NODISCARD int dsql_future_run(dsql_future *f);

/* ---- values: PostgreSQL's own units -------------------------------------------------------------------------- */

/* Dates are days, timestamps microseconds since 2000-01-01 00:00 (UTC for timestamptz); both have infinities. */
#define DSQL_DATE_INFINITY INT32_MAX
#define DSQL_DATE_NEG_INFINITY INT32_MIN
#define DSQL_TIMESTAMP_INFINITY INT64_MAX
#define DSQL_TIMESTAMP_NEG_INFINITY INT64_MIN
#define DSQL_UNIX_EPOCH_DAYS INT32_C(10957)         /* 1970-01-01 is day -10957 */
#define DSQL_UNIX_EPOCH_US INT64_C(946684800000000) /* add to a timestamp to get Unix microseconds */

typedef struct dsql_uuid {
  uint8_t bytes[16];
} dsql_uuid;
typedef struct dsql_timetz {
  int64_t time_us;      /* since midnight, local */
  int32_t utc_offset_s; /* seconds EAST of UTC: +02 is 7200 (the wire has the opposite sign) */
} dsql_timetz;
typedef struct dsql_interval {
  int64_t time_us;
  int32_t days, months; /* infinite (PostgreSQL 17+): all three at their minimum or maximum */
} dsql_interval;

/* Type OIDs of the codecs (src/include/catalog/pg_type.dat). Those of dsql/scalars.h have codecs too; any other type
 * travels as text or raw bytes. */
/* clang-format off */
enum dsql_oid {
  DSQL_BOOL = 16, DSQL_BYTEA = 17, DSQL_CHAR = 18, DSQL_NAME = 19, DSQL_INT8 = 20, DSQL_INT2 = 21, DSQL_INT4 = 23,
  DSQL_TEXT = 25, DSQL_OID = 26, DSQL_JSON = 114, DSQL_FLOAT4 = 700, DSQL_FLOAT8 = 701, DSQL_UNKNOWN = 705,
  DSQL_BPCHAR = 1042, DSQL_VARCHAR = 1043, DSQL_DATE = 1082, DSQL_TIME = 1083, DSQL_TIMESTAMP = 1114,
  DSQL_TIMESTAMPTZ = 1184, DSQL_INTERVAL = 1186, DSQL_TIMETZ = 1266, DSQL_NUMERIC = 1700, DSQL_UUID = 2950,
  DSQL_JSONB = 3802
};
/* clang-format on */

/* ---- parameters ------------------------------------------------------------------------------------------------ */

/* Made by the constructors; a struct so that it costs no memory. Pointers in it need only live until the call. */
typedef struct dsql_param {
  uint32_t oid;          /* 0: the server infers */
  int32_t format;        /* 0 text, 1 binary */
  int32_t len;           /* -1: NULL; -2: a constructor refused its input (then the call fails with EINVAL) */
  const void *data;      /* NULL: the value is in imm */
  unsigned char imm[24]; /* scalars, in wire form */
} dsql_param;

typedef struct dsql_params {
  const dsql_param *v;
  size_t n;
} dsql_params;

DSQL_API dsql_param dsql_null(void);
DSQL_API dsql_param dsql_null_of(uint32_t oid);
DSQL_API dsql_param dsql_bool(bool v);
DSQL_API dsql_param dsql_int2(int16_t v);
DSQL_API dsql_param dsql_int4(int32_t v);
DSQL_API dsql_param dsql_int8(int64_t v);
DSQL_API dsql_param dsql_oid(uint32_t v);
DSQL_API dsql_param dsql_float4(float v);
DSQL_API dsql_param dsql_float8(double v);
DSQL_API dsql_param
dsql_text(const char *s); /* type inferred by the server, so '2026-01-31' can be a date; NULL is NULL */
DSQL_API dsql_param dsql_text_n(const char *s, size_t n);
DSQL_API dsql_param dsql_bytes(const void *p, size_t n); /* bytea */
DSQL_API dsql_param dsql_uuid_param(dsql_uuid v);
DSQL_API dsql_param dsql_date(int32_t days);
DSQL_API dsql_param dsql_time(int64_t time_us);
DSQL_API dsql_param dsql_timetz_param(dsql_timetz v);
DSQL_API dsql_param dsql_timestamp(int64_t us);
DSQL_API dsql_param dsql_timestamptz(int64_t us);
DSQL_API dsql_param dsql_interval_param(dsql_interval v);
DSQL_API dsql_param dsql_numeric(const char *decimal);              /* "12.30", "NaN" */
DSQL_API dsql_param dsql_numeric_scaled(int64_t v, unsigned scale); /* v / 10^scale; scale 0..18 */
DSQL_API dsql_param dsql_json(const char *s);
DSQL_API dsql_param dsql_jsonb(const char *s);
DSQL_API dsql_param dsql_raw(uint32_t oid, int format, const void *p, size_t n); /* any type's wire form */

#include "dsql/inline.h" /* some of them again, for the compiler to take into the caller */

#ifdef __cplusplus
} /* C++ builds dsql_params from a braced list: see <dsql/dsql.hpp> */
extern "C" {
#else
#define DSQL_PARAMS(...)                                                                                               \
  ((dsql_params){(dsql_param[]){__VA_ARGS__}, sizeof((dsql_param[]){__VA_ARGS__}) / sizeof(dsql_param)})
#define DSQL_NO_PARAMS ((dsql_params){0, 0})
#endif

/* ---- results: views, alive until their future is destroyed ------------------------------------------------------ */

DSQL_API size_t dsql_result_rows(const dsql_result *r);
DSQL_API unsigned dsql_result_cols(const dsql_result *r);
DSQL_API dsql_str dsql_result_tag(const dsql_result *r);            /* the command tag: "SELECT 2", "COMMIT" */
DSQL_API int64_t dsql_result_affected(const dsql_result *r);        /* from the tag; -1 if it has no count */
DSQL_API const dsql_result *dsql_result_next(const dsql_result *r); /* the script's next statement, or NULL */
DSQL_API dsql_str dsql_result_col_name(const dsql_result *r, unsigned col);
DSQL_API uint32_t dsql_result_col_oid(const dsql_result *r, unsigned col);
DSQL_API int dsql_result_col_format(const dsql_result *r, unsigned col);   /* 0 text, 1 binary: of dsql_get_raw() */
DSQL_API int dsql_result_col_find(const dsql_result *r, const char *name); /* the first of that name, or -1 */
/* The rest of a RowDescription column. */
typedef struct dsql_column {
  dsql_str name;
  uint32_t type_oid, table_oid;
  int16_t attribute_number, type_size, format;
  int32_t type_modifier;
} dsql_column;
DSQL_API DSQL_NODISCARD int dsql_result_column(const dsql_result *r, unsigned col, dsql_column *out);

/* Out of range is NULL. */
DSQL_API bool dsql_is_null(const dsql_result *r, size_t row, unsigned col);

/* Typed getters give the same value whether the column came as text or binary. They return 0, or EINVAL (no such row
 * or column), ENULL, ETYPE (the column has another type), ERANGE (it does not fit), EPROTO (bytes that are no value
 * of the type), ENOMEM; *out is written only on 0. Integers widen: dsql_get_int8 reads int2, int4, int8 and oid. */
DSQL_API DSQL_NODISCARD int dsql_get_bool(const dsql_result *r, size_t row, unsigned col, bool *out);
DSQL_API DSQL_NODISCARD int dsql_get_int2(const dsql_result *r, size_t row, unsigned col, int16_t *out);
DSQL_API DSQL_NODISCARD int dsql_get_int4(const dsql_result *r, size_t row, unsigned col, int32_t *out);
DSQL_API DSQL_NODISCARD int dsql_get_int8(const dsql_result *r, size_t row, unsigned col, int64_t *out);
DSQL_API DSQL_NODISCARD int dsql_get_oid(const dsql_result *r, size_t row, unsigned col, uint32_t *out);
DSQL_API DSQL_NODISCARD int dsql_get_float4(const dsql_result *r, size_t row, unsigned col, float *out);
DSQL_API DSQL_NODISCARD int dsql_get_float8(const dsql_result *r, size_t row, unsigned col,
                                            double *out); /* float4 too */
/* Any type, as the text that the server would have sent. Free of copies when the column came as text. */
DSQL_API DSQL_NODISCARD int dsql_get_text(const dsql_result *r, size_t row, unsigned col, dsql_str *out);
DSQL_API DSQL_NODISCARD int dsql_get_bytes(const dsql_result *r, size_t row, unsigned col, dsql_str *out); /* bytea */
DSQL_API DSQL_NODISCARD int dsql_get_uuid(const dsql_result *r, size_t row, unsigned col, dsql_uuid *out);
DSQL_API DSQL_NODISCARD int dsql_get_date(const dsql_result *r, size_t row, unsigned col, int32_t *days);
DSQL_API DSQL_NODISCARD int dsql_get_time(const dsql_result *r, size_t row, unsigned col, int64_t *time_us);
DSQL_API DSQL_NODISCARD int dsql_get_timetz(const dsql_result *r, size_t row, unsigned col, dsql_timetz *out);
DSQL_API DSQL_NODISCARD int dsql_get_timestamp(const dsql_result *r, size_t row, unsigned col, int64_t *us);
DSQL_API DSQL_NODISCARD int dsql_get_timestamptz(const dsql_result *r, size_t row, unsigned col, int64_t *us);
DSQL_API DSQL_NODISCARD int dsql_get_interval(const dsql_result *r, size_t row, unsigned col, dsql_interval *out);
DSQL_API DSQL_NODISCARD int dsql_get_numeric(const dsql_result *r, size_t row, unsigned col, dsql_str *decimal);
/* The exact value times 10^scale (0..18); ERANGE when it has more decimals or does not fit, or is NaN or infinite. */
DSQL_API DSQL_NODISCARD int dsql_get_numeric_scaled(const dsql_result *r, size_t row, unsigned col, unsigned scale,
                                                    int64_t *out);
DSQL_API DSQL_NODISCARD int dsql_get_json(const dsql_result *r, size_t row, unsigned col,
                                          dsql_str *out); /* jsonb too */
/* The bytes as they came, and their format (may be NULL). */
DSQL_API DSQL_NODISCARD int dsql_get_raw(const dsql_result *r, size_t row, unsigned col, dsql_str *out, int *format);

/* ---- targets and configuration: sized structs, so a field can be added without breaking the ABI ----------------- */

enum dsql_sslmode {
  DSQL_SSL_DEFAULT,
  DSQL_SSL_DISABLE,
  DSQL_SSL_ALLOW,
  DSQL_SSL_PREFER,
  DSQL_SSL_REQUIRE,
  DSQL_SSL_VERIFY_CA,
  DSQL_SSL_VERIFY_FULL
};

/* Prepares a session before anything else runs on it (SET search_path ...): called from the loop when c could be used,
 * it starts work on c and returns the future that ends it; the library takes the future over, which must have no
 * callback. With nothing to do, that is dsql_all(rt, NULL, 0); NULL is out of memory. What it starts before it returns
 * goes ahead of all calls, which wait meanwhile. When the future fails, the connection fails with its error, and no call
 * is sent. May close c. */
typedef dsql_future *(*dsql_after_connect_fn)(dsql_conn *c, void *arg);

/* Zero and NULL mean: from the target string, else the default. */
typedef struct dsql_config {
  size_t size;
  /* A URL (postgres://, postgresql://) or a libpq keyword string ("host=... sslmode=..."), with libpq's keywords and
   * parsing rules (PostgreSQL 18 documentation, "Connection Strings"); or dsql://, a cluster's host name, or its
   * 26-character id. The fields below win over it.
   *
   * DSQL mode is on for dsql://, a cluster id, a host like <id>.dsql.<region>.on.aws, or auth=iam. Its defaults: user
   * admin, database postgres, port 5432, direct TLS, verify-full, an IAM token as the password. TLS can't be weakened,
   * and host and TLS never come from PG* variables. The region is that of the config, else of the host, AWS_REGION,
   * AWS_DEFAULT_REGION, the profile. Keys besides libpq's: auth (iam, password), region, profile, token_duration_secs,
   * sign_host, connect_host, application_name_prefix; and, in any mode, statement_cache_size. */
  const char *target;
  const char *host, *hostaddr, *database, *user, *password, *application_name;
  uint16_t port;
  enum dsql_sslmode sslmode;   /* verify-full, except on Unix sockets */
  uint32_t connect_timeout_ms; /* over name lookup, TCP, TLS, authentication and all hosts; none */
  uint32_t query_timeout_ms;   /* default of each call's timeout_ms; none */
  uint32_t drain_timeout_ms;   /* 2000: how long a canceled operation's answers, and the end behind a FATAL, may take */
  uint32_t queue_ops_max;      /* 65536 operations queued per connection, past it EBUSY | NOT_SENT */
  size_t queue_bytes_max;      /* 256 MiB of encoded requests queued per connection, likewise */
  size_t result_bytes_max;     /* 1 GiB per materialised result, past it ETOOBIG and the connection is kept */
  size_t message_bytes_max;    /* 1 GiB - 1: a larger server message is a protocol violation */
  bool cleartext_without_tls;  /* allow a cleartext password to leave over an unencrypted TCP connection */

  /* DSQL mode. */
  const char *region, *profile;        /* profile: of AWS's shared files; AWS_PROFILE, else "default" */
  const char *sign_host;               /* the host that the token is for; host */
  const char *connect_host;            /* name or address to dial in place of host: a PrivateLink endpoint */
  const char *application_name_prefix; /* put before "libdsql/<version>", when application_name is not given */
  uint32_t token_duration_s;           /* 900; 1 to 604800, and never beyond the credentials' own expiry */
  dsql_credentials *credentials;       /* NULL: the AWS SDKs' default chain */

  /* Any mode. */
  dsql_auth *auth;                     /* asked for the password; NULL: the password, or a token in DSQL mode */
  dsql_after_connect_fn after_connect; /* NULL: nothing */
  void *after_connect_arg;
  /* Off: over TLS with verify-full, once it is known how the server authenticates this user (from an earlier connection of
   * this runtime; at once for IAM tokens), the credentials and the first queries leave together with the start-up, before
   * the server has asked: one or two round trips less. Never with channel_binding=require. */
  bool no_fast_connect;
  /* How many statements (dsql_stmt) are kept prepared on a connection; past it the one used least recently is closed.
   * 256, but none behind a pooler, as far as one is recognised. Setting it makes them named there too, which takes a
   * pooler that keeps track of them (PgBouncer 1.21 with max_prepared_statements). See docs/statements.md. */
  uint32_t statement_cache_size; /* 1 to 65536, or DSQL_NO_STATEMENT_CACHE: never named */
} dsql_config;
#define DSQL_NO_STATEMENT_CACHE UINT32_MAX
DSQL_API void dsql_config_init_sized(dsql_config *c, size_t size);
#define dsql_config_init(c) dsql_config_init_sized((c), sizeof *(c))

/* Resolves and copies everything; touches no network. On failure *error (if asked for) tells which input is wrong and
 * how to mend it; it lives until the next call on this runtime. EINVAL, EUNSUPPORTED, ENOMEM. */
DSQL_API DSQL_NODISCARD int dsql_target_new(dsql_target **out, dsql_rt *rt, const dsql_config *c,
                                            const dsql_error **error);
DSQL_API void dsql_target_free(dsql_target *t); /* connections made from it keep it alive */

/* What a target resolved to, in the order of libpq's keywords and then DSQL's own; false past the last. */
typedef struct dsql_setting {
  const char *name;
  dsql_str value;     /* empty: none. Secrets are shown as "****" */
  const char *source; /* "connection string", "environment variable PGUSER", "host name", "default", ... */
  bool given;         /* by the string, dsql_config or the service file, not by the environment or as a default */
} dsql_setting;
DSQL_API bool dsql_target_setting(const dsql_target *t, size_t index, dsql_setting *out);
/* The index-th thing worth a warning, such as a name that was cut to 63 bytes; NULL past the last. */
DSQL_API const char *dsql_target_notice(const dsql_target *t, size_t index);

/* ---- identity ---------------------------------------------------------------------------------------------------- */

/* An IAM token (a password for Aurora DSQL), signed here and now, without network, files or environment. expires: of the
 * credentials, Unix time, 0: never; a token ends with them. Writes the token and its NUL and the length; 4096 bytes
 * suffice unless the session token is over 2 kB. EINVAL (see *why, which may be NULL: static text), ECREDENTIALS (they
 * expire within a second), ETOOBIG, ENOMEM. */
typedef struct dsql_token_request {
  size_t size;
  const char *host, *region; /* required */
  const char *user;          /* "admin", the default, asks for DbConnectAdmin, any other for DbConnect */
  const char *access_key_id, *secret_access_key, *session_token;
  int64_t credentials_expire_unix_s;
  uint32_t duration_s; /* 900 */
  int64_t at_unix_s;   /* required: the time of signing */
} dsql_token_request;
DSQL_API void dsql_token_request_init_sized(dsql_token_request *q, size_t size);
#define dsql_token_request_init(q) dsql_token_request_init_sized((q), sizeof *(q))
DSQL_API DSQL_NODISCARD int dsql_token_generate(const dsql_token_request *q, char *out, size_t cap, size_t *len,
                                                const char **why);

/* The token that a connection to t would send now, its credentials fetched where needed. at_unix_s 0: the cached one, or
 * a new one. Else signed for that time, and not cached. EINVAL when t is not in DSQL mode. */
DSQL_API DSQL_NODISCARD dsql_future *dsql_target_token(const dsql_target *t, int64_t at_unix_s);
DSQL_API DSQL_NODISCARD int dsql_future_text(dsql_future *f, dsql_str *out); /* of dsql_target_token(); secret */

/* Tokens are shared by all targets of a runtime with the same host, region, action, credentials and duration: served
 * from the cache, renewed in the background at 80 % of their life while they are used, one renewal at a time; when
 * renewing fails, the last good token serves until it expires. Zeros when t uses no tokens. */
typedef struct dsql_token_stats {
  size_t size;
  uint64_t hits;               /* connects served at once */
  uint64_t waits;              /* connects that had to wait for a token */
  uint64_t signings, failures; /* of tokens; failures: attempts that gave none */
  uint64_t credential_fetches, credential_failures;
  int64_t age_s, expires_in_s; /* of the token; -1: there is none */
} dsql_token_stats;
DSQL_API void dsql_token_stats_get(const dsql_target *t, dsql_token_stats *out, size_t size);

/* A custom password source. want is called from the loop when a password is needed and none that it gave is valid, never
 * twice at a time; it answers whenever it likes, inside or later. The answer is copied. expires_unix_s 0: good for this
 * once; else it is kept, and asked for anew in the background at 80 % of its life. A request is gone when answered;
 * every one must be. Answering after dsql_rt_close() has called back is not allowed. */
typedef struct dsql_auth_request dsql_auth_request;
typedef void (*dsql_auth_fn)(dsql_auth_request *q, void *arg);
DSQL_API DSQL_NODISCARD int dsql_auth_new(dsql_auth **out, dsql_rt *rt, dsql_auth_fn want, void *arg);
DSQL_API void dsql_auth_answer(dsql_auth_request *q, const char *secret, int64_t expires_unix_s);
DSQL_API void dsql_auth_fail(dsql_auth_request *q, const char *reason);
DSQL_API void dsql_auth_free(dsql_auth *a); /* targets made with it keep it alive */

/* AWS credentials from elsewhere: given once, or by a provider that is asked like a dsql_auth and whose answer is kept
 * until shortly before it expires (0: for good). EINVAL: an empty key. */
typedef struct dsql_credentials_request dsql_credentials_request;
typedef void (*dsql_credentials_fn)(dsql_credentials_request *q, void *arg);
DSQL_API DSQL_NODISCARD int dsql_credentials_new(dsql_credentials **out, dsql_rt *rt, dsql_credentials_fn want,
                                                 void *arg);
DSQL_API DSQL_NODISCARD int dsql_credentials_new_static(dsql_credentials **out, dsql_rt *rt, const char *access_key_id,
                                                        const char *secret_access_key, const char *session_token,
                                                        int64_t expires_unix_s);
DSQL_API void dsql_credentials_answer(dsql_credentials_request *q, const char *access_key_id,
                                      const char *secret_access_key, const char *session_token, int64_t expires_unix_s);
DSQL_API void dsql_credentials_fail(dsql_credentials_request *q, const char *reason);
DSQL_API void dsql_credentials_free(dsql_credentials *c); /* targets made with it keep it alive */

/* ---- connections. Calls made before control returns to the loop leave in one write (implicit pipelining). ------- */

/* Per-call options; NULL means defaults. */
typedef struct dsql_call {
  size_t size;
  uint32_t timeout_ms;     /* the target's query_timeout_ms; then ETIMEDOUT, see dsql_future_cancel() */
  size_t result_bytes_max; /* the target's */
  bool read_only;          /* promises no effect: never in doubt */
  bool text_results;       /* ask for text in every column */
} dsql_call;
DSQL_API void dsql_call_init_sized(dsql_call *o, size_t size);
#define dsql_call_init(o) dsql_call_init_sized((o), sizeof *(o))

/* Returns at once; the connection is usable at once: calls queue and ride along with the connect, right behind the
 * final authentication message. It must be closed with dsql_conn_close(). ENOMEM, ECLOSED (runtime closing). */
DSQL_API DSQL_NODISCARD int dsql_conn_open(dsql_conn **out, dsql_rt *rt, const dsql_target *t);
/* The same with what differs on this connection; NULL means nothing does. */
typedef struct dsql_conn_options {
  size_t size;
  dsql_auth *auth;               /* in place of the target's */
  dsql_credentials *credentials; /* in place of the target's; DSQL mode */
} dsql_conn_options;
DSQL_API void dsql_conn_options_init_sized(dsql_conn_options *o, size_t size);
#define dsql_conn_options_init(o) dsql_conn_options_init_sized((o), sizeof *(o))
DSQL_API DSQL_NODISCARD int dsql_conn_open_with(dsql_conn **out, dsql_rt *rt, const dsql_target *t,
                                                const dsql_conn_options *o);
/* Completes when the session is ready for queries, or with why it can't be; at any time, as often as you like. */
DSQL_API DSQL_NODISCARD dsql_future *dsql_conn_ready(dsql_conn *c);
/* Pending operations end with ECLOSED (IN_DOUBT where it applies); c is invalid when the call returns. */
DSQL_API void dsql_conn_close(dsql_conn *c);

/* One statement by the extended protocol, in one flight: Parse, Bind, Describe, Execute, Sync. It leaves nothing on the
 * server, so it works through any pooler; text that is used often is better made a dsql_stmt. */
DSQL_API DSQL_NODISCARD dsql_future *dsql_query(dsql_conn *c, const char *sql, dsql_params p, const dsql_call *o);
/* The same with a named statement: parsed once per connection, described once, binary results where a codec exists. It
 * is prepared anew when the server has lost it (DEALLOCATE, DISCARD) or its result type has changed, and executed once
 * more unless a transaction is open or other work is in flight; then the server's error (26000, 0A000) is shown. A
 * connection keeps statement_cache_size of them. Behind a pooler it has no name, and each use is a flight as above. */
DSQL_API DSQL_NODISCARD dsql_future *dsql_query_stmt(dsql_conn *c, dsql_stmt *s, dsql_params p, const dsql_call *o);
/* A script by the simple protocol: many statements, no parameters, text results (dsql_result_next()). */
DSQL_API DSQL_NODISCARD dsql_future *dsql_exec(dsql_conn *c, const char *script, const dsql_call *o);

/* Called on the loop for every row; the row's views live until it returns. Rows are provisional until the future
 * completes. Return 0 to go on; DSQL_ROW_PAUSE to pause behind this row until dsql_resume(); any other value stops
 * the query: its future fails with EABORT and that app_code. May destroy the future, start work, close things. The
 * future's own result has the columns and the tag, and no rows. */
enum { DSQL_ROW_PAUSE = 1 };
typedef int (*dsql_row_fn)(const dsql_result *one_row, void *arg);
DSQL_API DSQL_NODISCARD dsql_future *dsql_query_each(dsql_conn *c, const char *sql, dsql_params p, dsql_row_fn fn,
                                                     void *arg, const dsql_call *o);
DSQL_API DSQL_NODISCARD dsql_future *dsql_query_stmt_each(dsql_conn *c, dsql_stmt *s, dsql_params p, dsql_row_fn fn,
                                                          void *arg, const dsql_call *o);
/* Rows come from the loop, not inside this call. Inside the callback that is about to pause it counts, too. */
DSQL_API void dsql_resume(dsql_future *f);

/* What is called between begin and end travels under one Sync: one implicit transaction, all or nothing (Protocol,
 * "Pipelining"). After a failure every member fails: the culprit with its error, those before it with ESKIPPED |
 * ROLLED_BACK, those behind it with ESKIPPED; cause_index names the culprit. A member that commits by itself (COMMIT,
 * CALL, DO, VACUUM) ends the promise for those before it: they are not undone any more, or in doubt and flagged so. A
 * COPY TO STDOUT is refused without failing its group. dsql_exec() is refused inside. EINVAL. */
DSQL_API DSQL_NODISCARD int dsql_pipeline_begin(dsql_conn *c);
DSQL_API DSQL_NODISCARD int dsql_pipeline_end(dsql_conn *c);

/* oids (may be NULL) give the types of the first n parameters; 0 leaves one to the server. EINVAL, ENOMEM. */
DSQL_API DSQL_NODISCARD int dsql_stmt_new(dsql_stmt **out, dsql_rt *rt, const char *sql, const uint32_t *oids,
                                          size_t n);
DSQL_API void dsql_stmt_free(dsql_stmt *s); /* operations under way keep it alive; connections close it when idle */

/* ---- a connection's state --------------------------------------------------------------------------------------- */

enum dsql_conn_status {
  DSQL_CONN_CONNECTING, /* name lookup, TCP, TLS or authentication under way */
  DSQL_CONN_READY,
  DSQL_CONN_DRAINING, /* a canceled operation's answers are awaited; calls queue */
  DSQL_CONN_FAILED    /* failed: every call fails with ECLOSED */
};
enum dsql_tx_status { DSQL_TX_UNKNOWN = 0, DSQL_TX_IDLE = 'I', DSQL_TX_OPEN = 'T', DSQL_TX_FAILED = 'E' };

DSQL_API enum dsql_conn_status dsql_conn_status(const dsql_conn *c);
DSQL_API enum dsql_tx_status dsql_conn_tx_status(const dsql_conn *c); /* of the last ReadyForQuery */
/* The last ParameterStatus of that name ("server_version"), or an empty view; lives until the next loop turn. */
DSQL_API dsql_str dsql_conn_parameter(const dsql_conn *c, const char *name);
DSQL_API int32_t dsql_conn_backend_pid(const dsql_conn *c);     /* 0 when the server sent no BackendKeyData */
DSQL_API unsigned dsql_conn_server_version(const dsql_conn *c); /* 180004 for 18.4; 0 when unknown */
DSQL_API bool dsql_conn_tls(const dsql_conn *c);
DSQL_API dsql_rt *dsql_conn_rt(const dsql_conn *c);
DSQL_API const dsql_error *dsql_conn_error(const dsql_conn *c); /* why it was lost; NULL while it is not */
DSQL_API void dsql_conn_set_user_data(dsql_conn *c, void *data);
DSQL_API void *dsql_conn_user_data(const dsql_conn *c);

/* Where it leads. Views, until dsql_conn_close(); what there is not is empty. */
typedef struct dsql_conn_info {
  size_t size;
  dsql_str host; /* as configured: of several the one whose turn it is. A Unix socket: its path */
  uint16_t port; /* 0: a Unix socket */
  dsql_str database, user;
  /* Of a connection that is up. */
  dsql_str tls_version, tls_cipher; /* "TLSv1.3", "TLS_AES_256_GCM_SHA384"; empty: no TLS */
  char address[72];                 /* "192.0.2.7:5432", "[2001:db8::7]:5432"; empty: a Unix socket */
} dsql_conn_info;
DSQL_API void dsql_conn_info_get(const dsql_conn *c, dsql_conn_info *out, size_t size);

/* Round trips waited for since dsql_conn_open: TCP, SSLRequest, TLS flights, authentication and queries. */
typedef struct dsql_conn_stats {
  size_t size;
  uint64_t bytes_sent, bytes_received, writes, reads; /* socket calls that moved bytes */
  uint32_t connect_round_trips;                       /* until the session was ready */
  uint32_t connect_us;                                /* from dsql_conn_open until then */
  /* What connect_us was spent on, over all hosts and attempts; together they are it. Of a connection that is not ready,
   * the phases that have ended. */
  uint32_t prepare_us;    /* waiting for the password's source and the trust store */
  uint32_t dns_us;        /* name lookup; 0 for addresses */
  uint32_t socket_us;     /* TCP, or the Unix socket */
  uint32_t sslrequest_us; /* asking whether the server speaks TLS; 0 with direct TLS */
  uint32_t tls_us;        /* the handshake */
  uint32_t auth_us;       /* start-up, authentication, after_connect */
} dsql_conn_stats;
DSQL_API void dsql_conn_stats_get(const dsql_conn *c, dsql_conn_stats *out, size_t size);

/* NoticeResponse; the notice lives until the callback returns. Set before control returns to the loop to see those of
 * the start-up too. Without a callback notices are dropped. May start work and close things. */
typedef void (*dsql_notice_fn)(dsql_conn *c, const dsql_error *notice, void *arg);
DSQL_API void dsql_conn_on_notice(dsql_conn *c, dsql_notice_fn fn, void *arg);
/* Every message, one line each without its newline, in the text format of libpq's PQtrace() without time stamps.
 * Passwords and SASL data are left out. Called from inside the library: it may only record the line. */
typedef void (*dsql_trace_fn)(const char *line, size_t len, void *arg);
DSQL_API void dsql_conn_on_trace(dsql_conn *c, dsql_trace_fn fn, void *arg);

/* ---- pool: connections to one target, lent to one borrower at a time ---------------------------------------------- */

struct dsql_tx_options;

/* Called from the loop before a connection is opened. *target is the pool's and may be replaced by another one of the
 * same runtime. Returns 0, or an app_code with which the attempt fails (EABORT). Must not touch the pool. */
typedef int (*dsql_before_connect_fn)(dsql_pool *p, const dsql_target **target, void *arg);
/* Called inside dsql_pool_release(), or from the loop, when c came back idle and clean. False: it is closed instead of
 * being lent again. May look at c, and must not start work on it or touch the pool. */
typedef bool (*dsql_release_fn)(dsql_pool *p, dsql_conn *c, void *arg);

/* Zero and NULL mean: the default named here. */
#define DSQL_NO_LIMIT UINT32_MAX /* for the four fields that say so */
typedef struct dsql_pool_config {
  size_t size;
  uint32_t conns_max;          /* 10, open and being opened; 1 to 100,000 */
  uint32_t conns_min;          /* 0: kept open although idle; at most conns_max */
  uint32_t waiters_max;        /* 1,000,000 acquires waiting, past it EBUSY | NOT_SENT. Or no limit */
  uint32_t acquire_timeout_ms; /* 30,000 from the call on, then ETIMEDOUT | NOT_SENT. Or no limit */
  uint32_t lifetime_ms;    /* 3,300,000 (55 min; DSQL ends sessions at 60), less up to 10 %, at random. Or no limit */
  uint32_t idle_ms;        /* 600,000 (10 min), then closed, down to conns_min. Or no limit */
  uint32_t connects_max;   /* 16 connections being opened at a time */
  uint32_t connects_per_s; /* 100 connections opened per second, after a burst of */
  uint32_t connects_burst; /* 1,000: both are a DSQL cluster's limits */
  const char *reset_sql;   /* "RESET ALL": sent ahead of the next borrower's first flight, in its write; none */
  dsql_before_connect_fn before_connect; /* none. A new session is prepared by the target's after_connect */
  void *before_connect_arg;
  dsql_release_fn on_release; /* none */
  void *on_release_arg;
  const struct dsql_tx_options *tx; /* defaults of this pool's transactions, copied; a call's own options win */
} dsql_pool_config;
DSQL_API void dsql_pool_config_init_sized(dsql_pool_config *c, size_t size);
#define dsql_pool_config_init(c) dsql_pool_config_init_sized((c), sizeof *(c))

/* c may be NULL. Opens conns_min connections in the background, and others when they are asked for. A pool is ended by
 * dsql_pool_close() or with its runtime. EINVAL (conns_max or conns_min out of range; t is another runtime's), ENOMEM,
 * ECLOSED (runtime closing). */
DSQL_API DSQL_NODISCARD int dsql_pool_new(dsql_pool **out, dsql_rt *rt, const dsql_target *t,
                                          const dsql_pool_config *c);

/* A connection of one's own until dsql_pool_release(): idle, outside a transaction. First come, first served; the
 * connection used last is lent first. ETIMEDOUT, EBUSY, ECLOSED; or what connecting failed with: at once when no
 * connection is open and trying again would not help (or none has ever been made), else when the time is up. */
DSQL_API DSQL_NODISCARD dsql_future *dsql_pool_acquire(dsql_pool *p);
/* Once per future; untaken, destroying it gives the connection back. ENOTREADY, the failure's code, ETYPE, EINVAL. */
DSQL_API DSQL_NODISCARD int dsql_future_take_conn(dsql_future *f, dsql_conn **out);
/* c was taken from p; it is not to be used any more. What is still under way on it is finished, and an open transaction
 * rolled back, before anybody else gets it; when that fails it is closed. NULL is allowed. */
DSQL_API void dsql_pool_release(dsql_pool *p, dsql_conn *c);

/* The calls of the same name, on a connection that is borrowed for just this. timeout_ms includes the wait for it. Where
 * one is being opened, they may travel with its start-up, like calls behind dsql_conn_open(). */
DSQL_API DSQL_NODISCARD dsql_future *dsql_pool_query(dsql_pool *p, const char *sql, dsql_params v, const dsql_call *o);
DSQL_API DSQL_NODISCARD dsql_future *dsql_pool_query_stmt(dsql_pool *p, dsql_stmt *s, dsql_params v,
                                                          const dsql_call *o);
DSQL_API DSQL_NODISCARD dsql_future *dsql_pool_exec(dsql_pool *p, const char *script, const dsql_call *o);
DSQL_API DSQL_NODISCARD dsql_future *dsql_pool_query_each(dsql_pool *p, const char *sql, dsql_params v, dsql_row_fn fn,
                                                          void *arg, const dsql_call *o);

/* Surplus connections are closed when idle, or as they come back. EINVAL. */
DSQL_API DSQL_NODISCARD int dsql_pool_resize(dsql_pool *p, uint32_t conns_max, uint32_t conns_min);
/* No connection that was opened before is lent again: after a failover, a change of roles or of the search_path. */
DSQL_API void dsql_pool_expire_all(dsql_pool *p);
/* No more acquires; those that wait fail with ECLOSED. Waits drain_timeout_ms (0: not at all) for what is lent out, then
 * fails what still runs there (ECLOSED, IN_DOUBT where it applies). The future completes when no connection is open;
 * destroying it changes nothing. p may be used no more but for releasing connections that were taken from it. A second
 * close is EINVAL. */
DSQL_API DSQL_NODISCARD dsql_future *dsql_pool_close(dsql_pool *p, uint32_t drain_timeout_ms);

/* Why connections were closed: index of dsql_pool_stats.gone. */
enum dsql_pool_gone {
  DSQL_GONE_LIFETIME, /* lifetime_ms */
  DSQL_GONE_IDLE,     /* idle_ms */
  DSQL_GONE_EXPIRED,  /* dsql_pool_expire_all(), or its server is not what target_session_attrs asks for any more */
  DSQL_GONE_SURPLUS,  /* dsql_pool_resize() */
  DSQL_GONE_LOST,     /* by the server or the network, idle or lent out */
  DSQL_GONE_DIRTY,    /* came back in a state that could not be mended */
  DSQL_GONE_REFUSED,  /* by on_release */
  DSQL_GONE_CLOSED,   /* dsql_pool_close() */
  DSQL_GONE_REASONS
};

/* Bucket i counts values below 2^i microseconds that no smaller bucket has; the last one has the rest. */
enum { DSQL_HISTOGRAM_BUCKETS = 32 };
typedef struct dsql_histogram {
  uint64_t count, sum_us, max_us;
  uint64_t buckets[DSQL_HISTOGRAM_BUCKETS];
} dsql_histogram;

typedef struct dsql_pool_stats {
  size_t size;
  /* now */
  uint32_t conns_max, conns_min;
  uint32_t idle, in_use, returning, connecting; /* returning: being drained or rolled back. All four <= conns_max */
  uint32_t waiters;
  /* since the pool was made */
  uint64_t acquires; /* granted, of all kinds of borrowers */
  uint64_t waits;    /* of these: not served at once */
  uint64_t acquire_timeouts, acquire_refusals, acquire_cancels;
  uint64_t connects, connect_failures;
  uint64_t rollbacks; /* connections that came back inside a transaction */
  uint64_t gone[DSQL_GONE_REASONS];
  uint64_t commits, retries, conflicts_data, conflicts_schema, in_doubt; /* of transactions */
  dsql_histogram acquire_time;                                           /* from the call to the grant */
  dsql_histogram connect_time; /* of those that succeeded, after_connect included */
  uint64_t flights;  /* of transactions: round trips, those of attempts that failed and their ROLLBACKs included */
  uint64_t attempts; /* of transactions */
} dsql_pool_stats;
DSQL_API void dsql_pool_stats_get(const dsql_pool *p, dsql_pool_stats *out, size_t size);
DSQL_API dsql_rt *dsql_pool_rt(const dsql_pool *p);

/* ---- transactions ---------------------------------------------------------------------------------------------- */

/* What a serialization failure was about. Decided by SQLSTATE (40001, 40P01, OC000, OC001); the text of a 40001 only
 * tells which of the two it is. */
enum dsql_conflict {
  DSQL_CONFLICT_NONE,
  DSQL_CONFLICT_DATA,  /* another transaction changed the same rows */
  DSQL_CONFLICT_SCHEMA /* Aurora DSQL, OC001: another session changed the catalog */
};
DSQL_API enum dsql_conflict dsql_error_conflict(const dsql_error *e); /* NULL: none */

enum dsql_isolation {
  DSQL_ISOLATION_DEFAULT, /* REPEATABLE READ; the level is always sent */
  DSQL_REPEATABLE_READ,
  DSQL_SERIALIZABLE, /* these two: not on Aurora DSQL (EUNSUPPORTED) */
  DSQL_READ_COMMITTED
};
/* n is the number of the retry, 1 for the first; U is uniform in [0,1).
 *   exponential   d = min(base * 2^min(n-1,31), max);   delay = d + d * U * jitter
 *   full jitter   d as above;                           delay = d * U */
enum dsql_backoff { DSQL_BACKOFF_DEFAULT, DSQL_BACKOFF_EXPONENTIAL, DSQL_BACKOFF_FULL_JITTER };

/* An attempt has failed. Views live until the callback returns. */
typedef struct dsql_tx_event {
  unsigned attempt; /* that failed: 1 for the first */
  const dsql_error *error;
  enum dsql_conflict conflict;
  bool will_retry;
  bool same_connection; /* the next attempt keeps the connection */
  uint32_t delay_ms;    /* before the next attempt */
} dsql_tx_event;
/* Called from the loop after every attempt that failed. May start work and close things. */
typedef void (*dsql_tx_observer)(const dsql_tx_event *event, void *arg);

#define DSQL_NO_RETRY (-1)
#define DSQL_NO_JITTER (-1.0)
#define DSQL_NO_DEADLINE UINT32_MAX

/* Zero means: as the pool says, else the default named here. A flag is set when the pool or the call sets it. Values out
 * of range are refused (EINVAL) when work is started. */
typedef struct dsql_tx_options {
  size_t size;
  size_t scratch_size;          /* of the body's memory; 0 */
  int retries_max;              /* 3 additional attempts; 1 to 100, or DSQL_NO_RETRY */
  enum dsql_backoff backoff;    /* exponential */
  uint32_t base_delay_ms;       /* 1 */
  uint32_t max_delay_ms;        /* 100, or base_delay_ms when that is more; else it may not be below base_delay_ms */
  double jitter;                /* 0.25; 0 to 1, or DSQL_NO_JITTER */
  uint32_t deadline_ms;         /* of the whole, waiting for a connection included; DSQL_NO_DEADLINE */
  uint32_t attempt_deadline_ms; /* 290,000 on Aurora DSQL, which ends transactions after 300 s; else DSQL_NO_DEADLINE */
  enum dsql_isolation isolation;
  bool read_only;    /* BEGIN ... READ ONLY: never in doubt */
  bool idempotent;   /* running it twice does no harm: it is retried also when in doubt */
  bool no_reconnect; /* a connection lost before COMMIT is reported, not retried */
  dsql_tx_observer observer;
  void *observer_arg;
} dsql_tx_options;
DSQL_API void dsql_tx_options_init_sized(dsql_tx_options *o, size_t size);
#define dsql_tx_options_init(o) dsql_tx_options_init_sized((o), sizeof *(o))

/* A transaction is a step function that is run again when the transaction has to be. It queues statements and returns
 *
 *   DSQL_WAIT     to be called again when all of them, and all futures given to dsql_tx_await(), have succeeded; with
 *                 nothing to wait for that is EINVAL
 *   DSQL_COMMIT   to end: what it queued now travels together with the COMMIT. When nothing was ever queued, the
 *                 transaction succeeds without a round trip
 *   DSQL_ABORT    to roll back: the future fails with EABORT. See dsql_tx_abort()
 *
 * BEGIN travels with the first statements. A statement that fails ends the attempt without calling the body again: it is
 * rolled back and, where docs/transactions.md says so, tried again after a back-off, during which no connection is held;
 * else its error is the future's. Committed means that the answer to COMMIT was COMMIT. Whether it was may remain unknown
 * (the connection was lost at the wrong moment): DSQL_IN_DOUBT, which is retried only when the options say read_only or
 * idempotent. dsql_error.attempts tells how often it was tried.
 *
 * The body is called from the loop, never inside dsql_run_transaction(). in is the caller's and must outlive the work;
 * when its future is destroyed early, that may go on for one call of the body at most when it is what is running.
 * scratch has scratch_size bytes, is zeroed for every attempt and aligned to 8, and lives as long as the future. The
 * body may start other work, and cancel or destroy its own future. Transaction control in a body is refused (EINVAL). */
typedef enum dsql_step { DSQL_WAIT, DSQL_COMMIT, DSQL_ABORT } dsql_step;
typedef dsql_step (*dsql_tx_fn)(dsql_tx *tx, const void *in, void *scratch);
/* Canceled, by what it is doing: waiting for a connection or a delay, it ends at once; with statements on their way it
 * ends at once too, they are canceled and rolled back; a COMMIT on its way is waited for, until the deadline: then
 * ETIMEDOUT | IN_DOUBT. Destroyed it does the same, unobserved. */
DSQL_API DSQL_NODISCARD dsql_future *dsql_run_transaction(dsql_pool *p, dsql_tx_fn fn, const void *in,
                                                          const dsql_tx_options *o);
/* The scratch memory of the attempt that was committed; lives until f is destroyed. ENOTREADY, the failure's code, ETYPE. */
DSQL_API DSQL_NODISCARD int dsql_future_output(dsql_future *f, const void **out);

/* The rest is for use inside the body only, with its tx. */
DSQL_API unsigned dsql_tx_step(const dsql_tx *tx);    /* waits completed in this attempt: 0, 1, 2, ... */
DSQL_API int *dsql_tx_point(dsql_tx *tx);             /* for <dsql/co.h>; 0 at the start of every attempt */
DSQL_API unsigned dsql_tx_attempt(const dsql_tx *tx); /* 1 for the first, also when it begins anew on another
                                                       * connection because the one that was opened did not come up */
/* Queue one statement. They return its index in this step, or a negative code, which need not be looked at: the attempt
 * then ends with that failure whatever the body returns (but for DSQL_ABORT). Parameters are copied. */
DSQL_API int dsql_tx_query(dsql_tx *tx, const char *sql, dsql_params p);
DSQL_API int dsql_tx_query_stmt(dsql_tx *tx, dsql_stmt *s, dsql_params p);
/* Takes f over: the next step waits for it too, and may read it until it returns; then f is destroyed. When f fails, the
 * attempt ends with its error and is not retried. Returns 0 or a negative code, as above. */
DSQL_API int dsql_tx_await(dsql_tx *tx, dsql_future *f);
/* The result of the i-th statement that the step before queued; lives until this step returns. NULL: there is none. */
DSQL_API const dsql_result *dsql_tx_result(const dsql_tx *tx, int i);
/* For `return dsql_tx_abort(tx, MY_CODE)`: app_code goes to dsql_error.app_code. */
DSQL_API dsql_step dsql_tx_abort(dsql_tx *tx, int app_code);
/* Statements like those above, not on Aurora DSQL (EUNSUPPORTED). The name is quoted. */
DSQL_API int dsql_tx_savepoint(dsql_tx *tx, const char *name);
DSQL_API int dsql_tx_rollback_to(dsql_tx *tx, const char *name);
DSQL_API int dsql_tx_release(dsql_tx *tx, const char *name);

/* A transaction without a body: its statements travel together, and the COMMIT with them when none of them checks its
 * count; else the COMMIT follows once all counts are right. rows_expected: rows returned or changed, -1: any. A wrong
 * count rolls back: EABORT with that app_code. SQL and parameters are copied. EINVAL, ENOMEM; EBUSY while b is being
 * run. */
DSQL_API DSQL_NODISCARD int dsql_batch_new(dsql_batch **out, dsql_rt *rt);
DSQL_API DSQL_NODISCARD int dsql_batch_add(dsql_batch *b, const char *sql, dsql_params p, int64_t rows_expected,
                                           int app_code);
DSQL_API void dsql_batch_free(dsql_batch *b); /* one that is being run lives on until it is done */
/* dsql_future_result() gives the first statement's result, dsql_batch_result() any. */
DSQL_API DSQL_NODISCARD dsql_future *dsql_run_batch(dsql_pool *p, const dsql_batch *b, const dsql_tx_options *o);
DSQL_API DSQL_NODISCARD int dsql_batch_result(dsql_future *f, size_t i, const dsql_result **out);

/* One statement that commits by itself (DDL, which Aurora DSQL wants alone; a single write), retried like a
 * transaction. dsql_future_result() gives its result. */
DSQL_API DSQL_NODISCARD dsql_future *dsql_retry_statement(dsql_pool *p, const char *sql, dsql_params v,
                                                          const dsql_tx_options *o);

/* ---- quoting, for the few places that take no parameter (DDL) --------------------------------------------------- */

/* Write the quoted form and its NUL into out and its length into *len. Invalid UTF-8 and NUL bytes are refused with
 * EINVAL (CVE-2025-1094), a buffer that is too small with ETOOBIG; 2 * n + 4 bytes always suffice for an identifier,
 * 2 * n + 5 for a literal. Both are safe whatever standard_conforming_strings says. */
DSQL_API DSQL_NODISCARD int dsql_quote_identifier(const char *s, size_t n, char *out, size_t cap, size_t *len);
DSQL_API DSQL_NODISCARD int dsql_quote_literal(const char *s, size_t n, char *out, size_t cap, size_t *len);

#ifdef __cplusplus
}
#endif
#endif
