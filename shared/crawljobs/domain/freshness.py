"""The freshness of a subreddit: the age of its last crawl, compared with the wanted interval."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

# Limits of the age of the last crawl, divided by the wanted interval. DUE begins at the first
# limit. LATE and VERY_LATE begin above the other two limits.
DUE_FROM, LATE_FROM, VERY_LATE_FROM = 1.0, 1.5, 3.0


class Lateness(StrEnum):
    """A class of subreddits by their freshness."""

    FRESH = "fresh"  # the next crawl is not due
    DUE = "due"
    LATE = "late"  # the age is above 1.5 wanted intervals
    VERY_LATE = "very_late"  # the age is above 3 wanted intervals
    NEVER = "never"  # the subreddit was never crawled
    UNPLANNED = "unplanned"  # no next crawl is planned; a crawl runs only on request


@dataclass(frozen=True)
class Freshness:
    """The class of a subreddit, and the numbers from which the class follows.

    `ratio` is the age of the last crawl, divided by the wanted interval.
    """

    lateness: Lateness
    wanted_seconds: float | None
    ratio: float | None


def freshness(
    *, last_crawled_at: datetime | None, next_crawl_at: datetime | None, now: datetime
) -> Freshness:
    """Return the freshness. The wanted interval is the time from the last crawl to the next."""
    if last_crawled_at is None:
        return Freshness(Lateness.NEVER, None, None)
    if next_crawl_at is None:
        return Freshness(Lateness.UNPLANNED, None, None)
    wanted = (next_crawl_at - last_crawled_at).total_seconds()
    if wanted <= 0:  # an operator or a restore changed a time; only the due time counts
        return Freshness(Lateness.DUE if next_crawl_at <= now else Lateness.FRESH, None, None)
    ratio = max(0.0, (now - last_crawled_at).total_seconds() / wanted)
    return Freshness(_class_of(ratio), wanted, ratio)


def _class_of(ratio: float) -> Lateness:
    if ratio < DUE_FROM:
        return Lateness.FRESH
    if ratio <= LATE_FROM:
        return Lateness.DUE
    return Lateness.LATE if ratio <= VERY_LATE_FROM else Lateness.VERY_LATE
