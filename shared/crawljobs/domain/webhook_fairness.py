"""Divide the senders among the endpoints, so that a slow endpoint delays only itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

PER_ENDPOINT = 4  # limit of the attempts of one endpoint at the same time
IN_ALL = 32  # limit of the attempts of one process at the same time
# All slow endpoints together get at most half of the senders. The others stay for fast endpoints.
SLOW_IN_ALL = 16
SLOW_SECONDS = 2.0  # an endpoint whose attempts take longer on average is slow


@dataclass(frozen=True)
class DueEndpoint:
    """An endpoint with due deliveries.

    - `running`: the number of its present attempts in all processes.
    - `due`: the number of its due deliveries, at most PER_ENDPOINT.
    - `failing`: no attempt succeeded since its last failure.
    """

    id: int
    running: int
    due: int
    failing: bool


def shares(
    endpoints: Sequence[DueEndpoint],
    *,
    free: int,
    slow_running: int,
    seconds_of: Callable[[int], float],
) -> dict[int, int]:
    """Return how many deliveries to claim for each endpoint, at most `free` in all.

    `slow_running` is the number of attempts of slow endpoints in this process. `seconds_of` returns
    the mean duration of an endpoint's attempts. Endpoints take turns, the fast ones first.
    """
    fast = [each for each in endpoints if seconds_of(each.id) < SLOW_SECONDS]
    slow = [each for each in endpoints if seconds_of(each.id) >= SLOW_SECONDS]
    slow.sort(key=lambda each: seconds_of(each.id))
    fast.sort(key=lambda each: each.failing)
    given = _in_turns(fast, free)
    left = min(free - sum(given.values()), max(0, SLOW_IN_ALL - slow_running))
    return given | _in_turns(slow, left)


def _in_turns(endpoints: Sequence[DueEndpoint], free: int) -> dict[int, int]:
    """Give the free places to the endpoints in turns: each endpoint gets one place in each turn."""
    given: dict[int, int] = {}
    for turn in range(PER_ENDPOINT):
        for each in endpoints:
            if free > 0 and turn < min(each.due, PER_ENDPOINT - each.running):
                given[each.id] = turn + 1
                free -= 1
    return given
