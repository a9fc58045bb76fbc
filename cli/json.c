#include "json.h"

#include <string.h>

#include "text.h"

static void put_escape(struct out *o, unsigned char c) {
  static const char hex[] = "0123456789abcdef";
  const char *named = c ? strchr("\"\"\\\\\bb\ff\nn\rr\tt", c) : NULL;

  if (named) {
    out_char(o, '\\');
    out_char(o, named[1]);
  } else {
    out_string(o, "\\u00");
    out_char(o, hex[c >> 4]);
    out_char(o, hex[c & 15]);
  }
}

void json_string(struct out *o, dsql_str s) {
  out_char(o, '"');
  while (s.len > 0) {
    uint32_t c;
    size_t length = text_decode(s.ptr, s.len, &c);
    if (length == 0)
      out_string(o, "\xEF\xBF\xBD");
    else if (c < 0x20 || c == '"' || c == '\\')
      put_escape(o, (unsigned char)c);
    else
      out_bytes(o, s.ptr, length);
    length += length == 0;
    s.ptr += length;
    s.len -= length;
  }
  out_char(o, '"');
}
