"""The works that every peer does, and the tables they need. What the fields mean is told in round.h."""

from dataclasses import dataclass

INSERT_TABLE = "CREATE UNLOGGED TABLE _test(a int, b int, c int, d text, e float, f int, g text);"
INSERTED = "int4:10 int4:11 int4:10 text:TESTTESTTEST float8:10.333 int4:12341234 text:123412341234"


@dataclass(frozen=True)
class Work:
    name: str
    kind: str
    title: str
    sql: str = "-"
    args: str = ""
    columns: str = ""
    rows: int = 1
    connections: int = 10
    tls: str = "disable"
    setup: str = ""
    between: str = ""  # run before every round


PGBENCH = [  # https://github.com/MagicStack/pgbench, queries/, ten connections as there
    Work(
        "1-pg_type",
        "query",
        "pgbench 1-pg_type: 12 columns of pg_type",
        sql="select typname, typnamespace, typowner, typlen, typbyval, typcategory, typispreferred, typisdefined, "
        "typdelim, typrelid, typelem, typarray from pg_type where typtypmod = $1 and typisdefined = $2",
        args="int4:-1 bool:true",
        columns="name oid oid int2 bool char bool bool char oid oid oid",
        rows=0,
    ),
    Work(
        "2-generate_series",
        "query",
        "pgbench 2-generate_series: 1000 rows of one int4",
        sql="SELECT i FROM generate_series(1, $1) AS i",
        args="int4:1000",
        columns="int4",
        rows=1000,
    ),
    Work(
        "3-large_object",
        "query",
        "pgbench 3-large_object: 100 rows of 1000 bytes",
        sql="SELECT * FROM _bytes",
        columns="bytea",
        rows=100,
        setup="CREATE TABLE _bytes(b bytea); INSERT INTO _bytes(b) (SELECT repeat('a', 1000)::bytea "
        "FROM generate_series(1, 100));",
    ),
    Work(
        "4-arrays",
        "query",
        "pgbench 4-arrays: 100 rows of int4[100]",
        sql="SELECT * FROM _arrays",
        columns="int4[]",
        rows=100,
        setup="CREATE TABLE _arrays(a int4[]); INSERT INTO _arrays(a) (SELECT array_agg(i) "
        "FROM generate_series(1, 100) i, generate_series(1, 100) n GROUP BY n);",
    ),
    Work(
        "5-copyfrom",
        "copy",
        "pgbench 5-copyfrom: COPY of 10000 rows of 7 columns, binary",
        sql="COPY _test (a, b, c, d, e, f, g) FROM STDIN (FORMAT binary)",
        args=INSERTED,
        rows=10000,
        between="TRUNCATE _test",
        setup=INSERT_TABLE,
    ),
    Work(
        "6-batch",
        "batch",
        "pgbench 6-batch: 1000 inserts of 7 parameters",
        sql="INSERT INTO _test (a, b, c, d, e, f, g) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        args=INSERTED,
        rows=1000,
        between="TRUNCATE _test",
        setup=INSERT_TABLE,
    ),
    Work("7-oneplusone", "query", "pgbench 7-oneplusone: SELECT 1+1", sql="SELECT 1+1", columns="int4"),
]

SELECT_ROWS = (  # https://github.com/jackc/pgx, bench_test.go, BenchmarkSelectRowsScanSimple
    "select n, 'Adam', 'Smith ' || n, 'male', '1952-06-16'::date, 258, 72, '2001-01-28 01:02:03-05'::timestamptz "
    "from generate_series(100001, 100000 + $1) n"
)

PGX = [
    Work(
        f"select-rows-{rows}",
        "query",
        f"pgx SelectRows: {rows} row{'s' if rows > 1 else ''} of 8 columns, one connection",
        sql=SELECT_ROWS,
        args=f"int4:{rows}",
        columns="int4 text text text date int4 int4 timestamptz",
        rows=rows,
        connections=1,
    )
    for rows in (1, 10, 100, 1000)
]

CONNECTS = [
    Work(f"connect-{tls}", "connect", title, sql="select 1", columns="int4", connections=1, tls=tls)
    for tls, title in (
        ("disable", "connect, query, disconnect: plain, trust"),
        ("postgres", "the same, verify-full by SSLRequest, password"),
        ("direct", "the same, verify-full by direct TLS, password"),
    )
]

BALANCES = 6400 * 1000000  # what all accounts have together, before and after
ACCOUNTS = (
    "CREATE UNLOGGED TABLE accounts(id int PRIMARY KEY, balance int NOT NULL) WITH (fillfactor = 50); "
    "INSERT INTO accounts SELECT i, 1000000 FROM generate_series(0, 6399) i; "
    "ANALYZE accounts;"
)

TRANSFER = [
    Work(
        "transfer",
        "transfer",
        "transfer: BEGIN, read, check, two updates, COMMIT",
        setup=ACCOUNTS,
    )
]

TABLES = "DROP TABLE IF EXISTS _bytes, _arrays, _test, accounts"
ALL = PGBENCH + PGX + CONNECTS + TRANSFER


def environment(work, port, ca):
    return {
        "BENCH_KIND": work.kind,
        "BENCH_SQL": work.sql,
        "BENCH_ARGS": work.args,
        "BENCH_COLUMNS": work.columns,
        "BENCH_ROWS": str(work.rows),
        "BENCH_TLS": work.tls,
        "BENCH_PORT": str(port),
        "BENCH_CA": ca,
        "TZ": "UTC",
    }
