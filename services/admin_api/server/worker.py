"""The event loop of a worker. It receives all requests, so that no thread reads from a client."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from admin_api.server import http_rules, probe_replies, protocol_errors
from admin_api.server.arriving_connections import ArrivingConnections
from admin_api.server.connection import Connection
from admin_api.server.gunicorn_worker import GunicornWorker
from admin_api.server.leaving_connections import STOP_LINGER_SECONDS, LeavingConnections
from admin_api.server.waiting_probes import WaitingProbes

# The share of the allowed connections (worker_connections) for requests that have a thread or wait
# for a thread. If the share is used up, the worker refuses new requests.
SERVED_SHARE = 0.6
# The share of the allowed connections for readiness probes that wait for the database. If a further
# probe arrives while this share is used up, the oldest probe gets its response. The response is
# "ready" if a check has just succeeded, otherwise 503. All other connections are for requests that
# have not arrived completely.
READINESS_SHARE = 0.2
SWEEP_SECONDS = 0.1  # the interval of deadline checks


class Worker(GunicornWorker):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._arriving = ArrivingConnections(
            serve=self._serve, refuse=self._refuse, close=self._close
        )
        self._leaving = LeavingConnections(self._close)
        self._served: set[Connection] = set()
        self._probes = WaitingProbes(self._send)
        self._stops_since: float | None = None
        self._swept_at = 0.0

    def collect(self, conn: Connection, *, is_readable: bool) -> None:
        self._arriving.add(conn, self.poller)
        if is_readable:
            self._arriving.read(conn, conn.sock)

    def make_room(self) -> bool:
        """Close an old connection that no thread handles.

        Return False if threads handle all connections.
        """
        if self._leaving.close_oldest():
            return True
        kept, arriving = self.oldest_kept, self._arriving.oldest()
        if kept is not None and (arriving is None or kept.waits_since < arriving.waits_since):
            self.close_oldest_kept()
        elif arriving is not None:
            self._close(arriving)
        else:
            return self._refuse_readiness()
        return True

    def _refuse_readiness(self) -> bool:
        """Refuse the oldest waiting readiness probe. Return False if no probe waits."""
        conn = self._probes.remove_oldest()
        if conn is None:
            return False
        with contextlib.suppress(OSError):
            conn.sock.send(protocol_errors.response_to(http_rules.overload()))
        self._close(conn)
        return True

    def _serve(self, conn: Connection) -> None:
        """Serve a complete request: a plain probe in the event loop, other requests in a thread."""
        self._forget(conn)
        if self._serve_probe(conn):
            return
        if len(self._served) >= SERVED_SHARE * self.worker_connections:
            self._refuse(conn, http_rules.overload())
            return
        self._served.add(conn)
        self.respond_in_thread(conn)

    def _serve_probe(self, conn: Connection) -> bool:
        """Respond if the received request is a plain probe: GET /healthz or /readyz without a body.

        Return False for any other request.
        """
        if not conn.arriving.may_be_followed or conn.arriving.behind:
            return False
        head = bytes(conn.arriving.received)
        probe = probe_replies.parse(head, may_keep=self.may_keep_another)
        state = self.application_state
        if probe is None or state is None:
            return False
        self._arriving.release_memory(conn)
        if probe.path == "/healthz":
            self._send(conn, probe_replies.alive(probe), probe.keeps)
            return True
        is_full = len(self._probes) >= READINESS_SHARE * self.worker_connections
        if is_full and not self._probes.repeat_to_oldest():
            self._refuse_readiness()
        self._probes.add(conn, probe, state, self.call_in_loop)
        return True

    def _send(self, conn: Connection, response: bytes, keeps: bool) -> None:
        """Send a response from the event loop. If the send buffer is full, close the connection."""
        try:
            is_sent = conn.sock.send(response) == len(response)
        except OSError:
            is_sent = False
        if not is_sent:
            self._close(conn)
        elif keeps and self.alive:
            self.keep(conn)
        else:
            self._leave(conn)

    def _refuse(self, conn: Connection, error: BaseException) -> None:
        with contextlib.suppress(OSError):
            conn.sock.send(protocol_errors.response_to(error))
        self._leave(conn)

    def responded(self, conn: Connection, *, keeps: bool) -> None:
        self._served.discard(conn)
        self._arriving.release_memory(conn)
        if not keeps:
            self._leave(conn)
        elif conn.arriving.behind:
            self._arriving.add(conn, self.poller, conn.arriving.behind)
        else:
            self.keep(conn)

    def _leave(self, conn: Connection) -> None:
        self._forget(conn)
        self._arriving.release_memory(conn)
        self._leaving.add(conn, self.poller, stops=not self.alive)

    def _close(self, conn: Connection) -> None:
        self._forget(conn)
        self._arriving.release_memory(conn)
        self.close(conn)

    def _forget(self, conn: Connection) -> None:
        self._arriving.forget(conn)
        self._leaving.forget(conn)
        self.unregister(conn)

    def seconds_until_deadline(self) -> float | None:
        return self._probes.seconds_left()

    def check_deadlines(self) -> None:
        now = time.monotonic()
        self._probes.give_up()
        if now - self._swept_at < SWEEP_SECONDS:
            return  # a check in each iteration of the event loop would use too much CPU
        self._swept_at = now
        if not self.alive:
            self._shorten_deadlines(now)
        self._arriving.stop_late(now)
        self._leaving.close_late(now)

    def _shorten_deadlines(self, now: float) -> None:
        """Shorten the deadlines of open connections, because the process stops.

        Requests that have arrived completely still get a response.
        """
        if self._stops_since is None:
            self._stops_since = now
        self._arriving.shorten_deadlines(self._stops_since)
        self._leaving.shorten_deadlines(self._stops_since + STOP_LINGER_SECONDS)
