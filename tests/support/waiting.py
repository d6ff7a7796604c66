"""Waiting for a condition with a deadline, instead of sleeping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
CHECK_SECONDS = 0.01


def wait_until(
    predicate: Callable[[], T],
    *,
    timeout: float,
    describe: str | Callable[[], object],
    every: float = CHECK_SECONDS,
) -> T:
    """The predicate's first true answer; past the deadline an AssertionError says what was awaited.

    `describe` may be a function, called at the deadline, to tell what there was instead. `every`
    so many seconds the predicate is asked.
    """
    deadline = time.monotonic() + timeout
    while True:
        if answer := predicate():
            return answer
        if time.monotonic() > deadline:
            what = describe() if callable(describe) else describe
            raise AssertionError(f"not within {timeout:g} s: {what}")
        time.sleep(every)
