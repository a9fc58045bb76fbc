#include "cluster.h"

#include "server.h"

enum wanted { WANT_ANY, WANT_READ_WRITE, WANT_PRIMARY, WANT_PREFER_STANDBY, WANT_STANDBY, WANT_READ_ONLY, WANTS };

static struct cluster {
  unsigned hosts, primary;
  enum wanted wanted;
  bool reports;
  uint64_t down_until_us[HOSTS_MAX];
} cluster;

static enum wanted plan_wanted(void) {
  static const enum wanted all[] = {WANT_ANY,        WANT_READ_WRITE, WANT_READ_WRITE, WANT_READ_WRITE,
                                    WANT_READ_WRITE, WANT_PRIMARY,    WANT_PRIMARY,    WANT_PREFER_STANDBY,
                                    WANT_STANDBY,    WANT_READ_ONLY};
  return all[sim_below(sizeof all / sizeof *all)];
}

const char *cluster_init(void) {
  static const char *const names[WANTS] = {"any", "read-write", "primary", "prefer-standby", "standby", "read-only"};
  static const char *const lists[] = {"host=10.0.0.1 port=5432", "host=10.0.0.1,10.0.0.11 port=5432,5432",
                                      "host=10.0.0.1,10.0.0.11,10.0.0.12 port=5432"};
  static char text[256];

  cluster = (struct cluster){.hosts = 1, .reports = sim_chance(500)};
  if (sim_chance(650)) return sim_chance(500) ? lists[0] : "host=db.example port=5432";
  cluster.hosts = 1 + (unsigned)sim_below(HOSTS_MAX);
  cluster.primary = (unsigned)sim_below(cluster.hosts);
  cluster.wanted = plan_wanted();
  if (cluster.hosts == 1 && cluster.wanted >= WANT_STANDBY) cluster.wanted = WANT_READ_WRITE;
  (void)snprintf(text, sizeof text, "%s target_session_attrs=%s load_balance_hosts=%s", lists[cluster.hosts - 1],
                 names[cluster.wanted], sim_chance(500) ? "random" : "disable");
  return text;
}

unsigned cluster_host(unsigned last_byte) { return last_byte > 10 ? last_byte - 10 : 0; }
bool cluster_is_down(unsigned host) { return cluster.down_until_us[host] > sim.now_us; }
bool cluster_is_standby(unsigned host) { return cluster.hosts > 1 && host != cluster.primary; }
bool cluster_reports(void) { return cluster.reports; }
bool cluster_is_choosy(void) { return cluster.wanted != WANT_ANY && cluster.wanted != WANT_PREFER_STANDBY; }

bool cluster_wants(bool standby) {
  if (!cluster_is_choosy()) return true;
  return standby == (cluster.wanted == WANT_STANDBY || cluster.wanted == WANT_READ_ONLY);
}

bool cluster_finds_primary(void) {
  return cluster.hosts == 1 || cluster.wanted == WANT_READ_WRITE || cluster.wanted == WANT_PRIMARY;
}

bool cluster_is_calm(void) { return cluster.hosts == 1; }

void cluster_fail_over(void) {
  unsigned host = (unsigned)sim_below(cluster.hosts);

  if (cluster.hosts == 1) return;
  if (sim_chance(500)) {
    cluster.down_until_us[host] = sim.now_us + sim_scaled(30000000);
    sim_trace("host %u goes down", host);
    server_end_host(host, 1000);
  } else {
    unsigned was = cluster.primary;
    cluster.primary = host;
    sim_trace("host %u becomes the primary", host);
    server_end_host(was, (unsigned)sim_below(3) * 500);
  }
}

void cluster_calm(void) { memset(cluster.down_until_us, 0, sizeof cluster.down_until_us); }
