"""Simulate a process that froze while it was sending a statement to Postgres."""

import os
import struct

import psycopg

from support.waiting import wait_until

DEADLINE_SECONDS = 20


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", 4 + len(body)) + body


# A complete Parse message, and the first half of a Bind message.
_PARSE = _message(b"P", b"\0SELECT pg_sleep(0)\0\0\0")
_HALF_A_BIND = _message(b"B", b"\0" * 100)[:50]


def freeze(
    connection: "psycopg.Connection[tuple[object, ...]]",
    watcher: "psycopg.Connection[tuple[object, ...]]",
) -> None:
    """Send a part of a statement, and wait until the server waits for the rest of the statement."""
    os.write(connection.fileno(), _PARSE + _HALF_A_BIND)
    asked = (
        "SELECT 1 FROM pg_stat_activity"
        " WHERE pid = %s AND state = 'active' AND wait_event = 'ClientRead'"
    )
    wait_until(
        lambda: watcher.execute(asked, [connection.info.backend_pid]).fetchone() is not None,
        timeout=DEADLINE_SECONDS,
        describe="the server to wait for the rest",
    )
