"""A local socket through which gunicorn's master sends probes to its workers.

When clients fill the accept queue of the API's port, a probe on this port waits or is dropped. The
local socket has a separate queue, which clients of the API cannot reach.
"""

from __future__ import annotations

import http.client
import os
import socket
from functools import partial
from http import HTTPStatus
from pathlib import Path

from crawljobs.runtime.probes.probe_server import NotWell, Page, check

FILE = "probes.sock"
PATH_BYTES = 100  # maximum length of the socket's path; Linux allows 107
ANSWER_SECONDS = 2.5  # longest wait for the answer of a worker, which comes within 2 s


def socket_in(folder: Path) -> Path | None:
    """Return the path of the socket in this folder, or None if the path is too long."""
    path = folder / FILE
    return path if len(os.fsencode(path)) <= PATH_BYTES else None


def page(socket_path: Path, probe: str) -> Page:
    """Return a page for the probe server of gunicorn's master.

    The page sends `probe`, a path such as /healthz, to a worker, and shows the worker's result.
    """
    return check(partial(_request, socket_path, probe))


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _request(socket_path: Path, probe: str) -> None:
    connection = _Connection(socket_path)
    try:
        connection.request("GET", probe)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise NotWell(f"no worker answered: {error or type(error).__name__}") from None
    finally:
        connection.close()
    if status != HTTPStatus.OK:
        raise NotWell(f"a worker answered {status}")
