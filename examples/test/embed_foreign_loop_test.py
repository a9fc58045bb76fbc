"""src/embed_foreign_loop.c: lines and answers, in order, for many clients; it sleeps while it is idle."""
import socket
import time

from cluster import Cluster, Server, check, equal


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.lines = self.socket.makefile("r")

    def say(self, text):
        self.socket.sendall(text.encode())
        return self

    def hears(self, *lines):
        for line in lines:
            equal(self.lines.readline(), line + "\n" if line else "", "an answer")
        return self


with Cluster() as c, Server(c, "embed_foreign_loop") as s:
    Client(s.port).say("balance 7\n").hears("7 100000")
    one = Client(s.port)
    one.say("balance 1\r\ntotal\nbalance 2\nbalance 99\nbalance x\nhello\nbala")
    one.hears("1 100000", "16 accounts, 1600000", "2 100000", "error: no such account",
              "error: an account is a number", 'error: say "balance ACCOUNT" or "total"')
    one.say("nce 3\n").hears("3 100000")
    # Its last lines are answered although it has nothing more to say.
    one.say("balance 4\nbalance 5\n")
    one.socket.shutdown(socket.SHUT_WR)
    one.hears("4 100000", "5 100000", "")
    Client(s.port).say("x" * 128).hears("error: the line is too long", "")
    for byte in "balance 6\n":
        one = one if byte != "b" else Client(s.port)
        one.say(byte)
    one.hears("6 100000")

    many = [Client(s.port) for _ in range(50)]
    for i, client in enumerate(many):
        client.say("total\n" * 3 + f"balance {i % 16 + 1}\n")
    for i, client in enumerate(many):
        if i % 5 == 0:
            client.socket.close()  # in the middle of it
        else:
            client.hears(*["16 accounts, 1600000"] * 3, f"{i % 16 + 1} 100000")

    time.sleep(0.3)
    before = s.cpu_seconds()
    time.sleep(1)
    check(s.cpu_seconds() - before < 0.2, "it is busy while nobody asks for anything")
    one.say("balance 8\n").hears("8 100000")
