/* What each statement does, and which ones DSQL doesn't have. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "statement.h"
#include "test_alloc.h"

enum { R = 0, W = EFFECT_WRITES, B = EFFECT_BEGINS, C = EFFECT_COMMITS, X = EFFECT_ROLLS_BACK, S = EFFECT_SETS };
enum { I = EFFECT_ISOLATES, D = EFFECT_WRITES | EFFECT_DEFINES, J = D | EFFECT_REWRITTEN };

struct accepted {
  const char *sql;
  unsigned effect;
};

static const struct accepted accepted[] = {
    {"SELECT 1", R},
    {"select 'LISTEN x; SAVEPOINT a'", R},
    {"SELECT $$ ; LOCK $$, $a$ $$ ; $a$", R},
    {"SELECT E'\\'; LISTEN x'", R},
    {"SELECT \"pg_advisory_lock\", pg_advisory_lock FROM t", R},
    {"SELECT set_config FROM t", R},
    {"/* LISTEN */ -- x\n SELECT 1", R},
    {"/* a /* nested */ LISTEN */ SELECT 1", R},
    {"(SELECT 1) UNION SELECT 2", R},
    {"SELECT * FROM t FOR UPDATE", W},
    {"VALUES (1)", R},
    {"TABLE t", R},
    {"WITH x AS (SELECT 1) SELECT * FROM x", R},
    {"EXPLAIN SELECT 1", R},
    {"SELECT 1 AS update", R},
    {"SELECT t.delete FROM t", R},
    {"ANALYZE t", R},
    {"nonsense", R},
    {"INSERT INTO t VALUES (1)", W},
    {"insert into t select * from u", W},
    {"UPDATE t SET a = 1", W},
    {"DELETE FROM t", W},
    {"MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE", W},
    {"WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", W},
    {"WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", W},
    {"EXPLAIN ANALYZE INSERT INTO t VALUES (1)", W},
    {"SELECT 1 INTO t", W},
    {"SELECT * FROM t FOR SHARE", W},
    {"SELECT * FROM t FOR NO KEY UPDATE", W},
    {"CALL sys.wait_for_job('x')", W},
    {"GRANT SELECT ON t TO r", W},
    {"REVOKE ALL ON t FROM r", W},
    {"COMMENT ON TABLE t IS 'x'", W},
    {"DROP TABLE t", W},
    {"DROP INDEX i", W},
    {"CREATE TABLE t (a int PRIMARY KEY, b text)", D},
    {"CREATE TABLE t (serial int)", D},
    {"CREATE TABLE t (a int DEFAULT (ARRAY[1,2])[1])", D},
    {"CREATE TABLE t (a numeric(10, 2), b varchar(5) NOT NULL CHECK (b <> 'x'))", D},
    {"CREATE TABLE IF NOT EXISTS s.t (id uuid DEFAULT gen_random_uuid())", D},
    {"CREATE TABLE t AS SELECT ARRAY[1] AS a", D},
    {"CREATE VIEW v AS SELECT 1", D},
    {"CREATE OR REPLACE VIEW v AS SELECT 1", D},
    {"CREATE SCHEMA s", D},
    {"CREATE SEQUENCE q CACHE 65536", D},
    {"CREATE ROLE r WITH LOGIN", D},
    {"CREATE DOMAIN d AS text", D},
    {"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$", D},
    {"CREATE FUNCTION f() RETURNS int AS 'SELECT 1' LANGUAGE 'sql'", D},
    {"CREATE FUNCTION f() RETURNS int LANGUAGE SQL RETURN 1", D},
    {"ALTER TABLE t ADD COLUMN a int", D},
    {"ALTER TABLE t ADD a int", D},
    {"ALTER TABLE t ADD COLUMN IF NOT EXISTS a int", D},
    {"ALTER TABLE t DROP COLUMN a", D},
    {"ALTER TABLE t RENAME TO u", D},
    {"ALTER TABLE t ALTER COLUMN a SET DEFAULT 1", D},
    {"ALTER TABLE t ALTER a DROP NOT NULL", D},
    {"ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID", D},
    {"ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i", D},
    {"ALTER TABLE t OWNER TO r", D},
    {"ALTER ROLE r RENAME TO s", D},
    {"CREATE INDEX ASYNC i ON t (a)", J},
    {"CREATE UNIQUE INDEX ASYNC IF NOT EXISTS i ON t (a, b) INCLUDE (c) NULLS NOT DISTINCT", J},
    {"create index async on t ((lower(a)))", J},
    {"ALTER TABLE ASYNC t VALIDATE CONSTRAINT c", J},
    {"COPY t FROM STDIN", W},
    {"COPY t (a, b) FROM STDIN WITH (FORMAT csv)", W},
    {"COPY t TO STDOUT", R},
    {"COPY (SELECT * FROM t) TO STDOUT", R},
    {"copy \"from\" to stdout", R},
    {"BEGIN", B},
    {"begin work", B},
    {"BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", B | I},
    {"BEGIN READ WRITE", B},
    {"START TRANSACTION", B},
    {"START TRANSACTION ISOLATION LEVEL REPEATABLE READ", B | I},
    {"COMMIT", C},
    {"commit work", C},
    {"COMMIT AND NO CHAIN", C},
    {"END", C},
    {"END TRANSACTION", C},
    {"ROLLBACK", X},
    {"rollback transaction", X},
    {"ABORT", X},
    {"ROLLBACK AND NO CHAIN", X},
    {"SHOW ALL", S},
    {"SHOW TRANSACTION ISOLATION LEVEL", S},
    {"RESET ALL", S},
    {"RESET search_path", S},
    {"RESET TIME ZONE", S},
    {"DEALLOCATE ALL", S},
    {"DEALLOCATE PREPARE ALL", S},
    {"SET application_name = 'x'", S},
    {"SET SESSION search_path TO s, public", S},
    {"SET LOCAL TimeZone = 'UTC'", S},
    {"SET TIME ZONE 'UTC'", S},
    {"SET NAMES 'UTF8'", S},
    {"SET SCHEMA 's'", S},
    {"SET ROLE r", S},
    {"SET \"search_path\" = s", S},
    {"SET enable_seqscan = off", S},
    {"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", S},
    {"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ", S | I},
};

Test(statement, accepted) {
  for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
    const char *sql = accepted[i].sql;
    struct lexer l = {sql, sql + strlen(sql)};
    struct statement s;
    cr_assert(statement_next(&l, &s), "%s", sql);
    cr_assert(!s.refused, "%s: %s", sql, s.refusal.message);
    cr_assert_eq(s.effect, accepted[i].effect, "%s: %#x", sql, s.effect);
    cr_assert(!statement_next(&l, &s), "%s: one statement", sql);
  }
}

struct refused {
  const char *sql, *message;
};

static const struct refused refused[] = {
    {"LISTEN x", "unsupported statement: Listen"},
    {"UNLISTEN *", "unsupported statement: Unlisten"},
    {"NOTIFY x, 'y'", "unsupported statement: Notify"},
    {"LOCK TABLE t", "unsupported statement: Lock"},
    {"lock t", "unsupported statement: Lock"},
    {"/* c */ LOCK t", "unsupported statement: Lock"},
    {"-- c\nLOCK t", "unsupported statement: Lock"},
    {"DECLARE c CURSOR FOR SELECT 1", "unsupported statement: DeclareCursor"},
    {"FETCH ALL FROM c", "unsupported statement: Fetch"},
    {"MOVE 1 FROM c", "unsupported statement: Fetch"},
    {"CLOSE c", "unsupported statement: ClosePortal"},
    {"PREPARE p AS SELECT 1", "unsupported statement: Prepare"},
    {"PREPARE TRANSACTION 'x'", "unsupported statement: Transaction"},
    {"COMMIT PREPARED 'x'", "unsupported statement: Transaction"},
    {"ROLLBACK PREPARED 'x'", "unsupported statement: Transaction"},
    {"EXECUTE p", "unsupported statement: Execute"},
    {"DEALLOCATE p", "unsupported statement: Deallocate"},
    {"DEALLOCATE PREPARE p", "unsupported statement: Deallocate"},
    {"SAVEPOINT a", "unsupported statement: Transaction"},
    {"RELEASE a", "unsupported statement: Transaction"},
    {"RELEASE SAVEPOINT a", "unsupported statement: Transaction"},
    {"ROLLBACK TO a", "unsupported statement: Transaction"},
    {"ROLLBACK WORK TO SAVEPOINT a", "unsupported statement: Transaction"},
    {"COMMIT AND CHAIN", "AND CHAIN not supported"},
    {"TRUNCATE t", "unsupported statement: Truncate"},
    {"VACUUM", "unsupported statement: Vacuum"},
    {"REINDEX TABLE t", "unsupported statement: Reindex"},
    {"CLUSTER t", "unsupported statement: Cluster"},
    {"CHECKPOINT", "unsupported statement: CheckPoint"},
    {"DISCARD ALL", "unsupported statement: Discard"},
    {"DO $$ BEGIN END $$", "unsupported statement: Do"},
    {"LOAD 'x'", "unsupported statement: Load"},
    {"IMPORT FOREIGN SCHEMA s FROM SERVER x INTO y", "unsupported statement: ImportForeignSchema"},
    {"REFRESH MATERIALIZED VIEW m", "unsupported statement: RefreshMatView"},
    {"ALTER SYSTEM SET a = 1", "unsupported statement: AlterSystem"},
    {"ALTER DATABASE d SET a = 1", "unsupported statement: AlterDatabase"},
    {"CREATE DATABASE d", "unsupported statement: Createdb"},
    {"DROP DATABASE d", "unsupported statement: Dropdb"},
    {"CREATE EXTENSION e", "unsupported statement: CreateExtension"},
    {"CREATE TRIGGER x BEFORE INSERT ON t EXECUTE FUNCTION f()", "unsupported statement: CreateTrig"},
    {"CREATE CONSTRAINT TRIGGER x AFTER INSERT ON t EXECUTE FUNCTION f()", "unsupported statement: CreateTrig"},
    {"CREATE OR REPLACE TRIGGER x BEFORE INSERT ON t EXECUTE FUNCTION f()", "unsupported statement: CreateTrig"},
    {"CREATE MATERIALIZED VIEW m AS SELECT 1", "unsupported statement: CreateTableAs"},
    {"CREATE TYPE y AS ENUM ('a')", "unsupported statement: Define"},
    {"CREATE TABLESPACE y LOCATION '/x'", "unsupported statement: CreateTableSpace"},
    {"CREATE POLICY p ON t", "unsupported statement: CreatePolicy"},
    {"CREATE FOREIGN TABLE f (a int) SERVER s", "unsupported statement: CreateForeignTable"},
    {"CREATE FOREIGN DATA WRAPPER w", "unsupported statement: CreateFdw"},
    {"CREATE SERVER s FOREIGN DATA WRAPPER w", "unsupported statement: CreateForeignServer"},
    {"CREATE PUBLICATION p", "unsupported statement: CreatePublication"},
    {"CREATE SUBSCRIPTION p CONNECTION 'x' PUBLICATION y", "unsupported statement: CreateSubscription"},
    {"CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION f()", "unsupported statement: CreateEventTrig"},
    {"DROP EVENT TRIGGER dsql_local_ddl", "unsupported statement: Drop"},
    {"CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)", "unsupported statement: Rule"},
    {"CREATE TEMP TABLE t (a int)", "temporary tables are not supported"},
    {"CREATE LOCAL TEMPORARY TABLE t (a int)", "temporary tables are not supported"},
    {"CREATE UNLOGGED TABLE t (a int)", "UNLOGGED not supported for CREATE TABLE"},
    {"CREATE TABLE t (a int) PARTITION BY RANGE (a)", "PARTITION not supported for CREATE TABLE"},
    {"CREATE TABLE t PARTITION OF u FOR VALUES IN (1)", "PARTITION not supported for CREATE TABLE"},
    {"CREATE TABLE t () INHERITS (u)", "INHERITS not supported for CREATE TABLE"},
    {"CREATE TABLE t (a text[])", "datatype text[] not supported"},
    {"CREATE TABLE t (k int, a integer[3] NOT NULL)", "datatype integer[] not supported"},
    {"CREATE TABLE t (a int ARRAY)", "datatype int[] not supported"},
    {"ALTER TABLE t ADD COLUMN a text[]", "datatype text[] not supported"},
    {"CREATE TABLE t (id serial PRIMARY KEY)", "type \"serial\" does not exist"},
    {"CREATE TABLE t (a int, id bigserial)", "type \"bigserial\" does not exist"},
    {"CREATE PROCEDURE p() LANGUAGE sql AS ''", "PROCEDURE is not supported"},
    {"CREATE OR REPLACE PROCEDURE p() LANGUAGE sql AS ''", "PROCEDURE is not supported"},
    {"CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$", "language plpgsql not supported"},
    {"CREATE FUNCTION f() RETURNS int AS 'x' LANGUAGE 'plpgsql'", "language plpgsql not supported"},
    {"CREATE INDEX i ON t (a)", "unsupported mode. please use CREATE INDEX ASYNC."},
    {"CREATE UNIQUE INDEX i ON t (a)", "unsupported mode. please use CREATE INDEX ASYNC."},
    {"CREATE INDEX CONCURRENTLY i ON t (a)", "CONCURRENTLY not supported for CREATE INDEX"},
    {"CREATE INDEX ASYNC i ON t USING btree (a)", "USING not supported for CREATE INDEX"},
    {"CREATE INDEX ASYNC i ON t (a) WHERE a > 0", "WHERE not supported for CREATE INDEX"},
    {"CREATE INDEX ASYNC i ON t (a DESC)", "specifying sort order not supported for index keys"},
    {"ALTER TABLE t ALTER COLUMN a TYPE text", "unsupported ALTER TABLE ALTER COLUMN ... SET DATA TYPE statement"},
    {"ALTER TABLE t ALTER a SET DATA TYPE text", "unsupported ALTER TABLE ALTER COLUMN ... SET DATA TYPE statement"},
    {"ALTER TABLE t ALTER a SET NOT NULL", "unsupported ALTER TABLE ALTER COLUMN ... SET NOT NULL statement"},
    {"ALTER TABLE t ADD CONSTRAINT c UNIQUE (a)", "unsupported ALTER TABLE ADD CONSTRAINT statement"},
    {"ALTER TABLE t ADD PRIMARY KEY (a)", "unsupported ALTER TABLE ADD CONSTRAINT statement"},
    {"ALTER TABLE t VALIDATE CONSTRAINT c", "unsupported ALTER TABLE VALIDATE CONSTRAINT statement"},
    {"ALTER TABLE t ADD COLUMN a int DEFAULT 0", "ALTER TABLE ADD COLUMN with constraint not supported"},
    {"ALTER TABLE t DISABLE TRIGGER ALL", "unsupported ALTER TABLE statement"},
    {"ALTER TABLE t ENABLE ROW LEVEL SECURITY", "unsupported ALTER TABLE statement"},
    {"COPY t FROM '/x'", "COPY is only supported with STDIN and STDOUT"},
    {"COPY t FROM PROGRAM 'x'", "COPY is only supported with STDIN and STDOUT"},
    {"COPY t TO '/x'", "COPY is only supported with STDIN and STDOUT"},
    {"COPY (SELECT a FROM stdin) TO PROGRAM 'x'", "COPY is only supported with STDIN and STDOUT"},
    {"SELECT pg_advisory_lock(1)", "function pg_advisory_lock not supported"},
    {"SELECT pg_catalog.pg_try_advisory_xact_lock(1, 2)", "function pg_try_advisory_xact_lock not supported"},
    {"SELECT set_config('a', 'b', false)", "function set_config not supported"},
    {"UPDATE t SET a = pg_advisory_lock (1)", "function pg_advisory_lock not supported"},
    {"BEGIN ISOLATION LEVEL SERIALIZABLE", "unsupported isolation level, only REPEATABLE READ is supported"},
    {"BEGIN ISOLATION LEVEL READ COMMITTED", "unsupported isolation level, only REPEATABLE READ is supported"},
    {"START TRANSACTION READ ONLY, ISOLATION LEVEL READ UNCOMMITTED",
     "unsupported isolation level, only REPEATABLE READ is supported"},
    {"BEGIN DEFERRABLE", "transaction mode DEFERRABLE not supported"},
    {"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
     "unsupported isolation level, only REPEATABLE READ is supported"},
    {"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
     "setting configuration parameter \"TRANSACTION\" not supported"},
    {"SET LOCAL TRANSACTION READ ONLY", "setting configuration parameter \"TRANSACTION\" not supported"},
    {"SET statement_timeout = 0", "setting configuration parameter \"statement_timeout\" not supported"},
    {"SET LOCAL lock_timeout TO '1s'", "setting configuration parameter \"lock_timeout\" not supported"},
    {"SET SESSION work_mem = 1", "setting configuration parameter \"work_mem\" not supported"},
    {"SET \"work_mem\" = 1", "setting configuration parameter \"work_mem\" not supported"},
    {"SET dsql_local.row_limit = 0", "setting configuration parameter \"dsql_local.row_limit\" not supported"},
    {"SET role.x = 0", "setting configuration parameter \"role.x\" not supported"},
    {"SET SESSION AUTHORIZATION r", "setting configuration parameter \"session_authorization\" not supported"},
    {"SET CONSTRAINTS ALL IMMEDIATE", "unsupported statement: ConstraintsSet"},
    {"SET XML OPTION DOCUMENT", "setting configuration parameter \"xmloption\" not supported"},
    {"RESET statement_timeout", "setting configuration parameter \"statement_timeout\" not supported"},
};

Test(statement, refused) {
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    const char *sql = refused[i].sql;
    struct lexer l = {sql, sql + strlen(sql)};
    struct statement s;
    cr_assert(statement_next(&l, &s), "%s", sql);
    cr_assert(s.refused, "%s", sql);
    cr_assert_str_eq(s.refusal.message, refused[i].message, "%s: %s", sql, s.refusal.message);
    cr_assert_str_eq(s.refusal.sqlstate, strstr(s.refusal.message, "serial") ? "42704" : "0A000");
    cr_assert(!statement_next(&l, &s), "%s: one statement", sql);
  }
}

/* ---- scripts ---- */

struct script {
  const char *sql, *parts; /* the statements' texts, with a bar between them */
};

static const struct script scripts[] = {
    {"", ""},
    {" ; ;; -- x", ""},
    {"SELECT 1", "SELECT 1"},
    {" SELECT 1 ; ", "SELECT 1"},
    {";SELECT 1;;SELECT 2;", "SELECT 1|SELECT 2"},
    {"SELECT ';'; SELECT \";\"; SELECT $$;$$; SELECT 1 /* ; */; -- ;\nSELECT 2",
     "SELECT ';'|SELECT \";\"|SELECT $$;$$|SELECT 1|SELECT 2"},
    {"SELECT 'it''s; x'; SELECT E'\\''';;'; SELECT 3", "SELECT 'it''s; x'|SELECT E'\\''';;'|SELECT 3"},
    {"SELECT 'open; SELECT 2", "SELECT 'open; SELECT 2"},
    {"SELECT $x$ ; $y$ ; $x$; b", "SELECT $x$ ; $y$ ; $x$|b"},
    {"SELECT $1;SELECT a$b$c;d", "SELECT $1|SELECT a$b$c|d"},
    {"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 END; END; SELECT 2",
     "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 END; END|SELECT 2"},
    {"BEGIN; SELECT CASE WHEN true THEN 1 END; COMMIT", "BEGIN|SELECT CASE WHEN true THEN 1 END|COMMIT"},
    {"CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); x",
     "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)|x"},
    {"SELECT ); SELECT 2", "SELECT )|SELECT 2"},
};

Test(statement, scripts) {
  for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
    char *sql = malloc(strlen(scripts[i].sql) + 1), parts[512] = "";
    struct lexer l = {sql, sql + strlen(scripts[i].sql)};
    struct statement s;
    memcpy(sql, scripts[i].sql, strlen(scripts[i].sql) + 1);
    while (statement_next(&l, &s)) {
      size_t at = strlen(parts);
      snprintf(parts + at, sizeof parts - at, "%s%.*s", at ? "|" : "", (int)(s.end - s.start), s.start);
    }
    cr_assert_str_eq(parts, scripts[i].parts, "%s\n got %s", scripts[i].sql, parts);
    free(sql);
  }
}

/* Every text cut at every byte, in memory of its own length: nothing is read behind it, and nothing loops. */
Test(statement, cut_anywhere) {
  for (size_t i = 0; i < sizeof refused / sizeof refused[0] + sizeof accepted / sizeof accepted[0]; i++) {
    size_t n_refused = sizeof refused / sizeof refused[0];
    const char *sql = i < n_refused ? refused[i].sql : accepted[i - n_refused].sql;
    for (size_t n = 0; n <= strlen(sql); n++) {
      char *copy = malloc(n ? n : 1);
      struct lexer l = {copy, copy + n};
      struct statement s;
      struct buf out;
      memcpy(copy, sql, n);
      buf_init(&out, &mem_default, 4096);
      while (statement_next(&l, &s))
        if (s.effect & EFFECT_REWRITTEN) statement_rewrite(&s, &out);
      cr_assert(buf_ok(&out));
      buf_deinit(&out);
      free(copy);
    }
  }
}
