"""The runner of Chancy: jobs in the event loop, eager polling, frequent writes of ended jobs."""

import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence

from chancy import Chancy, Job, Queue, Worker, job

from benchmarks.peers.runner import Began

QUEUE = "nothing"
WANTED, BEHIND = 1, 0  # priorities
CHUNK = 1_000  # jobs per transaction: Chancy's default
CONCURRENCY = 1_000
ENDS_SECONDS = 0.05  # between two writes of ended jobs; Chancy's default is 1

# Chancy finds the job function by import, so `work` stores the counter here.
counting: list[Callable[[int], None]] = []


@job(queue=QUEUE)
async def nothing(*, n: int) -> None:
    counting[0](n)


def application(url: str) -> Chancy:
    quiet = logging.getLogger("chancy-of-the-benchmark")
    quiet.setLevel(logging.ERROR)
    return Chancy(url, log=quiet)


async def prepare(url: str) -> None:
    async with application(url) as app:
        await app.migrate()
        await app.declare(
            Queue(
                QUEUE,
                concurrency=CONCURRENCY,
                executor=Chancy.Executor.Async,
                polling_interval=1,
                eager_polling=True,
            )
        )


class Producer:
    def __init__(self, app: Chancy) -> None:
        self._app = app

    async def one(self, number: int) -> None:
        await self._app.push(of(number, WANTED))

    async def bulk(self, numbers: Sequence[int], *, wanted: bool) -> None:
        jobs = [of(number, WANTED if wanted else BEHIND) for number in numbers]
        async for _ in self._app.push_many(jobs, batch_size=CHUNK):
            pass


def of(number: int, priority: int) -> Job:
    return nothing.job.with_kwargs(n=number).with_priority(priority)


@contextlib.asynccontextmanager
async def producer(url: str) -> AsyncIterator[Producer]:
    async with application(url) as app:
        yield Producer(app)


async def work(url: str, began: Began) -> None:
    counting.append(began)
    async with application(url) as app:
        worker = Worker(app, register_signal_handlers=False)
        worker.send_outgoing_interval = ENDS_SECONDS
        async with worker:
            await worker.wait_for_shutdown()
