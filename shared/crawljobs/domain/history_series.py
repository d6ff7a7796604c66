"""The numbers that charts show over time, and how the values of several minutes are combined."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Combination(StrEnum):
    """How the values of several minutes become one value."""

    AVERAGE = "average"
    SUM = "sum"
    MAXIMUM = "maximum"
    WEIGHTED = "weighted"  # the average, in which a minute with more events counts more


class ChartStep(StrEnum):
    """The time between two points of a chart, the shortest first."""

    MINUTE = "1m"
    FIVE_MINUTES = "5m"
    QUARTER_HOUR = "15m"
    HOUR = "1h"
    SIX_HOURS = "6h"
    DAY = "1d"

    @property
    def seconds(self) -> int:
        """Return the length of the step in seconds."""
        return _UNIT_SECONDS[self[-1]] * int(self[:-1])


_UNIT_SECONDS = {"m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True)
class Series:
    """A column of a history table. Its name is the name of the series in the API."""

    name: str
    unit: str
    combination: Combination
    text: str
    weight: str = "claims"  # for WEIGHTED: the column with the number of events

    @property
    def is_sum(self) -> bool:
        """Return whether a span without rows has the value 0."""
        return self.combination is Combination.SUM


def _states(unit: str, **texts: str) -> list[Series]:
    return [Series(name, unit, Combination.AVERAGE, text) for name, text in texts.items()]


def _events(unit: str, **texts: str) -> list[Series]:
    return [Series(name, unit, Combination.SUM, text) for name, text in texts.items()]


QUEUE = (
    *_states(
        "jobs",
        waiting="Waiting jobs; counting stops at 100,000.",
        crawling="Running crawls, which are the claims that workers hold.",
        queued_0_24="Queued jobs with a priority below 25; counting stops at 100,000.",
        queued_25_49="Queued jobs with a priority from 25 to 49; counting stops at 100,000.",
        queued_50_74="Queued jobs with a priority from 50 to 74; counting stops at 100,000.",
        queued_75_100="Queued jobs with a priority of 75 or above; counting stops at 100,000.",
    ),
    Series(
        "oldest_queued_seconds",
        "seconds",
        Combination.MAXIMUM,
        "The wait of the oldest queued job; 0 without one.",
    ),
    *_states("processes", workers="Workers with a heartbeat within a minute."),
    *_states("bytes", database_bytes="The size of the database."),
    *_states("rows", dead_rows="Dead rows of the table of jobs."),
    *_events(
        "jobs",
        claims="Jobs that workers claimed. A claim whose job was deferred again is not counted.",
        succeeded="Jobs that succeeded.",
        failed="Jobs that failed for good.",
        cancelled="Jobs that were cancelled.",
    ),
    *_events(
        "ticks",
        ticks_fired="Due times of schedules that led to a job or joined one.",
        ticks_missed="Due times of schedules without a job.",
    ),
    Series(
        "wait_p50_seconds",
        "seconds",
        Combination.WEIGHTED,
        "The median wait of the claimed jobs. Of a longer step: the average of the medians.",
    ),
    Series(
        "wait_p95_seconds",
        "seconds",
        Combination.MAXIMUM,
        "The wait that 95 % of the claimed jobs did not exceed. Of a longer step: the highest "
        "value of a minute.",
    ),
)

BUDGET = (
    *_events(
        "requests",
        requests_user="Requests to Reddit for jobs that people asked for.",
        requests_schedule="Requests to Reddit for jobs of schedules.",
        requests_discovery="Requests to Reddit for discovered subreddits.",
        requests_stale="Requests to Reddit for stale subreddits.",
        requests_upkeep="Requests to Reddit that refresh stored items, without a job.",
        others="Requests of other programs with the same client id. The last minute of a window "
        "can be missing.",
    ),
    *_events(
        "replies",
        throttled="Replies of Reddit with the status 429.",
        failures="Replies with a status of 500 or above, and requests without a reply.",
    ),
    *_events(
        "minutes",
        rate_limited_minutes="Minutes at whose end all workers paused after a 429.",
        outage_minutes="Minutes at whose end all workers paused because of an outage.",
        refused_minutes="Minutes at whose end all workers paused because Reddit refused them.",
    ),
    *_states(
        "requests",
        usable="The requests of a window that workers use: 97 % of Reddit's limit.",
        remaining="The usable requests that are left in the window.",
    ),
)

WEBHOOKS = (
    *_events(
        "attempts",
        attempts="Attempts to deliver webhooks.",
        attempts_failed="Attempts without an answer from 200 to 299.",
    ),
    Series(
        "attempt_p50_ms",
        "milliseconds",
        Combination.WEIGHTED,
        "The median duration of an attempt. Of a longer step: the average of the medians.",
        weight="attempts",
    ),
    Series(
        "attempt_p95_ms",
        "milliseconds",
        Combination.MAXIMUM,
        "The duration that 95 % of the attempts did not exceed. Of a longer step: the highest "
        "value of a minute.",
    ),
)

ALL = (*QUEUE, *BUDGET, *WEBHOOKS)
BY_NAME = {series.name: series for series in ALL}
