"""Runs the works: every peer's program is started, checked against the others and warmed up, then they take turns."""

import json
import os
import selectors
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

import peers
import works

START_S, ROUND_S = 60, 60  # how long a program may take before it is given up
CANNOT = 3
STARTED = time.monotonic()


class Failure(Exception):
    pass


@dataclass
class Plan:
    rounds: int
    seconds: float
    warm_up: float


FULL = Plan(rounds=7, seconds=0.4, warm_up=0.6)
QUICK = Plan(rounds=3, seconds=0.15, warm_up=0.15)


def say(text):
    print(f"peers: {time.monotonic() - STARTED:4.0f} s: {text}", file=sys.stderr, flush=True)


class Program:
    """One peer's process doing one work. Its errors go to a file: a pipe nobody reads could fill."""

    def __init__(self, peer, work, plan, server, log):
        command = peer.command + [work.name, str(plan.seconds), str(plan.warm_up), str(work.connections)]
        environment = os.environ | peer.environment | works.environment(work, server.port, server.ca)
        self.peer, self.log = peer, log
        with open(log, "w") as errors:
            self.process = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0
            )
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self.rest = b""

    def line(self, timeout_s):
        while b"\n" not in self.rest:
            if not self.selector.select(timeout_s):
                raise Failure(f"nothing came for {timeout_s} s")
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise Failure(self.last_words())
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def last_words(self):
        status = self.process.wait()
        with open(self.log) as f:
            lines = f.read().strip().splitlines()
        return "cannot do this work" if status == CANNOT else lines[-1][:200] if lines else f"exit status {status}"

    def round(self):
        try:
            self.process.stdin.write(b"go\n")
        except BrokenPipeError as error:
            raise Failure(self.last_words()) from error
        return self.line(ROUND_S)

    def end(self):
        self.selector.close()
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


@dataclass
class Figures:
    """Medians over the rounds."""

    queries_per_s: float
    rows_per_s: float
    cpu_us: float  # per query
    rss_kb: float
    p50_us: float
    p99_us: float


def figures_of(measured):
    def median(value):
        return statistics.median(value(r) for r in measured)

    return Figures(
        queries_per_s=median(lambda r: r["queries"] / r["seconds"]),
        rows_per_s=median(lambda r: r["rows"] / r["seconds"]),
        cpu_us=median(lambda r: r["cpu_s"] * 1e6 / r["queries"]),
        rss_kb=median(lambda r: r["rss_kb"]),
        p50_us=median(lambda r: r["p50_us"]),
        p99_us=median(lambda r: r["p99_us"]),
    )


class Contest:
    def __init__(self, plan, server, folder):
        self.plan, self.server, self.folder = plan, server, folder
        self.figures = {}  # work name -> peer name -> Figures
        self.versions = {}  # peer name -> version
        self.failures = []  # work name, peer name, why

    def start(self, work, contestants):
        programs, checks = [], {}
        for peer in contestants:
            program = Program(peer, work, self.plan, self.server, self.folder / "errors")
            try:
                ready = program.line(START_S)
            except Failure as failure:
                self.give_up(work, program, failure)
                continue
            programs.append(program)
            self.versions[peer.name] = ready["version"]
            if ready["check"] is not None:
                checks[peer.name] = ready["check"]
        if len(set(checks.values())) > 1:
            for program in programs:
                program.end()
            sys.exit(f"peers: {work.name}: the programs read different values: {checks}")
        return programs

    def give_up(self, work, program, why):
        say(f"{work.name}: {program.peer.name} failed: {why}")
        self.failures.append((work.name, program.peer.name, str(why)))
        program.end()

    def one_round(self, work, programs, measured, first):
        order = programs[first % len(programs) :] + programs[: first % len(programs)]
        for program in order:
            if work.between:
                self.server.run(work.between)
            try:
                measured.setdefault(program.peer.name, []).append(program.round())
            except Failure as failure:
                measured.pop(program.peer.name, None)
                self.give_up(work, program, failure)
                programs.remove(program)

    def measure(self, work, contestants):
        say(work.name)
        self.server.run(works.TABLES, work.setup, "GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC")
        programs = self.start(work, [p for p in contestants if p.does(work)])
        measured = {}
        for i in range(self.plan.rounds):
            self.one_round(work, programs, measured, i)
        for program in programs:
            program.end()
        if work.kind == "transfer" and self.server.value("SELECT sum(balance) FROM accounts") != str(works.BALANCES):
            sys.exit("peers: transfer: money was made or lost")
        self.figures[work.name] = {name: figures_of(rounds) for name, rounds in measured.items()}


def contest(plan, contestants, server, folder, chosen):
    c = Contest(plan, server, folder)
    for work in works.ALL:
        if chosen(work):
            c.measure(work, contestants)
    return c


__all__ = ["FULL", "QUICK", "Contest", "Failure", "Figures", "contest", "peers", "say"]
