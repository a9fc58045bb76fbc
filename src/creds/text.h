/* text.h - what others wrote (an error message of STS, a program's stderr), made fit for an error text of ours. */
#ifndef DSQL_CREDS_TEXT_H
#define DSQL_CREDS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum { CREDS_TEXT_SIZE = 208, CREDS_SHARED_MIN = 12 };

struct creds_text {
  char text[CREDS_TEXT_SIZE]; /* NUL-terminated */
};

/* One line: white space becomes single blanks, none at the ends; other bytes than printable ASCII become '?'; cut with
 * "..." when longer. */
struct creds_text text_of(const char *p, size_t n);
/* Whether p and the secret (NULL: none) have CREDS_SHARED_MIN bytes in a row in common: STS quotes a whole request,
 * session token included, when its signature is wrong. */
bool text_shares(const char *p, size_t n, const char *secret);

#endif
