#include <stdio.h>
#include <string.h>

#include "local/relay/relay.h"
#include "local/server.h"

enum { NAME_SIZE = 256, STATEMENT_SIZE = 1024 };

static const char create_admin[] =
    "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'admin') THEN"
    " CREATE ROLE admin LOGIN CREATEROLE; END IF; END $$";

static const char *const before[] = {create_admin, "ALTER SCHEMA public OWNER TO admin",
                                     "GRANT ALL ON DATABASE postgres TO admin"};
enum { BEFORE = sizeof before / sizeof *before };

/* Everything on the way to the server is done with names that the options have checked for their length. */
static const char *create_role(const char *name) {
  static char statement[STATEMENT_SIZE];
  char literal[NAME_SIZE], identifier[NAME_SIZE];
  size_t n = strlen(name), literal_len, identifier_len;

  if (dsql_quote_literal(name, n, literal, sizeof literal, &literal_len) ||
      dsql_quote_identifier(name, n, identifier, sizeof identifier, &identifier_len))
    return "DO $$ BEGIN RAISE 'a --role is no valid UTF-8'; END $$";
  snprintf(statement, sizeof statement,
           "DO $role$ BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = %s) THEN"
           " CREATE ROLE %s LOGIN; END IF; END $role$",
           literal, identifier);
  return statement;
}

const char *server_setup_statement(struct server *s) {
  size_t step = s->step++;

  if (step < BEFORE) return before[step];
  step -= BEFORE;
  if (step < s->options->role_count) return create_role(s->options->roles[step]);
  return step == s->options->role_count ? relay_setup_sql : NULL;
}
