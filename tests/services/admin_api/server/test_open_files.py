"""With a low limit of open files, the API keeps some files for requests and probes."""

import contextlib
import http.client
import os
import resource
import signal
import socket
import types
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import structlog

from admin_api.server import open_files
from support.admin_api import TOKEN, Gunicorn, start_gunicorn
from support.waiting import wait_until

LIMIT = 64
CROWD = 90  # connections, more than LIMIT
THREADS = 8
ROUNDS = 3


@pytest.fixture
def server(tmp_path: Path, database_url: str) -> Iterator[Gunicorn]:
    """Yield a server whose only worker starts with the low limit."""
    running = start_gunicorn(
        tmp_path, database_url, ADMIN_API_WORKERS="1", ADMIN_API_THREADS=str(THREADS)
    )
    psutil.Process(running.process.pid).rlimit(psutil.RLIMIT_NOFILE, (LIMIT, LIMIT))
    (old,) = running.worker_pids()
    os.kill(old, signal.SIGKILL)
    wait_until(
        lambda: running.worker_pids() and old not in running.worker_pids(),
        timeout=20,
        describe="the next worker",
    )
    yield running
    running.stop()


def status(server: Gunicorn, path: str) -> int:
    parts = urlsplit(server.url)
    with contextlib.closing(
        http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    ) as client:
        client.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
        return client.getresponse().status


def test_idle_connections_leave_files_for_requests_and_probes(server: Gunicorn) -> None:
    parts = urlsplit(server.url)
    with contextlib.ExitStack() as stack:
        for _ in range(CROWD):
            stack.enter_context(socket.create_connection((parts.hostname, parts.port), timeout=20))
        with ThreadPoolExecutor(THREADS) as clients:
            for _ in range(ROUNDS):
                paths = ["/api/admin/jobs"] * THREADS
                assert set(clients.map(lambda path: status(server, path), paths)) == {200}
                assert status(server, "/readyz") == 200
    actions = [line["action"] for line in server.log_lines()]
    assert "accept.failed" not in actions
    assert "connections.limited" in actions


@pytest.mark.parametrize(
    ("limit", "threads", "allowed"),
    [
        (1024, 8, 400),
        (resource.RLIM_INFINITY, 8, 400),
        (64, 8, 20),
        (1024, 256, 400),
        (16, 8, 8),
        (444, 8, 400),
        (443, 8, 399),
        (53, 8, 9),
        (52, 8, 8),
        (51, 8, 8),
    ],
)
def test_the_limit_bounds_the_connections(
    monkeypatch: pytest.MonkeyPatch, limit: int, threads: int, allowed: int
) -> None:
    monkeypatch.setattr(open_files.resource, "getrlimit", lambda _: (limit, limit))
    settings = types.SimpleNamespace(worker_connections=400, threads=threads)
    with structlog.testing.capture_logs() as logged:
        assert open_files.allowed_connections(settings) == allowed
    about = {"open_files": limit, "wanted": 400, "allowed": allowed}
    line = {"event": "connections.limited", "log_level": "warning", **about}
    assert logged == ([] if allowed == 400 else [line])
