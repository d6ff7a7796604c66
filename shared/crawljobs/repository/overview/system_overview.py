"""Read the state of the whole system at a limited cost, and decide what needs attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from crawljobs.domain import attention
from crawljobs.domain.attention import COUNT_MAX, Attention, AttentionFacts
from crawljobs.domain.attention_table import CONDITIONS
from crawljobs.domain.budget_state import ClientBudget
from crawljobs.domain.group import StepState
from crawljobs.domain.job import Job, JobStatus, WaitReason
from crawljobs.domain.job_filter import JobFilter
from crawljobs.domain.queue_stats import RecentJobs
from crawljobs.domain.request_budget import REFUSED
from crawljobs.domain.webhook_totals import EndpointCondition
from crawljobs.repository import gauges
from crawljobs.repository.gauges import Gauges
from crawljobs.repository.overview import (
    attention_numbers,
    live_processes,
    next_schedules,
    recent_failures,
)
from crawljobs.repository.overview.attention_numbers import AttentionNumbers
from crawljobs.repository.overview.live_processes import LiveProcesses
from crawljobs.repository.overview.next_schedules import NextSchedule
from crawljobs.repository.overview.recent_failures import RecentFailures
from crawljobs.repository.queue import job_list, job_stats, queue_pauses
from crawljobs.repository.queue.queue_pauses import Pause
from crawljobs.repository.reddit_api import budget_overview

# Each search for jobs that wait without a cause reads at most this number of jobs.
WAITS_SEARCHED = 1_000
RUNNING_SHOWN = 20
PAUSES_READ = 500
CLIENTS_SHOWN = 10


@dataclass(frozen=True)
class SystemOverview:
    """The state of the system at the time `now`. Each list has a limit."""

    now: datetime
    facts: AttentionFacts
    attention: Sequence[Attention]
    gauges: Gauges
    recent: RecentJobs
    numbers: AttentionNumbers
    running: Sequence[Job]
    failures: RecentFailures
    next_schedules: Sequence[NextSchedule]
    pauses: Sequence[Pause]  # at most PAUSES_READ pauses
    clients: Sequence[ClientBudget]
    waiting_for_reddit: dict[WaitReason, int]
    waiting_at_least: bool
    processes: Sequence[LiveProcesses]

    def alive(self, role: str) -> int:
        """Return the number of live processes of a service."""
        return sum(each.processes for each in self.processes if each.role == role)


def read_overview(
    conn: Connection, *, promised_share: float = 0.0, now: datetime | None = None
) -> SystemOverview:
    """Return the overview.

    `promised_share` is the number of requests of all schedules, as a share of Reddit's budget.
    """
    numbers = attention_numbers.read_numbers(conn, now=now)
    found = gauges.read_gauges(
        conn,
        now=now,
        schedules_at_most=COUNT_MAX,
        jobs_at_most=COUNT_MAX,
        waits_at_most=WAITS_SEARCHED,
    )
    processes = live_processes.count_alive(conn, now=now)
    waiting, at_least = budget_overview.count_waiting(conn)
    crawling = JobFilter(statuses=frozenset({JobStatus.CRAWLING}))
    facts = facts_of(found, numbers, processes, promised_share=promised_share)
    return SystemOverview(
        now=numbers.now,
        facts=facts,
        attention=attention.find(CONDITIONS, facts),
        gauges=found,
        recent=job_stats.recent_jobs(conn, now=now),
        numbers=numbers,
        running=job_list.list_jobs(conn, filters=crawling, limit=RUNNING_SHOWN).jobs,
        failures=recent_failures.newest_failures(conn, now=now),
        next_schedules=next_schedules.next_due(conn),
        pauses=queue_pauses.list_pauses(conn, limit=PAUSES_READ, now=now),
        clients=budget_overview.list_clients(conn, now=numbers.now, limit=CLIENTS_SHOWN),
        waiting_for_reddit=waiting,
        waiting_at_least=at_least,
        processes=processes,
    )


def facts_of(
    found: Gauges,
    numbers: AttentionNumbers,
    processes: Sequence[LiveProcesses],
    *,
    promised_share: float,
) -> AttentionFacts:
    """Return the facts that decide which conditions hold."""
    paused = {reason for reason, is_paused in found.paused.items() if is_paused}
    endpoints = found.webhooks.endpoints
    schedulers = sum(each.processes for each in processes if each.role == "scheduler")
    return AttentionFacts(
        queued_jobs=found.jobs.by_status[JobStatus.QUEUED],
        oldest_queued_seconds=found.oldest_queued_seconds,
        recent_failed=int(found.recent_failed),
        recent_succeeded=int(found.recent_succeeded),
        without_success_seconds=_without_success(found, numbers),
        longest_crawl_seconds=found.longest_crawl_seconds,
        expired_leases=numbers.expired_leases,
        waiting_without_cause=int(found.waiting_without_cause),
        workers_alive=int(found.workers_alive),
        workers_lost=int(found.workers_lost),
        schedulers_alive=schedulers,
        versions=len({each.version for each in processes}),
        missed_ticks=int(found.missed_ticks),
        schedule_lag_seconds=found.schedule_lag_seconds,
        broken_schedules=numbers.broken_schedules,
        held_steps=found.groups.steps[StepState.HELD],
        oldest_pending_step_seconds=found.groups.oldest_pending_seconds or 0.0,
        failed_operations=numbers.failed_operations,
        oldest_undelivered_seconds=found.webhooks.oldest_undelivered_seconds,
        disabled_endpoints=endpoints[EndpointCondition.GONE] + endpoints[EndpointCondition.FAILING],
        oldest_transaction_seconds=max(found.oldest_xmin_seconds, numbers.published_horizon),
        dead_rows=numbers.dead_rows,
        dead_row_share=found.dead_tuple_ratio,
        reddit_refused=bool(paused & REFUSED),
        reddit_paused=bool(paused - REFUSED),
        recently_throttled=numbers.recently_throttled,
        promised_share=promised_share,
        subreddits_with_gaps=numbers.subreddits_with_gaps,
        unchecked_intervals=_unchecked_intervals(found),
        is_paused=numbers.is_paused,
    )


def _unchecked_intervals(found: Gauges) -> float:
    checks = found.content_checks
    return 0.0 if checks is None else checks.unchecked_seconds / checks.interval_seconds


def _without_success(found: Gauges, numbers: AttentionNumbers) -> float:
    """Return for how many seconds jobs have been pending while no job succeeded.

    Jobs have been pending at least since the oldest pending job was created.
    """
    if not found.work_pending:
        return 0.0
    pending = max(
        found.oldest_queued_seconds, found.longest_crawl_seconds, numbers.oldest_wait_seconds
    )
    if found.last_success_at is None:
        return pending
    return max(0.0, min(pending, numbers.now.timestamp() - found.last_success_at))
