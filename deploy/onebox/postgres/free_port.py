"""Choose the port of an embedded Postgres: a fixed port, the previous port, or any free port."""

import contextlib
import socket
from pathlib import Path

from onebox.demo_errors import PostgresError
from onebox.postgres.server_options import HOST


def choose(fixed: int, previous: Path) -> int:
    """Return the port on which Postgres listens.

    - `fixed` is not 0: the port `fixed`. Raises PostgresError if another process uses this port.
    - The port in the file `previous` is free: this port.
    - In all other cases: any free port.
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
