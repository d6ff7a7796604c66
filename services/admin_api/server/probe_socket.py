"""The workers' probes, asked by the master over a socket of this machine alone.

Clients that fill the queue of the API's port keep a probe there waiting, or the kernel drops it.
This socket has a queue of its own, which no client of the API reaches.
"""

from __future__ import annotations

import http.client
import os
import socket
from functools import partial
from http import HTTPStatus
from pathlib import Path

from crawljobs.runtime.probe_server import NotWell, Page, check

FILE = "probes.sock"
PATH_BYTES = 100  # the kernel takes 107
ANSWER_SECONDS = 2.5  # a worker answers /readyz within 2 s; Kubernetes gives the probe 3 s


def socket_in(folder: Path) -> Path | None:
    """None when a path in this folder is too long for a socket."""
    path = folder / FILE
    return path if len(os.fsencode(path)) <= PATH_BYTES else None


def page(path: Path, asked: str) -> Page:
    """What a worker answers to this probe: any of them, as on the API's port."""
    return check(partial(_ask, path, asked))


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _ask(path: Path, asked: str) -> None:
    connection = _Connection(path)
    try:
        connection.request("GET", asked)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise NotWell(f"no worker answered: {error or type(error).__name__}") from None
    finally:
        connection.close()
    if status != HTTPStatus.OK:
        raise NotWell(f"a worker answered {status}")
