"""Fixtures of the worker's tests."""

import threading
from collections.abc import Iterator

import pytest

from crawler_worker.claims.worker import Worker
from crawljobs import settings
from crawljobs.db.database import Database
from support.worker_thread import QUICK, Crawl, Start


@pytest.fixture
def start(database: Database, database_url: str) -> Iterator[Start]:
    """Yield a function that starts a worker in a thread. All workers are stopped at the end."""
    running: list[tuple[Worker, threading.Thread]] = []

    def start_worker(crawl: Crawl, **variables: str) -> Worker:
        worker = Worker(
            name="worker-1",
            database=database,
            direct_url=database_url,
            settings=settings.read_queue_settings({**QUICK, **variables}),
            crawl=crawl,
        )
        thread = threading.Thread(target=worker.run)
        thread.start()
        running.append((worker, thread))
        return worker

    yield start_worker
    for worker, _ in running:
        worker.stop()
    for worker, thread in running:
        thread.join(10)
        worker.keeper.join(10)
        assert not thread.is_alive()
        assert not worker.keeper.is_alive()
