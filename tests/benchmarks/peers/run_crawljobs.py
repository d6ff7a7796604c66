"""The runner of this project: the production worker, with crawls that do no work."""

import asyncio
import contextlib
import gc
import os
from collections.abc import AsyncIterator, Sequence

from benchmarks.peers.runner import Began
from crawler_worker.claims.held_claim import HeldClaim
from crawler_worker.claims.worker import Worker
from crawler_worker.maintenance.sweeps import Maintenance
from crawljobs import settings
from crawljobs.db.database import Database
from crawljobs.domain.job import JobSource
from crawljobs.runtime import logs
from onebox import migrate
from support import enqueueing

WANTED, BEHIND = 60, 10  # priorities
CHUNK = 10_000  # jobs per statement
PREFIX = "sub_"
# The largest batches, and no log line for each job, because no peer writes one.
SETTINGS = {"WORKER_CONCURRENCY": "200", "LOG_LEVEL": "ERROR"}


async def prepare(url: str) -> None:
    migrate.upgrade(url)


class Producer:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def one(self, number: int) -> None:
        self._database.run_statement(
            lambda conn: enqueueing.enqueue(
                conn, subreddit=f"{PREFIX}{number}", priority=WANTED, source=JobSource.USER
            )
        )

    async def bulk(self, numbers: Sequence[int], *, wanted: bool) -> None:
        for at in range(0, len(numbers), CHUNK):
            names = [f"{PREFIX}{number}" for number in numbers[at : at + CHUNK]]
            with self._database.begin() as conn:
                enqueueing.enqueue_many(
                    conn,
                    subreddits_named=names,
                    priority=WANTED if wanted else BEHIND,
                    source=JobSource.USER,
                )


@contextlib.asynccontextmanager
async def producer(url: str) -> AsyncIterator[Producer]:
    database = Database(url, pool_size=1)
    yield Producer(database)
    database.close()


async def work(url: str, began: Began) -> None:
    variables = {**SETTINGS, **os.environ}
    logs.configure("bench", variables)
    queue = settings.read_queue_settings(variables)

    def crawl(held: HeldClaim) -> str:
        began(int(held.claim.subreddit.removeprefix(PREFIX)))
        return "crawled"

    database = Database(url, pool_size=queue.worker_concurrency + 2)
    name = f"worker-{os.getpid()}"
    worker = Worker(name=name, database=database, direct_url=url, settings=queue, crawl=crawl)
    gc.freeze()  # as production does
    Maintenance(database, queue).start()
    await asyncio.to_thread(worker.run)
