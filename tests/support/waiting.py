"""Wait for a condition with a deadline, instead of sleeping for a fixed time."""

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
    """Call the predicate every `every` seconds, and return its first true result.

    Raises AssertionError after `timeout` seconds. Its message contains `describe`, which may be a
    function that describes the state at that time.
    """
    deadline = time.monotonic() + timeout
    while True:
        if answer := predicate():
            return answer
        if time.monotonic() > deadline:
            what = describe() if callable(describe) else describe
            raise AssertionError(f"not within {timeout:g} s: {what}")
        time.sleep(every)
