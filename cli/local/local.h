/* local.h - `dsql local`: an endpoint like a DSQL cluster on this machine. */
#ifndef DSQL_CLI_LOCAL_LOCAL_H
#define DSQL_CLI_LOCAL_LOCAL_H

/* argv[0] is the subcommand; returns the exit code. */
int local_main(int argc, char **argv);

#endif
