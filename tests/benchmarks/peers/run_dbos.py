"""The runner of DBOS: a queue of workflows without steps, with a short polling interval."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence

import sqlalchemy
from dbos import DBOS, DBOSClient, DBOSConfig, EnqueueOptions

from benchmarks.peers.runner import Began

QUEUE = "nothing"
WORKFLOW = "nothing"
VERSION = "1"
CHUNK = 1_000  # jobs per transaction
CONCURRENCY = 200
POLLING_SECONDS = 0.01
THREADS = 20


def configured(url: str) -> DBOSConfig:
    return {
        "name": "benchmark",
        "system_database_url": url.replace("postgresql://", "postgresql+psycopg://"),
        "application_version": VERSION,
        "executor_id": f"worker-{os.getpid()}",
        "sys_db_pool_size": THREADS,
        "max_executor_threads": THREADS,
        "log_level": "ERROR",
    }


def launch(url: str) -> None:
    DBOS(config=configured(url))
    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=CONCURRENCY, polling_interval_sec=POLLING_SECONDS)


async def prepare(url: str) -> None:
    await asyncio.to_thread(launch, url)
    await asyncio.to_thread(DBOS.destroy)


class Producer:
    def __init__(self, client: DBOSClient, engine: sqlalchemy.Engine) -> None:
        self._client = client
        self._engine = engine

    async def one(self, number: int) -> None:
        self._client.enqueue(OPTIONS, number)

    async def bulk(self, numbers: Sequence[int], *, wanted: bool) -> None:
        assert wanted
        for at in range(0, len(numbers), CHUNK):
            with self._engine.begin() as connection:
                for number in numbers[at : at + CHUNK]:
                    self._client.enqueue_in_transaction(connection, OPTIONS, number)


OPTIONS: EnqueueOptions = {"workflow_name": WORKFLOW, "queue_name": QUEUE, "app_version": VERSION}


@contextlib.asynccontextmanager
async def producer(url: str) -> AsyncIterator[Producer]:
    address = url.replace("postgresql://", "postgresql+psycopg://")
    engine = sqlalchemy.create_engine(address)
    client = DBOSClient(system_database_url=address)
    yield Producer(client, engine)
    client.destroy()
    engine.dispose()


async def work(url: str, began: Began) -> None:
    @DBOS.workflow(name=WORKFLOW)
    def nothing(number: int) -> None:
        began(number)

    await asyncio.to_thread(launch, url)
    await asyncio.Event().wait()
