"""The works through psycopg 3 (its C implementation) on uvloop: prepared, binary results, pipelines where they save
round trips."""

import asyncio

import psycopg
import uvloop

import harness

work = harness.Work()
READ = harness.READ + "%s"
UPDATE = harness.UPDATE.format("%(id)s", "%(amount)s")


def python_sql(sql, count):
    for i in range(count, 0, -1):
        sql = sql.replace(f"${i}", "%s")
    return sql


SQL = python_sql(work.sql, len(work.args))


async def connect():
    options = {"host": "localhost", "hostaddr": "127.0.0.1", "port": work.port, "dbname": "postgres"}
    if work.tls == "disable":
        options |= {"user": "trust_user", "sslmode": "disable"}
    else:
        options |= {"user": "password_user", "password": "secret", "sslmode": "verify-full", "sslrootcert": work.ca}
    if work.tls == "direct":
        options["sslnegotiation"] = "direct"
    return await psycopg.AsyncConnection.connect(autocommit=True, prepare_threshold=0, gssencmode="disable", **options)


async def connect_once(index, n):
    c = await connect()
    rows = await (await c.execute(work.sql, binary=True)).fetchall()
    await c.close()
    return len(rows)


async def query_work(connections):
    cursors = [c.cursor(binary=True) for c in connections]

    async def once(index, n):
        await cursors[index].execute(SQL, work.args)
        return len(await cursors[index].fetchall())

    await cursors[0].execute(SQL, work.args)
    return harness.check(work.columns, await cursors[0].fetchall()), once


async def batch_work(connections):
    cursors = [c.cursor() for c in connections]
    rows = [tuple(work.args)] * work.rows

    async def once(index, n):
        async with connections[index].transaction():
            await cursors[index].executemany(SQL, rows)
        return len(rows)

    await once(0, 0)
    return 0, once


async def copy_work(connections):
    cursors = [c.cursor() for c in connections]
    row = tuple(work.args)

    async def once(index, n):
        async with cursors[index].copy(work.sql) as copy:
            copy.set_types(["int4", "int4", "int4", "text", "float8", "int4", "text"])
            for _ in range(work.rows):
                await copy.write_row(row)
        return work.rows

    await once(0, 0)
    return 0, once


async def transfer_work(connections):
    async def once(index, n):
        source, sink = harness.accounts(index, n)
        c = connections[index]
        async with c.pipeline() as pipeline:
            await c.execute(harness.BEGIN)
            cursor = await c.execute(READ, (source,), binary=True)
            if (await cursor.fetchone())[0] < 1:
                raise RuntimeError("the account is empty")
            await c.execute(UPDATE, {"id": source, "amount": -1})
            await c.execute(UPDATE, {"id": sink, "amount": 1})
            await c.execute("commit")
            await pipeline.sync()
        return 1

    await once(0, 0)
    return 0, once


async def connect_work(connections):
    c = await connect()
    first = harness.check(work.columns, await (await c.execute(work.sql, binary=True)).fetchall())
    await c.close()
    return first, connect_once


async def main():
    connections = []
    if work.kind != "connect":
        connections = [await connect() for _ in range(work.connections)]
    prepare = {
        "query": query_work,
        "batch": batch_work,
        "copy": copy_work,
        "transfer": transfer_work,
        "connect": connect_work,
    }
    first, once = await prepare[work.kind](connections)
    await harness.rounds(work, psycopg.__version__, first, once)
    for c in connections:
        await c.close()


uvloop.install()
asyncio.run(main())
