#include <criterion/criterion.h>

#include "base/list.h"

struct item {
  int id;
  struct list node;
};

enum { MAX = 8 };

static void assert_order(const struct list *l, const char *ids) {
  const struct list *n = l;
  for (; *ids; ids++) {
    n = n->next;
    cr_assert_neq(n, l, "the list ends before %s", ids);
    cr_assert_eq(LIST_ENTRY(n, struct item, node)->id, *ids - '0');
    cr_assert(n->next->prev == n && n->prev->next == n);
  }
  cr_assert_eq(n->next, l, "the list goes on");
}

Test(list, operations) {
  struct item items[MAX];
  struct list l, other;

  list_init(&l);
  list_init(&other);
  for (int i = 0; i < MAX; i++) {
    items[i].id = i;
    list_init(&items[i].node);
  }
  cr_assert(list_empty(&l) && !list_first(&l) && !list_last(&l) && !list_pop_front(&l));
  list_push_back(&l, &items[1].node);
  list_push_back(&l, &items[2].node);
  list_push_front(&l, &items[0].node);
  list_insert_before(&items[2].node, &items[3].node);
  assert_order(&l, "0132");
  cr_assert_eq(list_first(&l), &items[0].node);
  cr_assert_eq(list_last(&l), &items[2].node);
  cr_assert(list_linked(&items[3].node) && !list_linked(&items[4].node) && !list_empty(&l));

  list_remove(&items[3].node);
  cr_assert_not(list_linked(&items[3].node));
  list_remove(&items[3].node); /* of a node that is in no list: nothing */
  assert_order(&l, "012");

  list_push_back(&other, &items[4].node);
  list_move_all(&other, &l);
  assert_order(&other, "4012");
  assert_order(&l, "");
  list_move_all(&other, &l);
  assert_order(&other, "4012");
  list_move_all(&l, &other);
  assert_order(&l, "4012");
  assert_order(&other, "");

  cr_assert_eq(list_pop_front(&l), &items[4].node);
  cr_assert_not(list_linked(&items[4].node));
  for (int i = 0; i < 3; i++) cr_assert_eq(list_pop_front(&l), &items[i].node);
  cr_assert(list_empty(&l));
}
