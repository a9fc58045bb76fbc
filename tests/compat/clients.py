"""Other people's Python clients against dsql local: asyncpg and psycopg2, with tokens signed by botocore.

    clients.py asyncpg|psycopg2

The environment tells where (DSQL_LOCAL_*) and who (AWS_*). Exits 77 when the package is missing."""
import os
import socket
import ssl
import sys

from signing import token

HOST, PORT, CA = os.environ["DSQL_LOCAL_HOST"], int(os.environ["DSQL_LOCAL_PORT"]), os.environ["DSQL_LOCAL_CA"]
MISSING = 77


def must_fail(call, text):
    try:
        call()
    except Exception as e:  # noqa: BLE001 - each driver has its own
        assert text in str(e), f"expected {text!r} in {e!r}"
        return
    raise AssertionError(f"not refused: {text}")


DENIED = "unable to accept connection, access denied"


def run_asyncpg():
    import asyncio

    import asyncpg

    look_up = socket.getaddrinfo

    def only_the_cluster(host, *args, **kwargs):
        if host == HOST:
            host = "127.0.0.1"
        assert host == "127.0.0.1", f"no lookup of {host} in this test"
        return look_up(host, *args, **kwargs)

    socket.getaddrinfo = only_the_cluster
    context = ssl.create_default_context(cafile=CA)

    async def connect(password, **options):
        return await asyncpg.connect(host=HOST, port=PORT, user="admin", database="postgres", password=password,
                                     ssl=context, **options)

    async def crud():
        c = await connect(token(), server_settings={"application_name": "compat"})
        assert await c.fetchval("SHOW application_name") == "compat"
        await c.execute("CREATE TABLE asyncpg_person (id int PRIMARY KEY, name text)")
        await c.executemany("INSERT INTO asyncpg_person VALUES ($1, $2)", [(1, "Ann"), (2, "Ben")])
        async with c.transaction(isolation="repeatable_read"):
            await c.execute("UPDATE asyncpg_person SET name = $1 WHERE id = $2", "Bob", 2)
        assert await c.execute("DELETE FROM asyncpg_person WHERE id = $1", 1) == "DELETE 1"
        rows = await c.fetch("SELECT * FROM asyncpg_person")
        assert [tuple(r) for r in rows] == [(2, "Bob")], rows
        await c.close()

    asyncio.run(crud())
    must_fail(lambda: asyncio.run(connect(token(secret="wrong"))), DENIED)
    must_fail(lambda: asyncio.run(connect(token(region="eu-west-1"))), DENIED)
    must_fail(lambda: asyncio.run(connect(token(user="reader"))), DENIED)


def run_psycopg2():
    import psycopg2

    def connect(password, user="admin"):
        return psycopg2.connect(host=HOST, hostaddr="127.0.0.1", port=PORT, user=user, dbname="postgres",
                                password=password, sslmode="verify-full", sslrootcert=CA)

    c = connect(token())
    c.autocommit = True
    with c.cursor() as cursor:
        cursor.execute("CREATE TABLE psycopg_person (id int PRIMARY KEY, name text)")
    c.autocommit = False
    with c, c.cursor() as cursor:
        cursor.execute("INSERT INTO psycopg_person VALUES (%s, %s), (%s, %s)", (1, "Ann", 2, "Ben"))
        cursor.execute("UPDATE psycopg_person SET name = %s WHERE id = %s", ("Bob", 2))
        cursor.execute("DELETE FROM psycopg_person WHERE id = 1")
        assert cursor.rowcount == 1
    with c, c.cursor() as cursor:
        cursor.execute("SELECT * FROM psycopg_person")
        assert cursor.fetchall() == [(2, "Bob")]
    c.close()
    connect(token(user="reader"), user="reader").close()
    must_fail(lambda: connect(token(secret="wrong")), DENIED)
    must_fail(lambda: connect(token(user="reader")), DENIED)


try:
    import botocore  # noqa: F401

    __import__(sys.argv[1])
except ImportError as e:
    print(f"{sys.argv[1]}: {e}")
    sys.exit(MISSING)
{"asyncpg": run_asyncpg, "psycopg2": run_psycopg2}[sys.argv[1]]()
