"""The runner of PgQueuer, on asyncpg and uvloop, as in PgQueuer's own benchmark."""

import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import asyncpg
import uvloop
from pgqueuer import Queries
from pgqueuer.core.qm import QueueManager
from pgqueuer.db import AsyncpgDriver, AsyncpgPoolDriver
from pgqueuer.models import Job

from benchmarks.peers.runner import Began

ENTRYPOINT = "nothing"
WANTED, BEHIND = 1, 0  # priorities
BATCH = 1_000
POOL = 2  # connections, of which one listens
CHUNK = 10_000  # jobs per statement


new_event_loop = uvloop.new_event_loop


async def prepare(url: str) -> None:
    connection = await asyncpg.connect(url)
    await Queries(AsyncpgDriver(connection)).install()
    await connection.close()


class Producer:
    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def one(self, number: int) -> None:
        await self._queries.enqueue(ENTRYPOINT, payload(number), priority=WANTED)

    async def bulk(self, numbers: Sequence[int], *, wanted: bool) -> None:
        priority = WANTED if wanted else BEHIND
        for at in range(0, len(numbers), CHUNK):
            chunk = numbers[at : at + CHUNK]
            await self._queries.enqueue(
                [ENTRYPOINT] * len(chunk),
                [payload(number) for number in chunk],
                [priority] * len(chunk),
            )


def payload(number: int) -> bytes:
    return json.dumps({"n": number}).encode()


@contextlib.asynccontextmanager
async def producer(url: str) -> AsyncIterator[Producer]:
    connection = await asyncpg.connect(url)
    yield Producer(Queries(AsyncpgDriver(connection)))
    await connection.close()


async def work(url: str, began: Began) -> None:
    pool = await asyncpg.create_pool(url, min_size=POOL, max_size=POOL)
    manager = QueueManager(Queries(AsyncpgPoolDriver(pool)))

    @manager.entrypoint(ENTRYPOINT)
    async def nothing(job: Job) -> None:
        began(json.loads(job.payload)["n"])

    await manager.run(batch_size=BATCH, dequeue_timeout=timedelta(seconds=5))
