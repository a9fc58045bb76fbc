/* words.h - client messages written as words, and what a relay gives to either side read back as words. Blanks
 * separate words; inside one _ stands for a blank, ~ for an underscore, ^ for a new line.
 *
 *   Q:SELECT_1  P:name,SELECT_1  B:portal,name  D:Sname  E:portal  C:Sname  S  H  X  F  d:text  c  f:reason
 *   raw:<hex>
 *
 * The server's words are backend_script.h's, and
 *
 *   E!            the error that a poisoned statement gives
 *   E+            an error with a position and a context inside dsql_local */
#ifndef DSQL_TEST_RELAY_WORDS_H
#define DSQL_TEST_RELAY_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

void words_client(struct buf *out, const char *words);
void words_server(struct buf *out, const char *words);
/* Appends the words of all messages, and a NUL; whatever is cut short ends it with "...". */
void words_of_client(struct buf *text, const uint8_t *p, size_t n);
void words_of_server(struct buf *text, const uint8_t *p, size_t n);

#endif
