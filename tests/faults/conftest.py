"""A recorded queue, a crew of real workers on it, and what stands between them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from crawljobs.db.database import Database
from support import reddit_sandbox, seeds, tcp_proxy
from support.crew import Crew
from support.reddit_sandbox import RunningSandbox
from support.tcp_proxy import TcpProxy
from support.watched_queue import WatchedQueue


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    seeds.parametrize(metafunc)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    """Slow enough that a fault meets a crawl in the middle."""
    options = ("--rate-limit", 10_000_000, "--latency-seconds", 0.03)
    with reddit_sandbox.serve(*options) as running:
        yield running


@pytest.fixture
def queue(database: Database) -> WatchedQueue:
    return WatchedQueue(database)


@pytest.fixture
def crew(tmp_path: Path, database_url: str) -> Iterator[Crew]:
    crew = Crew(tmp_path, database_url)
    yield crew
    crew.close()


@pytest.fixture
def proxy(database_url: str) -> Iterator[TcpProxy]:
    with tcp_proxy.serve(database_url) as running:
        yield running
