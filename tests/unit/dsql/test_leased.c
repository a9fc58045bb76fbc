/* What only a clock that is set back in the right moment can do to a lease. */
#include <criterion/criterion.h>
#include <string.h>

#include "client.h"
#include "dsql/leased.h"

static struct client x;
static struct leased l;
static unsigned renewals, told;
static int told_code;

static void renew(struct leased *of) { renewals += of == &l; }
static void stop(struct leased *of) { (void)of; }
static void free_leased(struct password_source *s) { (void)s; }

static void done(struct password_waiter *w, const struct fault *f) {
  (void)w;
  told++;
  told_code = f ? f->code : 0;
}

/* Made five seconds from now, by the clock of before: from today, as far as anybody knows. */
Test(leased, the_clock_was_set_back_while_it_was_made) {
  static const struct password_class source = {.get = leased_get, .still_good = leased_still_good, .free = free_leased};
  static const struct leased_class class = {renew, stop};
  struct password_waiter w = {.done = done};
  struct fault f = {0};
  dsql_str secret = {"", 0};
  int64_t now_ms;

  client_open(&x);
  leased_init(&l, x.rt, &source, &class);
  list_init(&w.node);
  cr_assert_eq(leased_get(&l.source, &w, &secret, &f), 1);
  cr_assert_eq(renewals, 1);
  now_ms = leased_now(x.rt).wall_ms;
  leased_gave(&l, "one", 3, now_ms + 5000, now_ms + 60000);
  cr_assert(told == 1 && told_code == 0, "%u, %d", told, told_code);
  cr_assert_eq(leased_get(&l.source, &w, &secret, &f), 0, "%s", f.text);
  cr_assert(secret.len == 3 && memcmp(secret.ptr, "one", 3) == 0);
  leased_deinit(&l);
  client_close(&x);
}
