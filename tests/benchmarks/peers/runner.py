"""The common part of all runners in Python. It imports only the standard library.

A runner is a module with the functions `prepare(url)`, `producer(url)` (a context with a Producer)
and `work(url, began)`. It may also have `new_event_loop`. The first argument is the module's name.
The others are `prepare URL`, `one URL COUNT`, `bulk URL FIRST COUNT wanted|behind`,
`ping URL COUNT` or `work URL count|tell`. A report is a line of JSON on stdout.
"""

import asyncio
import contextlib
import importlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from types import ModuleType
from typing import Any, Protocol

WARM_UP = 20  # jobs before the measurement, which open connections and fill caches
# The pace of `ping`: a random pause between two jobs, in which the worker becomes idle.
PAUSE_SECONDS = (0.1, 0.2)

Began = Callable[[int], None]


class Producer(Protocol):
    async def one(self, number: int) -> object:
        """Enqueue one job in one transaction."""

    async def bulk(self, numbers: Sequence[int], *, wanted: bool) -> object:
        """Enqueue many jobs. Wanted jobs have a higher priority than others."""


def main() -> None:
    name, action, url, *rest = sys.argv[1:]
    module = importlib.import_module(f"benchmarks.peers.{name}")
    with asyncio.Runner(loop_factory=getattr(module, "new_event_loop", None)) as loop:
        loop.run(ACTIONS[action](module, url, *rest))


def tell(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def prepare(module: ModuleType, url: str) -> None:
    await module.prepare(url)
    tell(prepared=True)


async def one(module: ModuleType, url: str, count: str) -> None:
    async with module.producer(url) as producer:
        for number in range(int(count), int(count) + WARM_UP):
            await producer.one(number)
        begun = time.perf_counter()
        for number in range(int(count)):
            await producer.one(number)
        tell(seconds=time.perf_counter() - begun)


async def bulk(module: ModuleType, url: str, first: str, count: str, manner: str) -> None:
    async with module.producer(url) as producer:
        numbers = range(int(first), int(first) + int(count))
        begun = time.perf_counter()
        await producer.bulk(numbers, wanted=manner == "wanted")
        tell(seconds=time.perf_counter() - begun)


async def ping(module: ModuleType, url: str, count: str) -> None:
    rng = random.Random(1)
    async with module.producer(url) as producer:
        for number in range(int(count)):
            await asyncio.sleep(rng.uniform(*PAUSE_SECONDS))
            asked_at = time.monotonic()
            await producer.one(number)
            tell(job=number, asked_at=asked_at)


async def work(module: ModuleType, url: str, manner: str) -> None:
    """Work until SIGTERM, then report all begun jobs and exit.

    Nothing is closed at the exit, because the database will be dropped.
    """
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    begun: list[int] = []

    def tell_at_once(number: int) -> None:
        tell(job=number, at=time.monotonic())

    working = asyncio.ensure_future(
        module.work(url, tell_at_once if manner == "tell" else begun.append)
    )
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not stop.is_set():
        with contextlib.suppress(asyncio.CancelledError):
            await working  # raises the error that ended it
        raise SystemExit("the worker ended by itself")
    tell(begun=begun)
    os._exit(0)


ACTIONS: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {
    "prepare": prepare,
    "one": one,
    "bulk": bulk,
    "ping": ping,
    "work": work,
}


if __name__ == "__main__":
    main()
