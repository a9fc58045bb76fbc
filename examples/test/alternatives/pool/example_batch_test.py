"""Batches: all rows are there once, also when commits are lost; conditions hold; everything is deleted again."""
from cluster import Cluster, equal


def batch(c, rows, batches):
    code, out, err = c.run("example_batch", rows)
    equal((code, out), (0, f"{rows} rows loaded in {batches} batches\n"
                           "rows 0 and 1 are marked\n"
                           "row 2 or -1 is missing: none is marked\n"
                           f"{rows} rows deleted, 1000 at a time\n"), err)
    equal(c.query("SELECT count(*) FROM reading"), [["0"]], "rows that are left")


with Cluster() as c:
    batch(c, 2100, 5)
# The first commit is that of CREATE TABLE; the next three, of batches, are lost.
with Cluster("--seed", "2", "--fault", "close@commit:skip=1:count=3") as c:
    batch(c, 2000, 4)
