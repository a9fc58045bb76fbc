#include <stdio.h>

#include "creds/profile_plan.h"
#include "world.h"

struct plan_case {
  const char *config, *credentials, *name;
  bool explicit_name;
  const char
      *expected; /* "base profile role<role<..."; or, with '!' in front, in the failure; '-': in PROFILE_NONE's why */
};

#define KEYS "aws_access_key_id=A\naws_secret_access_key=hunter\n"
#define MFA "mfa_serial=arn:aws:iam::1:mfa/hunter\n"

static const struct plan_case cases[] = {
    {"", "", "default", false,
     "-profile \"default\" is neither in /home/w/.aws/config nor in /home/w/.aws/credentials"},
    {"", "", "x", true, "!profile \"x\" is neither in /home/w/.aws/config"},
    {"[default]\nregion=eu-west-1\n", "", "default", false, "-profile \"default\" has no credentials"},
    {"[profile x]\nregion=eu-west-1\n", "", "x", true, "-profile \"x\" has no credentials"},
    {"", "[default]\n" KEYS, "default", false, "keys default"},
    {"[profile x]\n" KEYS, "", "x", true, "keys x"},
    {"", "[default]\naws_access_key_id=A\n", "default", false, "!has aws_access_key_id, but no aws_secret_access_key"},
    {"", "[default]\naws_secret_access_key=hunter\n", "default", false,
     "!has aws_secret_access_key, but no aws_access_key_id"},
    {"[default]\ncredential_process=p\n", "", "default", false, "process default"},
    {"[default]\ncredential_process=p\n", "[default]\n" KEYS, "default", false, "keys default"},
    {"[default]\nsso_account_id=1\nsso_role_name=r\n" KEYS, "", "default", false, "sso default"},
    {"[default]\nsso_start_url=u\n", "", "default", false, "sso default"},
    {"[default]\nrole_arn=r\nweb_identity_token_file=/t\nsso_start_url=u\n", "", "default", false, "web default"},
    {"[default]\nweb_identity_token_file=/t\n", "", "default", false, "web default"},
    /* roles */
    {"[profile x]\nrole_arn=r\nsource_profile=default\n", "[default]\n" KEYS, "x", true, "keys default x"},
    {"[profile x]\nrole_arn=r\nsource_profile=x\n", "[x]\n" KEYS, "x", true, "keys x x"},
    {"[profile x]\nrole_arn=r\nsource_profile=y\n[profile y]\nrole_arn=s\nsource_profile=z\n", "[z]\n" KEYS, "x", true,
     "keys z y<x"},
    {"[profile x]\nrole_arn=r\nsource_profile=y\n[profile y]\nrole_arn=s\nsource_profile=z\n" KEYS, "", "x", true,
     "keys y x"},
    {"[profile x]\nrole_arn=r\nsource_profile=y\n[profile y]\nsso_account_id=1\n", "", "x", true, "sso y x"},
    {"[profile x]\nrole_arn=r\nsource_profile=y\n[profile y]\ncredential_process=p\n", "", "x", true, "process y x"},
    {"[profile x]\nrole_arn=r\nsource_profile=y\n[profile y]\nrole_arn=s\nweb_identity_token_file=/t\n", "", "x", true,
     "web y x"},
    {"[profile x]\nrole_arn=r\nsource_profile=y\n[profile y]\nrole_arn=s\ncredential_source=Environment\n", "", "x",
     true, "environment y y<x"},
    {"[profile x]\nrole_arn=r\ncredential_source=EcsContainer\n", "", "x", true, "container x x"},
    {"[profile x]\nrole_arn=r\ncredential_source=Ec2InstanceMetadata\n", "", "x", true, "imds x x"},
    {"[profile x]\nrole_arn=r\ncredential_source=ec2\n", "", "x", true, "!none of Environment, EcsContainer"},
    {"[profile x]\nrole_arn=r\ncredential_source=Environment\nsource_profile=y\n", "", "x", true,
     "!has both source_profile"},
    {"[profile x]\nrole_arn=r\n", "", "x", true, "!has role_arn, but no source_profile, credential_source"},
    {"[profile x]\nrole_arn=r\n" KEYS, "", "x", true, "!has role_arn, but no source_profile"},
    {"[profile x]\nrole_arn=r\nsource_profile=y\n", "", "x", true, "!has source_profile = y, which does not exist"},
    {"[profile x]\nrole_arn=r\nsource_profile=y\n[profile y]\nregion=z\n", "", "x", true,
     "!profile \"y\" has no credentials"},
    {"[profile x]\nrole_arn=r\nsource_profile=x\n", "", "x", true, "!leads back to profile \"x\""},
    {"[profile x]\nrole_arn=r\nsource_profile=y\n[profile y]\nrole_arn=s\nsource_profile=x\n", "", "x", true,
     "!source_profile of profile \"y\" leads back to profile \"x\""},
    {"[profile x]\nrole_arn=r\nsource_profile=y\n[profile y]\nrole_arn=s\nsource_profile=z\n"
     "[profile z]\nrole_arn=t\nsource_profile=y\n",
     "", "x", true, "!leads back to profile \"y\""},
    {"[profile x]\nrole_arn=r\nsource_profile=default\n" MFA, "[default]\n" KEYS, "x", true, "!has mfa_serial"},
    /* durations */
    {"[profile x]\nrole_arn=r\nsource_profile=x\nduration_seconds=900\n" KEYS, "", "x", true, "keys x x:900"},
    {"[profile x]\nrole_arn=r\nsource_profile=x\nduration_seconds=43200\n" KEYS, "", "x", true, "keys x x:43200"},
    {"[profile x]\nrole_arn=r\nsource_profile=x\nduration_seconds=899\n" KEYS, "", "x", true, "!from 900 to 43200"},
    {"[profile x]\nrole_arn=r\nsource_profile=x\nduration_seconds=43201\n" KEYS, "", "x", true, "!from 900 to 43200"},
    {"[profile x]\nrole_arn=r\nsource_profile=x\nduration_seconds=99999999999999999999\n" KEYS, "", "x", true,
     "!from 900 to 43200"},
    {"[profile x]\nrole_arn=r\nsource_profile=x\nduration_seconds=1h\n" KEYS, "", "x", true,
     "!duration_seconds of profile"},
    {"[profile x]\nrole_arn=r\nsource_profile=x\nduration_seconds=-900\n" KEYS, "", "x", true, "!from 900 to 43200"},
};

static void describe(const struct profile_plan *p, char *out, size_t size) {
  static const char *const bases[] = {"none", "keys", "web", "sso", "process", "environment", "container", "imds"};
  int n = snprintf(out, size, "%s %s", bases[p->base], p->profile ? p->profile->name : "");
  for (size_t i = p->role_count; i-- > 0;) {
    n += snprintf(out + n, size - (size_t)n, "%s%s", i + 1 == p->role_count ? " " : "<", p->roles[i].profile->name);
    if (p->roles[i].duration_s) n += snprintf(out + n, size - (size_t)n, ":%u", p->roles[i].duration_s);
  }
}

Test(profile, plans) {
  struct world w;
  world_open(&w);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const struct plan_case *k = &cases[i];
    const struct world_file files[] = {
        {"/home/w/.aws/config", k->config}, {"/home/w/.aws/credentials", k->credentials}, {NULL, NULL}};
    struct profile_plan plan;
    struct fault f = {0};
    char text[200];
    int rc;

    w.files = files;
    world_load(&w);
    rc = profile_plan_make(&plan, &w.x.heap.hook, &w.loaded, k->name, k->explicit_name, &f);
    world_check_text(f.text);
    cr_assert_eq(rc, k->expected[0] == '!' ? DSQL_ECREDENTIALS : 0, "case %zu: %s", i, f.text);
    describe(&plan, text, sizeof text);
    if (strchr("!-", k->expected[0])) {
      cr_assert_not_null(strstr(f.text, k->expected + 1), "case %zu: %s", i, f.text);
      if (rc == 0) cr_assert_eq(plan.base, PROFILE_NONE);
    } else {
      cr_assert_str_eq(text, k->expected, "case %zu", i);
    }
    profile_plan_deinit(&plan);
  }
  world_close(&w);
}

/* ---- the plan carried out ---- */
#define XML(id)                                                                                                        \
  "<R><Credentials><AccessKeyId>" id "</AccessKeyId><SecretAccessKey>hunter-" id "</SecretAccessKey><SessionToken>"    \
  "hunter-token-" id "</SessionToken><Expiration>2033-11-14T22:13:20Z</Expiration></Credentials></R>"

static const struct world_file chain_files[] = {
    {"/home/w/.aws/config",
     "[profile x]\nrole_arn=arn:x\nsource_profile=y\nexternal_id=e\nduration_seconds=1800\nrole_session_name=me\n"
     "[profile y]\nrole_arn=arn:y\nsource_profile=base\nendpoint_url=@URL/y\n"
     "[profile web]\nrole_arn=arn:w\nweb_identity_token_file=/token\n"
     "[profile web-role]\nrole_arn=arn:r\nsource_profile=web\n"
     "[profile env]\nrole_arn=arn:e\ncredential_source=Environment\n"
     "[profile box]\nrole_arn=arn:b\ncredential_source=EcsContainer\n"
     "[profile proc]\ncredential_process=echo '{\"Version\":1,\"AccessKeyId\":\"P\",\"SecretAccessKey\":\"hunter\"}'\n"
     "[profile proc-role]\nrole_arn=arn:p\nsource_profile=proc\n"
     "[profile bad-proc]\ncredential_process=echo sorry >&2; exit 1\n"},
    {"/home/w/.aws/credentials", "[base]\naws_access_key_id=BASE\naws_secret_access_key=" WORLD_SECRET "\n"},
    {"/token", "hunter-web-token"},
    {NULL, NULL}};

static void profile_open(struct world *w, const char *profile) {
  world_open(w);
  world_http(w);
  world_vars(w, "AWS_ENDPOINT_URL_STS=@URL");
  w->files = chain_files;
  world_load(w);
  w->setup.profile = profile;
  w->setup.profile_explicit = true;
}

static struct fake_http_reply *on_sts(struct world *w, const char *path, const char *body, const char *xml) {
  struct fake_http_reply *r = fake_http_on(&w->http, "POST", path);
  r->want_body = body;
  r->body = xml;
  r->times = 1;
  return r;
}

Test(profile, roles_one_after_the_other) {
  struct world w;
  profile_open(&w, "x");
  on_sts(&w, "/", "RoleArn=arn%3Ay&RoleSessionName=libdsql-1700000000", XML("ONE"))->want_header[0] = "authorization:";
  on_sts(&w, "/", "RoleArn=arn%3Ax&RoleSessionName=me&DurationSeconds=1800&ExternalId=e", XML("TWO"))->want_header[0] =
      "x-amz-security-token: hunter-token-ONE";
  world_ask(&w, profile_source_new(&w.setup));
  world_expect(&w, CREDS_FOUND, "");
  cr_assert_str_eq(w.got.access_key_id, "TWO");
  cr_assert_not_null(strstr(fake_http_request(&w.http, 0)->headers, "Credential=BASE/"));
  cr_assert_not_null(strstr(fake_http_request(&w.http, 1)->headers, "Credential=ONE/"));
  world_close(&w);
}

Test(profile, endpoint_of_the_role) {
  struct world w;
  profile_open(&w, "y");
  world_vars(&w, "");
  on_sts(&w, "/y", "RoleArn=arn%3Ay", XML("ONE"));
  world_ask(&w, profile_source_new(&w.setup));
  world_expect(&w, CREDS_FOUND, "");
  world_close(&w);
}

Test(profile, bases) {
  struct world w;
  profile_open(&w, "web");
  on_sts(&w, "/", "RoleArn=arn%3Aw&RoleSessionName=libdsql-1700000000&WebIdentityToken=hunter-web-token", XML("WEB"));
  world_ask(&w, profile_source_new(&w.setup));
  cr_assert_str_eq(w.got.access_key_id, "WEB");
  w.setup.profile = "web-role";
  on_sts(&w, "/", "Action=AssumeRoleWithWebIdentity", XML("WEB"));
  on_sts(&w, "/", "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Ar", XML("ROLE"));
  world_ask(&w, profile_source_new(&w.setup));
  cr_assert_str_eq(w.got.access_key_id, "ROLE");
  w.setup.profile = "proc";
  world_ask(&w, profile_source_new(&w.setup));
  cr_assert_str_eq(w.got.access_key_id, "P");
  w.setup.profile = "proc-role";
  on_sts(&w, "/", "RoleArn=arn%3Ap", XML("PROC"));
  world_ask(&w, profile_source_new(&w.setup));
  cr_assert_str_eq(w.got.access_key_id, "PROC");
  world_vars(&w, "AWS_ENDPOINT_URL_STS=@URL\nAWS_ACCESS_KEY_ID=ENVKEY\nAWS_SECRET_ACCESS_KEY=hunter");
  w.setup.profile = "env";
  on_sts(&w, "/", "RoleArn=arn%3Ae", XML("ENV"));
  world_ask(&w, profile_source_new(&w.setup));
  cr_assert_str_eq(w.got.access_key_id, "ENV");
  cr_assert_eq(w.http.request_count, 5);
  world_close(&w);
}

Test(profile, failures) {
  static const struct {
    const char *profile, *text;
  } failures[] = {
      {"env", "profile \"env\": environment variables: AWS_ACCESS_KEY_ID is not set"},
      {"box", "profile \"box\": "},
      {"bad-proc", "credential_process of profile \"bad-proc\" failed with exit status 1; it wrote: sorry"},
      {"nowhere", "profile \"nowhere\" is neither in"},
      {"y", "profile \"y\": AssumeRole of arn:y was refused: AccessDenied: no"},
      {"x", "profile \"y\": AssumeRole of arn:y was refused: AccessDenied: no"},
      {"web", "profile \"web\": web identity: AssumeRoleWithWebIdentity of arn:w was refused: AccessDenied"},
  };
  struct world w;
  struct fake_http_reply *r;
  profile_open(&w, "x");
  r = fake_http_on(&w.http, "POST", "/");
  r->status = 403;
  r->body = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
  for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
    w.setup.profile = failures[i].profile;
    world_ask(&w, profile_source_new(&w.setup));
    world_expect(&w, CREDS_FAILED, failures[i].text);
    cr_assert_eq(strncmp(w.why.text, failures[i].text, 14), 0, "not at the beginning: %s", w.why.text);
  }
  world_close(&w);
}

Test(profile, no_memory) {
  struct world w;
  struct fake_http_reply *r;
  profile_open(&w, "x");
  r = fake_http_on(&w.http, "POST", "/");
  r->body = XML("ONE");
  for (size_t i = 1; i < 400; i++) {
    test_alloc_arm(&w.x.heap, i, false);
    world_ask(&w, profile_source_new(&w.setup));
    if (!test_alloc_fired(&w.x.heap)) {
      cr_assert_eq(w.outcome, CREDS_FOUND);
      cr_assert_gt(i, 30);
      world_close(&w);
      return;
    }
    cr_assert(w.outcome == CREDS_FOUND || w.why.code == DSQL_ENOMEM, "%zu: %s", i, w.why.text);
  }
  cr_assert_fail("never without a failure");
}

static void on_any(void *owner, struct creds_source *s, struct creds_answer *a) {
  (void)a;
  source_free(s);
  ++*(int *)owner;
}

Test(profile, freed_at_any_time) {
  static const char *const profiles[] = {"x", "web-role", "proc-role"};
  for (int i = 0; i < 60; i++) {
    struct world w;
    struct creds_source *s;
    int answers = 0, before;
    profile_open(&w, profiles[i % 3]);
    fake_http_on(&w.http, "POST", "/")->body = XML("ONE");
    fake_http_on(&w.http, "POST", "/y")->delay_ms = 1000;
    w.http.unexpected = 0;
    s = profile_source_new(&w.setup);
    source_start(s, on_any, &answers);
    for (int n = 0; n < i / 12; n++) uv_run(&w.x.loop, UV_RUN_NOWAIT);
    before = answers;
    if (!answers) source_free(s);
    for (int n = 0; n < 3; n++) uv_run(&w.x.loop, UV_RUN_NOWAIT);
    cr_assert_eq(answers, before, "answered after it was freed");
    world_close(&w);
  }
}
