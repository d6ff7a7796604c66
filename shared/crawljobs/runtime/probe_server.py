"""Answers /healthz, /readyz, /startupz and /metrics on an address of its own.

For machines in the same network: no token, nothing about jobs but numbers. One thread reads all
heads and sends all answers and waits for none of its clients; a page is made by a thread of its
own, one at a time, so neither slow clients nor a slow page keep a probe from being answered.
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

from crawljobs import errors
from crawljobs.runtime import logs
from crawljobs.runtime.acceptor import Acceptor
from crawljobs.runtime.log_limit import LogLimit
from crawljobs.runtime.probe_connection import ProbeConnection
from crawljobs.runtime.probe_pages import Answer, NotWell, Page, Pages, check
from crawljobs.settings import ProbeAddress

__all__ = ["Answer", "NotWell", "Page", "ProbeServer", "check"]

log = logs.get_logger(__name__)

CONNECTIONS_MAX = 64  # when another comes, the oldest is closed
ACCEPTED_MAX = 16  # in one turn: a new one has three more turns before it can be the oldest
BACKLOG = 1_024
TURN_SECONDS = 0.2  # how often deadlines are looked at
FAILED_TURN_PAUSE_SECONDS = 0.05


class ProbeServer:
    """Listens from `start` until `close`; raises SettingsError when the address cannot be used."""

    def __init__(self, address: ProbeAddress, pages: Mapping[str, Page]) -> None:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        try:
            self._listener = socket.create_server(
                (address.host, address.port), family=family, backlog=BACKLOG
            )
        except (OSError, OverflowError) as error:
            why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
            raise errors.SettingsError(
                f"PROBE_BIND='{address.host}:{address.port}' cannot be used ({why}): "
                "choose a free port of an address of this machine"
            ) from None
        self._listener.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._wake_up, self._woken = socket.socketpair()
        for end in (self._wake_up, self._woken):
            end.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, self._run_deferred)
        self._deferred: deque[Callable[[], None]] = deque()
        self._pages = Pages(pages, self._defer)
        # In the order of their coming; only the thread touches them.
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
        """Clients that are not done with."""
        return len(self._connections)

    def start(self) -> None:
        self._thread.start()
        log.info("probes.listening", port=self.port)

    def abandon(self) -> None:
        """In a process forked from the one that serves: let go of its sockets."""
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                os.close(key.fileobj.detach())
        os.close(self._wake_up.detach())
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
        """Have the server's thread make the call; from any thread."""
        self._deferred.append(call)
        with contextlib.suppress(OSError):  # full: it is awake, or closed: nobody waits
            self._wake_up.send(b"\0")

    def _run(self) -> None:
        while not self._is_closing.is_set():
            try:
                for key, events in self._selector.select(TURN_SECONDS):
                    key.data(events)
                self._close_late()
            except Exception:  # the probes of this process must not end before it does
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
        time.sleep(self._acceptor.pause_seconds)  # 50 ms at most, when the machine has no resources

    def _begin(self, client: socket.socket, _address: object) -> None:
        if len(self._connections) >= CONNECTIONS_MAX:
            self._close_oldest()
        try:
            connection = ProbeConnection(client)
        except OSError:  # the client has left
            client.close()
            return
        self._connections[connection] = None
        self._look_at(connection)

    def _go_on(self, connection: ProbeConnection, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            connection.send()
        elif (asked := connection.receive()) is not None:
            self._pages.answer(asked, partial(self._send, connection))
        self._look_at(connection)

    def _send(self, connection: ProbeConnection, answer: bytes) -> None:
        if connection in self._connections:
            connection.begin_to_send(answer)
            self._look_at(connection)

    def _look_at(self, connection: ProbeConnection) -> None:
        """Wait for it in the way it now wants, or be done with it."""
        if connection not in self._connections:
            return
        if connection.is_over:
            self._drop(connection)
            return
        self._stop_waiting(connection)
        if connection.awaited:
            go_on = partial(self._go_on, connection)
            self._selector.register(connection.socket, connection.awaited, go_on)

    def _stop_waiting(self, connection: ProbeConnection) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(connection.socket)

    def _close_late(self) -> None:
        now = time.monotonic()
        for connection in [one for one in self._connections if one.deadline <= now]:
            self._drop(connection)

    def _close_oldest(self) -> bool:
        """Whatever it waits for: of many clients, a probe is among the newest. False: none."""
        oldest = next(iter(self._connections), None)
        if oldest is not None:
            self._drop(oldest)
        return oldest is not None

    def _drop(self, connection: ProbeConnection) -> None:
        del self._connections[connection]
        self._stop_waiting(connection)
        connection.close()
