/* dsql_token_generate(): what it takes and refuses. That its tokens are right is proved by the vectors, through dsql token. */
#include "client.h"

#define HOST "a1b2c3d4e5f6g7h8i9j0klmnop.dsql.us-east-1.on.aws"

static dsql_token_request request(void) {
  dsql_token_request q;
  dsql_token_request_init(&q);
  q.host = HOST;
  q.region = "us-east-1";
  q.access_key_id = "AKIDEXAMPLE";
  q.secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
  q.at_unix_s = 1440938160;
  return q;
}

Test(generate, the_baseline_vector) {
  dsql_token_request q = request();
  char token[4096];
  size_t n;

  cr_assert_eq(dsql_token_generate(&q, token, sizeof token, &n, NULL), 0);
  cr_assert_str_eq(token, HOST
                   "/?Action=DbConnectAdmin&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2F"
                   "us-east-1%2Fdsql%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=900&X-Amz-Signature="
                   "40ed63686004688d57efa42c9415c9f3dd44aec757af50fcdd2b105f277ce583&X-Amz-SignedHeaders=host");
  cr_assert_eq(n, strlen(token));
  q.user = "reader";
  cr_assert_eq(dsql_token_generate(&q, token, sizeof token, NULL, NULL), 0);
  cr_assert_not_null(strstr(token, "Action=DbConnect&"));
  cr_assert_eq(dsql_token_generate(&q, token, 100, &n, NULL), DSQL_ETOOBIG);
}

Test(generate, what_is_refused) {
  static const struct {
    size_t offset;
    const char *value, *why;
  } strings[] = {{offsetof(dsql_token_request, host), NULL, "required"},
                 {offsetof(dsql_token_request, region), NULL, "required"},
                 {offsetof(dsql_token_request, access_key_id), NULL, "required"},
                 {offsetof(dsql_token_request, secret_access_key), NULL, "required"},
                 {offsetof(dsql_token_request, host), "", "empty"},
                 {offsetof(dsql_token_request, region), "a b", "empty or has characters"}};
  char token[4096];
  const char *why;
  size_t n;

  for (size_t i = 0; i < COUNT(strings); i++) {
    dsql_token_request q = request();
    memcpy((char *)&q + strings[i].offset, &strings[i].value, sizeof strings[i].value);
    cr_assert_eq(dsql_token_generate(&q, token, sizeof token, &n, &why), DSQL_EINVAL);
    cr_assert_not_null(strstr(why, strings[i].why), "%zu: %s", i, why);
  }
  dsql_token_request q = request();
  q.duration_s = 604801;
  cr_assert_eq(dsql_token_generate(&q, token, sizeof token, &n, &why), DSQL_EINVAL);
  cr_assert_not_null(strstr(why, "604800"));
  q = request();
  q.at_unix_s = 0;
  cr_assert_eq(dsql_token_generate(&q, token, sizeof token, &n, &why), DSQL_EINVAL);
  q = request();
  q.credentials_expire_unix_s = q.at_unix_s;
  cr_assert_eq(dsql_token_generate(&q, token, sizeof token, &n, &why), DSQL_ECREDENTIALS);
  cr_assert_eq(dsql_token_generate(NULL, token, sizeof token, &n, NULL), DSQL_EINVAL);
  cr_assert_eq(dsql_token_generate(&q, NULL, 0, &n, NULL), DSQL_EINVAL);
}

Test(generate, a_token_ends_with_the_credentials) {
  dsql_token_request q = request();
  char token[4096];

  q.credentials_expire_unix_s = q.at_unix_s + 80;
  cr_assert_eq(dsql_token_generate(&q, token, sizeof token, NULL, NULL), 0);
  cr_assert_not_null(strstr(token, "X-Amz-Expires=80&"));
}
