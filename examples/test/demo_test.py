"""demo/: what scripts/demo shows of a cluster, and that it would tell when the books are wrong."""
from cluster import Cluster, equal, within

with Cluster("--seed", "7", "--occ-rate", "0.1", "--fault", "schema@statement:p=0.002",
             "--fault", "close@commit:p=0.01") as c:
    code, out, err = c.run("demo_transfers", 300)
    equal(code, 0, "exit code; " + out + err)
    for text in ("300 of 300 transfers", "commits       300; 0 refused for want of money, 0 failed", "p50 ", "p99 ",
                 "0 left in doubt", "1 signed", "300 transfers, 10000000 cents in 100 accounts: each transfer once, not "):
        within(out, text, "the table")
    equal(c.query("SELECT count(*), sum(cents) FROM transfer"),
          c.query("SELECT 300, sum(cents) FROM transfer"), "the rows that it counted")
    c.query("UPDATE account SET cents = cents + 1 WHERE id = 5")
    code, out, err = c.run("demo_transfers", 10)
    equal(code, 1, "exit code with a cent too many")
    within(out, "WRONG", "a cent too many")

with Cluster() as c:
    code, out, err = c.run("demo_identity", c.env["DSQL_TARGET"])
    equal(code, 0, "exit code; " + out + err)
    for text in ("the token was signed now", "CREATE, INSERT, UPDATE, DELETE, SELECT: 1 row, Ann in Paris",
                 "none was signed", "an expired token is refused: DSQL_EAUTH 28000", "Signature expired: "):
        within(out, text, "what it shows")
