#include "differences.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char separator[] = " | ";

static char *trim(char *s) {
  size_t n;

  while (*s == ' ') s++;
  n = strlen(s);
  while (n > 0 && s[n - 1] == ' ') s[--n] = '\0';
  return s;
}

/* Cuts the next column off *rest; NULL when there is none. */
static char *column(char **rest) {
  char *start = *rest, *end = start ? strstr(start, separator) : NULL;

  *rest = end ? end + strlen(separator) : NULL;
  if (end) *end = '\0';
  return start ? trim(start) : NULL;
}

static bool read_line(struct differences *d, char *text, unsigned line) {
  struct difference *new = &d->list[d->count];
  char *why;

  if (text[0] == '#' || text[0] == '\0') return true;
  if (d->count == DIFFERENCES_MAX) return false;
  *new = (struct difference){.line = line};
  new->kind = column(&text);
  new->what = column(&text);
  new->libpq = column(&text);
  new->ours = column(&text);
  why = column(&text);
  d->count++;
  return why && *why && !text;
}

static char *read_file(const char *path) {
  FILE *f = fopen(path, "r");
  char *text = f ? calloc(1, 65536) : NULL;
  size_t n = text ? fread(text, 1, 65535, f) : 0;

  if (f) fclose(f);
  if (n > 0 && n < 65535) return text;
  fprintf(stderr, "cannot read %s\n", path);
  exit(1);
}

void differences_load(struct differences *d, const char *path) {
  char *rest;
  unsigned line = 0;

  *d = (struct differences){.text = read_file(path)};
  rest = d->text;
  while (rest) {
    char *text = strsep(&rest, "\n");
    if (read_line(d, text, ++line)) continue;
    fprintf(stderr, "%s:%u: five columns, \"kind | what | libpq | ours | why\", are wanted\n", path, line);
    exit(1);
  }
}

void differences_free(struct differences *d) { free(d->text); }

unsigned differences_unseen(const struct differences *d, const char *kind) {
  unsigned unseen = 0;

  for (size_t i = 0; i < d->count; i++) {
    const struct difference *one = &d->list[i];
    if (strcmp(one->kind, kind) != 0 || one->seen) continue;
    fprintf(stderr, "differences.txt:%u: \"%s %s\" is listed and does not occur\n", one->line, one->kind, one->what);
    unseen++;
  }
  return unseen;
}
