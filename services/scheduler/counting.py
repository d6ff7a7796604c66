"""Counts what became of due schedules, after it was committed."""

from __future__ import annotations

from crawljobs import metrics
from crawljobs.domain.job import JobSource
from crawljobs.domain.schedule import RunOutcome
from crawljobs.repository.schedule_firing import Disabled, Fired

DISABLED = "disabled"


def count(result: Fired | Disabled) -> None:
    if isinstance(result, Disabled):
        metrics.schedule_ticks.labels(DISABLED).inc()
        return
    missed = sum(ticks.count for ticks in result.firing.missed)
    metrics.schedule_ticks.labels(RunOutcome.MISSED).inc(missed)
    if result.outcome is None:
        return  # another scheduler dealt with it before, and counted it
    metrics.schedule_ticks.labels(result.outcome).inc()
    skipped = result.outcome is RunOutcome.SKIPPED
    metrics.schedule_missed.inc(missed + skipped)
    if result.enqueued is not None:
        metrics.jobs_enqueued.labels(JobSource.SCHEDULE, result.enqueued.result).inc()
        metrics.schedule_delay.observe(max(0.0, result.late.total_seconds()))
