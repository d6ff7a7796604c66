"""An export of 1,000,000 posts is fast, and the memory of the server does not grow with it."""

import sys
import time
from collections.abc import Iterator

import psutil
import psycopg
import pytest

from support import admin_api
from support.admin_api import Gunicorn
from support.databases import Databases

pytestmark = pytest.mark.deep

POSTS = 1_000_000
LEAST_ROWS_PER_SECOND = 15_000
MOST_GROWTH_BYTES = 100 * 1024 * 1024
# Posts of usual sizes: two of five have a text, of 700 characters on average.
FILL = """
    INSERT INTO subreddits (name) SELECT 'sub' || n FROM generate_series(1, 200) AS n;
    INSERT INTO authors (name) SELECT 'author' || n FROM generate_series(1, 50000) AS n;
    INSERT INTO posts (id, subreddit_id, author_id, title, body, url, permalink, domain, score,
        upvote_ratio, num_comments, is_self, created_at, updated_at)
    SELECT 'p' || n, 1 + n %% 200, 1 + n %% 50000, 'A title with a usual number of words ' || n,
        CASE WHEN n %% 5 < 2 THEN repeat('Some words of a text. ', 10 + n %% 45) END,
        'https://example.org/articles/' || md5(n::text), '/r/sub/comments/p' || n || '/a_title/',
        'example.org', n %% 500, 0.9, n %% 40, n %% 5 < 2,
        timestamptz '2026-01-01' + n * interval '1 s', timestamptz '2026-01-02' + n * interval '1 s'
    FROM generate_series(1, %(posts)s) AS n;
    VACUUM ANALYZE posts, authors, subreddits
"""


@pytest.fixture(scope="module")
def full(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    with databases.clone() as url:
        with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as conn:
            for statement in FILL.split(";"):
                conn.execute(statement, {"posts": POSTS})  # type: ignore[arg-type]
        folder = tmp_path_factory.mktemp("gunicorn")
        server = admin_api.start_gunicorn(folder, url, ADMIN_API_WORKERS="1")
        yield server
        server.stop()


@pytest.mark.parametrize(
    ("query", "encoding"),
    [
        ("", "identity"), ("", "gzip"), ("?shape=reddit", "gzip"),
        ("?updated_since=2026-01-01T00:00:00Z", "gzip"),
        ("?since=2026-01-01T00:00:00Z", "identity"),
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
