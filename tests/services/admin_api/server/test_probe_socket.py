"""The master's requests for its workers' probes, over a local socket."""

import os
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from admin_api.server import probe_socket
from crawljobs.runtime.probes import readiness


@contextmanager
def worker(path: Path, reply: bytes) -> Iterator[None]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(reply)

    server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.mark.parametrize(
    ("reply", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b"ok\n"),
        (b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n", 503, b"a worker answered 503\n"),
        (b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", 503, b"a worker answered 500\n"),
        (b"", 503, b"no worker answered: "),
        (b"garbage\r\n", 503, b"no worker answered: "),
    ],
)
def test_the_page_shows_the_reply_of_a_worker(
    tmp_path: Path, reply: bytes, status: int, body: bytes
) -> None:
    path = tmp_path / "probes.sock"
    with worker(path, reply):
        answer = probe_socket.page(path, "/readyz")()
    assert answer.status == status
    assert answer.body.startswith(body)


def test_a_missing_socket_is_a_failed_probe(tmp_path: Path) -> None:
    answer = probe_socket.page(tmp_path / "probes.sock", "/readyz")()
    assert answer.status == 503
    assert answer.body == b"no worker answered: [Errno 2] No such file or directory\n"


def test_a_silent_worker_is_a_failed_probe_before_kubernetes_gives_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert readiness.DEADLINE_SECONDS < probe_socket.ANSWER_SECONDS < 3
    monkeypatch.setattr(probe_socket, "ANSWER_SECONDS", 0.05)
    path = tmp_path / "probes.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        answer = probe_socket.page(path, "/readyz")()
    assert (answer.status, answer.body) == (503, b"no worker answered: timed out\n")


@pytest.mark.parametrize(("size", "has_room"), [(100, True), (101, False)])
def test_a_socket_has_a_path_of_at_most_100_bytes(size: int, has_room: bool) -> None:
    folder = Path("/") / ("é" * ((size - 13) // 2) + "x" * ((size - 13) % 2))
    path = folder / "probes.sock"
    assert len(os.fsencode(path)) == size
    assert probe_socket.socket_in(folder) == (path if has_room else None)
