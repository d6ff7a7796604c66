"""Clients with valid tokens that send random requests, most of them bad, over plain sockets.

`python -m support.hostile_clients HOST:PORT SECONDS SEED TOKEN...` starts a thread for each token.
At the end, it prints as JSON how often the server sent each status.
"""

import collections
import contextlib
import json
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

JOBS = "/api/admin/jobs"
BULK = (
    f"{JOBS}/bulk",
    *(f"{JOBS}/bulk/{change}" for change in ("retry", "cancel", "boost", "wake")),
)
POSTS = (*BULK, JOBS, "/api/crawl", "/api/admin/scheduled-jobs", "/api/admin/queue/resume")
LISTS = (
    f"{JOBS}?limit=500",
    f"{JOBS}/stats",
    "/api/admin/audit-log?limit=500",
    "/api/admin/subreddits?limit=500",
    "/docs/openapi.json",
    "/api/openapi.json",
)
EXPORT = "/api/admin/audit-log/export?format="
LARGE = 1_000_000
HOLD_SECONDS = 3.0  # how long a slow client sends or reads at most
ANSWER_SECONDS = 30.0


class Client:
    def __init__(self, address: tuple[str, int], token: str, seed: str) -> None:
        self.address = address
        self.token = token
        self.random = random.Random(seed)
        self.statuses: collections.Counter[str] = collections.Counter()
        self.acts: tuple[Callable[[], None], ...] = (
            *(self.send_body,) * 6,
            self.send_slowly,
            self.read_slowly,
            self.export,
            self.pipeline,
            self.send_bad_chunks,
            self.send_garbage,
            self.flood_heads,
            self.open_and_leave,
            self.ask,
        )

    def run(self, until: float) -> None:
        while time.monotonic() < until:
            act = self.random.choice(self.acts)
            try:
                act()
            except TimeoutError:
                self.statuses[f"no answer to {act.__name__}"] += 1
            except OSError:
                self.statuses["cut off"] += 1

    def connect(self, *, buffer: int = 0) -> socket.socket:
        client = socket.socket()
        if buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        client.settimeout(ANSWER_SECONDS)
        client.connect(self.address)
        return client

    def head(self, method: str, path: str, *lines: str) -> bytes:
        given = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {self.token}"]
        return "\r\n".join([*given, *lines, "", ""]).encode()

    def post(self, path: str, body: bytes) -> bytes:
        lines = ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        if self.random.random() < 0.3:
            lines.append(f"Idempotency-Key: {self.random.randrange(10**9)}")
        return self.head("POST", path, *lines) + body

    def count(self, answer: bytes) -> None:
        self.statuses[answer[9:12].decode("ascii", "replace") or "closed"] += 1

    def exchange(self, sent: bytes) -> None:
        with self.connect() as client:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                client.sendall(sent)
            self.count(client.recv(65_536))

    def send_body(self) -> None:
        self.exchange(self.post(self.random.choice(POSTS), made_up_body(self.random)))

    def ask(self) -> None:
        self.exchange(self.head("GET", self.random.choice(LISTS)))

    def send_slowly(self) -> None:
        length = self.random.choice((99, 60_000, LARGE))
        lines = ["Content-Type: application/json", f"Content-Length: {length}"]
        if self.random.random() < 0.5:
            lines[1] = "Transfer-Encoding: chunked"
        ends = time.monotonic() + self.random.uniform(0, HOLD_SECONDS)
        with self.connect() as client:
            client.sendall(self.head("POST", self.random.choice(POSTS), *lines))
            client.sendall(b"ffff\r\n" if "chunked" in lines[1] else b"")
            client.sendall(b" " * self.random.randrange(length))
            client.settimeout(0.1)
            while time.monotonic() < ends:
                client.send(b" ")
                with contextlib.suppress(TimeoutError):
                    self.count(client.recv(65_536))
                    return

    def read_slowly(self) -> None:
        path = self.random.choice((*LISTS, f"{EXPORT}csv", f"{EXPORT}jsonl"))
        ends = time.monotonic() + self.random.uniform(0, HOLD_SECONDS)
        with self.connect(buffer=4_096) as client:
            client.sendall(self.head("GET", path) * self.random.choice((1, 1, 5)))
            self.count(client.recv(64))
            client.settimeout(0.1)
            over = threading.Event()
            while time.monotonic() < ends and not over.wait(0.05):
                with contextlib.suppress(TimeoutError):
                    if not client.recv(512):
                        return

    def export(self) -> None:
        with self.connect() as client:
            kind = self.random.choice(("csv", "jsonl"))
            client.sendall(self.head("GET", EXPORT + kind, "Connection: close"))
            self.count(client.recv(65_536))
            while client.recv(65_536):
                pass

    def pipeline(self) -> None:
        number = self.random.randrange(2, 40)
        with self.connect() as client:
            for _ in range(number):
                body = made_up_body(self.random)[:30_000]
                client.sendall(self.post(self.random.choice(POSTS), body))
                client.sendall(self.head("GET", self.random.choice(("/healthz", *LISTS))))
            client.shutdown(socket.SHUT_WR)
            self.count(client.recv(65_536))
            while client.recv(65_536):
                pass

    def send_bad_chunks(self) -> None:
        lines = ("Content-Type: application/json", "Transfer-Encoding: chunked")
        chunks = self.random.choice(
            (
                b"1\r\nx\r\n" * self.random.randrange(100_000) + b"0\r\n\r\n",
                b"1;" + b"x" * self.random.randrange(20_000) + b"\r\n",
                b"-1\r\n",
                b"fffffffffff\r\n" + b" " * LARGE,
                b"0\r\n" + b"X: y\r\n" * self.random.randrange(100_000),
                b"5\r\nab\r\n0\r\n\r\n",
                b"\n\n",
            )
        )
        self.exchange(self.head("POST", self.random.choice(POSTS), *lines) + chunks)

    def send_garbage(self) -> None:
        self.exchange(self.random.randbytes(self.random.randrange(1, 50_000)) + b"\r\n\r\n")

    def flood_heads(self) -> None:
        self.exchange(
            self.random.choice(
                (
                    self.head("GET", JOBS, *["X: y"] * self.random.randrange(10_000)),
                    self.head("GET", JOBS, "X: " + "y" * self.random.randrange(100_000)),
                    self.head("GET", f"{JOBS}?" + "a&" * self.random.randrange(3_000)),
                    self.head("GET", f"{JOBS}?" + "status=queued&" * 250),
                    self.head("GET", f"{JOBS}/{'9' * self.random.randrange(4_000)}"),
                )
            )
        )

    def open_and_leave(self) -> None:
        with contextlib.ExitStack() as stack:
            for _ in range(self.random.randrange(50)):
                client = stack.enter_context(self.connect())
                client.sendall(
                    self.head("GET", self.random.choice(LISTS))[: self.random.randrange(200)]
                )


def made_up_body(chance: random.Random) -> bytes:
    """Return random JSON that is too large, too deep, unusual or broken, or sometimes valid."""
    size = int(10 ** chance.uniform(1, 6))
    kind = chance.choice(list(BODIES))
    body = BODIES[kind](chance, size)
    if chance.random() < 0.1:
        body = body[: chance.randrange(len(body) + 1)]
    return body


def _ids(_chance: random.Random, size: int) -> bytes:
    return b'{"job_ids":[' + b",".join([b"1"] * (size // 2 + 1)) + b"]}"


def _names(chance: random.Random, size: int) -> bytes:
    names = [f"sub_{chance.randrange(3_000)}" for _ in range(min(1_000, size // 10 + 1))]
    return json.dumps({"subreddits": names}).encode()


def _filter(chance: random.Random, _size: int) -> bytes:
    asked = {"filter": {"status": ["queued"]}, "dry_run": chance.random() < 0.9}
    return json.dumps(asked).encode()


def _deep(chance: random.Random, size: int) -> bytes:
    opening, closing = chance.choice(((b"[", b"]"), (b'{"a":', b"}")))
    return opening * (size // 5) + b"1" + closing * (size // 5)


def _empty_things(chance: random.Random, size: int) -> bytes:
    return b'{"job_ids":[' + chance.choice((b"{},", b"[],", b'"",', b"0.1,")) * (size // 4) + b"1]}"


def _long_text(chance: random.Random, size: int) -> bytes:
    unit = chance.choice((b"x", b"\\u0000", b"\\ud800", b'\\"', "é".encode(), b"\xff", b"\\\\"))
    return b'{"subreddit":"' + unit * (size // len(unit)) + chance.choice((b'"}', b""))


def _keys(chance: random.Random, size: int) -> bytes:
    name = chance.choice((lambda n: "a", lambda n: f"key{n}", lambda n: "k" * n))
    members = (f'"{name(n)}":1' for n in range(min(size // 8, 3_000)))
    return ("{" + ",".join(members) + "}").encode()[: size + 2]


def _numbers(chance: random.Random, size: int) -> bytes:
    return b'{"priority":' + chance.choice((b"9", b"-", b"1e", b"0.")) + b"9" * size + b"}"


def _good(chance: random.Random, _size: int) -> bytes:
    return json.dumps({"subreddit": f"sub_{chance.randrange(3_000)}", "priority": 50}).encode()


BODIES: dict[str, Callable[[random.Random, int], bytes]] = {
    "ids": _ids,
    "names": _names,
    "filter": _filter,
    "deep": _deep,
    "empty things": _empty_things,
    "a long text": _long_text,
    "keys": _keys,
    "numbers": _numbers,
    "good": _good,
}


def run(address: tuple[str, int], tokens: list[str], seed: str, seconds: float) -> dict[str, int]:
    clients = [Client(address, token, f"{seed} {n}") for n, token in enumerate(tokens)]
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=client.run, args=(until,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return dict(sorted(_all(clients)))


def _all(clients: list[Client]) -> Iterator[tuple[str, int]]:
    total: collections.Counter[str] = collections.Counter()
    for client in clients:
        total += client.statuses
    yield from total.items()


if __name__ == "__main__":
    where, seconds, seed, *tokens = sys.argv[1:]
    host, _, port = where.partition(":")
    json.dump(run((host, int(port)), tokens, seed, float(seconds)), sys.stdout)
