/* backend_script.h - server messages written as words, for tests and fuzzing seeds. Words are separated by blanks; an
 * underscore stands for a blank inside one.
 *
 *   R0 R3 R5             AuthenticationOk, cleartext, MD5 (salt 01 02 03 04)
 *   R<n>:text            any other authentication code with this data
 *   SASL:A,B             AuthenticationSASL with a list of mechanisms
 *   K K<n>               BackendKeyData of pid 7 with a key of 4 (n) bytes
 *   S:name=value         ParameterStatus
 *   v:<version>,a,b      NegotiateProtocolVersion (hexadecimal), and options
 *   Z:I Z:T Z:E          ReadyForQuery
 *   1 2 3 n I s c        the messages without a body
 *   t:23,25              ParameterDescription
 *   T:a,b                RowDescription of text columns
 *   D:x,y D:-            DataRow; the second one has one NULL
 *   C:INSERT_0_1         CommandComplete
 *   E:23505              ErrorResponse: ERROR with all that a server sends
 *   F:57P01              the same, FATAL
 *   E:08P01:f            an error of that routine
 *   P:08P01              FATAL as a pooler writes it, without a source line
 *   N:text A:channel     NoticeResponse, NotificationResponse
 *   G H W d:text         CopyInResponse, CopyOutResponse, CopyBothResponse, CopyData
 *   raw:<hex>            these bytes */
#ifndef DSQL_TEST_BACKEND_SCRIPT_H
#define DSQL_TEST_BACKEND_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

enum { BACKEND_SCRIPT_MAX = 64 * 1024, BACKEND_SCRIPT_MESSAGES = 512 };

struct backend_script {
  uint8_t data[BACKEND_SCRIPT_MAX];
  size_t len;
  size_t ends[BACKEND_SCRIPT_MESSAGES]; /* of each message */
  size_t count;
};

/* Aborts on a word that it does not know. */
void backend_script_init(struct backend_script *b, const char *words);
void backend_script_add(struct backend_script *b, const char *words);
/* One message of any type and body. */
void backend_script_message(struct backend_script *b, char type, const void *body, size_t n);

#endif
