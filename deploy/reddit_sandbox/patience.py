"""Delay a reply, but end the wait when the server stops or the client disconnects."""

import select
import socket
import time
from collections.abc import Callable

# Seconds between two checks whether the wait must end.
GLANCE = 0.1


def wait(seconds: float, stopping: Callable[[], bool], connection: object) -> None:
    """Wait for `seconds`. Return early if the server stops or the client disconnects."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if stopping() or _left(connection, min(left, GLANCE)):
            return


def _left(connection: object, seconds: float) -> bool:
    """Return whether the client disconnects within these seconds."""
    if not isinstance(connection, socket.socket):
        time.sleep(seconds)
        return False
    readable, _, _ = select.select([connection], [], [], seconds)
    if not readable:
        return False
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True
