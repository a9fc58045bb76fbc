/* What a statement does to the transaction block, by its first words. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "session/sql.h"

struct sql_case {
  const char *sql;
  enum sql_effect effect;
};

static const struct sql_case statements[] = {
    {"", SQL_PLAIN},
    {" \t\n\r\f\v", SQL_PLAIN},
    {";", SQL_PLAIN},
    {"select 1", SQL_PLAIN},
    {"INSERT INTO t VALUES (1)", SQL_PLAIN},
    {"with x as (delete from t returning 1) select * from x", SQL_PLAIN},
    {"savepoint a", SQL_PLAIN},
    {"release a", SQL_PLAIN},
    {"set transaction read only", SQL_PLAIN},
    {"truncate t", SQL_PLAIN},
    {"execute commit", SQL_PLAIN},
    {"begin", SQL_BEGIN},
    {"BEGIN ISOLATION LEVEL REPEATABLE READ", SQL_BEGIN},
    {"BeGiN;", SQL_BEGIN},
    {"start transaction", SQL_BEGIN},
    {"begins", SQL_PLAIN},
    {"begin_", SQL_PLAIN},
    {"_begin", SQL_PLAIN},
    {"commit", SQL_COMMIT},
    {"COMMIT WORK", SQL_COMMIT},
    {"commit and chain", SQL_COMMIT},
    {"commit prepared 'x'", SQL_COMMITS_ITSELF},
    {"end", SQL_COMMIT},
    {"END TRANSACTION", SQL_COMMIT},
    {"prepare transaction 'x'", SQL_COMMIT},
    {"prepare/**/transaction'x'", SQL_COMMIT},
    {"prepare x as select 1", SQL_PLAIN},
    {"prepare transactions as select 1", SQL_PLAIN},
    {"prepare", SQL_PLAIN},
    {"rollback", SQL_ROLLBACK},
    {"rollback work", SQL_ROLLBACK},
    {"rollback transaction and chain", SQL_ROLLBACK},
    {"abort", SQL_ROLLBACK},
    {"ROLLBACK TO a", SQL_ROLLBACK_TO},
    {"rollback work to savepoint a", SQL_ROLLBACK_TO},
    {"rollback transaction to a", SQL_ROLLBACK_TO},
    {"rollback /* to */ -- to\n TO a", SQL_ROLLBACK_TO},
    {"rollback to_a", SQL_ROLLBACK},
    {"rollback prepared 'x'", SQL_COMMITS_ITSELF},
    {"call p()", SQL_COMMITS_ITSELF},
    {"do $$ begin commit; end $$", SQL_COMMITS_ITSELF},
    {"vacuum", SQL_COMMITS_ITSELF},
    {"VACUUM (FULL) t", SQL_COMMITS_ITSELF},
    {"cluster", SQL_COMMITS_ITSELF},
    {"reindex table t", SQL_COMMITS_ITSELF},
    {"discard all", SQL_COMMITS_ITSELF},
    {"create database d", SQL_COMMITS_ITSELF},
    {"drop tablespace x", SQL_COMMITS_ITSELF},
    {"alter system set a = 1", SQL_COMMITS_ITSELF},
    {"drop subscription s", SQL_COMMITS_ITSELF},
    {"create unique index concurrently i on t (a)", SQL_COMMITS_ITSELF},
    {"DROP INDEX CONCURRENTLY i", SQL_COMMITS_ITSELF},
    {"alter table t detach partition p concurrently", SQL_COMMITS_ITSELF},
    {"create table t (a int)", SQL_PLAIN},
    {"create index i on t (concurrent)", SQL_PLAIN},
    {"alter table t add b int", SQL_PLAIN},
    {"copy t from stdin", SQL_COPY},
    {"COPY (select 1) TO STDOUT", SQL_COPY},
    {";commit", SQL_COMMIT},
    {" ; ; /* x */ ; commit", SQL_COMMIT},
    {"/* begin */ commit", SQL_COMMIT},
    {"/* a /* b */ begin */commit", SQL_COMMIT},
    {"/**/commit", SQL_COMMIT},
    {"/*/ begin */commit", SQL_COMMIT},
    {"/* never closed commit", SQL_PLAIN},
    {"/* /* */ commit", SQL_PLAIN},
    {"/", SQL_PLAIN},
    {"-", SQL_PLAIN},
    {"-- begin\ncommit", SQL_COMMIT},
    {"-- begin\r\ncommit", SQL_COMMIT},
    {"-- a carriage return ends a comment for the server\rcommit", SQL_COMMIT},
    {"-- commit", SQL_PLAIN},
    {"--\n--\ncommit--", SQL_COMMIT},
    {"commit--to", SQL_COMMIT},
    {"commit;", SQL_COMMIT},
    {"commit/* x */", SQL_COMMIT},
    {"'commit'", SQL_PLAIN},
    {"\"commit\"", SQL_PLAIN},
    {"(commit)", SQL_PLAIN},
    {"commitcommitcommitcommit", SQL_PLAIN},
    {"subscriptions", SQL_PLAIN},
};

static const struct sql_case scripts[] = {
    {"", SQL_PLAIN},
    {"select 1", SQL_PLAIN},
    {"select 1;", SQL_PLAIN},
    {"select 1; ; -- the end", SQL_PLAIN},
    {"select 1; /* ; */", SQL_PLAIN},
    {"select ';'", SQL_UNKNOWN}, /* a semicolon inside a literal counts: erring means not knowing */
    {"select 1; select 2", SQL_UNKNOWN},
    {"begin; insert into t values (1); commit", SQL_UNKNOWN},
    {"begin", SQL_BEGIN},
    {"begin;", SQL_BEGIN},
    {"commit", SQL_COMMIT},
    {"commit; begin", SQL_COMMIT},
    {"; commit; begin", SQL_COMMIT},
    {"rollback; begin", SQL_UNKNOWN},
    {"select 1;-- x\rcommit", SQL_UNKNOWN},
    {"copy t from stdin", SQL_COPY},
    {"do $$ begin null; end $$", SQL_UNKNOWN},
};

Test(sql, effects) {
  size_t n = sizeof statements / sizeof statements[0];
  for (size_t i = 0; i < n; i++)
    cr_expect_eq(sql_effect_of(statements[i].sql, strlen(statements[i].sql)), statements[i].effect, "%s",
                 statements[i].sql);
  cr_assert_eq(n, 81, "%zu statements", n);
}

Test(sql, scripts) {
  for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
    cr_expect_eq(sql_effect_of_script(scripts[i].sql, strlen(scripts[i].sql)), scripts[i].effect, "%s", scripts[i].sql);
}

/* Exactly n bytes are read: the address sanitizer watches the end of each copy. */
Test(sql, every_prefix) {
  size_t cases = 0;
  for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
    size_t n = strlen(statements[i].sql);
    for (size_t len = 0; len <= n; len++) {
      char *copy = malloc(len ? len : 1);
      cr_assert_not_null(copy);
      memcpy(copy, statements[i].sql, len);
      (void)sql_effect_of(copy, len);
      (void)sql_effect_of_script(copy, len);
      (void)sql_may_copy(copy, len);
      free(copy);
      cases++;
    }
  }
  printf("%zu prefixes\n", cases);
  cr_assert_gt(cases, 1400);
  cr_assert_eq(sql_effect_of(NULL, 0), SQL_PLAIN);
}

Test(sql, may_copy) {
  static const struct {
    const char *sql;
    bool may;
  } cases[] = {{"select 1; COPY t from stdin", true}, {"copy", true}, {"cop", false}, {"", false}, {"cocopy", true}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    cr_expect_eq(sql_may_copy(cases[i].sql, strlen(cases[i].sql)), cases[i].may, "%s", cases[i].sql);
}
