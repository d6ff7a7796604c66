"""Gauges with numbers from the database. A request for /metrics reads these numbers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import DBAPIError

from crawljobs import errors
from crawljobs.db import failures
from crawljobs.db.database import Database
from crawljobs.repository import gauges
from crawljobs.repository.gauges import Gauges
from crawljobs.runtime import logs
from crawljobs.runtime.probes import content_gauges, group_gauges, webhook_gauges

log = logs.get_logger(__name__)

# The numbers are kept for this time, so that many requests for /metrics cause few queries.
KEPT_SECONDS = 5.0
BANDS = (0, 10, 20, 30, 40, 50, 60, 70, 80, 90)  # the lowest priority of each band of priorities

# name of the metric: (help text, name of the field of Gauges)
PLAIN = {
    "crawl_queue_oldest_age_seconds": ("Age of the oldest claimable job.", "oldest_queued_seconds"),
    "crawl_job_longest_running_seconds": (
        "Duration of the longest running crawl.",
        "longest_crawl_seconds",
    ),
    "crawl_leases_expired": (
        "Claims with an expired lease that no worker has rescued yet.",
        "expired_leases",
    ),
    "crawl_jobs_waiting_without_cause": (
        "Jobs that still wait more than a minute after the end of their cause.",
        "waiting_without_cause",
    ),
    "crawl_schedule_lag_seconds": (
        "Delay of the schedule that has been due for longest.",
        "schedule_lag_seconds",
    ),
    "crawl_workers_alive": ("Workers with a recent heartbeat.", "workers_alive"),
    "crawl_workers_lost": (
        "Workers that ended or fell silent without a shutdown within the last 15 minutes.",
        "workers_lost",
    ),
    "crawl_work_pending": (
        "1 while a job is queued, is crawled, waits for Reddit, or is due for a retry; else 0.",
        "work_pending",
    ),
    "crawl_schedule_missed_recently": (
        "Due times without a job that were recorded within the last 15 minutes.",
        "missed_ticks",
    ),
    "crawl_db_oldest_xmin_age_seconds": (
        "Age of the oldest transaction that prevents vacuum from removing dead rows.",
        "oldest_xmin_seconds",
    ),
    "crawl_db_dead_tuple_ratio": ("Share of dead rows in crawl_jobs.", "dead_tuple_ratio"),
    "crawl_db_size_bytes": ("Size of the database.", "database_bytes"),
}


class QueueGauges(Collector):
    """The gauges of the queue.

    While the database does not answer, only `crawl_db_up` is shown, because old numbers would
    mislead.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._last: Gauges | None = None

    def describe(self) -> list[Metric]:
        return []  # without `describe`, the registry would call `collect` and query the database

    @property
    def is_database_up(self) -> bool:
        """Whether the database answered the last query for the gauges."""
        return self._last is not None

    def collect(self) -> Iterator[Metric]:
        found = self._current()
        yield GaugeMetricFamily(
            "crawl_db_up",
            "1 if this process could read the gauges from the database, else 0.",
            value=float(found is not None),
        )
        if found is not None:
            yield from _families(found)

    def _current(self) -> Gauges | None:
        with self._lock:
            if time.monotonic() - self._read_at >= KEPT_SECONDS:
                self._last = self._read()
                self._read_at = time.monotonic()
            return self._last

    def _read(self) -> Gauges | None:
        try:
            return self._database.run(gauges.read_gauges)
        except errors.DatabaseUnavailable as error:
            log.warning("gauges.unavailable", reason=str(error))
        except DBAPIError as error:  # a migration may not have added a table or a right yet
            log.warning("gauges.unavailable", reason=failures.describe(error))
        return None


def _families(found: Gauges) -> Iterator[Metric]:
    jobs = GaugeMetricFamily(
        "crawl_jobs", "Jobs by state; live ones up to 100,000 of each.", labels=["state"]
    )
    for state, count in found.jobs.by_status.items():
        jobs.add_metric([state], count)
    yield jobs
    queued = found.jobs.queued_by_priority
    yield GaugeMetricFamily(
        "crawl_queue_depth", "Claimable jobs, up to 100,000.", value=sum(queued.values())
    )
    bands = GaugeMetricFamily(
        "crawl_queued_jobs", "Claimable jobs by priority.", labels=["priority_band"]
    )
    for band, count in by_band(queued).items():
        bands.add_metric([band], count)
    yield bands
    schedules = GaugeMetricFamily("crawl_schedules", "Schedules.", labels=["enabled"])
    schedules.add_metric(["true"], found.enabled_schedules)
    schedules.add_metric(["false"], found.disabled_schedules)
    yield schedules
    yield from group_gauges.families(found.groups)
    yield from webhook_gauges.families(found.webhooks)
    yield from content_gauges.families(found.content_checks)
    for name, (help_text, field) in PLAIN.items():
        yield GaugeMetricFamily(name, help_text, value=getattr(found, field))
    recent = GaugeMetricFamily(
        "crawl_recent_jobs",
        "Results of the newest 100 failed and succeeded jobs of the last day.",
        labels=["outcome"],
    )
    recent.add_metric(["failed"], found.recent_failed)
    recent.add_metric(["succeeded"], found.recent_succeeded)
    yield recent
    if found.last_success_at is not None:
        yield GaugeMetricFamily(
            "crawl_last_success_timestamp_seconds",
            "Time when the last successful job finished.",
            value=found.last_success_at,
        )
    paused = GaugeMetricFamily(
        "crawl_reddit_paused",
        "1 for the reason for which all workers pause, else 0.",
        labels=["reason"],
    )
    for reason, is_paused in found.paused.items():
        paused.add_metric([reason], float(is_paused))
    yield paused
    if found.reddit_budget_remaining is not None:
        yield GaugeMetricFamily(
            "crawl_reddit_budget_remaining",
            "Remaining requests to Reddit in this window; a pause does not change them.",
            value=found.reddit_budget_remaining,
        )


def by_band(queued: dict[int, int]) -> dict[str, int]:
    """Return the number of jobs in each band of ten priorities. The last band includes 100."""
    counts = {_band(lowest): 0 for lowest in BANDS}
    for priority, count in queued.items():
        counts[_band(min(priority // 10 * 10, BANDS[-1]))] += count
    return counts


def _band(lowest: int) -> str:
    return f"{lowest}-{100 if lowest == BANDS[-1] else lowest + 9}"
