/* paths.h - files and directories of an instance. */
#ifndef DSQL_CLI_LOCAL_PATHS_H
#define DSQL_CLI_LOCAL_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { LOCAL_PATH_SIZE = 4096 };

/* Joins; false, with out empty, when the result is too long. */
bool local_path_join(char out[LOCAL_PATH_SIZE], const char *dir, const char *name);
bool local_path_exists(const char *path);
/* A new file with these contents appears under its name all at once, or not at all. False, errno set. */
bool local_path_write_atomic(const char *path, const char *text, size_t n, mode_t mode);
/* At most size - 1 bytes, NUL-terminated. False, errno set. */
bool local_path_read(const char *path, char *out, size_t size);
/* The tree, without following links. Silently leaves what can't be removed. */
void local_path_remove_tree(const char *path);

#endif
