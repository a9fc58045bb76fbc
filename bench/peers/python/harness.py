"""What the Python programs do alike; the rules are in ../round.h. Clients that decode while they fetch have touched every
field then: the sum is made of the first result only, so that no time of ours is counted as theirs."""

import asyncio
import datetime
import json
import os
import resource
import sys
import time

CANNOT = 3
SPAN = 100
BEGIN = "begin isolation level repeatable read"
READ = "select balance from accounts where id = "
UPDATE = "update accounts set balance = balance + {1} where id = {0}"
EPOCH = datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc)


def argument(text):
    kind, value = text.split(":", 1)
    return {"int4": int, "bool": lambda v: v == "true", "float8": float, "text": str}[kind](value)


class Work:
    def __init__(self):
        if len(sys.argv) != 5:
            sys.exit("usage: PROGRAM WORK SECONDS WARM_UP_SECONDS CONNECTIONS")
        self.name = sys.argv[1]
        self.seconds, self.warm_up = float(sys.argv[2]), float(sys.argv[3])
        self.connections = int(sys.argv[4])
        variable = os.environ
        self.kind, self.tls = variable["BENCH_KIND"], variable["BENCH_TLS"]
        self.sql, self.rows = variable["BENCH_SQL"], int(variable["BENCH_ROWS"])
        self.args = [argument(a) for a in variable["BENCH_ARGS"].split()]
        self.columns = variable["BENCH_COLUMNS"].split()
        self.port, self.ca = int(variable["BENCH_PORT"]), variable["BENCH_CA"]
        if self.kind not in ("query", "batch", "connect", "transfer", "copy"):
            sys.exit(CANNOT)


def text_check(value):
    data = value.encode() if isinstance(value, str) else bytes(value)
    return len(data) + (data[0] + data[-1] if data else 0)


def field_check(kind, value):
    if kind == "char":
        return ord(value) if isinstance(value, str) else value[0]
    if kind in ("name", "text", "bytea"):
        return text_check(value)
    if kind == "date":
        return (value - EPOCH.date()).days
    if kind == "timestamptz":
        return int((value - EPOCH).total_seconds())
    if kind == "int4[]":
        return sum(field_check("int4", element) for element in value)
    if not isinstance(value, int):
        sys.exit(f"{kind} came as {type(value)}")
    return int(value)


def check(columns, rows):
    return sum(field_check(kind, value) for row in rows for kind, value in zip(columns, row, strict=True))


def accounts(worker, n):
    return worker * SPAN + n % SPAN, worker * SPAN + (n + 1) % SPAN


def rss_kb():
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def cpu_s():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def worker(once, index, deadline, latencies):
    """once(index, n) does the work and returns its rows."""
    rows = n = 0
    clock = time.perf_counter
    begun = clock()
    while True:
        rows += await once(index, n)
        n += 1
        now = clock()
        latencies.append(now - begun)
        begun = now
        if now >= deadline:
            return rows


async def round_of(once, connections, seconds):
    latencies = []
    cpu, begin = cpu_s(), time.perf_counter()
    rows = await asyncio.gather(*(worker(once, i, begin + seconds, latencies) for i in range(connections)))
    seconds, cpu = time.perf_counter() - begin, cpu_s() - cpu
    latencies.sort()
    return {
        "queries": len(latencies),
        "rows": sum(rows),
        "seconds": seconds,
        "cpu_s": cpu,
        "rss_kb": rss_kb(),
        "p50_us": latencies[len(latencies) // 2] * 1e6,
        "p99_us": latencies[len(latencies) * 99 // 100] * 1e6,
    }


async def rounds(work, version, first_check, once):
    await round_of(once, work.connections, work.warm_up)
    print(json.dumps({"ready": work.name, "version": version, "check": first_check}), flush=True)
    while sys.stdin.readline():
        print(json.dumps(await round_of(once, work.connections, work.seconds)), flush=True)
