"""Serves /healthz, /readyz, /startupz and /metrics on a separate address.

The pages are for machines in the same network. They need no token, and show only numbers about
jobs. One thread serves all connections, and another thread builds each page. So neither a slow
client nor a slow page delays another probe. The standard library's server would need a thread for
each connection (shared/DECISIONS.md, 110).
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial

from crawljobs.runtime import logs
from crawljobs.runtime.log_limit import LogLimit
from crawljobs.runtime.probes import probe_listener
from crawljobs.runtime.probes.acceptor import Acceptor
from crawljobs.runtime.probes.probe_connection import ProbeConnection
from crawljobs.runtime.probes.probe_pages import Answer, NotWell, Page, Pages, check
from crawljobs.settings import ProbeAddress

__all__ = ["Answer", "NotWell", "Page", "ProbeServer", "check"]

log = logs.get_logger(__name__)

CONNECTIONS_MAX = 64  # limit of the open connections; a further one replaces the oldest one
# ACCEPTED_MAX limits the new connections in one turn of the loop, to a quarter of CONNECTIONS_MAX.
# So a new connection has at least three more turns before it becomes the oldest and is closed.
ACCEPTED_MAX = 16
TURN_SECONDS = 0.2  # a connection is closed at most this long after its deadline
FAILED_TURN_PAUSE_SECONDS = 0.05


class ProbeServer:
    """The server of the probe pages. It serves the pages from `start` until `close`.

    The constructor raises SettingsError if the address cannot be used.
    """

    def __init__(self, address: ProbeAddress, pages: Mapping[str, Page]) -> None:
        self._listener = probe_listener.opened(address)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._wake_up, self._woken = socket.socketpair()
        for end in (self._wake_up, self._woken):
            end.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, self._run_deferred)
        self._deferred: deque[Callable[[], None]] = deque()
        self._pages = Pages(pages, self._defer)
        # The oldest connection comes first. Only the server's thread uses this dict.
        self._connections: dict[ProbeConnection, None] = {}
        self._acceptor = Acceptor(
            begin=self._begin, make_room=self._close_oldest, most=ACCEPTED_MAX
        )
        self._failures = LogLimit()
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="probes", daemon=True)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def connections(self) -> int:
        """The number of open connections."""
        return len(self._connections)

    def start(self) -> None:
        self._thread.start()
        log.info("probes.listening", port=self.port)

    def abandon(self) -> None:
        """Close the copies of the sockets in a forked process. The parent process still serves."""
        # The selector lacks connections that wait for their page, so add all connections.
        inherited = {connection.socket for connection in list(self._connections)}
        registered = [key.fileobj for key in list(self._selector.get_map().values())]
        inherited |= {one for one in registered if isinstance(one, socket.socket)}
        for one in (*inherited, self._wake_up):
            if one.fileno() >= 0:
                os.close(one.detach())
        self._selector.close()

    def close(self) -> None:
        self._is_closing.set()
        self._defer(lambda: None)
        if self._thread.is_alive():
            self._thread.join()
        for connection in self._connections:
            connection.close()
        self._selector.close()
        for one in (self._listener, self._wake_up, self._woken):
            one.close()

    def _defer(self, call: Callable[[], None]) -> None:
        """Run a function in the server's thread soon. Any thread may call this."""
        self._deferred.append(call)
        # If the wake-up socket is full, the thread is awake already. If the socket is closed, the
        # thread has ended.
        with contextlib.suppress(OSError):
            self._wake_up.send(b"\0")

    def _run(self) -> None:
        while not self._is_closing.is_set():
            try:
                for key, events in self._selector.select(TURN_SECONDS):
                    key.data(events)
                self._close_expired()
            except Exception:  # continue, because probes must work until the process ends
                left_out = self._failures.lines_left_out()
                if left_out is not None:
                    log.exception("probes.failed", lines_left_out=left_out)
                time.sleep(FAILED_TURN_PAUSE_SECONDS)

    def _run_deferred(self, _events: int) -> None:
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4_096)
        while self._deferred:
            self._deferred.popleft()()

    def _accept(self, _events: int) -> None:
        self._acceptor.accept(self._listener)
        # Sleeps only if resources such as file descriptors ran out, and then at most 50 ms.
        time.sleep(self._acceptor.pause_seconds)

    def _begin(self, client: socket.socket, _address: object) -> None:
        if len(self._connections) >= CONNECTIONS_MAX:
            self._close_oldest()
        try:
            connection = ProbeConnection(client)
        except OSError:  # the client has disconnected
            client.close()
            return
        self._connections[connection] = None
        self._update(connection)

    def _handle(self, connection: ProbeConnection, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            connection.send()
        elif (head := connection.receive()) is not None:
            self._pages.answer(head, partial(self._send, connection))
        self._update(connection)

    def _send(self, connection: ProbeConnection, answer: bytes) -> None:
        if connection in self._connections:
            connection.begin_to_send(answer)
            self._update(connection)

    def _update(self, connection: ProbeConnection) -> None:
        """Register the connection for the events that it awaits. Drop a connection that is over."""
        if connection not in self._connections:
            return
        if connection.is_over:
            self._drop(connection)
            return
        self._unregister(connection)
        if connection.awaited:
            handle = partial(self._handle, connection)
            self._selector.register(connection.socket, connection.awaited, handle)

    def _unregister(self, connection: ProbeConnection) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(connection.socket)

    def _close_expired(self) -> None:
        now = time.monotonic()
        for connection in [each for each in self._connections if each.deadline <= now]:
            self._drop(connection)

    def _close_oldest(self) -> bool:
        """Close the oldest connection. Return False if there is no connection.

        If many clients connect at once, a probe is among the newest connections, so it stays open.
        """
        oldest = next(iter(self._connections), None)
        if oldest is not None:
            self._drop(oldest)
        return oldest is not None

    def _drop(self, connection: ProbeConnection) -> None:
        del self._connections[connection]
        self._unregister(connection)
        connection.close()
