"""A connection to Postgres that limits the time of each wait."""

from __future__ import annotations

import math
import os
import select
import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg import conninfo

from crawljobs import errors
from crawljobs.db import call_deadline, character_set, server_liveness, timed_connect
from crawljobs.db.driver_errors import NoReply
from crawljobs.db.server_liveness import ServerLiveness
from crawljobs.db.timeouts import BACKGROUND_TIMEOUTS, Timeouts

T = TypeVar("T")

# The server ends a session that is silent for this time within a transaction. Only a frozen process
# is silent for so long. The jobs in its transaction stay locked until the session ends, and the
# rescue skips locked jobs. So the time must be shorter than the usual lease of 30 s.
IDLE_IN_TRANSACTION_SECONDS = 15
SHORTEST_CONNECT_TIMEOUT_SECONDS = 2  # the shortest timeout that libpq supports
# A connection that was idle for longer than SURELY_ALIVE_SECONDS is pinged before its next use
# (decision 70).
SURELY_ALIVE_SECONDS = 1.0


def session_settings(limits: Timeouts) -> dict[str, str]:
    """Return the session settings that the client sends, in case the role does not set them."""
    return {
        "statement_timeout": f"{1000 * limits.statement:g}ms",
        "lock_timeout": f"{1000 * limits.lock:g}ms",
        "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_SECONDS}s",
        "timezone": "UTC",
        # Each statement takes only milliseconds, but its JIT compilation takes more than a second.
        # By default, Postgres compiles a statement if the planner expects many rows (decision 113).
        "jit": "off",
    }


def _parameters(
    url: str, application_name: str, limits: Timeouts, *, pooled: bool
) -> dict[str, object]:
    """Return connection parameters that give each network call a timeout."""
    parameters: dict[str, object] = {
        "application_name": application_name,
        "connect_timeout": max(SHORTEST_CONNECT_TIMEOUT_SECONDS, math.ceil(limits.connect)),
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "tcp_user_timeout": 15_000,  # ms until a connection fails if sent data is not acknowledged
    }
    if not pooled:
        own = conninfo.conninfo_to_dict(url).get("options") or ""
        settings = session_settings(limits).items()
        parameters["options"] = " ".join([*(f"-c {n}={v}" for n, v in settings), str(own)]).strip()
    return parameters


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that closes itself if the server's reply is late (decision 24).

    A reply is late after `reply_seconds`, or at the deadline of the request. Without a limit, a
    connection could wait forever: a network that drops packets, a frozen server and a hanging
    pooler cause no error. With `liveness`, the connection also closes when the server is dead.
    """

    reply_seconds = BACKGROUND_TIMEOUTS.reply
    liveness: ServerLiveness | None = None
    alive_at = -math.inf  # when the connection last returned to the pool, by the monotonic clock
    has_been_used = False

    def may_be_dead(self) -> bool:
        """Return whether the connection was idle for long, or has unread data.

        - Unread data while no statement runs: the session or the server has ended.
        - Idle for more than SURELY_ALIVE_SECONDS: the server may be dead. If the network drops
          packets, a dead connection has no unread data.
        """
        if self.closed or time.monotonic() > self.alive_at + SURELY_ALIVE_SECONDS:
            return True
        socket = select.poll()
        socket.register(self.fileno(), select.POLLIN)
        return bool(socket.poll(0))

    def wait(self, gen: Generator[Any, Any, T], *args: Any, **options: Any) -> T:
        return super().wait(self._bounded(time.monotonic(), gen), *args, **options)

    def _bounded(self, began: float, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """Run a generator of psycopg, which yields when it waits for the network.

        Psycopg resumes the generator several times a second. Each time, this function checks
        whether the reply is late.
        """
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if why := self._lost(began):
                    self.close()
                    raise NoReply(why)
                wanted = gen.send(ready)
        except StopIteration as end:
            result: T = end.value
            return result

    def _lost(self, began: float) -> str | None:
        now = time.monotonic()
        if now >= began + self.reply_seconds:
            return f"the server did not reply within {self.reply_seconds:g} s"
        if now >= call_deadline.until():
            return "the deadline of the request passed before the reply"
        if (
            self.liveness
            and now >= began + server_liveness.LATE_SECONDS
            and self.liveness.is_lost()
        ):
            return "the server does not respond"
        return None


def connect(
    url: str,
    application_name: str,
    *,
    pooled: bool = False,
    reply_seconds: float | None = None,
    limits: Timeouts = BACKGROUND_TIMEOUTS,
) -> BoundedConnection:
    """Open a connection that limits the time of each wait.

    Raises UnusableDatabase if the database's encoding is not UTF-8, and psycopg.Error if no
    connection can be opened.
    """
    parameters = _parameters(url, application_name, limits, pooled=pooled)

    def open_connection() -> BoundedConnection:
        try:
            return BoundedConnection.connect(url, **parameters)  # type: ignore[arg-type]
        except OSError as error:  # an error of this process, such as too many open files
            reason = os.strerror(error.errno) if error.errno else type(error).__name__
            raise NoReply(f"a connection cannot be opened: {reason}") from error

    if limits.connect >= SHORTEST_CONNECT_TIMEOUT_SECONDS:
        connection = open_connection()
    else:
        connection = timed_connect.connect_within(limits.connect, open_connection)
    try:
        character_set.check_encoding(connection)
    except errors.UnusableDatabase:
        connection.close()
        raise
    connection.reply_seconds = limits.reply if reply_seconds is None else reply_seconds
    if pooled:
        # Prepare no statements, because a pooler may use another session for each statement.
        connection.prepare_threshold = None
    return connection
