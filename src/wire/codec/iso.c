/* Times as ISO 8601: the server's own text but for the T and the minutes of the offset. */
#include "base/buf.h"
#include "wire/codec/print.h"
#include "wire/codec/scalars.h"

static void finish(const char *from, const char *end, char *out, size_t *len) {
  size_t n = (size_t)(end - from);
  memcpy(out, from, n);
  out[n] = '\0';
  if (len) *len = n;
}

int dsql_date_to_iso(int32_t days, char out[DSQL_ISO_SIZE], size_t *len) {
  char text[CODEC_PRINT_MAX];
  uint8_t wire[4];
  int rc;
  store_be32(wire, (uint32_t)days);
  rc = codec_date_binary(wire, sizeof wire, &days);
  if (rc == 0) finish(text, codec_print_date(text, days), out, len);
  return rc;
}

/* The longest is "294276-12-31T23:59:59.999999+00:00"; before Christ, years have four digits. */
static int timestamp_to_iso(int64_t us, const char *zone, char *out, size_t *len) {
  char text[CODEC_PRINT_MAX], *end, *space, *era;
  uint8_t wire[8];
  int rc;
  store_be64(wire, (uint64_t)us);
  rc = codec_timestamp_binary(wire, sizeof wire, &us);
  if (rc) return rc;
  end = codec_print_timestamp(text, us);
  space = memchr(text, ' ', (size_t)(end - text));
  if (space) {
    *space = 'T';
    era = memchr(text, ' ', (size_t)(end - text));
    end = print_str(era ? era : end, zone);
    if (era) end = print_str(end, " BC");
  }
  finish(text, end, out, len);
  return 0;
}

int dsql_timestamp_to_iso(int64_t us, char out[DSQL_ISO_SIZE], size_t *len) {
  return timestamp_to_iso(us, "", out, len);
}

int dsql_timestamptz_to_iso(int64_t us, char out[DSQL_ISO_SIZE], size_t *len) {
  return timestamp_to_iso(us, "+00:00", out, len);
}

static int argument_code(int rc) { return rc == DSQL_EPROTO ? DSQL_EINVAL : rc; }

int dsql_date_from_iso(const char *s, size_t n, int32_t *days) { return argument_code(codec_date_text(s, n, days)); }

/* The text with a space for the first T and "+00" for the first Z; 0 when it is too long to be a time. */
static size_t to_server_form(const char *s, size_t n, char text[DSQL_ISO_SIZE + 2]) {
  char *end = text;
  bool t = false, z = false;
  if (n > DSQL_ISO_SIZE) return 0;
  for (size_t i = 0; i < n; i++) {
    if (s[i] == 'Z' && !z) {
      end = print_str(end, "+00");
      z = true;
    } else {
      *end++ = s[i] == 'T' && !t ? ' ' : s[i];
      t = t || s[i] == 'T';
    }
  }
  return (size_t)(end - text);
}

int dsql_timestamp_from_iso(const char *s, size_t n, int64_t *us) {
  char text[DSQL_ISO_SIZE + 2];
  return argument_code(codec_timestamp_text(text, to_server_form(s, n, text), us));
}

int dsql_timestamptz_from_iso(const char *s, size_t n, int64_t *us) {
  char text[DSQL_ISO_SIZE + 2];
  return argument_code(codec_timestamptz_text(text, to_server_form(s, n, text), us));
}
