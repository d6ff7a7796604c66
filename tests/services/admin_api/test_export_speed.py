"""An export of 1,000,000 posts is fast, and the memory of the server does not grow with it."""

import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from support import admin_api, export_rows
from support.admin_api import Gunicorn
from support.databases import Databases
from support.export_rows import POSTS

pytestmark = pytest.mark.deep

LEAST_ROWS_PER_SECOND = 15_000
MOST_GROWTH_BYTES = 100 * 1024 * 1024


@pytest.fixture(scope="module")
def full(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    with databases.clone() as url:
        export_rows.fill(url)
        folder = tmp_path_factory.mktemp("gunicorn")
        server = admin_api.start_gunicorn(folder, url, ADMIN_API_WORKERS="1")
        yield server
        server.stop()


@pytest.mark.parametrize(
    ("query", "encoding"),
    [
        ("", "identity"), ("", "gzip"), ("?shape=reddit", "gzip"),
        ("?updated_since=2024-01-01T00:00:00Z", "gzip"),
        ("?since=2024-01-01T00:00:00Z", "identity"),
        ("?format=csv", "identity"),
    ],
)  # fmt: skip
def test_a_million_posts(full: Gunicorn, query: str, encoding: str) -> None:
    (pid,) = full.worker_pids()
    process = psutil.Process(pid)
    with full.client() as client:
        client.get("/api/export/subreddits")
    before = most = process.memory_info().rss
    lines = size = 0
    began = looked = time.monotonic()
    headers = {"Accept-Encoding": encoding}
    with (
        full.client(timeout=60) as client,
        client.stream("GET", f"/api/export/posts{query}", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        for part in answer.iter_bytes():
            lines += part.count(b"\n")
            size += len(part)
            if time.monotonic() - looked > 0.5:
                looked = time.monotonic()
                most = max(most, process.memory_info().rss)
    seconds = time.monotonic() - began
    sys.stdout.write(
        f"{query or 'all'} {encoding}: {lines / seconds:,.0f} rows/s, {size / 1e6:,.0f} MB, "
        f"memory of the server {before / 1e6:.0f} to {most / 1e6:.0f} MB\n"
    )
    assert lines == POSTS + (query == "?format=csv")
    assert lines / seconds >= LEAST_ROWS_PER_SECOND
    assert most - before <= MOST_GROWTH_BYTES
