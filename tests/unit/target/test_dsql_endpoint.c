/* Which region, which host: the precedence of regions, PrivateLink, connect_host. */
#include <criterion/criterion.h>
#include <string.h>

#include "fake_env.h"

#define ID "abcdefghijklmnopqrstuvwxyz"
#define HOST ID ".dsql.us-east-1.on.aws"
#define LINK ID ".dsql-fnh4.us-east-1.on.aws"
#define VPCE "vpce-1-a.dsql-fnh4.us-east-1.vpce.amazonaws.com"
#define CONFIG "/home/os/.aws/config"

static const struct fake_file aws[] = {
    {.path = CONFIG,
     .text = "[default]\nregion = pd\n[profile p]\nregion = pp\n[profile none]\nrole_arn = x\n[profile "
             "bad]\nregion = a/b\n"},
    {.path = "/home/os/.aws/credentials", .text = "[c]\nregion = pc\n"},
    {0}};

enum { PARAMETER = 1, IN_HOST = 2, REGION = 4, DEFAULT_REGION = 8, PROFILE = 16 };

static const char *expected_region(unsigned set) {
  if (set & PARAMETER) return "parameter";
  if (set & IN_HOST) return "us-east-1";
  if (set & REGION) return "env";
  if (set & DEFAULT_REGION) return "envdefault";
  return set & PROFILE ? "pd" : NULL;
}

static const char *expected_source(unsigned set) {
  if (set & PARAMETER) return "connection string";
  if (set & IN_HOST) return "host name";
  if (set & REGION) return "environment variable AWS_REGION";
  if (set & DEFAULT_REGION) return "environment variable AWS_DEFAULT_REGION";
  return "profile \"default\" of " CONFIG;
}

/* Every combination of the five places. */
Test(dsql_region, precedence) {
  struct fake_env e;
  char vars[100], text[100];

  fake_env_init(&e);
  for (unsigned set = 0; set < 32; set++) {
    const char *region = expected_region(set);
    struct target *t;
    e.files = set & PROFILE ? aws : NULL;
    e.vars = vars;
    snprintf(vars, sizeof vars, "%s\n%s", set & REGION ? "AWS_REGION=env" : "AWS_REGION=",
             set & DEFAULT_REGION ? "AWS_DEFAULT_REGION=envdefault" : "X=");
    snprintf(text, sizeof text, "dsql://%s%s", set & IN_HOST ? HOST : "db.example.com",
             set & PARAMETER ? "?region=parameter" : "");
    t = fake_resolve(&e, text);
    if (!region) {
      cr_assert_null(t, "%u", set);
      cr_assert_str_eq(e.fault.text,
                       "no AWS region: set region. It is not given, the host is not <id>.dsql.<region>.on.aws, "
                       "AWS_REGION and AWS_DEFAULT_REGION are not set, and profile \"default\" of " CONFIG
                       " is missing, as there is no such file");
      continue;
    }
    cr_assert(t, "%u: %s", set, e.fault.text);
    cr_assert_str_eq(t->region, region, "%u: %s", set, t->region);
    cr_assert_str_eq(fake_field(t, "=region"), region);
    cr_assert_str_eq(fake_field(t, "@region"), expected_source(set));
    cr_assert_str_eq(fake_field(t, "?region"), set & PARAMETER ? "1" : "0");
    target_unref(t);
  }
  test_alloc_assert_empty(&e.heap);
}

static const struct fake_case regions[] = {
    /* a cluster id is expanded with it, wherever it comes from */
    {"AWS_REGION=eu-west-1", ID, "hosts[0].host", ID ".dsql.eu-west-1.on.aws"},
    {"AWS_DEFAULT_REGION=eu-west-1", ID, "hosts[0].host", ID ".dsql.eu-west-1.on.aws"},
    {"AWS_REGION=eu-west-1", "dsql://" ID "?region=us-west-2", "hosts[0].host", ID ".dsql.us-west-2.on.aws"},
    {NULL, ID, "hosts[0].host", ID ".dsql.pd.on.aws"},
    {NULL, ID, "@host", "cluster id: connection string; region: profile \"default\" of " CONFIG},
    {NULL, ID, "?host", "1"},
    {"AWS_PROFILE=p", ID, "region", "pp"},
    {"AWS_PROFILE=p", ID, "profile", "p"},
    {"AWS_PROFILE=p", ID, "@profile", "environment variable AWS_PROFILE"},
    {"AWS_PROFILE=p", ID, "@region", "profile \"p\" of " CONFIG},
    {"AWS_PROFILE=p", "dsql://" ID "?profile=c", "region", "pc"},
    {"AWS_PROFILE=p", "dsql://" ID "?profile=c", "profile", "c"},
    {"AWS_PROFILE=", ID, "region", "pd"},
    {NULL, ID, "profile", "-"},
    {NULL, ID, "=profile", "default"},
    {NULL, ID, "@profile", "default"},
    {NULL, "dsql://" ID "?profile=none", NULL, "profile \"none\" of " CONFIG " has no region"},
    {NULL, "dsql://" ID "?profile=nosuch", NULL, "profile \"nosuch\" of " CONFIG " does not exist"},
    {"AWS_CONFIG_FILE=/x", "dsql://" ID, NULL, "profile \"default\" of /x is missing, as there is no such file"},
    {NULL, "dsql://" ID "?profile=bad", NULL, "invalid region value \"a/b\" (profile \"bad\" of " CONFIG "): must be"},
    {"AWS_REGION=a b", ID, NULL, "invalid region value \"a b\" (environment variable AWS_REGION): must be letters"},
    {NULL, "dsql://" ID "?region=a.b", NULL, "invalid region value \"a.b\" (connection string)"},
    {NULL, "dsql://" ID "?region=US-EAST-1", "hosts[0].host", HOST},
    {"AWS_REGION=US-EAST-1", ID, "region", "us-east-1"},
    /* a region that the host contradicts is used, and told */
    {NULL, "dsql://" HOST "?region=us-west-2", "region", "us-west-2"},
    {NULL, "dsql://" HOST "?region=us-west-2", "notice",
     "region us-west-2 (connection string) is not the host's, us-east-1: the cluster will most likely refuse the "
     "tokens"},
    {NULL, "dsql://" HOST "?region=us-east-1", "notice", "-"},
    /* the host that is signed for tells it */
    {NULL, "host=db.example.com auth=iam sign_host=x.dsql.eu-west-1.on.aws", "region", "eu-west-1"},
    {NULL, "host=" HOST " sign_host=x.dsql.eu-west-1.on.aws", "region", "eu-west-1"},
    {NULL, "host=" HOST " sign_host=" ID, "sign_host", ID ".dsql.pd.on.aws"},
    {NULL, "host=" HOST " sign_host=X.DSQL.eu-west-1.ON.aws.", "sign_host", "x.dsql.eu-west-1.on.aws"},
    {NULL, "host=" HOST " sign_host='a b'", NULL, "invalid sign_host \"a b\" (connection string)"},
    {NULL, "host=" HOST " sign_host=a@b", NULL, "invalid sign_host (connection string): has an \"@\""},
    /* no token, no need */
    {"AWS_CONFIG_FILE=/x", "dsql://u:p@db.example.com", "region", "-"},
    {"AWS_REGION=r", "dsql://u:p@db.example.com", "region", "r"},
    {"AWS_CONFIG_FILE=/x", "dsql://u:p@" ID, NULL, "no AWS region"},
};

Test(dsql_region, table) {
  struct fake_env e;

  fake_env_init(&e);
  e.files = aws;
  fake_run(&e, regions, sizeof regions / sizeof regions[0]);
}

/* AWS's files are not touched while something before them tells the region. */
Test(dsql_region, files_are_read_only_when_needed) {
  static const struct fake_file broken[] = {{.path = CONFIG, .text = "hunter"}, {0}};
  static const struct fake_case cases[] = {
      {NULL, HOST, "region", "us-east-1"},
      {"AWS_REGION=r", ID, "region", "r"},
      {NULL, "dsql://" ID "?region=r", "region", "r"},
      {NULL, ID, NULL, "AWS config file \"" CONFIG "\", line 1: "},
  };
  struct fake_env e;

  fake_env_init(&e);
  e.files = broken;
  fake_run(&e, cases, sizeof cases / sizeof cases[0]);
}

#define PRIVATE "host=" HOST " sslmode=verify-ca connect_host=" VPCE

static const struct fake_case links[] = {
    /* with private DNS: nothing special */
    {NULL, LINK, "hosts[0].host", LINK},
    {NULL, LINK, "hosts[0].dial_name", "-"},
    {NULL, LINK, "sign_host", LINK},
    {NULL, LINK, "verify", "2"},
    {NULL, LINK, "options", "-"},
    /* dialed elsewhere; verified, sent and signed as it is */
    {NULL, "host=" HOST " connect_host=" VPCE, "hosts[0].host", HOST},
    {NULL, "host=" HOST " connect_host=" VPCE, "hosts[0].dial_name", VPCE},
    {NULL, "host=" HOST " connect_host=" VPCE, "hosts[0].hostaddr", "-"},
    {NULL, "host=" HOST " connect_host=" VPCE, "sign_host", HOST},
    {NULL, "host=" HOST " connect_host=" VPCE, "verify", "2"},
    {NULL, "host=" HOST " connect_host=" VPCE, "options", "-"},
    {NULL, "host=" HOST " connect_host=LocalHost.", "hosts[0].dial_name", "localhost"},
    {NULL, "host=" HOST " connect_host=127.0.0.1", "hosts[0].hostaddr", "127.0.0.1"},
    {NULL, "host=" HOST " connect_host=127.0.0.1", "hosts[0].dial_name", "-"},
    {NULL, "host=" HOST " connect_host=::1", "hosts[0].hostaddr", "::1"},
    {NULL, "dsql://" HOST "?connect_host=127.0.0.1", "hosts[0].host", HOST},
    {NULL, "host=" HOST " connect_host=a hostaddr=::1", NULL,
     "connect_host (connection string) and hostaddr (connection string) both say where to connect: give one"},
    {NULL, "host=" HOST " connect_host=a,b", NULL, "invalid connect_host value \"a,b\""},
    {NULL, "host=" HOST " connect_host=/tmp", NULL, "invalid connect_host value \"/tmp\""},
    {NULL, "host=" HOST " connect_host='a b'", NULL, "invalid connect_host \"a b\""},
    {NULL, "host=" HOST " connect_host=u:hunter@b", NULL, "invalid connect_host (connection string): has an \"@\""},
    /* without private DNS */
    {NULL, PRIVATE, "hosts[0].host", VPCE},
    {NULL, PRIVATE, "hosts[0].dial_name", "-"},
    {NULL, PRIVATE, "sign_host", HOST},
    {NULL, PRIVATE, "sslmode", "5"},
    {NULL, PRIVATE, "verify", "1"},
    {NULL, PRIVATE, "system", "1"},
    {NULL, PRIVATE, "negotiation", "1"},
    {NULL, PRIVATE, "region", "us-east-1"},
    {NULL, PRIVATE, "options", "-c amzn-cluster-id=" ID},
    {NULL, PRIVATE, "@options", "sign_host"},
    {NULL, PRIVATE " options='-c search_path=s'", "options", "-c search_path=s -c amzn-cluster-id=" ID},
    {NULL, PRIVATE " options='-c search_path=s'", "@options", "connection string, and sign_host"},
    {NULL, PRIVATE " options='-c search_path=s'", "?options", "1"},
    {NULL, PRIVATE " options='-camzn-cluster-id=x'", "options", "-camzn-cluster-id=x"},
    {"PGOPTIONS=-c a=b", PRIVATE, "options", "-c a=b -c amzn-cluster-id=" ID},
    {NULL, PRIVATE " sslnegotiation=postgres", "negotiation", "0"},
    {NULL, PRIVATE " hostaddr=10.0.0.1", "hosts[0].hostaddr", "10.0.0.1"},
    {NULL, PRIVATE " hostaddr=10.0.0.1", "hosts[0].host", VPCE},
    {NULL, "sign_host=" HOST " sslmode=verify-ca connect_host=" VPCE, "hosts[0].host", VPCE},
    {NULL, "sign_host=" HOST " sslmode=verify-ca connect_host=" VPCE, "sign_host", HOST},
    {NULL, "host=x auth=iam sign_host=" HOST " sslmode=verify-ca connect_host=" VPCE, "options",
     "-c amzn-cluster-id=" ID},
    {"AWS_REGION=us-east-1", "host=" ID " sslmode=verify-ca connect_host=" VPCE, "sign_host", HOST},
    {NULL, "host=x.dsql.us-east-1.on.aws sslmode=verify-ca connect_host=" VPCE, NULL,
     "needs the cluster's id: set sign_host to <id>.dsql.<region>.on.aws"},
    {NULL, "host=" VPCE " auth=iam sslmode=verify-ca sign_host=" HOST, NULL, "DSQL mode takes verify-full only"},
    {NULL, PRIVATE " sslrootcert=system", NULL, "may not be used with sslrootcert=system"},
};

Test(dsql_endpoint, private_link) {
  struct fake_env e;

  fake_env_init(&e);
  fake_run(&e, links, sizeof links / sizeof links[0]);
}
