/* cluster.h - the hosts that serve the one store: one of them is the primary, the others are standbys, which refuse to write.
 * Roles change without a word, but for what a server reports; hosts go down, and come back. */
#ifndef DSQL_TEST_SIM_CLUSTER_H
#define DSQL_TEST_SIM_CLUSTER_H

#include "sim.h"

enum { HOSTS_MAX = 3 };

/* Plans hosts, and which of them the program wants; the keywords of a target for it. */
const char *cluster_init(void);
/* By the last byte of an address. */
unsigned cluster_host(unsigned last_byte);
bool cluster_is_down(unsigned host);
bool cluster_is_standby(unsigned host);
/* Tells in_hot_standby, as PostgreSQL 14 does. */
bool cluster_reports(void);
/* A session has to be looked at before it is used; whether one may be used that was seen to be this. */
bool cluster_is_choosy(void);
bool cluster_wants(bool standby);
/* Whoever connects gets to the primary: there is no other host, or no other will do. */
bool cluster_finds_primary(void);
bool cluster_is_calm(void); /* of one host */
/* Roles change, or a host goes down for a while; its sessions end, or some only. */
void cluster_fail_over(void);
void cluster_calm(void);

#endif
