"""A request ends at its deadline also while it is sent, and through TLS."""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crawljobs.runtime.outbound.deadline_stream import DeadlineStream
from crawljobs.runtime.outbound.outbound_errors import DeadlineExceeded
from support import certificates

RECORD = 16_384
PAUSE_SECONDS = 0.1  # between two records


class RecordSocket(socket.socket):
    """Sends one record in a call of `send`, as a TLS socket may. `sendall` is that of `ssl`."""

    def send(self, data: Any, flags: int = 0) -> int:
        return super().send(data[:RECORD], flags)

    def sendall(self, data: Any, flags: int = 0) -> None:
        while data:
            data = data[self.send(data) :]


def plain(near: socket.socket, _folder: Path) -> tuple[socket.socket, None]:
    return RecordSocket(fileno=near.detach()), None


def encrypted(near: socket.socket, folder: Path) -> tuple[socket.socket, ssl.SSLContext]:
    made = certificates.make(folder, "DNS:hooks.example")
    trusting = ssl.create_default_context(cafile=str(made.file))
    wrapped = trusting.wrap_socket(
        near, server_hostname="hooks.example", do_handshake_on_connect=False
    )
    return wrapped, made.context


def read_slowly(
    context: ssl.SSLContext | None, side: socket.socket, closing: threading.Event
) -> None:
    """Read a record at a time, without decryption."""
    if context is not None:
        wrapped = context.wrap_socket(side, server_side=True)
        side = socket.socket(fileno=wrapped.detach())
    with side:
        while not closing.wait(PAUSE_SECONDS) and side.recv(RECORD):
            pass


@pytest.mark.parametrize("kind", [plain, encrypted])
def test_all_records_of_a_send_share_one_deadline(
    kind: Callable[[socket.socket, Path], tuple[socket.socket, ssl.SSLContext | None]],
    tmp_path: Path,
) -> None:
    closing = threading.Event()
    near, far = socket.socketpair()
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, RECORD)
    connected, context = kind(near, tmp_path)
    reader = threading.Thread(target=read_slowly, args=(context, far, closing), daemon=True)
    reader.start()
    with connected:
        if isinstance(connected, ssl.SSLSocket):
            connected.do_handshake()
        began = time.monotonic()
        stream = DeadlineStream(connected, deadline=began + 0.6, read_max=1)
        with pytest.raises(DeadlineExceeded):
            stream.sendall(b"x" * (30 * RECORD))
        assert 0.5 < time.monotonic() - began < 1.5
        closing.set()
    reader.join(20)
