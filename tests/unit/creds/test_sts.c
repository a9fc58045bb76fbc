#include "creds/sts.h"

#include <stdio.h>

#include "creds/sts_xml.h"
#include "world.h"

#define OK_XML(call)                                                                                                   \
  "<" call "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" call "Result>"                             \
  "<AssumedRoleUser><Arn>arn:x</Arn><AssumedRoleId>A:s</AssumedRoleId></AssumedRoleUser>"                              \
  "<Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s+/&amp;1</SecretAccessKey>"                          \
  "<SessionToken>T==</SessionToken>\n<Expiration>2033-11-14T22:13:20Z</Expiration></Credentials></" call "Result>"     \
  "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></" call "Response>"
#define ERROR_XML(code, message)                                                                                       \
  "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>" code           \
  "</Code><Message>" message "</Message></Error><RequestId>r</RequestId></ErrorResponse>"

static struct {
  int done;
  struct credentials c;
  struct fault f;
} answer;

static void on_done(void *owner, struct credentials *c, const struct fault *f) {
  (void)owner;
  answer.done++;
  if (c) credentials_move(&answer.c, c);
  if (f) answer.f = *f;
  world_check_text(answer.f.text);
}

static void forget(void) {
  credentials_deinit(&answer.c);
  memset(&answer, 0, sizeof answer);
}

static void call(struct world *w, const struct sts_request *q) {
  struct sts_call *c;
  struct fault f = {0};
  forget();
  if (sts_start(&c, q, on_done, NULL, &f)) {
    answer.f = f;
    world_check_text(f.text);
    return;
  }
  cr_assert_eq(answer.done, 0);
  world_until(w, answer.done);
}

struct role {
  struct world w;
  struct credentials signer;
  struct sts_request q;
};

static void role_open(struct role *r) {
  struct fault f = {0};
  world_open(&r->w);
  world_http(&r->w);
  world_vars(&r->w, "AWS_ENDPOINT_URL_STS=@URL");
  cr_assert_eq(credentials_set(&r->signer, &r->w.x.heap.hook, WORLD_ID, WORLD_SECRET, WORLD_TOKEN, 0, &f), 0);
  r->q = (struct sts_request){.setup = &r->w.setup, .role_arn = "arn:aws:iam::1:role/a", .signer = &r->signer};
}

static void role_close(struct role *r) {
  forget();
  credentials_deinit(&r->signer);
  world_close(&r->w);
}

Test(sts, assume_role) {
  struct role r;
  struct fake_http_reply *reply;
  role_open(&r);
  r.q.external_id = "e/1 2";
  r.q.session_name = "me@x";
  r.q.duration_s = 900;
  reply = fake_http_on(&r.w.http, "POST", "/");
  reply->body = OK_XML("AssumeRole");
  reply->want_body =
      "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa&RoleSessionName=me%40x"
      "&DurationSeconds=900&ExternalId=e%2F1%202";
  reply->want_header[0] = "content-type: application/x-www-form-urlencoded";
  reply->want_header[1] = "x-amz-date: 20231114T221320Z";
  reply->want_header[2] = "x-amz-security-token: " WORLD_TOKEN;
  reply->want_header[3] = "authorization:";
  call(&r.w, &r.q);
  cr_assert_eq(answer.f.code, 0, "%s", answer.f.text);
  cr_assert_str_eq(answer.c.access_key_id, "ASIA1");
  cr_assert_str_eq(answer.c.secret_access_key, "s+/&1");
  cr_assert_str_eq(answer.c.session_token, "T==");
  cr_assert_eq(answer.c.expires_s, 2015619200, "%lld", (long long)answer.c.expires_s);
  cr_assert_not_null(strstr(fake_http_request(&r.w.http, 0)->headers,
                            "AWS4-HMAC-SHA256 Credential=" WORLD_ID "/20231114/eu-west-1/sts/aws4_request, "
                            "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="),
                     "%s", fake_http_request(&r.w.http, 0)->headers);
  role_close(&r);
}

Test(sts, defaults) {
  struct role r;
  struct fake_http_reply *reply;
  role_open(&r);
  reply = fake_http_on(&r.w.http, "POST", "/");
  reply->body = OK_XML("AssumeRole");
  call(&r.w, &r.q);
  cr_assert_eq(answer.f.code, 0, "%s", answer.f.text);
  cr_assert_str_eq(fake_http_request(&r.w.http, 0)->body,
                   "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa"
                   "&RoleSessionName=libdsql-1700000000");
  role_close(&r);
}

/* The region of the signature: the profile's, the variables', the target's. */
Test(sts, regions) {
  static const struct {
    const char *vars, *config, *region, *expected; /* expected NULL: refused */
  } cases[] = {
      {"", "", "eu-west-1", "eu-west-1"},
      {"AWS_DEFAULT_REGION=us-east-2\n", "", "eu-west-1", "us-east-2"},
      {"AWS_DEFAULT_REGION=us-east-2\nAWS_REGION=us-west-1\n", "", "eu-west-1", "us-west-1"},
      {"AWS_REGION=us-west-1\n", "[default]\nregion=ap-south-1\n", "eu-west-1", "ap-south-1"},
      {"AWS_REGION=us-west-1\n", "[profile r]\nregion=sa-east-1\n[default]\nregion=ap-south-1\n", "eu-west-1",
       "sa-east-1"},
      {"", "", NULL, NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const struct world_file files[] = {{"/home/w/.aws/config", cases[i].config}, {NULL, NULL}};
    char vars[300], want[100];
    struct role r;
    role_open(&r);
    snprintf(vars, sizeof vars, "AWS_ENDPOINT_URL_STS=@URL\n%s", cases[i].vars);
    world_vars(&r.w, vars);
    r.w.files = files;
    world_load(&r.w);
    r.w.setup.region = cases[i].region;
    r.q.profile = aws_files_find(&r.w.loaded, AWS_SECTION_PROFILE, "r");
    fake_http_on(&r.w.http, "POST", "/")->body = OK_XML("AssumeRole");
    call(&r.w, &r.q);
    cr_assert_eq(answer.f.code, cases[i].expected ? 0 : DSQL_EINVAL, "%zu: %s", i, answer.f.text);
    if (cases[i].expected) {
      snprintf(want, sizeof want, "/20231114/%s/sts/", cases[i].expected);
      cr_assert_not_null(strstr(fake_http_request(&r.w.http, 0)->headers, want), "%zu", i);
    }
    role_close(&r);
  }
}

struct answer_case {
  int status;
  const char *body;
  int code;
  const char *text;
  enum fake_http_mode mode;
};

static const struct answer_case final_answers[] = {
    {403, ERROR_XML("AccessDenied", "User: arn:aws:iam::1:user/u is not authorized"), DSQL_ECREDENTIALS,
     "AssumeRole of arn:aws:iam::1:role/a was refused: AccessDenied: User: arn:aws:iam::1:user/u is not authorized "
     "(HTTP "
     "status 403)",
     FAKE_HTTP_WHOLE},
    {403, ERROR_XML("SignatureDoesNotMatch", "The Canonical String should be x-amz-security-token:" WORLD_TOKEN " etc"),
     DSQL_ECREDENTIALS, "SignatureDoesNotMatch: (its message quotes a secret", FAKE_HTTP_WHOLE},
    {403, ERROR_XML(WORLD_SECRET, "x"), DSQL_ECREDENTIALS, "HTTP status 403 without an error", FAKE_HTTP_WHOLE},
    {400, "", DSQL_ECREDENTIALS, "failed: HTTP status 400 without an error that STS has", FAKE_HTTP_WHOLE},
    {404, "<html>not here</html>", DSQL_ECREDENTIALS, "HTTP status 404", FAKE_HTTP_WHOLE},
    {302, "", DSQL_ECREDENTIALS, "HTTP status 302", FAKE_HTTP_WHOLE},
    {200, "", DSQL_EPROTO, "the answer is not XML", FAKE_HTTP_WHOLE},
    {200, "{\"json\":1}", DSQL_EPROTO, "the answer is not XML", FAKE_HTTP_WHOLE},
    {200, "<a/>", DSQL_EPROTO, "the answer has no <AccessKeyId>", FAKE_HTTP_WHOLE},
    {200, "<a><Credentials><AccessKeyId>hunter</AccessKeyId></Credentials></a>", DSQL_EPROTO,
     "the answer has no <SecretAccessKey>", FAKE_HTTP_WHOLE},
    {200,
     "<a><Credentials><AccessKeyId>hunter</AccessKeyId><SecretAccessKey>hunter</SecretAccessKey>"
     "<SessionToken>hunter</SessionToken><Expiration>soon hunter</Expiration></Credentials></a>",
     DSQL_EPROTO, "<Expiration> is no time", FAKE_HTTP_WHOLE},
};

Test(sts, final_answers) {
  struct role r;
  role_open(&r);
  for (size_t i = 0; i < sizeof final_answers / sizeof final_answers[0]; i++) {
    const struct answer_case *k = &final_answers[i];
    struct fake_http_reply *reply;
    fake_http_clear(&r.w.http);
    reply = fake_http_on(&r.w.http, "POST", "/");
    reply->status = k->status;
    reply->body = k->body;
    reply->mode = k->mode;
    call(&r.w, &r.q);
    cr_assert_eq(answer.f.code, k->code, "%zu: %s", i, answer.f.text);
    cr_assert_not_null(strstr(answer.f.text, k->text), "%zu: '%s' is not in: %s", i, k->text, answer.f.text);
    cr_assert_eq(reply->used, 1, "%zu was tried %u times", i, reply->used);
  }
  role_close(&r);
}

Test(sts, too_long_an_answer) {
  struct role r;
  struct fake_http_reply *reply;
  static char body[70000];
  role_open(&r);
  memset(body, ' ', sizeof body - 1);
  reply = fake_http_on(&r.w.http, "POST", "/");
  reply->body = body;
  call(&r.w, &r.q);
  cr_assert_eq(answer.f.code, DSQL_ETOOBIG, "%s", answer.f.text);
  cr_assert_eq(reply->used, 1);
  role_close(&r);
}

Test(sts, tried_again) {
  static const struct answer_case cases[] = {
      {500, "", 0, "HTTP status 500 without an error that STS has, 3 attempts", FAKE_HTTP_WHOLE},
      {400, ERROR_XML("Throttling", "Rate exceeded"), 0, "Throttling: Rate exceeded (HTTP status 400, 3 attempts)",
       FAKE_HTTP_WHOLE},
      {400, ERROR_XML("IDPCommunicationError", "x"), 0, "IDPCommunicationError: x (HTTP status 400, 3 attempts)",
       FAKE_HTTP_WHOLE},
      {200, OK_XML("AssumeRole"), DSQL_EIO, ", 3 attempts", FAKE_HTTP_TRUNCATED},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct role r;
    struct fake_http_reply *reply;
    role_open(&r);
    reply = fake_http_on(&r.w.http, "POST", "/");
    reply->status = cases[i].status;
    reply->body = cases[i].body;
    reply->mode = cases[i].mode;
    call(&r.w, &r.q);
    cr_assert_eq(answer.f.code, cases[i].code ? cases[i].code : DSQL_ECREDENTIALS, "%s", answer.f.text);
    cr_assert_not_null(strstr(answer.f.text, cases[i].text), "%s", answer.f.text);
    cr_assert_eq(reply->used, 3);
    role_close(&r);
  }
}

Test(sts, works_the_second_time) {
  struct role r;
  struct fake_http_reply *reply;
  role_open(&r);
  reply = fake_http_on(&r.w.http, "POST", "/");
  reply->mode = FAKE_HTTP_RESET;
  reply->times = 1;
  reply = fake_http_on(&r.w.http, "POST", "/");
  reply->body = OK_XML("AssumeRole");
  reply->mode = FAKE_HTTP_BYTE_BY_BYTE;
  reply->header[0] = "Date: Tue, 14 Nov 2023 22:12:20 GMT";
  call(&r.w, &r.q);
  cr_assert_eq(answer.f.code, 0, "%s", answer.f.text);
  cr_assert(r.w.skew.known);
  cr_assert_eq(r.w.skew.skew_s, -60);
  role_close(&r);
}

static const struct world_file token_files[] = {
    {"/t", "eyJ.hunter-web-token.hunter\n"}, {"/empty", " \n"}, {"/closed", NULL}, {NULL, NULL}};

Test(sts, web_identity) {
  struct role r;
  struct fake_http_reply *reply;
  role_open(&r);
  r.w.files = token_files;
  r.q.signer = NULL;
  r.q.token_file = "/t";
  reply = fake_http_on(&r.w.http, "POST", "/");
  reply->status = 400;
  reply->body = ERROR_XML("IDPCommunicationError", "x");
  reply->times = 1;
  fake_http_on(&r.w.http, "POST", "/")->body = OK_XML("AssumeRoleWithWebIdentity");
  call(&r.w, &r.q);
  cr_assert_eq(answer.f.code, 0, "%s", answer.f.text);
  cr_assert_str_eq(answer.c.session_token, "T==");
  cr_assert_eq(r.w.file_reads, 2, "the token's file was read %u times", r.w.file_reads);
  cr_assert_str_eq(fake_http_request(&r.w.http, 1)->body,
                   "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa"
                   "&RoleSessionName=libdsql-1700000000&WebIdentityToken=eyJ.hunter-web-token.hunter");
  cr_assert_not(fake_http_has(fake_http_request(&r.w.http, 1), "authorization:"));
  role_close(&r);
}

Test(sts, web_identity_files) {
  static const struct {
    const char *file, *text;
  } cases[] = {{"/empty", "the web identity token file /empty holds no token"},
               {"/closed", "the web identity token file /closed can't be read: Permission denied"},
               {"/none", "the web identity token file /none can't be read: No such file"}};
  struct role r;
  role_open(&r);
  r.w.files = token_files;
  r.q.signer = NULL;
  for (size_t i = 0; i < 3; i++) {
    r.q.token_file = cases[i].file;
    call(&r.w, &r.q);
    cr_assert_eq(answer.f.code, DSQL_ECREDENTIALS);
    cr_assert_not_null(strstr(answer.f.text, cases[i].text), "%s", answer.f.text);
  }
  cr_assert_eq(r.w.http.request_count, 0);
  role_close(&r);
}

Test(sts, token_in_an_error) {
  struct role r;
  struct fake_http_reply *reply;
  role_open(&r);
  r.w.files = token_files;
  r.q.signer = NULL;
  r.q.token_file = "/t";
  reply = fake_http_on(&r.w.http, "POST", "/");
  reply->status = 400;
  reply->body = ERROR_XML("InvalidIdentityToken", "bad: eyJ.hunter-web-token.hunter");
  call(&r.w, &r.q);
  cr_assert_not_null(strstr(answer.f.text, "InvalidIdentityToken: (its message quotes a secret"), "%s", answer.f.text);
  role_close(&r);
}

Test(sts, canceled_and_closed) {
  for (int turns = 0; turns < 24; turns++) {
    struct role r;
    struct fake_http_reply *reply;
    struct sts_call *c;
    struct fault f = {0};
    role_open(&r);
    reply = fake_http_on(&r.w.http, "POST", "/");
    reply->body = OK_XML("AssumeRole");
    reply->delay_ms = 500;
    forget();
    cr_assert_eq(sts_start(&c, &r.q, on_done, NULL, &f), 0);
    for (int i = 0; i < turns; i++) uv_run(&r.w.x.loop, UV_RUN_NOWAIT);
    sts_cancel(c);
    cr_assert_eq(answer.done, 0);
    role_close(&r);
    cr_assert_eq(answer.done, 0);
  }
}

Test(sts, no_memory) {
  struct role r;
  role_open(&r);
  fake_http_on(&r.w.http, "POST", "/")->body = OK_XML("AssumeRole");
  for (size_t i = 1; i < 300; i++) {
    test_alloc_arm(&r.w.x.heap, i, false);
    call(&r.w, &r.q);
    if (!test_alloc_fired(&r.w.x.heap)) {
      cr_assert_eq(answer.f.code, 0, "%s", answer.f.text);
      cr_assert_gt(i, 15);
      role_close(&r);
      return;
    }
    cr_assert(answer.f.code == DSQL_ENOMEM || answer.f.code == 0, "%zu: %s", i, answer.f.text);
  }
  cr_assert_fail("never without a failure");
}

/* ---- XML ---- */
Test(sts, hostile_xml) {
  static const struct {
    const char *xml, *text;
  } cases[] = {
      {"<!DOCTYPE a [<!ENTITY x \"hunter\">]><a>&x;</a>", "document type declaration"},
      {"<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", "document type declaration"},
      {"<!DOCTYPE a [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;\">]><a>&c;</a>",
       "document type declaration"},
      {"<a>&undefined;</a>", "not XML"},
      {"<a><b></a></b>", "not XML"},
      {"<a", "not XML"},
      {"<a/><b/>", "not XML"},
      {"<a>\xff\xfe</a>", "not XML"},
      {"<a><Credentials><AccessKeyId>A<b/></AccessKeyId></Credentials></a>", "elements inside a text"},
      {"<a><Credentials><AccessKeyId>A</AccessKeyId><AccessKeyId>B</AccessKeyId></Credentials></a>", "twice"},
  };
  struct test_alloc heap;
  test_alloc_init(&heap);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct sts_answer a;
    struct fault f = {0};
    cr_assert_eq(sts_answer_parse(&a, &heap.hook, cases[i].xml, strlen(cases[i].xml), &f), DSQL_EPROTO, "%zu", i);
    cr_assert_not_null(strstr(f.text, cases[i].text), "%zu: %s", i, f.text);
    world_check_text(f.text);
    sts_answer_deinit(&a);
  }
  test_alloc_assert_empty(&heap);
}

Test(sts, xml_prefixes_and_limits) {
  const char *whole = OK_XML("AssumeRole");
  struct test_alloc heap;
  struct sts_answer a;
  static char text[80000];
  struct fault f = {0};
  int n;
  test_alloc_init(&heap);
  for (size_t len = 0; len < strlen(whole); len++) {
    struct fault g = {0};
    cr_assert_eq(sts_answer_parse(&a, &heap.hook, whole, len, &g), DSQL_EPROTO);
    sts_answer_deinit(&a);
  }
  n = snprintf(text, sizeof text, "<a><Credentials><SessionToken>%040000d</SessionToken></Credentials></a>", 0);
  cr_assert_eq(sts_answer_parse(&a, &heap.hook, text, (size_t)n, &f), DSQL_EPROTO);
  cr_assert_not_null(strstr(f.text, "too long"), "%s", f.text);
  sts_answer_deinit(&a);
  memset(text, '<', sizeof text);
  for (int i = 0; i < 20000; i++) memcpy(text + i * 3, "<a>", 3); /* deep, and never closed */
  cr_assert_eq(sts_answer_parse(&a, &heap.hook, text, 60000, &f), DSQL_EPROTO);
  sts_answer_deinit(&a);
  test_alloc_assert_empty(&heap);
}

Test(sts, xml_elsewhere_is_ignored) {
  const char *xml =
      "<a><AccessKeyId>wrong</AccessKeyId><Credentials><Deep><AccessKeyId>wrong</AccessKeyId></Deep>"
      "<AccessKeyId>right</AccessKeyId><SecretAccessKey><![CDATA[<x>]]></SecretAccessKey></Credentials></a>";
  struct test_alloc heap;
  struct sts_answer a;
  struct fault f = {0};
  test_alloc_init(&heap);
  cr_assert_eq(sts_answer_parse(&a, &heap.hook, xml, strlen(xml), &f), 0, "%s", f.text);
  cr_assert_str_eq(sts_answer_get(&a, STS_ACCESS_KEY_ID), "right");
  cr_assert_str_eq(sts_answer_get(&a, STS_SECRET_ACCESS_KEY), "<x>");
  cr_assert_null(sts_answer_get(&a, STS_CODE));
  sts_answer_deinit(&a);
  test_alloc_assert_empty(&heap);
}
