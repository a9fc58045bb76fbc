/* secrets.h - where passwords come from: nowhere, the target, a source of the program's (dsql_auth), or IAM tokens that
 * the library signs with credentials of the program's (dsql_credentials). Tokens are for DSQL mode, which insists on TLS;
 * so the target that connects is a plain one that is lent the source of a target in DSQL mode.
 *
 * What must hold: one question at a time; no two within a second, unless the server has refused what the first one gave;
 * and once there is a password that has been used, nobody waits for its successor while the source is well. */
#ifndef DSQL_TEST_SIM_SECRETS_H
#define DSQL_TEST_SIM_SECRETS_H

#include "dsql/dsql.h"

enum secret_kind { SECRET_NONE, SECRET_STATIC, SECRET_AUTH, SECRET_TOKEN, SECRET_KINDS };

/* The target to connect to; c has everything but the password. */
dsql_target *secrets_open(dsql_rt *rt, enum secret_kind kind, dsql_config *c);
/* For server_init(). NULL: none is asked for. */
const char *(*secrets_judge(enum secret_kind kind))(const char *password);
void secrets_check(void);
/* The server has let somebody not in, for a reason that may be the password. */
void secrets_refused(void);
/* A fault outside the rules: the clock has jumped, say. */
void secrets_excuse(void);
/* The runtime is about to close: what is asked now is answered at once. */
void secrets_stop(void);
void secrets_free(void);
/* A question is with the program: it may keep futures waiting without keeping the loop alive. */
bool secrets_asked(void);

#endif
