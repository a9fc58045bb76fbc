/* identity.h - who the endpoint is and whom it lets in: what lasts when a data directory is used again. */
#ifndef DSQL_CLI_LOCAL_IDENTITY_H
#define DSQL_CLI_LOCAL_IDENTITY_H

#include "local/options.h"

enum { REGION_SIZE = 64, HOST_SIZE = 128, KEY_SIZE = 256, SESSION_TOKEN_SIZE = 4096 };

struct identity {
  char cluster_id[CLUSTER_ID_SIZE], region[REGION_SIZE], host[HOST_SIZE];
  char access_key_id[KEY_SIZE], secret_access_key[KEY_SIZE], session_token[SESSION_TOKEN_SIZE];
};

/* From dir/identity if it is there, with the keys of the options if given; else the options and random values. Writes
 * dir/identity. False after telling why: the options name another cluster than the directory is for, a file that can't
 * be read or written. */
bool identity_load(struct identity *out, const struct local_options *o, const char *dir);
void identity_forget(struct identity *i); /* cleanses */

#endif
