/* What AWS's endpoints, metadata services and variables say. Byte 0 says which part reads the rest:
 *   J  credentials in JSON; byte 1 chooses the names and the allocation that fails
 *   M  single members of a JSON body
 *   T  a time; text of the first NUL-separated part is shown to people, in the second there may be a secret
 *   X  an answer of STS; byte 1 is the allocation that fails
 *   U  a container's URL          R  a container's relative path
 *   E  where a service is; byte 1 chooses it; parts: variables, URL, services, region, sts_regional_endpoints, URL */
#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "creds/endpoint.h"
#include "creds/json.h"
#include "creds/metadata_url.h"
#include "creds/metadata_word.h"
#include "creds/sts_xml.h"
#include "creds/text.h"
#include "fuzz_env.h"
#include "test_alloc.h"

/* ---- JSON ---- */

static const struct json_names all_names[] = {
    {NULL, "AccessKeyId", "SecretAccessKey", "Token", "Expiration", false, false},
    {NULL, "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration", false, true},
    {"roleCredentials", "accessKeyId", "secretAccessKey", "sessionToken", "expiration", true, false}};

static void check_fault(int rc, const struct fault *f) {
  CHECK(rc == f->code && f->text[0]);
  CHECK(rc == DSQL_EPROTO || rc == DSQL_EINVAL || rc == DSQL_ENOMEM);
}

/* What expires does not look as if it never would. */
static void check_expiry(const char *text, size_t n, const struct json_names *names, const struct credentials *c) {
  int64_t number;
  struct buf out;

  if (names->object) return;
  buf_init(&out, &mem_default, SIZE_MAX / 2);
  CHECK(!json_text_member(text, n, names->expiration, &out) || c->expires_s);
  CHECK(!json_integer_member(text, n, names->expiration, &number));
  buf_deinit(&out);
}

static void check_credentials(const char *text, size_t n, unsigned choice) {
  struct credentials c = {0};
  struct test_alloc heap;
  struct fault f = {0};
  int rc;

  test_alloc_init(&heap);
  test_alloc_arm(&heap, choice / 3, false);
  rc = json_credentials(text, n, &all_names[choice % 3], &heap.hook, &c, &f);
  if (rc) {
    check_fault(rc, &f);
    CHECK(!fuzz_secrets(f.text) && credentials_empty(&c) && heap.live == 0);
  } else {
    CHECK(*c.access_key_id && *c.secret_access_key && (!c.session_token || *c.session_token));
    check_expiry(text, n, &all_names[choice % 3], &c);
  }
  credentials_deinit(&c);
  test_alloc_assert_empty(&heap);
}

static void check_members(const char *text, size_t n) {
  struct metadata_word word = metadata_word_of((dsql_str){text, n}, "code", &mem_default);
  struct buf out;
  int64_t number;

  CHECK(strlen(word.text) < sizeof word.text);
  for (const char *s = word.text; *s; s++) CHECK(isalpha((unsigned char)*s) || *s == '_');
  buf_init(&out, &mem_default, 64);
  if (json_text_member(text, n, "accessToken", &out)) CHECK(strlen((const char *)out.data) + 1 == out.len);
  buf_deinit(&out);
  (void)json_integer_member(text, n, "Version", &number);
}

/* ---- texts ---- */

static void check_time(const char *s, size_t n) {
  int64_t unix_s, other;
  struct tm tm = {0};

  if (!json_time(s, n, &unix_s)) return;
  CHECK(n >= 20 && n == strlen(s));
  CHECK(sscanf(s, "%4d-%2d-%2d%*c%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
               &tm.tm_sec) == 6);
  tm.tm_year -= 1900;
  tm.tm_mon--;
  other = timegm(&tm);
  if (strpbrk(s + 19, "Zz") || strstr(s, "UTC")) CHECK(unix_s == other);
  CHECK(llabs(unix_s - other) < 24 * 3600 && (unix_s - other) % 60 == 0);
}

static void check_shown(const char *text, const char *secret) {
  struct creds_text shown = text_of(text, strlen(text));
  size_t n = strlen(shown.text);
  bool shares = false;

  CHECK(n < sizeof shown.text && (n == 0 || (shown.text[0] != ' ' && shown.text[n - 1] != ' ')));
  for (size_t i = 0; i < n; i++) CHECK(shown.text[i] >= ' ' && shown.text[i] <= '~');
  CHECK(!strstr(shown.text, "  "));
  for (size_t i = 0; strlen(text) >= CREDS_SHARED_MIN && i <= strlen(text) - CREDS_SHARED_MIN; i++)
    shares = shares || memmem(secret, strlen(secret), text + i, CREDS_SHARED_MIN);
  CHECK(text_shares(text, strlen(text), secret) == shares);
  CHECK(metadata_token_valid(text, strlen(text)) == (*text && strspn(text, shown.text) == strlen(text)) ||
        strlen(text) >= CREDS_TEXT_SIZE || strpbrk(text, "\t\n\v\f\r ") || strchr(shown.text, '?'));
}

/* ---- XML ---- */

static void check_xml(const char *text, size_t n, size_t fail_at) {
  struct sts_answer answer;
  struct test_alloc heap;
  struct fault f = {0};
  int rc;

  test_alloc_init(&heap);
  test_alloc_arm(&heap, fail_at, false);
  rc = sts_answer_parse(&answer, &heap.hook, text, n, &f);
  if (rc) {
    check_fault(rc, &f);
    CHECK(!fuzz_secrets(f.text) && rc != DSQL_EINVAL);
  } else {
    CHECK(!f.code &&
          (!strstr(text, "<!DOCTYPE") || strstr(text, "<!--") || strstr(text, "<![CDATA[") || strstr(text, "<?")));
    for (int i = 0; i < STS_FIELD_COUNT; i++) {
      const struct buf *field = &answer.fields[i];
      CHECK(field->len == 0 || strlen((const char *)field->data) + 1 == field->len);
    }
  }
  sts_answer_deinit(&answer);
  test_alloc_assert_empty(&heap);
}

/* ---- URLs, as libcurl reads them, which is who asks ---- */

static char *curl_part(CURLU *u, CURLUPart part) {
  char *text = NULL;
  return curl_url_get(u, part, &text, 0) == CURLUE_OK ? text : NULL;
}

/* NULL: curl does not take it. */
static CURLU *curl_parse(const char *url) {
  CURLU *u = curl_url();

  CHECK(u);
  if (curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK) return u;
  curl_url_cleanup(u);
  return NULL;
}

static bool is_allowed(const char *host) {
  static const char *const exactly[] = {"localhost", "169.254.170.2", "169.254.170.23"};
  struct in6_addr a, wanted;
  struct in_addr v4;
  char bare[64];

  for (int i = 0; i < 3; i++)
    if (strcasecmp(host, exactly[i]) == 0) return true;
  if (inet_pton(AF_INET, host, &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  if (*host != '[' || strlen(host) >= sizeof bare) return false;
  snprintf(bare, sizeof bare, "%.*s", (int)strlen(host) - 2, host + 1);
  if (inet_pton(AF_INET6, bare, &a) != 1) return false;
  if (memcmp(&a, &in6addr_loopback, sizeof a) == 0) return true;
  return inet_pton(AF_INET6, "fd00:ec2::23", &wanted) == 1 && memcmp(&a, &wanted, sizeof a) == 0;
}

/* Curl shortens IPv6 addresses. */
static bool same_host(const struct metadata_url *ours, const char *curls) {
  struct in6_addr a, b;
  char bare[256];

  if (*curls != '[') return strcasecmp(ours->host, curls) == 0;
  snprintf(bare, sizeof bare, "%.*s", (int)strlen(curls) - 2, curls + 1);
  return inet_pton(AF_INET6, ours->host, &a) == 1 && inet_pton(AF_INET6, bare, &b) == 1 &&
         memcmp(&a, &b, sizeof a) == 0;
}

static void check_accepted(const char *text) {
  struct metadata_url ours;
  struct fault f = {0};
  CURLU *u = curl_parse(text);
  char *scheme, *host;

  if (!u) return;
  scheme = curl_part(u, CURLUPART_SCHEME);
  host = curl_part(u, CURLUPART_HOST);
  CHECK(scheme && host && !curl_part(u, CURLUPART_USER) && !curl_part(u, CURLUPART_FRAGMENT));
  CHECK(metadata_url_parse(text, &ours, &f) == 0);
  CHECK(ours.https == (strcasecmp(scheme, "https") == 0) && same_host(&ours, host));
  CHECK(ours.https || is_allowed(host));
  curl_free(scheme);
  curl_free(host);
  curl_url_cleanup(u);
}

static void check_url(const char *text) {
  struct metadata_url u = {.host = ""};
  struct fault f = {0};
  int rc = container_url_check(text, &f);

  if (rc == 0) {
    check_accepted(text);
    return;
  }
  check_fault(rc, &f);
  if (!fuzz_secrets(f.text)) return;
  memset(&f, 0, sizeof f); /* only a well-formed host is shown */
  CHECK(metadata_url_parse(text, &u, &f) == 0 && fuzz_secrets(u.host));
}

static void check_relative(const char *text) {
  struct fault f = {0};
  struct buf out;
  int rc;

  buf_init(&out, &mem_default, SIZE_MAX / 2);
  rc = container_url_relative(text, &out, &f);
  if (rc) {
    check_fault(rc, &f);
    CHECK(!fuzz_secrets(f.text));
  } else {
    check_accepted((const char *)out.data);
  }
  buf_deinit(&out);
}

/* ---- endpoints ---- */

static void check_endpoint_url(const char *url) {
  CURLU *u = curl_parse(url);

  CHECK(*url && url[strlen(url) - 1] != '/');
  if (!u) return;
  CHECK(!curl_part(u, CURLUPART_USER) && !curl_part(u, CURLUPART_PASSWORD));
  CHECK(!curl_part(u, CURLUPART_QUERY) && !curl_part(u, CURLUPART_FRAGMENT));
  curl_url_cleanup(u);
}

static char *given(char *s) { return *s ? s : NULL; }

static void check_endpoint(struct fuzz_env *e, unsigned choice) {
  struct aws_profile profiles[2] = {{.section = AWS_SECTION_PROFILE, .name = (char[]){"default"}},
                                    {.section = AWS_SECTION_SERVICES, .name = (char[]){"s"}}};
  const struct aws_files files = {.alloc = &mem_default, .profiles = profiles, .count = 2};
  const struct creds_setup setup = {.env = &e->env, .files = &files, .profile = "default"};
  const char *region = NULL;
  struct fault f = {0};
  struct buf out;
  int rc;

  e->variables = e->parts[0];
  profiles[0].values[AWS_endpoint_url] = given(e->parts[1]);
  profiles[0].values[AWS_services] = given(e->parts[2]);
  profiles[0].values[AWS_sts_regional_endpoints] = given(e->parts[4]);
  profiles[1].sts_endpoint_url = profiles[1].sso_endpoint_url = profiles[1].sso_oidc_endpoint_url = given(e->parts[5]);
  buf_init(&out, &mem_default, SIZE_MAX / 2);
  rc = endpoint_url(&setup, choice & 4 ? &profiles[0] : NULL, (enum endpoint_service)(choice % 4 % 3),
                    choice & 8 ? NULL : e->parts[3], &out, &region, &f);
  if (rc == 0) {
    CHECK(region && *region && strlen((const char *)out.data) + 1 == out.len);
    check_endpoint_url((const char *)out.data);
  } else {
    check_fault(rc, &f);
    CHECK(fuzz_secrets(e->parts[2]) || !fuzz_secrets(f.text)); /* the name of a section may be shown */
  }
  buf_deinit(&out);
}

/* ---- */

static void check_rest(uint8_t which, const uint8_t *data, size_t size) {
  struct fuzz_env e;
  uint8_t choice = size ? data[0] : 0;
  bool chooses = strchr("JXE", which) != NULL;
  size_t n;

  if (chooses && size) data++, size--;
  fuzz_env_init(&e, data, size);
  n = strlen(e.parts[0]);
  switch (which) {
    case 'J': check_credentials(e.parts[0], n, choice); break;
    case 'M': check_members(e.parts[0], n); break;
    case 'X': check_xml(e.parts[0], n, choice); break;
    case 'U': check_url(e.parts[0]); break;
    case 'R': check_relative(e.parts[0]); break;
    case 'E': check_endpoint(&e, choice); break;
    case 'T':
      check_time(e.parts[0], n);
      check_shown(e.parts[0], e.parts[1]);
      break;
    default: break;
  }
  fuzz_env_deinit(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size && data[0]) check_rest(data[0], data + 1, size - 1);
  return 0;
}
