"""gunicorn's threaded worker, with threads for whole requests alone.

The stock one gives a thread to a connection at once and lets it wait there for the head without
a deadline: as many slow clients as threads stop everything. Here the loop collects the heads.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import selectors
import socket
import time
from concurrent.futures import Future
from functools import partial
from typing import Any

import flask
from gunicorn.http import errors as http_errors  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from admin_api import probe_answers, request_deadline, state, unreadable
from admin_api.gunicorn_connection import SEND_SECONDS, Connection
from admin_api.gunicorn_leaving import STOP_LINGER_SECONDS, LeavingConnections

HEAD_SECONDS = 10.0  # from the first byte, or from the connection, to the end of the head
# For what a handler left unread, before the connection may be used again.
REST_SECONDS = 0.02
# Once we are to end.
STOP_HEAD_SECONDS = 1.0
STOP_BODY_SECONDS = 3.0
PIECE_BYTES = 64 * 1024
# Requests that have a thread or wait for one, of the connections there may be. What comes beyond is
# refused, so that there always is a connection for a probe.
SERVED_SHARE = 0.75
NOBODY_THERE = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED, errno.EINTR)
NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)


class Worker(ThreadWorker):  # type: ignore[misc] # the base has no types
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Each in the order of its deadlines; only the loop's thread touches them.
        self._arriving: dict[Connection, None] = {}
        self._leaving = LeavingConnections(self._close)
        self._served: set[Connection] = set()
        self._probes = probe_answers.WaitingProbes(self._answer)
        self._stops_since: float | None = None

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        soon = self._probes.seconds_left()
        super().wait_for_and_dispatch_events(timeout if soon is None else min(timeout, soon))

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        if self.alive:
            return
        for listener in self.sockets:
            listener.close()  # whoever comes now is refused, and need not wait for our end
        if isinstance(self.wsgi, flask.Flask):
            state.of(self.wsgi).drain.has_begun = True

    def accept(self, listener: socket.socket) -> None:
        try:
            sock, address = listener.accept()
        except OSError as error:
            if error.errno in NO_DESCRIPTORS:
                self._make_room()
            elif error.errno not in NOBODY_THERE:
                raise
            return
        self.nr_conns += 1
        if self.nr_conns >= self.worker_connections:
            self._make_room()
        self._expect_head(Connection(self.cfg, sock, address, listener.getsockname()))

    def _make_room(self) -> None:
        """Close who has asked for nothing for longest, before nobody else can come."""
        if self._leaving.close_oldest():
            return
        if self._arriving:
            self._close(next(iter(self._arriving)))
        elif self.keepalived_conns:
            self._close(self.keepalived_conns.popleft())

    def _expect_head(self, conn: Connection, received: bytes = b"") -> None:
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + HEAD_SECONDS
        self._arriving[conn] = None
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._read_head, conn))
        self._add_to_head(conn, received)

    def _read_head(self, conn: Connection, sock: socket.socket) -> None:
        try:
            piece = sock.recv(PIECE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if piece:
            self._add_to_head(conn, piece)
        else:
            self._close(conn)

    def _add_to_head(self, conn: Connection, piece: bytes) -> None:
        try:
            conn.add_to_head(piece)
        except http_errors.ParseException as error:
            self._refuse(conn, error)
            return
        if conn.has_whole_head:
            del self._arriving[conn]
            self.poller.unregister(conn.sock)
            self._serve(conn)

    def _serve(self, conn: Connection) -> None:
        """By the loop when it is a probe, else by a thread."""
        may_keep = self.alive and len(self.keepalived_conns) < self.max_keepalived
        probe = probe_answers.asked_for(bytes(conn.head), may_keep=may_keep)
        if probe is not None and isinstance(self.wsgi, flask.Flask):
            conn.head.clear()
            if probe.path == "/healthz":
                self._answer(conn, probe_answers.alive(probe), probe.keeps)
            else:
                defer = self.method_queue.defer
                self._probes.add(conn, probe, state.of(self.wsgi), defer)
        elif len(self._served) >= SERVED_SHARE * self.worker_connections:
            self._refuse(conn, unreadable.Overload())
        else:
            conn.came_at = time.monotonic()
            self._served.add(conn)
            self.enqueue_req(conn)

    def _answer(self, conn: Connection, answer: bytes, keeps: bool) -> None:
        """By the loop: what does not fit into the kernel's buffer is for a client that is gone."""
        try:
            is_sent = conn.sock.send(answer) == len(answer)
        except OSError:
            is_sent = False
        if not is_sent:
            self._close(conn)
        elif keeps and self.alive:
            conn.set_timeout()
            self.keepalived_conns.append(conn)
            kept = partial(self.on_client_socket_readable, conn)
            self.poller.register(conn.sock, selectors.EVENT_READ, kept)
        else:
            self._leave(conn)

    def _refuse(self, conn: Connection, error: BaseException) -> None:
        with contextlib.suppress(OSError):
            conn.sock.send(unreadable.answer_to(error))
        self._leave(conn)

    def on_client_socket_readable(self, conn: Connection, sock: socket.socket) -> None:
        """A kept connection brings another request."""
        self.poller.unregister(sock)
        self.keepalived_conns.remove(conn)
        self._expect_head(conn)
        self._read_head(conn, sock)

    def handle_request(self, req: Any, conn: Connection) -> Any:
        request_deadline.came_at.set(conn.came_at)
        conn.incoming.expect_body()
        _close_unless_read(req, conn)
        try:
            return super().handle_request(req, conn)
        except TimeoutError as error:  # of sending: the application sees those of receiving
            raise BrokenPipeError(errno.EPIPE, "the answer was not read in time") from error

    def _keepalive_after(self, _conn: Connection, keepalive: bool) -> bool:
        return keepalive  # the answer promised it, and the body is read: see _close_unless_read

    def handle_error(
        self, req: object, client: socket.socket, addr: object, exc: BaseException
    ) -> None:
        with contextlib.suppress(OSError):
            client.settimeout(SEND_SECONDS)
            client.sendall(unreadable.answer_to(exc))

    def finish_request(self, conn: Connection, fs: Future[Any]) -> None:
        self._served.discard(conn)
        if fs.cancelled() or fs.exception() is not None or not fs.result():
            self._leave(conn)
        elif begun := conn.parser.unreader.take_buffered():
            self._expect_head(conn, begun)
        else:
            super().finish_request(conn, fs)

    def _leave(self, conn: Connection) -> None:
        self._forget(conn)
        conn.head.clear()
        self._leaving.add(conn, self.poller, stops=not self.alive)

    def _close(self, conn: Connection) -> None:
        self._forget(conn)
        self.nr_conns -= 1
        conn.close()

    def _forget(self, conn: Connection) -> None:
        self._arriving.pop(conn, None)
        self._leaving.forget(conn)
        with contextlib.suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)

    def murder_pending(self) -> None:
        """In each turn of the loop, once a second at least, while it ends too."""
        now = time.monotonic()
        self._probes.give_up()
        if not self.alive:
            self._hurry(now)
        for conn in [conn for conn in self._arriving if conn.timeout <= now]:
            if conn.head:
                self._refuse(conn, TimeoutError("the head did not arrive in time"))
            else:
                self._close(conn)
        self._leaving.close_late(now)

    def _hurry(self, now: float) -> None:
        """Have nobody wait for long; a request that is here is answered."""
        if self._stops_since is None:
            self._stops_since = now
        for conn in self._arriving:
            conn.timeout = min(conn.timeout, self._stops_since + STOP_HEAD_SECONDS)
        self._leaving.hurry(self._stops_since + STOP_LINGER_SECONDS)
        if now > self._stops_since + STOP_BODY_SECONDS:
            for conn in self._served:
                with contextlib.suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RD)  # a body that still comes is cut off


def _close_unless_read(req: Any, conn: Connection) -> None:
    """Have the answer itself say that no other request may follow, when the body of this one is
    not wholly here by then: a client told nothing would send it into a closed connection.
    """
    is_asked_to_close = req.should_close

    @functools.cache
    def is_read() -> bool:
        return bool(conn.parser.finish_body(time.monotonic() + REST_SECONDS))

    req.should_close = lambda: is_asked_to_close() or not is_read()
