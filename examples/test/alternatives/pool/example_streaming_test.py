"""Rows as CSV: all of them, in order, in constant memory, also when the reader is slow; and a reader that goes away."""
import hashlib
import signal
import time

from cluster import Cluster, check, equal


def memory_kb(process):
    with open(f"/proc/{process.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


with Cluster() as c:
    rows = 100000
    process = c.start("example_streaming", rows)
    first = process.stdout.readline()
    time.sleep(0.5)
    few = memory_kb(process)
    n = 1
    equal(first, "1," + hashlib.md5(b"1").hexdigest() + "\n", "the first row")
    for line in process.stdout:
        n += 1
        equal(line, f"{n}," + hashlib.md5(str(n).encode()).hexdigest() + "\n", "a row")
        if n == rows - 2000:
            check(memory_kb(process) < few + 4096, f"memory grew from {few} to {memory_kb(process)} kB")
    equal((n, process.wait(30), process.stderr.read()), (rows, 0, f"{rows} rows\n"), "the end")

    process = c.start("example_streaming", rows)
    process.stdout.readline()
    process.stdout.close()
    equal(process.wait(30), -signal.SIGPIPE, "a reader that goes away ends it, as it ends any filter")

    code, out, err = c.run("example_streaming", 0)
    equal((code, out, err), (0, "", "0 rows\n"), "no rows")
