"""Who takes part: how each peer is installed below .deps/peers, and how it is started."""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
INSTALLED = ROOT / ".deps" / "peers"
BUILD = ROOT / "build" / "release" / "bench" / "peers"
LIBPQ = "libpq"
OURS = "libdsql"
OURS_LOOPS = "libdsql loops"
FLOOR = "floor"
NO_COPY = ("query", "batch", "connect", "transfer")


@dataclass(frozen=True)
class Peer:
    name: str
    command: list
    package: str = ""  # what has to be installed; "": built by CMake
    environment: dict = field(default_factory=dict)
    kinds: tuple = ("query", "batch", "connect", "transfer", "copy")
    connections_min: int = 1

    def does(self, work):
        return work.kind in self.kinds and work.connections >= self.connections_min


# ---- packages ----


def tool(name):
    path = shutil.which(name)
    if not path:
        raise FileNotFoundError(f"{name} is not installed here")
    return path


def execute(*command, folder, **environment):
    done = subprocess.run(command, cwd=folder, env=os.environ | environment, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        raise RuntimeError(f"{Path(command[0]).name} failed: {lines[-1][:200]}")


def install_python(source, target):
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--target", str(target)]
    execute(*pip, "-r", "requirements.txt", folder=source)


def install_node(source, target):
    npm = tool("npm")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(source / name, target)
    execute(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", folder=target)


def install_pgx(source, target):
    execute(tool("go"), "build", "-trimpath", "-mod=readonly", "-o", str(target), ".", folder=source)


def install_tokio(source, target):
    build = INSTALLED / "cargo"
    execute(tool("cargo"), "build", "--release", "--locked", "--quiet", folder=source, CARGO_TARGET_DIR=str(build))
    shutil.copy(build / "release" / "peer_tokio", target)


PACKAGES = {"python": install_python, "node": install_node, "pgx": install_pgx, "tokio": install_tokio}
COMPILED = ("pgx", "tokio")


def fingerprint(package):
    """Of what the installed thing was made from: lock files and, where it was compiled, sources."""
    names = {"python": ["requirements.txt"], "node": ["package.json", "package-lock.json"]}.get(package)
    folder = HERE / package
    files = [folder / n for n in names] if names else sorted(f for f in folder.rglob("*") if f.is_file())
    digest = hashlib.sha256()
    for f in files:
        digest.update(str(f.relative_to(folder)).encode() + b"\0" + f.read_bytes())
    return digest.hexdigest()


def install(package):
    target, mark = INSTALLED / package, INSTALLED / f"{package}.version"
    if mark.exists() and mark.read_text() == fingerprint(package):
        return
    print(f"peers: installing {package}", flush=True)
    mark.unlink(missing_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    why = INSTALLED / f"{package}.why"
    try:
        PACKAGES[package](HERE / package, target)
    except (OSError, RuntimeError) as error:
        why.write_text(str(error))
        print(f"peers: {package} is left out: {error}", flush=True)
        return
    why.unlink(missing_ok=True)
    mark.write_text(fingerprint(package))


def install_all():
    for package in PACKAGES:
        install(package)


# ---- peers ----


def libpq_environment(link_folder):
    """LD_LIBRARY_PATH for PostgreSQL 18's libpq, which the npm package holds under its full name only."""
    libraries = sorted((ROOT / ".deps" / "pg" / "18" / "lib").glob("libpq.so.5.*"))
    if not libraries:
        sys.exit("peers: PostgreSQL 18 is missing: run scripts/deps")
    link_folder.mkdir()
    (link_folder / "libpq.so.5").symlink_to(libraries[0])
    return {"LD_LIBRARY_PATH": f"{link_folder}:{libraries[0].parent}"}


def peers(folder):
    libpq = libpq_environment(folder / "libpq18")
    loops = max(2, len(os.sched_getaffinity(0)))
    python = {"PYTHONPATH": f"{INSTALLED / 'python'}:{HERE / 'python'}", "PYTHONDONTWRITEBYTECODE": "1"}
    node = {"NODE_PATH": str(INSTALLED / "node" / "node_modules")}

    def c_libpq(mode, *kinds):
        kinds = kinds or ("query", "batch", "connect", "transfer", "copy")
        return Peer(f"{LIBPQ} {mode}", [str(BUILD / "peer_libpq"), mode], environment=libpq, kinds=kinds)

    return [
        Peer(FLOOR, [str(BUILD / "peer_floor")]),
        Peer(OURS, [str(BUILD / "peer_dsql"), "1"]),
        Peer(OURS_LOOPS, [str(BUILD / "peer_dsql"), str(loops)], connections_min=loops),
        c_libpq("sync"),
        c_libpq("pipeline", "query", "batch", "transfer"),
        c_libpq("single", "query"),
        c_libpq("chunked", "query"),
        Peer("asyncpg", [sys.executable, str(HERE / "python" / "peer_asyncpg.py")], "python", python),
        Peer("psycopg 3", [sys.executable, str(HERE / "python" / "peer_psycopg.py")], "python", python),
        Peer("pgx", [str(INSTALLED / "pgx" / "peer_pgx")], "pgx"),
        Peer("tokio-postgres", [str(INSTALLED / "tokio" / "peer_tokio")], "tokio", kinds=NO_COPY),
        Peer("node-postgres", ["node", str(HERE / "node" / "peer_node_postgres.js")], "node", node, NO_COPY),
        Peer("postgres.js", ["node", str(HERE / "node" / "peer_postgres_js.js")], "node", node, NO_COPY),
    ]


def missing(peer):
    """Why this peer cannot take part; "" when it can."""
    if not peer.package:
        return "" if Path(peer.command[0]).exists() else "libpq-dev is missing: run scripts/deps"
    mark, why = INSTALLED / f"{peer.package}.version", INSTALLED / f"{peer.package}.why"
    if mark.exists() and mark.read_text() == fingerprint(peer.package):
        return ""
    if why.exists():
        return why.read_text()
    return "installed from other sources: run scripts/deps --with-peers" if mark.exists() else (
        "not installed: run scripts/deps --with-peers"
    )
