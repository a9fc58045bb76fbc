/* token_parse.h - a token taken apart: "host/?name=value&...", what token_verify() looks at. */
#ifndef DSQL_CLI_LOCAL_TOKEN_PARSE_H
#define DSQL_CLI_LOCAL_TOKEN_PARSE_H

#include <stddef.h>

enum { TOKEN_PARAMS_MAX = 32, TOKEN_SIZE_MAX = 65536 };

struct token_param {
  const char *name, *value; /* decoded */
};

struct token_parts {
  const char *host;
  struct token_param params[TOKEN_PARAMS_MAX];
  size_t count;
};

/* Cuts and decodes in place: the parts are views of text, which is NUL-terminated. Returns NULL, or what is wrong with
 * the token. No name stands twice in what was parsed. */
const char *token_parse(char *text, struct token_parts *out);
/* "" when there is none of that name. */
const char *token_param(const struct token_parts *t, const char *name);

#endif
