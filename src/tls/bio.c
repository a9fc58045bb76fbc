/* bio.c - the BIO between OpenSSL and the owner's buffers: reads come out of the input lent by tls_feed(), writes are
 * appended to tls.out. There is no end of file here: OpenSSL is only ever told to try again, because whether the
 * socket ended is the owner's to know. */
#include "tls/internal.h"

#include <openssl/bio.h>
#include <string.h>

static int bio_read(BIO *bio, char *dst, size_t cap, size_t *n) {
  struct tls *t = BIO_get_data(bio);

  BIO_clear_retry_flags(bio);
  *n = cap < t->in_len ? cap : t->in_len;
  if (*n == 0) {
    BIO_set_retry_read(bio);
    return 0;
  }
  memcpy(dst, t->in, *n);
  t->in += *n;
  t->in_len -= *n;
  return 1;
}

/* A full buffer is no reason to retry: the fault tells of it (see tls_outcome()) and the session ends. */
static int bio_write(BIO *bio, const char *src, size_t len, size_t *n) {
  struct tls *t = BIO_get_data(bio);

  BIO_clear_retry_flags(bio);
  buf_put(t->out, src, len);
  *n = buf_ok(t->out) ? len : 0;
  return buf_ok(t->out);
}

static long bio_control(BIO *bio, int command, long number, void *p) {
  (void)bio;
  (void)number;
  (void)p;
  return command == BIO_CTRL_FLUSH;
}

static CRYPTO_ONCE method_once = CRYPTO_ONCE_STATIC_INIT;
static BIO_METHOD *method; /* lives as long as the process */

static void make_method(void) {
  BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "dsql");

  if (!m) return;
  if (BIO_meth_set_read_ex(m, bio_read) && BIO_meth_set_write_ex(m, bio_write) && BIO_meth_set_ctrl(m, bio_control))
    method = m;
  else
    BIO_meth_free(m);
}

BIO *tls_bio_new(struct tls *t) {
  BIO *bio;

  if (!CRYPTO_THREAD_run_once(&method_once, make_method) || !method) return NULL;
  bio = BIO_new(method);
  if (!bio) return NULL;
  BIO_set_data(bio, t);
  BIO_set_init(bio, 1);
  return bio;
}
