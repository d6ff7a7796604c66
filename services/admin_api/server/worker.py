"""gunicorn's threaded worker, with threads only for complete requests.

gunicorn's own worker assigns a thread to each new connection. The thread waits for the head without
a deadline, so slow clients can occupy all threads. Here the event loop collects the requests, and
threads do not read from clients.
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

from admin_api.http import state
from admin_api.http.request import request_deadline
from admin_api.server import http_rules, probe_replies, protocol_errors
from admin_api.server.arriving_connections import STOP_HEAD_SECONDS, ArrivingConnections
from admin_api.server.connection import SEND_SECONDS, Connection
from admin_api.server.leaving_connections import STOP_LINGER_SECONDS, LeavingConnections
from crawljobs.runtime.acceptor import Acceptor

# Shares of the allowed connections (worker_connections).
# Requests that have a thread or wait for one. Above this share the worker refuses new requests.
SERVED_SHARE = 0.6
# Readiness probes that wait for the database. Above this share the oldest probe gets a response.
READINESS_SHARE = 0.2
# The remaining share is for connections without a complete request. One iteration of the event loop
# accepts fewer, so that each connection has several iterations before it is the oldest one, which
# the worker closes.
ACCEPTED_SHARE = 1 / 16
SWEEP_SECONDS = 0.1  # the interval of deadline checks


class Worker(ThreadWorker):  # type: ignore[misc] # the base has no types
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._arriving = ArrivingConnections(
            serve=self._serve, refuse=self._refuse, close=self._close
        )
        self._leaving = LeavingConnections(self._close)
        self._served: set[Connection] = set()
        self._probes = probe_replies.WaitingProbes(self._send)
        self._stops_since: float | None = None
        self._swept_at = 0.0
        self._acceptor = Acceptor(
            begin=self._begin,
            make_room=self._make_room,
            most=max(1, int(ACCEPTED_SHARE * self.worker_connections)),
        )

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        soon = self._probes.seconds_left()
        timeout = timeout if soon is None else min(timeout, soon)
        pause = self._acceptor.pause_seconds
        super().wait_for_and_dispatch_events(min(timeout, pause) if pause else timeout)

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled and not self._acceptor.pause_seconds)
        if self.alive:
            return
        for listener in self.sockets:
            listener.close()  # new clients get an error at once instead of waiting for the exit
        if isinstance(self.wsgi, flask.Flask):
            state.of(self.wsgi).drain.has_begun = True

    def accept(self, listener: socket.socket) -> None:
        self._acceptor.accept(listener)
        if self._acceptor.pause_seconds:
            super().set_accept_enabled(False)  # the run loop enables it after the pause

    def _begin(self, sock: socket.socket, address: object) -> None:
        if self.nr_conns + 1 >= self.worker_connections:
            self._make_room()
        self.nr_conns += 1
        try:
            conn = Connection(self.cfg, sock, address, sock.getsockname())
        except OSError:  # the client has closed the connection
            self.nr_conns -= 1
            sock.close()
            return
        self._arriving.add(conn, self.poller)

    def _make_room(self) -> bool:
        """Close the connection that has waited longest without a thread; False if there is none."""
        if self._leaving.close_oldest():
            return True
        kept = self.keepalived_conns[0] if self.keepalived_conns else None
        arriving = self._arriving.oldest()
        if kept is not None and (arriving is None or kept.waits_since < arriving.waits_since):
            self.keepalived_conns.popleft()
            self._close(kept)
        elif arriving is not None:
            self._close(arriving)
        else:
            return self._refuse_readiness()
        return True

    def _refuse_readiness(self) -> bool:
        """Refuse the oldest waiting readiness probe; returns whether there was one."""
        conn = self._probes.remove_oldest()
        if conn is None:
            return False
        with contextlib.suppress(OSError):
            conn.sock.send(protocol_errors.response_to(http_rules.overload()))
        self._close(conn)
        return True

    def _serve(self, conn: Connection) -> None:
        """Serve a complete request: a plain probe in the event loop, any other in a thread."""
        self._forget(conn)
        may_keep = self.alive and len(self.keepalived_conns) < self.max_keepalived
        probe = None
        if conn.arriving.may_be_followed and not conn.arriving.behind:
            head = bytes(conn.arriving.received)
            probe = probe_replies.parse(head, may_keep=may_keep)
        if probe is not None and isinstance(self.wsgi, flask.Flask):
            self._arriving.release_memory(conn)
            if probe.path == "/healthz":
                self._send(conn, probe_replies.alive(probe), probe.keeps)
            else:
                is_full = len(self._probes) >= READINESS_SHARE * self.worker_connections
                if is_full and not self._probes.repeat_to_oldest():
                    self._refuse_readiness()
                defer = self.method_queue.defer
                self._probes.add(conn, probe, state.of(self.wsgi), defer)
        elif len(self._served) >= SERVED_SHARE * self.worker_connections:
            self._refuse(conn, http_rules.overload())
        else:
            conn.arrived_at = time.monotonic()
            self._served.add(conn)
            self.enqueue_req(conn)

    def _send(self, conn: Connection, response: bytes, keeps: bool) -> None:
        """Send from the event loop. If the send buffer is full, the client does not read: close."""
        try:
            is_sent = conn.sock.send(response) == len(response)
        except OSError:
            is_sent = False
        if not is_sent:
            self._close(conn)
        elif keeps and self.alive:
            self._keep(conn)
        else:
            self._leave(conn)

    def _keep(self, conn: Connection) -> None:
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
            self._close(conn)
            return
        self.keepalived_conns.append(conn)

    def _refuse(self, conn: Connection, error: BaseException) -> None:
        with contextlib.suppress(OSError):
            conn.sock.send(protocol_errors.response_to(error))
        self._leave(conn)

    def on_client_socket_readable(self, conn: Connection, sock: socket.socket) -> None:
        """Collect another request from a kept connection."""
        if conn not in self.keepalived_conns:
            return  # closed earlier in this iteration of the event loop
        self.poller.unregister(sock)
        self.keepalived_conns.remove(conn)
        self._arriving.add(conn, self.poller)
        self._arriving.read(conn, sock)

    def handle_request(self, req: Any, conn: Connection) -> Any:
        http_rules.check(req.version, req.headers)
        request_deadline.arrived_at.set(conn.arrived_at)
        req._expected_100_continue = False  # the event loop has sent `100 Continue`
        if not conn.arriving.may_be_followed:
            req.force_close()  # sends `Connection: close`: the next request has an unknown start
        try:
            return super().handle_request(req, conn)
        except TimeoutError as error:  # while sending; the application handles receive timeouts
            raise BrokenPipeError(errno.EPIPE, "the client did not read the response") from error

    def _keepalive_after(self, _conn: Connection, keepalive: bool) -> bool:
        return keepalive  # as the response announced; gunicorn would read the rest of a body here

    def handle_error(
        self, req: object, client: socket.socket, addr: object, exc: BaseException
    ) -> None:
        with contextlib.suppress(OSError):
            client.settimeout(SEND_SECONDS)
            client.sendall(protocol_errors.response_to(exc))

    def finish_request(self, conn: Connection, fs: Future[Any]) -> None:
        self._served.discard(conn)
        self._arriving.release_memory(conn)
        if fs.cancelled() or fs.exception() is not None or not fs.result():
            self._leave(conn)
        elif conn.arriving.behind:
            self._arriving.add(conn, self.poller, conn.arriving.behind)
        else:
            self._keep(conn)

    def _leave(self, conn: Connection) -> None:
        self._forget(conn)
        self._arriving.release_memory(conn)
        self._leaving.add(conn, self.poller, stops=not self.alive)

    def _close(self, conn: Connection) -> None:
        self._forget(conn)
        self._arriving.release_memory(conn)
        self.nr_conns -= 1
        conn.close()

    def _forget(self, conn: Connection) -> None:
        self._arriving.forget(conn)
        self._leaving.forget(conn)
        with contextlib.suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)

    def murder_pending(self) -> None:
        """Check the deadlines. gunicorn calls it in each loop iteration, at least once a second."""
        now = time.monotonic()
        self._probes.give_up()
        if now - self._swept_at < SWEEP_SECONDS:
            return  # a check of each connection in every iteration would use too much CPU
        self._swept_at = now
        if not self.alive:
            self._shorten_deadlines(now)
        self._arriving.stop_late(now)
        self._leaving.close_late(now)

    def _shorten_deadlines(self, now: float) -> None:
        """Shorten the deadlines while the process stops. Complete requests still get a response."""
        if self._stops_since is None:
            self._stops_since = now
        self._arriving.shorten_deadlines(self._stops_since)
        self._leaving.shorten_deadlines(self._stops_since + STOP_LINGER_SECONDS)
