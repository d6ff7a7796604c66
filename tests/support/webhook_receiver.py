"""A receiver of webhooks on this machine that misbehaves on request.

The path of a request chooses the behaviour:

/ok, /status/503        answer at once
/slow/0.5               answer after this number of seconds
/busy/120               answer 429 with Retry-After
/redirect/8080          answer 302 to this port of 127.0.0.1
/silent                 never answer
/drip, /endless, /huge  a byte of the head at a time; an endless body; a body of 1 GB
/garbage, /hang-up      no HTTP; close without an answer
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from support import scripted_server
from support.scripted_server import Exchange
from support.waiting import wait_until

PIECE = b"x" * (1 << 20)
GIBIBYTE = 1 << 30


@dataclass(frozen=True)
class Received:
    """A request. `at` is a time of time.time()."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """Answers as the path says, and keeps each request."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    most_at_once: dict[str, int] = field(default_factory=dict)
    _now: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, exchange: Exchange) -> None:
        headers = {name.lower(): value for name, value in exchange.headers.items()}
        if len(exchange.body) < int(headers.get("content-length", "0")):
            exchange.close_connection = True  # the sender died before it had sent the body
            return
        path = exchange.path
        with self._lock:
            self.received.append(Received(path, headers, exchange.body, time.time()))
            self._now[path] = self._now.get(path, 0) + 1
            self.most_at_once[path] = max(self._now[path], self.most_at_once.get(path, 0))
        try:
            self._answer(exchange)
        finally:
            with self._lock:
                self._now[path] -= 1

    def _answer(self, exchange: Exchange) -> None:
        _, behaviour, *rest = exchange.path.partition("?")[0].split("/")
        value = rest[0] if rest else ""
        match behaviour:
            case "status":
                exchange.send(int(value), b"as you asked")
            case "slow":
                self.closing.wait(float(value))
                exchange.send(200, b"late")
            case "busy":
                exchange.send(429, b"", Retry_After=value)
            case "redirect":
                exchange.send(302, b"", Location=f"http://127.0.0.1:{value}/stolen")
            case "silent":
                exchange.close_connection = True
                self.closing.wait(60)
            case "drip":
                exchange.drip(b"x: y\r\n", before=b"HTTP/1.1 200 OK\r\n", every=0.2)
            case "endless" | "huge":
                length = GIBIBYTE * (1000 if behaviour == "endless" else 1)
                exchange.start(200, content_length=str(length))
                exchange.drip(PIECE, every=1e-6)
            case "garbage":
                exchange.close_connection = True
                exchange.wfile.write(b"SSH-2.0-OpenSSH\r\n")
            case "hang-up":
                exchange.hang_up()
            case _:
                exchange.send(200, b'{"ok":true}')

    def at(self, path: str) -> list[Received]:
        """Return the requests for this path, the oldest first."""
        with self._lock:
            return [each for each in self.received if each.path == path]

    def wait_for(self, count: int, *, path: str = "/ok", timeout: float = 20) -> list[Received]:
        """Wait for this number of requests for the path, and return them."""
        wait_until(
            lambda: len(self.at(path)) >= count,
            timeout=timeout,
            describe=lambda: f"{len(self.at(path))} of {count} requests for {path}",
        )
        return self.at(path)


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver on a free port of 127.0.0.1."""
    receiver = Receiver()
    with scripted_server.serve(receiver) as url:
        receiver.url = url
        try:
            yield receiver
        finally:
            receiver.closing.set()
