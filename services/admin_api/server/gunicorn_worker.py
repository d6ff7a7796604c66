"""Adapts gunicorn's ThreadWorker. Only this module uses the private members of ThreadWorker.

gunicorn assigns a thread to each new connection. The thread waits for the request head without a
deadline, so slow clients can occupy all threads. This worker collects requests in an event loop
(worker.py), and threads get complete requests only. Decision 108 in shared/DECISIONS.md names the
deployments that need this worker. tests/services/admin_api/server/test_gunicorn_api.py fails if
gunicorn changes a method that is used here.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import flask
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from admin_api.http import state
from admin_api.http.request import request_deadline
from admin_api.server import http_rules, open_files, protocol_errors, thread_pool
from admin_api.server.arriving_connections import STOP_HEAD_SECONDS
from admin_api.server.connection import SEND_SECONDS, Connection
from crawljobs.runtime.probes.acceptor import Acceptor

# One iteration of the event loop accepts at most this share of the allowed connections. If it
# accepted more, make_room() could close connections before the event loop reads their requests.
ACCEPTED_SHARE = 1 / 16


class GunicornWorker(ThreadWorker, ABC):  # type: ignore[misc] # the base has no types
    """The base class of Worker. Calls the abstract methods below at events of a connection."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.worker_connections = open_files.allowed_connections(self.cfg)
        self.max_keepalived = max(1, self.worker_connections - self.cfg.threads)
        self._acceptor = Acceptor(
            begin=self._open,
            make_room=self.make_room,
            most=max(1, int(ACCEPTED_SHARE * self.worker_connections)),
        )

    # The methods that the subclass defines.

    @abstractmethod
    def collect(self, conn: Connection, *, is_readable: bool) -> None:
        """Collect the connection's next request. `is_readable` is true if bytes have arrived."""

    @abstractmethod
    def responded(self, conn: Connection, *, keeps: bool) -> None:
        """Handle the end of a response. `keeps` is true if the connection may stay open."""

    @abstractmethod
    def make_room(self) -> bool:
        """Close a connection that has no thread. Return False if each connection has a thread."""

    @abstractmethod
    def check_deadlines(self) -> None:
        """Handle connections that are past their deadlines. Called at least once a second."""

    @abstractmethod
    def seconds_until_deadline(self) -> float | None:
        """Return the seconds until the next deadline of a waiting probe. None: no probe waits."""

    # The methods that the subclass uses.

    @property
    def application_state(self) -> state.State | None:
        """Return the state of the application, or None before the application is loaded."""
        return state.of(self.wsgi) if isinstance(self.wsgi, flask.Flask) else None

    @property
    def may_keep_another(self) -> bool:
        """Return whether a further connection may stay open after its response."""
        return bool(self.alive) and len(self.keepalived_conns) < self.max_keepalived

    @property
    def oldest_kept(self) -> Connection | None:
        """Return the open connection that waits longest for a request, or None if none waits."""
        return self.keepalived_conns[0] if self.keepalived_conns else None

    def call_in_loop(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call the function in the event loop's thread. Any thread may use this method."""
        self.method_queue.defer(function, *arguments)

    def respond_in_thread(self, conn: Connection) -> None:
        conn.arrived_at = time.monotonic()
        self.enqueue_req(conn)

    def keep(self, conn: Connection) -> None:
        """Keep the connection open for another request."""
        conn.set_timeout()
        conn.waits_since = time.monotonic()
        if not self.alive:
            conn.timeout = min(conn.timeout, time.monotonic() + STOP_HEAD_SECONDS)
        kept = partial(self.on_client_socket_readable, conn)
        try:
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, selectors.EVENT_READ, kept)
        except OSError:
            self.close(conn)
            return
        self.keepalived_conns.append(conn)

    def unregister(self, conn: Connection) -> None:
        with contextlib.suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)

    def close_oldest_kept(self) -> None:
        self.close(self.keepalived_conns.popleft())

    def close(self, conn: Connection) -> None:
        self.unregister(conn)
        self.nr_conns -= 1
        conn.close()

    # Methods of gunicorn that this class replaces. gunicorn calls them.

    def get_thread_pool(self) -> ThreadPoolExecutor:
        return thread_pool.started(self.cfg.threads)

    def accept(self, listener: socket.socket) -> None:
        self._acceptor.accept(listener)
        if self._acceptor.pause_seconds:
            super().set_accept_enabled(False)  # accept no connection until `pause_seconds` is 0

    def _open(self, sock: socket.socket, address: object) -> None:
        if self.nr_conns + 1 >= self.worker_connections:
            self.make_room()
        self.nr_conns += 1
        try:
            conn = Connection(self.cfg, sock, address, sock.getsockname())
        except OSError:  # the client has closed the connection
            self.nr_conns -= 1
            sock.close()
            return
        self.collect(conn, is_readable=False)

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled and not self._acceptor.pause_seconds)
        if self.alive:
            return
        for listener in self.sockets:
            listener.close()  # new clients get an error at once, and do not wait for the exit
        if self.application_state is not None:
            self.application_state.drain.has_begun = True

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        soon = self.seconds_until_deadline()
        timeout = timeout if soon is None else min(timeout, soon)
        pause = self._acceptor.pause_seconds
        super().wait_for_and_dispatch_events(min(timeout, pause) if pause else timeout)

    def murder_pending(self) -> None:
        self.check_deadlines()

    def on_client_socket_readable(self, conn: Connection, sock: socket.socket) -> None:
        if conn not in self.keepalived_conns:
            return  # the connection was closed earlier in this iteration of the event loop
        self.poller.unregister(sock)
        self.keepalived_conns.remove(conn)
        self.collect(conn, is_readable=True)

    def handle_request(self, req: Any, conn: Connection) -> Any:
        http_rules.check(req.version, req.headers)
        request_deadline.arrived_at.set(conn.arrived_at)
        req._expected_100_continue = False  # otherwise gunicorn would send `100 Continue` again
        if not conn.arriving.may_be_followed:
            # Sends `Connection: close`, because the next request's start is unknown.
            req.force_close()
        try:
            return super().handle_request(req, conn)
        except TimeoutError as error:  # a send timeout; the application handles receive timeouts
            raise BrokenPipeError(errno.EPIPE, "the client did not read the response") from error

    def _keepalive_after(self, _conn: Connection, keepalive: bool) -> bool:
        return keepalive  # gunicorn's own method would parse an unread body without need

    def handle_error(
        self, req: object, client: socket.socket, addr: object, exc: BaseException
    ) -> None:
        with contextlib.suppress(OSError):
            client.settimeout(SEND_SECONDS)
            client.sendall(protocol_errors.response_to(exc))

    def finish_request(self, conn: Connection, fs: Future[Any]) -> None:
        failed = fs.cancelled() or fs.exception() is not None
        self.responded(conn, keeps=not failed and bool(fs.result()))
