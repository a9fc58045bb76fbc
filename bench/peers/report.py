"""bench/RESULTS.md: the targets, then what every peer did. Nothing of it is written by hand; the targets and the sentence
on each that is missed are in ../targets.toml."""

import datetime
import math
import os
import platform
import re
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

import peers
import works

TARGETS = Path(__file__).resolve().parent.parent / "targets.toml"
UNKNOWN = "not measured yet"


def geometric_mean(values):
    return math.exp(sum(math.log(v) for v in values) / len(values)) if values else None


def number(v, digits=3):
    """Three significant digits, no exponent."""
    if v is None:
        return "-"
    if v >= 1000:
        return f"{v:,.0f}"
    return f"{v:.{max(0, digits - 1 - (math.floor(math.log10(v)) if v > 0 else 0))}f}"


def table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1)] + rows
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


# ---- figures ----


@dataclass
class Results:
    contest: object
    names: list  # of all peers, in their order
    missing: dict  # name -> why
    server: str
    plan: object

    def get(self, work, name, field):
        figures = self.contest.figures.get(work, {}).get(name)
        return getattr(figures, field) if figures else None

    def ratio(self, work, name, field, modes=(peers.OURS,)):
        """Ours, in the better of these modes, to theirs."""
        ours, theirs = [v for n in modes if (v := self.get(work, n, field))], self.get(work, name, field)
        return max(ours) / theirs if ours and theirs else None

    def present(self):
        return [n for n in self.names if n not in self.missing]

    def others(self, libpq):
        ours = (peers.OURS, peers.OURS_LOOPS, peers.FLOOR)
        return [n for n in self.present() if n not in ours and n.startswith(peers.LIBPQ) == libpq]

    def ratios(self, set_of_works, names, field, modes=(peers.OURS,)):
        """One list per work: ours to each of these."""
        found = [[r for n in names if (r := self.ratio(w.name, n, field, modes))] for w in set_of_works]
        return [rs for rs in found if rs]

    # ---- tables ----

    def rows(self, cell):
        rows = []
        for w in works.ALL:
            if w.name in self.contest.figures:
                rows.append([w.name] + [cell(w.name, n) for n in self.present()])
        return rows

    def values_table(self, field, scale=1):
        def cell(work, name):
            v = self.get(work, name, field)
            return number(v * scale) if v is not None else "-"

        return table(["work"] + self.present(), self.rows(cell))

    def ratios_table(self, field):
        rows = self.rows(lambda work, name: number(self.ratio(work, name, field)))
        means = []
        for name in self.present():
            means.append(number(geometric_mean([r[0] for r in self.ratios(works.ALL, [name], field)])))
        return table(["ours / theirs"] + self.present(), rows + [["**geometric mean**"] + means])

    def tables(self):
        return "\n\n".join(
            [
                "### Queries (connects, transfers, batches) per second",
                self.values_table("queries_per_s"),
                "### Throughput, libdsql to each: more is better",
                self.ratios_table("queries_per_s"),
                "### Client CPU in microseconds per query, user and system, all threads",
                self.values_table("cpu_us"),
                "### Client CPU, libdsql to each: less is better",
                self.ratios_table("cpu_us"),
                "### Latency in microseconds, median",
                self.values_table("p50_us"),
                "### Latency in microseconds, 99th percentile",
                self.values_table("p99_us"),
                "### Resident memory of the client process in MiB",
                self.values_table("rss_kb", 1 / 1024),
            ]
        )


# ---- targets ----


def figure_table(results, bench):
    """Everything that a target may name."""
    figures = {f"{key}.{part}": v for key, parts in bench.items() for part, v in parts.items()}
    grouped, each = figures.get("queries_per_s_grouped.ours"), figures.get("queries_per_s_sync_each.ours")
    if grouped and each:
        figures["grouped_to_sync_each"] = grouped / each
    others = results.others(True) + results.others(False)
    one, either = (peers.OURS,), (peers.OURS, peers.OURS_LOOPS)
    for name, field, names, best, modes in (
        ("throughput_to_best_peer", "queries_per_s", others, min, either),
        ("throughput_to_floor", "queries_per_s", [peers.FLOOR], min, one),
        ("cpu_to_libpq", "cpu_us", results.others(True), max, one),
        ("cpu_to_best_other_peer", "cpu_us", results.others(False), max, one),
    ):
        ratios = results.ratios(works.PGBENCH, names, field, modes)
        if ratios:
            figures[name] = best(best(rs) for rs in ratios)
    figures["connect_cpu_to_floor"] = results.ratio("connect-direct", peers.FLOOR, "cpu_us")
    return figures


def judged(target, figures):
    """Whether it is met: True, False, or None when it was not measured; and the measured text."""
    values = [figures.get(key) for key in target.get("figures", [])]
    if not values or None in values:
        return None, UNKNOWN
    text = target.get("format", " ".join(["{}"] * len(values))).format(*[number(float(v)) for v in values])
    met = all(
        float(v) <= limit if target.get("is", "max") == "max" else float(v) >= limit
        for v, limit in zip(values, target["limits"], strict=True)
    )
    return met, text


def targets_part(figures):
    rows, sentences = [], []
    for target in tomllib.loads(TARGETS.read_text())["target"]:
        met, text = judged(target, figures)
        rows.append([target["work"], target["target"], text, {True: "yes", False: "**no**", None: "-"}[met]])
        if not met:
            sentences.append(f"- {target['work']}: {target.get('missed', text + '.')}")
    part = table(["work", "target (ours / peer)", "measured", "met"], rows)
    return part + ("\n\nThe rows that are not met:\n\n" + "\n".join(sentences) if sentences else "")


# ---- the machine ----


def output(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=peers.ROOT, check=False)
    except OSError:
        return ""
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else ""


def machine():
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text()).group(1)) / 1048576
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    name = cpu.group(1) if cpu else platform.machine()
    return f"{os.cpu_count()} x {name}, {memory:.0f} GiB, {system}, Linux {platform.release()}"


def versions(results):
    found = [f"PostgreSQL {results.server} (server)"]
    seen = {}
    for name in results.present():
        short = name.split()[0] if name.startswith((peers.LIBPQ, peers.OURS)) else name
        seen[short] = results.contest.versions.get(name, "?")
    found += [f"{name} {version}" for name, version in seen.items()]
    tools = (
        output("gcc", "--version"),
        f"Python {platform.python_version()}",
        "Node " + output("node", "--version"),
        output("go", "version"),
        output("rustc", "--version"),
    )
    found += [t for t in tools if t]
    revision = output("git", "rev-parse", "--short", "HEAD")
    changed = " with changes" if output("git", "status", "--porcelain", "-uno") else ""
    return ", ".join(found) + (f"; revision {revision}{changed}" if revision else "")


def whole(results, bench, quick, load):
    command = "scripts/bench --peers" + (" --quick" if quick else "")
    plan = results.plan
    missing = "".join(f"- skipped: {name}: {why}\n" for name, why in results.missing.items())
    failed = "".join(f"- failed: {name} in {work}: {why}\n" for work, name, why in results.contest.failures)
    today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return f"""# Results

Written by `{command}`; not edited by hand.

- date: {today}
- machine: {machine()}; load average when it began: {load:.2f}
- versions: {versions(results)}
- rounds: {plan.rounds} of {plan.seconds:g} s, after {plan.warm_up:g} s of warm-up; the programs take turns
{missing}{failed}
## Targets

{targets_part(figure_table(results, bench))}

## Peers

Same server, same machine, same works (`bench/peers/works.py`), ten connections in the pgbench works and the transfer, one
in the others. Everybody decodes every field to a native value, and all agree on their sum. Everybody uses prepared
statements, binary results where it has them, and the fewest round trips that its interface allows. The floor sends bytes
that were encoded before, counts the bytes of the answers, and decodes nothing; in connects it is a bare OpenSSL handshake
with one shared context. libdsql works in one event loop, on one thread; "libdsql loops" has one for each processor, and its
connections are shared out among them. libpq has a thread for each connection; libpq 18 comes with the OpenSSL 1.1 that its
package bundles. Where a mode of libpq does not differ from sync it is left out.

{results.tables()}
"""
