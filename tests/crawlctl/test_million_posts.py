"""A million posts as Parquet from a real admin-api: speed, memory, kills, and DuckDB's sums."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
import pytest

from support import admin_api, export_rows, needs, parquet_files
from support.admin_api import Gunicorn
from support.databases import Databases
from support.export_rows import POSTS
from support.free_ports import free_port
from support.waiting import wait_until

pytestmark = [pytest.mark.deep, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
LEAST_ROWS_PER_SECOND = 15_000
MOST_GROWTH_BYTES = 100 * 1024 * 1024
MOST_OPEN_FILES = 32
SECONDS_MAX = 180
# One row with numbers that differ if a row is missing, repeated or changed.
SUMS = (
    *("count(*)", "count(DISTINCT id)", "count(DISTINCT subreddit)", "sum(score)"),
    *("sum(num_comments)", "count(body)", "sum(length(title))", "sum(length(body))"),
    *("count(*) FILTER (WHERE is_self)", "sum(epoch)"),
)
STORED = f"""
    SELECT {", ".join(SUMS)} FROM (
        SELECT posts.*, subreddits.name AS subreddit,
            CAST(extract(epoch FROM posts.created_at) AS bigint) AS epoch
        FROM posts JOIN subreddits ON subreddits.id = subreddit_id
    ) AS post
"""


@pytest.fixture(scope="module")
def full_url(databases: Databases) -> Iterator[str]:
    with databases.clone() as url:
        export_rows.fill(url)
        yield url


@pytest.fixture(scope="module")
def sums(full_url: str) -> list[str]:
    with psycopg.connect(full_url) as conn:
        (row,) = conn.execute(STORED.encode()).fetchall()
    return [str(each) for each in row]


@pytest.fixture
def server(full_url: str, tmp_path: Path) -> Iterator[Gunicorn]:
    running = admin_api.start_gunicorn(tmp_path, full_url, ADMIN_API_WORKERS="1")
    yield running
    running.stop()


@dataclass
class Export:
    """A running crawlctl, with the memory of the client and of the server so far."""

    folder: Path
    process: "subprocess.Popen[bytes]"
    server: psutil.Process
    client_bytes: list[int] = field(default_factory=list)
    server_bytes: list[int] = field(default_factory=list)
    open_files: int = 0

    def look(self) -> bool:
        """Measure, and return whether crawlctl still runs."""
        if self.process.poll() is not None:
            return False
        client = psutil.Process(self.process.pid)
        # The first value has pyarrow, and no row: the folder exists before the first request.
        if (self.folder / parquet_files.STATE).exists():
            self.client_bytes.append(client.memory_info().rss)
            self.server_bytes.append(self.server.memory_info().rss)
            files = [each for each in client.open_files() if each.path.endswith(".parquet")]
            self.open_files = max(self.open_files, len(files))
        return True


def export(server: Gunicorn, folder: Path, *more: str) -> Export:
    token = folder.parent / "token"
    token.write_text(f"{admin_api.TOKEN}\n")
    command = [
        needs.parquet(),
        "-P",
        "-m",
        "crawlctl",
        "--url",
        server.url,
        "--retry-seconds",
        "60",
    ]
    command += ["export", "posts", "--format", "parquet", "--out", str(folder), *more]
    environment = {
        "PYTHONPATH": str(ROOT / "deploy"),
        "XDG_CONFIG_HOME": str(folder.parent / "config"),
        "CRAWLJOBS_TOKEN_FILE": str(token),
    }
    process = subprocess.Popen(command, env=environment)
    (pid,) = server.worker_pids()
    return Export(folder, process, psutil.Process(pid))


def lines(folder: Path) -> int:
    """Return the number of lines in batches that are recorded as complete."""
    state = folder / parquet_files.STATE
    return int(json.loads(state.read_text())["lines"]) if state.exists() else 0


def check_sums(folder: Path, sums: list[str]) -> None:
    inner = "*, CAST(floor(epoch(created_at)) AS BIGINT) AS epoch"
    assert parquet_files.query(folder, ", ".join(SUMS), inner=inner) == sums


@pytest.mark.parametrize("partition", ["subreddit", "month"])
def test_a_million_posts_become_parquet(
    server: Gunicorn, tmp_path: Path, sums: list[str], partition: str
) -> None:
    folder = tmp_path / "out"
    began = time.monotonic()
    running = export(server, folder, "--partition", partition)
    # A sample takes 2 ms, so it changes the speed little.
    wait_until(lambda: not running.look(), timeout=SECONDS_MAX, every=0.1, describe="the export")
    rate = POSTS / (time.monotonic() - began)
    assert running.process.wait() == 0
    client, served = running.client_bytes, running.server_bytes
    sys.stderr.write(
        f"\nby {partition}: {rate:,.0f} rows/s; memory of the client {client[0] / 1e6:.0f} to "
        f"{max(client) / 1e6:.0f} MB, of the server {served[0] / 1e6:.0f} to "
        f"{max(served) / 1e6:.0f} MB; {running.open_files} open files, "
        f"{len([*folder.rglob('*.parquet')]):,} files\n"
    )
    check_sums(folder, sums)
    assert int(sums[0]) == POSTS
    assert rate >= LEAST_ROWS_PER_SECOND
    assert max(client) - client[0] <= MOST_GROWTH_BYTES
    assert max(served) - served[0] <= MOST_GROWTH_BYTES
    assert running.open_files <= MOST_OPEN_FILES


def test_kills_of_the_client_and_of_the_server_lose_and_repeat_nothing(
    full_url: str, tmp_path: Path, sums: list[str]
) -> None:
    """The server is killed as a whole, and a new one starts at its address."""
    bind = {"ADMIN_API_BIND": f"127.0.0.1:{free_port()}", "ADMIN_API_WORKERS": "1"}
    folder = tmp_path / "out"

    def reached(share: float) -> None:
        wait_until(lambda: lines(folder) > share * POSTS, timeout=SECONDS_MAX, describe="lines")

    server = admin_api.start_gunicorn(tmp_path, full_url, **bind)
    try:
        first = export(server, folder).process
        reached(0.2)
        first.kill()
        assert first.wait(20) == -signal.SIGKILL
        second = export(server, folder, "--resume").process
        reached(0.5)
        for pid in (server.process.pid, *server.worker_pids()):
            os.kill(pid, signal.SIGKILL)
        server.process.wait(20)
        assert lines(folder) < POSTS
        again = tmp_path / "again"
        again.mkdir()
        server = admin_api.start_gunicorn(again, full_url, **bind)
        assert second.wait(SECONDS_MAX) == 0
    finally:
        server.stop()
    check_sums(folder, sums)
