"""Estimates the requests that all enabled schedules need a day, at most once a minute."""

from __future__ import annotations

from admin_api.http import state
from crawljobs.domain.schedule_limit import Quota
from crawljobs.repository.schedules import schedule_quota

KEPT_SECONDS = 60.0  # the time for which a process keeps the estimate


def quota() -> Quota:
    """Return the requests of all schedules and Reddit's budget, both for one day."""
    return state.current().shared.get("schedule_demand", _estimate, seconds=KEPT_SECONDS)


def promised_share() -> float:
    """Return the requests of all schedules, as a share of Reddit's budget."""
    found = quota()
    return found.estimated_requests_per_day / max(1, found.daily_request_budget)


def _estimate() -> Quota:
    with state.current().database.read() as conn:
        return schedule_quota.estimate(conn)
