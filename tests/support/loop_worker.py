"""A worker of the API in this process, whose event loop a test turns step by step."""

import contextlib
import os
import selectors
import socket
from collections.abc import Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import flask
from gunicorn.config import Config
from gunicorn.glogging import Logger

from admin_api.http import state
from admin_api.server.connection import Connection
from admin_api.server.worker import Worker

ADDRESS = ("192.0.2.1", 1)
GET = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"
ALIVE = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
READY = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"


class Loop:
    """No thread runs: `asked` holds the connections of the requests that wait for a thread."""

    def __init__(self, **settings: Any) -> None:
        config = Config()
        for name, value in settings.items():
            config.set(name, value)
        self.worker = Worker(0, os.getpid(), [], None, 30, config, Logger(config))
        self.worker.poller = selectors.DefaultSelector()
        self.worker.method_queue.init()
        self.worker.tpool = SimpleNamespace(submit=self._submit)
        self.worker.wsgi = flask.Flask("tested")
        self.drain = state.Drain()
        self.check: Future[None] = Future()  # of the database
        readiness = SimpleNamespace(start_check=lambda: self.check)
        parts = SimpleNamespace(drain=self.drain, readiness=readiness)
        state.install(self.worker.wsgi, cast(Any, parts))
        self.asked: dict[Connection, Future[bool]] = {}
        self._sockets: list[socket.socket] = []

    def _submit(self, _handle: object, conn: Connection) -> "Future[bool]":
        self.asked[conn] = Future()
        return self.asked[conn]

    def connect(self, sent: bytes = b"") -> socket.socket:
        """Open a connection that has sent these bytes, and let the loop read them."""
        client, ours = socket.socketpair()
        client.settimeout(5)
        self._sockets += (client, ours)
        self.worker._open(ours, ADDRESS)
        if sent:
            client.sendall(sent)
            self.turn()
        return client

    def turn(self) -> None:
        """Turn the loop once: handle the events that wait, and check the deadlines."""
        self.worker.method_queue.run_callbacks(None)
        self.worker.wait_for_and_dispatch_events(0)
        self.worker.murder_keepalived()
        self.worker.murder_pending()

    def answer(self, *, keeps: bool = True) -> Connection:
        """End the oldest request that waits for a thread, and return its connection."""
        conn = next(iter(self.asked))
        future = self.asked.pop(conn)
        future.set_result(keeps)
        self.worker.method_queue.run_callbacks(None)
        return conn

    def open_sockets(self) -> int:
        """The number of connections that the loop watches."""
        return len(self.worker.poller.get_map())

    def close(self) -> None:
        watched = [key.fileobj for key in self.worker.poller.get_map().values()]
        for one in (*self._sockets, *watched):
            cast(socket.socket, one).close()
        self.worker.poller.close()
        self.worker.method_queue.close()
        self.worker.tmp.close()


@contextlib.contextmanager
def loop(**settings: Any) -> Iterator[Loop]:
    made = Loop(**settings)
    try:
        yield made
    finally:
        made.close()


def is_open(client: socket.socket) -> bool:
    """Return whether the worker has closed the connection, without reading what it has sent."""
    client.setblocking(False)
    try:
        return client.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    finally:
        client.settimeout(5)


def has_bytes(client: socket.socket) -> bool:
    """Return whether the worker has sent bytes that the client has not read."""
    client.setblocking(False)
    try:
        return client.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return False
    finally:
        client.settimeout(5)
