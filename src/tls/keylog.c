/* keylog.c - session secrets for debuggers such as Wireshark, appended to a file as OpenSSL formats them (NSS key log
 * format). Only when asked for by name: whoever reads the file can read the traffic. */
#include "tls/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* One writev() per line, so that lines of several processes don't mix. A full disk loses lines, not connections. */
static void on_secret(const SSL *ssl, const char *line) {
  const struct tls *t = SSL_get_app_data(ssl);
  union {
    const char *in;
    void *out;
  } text = {line};
  struct iovec parts[2] = {{text.out, strlen(line)}, {(char[]){'\n'}, 1}};

  if (t && writev(t->context->key_log_fd, parts, 2) < 0) return;
}

int tls_keylog_open(struct tls_context *ctx, const struct tls_config *c, struct fault *f) {
  if (!c->key_log_file || !*c->key_log_file) return 0;
  ctx->key_log_fd = open(c->key_log_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (ctx->key_log_fd < 0) {
    f->os_error = errno;
    return fault_set(f, DSQL_EINVAL, "sslkeylogfile \"%.200s\" can't be opened for writing: %s", c->key_log_file,
                     strerror(errno));
  }
  SSL_CTX_set_keylog_callback(ctx->ssl_ctx, on_secret);
  return 0;
}

void tls_keylog_close(struct tls_context *ctx) {
  if (ctx->key_log_fd >= 0) (void)close(ctx->key_log_fd);
  ctx->key_log_fd = -1;
}
