/* hosts.c - the host, hostaddr and port lists. N hosts take N ports or one; hostaddr and host, where both are given,
 * go together one by one. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "target/internal.h"
#include "target/values.h"

enum { DEFAULT_PORT = 5432 };

static size_t count_elements(const char *list) {
  size_t n = 1;
  for (; *list; list++) n += *list == ',';
  return n;
}

/* The i-th element; an empty view past the end. */
static dsql_str element(const char *list, size_t i) {
  for (; i > 0; i--) {
    list += strcspn(list, ",");
    if (*list) list++;
  }
  return (dsql_str){list, strcspn(list, ",")};
}

static int copy_element(struct resolver *r, dsql_str s, char **out) {
  if (s.len == 0) return 0;
  *out = mem_strndup(&r->t->alloc, s.ptr, s.len);
  return *out ? 0 : out_of_memory(r->fault);
}

static int counts(struct resolver *r, const char *hosts, const char *addresses, const char *ports) {
  size_t n = addresses ? count_elements(addresses) : hosts ? count_elements(hosts) : 1;
  size_t host_count = hosts ? count_elements(hosts) : n, port_count = ports ? count_elements(ports) : 1;

  if (host_count != n)
    return fault_set(r->fault, DSQL_EINVAL, "could not match %zu host names to %zu hostaddr values", host_count, n);
  if (port_count != 1 && port_count != n)
    return fault_set(r->fault, DSQL_EINVAL, "could not match %zu port numbers to %zu hosts: give one port, or %zu",
                     port_count, n, n);
  r->t->hosts = mem_zalloc(&r->t->alloc, n * sizeof *r->t->hosts);
  if (!r->t->hosts) return out_of_memory(r->fault);
  r->t->host_count = n;
  return 0;
}

static int element_fault(struct resolver *r, enum keyword k, dsql_str s, const char *wanted) {
  if (conninfo_hidden(r->info, k) || memchr(s.ptr, '@', s.len)) return conninfo_fault(r->info, k, wanted, r->fault);
  return fault_set(r->fault, DSQL_EINVAL, "invalid %s \"%s\" (%s): %s", keyword_table[k].name,
                   show_text(s.ptr, s.len).text, conninfo_from(r->info, k), wanted);
}

static int set_port(struct resolver *r, struct target_host *h, dsql_str s) {
  int port = DEFAULT_PORT;

  if (s.len && (!value_parse_int(s.ptr, s.len, &port) || port < 1 || port > 65535))
    return element_fault(r, KEYWORD_port, s, "must be 1 to 65535");
  h->port = (uint16_t)port;
  return 0;
}

int hosts_check_port(struct resolver *r) {
  const char *port = conninfo_text(r->info, KEYWORD_port);
  struct target_host ignored;

  return port ? set_port(r, &ignored, (dsql_str){port, strlen(port)}) : 0;
}

/* An IPv4 or IPv6 address, the latter with a zone ("fe80::1%eth0"). */
bool hosts_numeric_address(const char *s) {
  unsigned char bytes[16];
  char text[64];
  size_t n = strcspn(s, "%");

  if (inet_pton(AF_INET, s, bytes) == 1) return true;
  if (n >= sizeof text || (s[n] && !s[n + 1])) return false;
  memcpy(text, s, n);
  text[n] = '\0';
  return inet_pton(AF_INET6, text, bytes) == 1;
}

/* '@' in a name is most likely the tail of a URL's password: never shown. */
static int check_name(struct resolver *r, enum keyword k, const char *host) {
  for (const char *p = host; *p; p++) {
    if (*p == '@')
      return fault_set(r->fault, DSQL_EINVAL,
                       "invalid %s (%s): has an \"@\"; write \"@\" in a URL's user name or password as %%40",
                       keyword_table[k].name, conninfo_from(r->info, k));
    if ((unsigned char)*p <= ' ' || *p == 0x7F)
      return element_fault(r, k, (dsql_str){host, strlen(host)}, "a host name has no spaces");
  }
  return 0;
}

int hosts_check_name(struct resolver *r, enum keyword k) { return check_name(r, k, conninfo_get(r->info, k)); }

static int set_socket_path(struct resolver *r, struct target_host *h) {
  const size_t max = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
  char name[32];
  int rc;

  (void)snprintf(name, sizeof name, ".s.PGSQL.%u", (unsigned)h->port);
  rc = path_join(r, h->host, name, &h->socket_path);
  if (rc || strlen(h->socket_path) <= max) return rc;
  return fault_set(r->fault, DSQL_EINVAL, "Unix-domain socket path \"%s\" is too long (%zu bytes, maximum %zu)",
                   conninfo_hidden(r->info, KEYWORD_host) ? "(not shown)"
                                                          : show_text(h->socket_path, strlen(h->socket_path)).text,
                   strlen(h->socket_path), max);
}

static int default_host(struct resolver *r, struct target_host *h) {
  struct target_file info;
  bool local = r->env->stat(r->env->ctx, TARGET_SOCKET_DIR, &info) == 0 && info.directory;

  h->host = mem_strdup(&r->t->alloc, local ? TARGET_SOCKET_DIR : "localhost");
  return h->host ? 0 : out_of_memory(r->fault);
}

static int finish_host(struct resolver *r, struct target_host *h) {
  int rc = 0;

  if (h->hostaddr) {
    if (!hosts_numeric_address(h->hostaddr))
      return element_fault(r, KEYWORD_hostaddr, (dsql_str){h->hostaddr, strlen(h->hostaddr)},
                           "must be a numeric IP address; names go into host");
    return 0;
  }
  if (!h->host) rc = default_host(r, h);
  if (rc) return rc;
  h->unix_socket = h->host[0] == '/' || h->host[0] == '@';
  return h->unix_socket ? set_socket_path(r, h) : check_name(r, KEYWORD_host, h->host);
}

int hosts_resolve(struct resolver *r) {
  const char *hosts = conninfo_text(r->info, KEYWORD_host);
  const char *addresses = conninfo_text(r->info, KEYWORD_hostaddr);
  const char *ports = conninfo_text(r->info, KEYWORD_port);
  int rc = counts(r, hosts, addresses, ports);
  size_t port_count = ports ? count_elements(ports) : 0;

  for (size_t i = 0; rc == 0 && i < r->t->host_count; i++) {
    struct target_host *h = &r->t->hosts[i];
    rc = set_port(r, h, ports ? element(ports, port_count == 1 ? 0 : i) : (dsql_str){"", 0});
    if (rc == 0 && hosts) rc = copy_element(r, element(hosts, i), &h->host);
    if (rc == 0 && addresses) rc = copy_element(r, element(addresses, i), &h->hostaddr);
    if (rc == 0) rc = finish_host(r, h);
  }
  return rc;
}
