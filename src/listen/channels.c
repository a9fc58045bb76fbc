#include "listen/channels.h"

#include <string.h>

void channels_init(struct channels *all, const dsql_alloc *alloc) {
  *all = (struct channels){.alloc = alloc};
  list_init(&all->due);
}

void channels_deinit(struct channels *all) {
  for (size_t i = 0; i < all->count; i++) mem_free(all->alloc, all->list[i]);
  mem_free(all->alloc, all->list);
  channels_init(all, all->alloc);
}

static int compare(const struct channel *ch, dsql_str name) {
  int order = memcmp(ch->name, name.ptr, ch->len < name.len ? ch->len : name.len);
  return order ? order : (ch->len > name.len) - (ch->len < name.len);
}

/* Of the name, or of the first one behind where it would be. */
static size_t place(const struct channels *all, dsql_str name) {
  size_t low = 0, high = all->count;

  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (compare(all->list[middle], name) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

struct channel *channels_find(const struct channels *all, dsql_str name) {
  size_t at = place(all, name);
  return at < all->count && compare(all->list[at], name) == 0 ? all->list[at] : NULL;
}

static bool make_room(struct channels *all) {
  size_t cap = all->cap ? 2 * all->cap : 4;
  struct channel **list;

  if (all->count < all->cap) return true;
  list = mem_realloc(all->alloc, all->list, cap * sizeof *list);
  if (!list) return false;
  all->list = list;
  all->cap = cap;
  return true;
}

static int insert(struct channels *all, dsql_str name) {
  size_t at = place(all, name);
  struct channel *ch;

  if (!make_room(all)) return DSQL_ENOMEM;
  ch = mem_zalloc(all->alloc, sizeof *ch);
  if (!ch) return DSQL_ENOMEM;
  list_init(&ch->due);
  ch->wanted = true;
  ch->len = (uint8_t)name.len;
  memcpy(ch->name, name.ptr, name.len);
  memmove(all->list + at + 1, all->list + at, (all->count - at) * sizeof *all->list);
  all->list[at] = ch;
  all->count++;
  return 0;
}

/* Quoting judges the encoding. */
static int check_name(dsql_str name) {
  char quoted[2 * CHANNEL_NAME_MAX + 4];
  size_t len;

  if (name.len < 1 || name.len > CHANNEL_NAME_MAX) return DSQL_EINVAL;
  return dsql_quote_identifier(name.ptr, name.len, quoted, sizeof quoted, &len);
}

int channels_add(struct channels *all, const char *name) {
  dsql_str s = {name, strlen(name)};
  struct channel *ch;

  if (check_name(s)) return DSQL_EINVAL;
  ch = channels_find(all, s);
  if (!ch) return insert(all, s);
  if (!ch->wanted && ch->state == CHANNEL_ON) list_push_back(&all->due, &ch->due);
  ch->wanted = true;
  return 0;
}

int channels_remove(struct channels *all, const char *name) {
  struct channel *ch = channels_find(all, (dsql_str){name, strlen(name)});

  if (!ch || !ch->wanted) return DSQL_EINVAL;
  ch->wanted = ch->announced = ch->known = false;
  list_remove(&ch->due);
  return 0;
}

static void put(struct buf *script, const char *verb, const struct channel *ch) {
  char quoted[2 * CHANNEL_NAME_MAX + 4];
  size_t len = 0;

  /* The name was quoted once before, so this can't fail. */
  if (dsql_quote_identifier(ch->name, ch->len, quoted, sizeof quoted, &len)) return;
  buf_put_str(script, verb);
  buf_put(script, quoted, len);
  buf_put_u8(script, ';');
}

bool channels_script(struct channels *all, struct buf *script) {
  size_t kept = 0;

  for (size_t i = 0; i < all->count; i++) {
    struct channel *ch = all->list[i];
    if (!ch->wanted && ch->state == CHANNEL_OUT) {
      mem_free(all->alloc, ch);
      continue;
    }
    all->list[kept++] = ch;
    if (ch->wanted && ch->state == CHANNEL_OUT) {
      put(script, "LISTEN ", ch);
      ch->state = CHANNEL_JOINING;
    } else if (!ch->wanted && ch->state == CHANNEL_ON) {
      put(script, "UNLISTEN ", ch);
      ch->state = CHANNEL_LEAVING;
    }
  }
  all->count = kept;
  return script->len > 0 || !buf_ok(script);
}

void channels_confirmed(struct channels *all) {
  for (size_t i = 0; i < all->count; i++) {
    struct channel *ch = all->list[i];
    if (ch->state == CHANNEL_LEAVING) ch->state = CHANNEL_OUT;
    if (ch->state != CHANNEL_JOINING) continue;
    ch->state = CHANNEL_ON;
    if (ch->wanted && !ch->announced) list_push_back(&all->due, &ch->due);
  }
}

void channels_lost(struct channels *all) {
  for (size_t i = 0; i < all->count; i++) {
    all->list[i]->state = CHANNEL_OUT;
    all->list[i]->announced = false;
    list_remove(&all->list[i]->due);
  }
}

void channels_announced(struct channel *ch) {
  list_remove(&ch->due);
  ch->announced = ch->known = true;
}
