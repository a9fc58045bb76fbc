#!/usr/bin/env python3
"""Records what PostgreSQL's own client says about a conversation: NAME.frontend and NAME.backend are the bytes that
went each way, NAME.trace is libpq's PQtrace() of them. test_trace.c reads the bytes and expects the lines.

    scripts/pg run 18 python3 tests/unit/wire/data/record.py .deps/pg/18/lib/libpq.so tests/unit/wire/data
"""
import ctypes
import os
import socket
import sys
import threading

LIBPQ, OUT = sys.argv[1:3]
pq = ctypes.CDLL(LIBPQ)
libc = ctypes.CDLL(None)
P, S, I = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
for name, result, arguments in [
    ("PQconnectStart", P, [S]), ("PQconnectPoll", I, [P]), ("PQsocket", I, [P]), ("PQfinish", None, [P]),
    ("PQtrace", None, [P, P]), ("PQsetTraceFlags", None, [P, I]), ("PQexec", P, [P, S]), ("PQclear", None, [P]),
    ("PQexecParams", P, [P, S, I, P, P, P, P, I]), ("PQprepare", P, [P, S, S, I, P]),
    ("PQexecPrepared", P, [P, S, I, P, P, P, I]), ("PQdescribePrepared", P, [P, S]), ("PQdescribePortal", P, [P, S]),
    ("PQclosePrepared", P, [P, S]), ("PQclosePortal", P, [P, S]), ("PQputCopyData", I, [P, S, I]),
    ("PQputCopyEnd", I, [P, S]), ("PQgetResult", P, [P]), ("PQgetCopyData", I, [P, P, I]), ("PQfreemem", None, [P]),
    ("PQfn", P, [P, I, P, P, I, P, I]), ("PQenterPipelineMode", I, [P]), ("PQpipelineSync", I, [P]),
    ("PQsendFlushRequest", I, [P]), ("PQflush", I, [P]), ("PQsendQueryParams", I, [P, S, I, P, P, P, P, I]),
    ("PQexitPipelineMode", I, [P]), ("PQerrorMessage", S, [P]),
]:
    getattr(pq, name).restype, getattr(pq, name).argtypes = result, arguments
libc.fopen.restype, libc.fopen.argtypes, libc.fclose.argtypes = P, [S, S], [P]


def relay(source, sink, path):
    with open(path, "wb") as copy:
        while data := source.recv(65536):
            copy.write(data)
            sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)


class Conversation:
    """A connection through a relay that keeps the bytes."""

    def __init__(self, name, conninfo):
        self.name = name
        listener = socket.create_server(("127.0.0.1", 0))
        conninfo += f" host=127.0.0.1 port={listener.getsockname()[1]} dbname=postgres sslmode=disable gssencmode=disable"
        self.conn = pq.PQconnectStart(conninfo.encode())
        self.file = libc.fopen(f"{OUT}/{name}.trace".encode(), b"w")
        pq.PQtrace(self.conn, self.file)
        pq.PQsetTraceFlags(self.conn, 1)
        client, _ = listener.accept()
        server = socket.create_connection(("127.0.0.1", int(os.environ["PG_PORT"])))
        self.threads = [threading.Thread(target=relay, args=(client, server, f"{OUT}/{name}.frontend")),
                        threading.Thread(target=relay, args=(server, client, f"{OUT}/{name}.backend"))]
        for thread in self.threads:
            thread.start()
        while (state := pq.PQconnectPoll(self.conn)) not in (0, 3):
            pass
        if state == 0:
            print(name, pq.PQerrorMessage(self.conn).decode())

    def close(self):
        pq.PQfinish(self.conn)
        libc.fclose(self.file)
        for thread in self.threads:
            thread.join()

    def drain(self):
        misses = 0
        while misses < 2:
            result = pq.PQgetResult(self.conn)
            misses = 0 if result else misses + 1
            pq.PQclear(result)


def values(*items):
    return ((S * len(items))(*items), (I * len(items))(*[len(i or b"") for i in items]))


def queries():
    c = Conversation("queries", "user=trust_user application_name=trace")
    for sql in [b"SELECT 1", b"", b"SELECT 'a' AS x, NULL AS y; SELECT 2.5", b"SELEC", b"SELECT E'\\x01 \\n \\u00e4'",
                b"CREATE TEMP TABLE t (a int4, b text)", b"INSERT INTO t VALUES (1, 'one'), (2, NULL)",
                b"DO $$BEGIN RAISE NOTICE 'hello' USING HINT = 'a hint'; END$$", b"LISTEN c", b"NOTIFY c, 'payload'"]:
        pq.PQclear(pq.PQexec(c.conn, sql))
    c.close()


def extended():
    c = Conversation("extended", "user=trust_user")
    args, lengths = values(b"\0\0\0\x2a", b"text", None)
    types, formats = (ctypes.c_uint * 3)(23, 25, 0), (I * 3)(1, 0, 0)
    pq.PQclear(pq.PQexecParams(c.conn, b"SELECT $1::int4, $2, $3::text", 3, types, args, lengths, formats, 1))
    pq.PQclear(pq.PQprepare(c.conn, b"s1", b"SELECT $1::int8 + 1", 0, None))
    pq.PQclear(pq.PQdescribePrepared(c.conn, b"s1"))
    args, lengths = values(b"41")
    pq.PQclear(pq.PQexecPrepared(c.conn, b"s1", 1, args, lengths, None, 0))
    pq.PQclear(pq.PQexec(c.conn, b"BEGIN; DECLARE p CURSOR FOR SELECT * FROM pg_database"))
    pq.PQclear(pq.PQdescribePortal(c.conn, b"p"))
    pq.PQclear(pq.PQclosePortal(c.conn, b"p"))
    pq.PQclear(pq.PQclosePrepared(c.conn, b"s1"))
    pq.PQclear(pq.PQexecParams(c.conn, b"CREATE TEMP TABLE t ()", 0, None, None, None, None, 0))
    pq.PQclear(pq.PQexecParams(c.conn, b"SELECT 1/0", 0, None, None, None, None, 0))
    pq.PQclear(pq.PQexec(c.conn, b"ROLLBACK"))
    pq.PQenterPipelineMode(c.conn)
    for sql in [b"SELECT 1", b"SELECT x", b"SELECT 3"]:
        pq.PQsendQueryParams(c.conn, sql, 0, None, None, None, None, 0)
    pq.PQsendFlushRequest(c.conn)
    pq.PQpipelineSync(c.conn)
    pq.PQflush(c.conn)
    c.drain()
    pq.PQexitPipelineMode(c.conn)
    c.close()


def copy():
    c = Conversation("copy", "user=trust_user")
    pq.PQclear(pq.PQexec(c.conn, b"CREATE TEMP TABLE t (a int4, b text)"))
    for reason in [None, b"no more"]:
        pq.PQclear(pq.PQexec(c.conn, b"COPY t FROM STDIN"))
        pq.PQputCopyData(c.conn, b"1\tone\n2\t\\N\n", 11)
        pq.PQputCopyEnd(c.conn, reason)
        c.drain()
    for sql in [b"COPY t TO STDOUT", b"COPY t TO STDOUT BINARY"]:
        pq.PQclear(pq.PQexec(c.conn, sql))
        row = P()
        while pq.PQgetCopyData(c.conn, ctypes.byref(row), 0) > 0:
            pq.PQfreemem(row)
        c.drain()
    length, result = I(), ctypes.create_string_buffer(16)
    pq.PQclear(pq.PQfn(c.conn, 1598, result, ctypes.byref(length), 0, None, 0))
    c.close()


def logins():
    for method in ["password", "md5", "scram"]:
        Conversation(f"login_{method}", f"user={method}_user password=secret max_protocol_version=3.2").close()
    Conversation("login_refused", "user=scram_user password=wrong").close()


queries()
extended()
copy()
logins()
