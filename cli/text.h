/* text.h - UTF-8 for people: how wide a text is on a terminal, and how to show what a terminal must not be sent. */
#ifndef DSQL_CLI_TEXT_H
#define DSQL_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "out.h"

/* Decodes the character at s (n > 0 bytes left) into *code_point and returns its length, or 0 when it is no valid
 * UTF-8 (RFC 3629). */
size_t text_decode(const char *s, size_t n, uint32_t *code_point);

unsigned text_code_point_width(uint32_t c); /* 0, 1 or 2 columns; control characters are not its business */

/* What stands on the screen for one character: itself, or an escape such as \x1B for bytes that are no UTF-8, control
 * characters and those that change the direction of the text around them. A tab is `tab` as given. */
struct glyph {
  char bytes[12];
  unsigned length, width;
};

/* Takes one character off *s (not empty). */
void text_next_glyph(dsql_str *s, const char *tab, struct glyph *out);

size_t text_width(dsql_str s, const char *tab);
void text_show(struct out *o, dsql_str s, const char *tab);

/* Takes one line, without its end, off *s; false when nothing is left. CR LF, LF and CR each end a line. An empty text
 * has one empty line. Set *more before the first call; it then says whether a last, empty line follows. */
bool text_next_line(dsql_str *s, bool *more, dsql_str *line);

bool text_equal(dsql_str a, const char *b);

#endif
