"""Metrics of the API. A job change is counted only after its transaction has committed."""

from __future__ import annotations

from collections.abc import Iterable

from admin_api.schemas.problem_kinds import KINDS
from crawljobs.db import after_commit
from crawljobs.db.database import Connection
from crawljobs.domain.job import FINAL, Enqueued, JobSource
from crawljobs.repository.queue.operator_changes import JobChange
from crawljobs.runtime import metrics

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
NO_ROUTE = "none"

# Each counter of problems starts at zero. Otherwise Prometheus does not count the first problem of
# a kind as an increase.
for _code in KINDS:
    metrics.api_refusals.labels(_code)


def enqueued(conn: Connection, results: Iterable[Enqueued], source: JobSource) -> None:
    for result in results:
        after_commit.register(conn, metrics.jobs_enqueued.labels(source, result.result).inc)


def finished(conn: Connection, changes: Iterable[JobChange]) -> None:
    """At the commit of the transaction, count the jobs that an operator cancelled or gave up."""
    for change in changes:
        before, after = change.before, change.after
        if change.error is None and before and after and after.status in FINAL - {before.status}:
            after_commit.register(conn, metrics.jobs_finished.labels(after.status).inc)


def refused(reason: str) -> None:
    metrics.api_auth_failures.labels(reason).inc()


def refused_change(code: str) -> None:
    metrics.api_refusals.labels(code).inc()


def throttled(reason: str) -> None:
    metrics.api_throttled.labels(reason).inc()


def observe_request(*, route: str | None, method: str, status: int, seconds: float) -> None:
    metrics.http_request_duration.labels(
        route or NO_ROUTE, metrics.bounded(method, METHODS), str(status)
    ).observe(seconds)
