"""The works through asyncpg on uvloop: fetch() on prepared statements, executemany(), one TLS context for all."""

import asyncio
import ssl

import asyncpg
import uvloop

import harness

work = harness.Work()


def tls_context():
    context = ssl.create_default_context(cafile=work.ca)
    context.set_alpn_protocols(["postgresql"])
    return context


CONTEXT = tls_context() if work.tls != "disable" else None


async def connect():
    if CONTEXT is None:
        return await asyncpg.connect(
            host="127.0.0.1", port=work.port, user="trust_user", database="postgres", ssl=False
        )
    return await asyncpg.connect(
        host="localhost",
        port=work.port,
        user="password_user",
        password="secret",
        database="postgres",
        ssl=CONTEXT,
        direct_tls=work.tls == "direct",
    )


async def connect_once(index, n):
    c = await connect()
    rows = await c.fetch(work.sql)
    await c.close()
    return len(rows)


async def query_work(connections):
    statements = [await c.prepare(work.sql) for c in connections]

    async def once(index, n):
        return len(await statements[index].fetch(*work.args))

    return harness.check(work.columns, await statements[0].fetch(*work.args)), once


async def batch_work(connections):
    rows = [tuple(work.args)] * work.rows

    async def once(index, n):
        await connections[index].executemany(work.sql, rows)
        return len(rows)

    await once(0, 0)
    return 0, once


async def copy_work(connections):
    rows = [tuple(work.args)] * work.rows
    columns = list("abcdefg")

    async def once(index, n):
        await connections[index].copy_records_to_table("_test", records=rows, columns=columns)
        return len(rows)

    await once(0, 0)
    return 0, once


async def transfer_work(connections):
    read = [await c.prepare(harness.READ + "$1") for c in connections]
    update = [await c.prepare(harness.UPDATE.format("$1", "$2")) for c in connections]
    for c in connections:
        await c.execute("select 1")  # prepare() ends with a Flush: BEGIN would find its snapshot taken

    async def once(index, n):
        source, sink = harness.accounts(index, n)
        await connections[index].execute(harness.BEGIN)
        if await read[index].fetchval(source) < 1:
            raise RuntimeError("the account is empty")
        await update[index].fetch(source, -1)
        await update[index].fetch(sink, 1)
        await connections[index].execute("commit")
        return 1

    await once(0, 0)
    return 0, once


async def connect_work(connections):
    c = await connect()
    first = harness.check(work.columns, await c.fetch(work.sql))
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
    await harness.rounds(work, asyncpg.__version__, first, once)
    for c in connections:
        await c.close()


uvloop.install()
asyncio.run(main())
