"""src/http_server.c: the routes, keep-alive and pipelining, what is refused, and doubt."""
import json
import socket
import uuid

import exposition
from cluster import Cluster, Server, check, equal


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def answer(self):
        """-> status, headers, JSON or text"""
        line = self.file.readline().decode()
        check(line.startswith("HTTP/1.1 "), f"not a status line: {line!r}")
        headers = {}
        while True:
            field = self.file.readline().decode()
            check(field.endswith("\r\n"), f"a header line: {field!r}")
            if field == "\r\n":
                break
            name, value = field.split(":", 1)
            headers[name.lower()] = value.strip()
        body = self.file.read(int(headers["content-length"]))
        is_json = headers["content-type"] == "application/json"
        return int(line.split()[1]), headers, json.loads(body) if is_json else body.decode()

    def get(self, path):
        self.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
        return self.answer()

    def post(self, body, path="/transfers"):
        text = body if isinstance(body, str) else json.dumps(body)
        self.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(text)}\r\n\r\n{text}")
        return self.answer()

    def is_closed(self):
        return self.file.read(1) == b""


def routes(c, s):
    client = Client(s.port)
    status, headers, accounts = client.get("/accounts")
    equal((status, len(accounts), accounts[0]), (200, 16, {"id": 1, "cents": 100000}), "accounts")
    equal(client.get("/accounts?after=14")[2], [{"id": 15, "cents": 100000}, {"id": 16, "cents": 100000}], "a page")
    equal(client.get("/accounts?after=16")[2], [], "no further page")
    equal(client.get("/accounts?before=16")[0], 400, "another query")
    equal(client.get("/accounts/7")[::2], (200, {"id": 7, "cents": 100000}), "an account")
    equal(client.get("/accounts/77")[0], 404, "no account")
    equal(client.get("/accounts/9223372036854775808")[0], 400, "not a number of ours")
    equal(client.get("/")[0], 404, "no page")

    order = {"from": 1, "to": 2, "cents": 250}
    status, headers, made = client.post(order)
    equal((status, made["state"]), (201, "done"), "a transfer")
    equal(headers["location"], "/transfers/" + made["id"], "where it is")
    equal(client.get("/accounts/1")[2]["cents"], 99750, "the payer")
    equal(client.get("/accounts/2")[2]["cents"], 100250, "the payee")
    equal(client.get(headers["location"])[::2], (200, made), "the transfer")
    equal(client.post({**order, "id": made["id"]})[::2], (200, made), "the same again")
    equal(client.get("/accounts/1")[2]["cents"], 99750, "the payer pays once")
    equal(client.post({**order, "cents": 251, "id": made["id"]})[0], 409, "another one of the same id")
    own = str(uuid.uuid4())
    equal(client.post({**order, "id": own})[::2], (201, {**order, "id": own, "state": "done"}), "with an id")
    equal(client.get("/transfers/" + str(uuid.uuid4()))[0], 404, "no transfer")
    equal(client.get("/transfers/1")[0], 400, "not an id")
    equal(client.post({**order, "cents": 10 ** 9})[::2], (422, {"error": "not enough money"}), "too much")
    equal(client.post({**order, "to": 99})[::2], (422, {"error": "no such account"}), "nobody")
    for body in ("", "{}", "[]", "{", '{"from":1,"to":2}', '{"from":1,"to":2,"cents":0}', '{"from":1,"to":1,"cents":5}',
                 '{"from":1,"to":2,"cents":1.5}', '{"from":1,"to":2,"cents":5,"cents":6}', '{"from":1,"to":2,"cents":5}x',
                 '{"from":1,"to":2,"cents":5,"id":"no"}', '{"from":1,"to":2,"cents":5,"note":"hello"}'):
        equal(client.post(body)[0], 400, "the body " + body)
    status, headers, _ = client.post(order, "/accounts")
    equal((status, headers["allow"]), (405, "GET"), "a POST of accounts")
    status, headers, _ = client.get("/transfers")
    equal((status, headers["allow"]), (405, "POST"), "a GET of transfers")
    equal(c.query("SELECT count(*) FROM transfer"), [["2"]], "transfers")


def pipelining(s):
    # Answers come in the order of the requests, whatever each of them takes; more of them than the buffer holds.
    client = Client(s.port)
    body = '{"from":3,"to":4,"cents":1}'
    order = f"POST /transfers HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    get, none = "GET /accounts/4 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
    client.send((order + none + get) * 100)
    client.socket.shutdown(socket.SHUT_WR)
    for i in range(100):
        equal(client.answer()[0], 201, "a transfer of many")
        equal(client.answer()[0], 404, "a page of many")
        equal(client.answer()[2], {"id": 4, "cents": 100001 + i}, "an account of many")
    check(client.is_closed(), "it is not closed behind the last answer")

    client = Client(s.port)
    for byte in get:
        client.send(byte)
    equal(client.answer()[0], 200, "byte by byte")
    client.send("GET /accounts/4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + get)
    status, headers, _ = client.answer()
    equal((status, headers["connection"]), (200, "close"), "close, as asked")
    check(client.is_closed(), "what follows a close is not answered")
    client = Client(s.port)
    client.send("GET /accounts/4 HTTP/1.0\r\n\r\n")
    equal(client.answer()[1].get("connection"), "close", "HTTP/1.0")
    check(client.is_closed(), "HTTP/1.0 is closed")


def metrics(s):
    def look():
        status, headers, text = client.get("/metrics")
        equal((status, headers["content-type"]), (200, "text/plain; version=0.0.4; charset=utf-8"), "metrics")
        return exposition.read(text)

    client = Client(s.port)
    pool = ("db_client_connection_pool_name", "bank")
    counters = {("dsql_pool_acquires_total", (pool,)): 15, ("dsql_transaction_commits_total", (pool,)): 5,
                ("db_client_connection_wait_time_seconds_count", (pool,)): 15,
                ("dsql_spans_total", (("kind", "acquire"),)): 15}
    before = look()
    for _ in range(10):
        equal(client.get("/accounts/7")[0], 200, "an account")
    for _ in range(5):
        equal(client.post({"from": 5, "to": 6, "cents": 1})[0], 201, "a transfer")
    after = look()
    for key, least in counters.items():
        moved = after[key] - before[key]
        retried = after["dsql_transaction_retries_total", (pool,)] - before["dsql_transaction_retries_total", (pool,)]
        check(least <= moved <= least + retried, f"{key} has moved by {moved}, and {retried} attempts were made again")
    for key, value in before.items():
        check("_total" not in key[0] or after[key] >= value, f"{key} goes back")
    calls = "db_client_operation_duration_seconds_count", (("db_system_name", "postgresql"),)
    check(after[calls] - before[calls] >= 10 + 5 * 4, "calls: each transfer has BEGIN, COMMIT and four statements")
    check(after["dsql_token_signings_total", (pool,)] >= 1, "a token was signed")
    check(0 < after["dsql_token_expires_in_seconds", (pool,)] <= 900, "it expires")
    status, headers, _ = client.post({}, "/metrics")
    equal((status, headers["allow"]), (405, "GET"), "a POST of metrics")


def refused(s):
    head = "POST /transfers HTTP/1.1\r\nHost: x\r\n"
    for status, request in (
            (400, "GET /accounts HTTP/1.1\r\n\r\n"), (400, "GET /accounts\r\n\r\n"), (400, "\r\n\r\n"),
            (400, "GET /accounts HTTP/1.1\nHost: x\r\n\r\n"), (400, "GET accounts HTTP/1.1\r\nHost: x\r\n\r\n"),
            (400, head + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n{"), (400, head + "Content-Length: -1\r\n\r\n"),
            (400, head + "Content-Length : 1\r\n\r\n"), (400, head + "A: b\r\n c\r\n\r\n"),
            (400, head + "Host: y\r\n\r\n"), (501, head + "Transfer-Encoding: chunked\r\n\r\n"),
            (417, head + "Expect: 100-continue\r\n\r\n"), (505, "GET / HTTP/2.0\r\nHost: x\r\n\r\n"),
            (413, head + "Content-Length: 1025\r\n\r\n" + "x" * 1025), (413, head + "Content-Length: 99999999\r\n\r\n"),
            (431, "GET /" + "x" * 100000), (431, head + "A: b\r\n" * 20000)):
        client = Client(s.port)
        try:
            client.send(request)
        except (BrokenPipeError, ConnectionResetError):
            pass
        got, headers, _ = client.answer()
        equal((got, headers["connection"]), (status, "close"), f"the answer to {request[:80]!r}")
        check(client.is_closed(), "it is closed in order, not reset: an answer could be lost by that")


with Cluster("--occ-rate", "0.05", "--seed", "3") as c, Server(c, "http_server") as s:
    routes(c, s)
    pipelining(s)
    metrics(s)
    refused(s)
    idle = [Client(s.port) for _ in range(100)]
    half = Client(s.port)
    half.send("POST /transfers HT")  # open when the server is told to stop

# From the first transfer on every COMMIT is lost behind its effect, until the library gives up.
with Cluster("--fault", "close@commit:after:skip=3:count=11") as c, Server(c, "http_server") as s:
    client = Client(s.port)
    order = {"from": 1, "to": 2, "cents": 250, "id": str(uuid.uuid4())}
    status, headers, body = client.post(order)
    equal((status, body), (202, {**order, "state": "unknown"}), "in doubt")
    equal(client.get(headers["location"])[::2], (200, {**order, "state": "done"}), "asked again")
    equal(client.post(order)[::2], (200, {**order, "state": "done"}), "sent again")
    equal(client.get("/accounts/1")[2]["cents"], 99750, "the payer pays once")

# The first of its commits is lost without effect: the library tries again by itself.
with Cluster("--fault", "close@commit:before:skip=3:count=1") as c, Server(c, "http_server") as s:
    equal(Client(s.port).post({"from": 1, "to": 2, "cents": 250})[0], 201, "tried again")

# The database is away.
with Cluster("--fault", "unavailable@statement:skip=3:count=40") as c, Server(c, "http_server") as s:
    status, headers, body = Client(s.port).get("/accounts")
    equal((status, body), (503, {"error": "the database cannot be reached now"}), "away")
    equal(headers["retry-after"], "1", "away")
