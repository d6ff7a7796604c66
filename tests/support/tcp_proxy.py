"""A TCP proxy in front of Postgres, which simulates failures of the network.

The proxy reads the messages of the protocol. A rule decides for each message if the proxy forwards
it. `stall` holds messages back without an error, like a network that drops packets.
`latency_seconds` delays each message.
"""

from __future__ import annotations

import contextlib
import enum
import itertools
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL

CHUNK_BYTES = 65_536
CLOSE_SECONDS = 5


class Verdict(enum.Enum):
    PASS = enum.auto()
    CUT = enum.auto()  # break the connection before this message
    CUT_AFTER = enum.auto()
    HALF = enum.auto()  # break the connection in the middle of this message


@dataclass(frozen=True)
class Message:
    """A message of the Postgres protocol. `number` counts the messages of all links from 1.

    `kind` is the letter of the message. It is empty for the client's first message.
    """

    link: Link
    number: int
    from_client: bool
    kind: bytes
    payload: bytes

    def tells_of_commit(self) -> bool:
        return not self.from_client and self.kind == b"C" and self.payload == b"COMMIT\0"


Rule = Callable[[Message], Verdict]


def let_pass(_: Message) -> Verdict:
    return Verdict.PASS


class LoseReply:
    """Breaks the connection after a commit, so that the client does not get the server's reply.

    This happens once, for the first transaction that contains this statement. With `autocommit`,
    the statement is its own transaction.
    """

    def __init__(self, statement: str, *, autocommit: bool = False) -> None:
        self._statement = statement
        self._autocommit = autocommit
        self.is_lost = False

    def __call__(self, message: Message) -> Verdict:
        is_end = (
            not message.from_client and message.kind == b"C"
            if self._autocommit
            else (message.tells_of_commit())
        )
        if self.is_lost or not is_end:
            return Verdict.PASS
        executed = message.link.transaction
        scanned = executed[-1:] if self._autocommit else executed
        self.is_lost = any(self._statement in statement for statement in scanned)
        return Verdict.CUT if self.is_lost else Verdict.PASS


class CutAt:
    """Applies the verdict to message number `number` of the connections that `concerns` selects."""

    def __init__(self, number: int, concerns: Callable[[Link], bool], verdict: Verdict) -> None:
        self._left = number
        self._concerns = concerns
        self._verdict = verdict

    @property
    def is_done(self) -> bool:
        return self._left <= 0

    def __call__(self, message: Message) -> Verdict:
        if self.is_done or not self._concerns(message.link):
            return Verdict.PASS
        self._left -= 1
        return self._verdict if self.is_done else Verdict.PASS


@dataclass
class Link:
    """A client's connection to the proxy, and the proxy's connection to the server for it."""

    number: int
    client: socket.socket
    server: socket.socket
    application: str = ""
    is_cut: bool = False
    # The statements executed since the last BEGIN. `_prepared` has prepared statements by name.
    transaction: list[str] = field(default_factory=list)
    _prepared: dict[bytes, str] = field(default_factory=dict)

    def learn(self, kind: bytes, payload: bytes) -> None:
        """Record the statement that a message of the client prepares or executes."""
        if kind == b"P":
            name, statement = payload.split(b"\0")[:2]
            self._prepared[name] = statement.decode(errors="replace")
        elif kind == b"B":
            self.transaction.append(self._prepared.get(payload.split(b"\0")[1], ""))
        elif kind == b"Q":
            if payload.startswith(b"BEGIN"):
                self.transaction.clear()
            self.transaction.append(payload.rstrip(b"\0").decode(errors="replace"))

    def cut(self) -> None:
        """Break the connection for both the client and the server."""
        self.is_cut = True
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class TcpProxy:
    def __init__(self, url: str) -> None:
        self._parts = {k: str(v) for k, v in conninfo_to_dict(url).items() if v is not None}
        self.rule: Rule = let_pass
        self.latency_seconds = 0.0
        self.links: list[Link] = []
        self._numbers = itertools.count(1)
        self._change = threading.Condition()
        self._is_stalled: Callable[[Link, bool], bool] = lambda _link, _from_client: False
        self._closing = False
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._run(self._accept)

    @property
    def url(self) -> str:
        """The address of the same database through the proxy."""
        return URL.create(
            "postgresql",
            self._parts.get("user"),
            self._parts.get("password"),
            "127.0.0.1",
            self._listener.getsockname()[1],
            self._parts.get("dbname"),
            {"sslmode": "disable", "gssencmode": "disable"},
        ).render_as_string(hide_password=False)

    def stall(
        self, application: str = "", *, to_server: bool = True, to_client: bool = True
    ) -> None:
        """Hold back all messages of connections whose application name ends with `application`."""

        def is_stalled(link: Link, from_client: bool) -> bool:
            one_of_them = link.application.endswith(application)
            return one_of_them and (to_server if from_client else to_client)

        self._is_stalled = is_stalled

    def stall_those_open(self) -> None:
        """Hold back all messages of the connections that are open now, but not of later ones."""
        self.stall_links(*self.links)

    def stall_links(self, *links: Link) -> None:
        """Hold back all messages of these links, and of no others."""
        with self._change:
            self._is_stalled = lambda link, _from_client: link in links
            self._change.notify_all()

    def heal(self, *, lose: bool = False) -> None:
        """End all failures, and deliver the messages that were held back.

        With `lose`, break the connections instead, so that the messages are lost.
        """
        if lose:
            self.cut()
        with self._change:
            self._is_stalled = lambda _link, _from_client: False
            self.rule = let_pass
            self.latency_seconds = 0.0
            self._change.notify_all()

    def cut(self, application: str = "") -> None:
        with self._change:
            for link in self.links:
                if link.application.endswith(application):
                    link.cut()
            self._change.notify_all()

    def open_links(self) -> list[Link]:
        return [link for link in self.links if not link.is_cut]

    def close(self) -> None:
        self._closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.heal(lose=True)
        for thread in self._threads:
            thread.join(CLOSE_SECONDS)
            assert not thread.is_alive()
        for link in self.links:
            link.client.close()
            link.server.close()

    def _run(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                server = self._connect()
            except OSError:
                client.close()
                continue
            link = Link(len(self.links), client, server)
            self.links.append(link)
            self._run(self._pump, link, client, server, True)
            self._run(self._pump, link, server, client, False)

    def _connect(self) -> socket.socket:
        host, port = self._parts.get("host", "localhost"), self._parts.get("port", "5432")
        if host.startswith("/"):
            local = socket.socket(socket.AF_UNIX)
            local.connect(f"{host}/.s.PGSQL.{port}")
            return local
        connection = socket.create_connection((host, int(port)), 5)
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _pump(
        self, link: Link, source: socket.socket, target: socket.socket, from_client: bool
    ) -> None:
        try:
            for came_at, kind, raw in _messages(source, starts_untyped=from_client):
                if not kind:
                    link.application = _application_of(raw)
                elif from_client:
                    link.learn(kind, raw[5:])
                verdict = self._judge(link, from_client, kind, raw)
                self._hold_back(link, from_client, came_at)
                if verdict is Verdict.CUT or link.is_cut:
                    break
                target.sendall(raw[: len(raw) // 2] if verdict is Verdict.HALF else raw)
                if verdict is not Verdict.PASS:
                    break
        except OSError:
            pass  # the client or the server has closed its connection
        link.cut()

    def _hold_back(self, link: Link, from_client: bool, came_at: float) -> None:
        with self._change:
            while (left := came_at + self.latency_seconds - time.monotonic()) > 0:
                self._change.wait(left)
                if link.is_cut:
                    return
            self._change.wait_for(lambda: link.is_cut or not self._is_stalled(link, from_client))

    def _judge(self, link: Link, from_client: bool, kind: bytes, raw: bytes) -> Verdict:
        payload = raw[5:] if kind else raw[4:]
        with self._change:  # the rule gets one message at a time, also from different connections
            return self.rule(Message(link, next(self._numbers), from_client, kind, payload))


def _messages(
    source: socket.socket, *, starts_untyped: bool
) -> Iterator[tuple[float, bytes, bytes]]:
    """Yield (arrival time, kind, bytes) of each message, without an incomplete last message."""
    waiting, untyped = b"", starts_untyped
    while received := source.recv(CHUNK_BYTES):
        waiting += received
        came_at = time.monotonic()
        while True:
            head = 0 if untyped else 1
            if len(waiting) < head + 4:
                break
            end = head + struct.unpack_from("!I", waiting, head)[0]
            if len(waiting) < end:
                break
            yield came_at, waiting[:head], waiting[:end]
            waiting, untyped = waiting[end:], False


def _application_of(startup: bytes) -> str:
    words = startup[8:].split(b"\0")
    named = dict(zip(words[::2], words[1::2], strict=False))
    return named.get(b"application_name", b"").decode(errors="replace")


@contextlib.contextmanager
def serve(url: str) -> Iterator[TcpProxy]:
    proxy = TcpProxy(url)
    try:
        yield proxy
    finally:
        proxy.close()
