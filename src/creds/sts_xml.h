/* sts_xml.h - STS's answers: <AssumeRoleResponse>, <AssumeRoleWithWebIdentityResponse>, <ErrorResponse>. Their texts are
 * secret and are cleansed, expat's own memory included. A document type declaration is refused, and entities with it. */
#ifndef DSQL_CREDS_STS_XML_H
#define DSQL_CREDS_STS_XML_H

#include "base/buf.h"
#include "base/error.h"

enum sts_field {
  STS_ACCESS_KEY_ID,
  STS_SECRET_ACCESS_KEY,
  STS_SESSION_TOKEN,
  STS_EXPIRATION,
  STS_CODE,
  STS_MESSAGE,
  STS_FIELD_COUNT
};

struct sts_answer {
  struct buf fields[STS_FIELD_COUNT]; /* with their NUL; len 0: the element is missing */
};

/* 0, EPROTO (not XML, no STS answer, a field twice or too long), ENOMEM. out must be deinitialised in any case. */
int sts_answer_parse(struct sts_answer *out, const dsql_alloc *alloc, const char *xml, size_t n, struct fault *f);
void sts_answer_deinit(struct sts_answer *a);
/* NULL: missing. */
static inline const char *sts_answer_get(const struct sts_answer *a, enum sts_field field) {
  return a->fields[field].len ? (const char *)a->fields[field].data : NULL;
}

#endif
