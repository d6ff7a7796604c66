"""The server accepts connections while attackers open many of them, and while accept() fails."""

import contextlib
import errno
import http.client
import json
import os
import select
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from admin_api.server import probe_socket
from support import probes
from support.admin_api import ROOT, Gunicorn, start_gunicorn
from support.databases import Databases
from support.waiting import wait_until

ATTACKERS = 16
MOST_CLIENTS = 20  # the connection limit of a server that the test fills
PROBE_SECONDS = 1.0  # the longest allowed reply time of a probe, in seconds
SLACK_SECONDS = 2.0  # additional seconds for a machine that runs other tests
# The load average of a busy machine, on which a probe may wait for more than a second.
BUSY_LOAD = 4.0
PROBES_A_SECOND = 10
FAILING = (
    *(errno.EPROTO, errno.ENETDOWN, errno.ECONNABORTED, errno.EPERM, errno.EHOSTUNREACH),
    *(errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM),
)
FAILURES = 40  # accept() fails this often with each error number
# The content of sitecustomize.py. Python imports it at the start of each process whose PYTHONPATH
# contains the folder.
FAILING_ACCEPT = """
    import os, socket
    numbers = [int(n) for n in os.environ["ACCEPT_ERRORS"].split()]
    accept = socket.socket.accept

    def failing(listener):
        if numbers:
            number = numbers.pop()
            raise OSError(number, os.strerror(number))
        return accept(listener)

    socket.socket.accept = failing
    """


@pytest.fixture
def start(tmp_path: Path, database_url: str) -> Iterator[Callable[..., Gunicorn]]:
    running: list[Gunicorn] = []

    def started(processes: int = 2, **variables: str) -> Gunicorn:
        number = {"ADMIN_API_WORKERS": str(processes)}
        server = start_gunicorn(tmp_path, database_url, **number, **variables)
        running.append(server)
        return server

    yield started
    for server in running:
        server.stop()


@pytest.fixture(scope="module")
def probed(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    """Yield a server with an address for probes. The tests that share it leave it usable."""
    folder = tmp_path_factory.mktemp("gunicorn")
    with databases.clone() as url:
        server = start_gunicorn(folder, url, PROBE_BIND="127.0.0.1:0")
        yield server
        server.stop()


def probes_url(server: Gunicorn) -> str:
    lines = server.log_lines()
    (port,) = {line["port"] for line in lines if line["action"] == "probes.listening"}
    return f"http://127.0.0.1:{port}"


def seconds_to_answer(url: str, path: str) -> float:
    parts = urlsplit(url)
    began = time.monotonic()
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        connection.request("GET", path)
        assert connection.getresponse().status == 200
    finally:
        connection.close()
    return time.monotonic() - began


def survives(server: Gunicorn, seconds: float, *, most: float, most_private: float) -> None:
    before = server.worker_pids()
    flood = subprocess.Popen(
        [
            *(sys.executable, "-P", "-m", "support.connection_flood"),
            *(server.url.removeprefix("http://"), str(seconds), str(ATTACKERS)),
        ],
        env={"PYTHONPATH": str(ROOT / "tests")},
        stdout=subprocess.PIPE,
        text=True,
    )
    answers: list[float] = []
    # The reply times at PROBE_BIND, an address that the attackers do not reach.
    private: list[float] = []
    inside = probes_url(server)

    def is_over() -> bool:
        for path in ("/healthz", "/readyz"):
            answers.append(seconds_to_answer(server.url, path))
            private.append(seconds_to_answer(inside, path))
        return flood.poll() is not None

    try:
        wait_until(is_over, timeout=seconds + 60, describe="the end", every=1 / PROBES_A_SECOND)
    finally:
        flood.kill()
        counted = json.loads(flood.communicate()[0] or "{}")
    report = f"{counted}, {len(answers)} probes, worst {max(answers):.3f} s, "
    report += f"{max(private):.3f} s at PROBE_BIND, load {os.getloadavg()}"
    sys.stdout.write(report)  # pytest shows the report with -s
    assert counted["opened"] > 100 * seconds, report
    assert max(answers) < most, report
    assert max(private) < most_private, report
    assert server.worker_pids() == before, report


def test_probes_are_answered_while_attackers_open_connections(probed: Gunicorn) -> None:
    busy = PROBE_SECONDS + SLACK_SECONDS
    survives(probed, 2, most=busy, most_private=busy)


@pytest.mark.deep
def test_probes_are_answered_within_a_second_while_attackers_open_connections(
    probed: Gunicorn,
) -> None:
    slack = SLACK_SECONDS if os.getloadavg()[0] >= BUSY_LOAD else 0.0
    survives(
        probed,
        20,
        most=PROBE_SECONDS + slack,
        most_private=PROBE_SECONDS,
    )


def test_no_error_of_accept_ends_a_worker(start: Callable[..., Gunicorn], tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(textwrap.dedent(FAILING_ACCEPT))
    path = os.pathsep.join(str(one) for one in (tmp_path, ROOT / "shared", ROOT / "services"))
    server = start(
        1,
        PYTHONPATH=path,
        ACCEPT_ERRORS=" ".join(str(number) for number in FAILING for _ in range(FAILURES)),
    )
    seconds_to_answer(server.url, "/healthz")
    seconds_to_answer(server.url, "/readyz")
    lines = server.log_lines()
    assert sum(line["action"] == "Booting worker with pid: %s" for line in lines) <= 1
    assert not [line for line in lines if line["level"] in ("error", "critical")]
    failed = [line["error"] for line in lines if line["action"] == "accept.failed"]
    assert failed
    # The log has a line for some failures and counts the others.
    assert len(failed) < len(FAILING) * FAILURES / 4


def test_connections_are_taken_at_the_limit_of_open_files(
    start: Callable[..., Gunicorn],
) -> None:
    server = start(1)
    (worker,) = (psutil.Process(pid) for pid in server.worker_pids())
    limit = worker.num_fds() + 10
    worker.rlimit(psutil.RLIMIT_NOFILE, (limit, limit))
    parts = urlsplit(server.url)
    crowd = [http.client.HTTPConnection(parts.hostname or "", parts.port) for _ in range(60)]
    try:
        for one in crowd:
            one.connect()
        assert seconds_to_answer(server.url, "/healthz") < PROBE_SECONDS + SLACK_SECONDS
    finally:
        for one in crowd:
            one.close()
    assert server.worker_pids() == {worker.pid}


def test_the_probes_address_says_whether_a_worker_answers(probed: Gunicorn) -> None:
    server, url = probed, probes_url(probed)
    assert [probes.status(url, path) for path in ("/healthz", "/readyz")] == [200, 200]
    stopped = [psutil.Process(pid) for pid in server.worker_pids()]
    for worker in stopped:
        worker.suspend()
    try:
        assert probes.status(url, "/healthz") == 503
    finally:
        for worker in stopped:
            worker.resume()
    assert probes.status(url, "/healthz") == 200


def test_without_room_for_its_path_the_socket_is_left_out(
    start: Callable[..., Gunicorn], tmp_path: Path
) -> None:
    long = tmp_path / ("x" * probe_socket.PATH_BYTES)
    server = start(1, PROBE_BIND="127.0.0.1:0", PROMETHEUS_MULTIPROC_DIR=str(long))
    url = probes_url(server)
    assert [probes.status(url, path) for path in ("/healthz", "/readyz")] == [200, 404]


@pytest.mark.parametrize("first", ["kept", "silent"])
def test_at_the_limit_the_connection_that_waits_for_longest_is_closed(
    start: Callable[..., Gunicorn], first: str
) -> None:
    options = f"--worker-connections={MOST_CLIENTS} --keep-alive=60"
    server = start(1, ADMIN_API_THREADS="1", GUNICORN_CMD_ARGS=options)
    parts = urlsplit(server.url)
    with contextlib.ExitStack() as stack:

        def connect(kind: str) -> socket.socket:
            client = socket.create_connection((parts.hostname, parts.port), timeout=20)
            stack.enter_context(client)
            if kind == "kept":
                client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                assert client.recv(65_536).startswith(b"HTTP/1.1 200")
            return client

        kinds = ["kept", "silent"] if first == "kept" else ["silent", "kept"]
        crowd = [connect(kind) for kind in kinds for _ in range(5)]
        # The server has accepted all earlier connections when it answers these.
        crowd += [connect("kept") for _ in range(MOST_CLIENTS - 8)]
        closed = wait_until(
            lambda: select.select(crowd, [], [], 0)[0], timeout=10, describe="a closed one"
        )
    assert closed == crowd[: len(closed)]
    assert len(closed) <= 5
