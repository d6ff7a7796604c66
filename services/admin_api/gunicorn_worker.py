"""gunicorn's threaded worker, with threads for whole requests alone.

The stock one gives a thread to a connection at once and lets it wait there for the head without
a deadline: as many slow clients as threads stop everything. Here the loop collects the requests,
and a thread reads nothing from a client.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import time
from concurrent.futures import Future
from functools import partial
from typing import Any

import flask
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from admin_api import http_rules, probe_answers, request_deadline, state, unreadable
from admin_api.gunicorn_arriving import STOP_HEAD_SECONDS, ArrivingConnections
from admin_api.gunicorn_connection import SEND_SECONDS, Connection
from admin_api.gunicorn_leaving import STOP_LINGER_SECONDS, LeavingConnections

# Requests that have a thread or wait for one, of the connections there may be. What comes beyond is
# refused, so that there always is a connection for a probe.
SERVED_SHARE = 0.75
NOBODY_THERE = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED, errno.EINTR)
NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)


class Worker(ThreadWorker):  # type: ignore[misc] # the base has no types
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._arriving = ArrivingConnections(
            serve=self._serve, refuse=self._refuse, close=self._close
        )
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
        conn = Connection(self.cfg, sock, address, listener.getsockname())
        self._arriving.add(conn, self.poller)

    def _make_room(self) -> None:
        """Close who has asked for nothing for longest, before nobody else can come."""
        if self._leaving.close_oldest() or self._arriving.close_oldest():
            return
        if self.keepalived_conns:
            self._close(self.keepalived_conns.popleft())

    def _serve(self, conn: Connection) -> None:
        """By the loop when it is a probe, else by a thread."""
        self._forget(conn)
        may_keep = self.alive and len(self.keepalived_conns) < self.max_keepalived
        probe = None
        if conn.arriving.may_be_followed and not conn.arriving.behind:
            head = bytes(conn.arriving.received)
            probe = probe_answers.asked_for(head, may_keep=may_keep)
        if probe is not None and isinstance(self.wsgi, flask.Flask):
            self._arriving.let_go(conn)
            if probe.path == "/healthz":
                self._answer(conn, probe_answers.alive(probe), probe.keeps)
            else:
                defer = self.method_queue.defer
                self._probes.add(conn, probe, state.of(self.wsgi), defer)
        elif len(self._served) >= SERVED_SHARE * self.worker_connections:
            self._refuse(conn, http_rules.overload())
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
            self._keep(conn)
        else:
            self._leave(conn)

    def _keep(self, conn: Connection) -> None:
        """Open, for another request."""
        conn.sock.setblocking(False)
        conn.set_timeout()
        if not self.alive:
            conn.timeout = min(conn.timeout, time.monotonic() + STOP_HEAD_SECONDS)
        self.keepalived_conns.append(conn)
        kept = partial(self.on_client_socket_readable, conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, kept)

    def _refuse(self, conn: Connection, error: BaseException) -> None:
        with contextlib.suppress(OSError):
            conn.sock.send(unreadable.answer_to(error))
        self._leave(conn)

    def on_client_socket_readable(self, conn: Connection, sock: socket.socket) -> None:
        """A kept connection brings another request."""
        if conn not in self.keepalived_conns:
            return  # closed meanwhile, in this turn of the loop
        self.poller.unregister(sock)
        self.keepalived_conns.remove(conn)
        self._arriving.add(conn, self.poller)
        self._arriving.read(conn, sock)

    def handle_request(self, req: Any, conn: Connection) -> Any:
        http_rules.check(req.version, req.headers)
        request_deadline.came_at.set(conn.came_at)
        req._expected_100_continue = False  # the loop has told the client to go on
        if not conn.arriving.may_be_followed:
            req.force_close()  # the answer says so: the next request would not be found
        try:
            return super().handle_request(req, conn)
        except TimeoutError as error:  # of sending: the application sees those of receiving
            raise BrokenPipeError(errno.EPIPE, "the answer was not read in time") from error

    def _keepalive_after(self, _conn: Connection, keepalive: bool) -> bool:
        return keepalive  # the answer promised it; gunicorn would look for a rest of the body

    def handle_error(
        self, req: object, client: socket.socket, addr: object, exc: BaseException
    ) -> None:
        with contextlib.suppress(OSError):
            client.settimeout(SEND_SECONDS)
            client.sendall(unreadable.answer_to(exc))

    def finish_request(self, conn: Connection, fs: Future[Any]) -> None:
        self._served.discard(conn)
        self._arriving.let_go(conn)
        if fs.cancelled() or fs.exception() is not None or not fs.result():
            self._leave(conn)
        elif conn.arriving.behind:
            self._arriving.add(conn, self.poller, conn.arriving.behind)
        else:
            self._keep(conn)

    def _leave(self, conn: Connection) -> None:
        self._forget(conn)
        self._arriving.let_go(conn)
        self._leaving.add(conn, self.poller, stops=not self.alive)

    def _close(self, conn: Connection) -> None:
        self._forget(conn)
        self._arriving.let_go(conn)
        self.nr_conns -= 1
        conn.close()

    def _forget(self, conn: Connection) -> None:
        self._arriving.forget(conn)
        self._leaving.forget(conn)
        with contextlib.suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)

    def murder_pending(self) -> None:
        """In each turn of the loop, once a second at least, while it ends too."""
        now = time.monotonic()
        self._probes.give_up()
        if not self.alive:
            self._hurry(now)
        self._arriving.end_late(now)
        self._leaving.close_late(now)

    def _hurry(self, now: float) -> None:
        """Let no client wait for long; a request that is here is answered."""
        if self._stops_since is None:
            self._stops_since = now
        self._arriving.hurry(self._stops_since)
        self._leaving.hurry(self._stops_since + STOP_LINGER_SECONDS)
