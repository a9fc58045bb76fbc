#include "docs_table.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

void docs_open(struct docs_table *t, const char *name, const char *heading) {
  const char *source = getenv("DSQL_SOURCE_DIR");
  char path[512];

  cr_assert_not_null(source, "DSQL_SOURCE_DIR");
  (void)snprintf(path, sizeof path, "%s/docs/%s", source, name);
  *t = (struct docs_table){.page = fopen(path, "r"), .heading = heading};
  cr_assert_not_null(t->page, "%s", path);
}

bool docs_row(struct docs_table *t) {
  while (fgets(t->line, sizeof t->line, t->page)) {
    if (t->line[0] == '#') t->inside = strncmp(t->line + 3, t->heading, strlen(t->heading)) == 0;
    if (t->inside && t->line[0] == '|' && t->line[1] != '-') return true;
  }
  (void)fclose(t->page);
  t->page = NULL;
  return false;
}

static char *trim(char *s) {
  char *end = s + strlen(s);
  while (*s == ' ') s++;
  while (end > s && end[-1] == ' ') *--end = '\0';
  return s;
}

size_t docs_cells(struct docs_table *t, const char *cells[DOCS_CELLS_MAX]) {
  size_t count = 0;
  for (char *s = t->line + 1, *end; count < DOCS_CELLS_MAX && (end = strchr(s, '|')) != NULL; s = end + 1) {
    *end = '\0';
    cells[count++] = trim(s);
  }
  return count;
}
