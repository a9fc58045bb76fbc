#include <stdio.h>

#include "creds/endpoint.h"
#include "world.h"

struct endpoint_case {
  const char *vars, *config, *region;
  enum endpoint_service service;
  const char *url; /* or a part of the error when region_out is NULL */
  const char *region_out;
};

#define PROFILE "[default]\n"

static const struct endpoint_case cases[] = {
    {"", "", "eu-west-1", ENDPOINT_STS, "https://sts.eu-west-1.amazonaws.com", "eu-west-1"},
    {"", "", "us-east-1", ENDPOINT_STS, "https://sts.us-east-1.amazonaws.com", "us-east-1"},
    {"", "", "cn-north-1", ENDPOINT_STS, "https://sts.cn-north-1.amazonaws.com.cn", "cn-north-1"},
    {"", "", "us-gov-west-1", ENDPOINT_STS, "https://sts.us-gov-west-1.amazonaws.com", "us-gov-west-1"},
    {"", "", "us-iso-east-1", ENDPOINT_STS, "https://sts.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"},
    {"", "", "us-isob-east-1", ENDPOINT_STS, "https://sts.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"},
    {"", "", "us-isof-south-1", ENDPOINT_STS, "https://sts.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1"},
    {"", "", "eu-isoe-west-1", ENDPOINT_STS, "https://sts.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1"},
    {"", "", "eusc-de-east-1", ENDPOINT_STS, "https://sts.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"},
    {"", "", "aws-global", ENDPOINT_STS, "https://sts.amazonaws.com", "us-east-1"},
    {"", "", "eu-west-1", ENDPOINT_SSO, "https://portal.sso.eu-west-1.amazonaws.com", "eu-west-1"},
    {"", "", "eu-west-1", ENDPOINT_SSO_OIDC, "https://oidc.eu-west-1.amazonaws.com", "eu-west-1"},
    /* legacy */
    {"AWS_STS_REGIONAL_ENDPOINTS=legacy", "", "eu-west-1", ENDPOINT_STS, "https://sts.amazonaws.com", "us-east-1"},
    {"AWS_STS_REGIONAL_ENDPOINTS=LEGACY", "", "us-west-2", ENDPOINT_STS, "https://sts.amazonaws.com", "us-east-1"},
    {"AWS_STS_REGIONAL_ENDPOINTS=legacy", "", "eu-south-1", ENDPOINT_STS, "https://sts.eu-south-1.amazonaws.com",
     "eu-south-1"},
    {"AWS_STS_REGIONAL_ENDPOINTS=legacy", "", "eu-west-1", ENDPOINT_SSO, "https://portal.sso.eu-west-1.amazonaws.com",
     "eu-west-1"},
    {"", PROFILE "sts_regional_endpoints=legacy\n", "eu-west-1", ENDPOINT_STS, "https://sts.amazonaws.com",
     "us-east-1"},
    {"AWS_STS_REGIONAL_ENDPOINTS=regional", PROFILE "sts_regional_endpoints=legacy\n", "eu-west-1", ENDPOINT_STS,
     "https://sts.eu-west-1.amazonaws.com", "eu-west-1"},
    {"AWS_STS_REGIONAL_ENDPOINTS=other", "", "eu-west-1", ENDPOINT_STS, "AWS_STS_REGIONAL_ENDPOINTS is neither", NULL},
    {"", PROFILE "sts_regional_endpoints=other\n", "eu-west-1", ENDPOINT_STS,
     "sts_regional_endpoints of the profile is neither", NULL},
    /* FIPS and dual-stack: what botocore 1.43.11 makes of the same */
    {"AWS_USE_FIPS_ENDPOINT=true", "", "eu-west-1", ENDPOINT_STS, "https://sts-fips.eu-west-1.amazonaws.com",
     "eu-west-1"},
    {"AWS_USE_DUALSTACK_ENDPOINT=true", "", "eu-west-1", ENDPOINT_STS, "https://sts.eu-west-1.api.aws", "eu-west-1"},
    {"AWS_USE_FIPS_ENDPOINT=true\nAWS_USE_DUALSTACK_ENDPOINT=true", "", "eu-west-1", ENDPOINT_STS,
     "https://sts-fips.eu-west-1.api.aws", "eu-west-1"},
    {"AWS_USE_FIPS_ENDPOINT=true", "", "us-gov-west-1", ENDPOINT_STS, "https://sts.us-gov-west-1.amazonaws.com",
     "us-gov-west-1"},
    {"AWS_USE_DUALSTACK_ENDPOINT=true", "", "us-gov-west-1", ENDPOINT_STS, "https://sts.us-gov-west-1.api.aws",
     "us-gov-west-1"},
    {"AWS_USE_FIPS_ENDPOINT=true\nAWS_USE_DUALSTACK_ENDPOINT=true", "", "us-gov-west-1", ENDPOINT_STS,
     "https://sts-fips.us-gov-west-1.api.aws", "us-gov-west-1"},
    {"AWS_USE_FIPS_ENDPOINT=true", "", "cn-north-1", ENDPOINT_STS, "https://sts-fips.cn-north-1.amazonaws.com.cn",
     "cn-north-1"},
    {"AWS_USE_DUALSTACK_ENDPOINT=true", "", "cn-north-1", ENDPOINT_STS,
     "https://sts.cn-north-1.api.amazonwebservices.com.cn", "cn-north-1"},
    {"AWS_USE_DUALSTACK_ENDPOINT=true", "", "us-iso-east-1", ENDPOINT_STS, "https://sts.us-iso-east-1.api.aws.ic.gov",
     "us-iso-east-1"},
    {"AWS_USE_DUALSTACK_ENDPOINT=true", "", "us-isob-east-1", ENDPOINT_STS, "https://sts.us-isob-east-1.api.aws.scloud",
     "us-isob-east-1"},
    {"AWS_USE_DUALSTACK_ENDPOINT=true", "", "us-isof-south-1", ENDPOINT_STS,
     "https://sts.us-isof-south-1.api.aws.hci.ic.gov", "us-isof-south-1"},
    {"AWS_USE_DUALSTACK_ENDPOINT=true", "", "eu-isoe-west-1", ENDPOINT_STS,
     "https://sts.eu-isoe-west-1.api.cloud-aws.adc-e.uk", "eu-isoe-west-1"},
    {"AWS_USE_DUALSTACK_ENDPOINT=true", "", "eusc-de-east-1", ENDPOINT_STS,
     "https://sts.eusc-de-east-1.api.amazonwebservices.eu", "eusc-de-east-1"},
    {"AWS_USE_FIPS_ENDPOINT=true", "", "eu-west-1", ENDPOINT_SSO, "https://portal.sso-fips.eu-west-1.amazonaws.com",
     "eu-west-1"},
    {"AWS_USE_FIPS_ENDPOINT=true", "", "us-gov-west-1", ENDPOINT_SSO, "https://portal.sso.us-gov-west-1.amazonaws.com",
     "us-gov-west-1"},
    {"AWS_USE_DUALSTACK_ENDPOINT=true", "", "eu-west-1", ENDPOINT_SSO, "https://portal.sso.eu-west-1.api.aws",
     "eu-west-1"},
    {"AWS_USE_FIPS_ENDPOINT=true", "", "eu-west-1", ENDPOINT_SSO_OIDC, "https://oidc-fips.eu-west-1.amazonaws.com",
     "eu-west-1"},
    {"AWS_USE_FIPS_ENDPOINT=true\nAWS_USE_DUALSTACK_ENDPOINT=true", "", "eu-west-1", ENDPOINT_SSO_OIDC,
     "https://oidc-fips.eu-west-1.api.aws", "eu-west-1"},
    {"AWS_USE_FIPS_ENDPOINT=true\nAWS_STS_REGIONAL_ENDPOINTS=legacy", "", "eu-west-1", ENDPOINT_STS,
     "https://sts-fips.eu-west-1.amazonaws.com", "eu-west-1"},
    {"AWS_USE_DUALSTACK_ENDPOINT=true\nAWS_STS_REGIONAL_ENDPOINTS=legacy", "", "eu-west-1", ENDPOINT_STS,
     "https://sts.eu-west-1.api.aws", "eu-west-1"},
    {"", PROFILE "use_fips_endpoint=True\nuse_dualstack_endpoint=false\n", "eu-west-1", ENDPOINT_STS,
     "https://sts-fips.eu-west-1.amazonaws.com", "eu-west-1"},
    {"", PROFILE "use_dualstack_endpoint=true\n", "eu-west-1", ENDPOINT_STS, "https://sts.eu-west-1.api.aws",
     "eu-west-1"},
    {"AWS_USE_FIPS_ENDPOINT=false", PROFILE "use_fips_endpoint=true\n", "eu-west-1", ENDPOINT_STS,
     "https://sts.eu-west-1.amazonaws.com", "eu-west-1"},
    {"AWS_USE_FIPS_ENDPOINT=yes", "", "eu-west-1", ENDPOINT_STS,
     "AWS_USE_FIPS_ENDPOINT is neither \"true\" nor \"false\"", NULL},
    {"", PROFILE "use_dualstack_endpoint=1\n", "eu-west-1", ENDPOINT_STS,
     "use_dualstack_endpoint of the profile is neither", NULL},
    {"AWS_USE_FIPS_ENDPOINT=true\nAWS_ENDPOINT_URL_STS=http://s", "", "eu-west-1", ENDPOINT_STS,
     "AWS_ENDPOINT_URL_STS and a FIPS endpoint are not possible together", NULL},
    {"AWS_USE_DUALSTACK_ENDPOINT=true", PROFILE "endpoint_url=http://p\n", "eu-west-1", ENDPOINT_STS,
     "endpoint_url of the profile and a dual-stack endpoint", NULL},
    {"AWS_USE_FIPS_ENDPOINT=true\nAWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true\nAWS_ENDPOINT_URL_STS=http://s", "",
     "eu-west-1", ENDPOINT_STS, "https://sts-fips.eu-west-1.amazonaws.com", "eu-west-1"},
    {"AWS_USE_FIPS_ENDPOINT=true", "", "aws-global", ENDPOINT_STS, "aws-global has no FIPS endpoint: name a region",
     NULL},
    /* overrides */
    {"AWS_ENDPOINT_URL_STS=http://localhost:4566/", "", "eu-west-1", ENDPOINT_STS, "http://localhost:4566",
     "eu-west-1"},
    {"AWS_ENDPOINT_URL_STS=HTTPS://h/sts//", "", "eu-west-1", ENDPOINT_STS, "HTTPS://h/sts", "eu-west-1"},
    {"AWS_ENDPOINT_URL=http://h", "", "eu-west-1", ENDPOINT_STS, "http://h", "eu-west-1"},
    {"AWS_ENDPOINT_URL=http://h\nAWS_ENDPOINT_URL_STS=http://s", "", "eu-west-1", ENDPOINT_STS, "http://s",
     "eu-west-1"},
    {"AWS_ENDPOINT_URL_STS=http://s", "", "eu-west-1", ENDPOINT_SSO, "https://portal.sso.eu-west-1.amazonaws.com",
     "eu-west-1"},
    {"AWS_ENDPOINT_URL_SSO=http://s", "", "eu-west-1", ENDPOINT_SSO, "http://s", "eu-west-1"},
    {"AWS_ENDPOINT_URL_SSO_OIDC=http://s", "", "eu-west-1", ENDPOINT_SSO_OIDC, "http://s", "eu-west-1"},
    {"AWS_ENDPOINT_URL_STS=", PROFILE "endpoint_url=http://p\n", "eu-west-1", ENDPOINT_STS, "http://p", "eu-west-1"},
    {"", PROFILE "endpoint_url=http://p\nservices=x\n[services x]\nsts =\n  endpoint_url=http://n\n", "eu-west-1",
     ENDPOINT_STS, "http://n", "eu-west-1"},
    {"", PROFILE "endpoint_url=http://p\nservices=x\n[services x]\nsts =\n  endpoint_url=http://n\n", "eu-west-1",
     ENDPOINT_SSO, "http://p", "eu-west-1"},
    {"AWS_ENDPOINT_URL=http://h", PROFILE "services=x\n[services x]\nsts =\n  endpoint_url=http://n\n", "eu-west-1",
     ENDPOINT_STS, "http://h", "eu-west-1"},
    {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true\nAWS_ENDPOINT_URL_STS=http://s", PROFILE "endpoint_url=http://p\n",
     "eu-west-1", ENDPOINT_STS, "https://sts.eu-west-1.amazonaws.com", "eu-west-1"},
    {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=false\nAWS_ENDPOINT_URL_STS=http://s", "", "eu-west-1", ENDPOINT_STS,
     "http://s", "eu-west-1"},
    {"", PROFILE "services=nowhere\n", "eu-west-1", ENDPOINT_STS, "[services nowhere], which does not exist", NULL},
    /* refused */
    {"", "", NULL, ENDPOINT_STS, "no region for sts: set region in the profile, AWS_REGION", NULL},
    {"AWS_ENDPOINT_URL_STS=http://s", "", NULL, ENDPOINT_STS, "no region for sts", NULL},
    {"", "", "evil.com/", ENDPOINT_STS, "no region name", NULL},
    {"", "", "-a", ENDPOINT_STS, "no region name", NULL},
    {"", "", "EU-WEST-1", ENDPOINT_STS, "no region name", NULL},
    {"AWS_ENDPOINT_URL_STS=ftp://hunter", "", "eu-west-1", ENDPOINT_STS, "AWS_ENDPOINT_URL_STS is no URL", NULL},
    {"AWS_ENDPOINT_URL_STS=http://u:hunter@h", "", "eu-west-1", ENDPOINT_STS, "AWS_ENDPOINT_URL_STS is no URL", NULL},
    {"AWS_ENDPOINT_URL_STS=http://", "", "eu-west-1", ENDPOINT_STS, "AWS_ENDPOINT_URL_STS is no URL", NULL},
    {"AWS_ENDPOINT_URL_STS=http:///x", "", "eu-west-1", ENDPOINT_STS, "AWS_ENDPOINT_URL_STS is no URL", NULL},
    {"AWS_ENDPOINT_URL=http://h/?q=hunter", "", "eu-west-1", ENDPOINT_STS, "AWS_ENDPOINT_URL is no URL", NULL},
    {"AWS_ENDPOINT_URL=http://a b", "", "eu-west-1", ENDPOINT_STS, "AWS_ENDPOINT_URL is no URL", NULL},
    {"", PROFILE "endpoint_url=hunter\n", "eu-west-1", ENDPOINT_STS, "endpoint_url of the profile is no URL", NULL},
};

Test(endpoint, table) {
  struct world w;
  world_open(&w);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const struct endpoint_case *k = &cases[i];
    const struct world_file files[] = {{"/home/w/.aws/config", k->config}, {NULL, NULL}};
    const char *region = NULL;
    struct fault f = {0};
    struct buf url;
    int rc;

    world_vars(&w, k->vars);
    w.files = files;
    world_load(&w);
    buf_init(&url, &w.x.heap.hook, 4096);
    rc = endpoint_url(&w.setup, aws_files_find(&w.loaded, AWS_SECTION_PROFILE, "default"), k->service, k->region, &url,
                      &region, &f);
    cr_assert_eq(rc, k->region_out ? 0 : DSQL_EINVAL, "case %zu: %s", i, f.text);
    world_check_text(f.text);
    if (rc) {
      cr_assert_not_null(strstr(f.text, k->url), "case %zu: %s", i, f.text);
    } else {
      cr_assert_str_eq((char *)url.data, k->url, "case %zu", i);
      cr_assert_str_eq(region, k->region_out, "case %zu", i);
    }
    buf_deinit(&url);
  }
  world_close(&w);
}

Test(endpoint, no_memory) {
  struct world w;
  struct buf url;
  struct fault f = {0};
  const char *region;
  world_open(&w);
  buf_init(&url, &w.x.heap.hook, 4096);
  test_alloc_arm(&w.x.heap, 1, true);
  cr_assert_eq(endpoint_url(&w.setup, NULL, ENDPOINT_STS, "eu-west-1", &url, &region, &f), DSQL_ENOMEM);
  test_alloc_arm(&w.x.heap, 0, false);
  buf_deinit(&url);
  world_close(&w);
}
