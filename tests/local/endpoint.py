"""An instance of `dsql local` for tests, tokens signed by other code than the library's, and a client that does as it
is told. Standard library only."""
import functools
import hashlib
import hmac
import os
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@functools.lru_cache(None)
def pg_bin(version):
    """The programs of PostgreSQL `version` where the server's user can reach them; None when they are not installed."""
    done = subprocess.run([f"{ROOT}/scripts/pg", "bin", version], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


class Instance:
    def __init__(self, dsql, *options, version="18", env=None, wait=True, data=None, user=None):
        self.dir = tempfile.mkdtemp(prefix="dsql-local-test-")
        self.ready_file = self.dir + "/ready"
        as_user = {}
        if user:
            os.chown(self.dir, user.pw_uid, user.pw_gid)
            as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self.log = open(self.dir + "/stderr", "w+")
        command = [dsql, "local", "--pg-bin", pg_bin(version), "--ready-file", self.ready_file, *options]
        if data:
            command += ["--data", data]
        self.process = subprocess.Popen(command, stdout=open(self.dir + "/stdout", "w"), stderr=self.log,
                                        env=env, start_new_session=True, **as_user)
        self.env = {}
        if wait:
            self.wait_ready()

    def wait_ready(self, timeout=60):
        end = time.time() + timeout
        while not os.path.exists(self.ready_file):
            if self.process.poll() is not None or time.time() > end:
                raise AssertionError("dsql local did not get ready: " + self.stderr())
            time.sleep(0.02)
        for line in open(self.ready_file):
            if line.startswith("export "):
                name, value = line[7:].rstrip("\n").split("=", 1)
                self.env[name] = value[1:-1]
        self.host = self.env["DSQL_LOCAL_HOST"]
        self.port = int(self.env["DSQL_LOCAL_PORT"])
        self.ca = self.env["DSQL_LOCAL_CA"]
        self.data_dir = os.path.dirname(self.ca)

    def stderr(self):
        self.log.flush()
        return open(self.dir + "/stderr").read()

    def rss_kib(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0

    def children(self):
        """Process ids of everything that still works in the instance's directories."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                command = open(f"/proc/{pid}/cmdline").read()
            except OSError:
                continue
            if self.data_dir in command and "-D" in command.split("\0"):
                found.append(int(pid))
        return found

    def token(self, **changes):
        return sign(self.env, **changes)

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(30)
        text = self.stderr()
        self.log.close()
        if "Sanitizer" in text or "runtime error:" in text:
            raise AssertionError(text)
        subprocess.run(["rm", "-rf", self.dir], check=True)
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        assert self.stop() == 0, "exit code"


# ---- tokens ----


def sign(env, user="admin", host=None, region=None, action=None, expires=900, at=None, key=None, secret=None,
         session_token=None, sign_region=None, algorithm="AWS4-HMAC-SHA256", extra=()):
    """A presigned URL without its scheme, from AWS's description of Signature Version 4."""
    host = host or env["DSQL_LOCAL_HOST"]
    region = region or env["AWS_REGION"]
    when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() if at is None else at))
    action = action or ("DbConnectAdmin" if user == "admin" else "DbConnect")
    scope = f"{when[:8]}/{region}/dsql/aws4_request"
    query = [("Action", action), ("X-Amz-Algorithm", algorithm),
             ("X-Amz-Credential", f"{key or env['AWS_ACCESS_KEY_ID']}/{scope}"), ("X-Amz-Date", when),
             ("X-Amz-Expires", str(expires)), ("X-Amz-SignedHeaders", "host"), *extra]
    token = env.get("AWS_SESSION_TOKEN") if session_token is None else session_token
    if token:
        query.append(("X-Amz-Security-Token", token))
    quote = lambda s: urllib.parse.quote(s, safe="-_.~")
    canonical = "&".join(f"{quote(n)}={quote(v)}" for n, v in sorted(query))
    empty = hashlib.sha256(b"").hexdigest()
    request = f"GET\n/\n{canonical}\nhost:{host}\n\nhost\n{empty}"
    to_sign = f"AWS4-HMAC-SHA256\n{when}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    k = ("AWS4" + (secret or env["AWS_SECRET_ACCESS_KEY"])).encode()
    for part in (when[:8], sign_region or region, "dsql", "aws4_request"):
        k = hmac.new(k, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(k, to_sign.encode(), hashlib.sha256).hexdigest()
    return f"{host}/?{canonical}&X-Amz-Signature={signature}"


# ---- a client ----


class Refused(Exception):
    """An ErrorResponse; fields by their letters."""

    def __init__(self, fields):
        super().__init__(fields.get("M"))
        self.fields = fields


class Closed(Exception):
    """The socket ended without an ErrorResponse."""


def message(kind, body):
    return kind.encode() + struct.pack("!I", len(body) + 4) + body


def startup_message(parameters, version=196608):
    body = struct.pack("!I", version)
    for name, value in parameters.items():
        body += name.encode() + b"\0" + value.encode() + b"\0"
    body += b"\0"
    return struct.pack("!I", len(body) + 4) + body


class Client:
    """One connection. tls: 'direct', 'request' or None; sni and alpn None: none is sent."""

    def __init__(self, instance, tls="direct", sni="", alpn="postgresql", address="127.0.0.1", verify=True,
                 version=None):
        self.instance = instance
        self.parameters, self.notices, self.key = {}, [], None
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.settimeout(30)
        self.socket.connect((address, instance.port))
        if tls == "request":
            self.socket.sendall(struct.pack("!II", 8, 80877103))
            assert self.socket.recv(1) == b"S"
        if tls:
            self.socket = self.context(alpn, verify and sni == "", version).wrap_socket(
                self.socket, server_hostname=instance.host if sni == "" else sni)

    def context(self, alpn, verify, version):
        context = ssl.create_default_context(cafile=self.instance.ca)
        if not verify:
            context.check_hostname = False
        if alpn:
            context.set_alpn_protocols([alpn])
        if version:
            context.maximum_version = version
        return context

    def read(self, n):
        data = b""
        while len(data) < n:
            try:
                chunk = self.socket.recv(n - len(data))
            except (ssl.SSLEOFError, ssl.SSLError, ConnectionError) as e:
                raise Closed(str(e)) from e
            if not chunk:
                raise Closed("EOF")
            data += chunk
        return data

    def message(self):
        kind, length = struct.unpack("!cI", self.read(5))
        return kind.decode(), self.read(length - 4)

    def send(self, data):
        self.socket.sendall(data)

    @staticmethod
    def fields(body):
        return {part[:1].decode(): part[1:].decode() for part in body.split(b"\0") if part}

    def start(self, user="admin", database="postgres", version=196608, **parameters):
        self.send(startup_message({"user": user, "database": database, **parameters}, version))

    def login(self, token=None, user="admin", **parameters):
        """Up to ReadyForQuery. Returns the types of the messages that came."""
        self.start(user=user, **parameters)
        return self.finish_login(self.instance.token(user=user) if token is None else token)

    def finish_login(self, token):
        seen = ""
        while True:
            kind, body = self.message()
            seen += kind
            if kind == "E":
                raise Refused(self.fields(body))
            if kind == "R" and struct.unpack("!I", body[:4])[0] == 3:
                self.send(message("p", token.encode() + b"\0"))
            elif kind == "S":
                name, value = body.split(b"\0")[:2]
                self.parameters[name.decode()] = value.decode()
            elif kind == "K":
                self.key = body
            elif kind == "v":
                self.negotiated = body
            elif kind == "Z":
                return seen

    def query(self, sql):
        """One simple Query: its rows, texts. The first error is raised when all is read."""
        self.send(message("Q", sql.encode() + b"\0"))
        return self.results()

    def results(self):
        rows, error, self.tags = [], None, []
        while True:
            kind, body = self.message()
            if kind == "E":
                error = error or Refused(self.fields(body))
                if error.fields["S"] == "FATAL":
                    raise error
            elif kind == "D":
                rows.append(self.row(body))
            elif kind == "C":
                self.tags.append(body[:-1].decode())
            elif kind == "Z":
                self.status = body.decode()
                if error:
                    raise error
                return rows

    @staticmethod
    def row(body):
        values, at = [], 2
        for _ in range(struct.unpack("!H", body[:2])[0]):
            length = struct.unpack("!i", body[at:at + 4])[0]
            at += 4
            values.append(None if length < 0 else body[at:at + length].decode())
            at += max(length, 0)
        return tuple(values)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
