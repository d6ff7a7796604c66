"""Divide the senders among the endpoints, so that a slow endpoint delays only itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

PER_ENDPOINT = 4  # limit of the simultaneous attempts of one endpoint
IN_ALL = 32  # limit of the simultaneous attempts of one process
# All slow endpoints together get at most half of the senders. Other endpoints get the rest.
SLOW_IN_ALL = 16
# An endpoint is new until the first attempt to deliver to the endpoint has ended. Each process
# reserves this number of senders for fast endpoints. Otherwise new endpoints that hang could occupy
# all senders.
KEPT_FOR_PROVEN = 4
SLOW_SECONDS = 2.0  # seconds; an endpoint whose attempts take longer on average is slow


@dataclass(frozen=True)
class DueEndpoint:
    """An endpoint with due deliveries.

    - `running`: the number of attempts that run now, in all processes.
    - `due`: the number of its due deliveries, at most PER_ENDPOINT.
    - `failing`: no attempt succeeded since its last failure.
    - `proven`: an attempt succeeded, and none has failed since.
    """

    id: int
    running: int
    due: int
    failing: bool
    proven: bool = True


def shares(
    endpoints: Sequence[DueEndpoint],
    *,
    free: int,
    slow_running: int,
    new_running: int = 0,
    seconds_of: Callable[[int], float],
) -> dict[int, int]:
    """Return how many deliveries to claim for each endpoint, at most `free` in all.

    - `slow_running`, `new_running`: the numbers of attempts of slow endpoints and of new endpoints
      that run in this process.
    - `seconds_of`: returns the mean duration of an endpoint's attempts, or 0 if no attempt ended.

    Fast endpoints get their shares first, then new endpoints, then slow endpoints.
    """
    new = [each for each in endpoints if not each.proven and seconds_of(each.id) == 0]
    quick = [each for each in endpoints if seconds_of(each.id) < SLOW_SECONDS]
    fast = [each for each in quick if each not in new]
    slow = [each for each in endpoints if seconds_of(each.id) >= SLOW_SECONDS]
    slow.sort(key=lambda each: seconds_of(each.id))
    fast.sort(key=lambda each: each.failing)
    given = _in_turns(fast, free)
    free -= sum(given.values())
    free = max(0, min(free, IN_ALL - KEPT_FOR_PROVEN - slow_running - new_running))
    of_new = _in_turns(new, free)
    free -= sum(of_new.values())
    return given | of_new | _in_turns(slow, min(free, max(0, SLOW_IN_ALL - slow_running)))


def _in_turns(endpoints: Sequence[DueEndpoint], free: int) -> dict[int, int]:
    """Give the free places to the endpoints in turns: each endpoint gets one place in each turn."""
    given: dict[int, int] = {}
    for turn in range(PER_ENDPOINT):
        for each in endpoints:
            if free > 0 and turn < min(each.due, PER_ENDPOINT - each.running):
                given[each.id] = turn + 1
                free -= 1
    return given
