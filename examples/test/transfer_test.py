"""src/transfer.c: done, refused, wrongly called, and in doubt."""
from cluster import Cluster, equal, within


def transfer(c, code, text, *args):
    got, out, err = c.run("transfer", *args)
    equal(got, code, f"exit code of transfer {args}; {out}{err}")
    within(out if code == 0 else err, text, f"transfer {args}")


with Cluster("--occ-rate", "0.1", "--seed", "5") as c:
    transfer(c, 0, "done: 99750 cents are left", 1, 2, 250)
    transfer(c, 0, "done: 0 cents are left", 2, 1, 100250)
    transfer(c, 1, "not done: not enough money", 2, 1, 1)
    transfer(c, 1, "not done: no such account", 1, 99, 1)
    transfer(c, 2, "CENTS must be a positive number", 1, 2, -5)
    transfer(c, 2, "the accounts must be two", 1, 1, 5)
    transfer(c, 2, "usage: transfer FROM TO CENTS", 1)
    equal(c.query("SELECT cents FROM account WHERE id IN (1, 2) ORDER BY id"), [["200000"], ["0"]], "accounts")

# Its COMMIT is the fourth of all, behind those of the tables and the accounts.
with Cluster("--fault", "close@commit:after:skip=3") as c:
    transfer(c, 1, "nobody can tell whether it was done: ", 1, 2, 250)
    equal(c.query("SELECT cents FROM account WHERE id = 1"), [["99750"]], "it was done")
with Cluster("--fault", "close@commit:before:skip=3") as c:
    transfer(c, 1, "nobody can tell whether it was done: ", 1, 2, 250)
    equal(c.query("SELECT cents FROM account WHERE id = 1"), [["100000"]], "it was not done")
