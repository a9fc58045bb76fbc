/* script.h - the text of a script. */
#ifndef DSQL_CLI_SCRIPT_H
#define DSQL_CLI_SCRIPT_H

/* Reads a file, or standard input for "-", whole. The caller frees it. NULL: the failure has been told. */
char *script_read(const char *path);

#endif
