"""A token that was signed by hand is let in; a key that is wrong or missing is told."""
from cluster import Cluster, equal, within

EXAMPLE = "example_with_no_connector"

with Cluster("--role", "teller") as c:
    c.query("CREATE SCHEMA myschema")
    c.query("GRANT ALL ON SCHEMA myschema TO teller")
    for user in ("admin", "teller"):
        code, out, err = c.run(EXAMPLE, CLUSTER_USER=user)
        equal((code, out), (0, f"connected as {user}: 41 + 1 = 42\n"), err)
    code, out, err = c.run(EXAMPLE, AWS_SECRET_ACCESS_KEY="wrong")
    equal((code, out), (1, ""), "with a wrong key")
    within(err, "access denied", "with a wrong key")
    code, out, err = c.run(EXAMPLE, AWS_ACCESS_KEY_ID="")
    equal((code, out), (1, ""), "without a key")
    equal(err, "set AWS_ACCESS_KEY_ID\n", "without a key")
