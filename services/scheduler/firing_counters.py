"""Count the results of due schedules in the metrics, after their transaction has committed."""

from __future__ import annotations

from crawljobs.domain.job import JobSource
from crawljobs.domain.schedule import RunOutcome
from crawljobs.runtime import metrics
from scheduler.firing_results import Disabled, Fired

DISABLED = "disabled"


def count(result: Fired | Disabled) -> None:
    """Count the committed result of one due schedule in the metrics."""
    metrics.count_missed(result.missed)
    if isinstance(result, Disabled):
        metrics.schedule_ticks.labels(DISABLED).inc()
        return
    if result.outcome is None:
        return  # the ledger already had this due time, so the due time was counted before
    metrics.schedule_ticks.labels(result.outcome).inc()
    metrics.schedule_missed.inc(result.outcome is RunOutcome.SKIPPED)
    if result.enqueued is not None:
        metrics.jobs_enqueued.labels(JobSource.SCHEDULE, result.enqueued.result).inc()
    if result.has_fired:
        metrics.schedule_delay.observe(max(0.0, result.late.total_seconds()))
