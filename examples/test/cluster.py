"""What the examples' tests share: an endpoint like a cluster, by `dsql local`, and programs that are run against it.

A test is called as TEST.py BUILD_DIR, and uses nothing but Python's own library."""
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(sys.argv[1])
DSQL = os.path.join(BUILD, "dsql")


def pg_bin():
    return subprocess.run([os.path.join(ROOT, "scripts/pg"), "bin", "18"], capture_output=True, text=True,
                          check=True).stdout.strip()


def plain_environment():
    """Without what would lead a program elsewhere."""
    return {k: v for k, v in os.environ.items()
            if not k.startswith(("AWS_", "PG", "CLUSTER_", "DSQL_TARGET", "DSQL_LOCAL")) and k != "REGION"}


class Cluster:
    """with Cluster("--fault", ...) as c: c.run("transfer", 1, 2, 250)"""

    def __init__(self, *options):
        self.options = options

    def __enter__(self):
        out = subprocess.run([DSQL, "local", "--pg-bin", pg_bin(), "--print-env", *self.options], capture_output=True,
                             text=True, env=plain_environment(), timeout=90)
        check(out.returncode == 0, "dsql local: " + out.stderr)
        self.env = plain_environment()
        for line in out.stdout.splitlines():
            if line.startswith("export "):
                name, value = line[7:].split("=", 1)
                self.env[name] = value.strip("'")
        return self

    def __exit__(self, *exc):
        subprocess.run([DSQL, "local", "--stop"], env=self.env, check=True, timeout=60)

    def start(self, example, *args, **env):
        return subprocess.Popen([os.path.join(BUILD, "examples", example), *map(str, args)], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**self.env, **env})

    def run(self, example, *args, **env):
        """-> exit code, standard output, standard error"""
        process = self.start(example, *args, **env)
        try:
            out, err = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return process.returncode, out, err

    def query(self, sql, **env):
        """-> rows of text, as admin unless CLUSTER_USER is given. Faults that are left to chance hit it as well: then it
        is asked again, so give it what may be done twice."""
        chance = any(o == "--occ-rate" or "p=" in o for o in self.options)
        for again in reversed(range(20 if chance else 1)):
            out = subprocess.run([DSQL, "query", self.env["DSQL_TARGET"], "-c", sql, "--format", "csv"], text=True,
                                 capture_output=True, env={**self.env, **env}, timeout=60)
            if out.returncode == 0:
                break
            check(again, sql + ": " + out.stderr)
        return [line.split(",") for line in out.stdout.splitlines()[1:]]


class Server:
    """An example that listens: with Server(cluster, "http_server") as port: ... It must end well, when it is told to."""

    def __init__(self, cluster, example):
        self.process = cluster.start(example, 0)

    def __enter__(self):
        line = self.process.stdout.readline()
        if "listening on " not in line:
            self.process.kill()
            raise AssertionError("not listening: " + line + self.process.stderr.read())
        self.port = int(line.rsplit(":", 1)[1])
        return self

    def __exit__(self, kind, *rest):
        self.process.terminate()
        out, self.err = self.process.communicate(timeout=30)
        if kind is None:
            equal(self.process.returncode, 0, "exit code; " + self.err)

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def equal(got, expected, what=""):
    if got != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {got!r}")


def within(got, text, what=""):
    if text not in got:
        raise AssertionError(f"{what}: expected {text!r} in {got!r}")


def wait_for(condition, what, seconds=20):
    end = time.time() + seconds
    while not condition():
        check(time.time() < end, what)
        time.sleep(0.02)
