"""One connection: its row is created, changed, read and deleted."""
from cluster import Cluster, equal

with Cluster() as c:
    for _ in range(2):
        code, out, err = c.run("example_with_no_connection_pool")
        equal((code, out), (0, "John Doe lives in Anycity\n"), err)
    equal(c.query("SELECT count(*) FROM owner"), [["0"]], "rows that are left")
