"""Choose the port of an embedded Postgres: the fixed one, the previous one, or any free port."""

import contextlib
import socket
from pathlib import Path

from onebox.demo_errors import PostgresError
from onebox.postgres.server_options import HOST


def choose(fixed: int, previous: Path) -> int:
    """A free port; `fixed` 0 means the port in the file `previous`, or any.

    Raises PostgresError when the fixed port is taken.
    """
    if fixed:
        if not _is_free(fixed):
            raise PostgresError(
                f"Port {fixed} on {HOST} is taken: "
                "stop the process that uses it, or give Postgres another port."
            )
        return fixed
    with contextlib.suppress(OSError, ValueError):
        before = int(previous.read_text())
        if 1024 <= before <= 65535 and _is_free(before):
            return before
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
