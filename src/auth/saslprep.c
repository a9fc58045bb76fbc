#include "auth/saslprep.h"

#include <assert.h>
#include <idn-free.h>
#include <stringprep.h>

#include "base/utf8.h"

enum {
  STEPS_MAX = 32,
  SPARE = 2 /* libidn wants this much room behind the text before it replaces a character, even by one */
};

static bool is_ascii(dsql_str s) {
  for (size_t i = 0; i < s.len; i++)
    if ((unsigned char)s.ptr[i] >= 0x80) return false;
  return true;
}

/* Valid UTF-8 to code points; returns how many. */
static size_t decode(dsql_str s, uint32_t *out) {
  size_t n = 0;
  for (size_t i = 0; i < s.len; n++) {
    unsigned char lead = (unsigned char)s.ptr[i++];
    size_t more = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    uint32_t c = more == 0 ? lead : lead & (0x3Fu >> more);
    while (more--) c = c << 6 | ((unsigned char)s.ptr[i++] & 0x3F);
    out[n] = c;
  }
  return n;
}

static void encode(uint32_t c, struct buf *out) {
  if (c < 0x80) {
    buf_put_u8(out, (uint8_t)c);
    return;
  }
  if (c < 0x800) {
    buf_put_u8(out, (uint8_t)(0xC0 | c >> 6));
  } else {
    if (c < 0x10000) {
      buf_put_u8(out, (uint8_t)(0xE0 | c >> 12));
    } else {
      buf_put_u8(out, (uint8_t)(0xF0 | c >> 18));
      buf_put_u8(out, (uint8_t)(0x80 | (c >> 12 & 0x3F)));
    }
    buf_put_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3F)));
  }
  buf_put_u8(out, (uint8_t)(0x80 | (c & 0x3F)));
}

/* Maps and checks in place; SPARE elements follow the text. libidn's profile has NFKC between the two, as RFC 3454
 * says; PostgreSQL checks the mapped text before it normalises, with another verdict for a few characters (U+0340,
 * U+2135). */
static bool map_and_check(uint32_t *text, size_t *len) {
  Stringprep_profile steps[STEPS_MAX + 1];
  size_t n = 0;

  for (const Stringprep_profile *step = stringprep_saslprep; step->operation; step++) {
    if (step->operation == STRINGPREP_NFKC) continue;
    assert(n < STEPS_MAX);
    steps[n++] = *step;
  }
  steps[n] = (Stringprep_profile){0};
  return stringprep_4i(text, len, *len + SPARE, STRINGPREP_NO_UNASSIGNED, steps) == STRINGPREP_OK && *len > 0;
}

/* Unicode's Corrigendum #4 mended five decompositions after version 3.2, whose tables libidn keeps; PostgreSQL's are
 * current. Over all code points the two differ in nothing else. */
static void correct_decompositions(uint32_t *text, size_t n) {
  static const uint32_t corrected[][2] = {
      {0x2F868, 0x36FC}, {0x2F874, 0x5F53}, {0x2F91F, 0x243AB}, {0x2F95F, 0x7AEE}, {0x2F9BF, 0x45D7}};
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; text[i] >= 0x2F868 && j < sizeof corrected / sizeof corrected[0]; j++)
      if (text[i] == corrected[j][0]) text[i] = corrected[j][1];
}

/* Appends the NFKC form. Its memory is libidn's, from malloc(). */
static int normalise(const uint32_t *text, size_t n, struct buf *out) {
  uint32_t *normal = stringprep_ucs4_nfkc_normalize(text, (ssize_t)n);
  size_t i = 0;

  if (!normal) return DSQL_ENOMEM;
  for (; normal[i]; i++) encode(normal[i], out);
  mem_cleanse(normal, i * sizeof *normal);
  idn_free(normal);
  return out->error;
}

static int prepare(dsql_str password, struct buf *out, bool *prepared) {
  size_t size = (password.len + SPARE) * sizeof(uint32_t), n;
  uint32_t *text = mem_alloc(out->alloc, size);
  int rc = 0;

  if (!text) return DSQL_ENOMEM;
  n = decode(password, text);
  *prepared = map_and_check(text, &n);
  if (*prepared) {
    correct_decompositions(text, n);
    rc = normalise(text, n, out);
  }
  mem_free_secret(out->alloc, text, size);
  return rc;
}

int saslprep_password(dsql_str password, struct buf *out, enum saslprep_verdict *verdict) {
  bool ascii = is_ascii(password), prepared = ascii;
  int rc = 0;

  if (!ascii && password.len <= SIZE_MAX / sizeof(uint32_t) - SPARE && utf8_valid(password.ptr, password.len))
    rc = prepare(password, out, &prepared);
  if (rc == 0 && (ascii || !prepared)) buf_put(out, password.ptr, password.len);
  if (verdict) *verdict = prepared ? SASLPREP_PREPARED : SASLPREP_RAW;
  return rc ? rc : out->error;
}
