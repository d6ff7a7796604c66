"""The runner of Procrastinate, which fetches jobs one by one. More concurrency is not faster."""

import contextlib
from collections.abc import AsyncIterator, Sequence

import procrastinate

from benchmarks.peers.runner import Began

TASK = "nothing"
WANTED, BEHIND = 1, 0  # priorities
CHUNK = 1_000  # jobs per statement
CONCURRENCY = 20


def application(url: str) -> procrastinate.App:
    connector = procrastinate.PsycopgConnector(conninfo=url, min_size=4, max_size=20)
    return procrastinate.App(connector=connector)


async def prepare(url: str) -> None:
    async with application(url).open_async() as app:
        await app.schema_manager.apply_schema_async()


class Producer:
    def __init__(self, app: procrastinate.App) -> None:
        self._app = app

    async def one(self, number: int) -> None:
        await self._app.configure_task(TASK, priority=WANTED).defer_async(n=number)

    async def bulk(self, numbers: Sequence[int], *, wanted: bool) -> None:
        task = self._app.configure_task(TASK, priority=WANTED if wanted else BEHIND)
        for at in range(0, len(numbers), CHUNK):
            await task.batch_defer_async(*({"n": n} for n in numbers[at : at + CHUNK]))


@contextlib.asynccontextmanager
async def producer(url: str) -> AsyncIterator[Producer]:
    async with application(url).open_async() as app:
        yield Producer(app)


async def work(url: str, began: Began) -> None:
    async with application(url).open_async() as app:

        @app.task(name=TASK)
        async def nothing(n: int) -> None:
            began(n)

        await app.run_worker_async(concurrency=CONCURRENCY, install_signal_handlers=False)
