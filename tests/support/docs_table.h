/* docs_table.h - reads the tables of a page of docs/, for tests that compare them with the code. */
#ifndef DSQL_TEST_DOCS_TABLE_H
#define DSQL_TEST_DOCS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { DOCS_LINE_SIZE = 2048, DOCS_CELLS_MAX = 8 };

struct docs_table {
  FILE *page;
  const char *heading;
  bool inside;
  char line[DOCS_LINE_SIZE]; /* of the row, as it is written */
};

/* The tables below "## heading..." of docs/name; the test fails when there is no such page. */
void docs_open(struct docs_table *t, const char *name, const char *heading);
/* The next row, the one with the column names included; false behind the last, and the page is closed then. */
bool docs_row(struct docs_table *t);
/* The cells of the row without the blanks around them; line is cut up. Returns how many. */
size_t docs_cells(struct docs_table *t, const char *cells[DOCS_CELLS_MAX]);

#endif
