"""Estimate how many requests the live jobs need, and when the last request will be sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from crawljobs.domain.budget_state import BudgetState, ClientBudget
from crawljobs.domain.schedule_limit import DEFAULT_REQUESTS_PER_CRAWL

LONGEST = timedelta(days=366)  # a forecast for a longer time is not shown


@dataclass(frozen=True)
class LiveDemand:
    """The live jobs and the requests that the running crawls have sent."""

    live_jobs: int
    at_least: bool  # more jobs may be live, because counting stopped at a limit
    sent_by_running: int
    requests_per_crawl: float | None  # the average of recent crawls; None without recent crawls


@dataclass(frozen=True)
class Forecast:
    """The requests that the live jobs still need.

    `empty_at` is the time at which the last request is expected.
    """

    live_jobs: int
    at_least: bool
    requests_per_crawl: float
    wanted_requests: int
    empty_at: datetime | None


def forecast(
    demand: LiveDemand,
    clients: Sequence[ClientBudget],
    *,
    now: datetime,
    paused: bool = False,
    paused_until: datetime | None = None,
) -> Forecast:
    """Return the forecast. It assumes that the workers use the full budget of each client id.

    `paused` is true during a pause of the whole queue, which ends at `paused_until`. `empty_at` of
    the forecast is None if:
    - the number of live jobs is unknown (`demand.at_least`), or
    - the whole queue, or each client id in use, is paused without a known end, or
    - no client id is in use, or
    - the requests would take longer than LONGEST.
    """
    average = demand.requests_per_crawl
    each = DEFAULT_REQUESTS_PER_CRAWL if average is None else average
    wanted = max(0, round(demand.live_jobs * each) - demand.sent_by_running)
    return Forecast(
        live_jobs=demand.live_jobs,
        at_least=demand.at_least,
        requests_per_crawl=each,
        wanted_requests=wanted,
        empty_at=None
        if demand.at_least or (paused and paused_until is None)
        else _end(wanted, clients, start=max(now, paused_until or now)),
    )


def _end(wanted: int, clients: Sequence[ClientBudget], *, start: datetime) -> datetime | None:
    """Return when the clients have sent the wanted requests. None: unknown."""
    used = [each for each in clients if each.in_use]
    if not used:
        return None
    rates = []
    for each in used:
        width = (each.window_ends_at - each.window_started_at).total_seconds()
        begins = max(start, each.paused_until or start)
        known = each.state is not BudgetState.PAUSED or each.paused_until is not None
        if known and width > 0:
            rates.append((begins, each.usable / width))
    if not rates:
        return None
    # The estimate assumes that all clients begin when the first client may begin. In fact, a client
    # with a longer pause begins later, so the requests may end a little later.
    begins = min(begin for begin, _ in rates)
    seconds = wanted / sum(rate for _, rate in rates)
    return begins + timedelta(seconds=seconds) if seconds <= LONGEST.total_seconds() else None
