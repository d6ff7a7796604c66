"""Fixtures of crawls: a sandbox for all tests, and a crawler with a fresh database per test."""

from collections.abc import Iterator

import pytest

from crawljobs.db.database import Database
from support import reddit_sandbox
from support.crawls import Crawler
from support.reddit_sandbox import RunningSandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[RunningSandbox]:
    """Yield a sandbox whose content all tests share, because it takes long to generate.

    A test undoes its changes of replies. Items that it deletes stay deleted.
    """
    with reddit_sandbox.serve("--rate-limit", 10_000_000) as running:
        yield running


@pytest.fixture
def crawler(sandbox: RunningSandbox, database: Database) -> Crawler:
    return Crawler(database, sandbox.url)
