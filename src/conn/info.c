/* Where a connection leads. */
#include <string.h>
#include <sys/socket.h>

#include "conn/conn.h"
#include "conn/observe.h"

static bool is_up(const struct dsql_conn *c) { return c->link && c->session_live; }

static void put_address(const struct dsql_conn *c, dsql_conn_info *out) {
  const struct socket_address *a = &c->connect.address;
  if (a->storage.ss_family == AF_INET || a->storage.ss_family == AF_INET6)
    socket_address_text(a, out->address, sizeof out->address);
}

void dsql_conn_info_get(const dsql_conn *c, dsql_conn_info *out, size_t size) {
  const struct tls *tls = c->link ? link_tls(c->link) : NULL;
  dsql_span where = {0};
  dsql_conn_info full = {0};

  if (size > sizeof full) size = sizeof full;
  observe_conn(c, &where);
  full.size = size;
  full.host = where.host;
  full.port = where.port;
  full.database = where.database;
  full.user = where.user;
  full.tls_version = observe_text(is_up(c) && tls ? tls_version_string(tls) : NULL);
  full.tls_cipher = observe_text(is_up(c) && tls ? tls_cipher_string(tls) : NULL);
  if (is_up(c)) put_address(c, &full);
  memcpy(out, &full, size);
}
