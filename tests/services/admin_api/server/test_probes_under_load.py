"""The API answers probes while the database hangs and every thread waits for it."""

import contextlib
import multiprocessing
import select
import socket
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from admin_api.server import http_rules, probe_replies
from support import readiness_crowd
from support.admin_api import TOKEN, Gunicorn, start_gunicorn
from support.processes import family
from support.readiness_crowd import answer

ALIVE_SECONDS = 1.0  # the liveness probe of Kubernetes allows 3 s
READY_SECONDS = 2.5
STRANGERS = 60  # clients without a token, more than the threads of the server
LOAD_SECONDS = 3.0
MOST_CLIENTS = 100
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Gunicorn]:
    """Yield a server whose database accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=500) as silent:
        url = f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/none"
        running = start_gunicorn(
            tmp_path,
            url,
            ADMIN_API_WORKERS="1",
            ADMIN_API_THREADS="2",
            GUNICORN_CMD_ARGS=f"--worker-connections={MOST_CLIENTS}",
        )
        yield running
        # A graceful shutdown would wait for the hanging requests, so the processes are killed.
        for process in reversed(family(running.process.pid)):
            process.kill()
        running.process.wait(20)


@contextlib.contextmanager
def callers(server: Gunicorn, number: int) -> Iterator[list[socket.socket]]:
    """Keep this number of requests waiting for the database until the block ends."""
    parts = urlsplit(server.url)
    request = f"GET /api/admin/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(number):
            client = socket.create_connection((parts.hostname, parts.port), timeout=20)
            clients.append(stack.enter_context(client))
            client.sendall(request.encode())
        yield clients


def test_strangers_who_ask_for_readiness_starve_neither_liveness_nor_readiness(
    hanging: Gunicorn,
) -> None:
    alive = []
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawned) as process, callers(hanging, 20):
        crowd = process.submit(readiness_crowd.ask, hanging.url, STRANGERS, LOAD_SECONDS)
        while not crowd.done():
            alive.append(answer(hanging.url, "/healthz"))
    ready = crowd.result()
    assert len(ready) >= STRANGERS
    assert {status for status, _ in alive} == {200}
    assert max(seconds for _, seconds in alive) < ALIVE_SECONDS
    assert {status for status, _ in ready} == {503}
    assert max(seconds for _, seconds in ready) < READY_SECONDS


def test_more_requests_than_may_wait_are_refused_and_probes_still_come_through(
    hanging: Gunicorn,
) -> None:
    with callers(hanging, MOST_CLIENTS) as clients:
        for _ in range(20):
            status, seconds = answer(hanging.url, "/healthz")
            assert (status, seconds < ALIVE_SECONDS) == (200, True)
        refused = select.select(clients, [], [], 0)[0]
        assert len(refused) >= MOST_CLIENTS // 4
        for client in refused:
            said = client.recv(65_536)
            # An empty reply means that the server closed this connection to accept another one.
            if said:
                assert said.startswith(b"HTTP/1.1 503 ")
                assert b"\r\nRetry-After: " in said


def test_clients_that_wait_for_readiness_make_room(hanging: Gunicorn) -> None:
    parts = urlsplit(hanging.url)
    with contextlib.ExitStack() as stack:
        crowd = []
        for _ in range(2 * MOST_CLIENTS):
            client = socket.create_connection((parts.hostname, parts.port), timeout=20)
            crowd.append(stack.enter_context(client))
            client.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(5):
            status, seconds = answer(hanging.url, "/healthz")
            assert (status, seconds < ALIVE_SECONDS) == (200, True)
        oldest = crowd[0].recv(65_536)
    assert oldest.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: " in oldest
    # The server replied early to make room, and not because the check of the database timed out.
    assert http_rules.overload().detail.encode() in oldest


@pytest.mark.parametrize(
    ("head", "keeps"),
    [
        (GET + b"\r\n", True),
        (b"GET /readyz HTTP/1.1\r\nhost: [::1]:8000\r\nX-Request-Id: a.b\r\n\r\n", True),
        (GET + b"Connection: close\r\n\r\n", False),
        (GET + b"Connection: keep-alive, x\r\n\r\n", False),
        (b"GET /healthz HTTP/1.0\r\n\r\n", False),
    ],
)
def test_a_plain_probe_is_for_the_loop(head: bytes, keeps: bool) -> None:
    probe = probe_replies.parse(head, may_keep=True)
    assert probe is not None
    assert probe.keeps is keeps


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.9\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET /healthz?x=1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        GET + b"Host: y\r\n\r\n",
        GET + b"Content-Length: 0\r\n\r\n",
        GET + b"Transfer-Encoding: chunked\r\n\r\n",
        GET + b"Expect: 100-continue\r\n\r\n",
        GET + b"X: \xff\r\n\r\n",
        GET + b" folded\r\n\r\n",
        GET + b"X : y\r\n\r\n",
        GET + b"\r\n" + GET,
        b"\r\n" + GET + b"\r\n",
        GET + b"X: y\n\r\n\r\n",
    ],
)
def test_all_else_is_for_the_parser(head: bytes) -> None:
    assert probe_replies.parse(head, may_keep=True) is None
