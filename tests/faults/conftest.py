"""Fixtures: a queue, a crew of real workers, and a proxy between the workers and the database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from crawljobs.db.database import Database
from support import reddit_sandbox, seeds, tcp_proxy
from support.admin_api import Gunicorn, start_gunicorn
from support.crew import Crew
from support.databases import Databases
from support.reddit_sandbox import RunningSandbox
from support.tcp_proxy import TcpProxy
from support.watched_queue import WatchedQueue


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    seeds.parametrize(metafunc)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[RunningSandbox]:
    """A sandbox with slow replies, so that a fault happens during a crawl."""
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


@pytest.fixture(scope="module")
def proxied(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Gunicorn, TcpProxy, str]]:
    """An admin-api that uses its database through a proxy, the proxy, and the database address."""
    with databases.clone() as url, tcp_proxy.serve(url) as proxy:
        folder = tmp_path_factory.mktemp("gunicorn")
        server = start_gunicorn(folder, proxy.url, ADMIN_API_WORKERS="1", ADMIN_API_THREADS="4")
        yield server, proxy, url
        server.stop()
