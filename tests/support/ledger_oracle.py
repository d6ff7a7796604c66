"""Check a schedule's ledger (its past due times) against due times from the calendar alone."""

import bisect
import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from crawljobs.domain.schedule import LISTED_ONE_BY_ONE, ON_TIME

FIRED = {"enqueued", "merged"}


def late_allowed(policy: str, deadline_seconds: int | None) -> timedelta | None:
    """Return how late a due time may fire: the deadline, or 5 minutes for `skip`, or no limit."""
    if deadline_seconds is not None:
        return timedelta(seconds=deadline_seconds)
    return ON_TIME if policy == "skip" else None


def check_ledger(
    runs: Sequence[dict[str, Any]], due: Sequence[datetime], *, allowed: timedelta | None
) -> None:
    """Assert that the ledger is correct.

    `runs` are the schedule's ledger rows in the order of due times. `due` are the correct due times
    so far.
    """
    told = list(itertools.chain.from_iterable(_ticks(run, due) for run in runs))
    assert told == list(due), "each due time once: none missing, none double"
    for fired_at, group in itertools.groupby(runs, key=lambda run: run["fired_at"]):
        *missed, latest = group
        assert latest["due_at"] == due[bisect.bisect_right(due, fired_at) - 1], "the latest fires"
        assert all(run["outcome"] == "missed" for run in missed)
        in_time = allowed is None or fired_at - latest["due_at"] <= allowed
        assert (latest["outcome"] in FIRED) == in_time, latest
        assert in_time or latest["outcome"] == "skipped", latest
        assert (latest["job_id"] is not None) == in_time
        if any(run["ticks"] > 1 for run in missed):
            assert [run["ticks"] > LISTED_ONE_BY_ONE for run in missed] == [True], (
                "one row for many"
            )
        else:
            assert len(missed) <= LISTED_ONE_BY_ONE


def _ticks(run: dict[str, Any], due: Sequence[datetime]) -> Sequence[datetime]:
    if run["due_until"] is None:
        assert run["ticks"] == 1
        return [run["due_at"]]
    first, last = bisect.bisect_left(due, run["due_at"]), bisect.bisect_left(due, run["due_until"])
    assert run["ticks"] == last - first + 1
    return due[first : last + 1]
