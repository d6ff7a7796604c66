"""Waiting inside a request, without holding on to a server that stops or a client that left."""

import select
import socket
import time
from collections.abc import Callable

# How often a waiting request looks up, in seconds.
GLANCE = 0.1


def wait(seconds: float, stopping: Callable[[], bool], connection: object) -> None:
    """Wait, but no longer than the server runs and the client stays."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if stopping() or _left(connection, min(left, GLANCE)):
            return


def _left(connection: object, seconds: float) -> bool:
    """Has the client hung up? Takes that long to say no."""
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
