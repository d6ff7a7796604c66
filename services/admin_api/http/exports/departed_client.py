"""Notices that the client of an export has closed the connection."""

from __future__ import annotations

import select
import socket

# The event that the client has closed its side of the connection. Only Linux reports this event. On
# other systems, sending the next piece of the export fails.
_CLOSED_BY_CLIENT = getattr(select, "POLLRDHUP", 0)
_CLOSED = _CLOSED_BY_CLIENT | select.POLLHUP | select.POLLERR | select.POLLNVAL


def has_left(connection: socket.socket | None) -> bool:
    """Return whether the client has closed the connection. For None, return False."""
    if connection is None:
        return False
    number = connection.fileno()
    if number < 0:
        return True
    poller = select.poll()
    poller.register(number, _CLOSED_BY_CLIENT)
    return any(events & _CLOSED for _, events in poller.poll(0))
