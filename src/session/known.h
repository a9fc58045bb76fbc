/* known.h - what is known of how a server authenticates, for one host, port, user and database: learned from sessions
 * that came up, and used to send credentials ahead (ahead.c). Packed into an int, which the runtime keeps for it.
 *
 * A guess that goes wrong costs a second connection, so it is not repeated at once: the next 2 connections, and after
 * each further miss in a row twice as many (up to 1024), wait to be asked. A server that is seen to use another method
 * starts afresh with it. */
#ifndef DSQL_SESSION_KNOWN_H
#define DSQL_SESSION_KNOWN_H

#include <stdbool.h>

#include "auth/require_auth.h"

/* 0: nothing is known. preset: what to assume then, or AUTH_UNKNOWN. False: wait to be asked. Counts the connection. */
bool known_guess(int *known, enum auth_method preset, enum auth_method *out);
/* What was sent ahead was wrong, or was answered with the end of the stream. */
void known_missed(int *known, enum auth_method method);
/* A session came up by this method; ahead: what was sent ahead was right. */
void known_learn(int *known, enum auth_method method, bool ahead);

#endif
