"""The runner of Awa: its Rust runtime through the Python binding, with COPY for bulk enqueues."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import awa

from benchmarks.peers.runner import Began

QUEUE = "nothing"
WANTED, BEHIND = 1, 4  # priorities: smaller numbers come first
CHUNK = 50_000  # jobs per COPY
WORKERS = 1_000
POLL_MS = 50


@dataclass
class Nothing:
    n: int


async def prepare(url: str) -> None:
    await awa.migrate(url)
    client = awa.AsyncClient(url)
    await client.install_queue_storage()
    await client.close()


class Producer:
    def __init__(self, client: awa.AsyncClient) -> None:
        self._client = client

    async def one(self, number: int) -> None:
        await self._client.insert(Nothing(number), queue=QUEUE, priority=WANTED)

    async def bulk(self, numbers: Sequence[int], *, wanted: bool) -> None:
        priority = WANTED if wanted else BEHIND
        for at in range(0, len(numbers), CHUNK):
            jobs = [Nothing(number) for number in numbers[at : at + CHUNK]]
            await self._client.enqueue_many_copy(jobs, queue=QUEUE, priority=priority)


@contextlib.asynccontextmanager
async def producer(url: str) -> AsyncIterator[Producer]:
    client = awa.AsyncClient(url)
    yield Producer(client)
    await client.close()


async def work(url: str, began: Began) -> None:
    client = awa.AsyncClient(url, max_connections=20)

    @client.task(Nothing, queue=QUEUE)
    async def nothing(job: "awa.Job[Nothing]") -> None:
        began(job.args.n)

    await client.start([(QUEUE, WORKERS)], poll_interval_ms=POLL_MS)
    await asyncio.Event().wait()
