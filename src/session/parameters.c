#include "session/parameters.h"

#include <string.h>

void parameters_init(struct parameters *p, const dsql_alloc *alloc) {
  buf_init(&p->pairs, alloc, PARAMETERS_BYTES_MAX);
}

void parameters_deinit(struct parameters *p) { buf_deinit(&p->pairs); }

struct pair {
  size_t begin, value, end; /* offsets; end is behind the value's NUL */
};

static bool find(const struct parameters *p, dsql_str name, struct pair *out) {
  const char *base = (const char *)p->pairs.data;
  size_t at = 0;

  while (at < p->pairs.len) {
    size_t name_len = strlen(base + at), value = at + name_len + 1;
    size_t end = value + strlen(base + value) + 1;
    if (name_len == name.len && memcmp(base + at, name.ptr, name.len) == 0) {
      *out = (struct pair){at, value, end};
      return true;
    }
    at = end;
  }
  return false;
}

int parameters_set(struct parameters *p, dsql_str name, dsql_str value) {
  struct pair old;

  if (find(p, name, &old)) {
    memmove(p->pairs.data + old.begin, p->pairs.data + old.end, p->pairs.len - old.end);
    buf_truncate(&p->pairs, p->pairs.len - (old.end - old.begin));
  }
  if (!buf_reserve(&p->pairs, name.len + value.len + 2)) return p->pairs.error;
  buf_put(&p->pairs, name.ptr, name.len);
  buf_put_u8(&p->pairs, 0);
  buf_put(&p->pairs, value.ptr, value.len);
  buf_put_u8(&p->pairs, 0);
  return 0;
}

dsql_str parameters_get(const struct parameters *p, const char *name) {
  struct pair at;
  const char *base = (const char *)p->pairs.data;

  if (!find(p, (dsql_str){name, strlen(name)}, &at)) return (dsql_str){NULL, 0};
  return (dsql_str){base + at.value, at.end - at.value - 1};
}
