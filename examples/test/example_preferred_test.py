"""src/example_preferred.c: the money stays the same, and every transfer is made once, whatever happens to commits."""
from cluster import Cluster, check, equal, within


def preferred(c, transfers, **env):
    code, out, err = c.run("example_preferred", transfers, **env)
    equal(code, 0, "exit code; " + out + err)
    within(out, f"{transfers} transfers, 0 refused for want of money, 0 failed", "its report")
    within(out, "the accounts have 1600000 cents, as before", "its report")
    return out


with Cluster() as c:
    preferred(c, 100)
    preferred(c, 50)
    equal(c.query("SELECT count(*), sum(cents) FROM account"), [["16", "1600000"]], "accounts")
    equal(c.query("SELECT count(*) FROM transfer"), [["150"]], "transfers")
    # What the rows say is what the accounts have.
    equal(c.query("SELECT count(*) FROM account a WHERE cents <> 100000"
                  " + coalesce((SELECT sum(cents) FROM transfer WHERE payee = a.id), 0)"
                  " - coalesce((SELECT sum(cents) FROM transfer WHERE payer = a.id), 0)"), [["0"]], "wrong accounts")
    code, out, err = c.run("example_preferred", 10, CLUSTER_ENDPOINT="")
    equal(code, 1, "exit code without a cluster")
    within(err, "set CLUSTER_ENDPOINT", "what it says without a cluster")
    code, out, err = c.run("example_preferred", 10, AWS_SECRET_ACCESS_KEY="wrong")
    equal(code, 1, "exit code with wrong credentials")
    within(err, "access denied", "what it says with wrong credentials")

# The connection is lost during the COMMIT, before and after it took effect: each transfer is there once all the same.
with Cluster("--seed", "1", "--occ-rate", "0.05", "--fault", "close@commit:p=0.05") as c:
    out = preferred(c, 100)
    check(" 8 connections" not in out, "no connection was lost: " + out)
    equal(c.query("SELECT count(*), sum(cents) FROM account"), [["16", "1600000"]], "accounts")
    equal(c.query("SELECT count(*) FROM transfer"), [["100"]], "transfers")

# Everybody but admin works in a schema of their own.
with Cluster("--role", "teller") as c:
    c.query("CREATE SCHEMA myschema")
    c.query("GRANT ALL ON SCHEMA myschema TO teller")
    preferred(c, 20, CLUSTER_USER="teller")
    equal(c.query("SELECT schemaname FROM pg_tables WHERE tablename = 'transfer'"), [["myschema"]],
          "the schema of its tables")
