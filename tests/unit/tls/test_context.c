#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"

static struct zoo zoo;

static void setup(void) { zoo_init(&zoo); }
static void teardown(void) { zoo_deinit(&zoo); }

TestSuite(context, .init = setup, .fini = teardown, .timeout = 60);

static struct fault load(struct tls_config c) {
  struct test_alloc heap;
  struct tls_context *ctx;
  struct fault f = {0};

  test_alloc_init(&heap);
  cr_assert(tls_context_new(&ctx, &heap.hook) == 0);
  cr_assert(tls_context_load(ctx, &c, &f) == f.code);
  cr_assert(tls_context_ref(ctx) == ctx);
  tls_context_unref(ctx);
  cr_assert(heap.live == 1);
  tls_context_unref(ctx);
  tls_context_unref(NULL);
  test_alloc_assert_empty(&heap);
  return f;
}

static void expect_refusal(struct tls_config c, const char *part, const char *other) {
  struct fault f = load(c);
  cr_assert(f.code == DSQL_EINVAL, "%d %s", f.code, f.text);
  cr_assert(strstr(f.text, part) && strstr(f.text, other), "%s", f.text);
}

Test(context, bad_options) {
  const enum tls_verify none = TLS_VERIFY_NONE;

  expect_refusal((struct tls_config){.verify = none, .min_version = "TLSv1.4"}, "ssl_min_protocol_version \"TLSv1.4\"",
                 "TLSv1.2");
  expect_refusal((struct tls_config){.verify = none, .max_version = "1.3"}, "ssl_max_protocol_version \"1.3\"",
                 "TLSv1.3");
  expect_refusal((struct tls_config){.verify = none, .min_version = "TLSv1.3", .max_version = "TLSv1.2"},
                 "is older than", "TLSv1.3");
  expect_refusal((struct tls_config){.verify = none, .max_version = "TLSv1.1"}, "set both", "TLSv1.2");
  expect_refusal((struct tls_config){.verify = none, .groups = "P-256:nonsense"}, "P-256:nonsense", "groups");
  expect_refusal((struct tls_config){.verify = none, .key_log_file = "/nonexistent/k"}, "sslkeylogfile",
                 "/nonexistent/k");
}

Test(context, bad_trust_files) {
  const char *junk = zoo_write(&zoo, "junk", "-----BEGIN CERTIFICATE-----\nAAAA\n", 33);
  const char *empty = zoo_write(&zoo, "empty", "", 0), *dir = zoo.dir;

  expect_refusal((struct tls_config){.ca_file = "/nonexistent/r.crt"}, "/nonexistent/r.crt\" does not exist",
                 "sslrootcert");
  expect_refusal((struct tls_config){.ca_file = junk}, "no PEM certificate", "junk");
  expect_refusal((struct tls_config){.ca_file = empty}, "no PEM certificate", "empty");
  expect_refusal((struct tls_config){.ca_file = dir}, "can't be read", "name a file");
  expect_refusal((struct tls_config){.ca_file = zoo.ca_file, .crl_file = "/nonexistent/r.crl"}, "does not exist",
                 "sslcrl");
  expect_refusal((struct tls_config){.ca_file = zoo.ca_file, .crl_file = zoo.ca_file}, "holds no PEM list", "sslcrl");
  expect_refusal((struct tls_config){.ca_file = zoo.ca_file, .crl_dir = "/nonexistent"}, "sslcrldir", "/nonexistent");
  expect_refusal((struct tls_config){.ca_file = zoo.ca_file, .crl_dir = zoo.ca_file}, "sslcrldir", "directory");
  cr_assert(load((struct tls_config){.verify = TLS_VERIFY_NONE, .ca_file = "/nonexistent"}).code == 0, "is not read");
}

Test(context, unreadable_files) {
  if (geteuid() == 0) {
    cr_assert(setegid(65534) == 0 && seteuid(65534) == 0);
    expect_refusal((struct tls_config){.ca_file = zoo.ca_file}, "can't be read", "make it readable");
    cr_assert(seteuid(0) == 0 && setegid(0) == 0);
  } else {
    cr_assert(chmod(zoo.ca_file, 0) == 0);
    expect_refusal((struct tls_config){.ca_file = zoo.ca_file}, "can't be read", "make it readable");
  }
}

Test(context, no_system_store) {
  setenv("SSL_CERT_FILE", "/nonexistent/bundle", 1);
  setenv("SSL_CERT_DIR", "/nonexistent/dir:/tmp", 1);
  expect_refusal((struct tls_config){0}, "/nonexistent/bundle", "ca-certificates");
  setenv("SSL_CERT_DIR", zoo.dir, 1);
  cr_assert(load((struct tls_config){0}).code == 0, "a directory suffices");
  setenv("SSL_CERT_FILE", zoo.ca_file, 1);
  setenv("SSL_CERT_DIR", "/nonexistent", 1);
  cr_assert(load((struct tls_config){0}).code == 0, "and so does a file");
}

/* Each file counts; what is not used doesn't. */
Test(context, changes_of_files_are_noticed) {
  struct identity own = zoo_make(&(struct zoo_spec){.cn = "me"}, &zoo.ca);
  struct tls_config c = {.ca_file = zoo.ca_file,
                         .crl_file = zoo_write_crl(&zoo, "ca.crl", &zoo.ca, NULL, 0),
                         .cert_file = zoo_write_cert(&zoo, "me.crt", own.cert),
                         .key_file = zoo_write_key(&zoo, "me.key", own.key, NULL)};
  const char *files[] = {c.ca_file, c.crl_file, c.cert_file, c.key_file};
  struct link l;

  link_open(&l, &(struct peer_spec){.identity = &own});
  cr_assert(link_load(&l, &c) == 0, "%s", l.fault.text);
  cr_assert(!tls_context_files_changed(l.ctx, &c));
  for (size_t i = 0; i < 4; i++) {
    struct stat st;
    struct timespec times[2];

    cr_assert(stat(files[i], &st) == 0);
    times[0] = st.st_atim;
    times[1] = (struct timespec){st.st_mtim.tv_sec + 1, st.st_mtim.tv_nsec};
    cr_assert(utimensat(AT_FDCWD, files[i], times, 0) == 0);
    cr_assert(tls_context_files_changed(l.ctx, &c), "%s", files[i]);
    times[1] = st.st_mtim;
    cr_assert(utimensat(AT_FDCWD, files[i], times, 0) == 0);
    cr_assert(!tls_context_files_changed(l.ctx, &c), "%s", files[i]);
  }
  cr_assert(remove(c.crl_file) == 0);
  cr_assert(tls_context_files_changed(l.ctx, &c));
  link_close(&l);
  zoo_drop(&own);
}

Test(context, the_system_store_is_watched) {
  struct tls_config c = {0};
  struct link l;

  setenv("SSL_CERT_FILE", zoo.ca_file, 1);
  setenv("SSL_CERT_DIR", zoo.dir, 1);
  link_open(&l, &(struct peer_spec){.identity = &zoo.ca});
  cr_assert(link_load(&l, &c) == 0);
  cr_assert(!tls_context_files_changed(l.ctx, &c));
  zoo_write(&zoo, "12345678.0", "x", 1);
  cr_assert(tls_context_files_changed(l.ctx, &c), "the directory has a new entry");
  link_close(&l);
}

/* A session keeps its context alive. */
Test(context, sessions_hold_their_context) {
  struct identity server = zoo_make(&(struct zoo_spec){.cn = "a"}, &zoo.ca);
  struct tls_config c = {.ca_file = zoo.ca_file};
  struct link l;

  link_open(&l, &(struct peer_spec){.identity = &server});
  cr_assert(link_load(&l, &c) == 0);
  cr_assert(link_start(&l, &(struct tls_session_params){.verify_host = "a"}) == 0);
  tls_context_unref(l.ctx);
  l.ctx = NULL;
  cr_assert(link_handshake(&l, 0) == TLS_OK);
  link_close(&l);
  zoo_drop(&server);
}
