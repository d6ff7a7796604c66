"""Compute the time between the requests of a task that may use a share of Reddit's budget."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, bindparam, select

from crawljobs.db.tables import reddit_budgets
from crawljobs.domain.request_budget import DEFAULT_REQUESTS_PER_WINDOW, DEFAULT_WINDOW_SECONDS

_budget = reddit_budgets.c
_BUDGET = select(_budget.requests_per_window, _budget.window_seconds).where(
    _budget.client_id == bindparam("client_id")
)
LEAST, MOST = timedelta(seconds=0.1), timedelta(hours=1)


def interval(conn: Connection, *, client_id: str, share: float) -> timedelta:
    """Return the time between requests that use `share` of the budget, from LEAST to MOST."""
    row = conn.execute(_BUDGET, {"client_id": client_id}).one_or_none()
    # The client id has no row until a worker has sent the first request.
    requests, seconds = (
        (DEFAULT_REQUESTS_PER_WINDOW, DEFAULT_WINDOW_SECONDS) if row is None else row
    )
    return min(MOST, max(LEAST, timedelta(seconds=seconds / (requests * share))))
