"""Hostile clients with valid tokens send requests that a grammar generates at random.

The API's memory stays below its limit, its probes succeed, and no process ends.
"""

import http.client
import json
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from support.admin_api import ROOT, Gunicorn, start_gunicorn
from support.databases import Databases

CLIENTS = 8
MEMORY_MAX = 512 * 2**20  # bytes of all processes in total: the memory limit of the pod
PROBE_SECONDS = 1.0  # the limit of a probe on a machine that runs no other tests
SLACK_SECONDS = 2.0  # allowed in addition on a machine that runs other tests too
PROBES_A_SECOND = 5
SCOPES = ["read", "jobs", "schedules", "audit"]


@pytest.fixture
def server(databases: Databases, tmp_path: Path) -> Iterator[Gunicorn]:
    """An admin-api with default settings. Its audit log is so long that an export takes a while."""
    with databases.clone() as url:
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("""
                INSERT INTO admin_audit_log (actor, action, resource_type, after)
                SELECT 'load', 'enqueue', 'crawl_job', jsonb_build_object('path', repeat('x', 500))
                FROM generate_series(1, 20000)
                """)
        running = start_gunicorn(tmp_path, url, PROBE_BIND="127.0.0.1:0")
        yield running
        running.stop()


class Watch(threading.Thread):
    """Sends probes and measures the memory of all processes, until `over` is set."""

    def __init__(self, server: Gunicorn) -> None:
        super().__init__()
        self.over = threading.Event()
        self.worst_probe = 0.0
        self.most_memory = self.most_proportional = 0
        self.statuses: set[tuple[str, int]] = set()
        self._server = server
        self._master = psutil.Process(server.process.pid)

    def run(self) -> None:
        while not self.over.wait(1 / PROBES_A_SECOND):
            for path in ("/healthz", "/readyz"):
                self._probe(path)
            processes = [self._master, *self._master.children(recursive=True)]
            self.most_memory = max(self.most_memory, sum(memory(one) for one in processes))
            proportional = sum(memory(one, "smaps_rollup", "Pss:") for one in processes)
            self.most_proportional = max(self.most_proportional, proportional)

    def _probe(self, path: str) -> None:
        parts = urlsplit(self._server.url)
        began = time.monotonic()
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
        try:
            connection.request("GET", path)
            self.statuses.add((path, connection.getresponse().status))
        except OSError:
            self.statuses.add((path, 0))
        finally:
            connection.close()
        self.worst_probe = max(self.worst_probe, time.monotonic() - began)


def memory(process: psutil.Process, file: str = "status", name: str = "VmRSS:") -> int:
    """Return a process's memory in bytes, or 0 if the process has ended."""
    try:
        lines = Path(f"/proc/{process.pid}/{file}").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def tokens_of(server: Gunicorn) -> list[str]:
    with server.client() as client:
        asked = [{"name": f"client {number}", "scopes": SCOPES} for number in range(CLIENTS)]
        return [client.post("/api/admin/tokens", json=one).json()["token"] for one in asked]


def survives(server: Gunicorn, seconds: float, *, slack: float = 0.0) -> None:
    before = server.worker_pids()
    seed = secrets.token_hex(4)
    watch = Watch(server)
    watch.start()
    try:
        ended = subprocess.run(
            [
                *(sys.executable, "-P", "-m", "support.hostile_clients"),
                *(server.url.removeprefix("http://"), str(seconds), seed, *tokens_of(server)),
            ],
            env={"PYTHONPATH": str(ROOT / "tests")},
            capture_output=True,
            text=True,
            timeout=seconds + 120,
            check=True,
        )
    finally:
        watch.over.set()
        watch.join()
    statuses = json.loads(ended.stdout)
    report = (
        f"seed {seed}: {statuses}; memory {watch.most_memory / 2**20:.0f} MiB, proportional "
        f"{watch.most_proportional / 2**20:.0f} MiB, worst probe {watch.worst_probe:.3f} s"
    )
    sys.stdout.write(report)  # shown with -s
    assert statuses.get("200", 0) + statuses.get("201", 0) > 0, report
    assert not [one for one in statuses if one == "500" or one.startswith("no answer")], report
    bugs = [line for line in server.log_lines() if line["level"] == "error"]
    assert not bugs, (report, bugs[:2])
    overloaded = {("/readyz", 503)} if slack else set()
    assert watch.statuses - overloaded == {("/healthz", 200), ("/readyz", 200)}, report
    assert watch.most_memory < MEMORY_MAX, report
    assert watch.worst_probe < PROBE_SECONDS + slack, report
    assert server.worker_pids() == before, report
    with server.client() as client:
        assert client.get("/api/admin/jobs").status_code == 200


def test_some_seconds_of_hostile_clients_exhaust_nothing(server: Gunicorn) -> None:
    survives(server, 4, slack=SLACK_SECONDS)


@pytest.mark.deep
def test_ten_minutes_of_hostile_clients_exhaust_nothing(server: Gunicorn) -> None:
    survives(server, 600)
