#include "format.h"

#include <string.h>

const struct format *format_find(const char *name) {
  static const struct format *const formats[] = {&format_table, &format_csv, &format_json};
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
    if (strcmp(formats[i]->name, name) == 0) return formats[i];
  return NULL;
}
